//! The memory of the worker. Nothing stays of a text that was freed.

use std::alloc::{GlobalAlloc, Layout, System};

/// Wipes texts when they are freed. Stanzas that are spliced, parsed or put in a body of BOSH are copied
/// here, and those copies must not outlive the session.
struct Wiping;

#[global_allocator]
static MEMORY: Wiping = Wiping;

// Without a `realloc` of its own: that of the trait frees, and so wipes, what has moved.
#[allow(unsafe_code, reason = "the trait is; the promises of its callers are handed on")]
unsafe impl GlobalAlloc for Wiping {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // Whatever is aligned is no text.
        if layout.align() == 1 {
            unsafe { at.write_bytes(0, layout.size()) };
        }
        unsafe { System.dealloc(at, layout) };
    }
}
