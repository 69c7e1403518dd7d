//! Locks under the model checker.

use loom::sync as l;

/// A modelled program does not fork: `inside.rs` has a test of its own.
pub(crate) struct Forks;
pub(crate) static FORKS: Forks = Forks;

impl Forks {
    pub(crate) fn begin(&self) {}
    pub(crate) fn end(&self) {}
    pub(crate) fn end_in_child(&self) -> bool {
        true
    }
}

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
