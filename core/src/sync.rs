//! The only file that names `std::sync`; under `--cfg loom` the model checker stands behind it.

#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// Words of the whole process, made before anything runs: their protocols have no test of their own
/// under the model checker, which has no such words.
pub(crate) mod fixed {
    pub(crate) use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize};
}

// Reference counts and one-time cells take part in no protocol of ours, so loom need not see them.
pub(crate) use std::sync::{Arc, OnceLock, Weak};

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

/// A mutex without poisoning: a panic in one caller must not take the policy from the others.
#[cfg(not(loom))]
pub(crate) use parking_lot::{Mutex, RwLock};

#[cfg(loom)]
pub(crate) use self::modelled::{Mutex, RwLock};

#[cfg(loom)]
mod modelled {
    use loom::sync as l;

    pub(crate) struct Mutex<T>(l::Mutex<T>);
    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Mutex(l::Mutex::new(value))
        }
        pub(crate) fn lock(&self) -> l::MutexGuard<'_, T> {
            self.0.lock().expect("loom mutexes are not poisoned")
        }
    }

    impl<T: Default> Default for Mutex<T> {
        fn default() -> Self {
            Mutex::new(T::default())
        }
    }

    pub(crate) struct RwLock<T>(l::RwLock<T>);
    impl<T> RwLock<T> {
        pub(crate) fn new(value: T) -> Self {
            RwLock(l::RwLock::new(value))
        }
        pub(crate) fn read(&self) -> l::RwLockReadGuard<'_, T> {
            self.0.read().expect("loom locks are not poisoned")
        }
        pub(crate) fn write(&self) -> l::RwLockWriteGuard<'_, T> {
            self.0.write().expect("loom locks are not poisoned")
        }
    }
}
