//! What happens around a fork of this process.

use crate::segment;
use crate::sync::{OnceLock, Ordering, fixed::AtomicUsize};

/// How many forks lie between the first process and this one.
static FORKS: AtomicUsize = AtomicUsize::new(0);

/// A number that is another in a forked child.
#[inline]
pub(crate) fn count() -> usize {
    // Relaxed: changed only while one thread runs.
    FORKS.load(Ordering::Relaxed)
}

/// Has the handlers run around every fork from now on; registered once.
pub(crate) fn watch() -> Result<(), String> {
    static WATCHED: OnceLock<Result<(), String>> = OnceLock::new();
    let registered =
        || segment::at_fork(before, in_parent, in_child).map_err(|error| format!("no fork handler: {error}"));
    WATCHED.get_or_init(registered).clone()
}

extern "C" fn before() {}

extern "C" fn in_parent() {}

/// Only what a child of a process with many threads may do.
extern "C" fn in_child() {
    segment::forked();
    FORKS.fetch_add(1, Ordering::AcqRel);
}
