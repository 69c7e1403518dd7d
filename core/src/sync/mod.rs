//! The only room that names `std::sync`; under `--cfg loom` the model checker stands behind it.

mod chain;
mod inside;
#[cfg(not(loom))]
mod locks;
#[cfg(all(test, loom))]
mod loom_tests;
#[cfg(loom)]
mod modelled;

#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering};

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering};

/// Words of the whole process, made before anything runs: their protocols have no test of their own
/// under the model checker, which has no such words.
pub(crate) mod fixed {
    pub(crate) use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, AtomicUsize};
}

/// Locks that no fork waits for: held while the caller's own code runs, or known to one call alone.
pub(crate) mod around_work {
    #[cfg(feature = "cache")]
    pub(crate) use parking_lot::MutexGuard;
    pub(crate) use parking_lot::{Condvar, Mutex};
}

// Reference counts and one-time cells take part in no protocol of ours, so loom need not see them.
pub(crate) use std::sync::{Arc, Weak};

pub(crate) use chain::{Chain, Link};
#[cfg(not(loom))]
pub(crate) use inside::FORKS;
#[cfg(not(loom))]
pub(crate) use locks::{Mutex, OnceLock, RwLock};
#[cfg(loom)]
pub(crate) use modelled::{FORKS, Mutex, RwLock};
#[cfg(loom)]
pub(crate) use std::sync::OnceLock;

/// Says to the model checker, which takes `SeqCst` for `AcqRel`, that the `SeqCst` accesses around it
/// have one order for all.
#[inline(always)]
pub(crate) fn in_one_order() {
    #[cfg(loom)]
    loom::sync::atomic::fence(Ordering::SeqCst);
}

/// A number that no other caller in this process gets. No part of any protocol: the model checker
/// need not see it.
pub(crate) fn process_unique() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    // Relaxed: the numbers need be different, not ordered between threads.
    NEXT.fetch_add(1, Ordering::Relaxed)
}
