//! The raw edge: mapped memory, locks of open file descriptions, the fork handler. The only unsafe
//! code of the segment.

use crate::sync::{Arc, AtomicU64};
use rustix::fd::BorrowedFd;
use std::io;
use std::ptr::NonNull;

/// Words of a segment, for as long as it is mapped (or, under the model checker, on the heap).
pub(crate) struct Map {
    #[cfg(not(loom))]
    base: NonNull<AtomicU64>,
    #[cfg(not(loom))]
    words: usize,
    #[cfg(loom)]
    words: Vec<AtomicU64>,
}

#[cfg(not(loom))]
// SAFETY: the mapping is plain memory that lives until `drop`; all access is by atomics.
#[allow(unsafe_code)]
unsafe impl Send for Map {}
#[cfg(not(loom))]
// SAFETY: as above.
#[allow(unsafe_code)]
unsafe impl Sync for Map {}

#[cfg(not(loom))]
impl Map {
    /// Maps the first `bytes` of a file that has at least so many.
    #[allow(unsafe_code)]
    pub(crate) fn of_file(file: BorrowedFd<'_>, bytes: u64, writable: bool) -> io::Result<Map> {
        use rustix::mm::{MapFlags, ProtFlags, mmap};
        let length = usize::try_from(bytes).map_err(|_| io::ErrorKind::FileTooLarge)?;
        let protection = if writable { ProtFlags::READ | ProtFlags::WRITE } else { ProtFlags::READ };
        // SAFETY: a new mapping at an address of the kernel's choice touches no memory of ours.
        let at = unsafe { mmap(std::ptr::null_mut(), length, protection, MapFlags::SHARED, file, 0)? };
        let base = NonNull::new(at.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Map { base, words: length / size_of::<AtomicU64>() })
    }

    #[allow(unsafe_code)]
    pub(crate) fn words(&self) -> &[AtomicU64] {
        // SAFETY: page-aligned, `words` long, mapped until `drop`. Other processes write to it by
        // atomics too; a reader of a read-only mapping only loads.
        unsafe { std::slice::from_raw_parts(self.base.as_ptr(), self.words) }
    }
}

#[cfg(not(loom))]
impl Drop for Map {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        // SAFETY: the mapping is ours and no reference into it outlives `self`.
        let _ = unsafe { rustix::mm::munmap(self.base.as_ptr().cast(), self.words * size_of::<AtomicU64>()) };
    }
}

#[cfg(loom)]
impl Map {
    pub(crate) fn of_file(_: BorrowedFd<'_>, _: u64, _: bool) -> io::Result<Map> {
        Err(io::ErrorKind::Unsupported.into())
    }
    pub(crate) fn words(&self) -> &[AtomicU64] {
        &self.words
    }
}

/// A word of what `keeper` keeps, found without a way through it.
pub(crate) struct Pinned<K> {
    word: NonNull<AtomicU64>,
    keeper: Arc<K>,
}

// SAFETY: the word is an atomic of what `keeper` shares with all threads.
#[allow(unsafe_code)]
unsafe impl<K: Send + Sync> Send for Pinned<K> {}
// SAFETY: as above.
#[allow(unsafe_code)]
unsafe impl<K: Send + Sync> Sync for Pinned<K> {}

impl<K> Pinned<K> {
    pub(crate) fn new(keeper: Arc<K>, choose: impl for<'a> FnOnce(&'a K) -> &'a AtomicU64) -> Pinned<K> {
        Pinned { word: NonNull::from(choose(&keeper)), keeper }
    }

    pub(crate) fn keeper(&self) -> &Arc<K> {
        &self.keeper
    }

    #[inline(always)]
    #[allow(unsafe_code)]
    pub(crate) fn word(&self) -> &AtomicU64 {
        // SAFETY: `choose` may give what is good as long as the keeper is borrowed, and it is kept, shared
        // and where it is, as long as `self` lives.
        unsafe { self.word.as_ref() }
    }
}

/// Takes the lock on one byte for this open file description; `false` if another one has it. The
/// kernel drops it when the last descriptor is closed, however that comes.
pub(crate) fn lock_byte(file: BorrowedFd<'_>, offset: u64) -> io::Result<bool> {
    let mut lock = whole_byte(offset)?;
    match byte_lock(file, libc::F_OFD_SETLK, &mut lock) {
        Ok(()) => Ok(true),
        Err(error) if matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EACCES)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether another open file description has the lock on one byte.
pub(crate) fn is_locked(file: BorrowedFd<'_>, offset: u64) -> io::Result<bool> {
    let mut lock = whole_byte(offset)?;
    byte_lock(file, libc::F_OFD_GETLK, &mut lock)?;
    Ok(lock.l_type != libc::F_UNLCK as libc::c_short)
}

fn whole_byte(offset: u64) -> io::Result<libc::flock> {
    let start = libc::off_t::try_from(offset).map_err(|_| io::ErrorKind::FileTooLarge)?;
    Ok(libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: start,
        l_len: 1,
        l_pid: 0,
    })
}

#[allow(unsafe_code)]
fn byte_lock(file: BorrowedFd<'_>, command: libc::c_int, lock: &mut libc::flock) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    // SAFETY: the descriptor is open and `lock` is a whole `flock` for the time of the call.
    match unsafe { libc::fcntl(file.as_raw_fd(), command, std::ptr::from_mut(lock)) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Closes a descriptor that another part of this process owns: only for a forked child, where it
/// would keep the parent's lock.
#[allow(unsafe_code)]
pub(crate) fn close_inherited(descriptor: i32) {
    // SAFETY: the descriptor is one of ours; its owner is told by the count of forks not to use it.
    unsafe { libc::close(descriptor) };
}

/// Has the handlers run around every fork of this process from now on: `before` and `parent` in the
/// parent, `child` in the child.
#[allow(unsafe_code)]
pub(crate) fn at_fork(before: extern "C" fn(), parent: extern "C" fn(), child: extern "C" fn()) -> io::Result<()> {
    // SAFETY: the handlers are plain functions that live as long as the library, and the child's
    // does only what a child of a process with many threads may do.
    match unsafe { libc::pthread_atfork(Some(before), Some(parent), Some(child)) } {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}
