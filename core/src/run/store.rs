//! Good results by key, and who is fetching one.

use crate::config::CacheConfig;
use crate::sync::{Arc, Mutex, Weak};
use crate::time::{Span, Tick};
use quick_cache::sync::Cache;
use std::collections::HashMap;

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
    blocking: Mutex<()>,
    #[cfg(feature = "tokio")]
    asynchronous: tokio::sync::Mutex<()>,
}

impl Flight {
    pub(super) fn wait(&self) -> impl Drop + '_ {
        self.blocking.lock()
    }

    #[cfg(feature = "tokio")]
    pub(super) async fn wait_async(&self) -> impl Drop + '_ {
        self.asynchronous.lock().await
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
        if let Some(flight) = flights.get(key).and_then(Weak::upgrade) {
            return Some(flight);
        }
        flights.retain(|_, flight| flight.strong_count() > 0);
        let flight = Arc::new(Flight {
            blocking: Mutex::new(()),
            #[cfg(feature = "tokio")]
            asynchronous: tokio::sync::Mutex::new(()),
        });
        flights.insert(key.into(), Arc::downgrade(&flight));
        Some(flight)
    }
}
