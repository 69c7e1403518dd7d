//! Another Rust static library, for the test that two link and run side by side.

use std::panic::catch_unwind;

/// Uses the allocator, the formatter and the unwinder: what both libraries bring along.
#[unsafe(no_mangle)]
pub extern "C" fn other_library_answer() -> i32 {
    let words: Vec<String> = (0..3).map(|n| format!("{n}")).collect();
    let caught = catch_unwind(|| if words.len() == 3 { std::panic::resume_unwind(Box::new(42)) });
    caught.err().and_then(|payload| payload.downcast_ref::<i32>().copied()).unwrap_or(-1)
}
