//! Locks that a fork waits for; without poisoning: a panic in one caller must not take the policy
//! from the others.

use super::inside::{FORKS, SEATS};
use std::cell::Cell;
use std::ops::{Deref, DerefMut};

/// A lock that is held.
pub(crate) struct Held<G> {
    // In this order: opened first, left then.
    guard: G,
    _inside: Inside,
}

thread_local! {
    // No destructors, so that reading is one load and works while the thread ends.
    /// How many locks this thread is inside of.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    static SEAT: Cell<usize> = const { Cell::new(SEATS) };
}

fn seat() -> usize {
    if SEAT.get() == SEATS {
        SEAT.set(super::process_unique() as usize % SEATS);
    }
    SEAT.get()
}

struct Inside;

impl Inside {
    /// Who is inside of another lock goes on: a fork waits for it.
    #[inline]
    fn enter() -> Inside {
        let depth = DEPTH.get();
        if depth == 0 {
            FORKS.sit(seat());
        }
        DEPTH.set(depth + 1);
        Inside
    }
}

impl Drop for Inside {
    #[inline]
    fn drop(&mut self) {
        let depth = DEPTH.get() - 1;
        DEPTH.set(depth);
        if depth == 0 {
            FORKS.rise(seat());
        }
    }
}

impl<G: Deref> Deref for Held<G> {
    type Target = G::Target;
    #[inline]
    fn deref(&self) -> &G::Target {
        &self.guard
    }
}

impl<G: DerefMut> DerefMut for Held<G> {
    #[inline]
    fn deref_mut(&mut self) -> &mut G::Target {
        &mut self.guard
    }
}

#[derive(Default)]
pub(crate) struct Mutex<T>(parking_lot::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Mutex<T> {
        Mutex(parking_lot::Mutex::new(value))
    }

    #[inline]
    pub(crate) fn lock(&self) -> Held<parking_lot::MutexGuard<'_, T>> {
        let inside = Inside::enter();
        Held { guard: self.0.lock(), _inside: inside }
    }
}

pub(crate) struct RwLock<T>(parking_lot::RwLock<T>);

impl<T> RwLock<T> {
    pub(crate) const fn new(value: T) -> RwLock<T> {
        RwLock(parking_lot::RwLock::new(value))
    }

    #[inline]
    pub(crate) fn read(&self) -> Held<parking_lot::RwLockReadGuard<'_, T>> {
        let inside = Inside::enter();
        Held { guard: self.0.read(), _inside: inside }
    }

    #[inline]
    pub(crate) fn write(&self) -> Held<parking_lot::RwLockWriteGuard<'_, T>> {
        let inside = Inside::enter();
        Held { guard: self.0.write(), _inside: inside }
    }
}

/// A value that is made when it is first asked for.
pub(crate) struct OnceLock<T>(std::sync::OnceLock<T>);

impl<T> OnceLock<T> {
    pub(crate) const fn new() -> OnceLock<T> {
        OnceLock(std::sync::OnceLock::new())
    }

    #[inline]
    pub(crate) fn get(&self) -> Option<&T> {
        self.0.get()
    }

    pub(crate) fn set(&self, value: T) -> Result<(), T> {
        let _inside = Inside::enter();
        self.0.set(value)
    }

    #[inline]
    pub(crate) fn get_or_init(&self, make: impl FnOnce() -> T) -> &T {
        match self.0.get() {
            Some(made) => made,
            None => self.make(make),
        }
    }

    #[cold]
    fn make(&self, make: impl FnOnce() -> T) -> &T {
        let _inside = Inside::enter();
        self.0.get_or_init(make)
    }
}

impl<T> Default for OnceLock<T> {
    fn default() -> OnceLock<T> {
        OnceLock::new()
    }
}

impl<T> From<T> for OnceLock<T> {
    fn from(value: T) -> OnceLock<T> {
        OnceLock(value.into())
    }
}
