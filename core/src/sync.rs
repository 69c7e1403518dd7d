//! The only file that names `std::sync`; under `--cfg loom` the model checker stands behind it.

#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};

// Reference counts and one-time cells take part in no protocol of ours, so loom need not see them.
pub(crate) use std::sync::{Arc, OnceLock, Weak};

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
