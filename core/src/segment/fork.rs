//! Descriptors whose locks say that a process is alive: a forked child closes them at once.

use super::map;
use crate::fork;
use crate::sync::{Mutex, OnceLock, Ordering, fixed::AtomicUsize};
use rustix::fd::{AsFd, AsRawFd, IntoRawFd, OwnedFd};

/// Segments that one process can be attached to at once.
const PLACES: usize = 1024;

/// Descriptors to be closed in a child, plus one; 0 is a free place.
static OPEN: [AtomicUsize; PLACES] = [const { AtomicUsize::new(0) }; PLACES];

/// Only what a child of a process with many threads may do.
pub(crate) fn close_inherited() {
    for place in &OPEN {
        let open = place.swap(0, Ordering::AcqRel);
        if open > 0 {
            map::close_inherited((open - 1) as i32);
        }
    }
}

/// A descriptor that holds a lock, known to the handler of forks.
pub(crate) struct LockFile {
    descriptor: Option<OwnedFd>,
    place: usize,
    forks: usize,
}

impl LockFile {
    pub(crate) fn new(descriptor: OwnedFd) -> Result<LockFile, String> {
        fork::watch()?;
        let entry = descriptor.as_raw_fd() as usize + 1;
        let free = |place: &AtomicUsize| place.compare_exchange(0, entry, Ordering::AcqRel, Ordering::Relaxed).is_ok();
        let place = OPEN.iter().position(free).ok_or(format!("this process alone uses {PLACES} segments"))?;
        Ok(LockFile { descriptor: Some(descriptor), place, forks: fork::count() })
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
        if self.forks == fork::count() {
            // No fork comes between the two: its child would keep the descriptor, and with it the lock.
            static CLOSING: OnceLock<Mutex<()>> = OnceLock::new();
            let _closing = CLOSING.get_or_init(Mutex::default).lock();
            OPEN[self.place].store(0, Ordering::Release);
            self.descriptor = None;
        } else if let Some(descriptor) = self.descriptor.take() {
            // Closed already, in the first moment of this process.
            let _ = descriptor.into_raw_fd();
        }
    }
}
