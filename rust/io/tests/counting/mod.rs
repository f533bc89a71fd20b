//! An allocator that counts what each thread asks of it. It is that of a test which has this module.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

thread_local! {
    static ALLOCATED: Cell<u64> = const { Cell::new(0) };
    static IN_USE: Cell<i64> = const { Cell::new(0) };
}

static ALLOCATED_BY_ALL: AtomicU64 = AtomicU64::new(0);
static IN_USE_BY_ALL: AtomicI64 = AtomicI64::new(0);

struct Counting;

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATED.try_with(|count| count.set(count.get() + 1));
        ALLOCATED_BY_ALL.fetch_add(1, Ordering::Relaxed);
        let _ = IN_USE.try_with(|bytes| bytes.set(bytes.get() + layout.size() as i64));
        IN_USE_BY_ALL.fetch_add(layout.size() as i64, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        let _ = IN_USE.try_with(|bytes| bytes.set(bytes.get() - layout.size() as i64));
        IN_USE_BY_ALL.fetch_sub(layout.size() as i64, Ordering::Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often this thread has asked for memory.
#[allow(dead_code, reason = "not every test asks for it")]
pub fn allocated() -> u64 {
    ALLOCATED.get()
}

/// How often all threads have.
#[allow(dead_code, reason = "not every test asks for it")]
pub fn allocated_by_all() -> u64 {
    ALLOCATED_BY_ALL.load(Ordering::Relaxed)
}

/// The bytes that this thread has asked for and not given back.
#[allow(dead_code, reason = "not every test asks for it")]
pub fn in_use() -> i64 {
    IN_USE.get()
}

/// The bytes that all threads have.
#[allow(dead_code, reason = "not every test asks for it")]
pub fn in_use_by_all() -> i64 {
    IN_USE_BY_ALL.load(Ordering::Relaxed)
}
