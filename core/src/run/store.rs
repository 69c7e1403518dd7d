//! Good results by key, and who is fetching one.

use crate::config::CacheConfig;
use crate::sync::{Arc, Mutex, Weak, around_work};
use crate::time::{Span, Tick};
use quick_cache::sync::Cache;
use std::collections::HashMap;
use std::thread::{self, ThreadId};
use std::time::Duration;

/// A bounded cache of values with the instant they were kept at.
pub(super) struct Store<T> {
    values: Cache<Box<str>, (Tick, Arc<T>)>,
    copy: fn(&T) -> T,
    ttl: Span,
    stale_for: Option<Span>,
    first: bool,
    flights: Mutex<HashMap<Box<str>, Weak<Flight>>>,
}

/// A call that others of its key wait for.
pub(super) struct Flight {
    /// Held while the work runs, which a fork must not wait for.
    blocking: around_work::Mutex<()>,
    /// Of which process it is, as forks are counted: who holds the parent's is not in the child.
    forks: usize,
    #[cfg(feature = "tokio")]
    asynchronous: tokio::sync::Mutex<()>,
    /// Who is on it, so that a call inside its own fetch does not wait for itself.
    owner: Mutex<Option<Owner>>,
}

#[derive(Copy, Clone, PartialEq, Eq)]
enum Owner {
    Thread(ThreadId),
    #[cfg(feature = "tokio")]
    Task(tokio::task::Id),
}

impl Owner {
    fn thread() -> Owner {
        Owner::Thread(thread::current().id())
    }

    /// The task, or the thread that drives a future which is none.
    #[cfg(feature = "tokio")]
    fn task() -> Owner {
        tokio::task::try_id().map_or_else(Owner::thread, Owner::Task)
    }
}

/// A turn on a flight, until it is dropped.
pub(super) struct Turn<'a, L> {
    flight: &'a Flight,
    before: Option<Owner>,
    _lock: L,
}

impl<L> Drop for Turn<'_, L> {
    fn drop(&mut self) {
        *self.flight.owner.lock() = self.before;
    }
}

impl Flight {
    fn turn<L>(&self, lock: L, owner: Owner) -> Turn<'_, L> {
        Turn { flight: self, before: self.owner.lock().replace(owner), _lock: lock }
    }

    /// Waits for the others, as long as `patience` allows; `None` if it ran out, and for who is on it
    /// already.
    pub(super) fn wait(&self, patience: Option<Duration>) -> Option<Turn<'_, around_work::MutexGuard<'_, ()>>> {
        let me = Owner::thread();
        if *self.owner.lock() == Some(me) {
            return None;
        }
        let lock = match patience {
            Some(patience) => self.blocking.try_lock_for(patience)?,
            None => self.blocking.lock(),
        };
        Some(self.turn(lock, me))
    }

    #[cfg(feature = "tokio")]
    pub(super) async fn wait_async(
        &self,
        patience: Option<Duration>,
    ) -> Option<Turn<'_, tokio::sync::MutexGuard<'_, ()>>> {
        let me = Owner::task();
        if *self.owner.lock() == Some(me) {
            return None;
        }
        let lock = self.asynchronous.lock();
        let lock = match patience {
            Some(patience) => tokio::time::timeout(patience, lock).await.ok()?,
            None => lock.await,
        };
        Some(self.turn(lock, me))
    }
}

impl<T> Store<T> {
    pub(super) fn new(config: &CacheConfig, copy: fn(&T) -> T) -> Store<T> {
        Store {
            values: Cache::new(config.size.max(1) as usize),
            copy,
            ttl: config.ttl,
            stale_for: config.stale_for,
            first: config.first,
            flights: Mutex::new(HashMap::new()),
        }
    }

    pub(super) fn look(&self, key: &str, stale: bool, now: Tick) -> Option<T> {
        let (kept, value) = self.values.get(key)?;
        let oldest = match (stale, self.stale_for) {
            (false, _) => self.ttl,
            (true, Some(longer)) => self.ttl.plus(longer),
            (true, None) => return None,
        };
        (now.since(kept) <= oldest).then(|| (self.copy)(&value))
    }

    pub(super) fn keep(&self, key: &str, value: &T, now: Tick) {
        self.values.insert(key.into(), (now, Arc::new((self.copy)(value))));
    }

    pub(super) fn forget(&self, key: &str) {
        self.values.remove(key);
    }

    /// Where values are looked for before the call: one at a time for each key.
    pub(super) fn flight(&self, key: &str) -> Option<Arc<Flight>> {
        if !self.first {
            return None;
        }
        let mut flights = self.flights.lock();
        let forks = crate::fork::count();
        if let Some(flight) = flights.get(key).and_then(Weak::upgrade).filter(|flight| flight.forks == forks) {
            return Some(flight);
        }
        flights.retain(|_, flight| flight.strong_count() > 0);
        let flight = Arc::new(Flight {
            blocking: around_work::Mutex::new(()),
            forks,
            #[cfg(feature = "tokio")]
            asynchronous: tokio::sync::Mutex::new(()),
            owner: Mutex::new(None),
        });
        flights.insert(key.into(), Arc::downgrade(&flight));
        Some(flight)
    }
}
