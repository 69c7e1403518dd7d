//! What a fork does to a segment: the child is another process, with a slot of its own.
//!
//! Its first act closes the descriptors whose locks say that the parent is alive; everything else
//! happens when the child first uses the segment.

use super::map;
use crate::sync::{AtomicUsize, OnceLock, Ordering, RwLock};
use rustix::fd::{AsFd, AsRawFd, IntoRawFd, OwnedFd};
use std::cell::RefCell;

/// Segments that one process can be attached to at once.
const PLACES: usize = 1024;

/// Descriptors to be closed in a child, plus one; 0 is a free place.
static OPEN: [AtomicUsize; PLACES] = [const { AtomicUsize::new(0) }; PLACES];
/// How many forks lie between the first process and this one.
static FORKS: AtomicUsize = AtomicUsize::new(0);
/// Held for writing while a fork happens, for reading by who must not be cut in two by it.
static STEADY: RwLock<()> = RwLock::new(());

thread_local! {
    static FORKING: RefCell<Option<Guard>> = const { RefCell::new(None) };
}

type Guard = crate::sync::WriteGuard<'static, ()>;

/// No fork happens while `act` runs. For short work without a lock around it.
pub(crate) fn steady<R>(act: impl FnOnce() -> R) -> R {
    let _steady = STEADY.read();
    act()
}

/// A number that is another in a forked child.
pub(crate) fn count() -> usize {
    FORKS.load(Ordering::Acquire)
}

/// Registers the handlers, once.
fn watch() -> Result<(), String> {
    static WATCHED: OnceLock<Result<(), String>> = OnceLock::new();
    let registered = || map::at_fork(before, in_parent, in_child).map_err(|error| format!("no fork handler: {error}"));
    WATCHED.get_or_init(registered).clone()
}

extern "C" fn before() {
    let guard = STEADY.write();
    let _ = FORKING.try_with(|forking| *forking.borrow_mut() = Some(guard));
}

extern "C" fn in_parent() {
    let _ = FORKING.try_with(|forking| forking.borrow_mut().take());
}

/// Only what a child of a process with many threads may do: nothing that another thread could have
/// been in the middle of.
extern "C" fn in_child() {
    for place in &OPEN {
        let open = place.load(Ordering::Acquire);
        if open > 0 {
            place.store(0, Ordering::Release);
            map::close_inherited((open - 1) as i32);
        }
    }
    super::writers::forget_own();
    FORKS.fetch_add(1, Ordering::AcqRel);
    let _ = FORKING.try_with(|forking| forking.borrow_mut().take());
}

/// A descriptor that holds a lock, known to the handlers.
pub(crate) struct LockFile {
    descriptor: Option<OwnedFd>,
    place: usize,
    forks: usize,
}

impl LockFile {
    pub(crate) fn new(descriptor: OwnedFd) -> Result<LockFile, String> {
        watch()?;
        let entry = descriptor.as_raw_fd() as usize + 1;
        let free = |place: &AtomicUsize| place.compare_exchange(0, entry, Ordering::AcqRel, Ordering::Relaxed).is_ok();
        let place = OPEN.iter().position(free).ok_or(format!("this process alone uses {PLACES} segments"))?;
        Ok(LockFile { descriptor: Some(descriptor), place, forks: count() })
    }

    pub(crate) fn take(&self, offset: u64) -> std::io::Result<bool> {
        match &self.descriptor {
            Some(descriptor) => map::lock_byte(descriptor.as_fd(), offset),
            None => Ok(false),
        }
    }
}

impl Drop for LockFile {
    fn drop(&mut self) {
        if self.forks == count() {
            OPEN[self.place].store(0, Ordering::Release);
        } else if let Some(descriptor) = self.descriptor.take() {
            // Closed already, in the first moment of this process.
            let _ = descriptor.into_raw_fd();
        }
    }
}
