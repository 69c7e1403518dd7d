//! Which tally line a thread writes.

use crate::sync::{AtomicUsize, Ordering};
use std::cell::Cell;

#[cfg(not(loom))]
static NEXT: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static MINE: Cell<Option<usize>> = const { Cell::new(None) };
}

/// A small number of the calling thread: threads that come one after another get different ones,
/// so that few of them share a line.
#[cfg(not(loom))]
pub(crate) fn writer_index() -> usize {
    MINE.with(|mine| match mine.get() {
        Some(index) => index,
        None => {
            // Relaxed: the numbers need be spread, not ordered.
            let index = NEXT.fetch_add(1, Ordering::Relaxed);
            mine.set(Some(index));
            index
        }
    })
}

/// Under the model checker threads are numbered by the test, to keep the number of states down.
#[cfg(loom)]
pub(crate) fn writer_index() -> usize {
    let _ = (AtomicUsize::new, Ordering::Relaxed);
    MINE.with(|mine| mine.get().unwrap_or(0))
}
