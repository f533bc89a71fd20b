//! Keys leave no copies behind. What is moved stays where it lay until something else is written there, so keys
//! live in boxes, where they are cleared when dropped, and the stack on which they were made is written over.

/// Bytes of the stack that are written over; making a key takes less.
const DEPTH: usize = 12 * 1024;

/// Calls `make`, whose result holds its secrets in boxes, and writes over the stack that it took.
pub(crate) fn made_apart<T>(make: impl FnOnce() -> T) -> T {
    let made = call(make);
    write_over();
    made
}

#[inline(never)]
fn call<T>(make: impl FnOnce() -> T) -> T {
    make()
}

#[inline(never)]
fn write_over() {
    let mut below = [0u8; DEPTH];
    core::hint::black_box(&mut below);
}
