//! Asks the processor for memory that is needed soon.
//!
//! A clock thread comes by a connection every 20 ms, and by then all of it is cold: some fifty cache lines, most of
//! which it only finds one behind the other. While it works on one connection the next ones' can be on their way.

#![no_std]

/// Bytes that the processor fetches at a time.
const LINE: usize = 64;

/// Has all of a value fetched.
#[inline]
pub fn prefetch<T: ?Sized>(value: &T) {
    lines(core::ptr::from_ref(value).cast(), size_of_val(value));
}

/// Has the first bytes of a value fetched.
#[inline]
pub fn prefetch_front<T>(value: &T, bytes: usize) {
    lines(core::ptr::from_ref(value).cast(), bytes.min(size_of::<T>()));
}

#[inline]
fn lines(start: *const u8, bytes: usize) {
    let offset = start.addr() % LINE;
    for line in 0..(offset + bytes).div_ceil(LINE) {
        hint(start.wrapping_sub(offset).wrapping_add(line * LINE));
    }
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn hint(line: *const u8) {
    use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: it is a hint; whatever the address, nothing is read into the program and nothing faults. Every processor
    // of this architecture knows it.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(line.cast()) };
}

#[cfg(target_arch = "aarch64")]
#[inline]
fn hint(line: *const u8) {
    // SAFETY: as above.
    unsafe {
        core::arch::asm!("prfm pldl1keep, [{0}]", in(reg) line, options(nostack, preserves_flags, readonly));
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
#[inline]
fn hint(_: *const u8) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_value_can_be_asked_for() {
        let values = [7_u64; 100];
        prefetch(&values);
        prefetch(&values[1..3]);
        prefetch(&values[..0]);
        prefetch(&());
        prefetch_front(&values, 1 << 20);
        assert_eq!(values, [7; 100]);
    }
}
