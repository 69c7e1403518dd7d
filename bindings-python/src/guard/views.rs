//! The views of a policy for the keys in use: about the most recently used ones. They hold half of
//! what the core keeps, so that it can always make room for a key that is new.

use super::lane::Lane;
use seawall::Policy;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// The policy at one key.
pub struct View {
    pub policy: Policy,
    pub lane: Lane,
    used: AtomicBool,
}

/// By the hash that Python keeps of a key's text; of two keys with one hash only one is kept. All
/// ports of a policy share them, so that together they hold no more.
#[derive(Default)]
pub struct Views(Mutex<Kept>);

static OF_POLICIES: Mutex<BTreeMap<u64, Weak<Views>>> = Mutex::new(BTreeMap::new());

#[derive(Default)]
struct Kept {
    by_hash: HashMap<isize, Arc<View>, NoHasher>,
    /// Second chance: the front goes first, a used one goes to the back once.
    order: VecDeque<isize>,
}

impl Views {
    pub fn of(policy: &Policy) -> Arc<Views> {
        let mut all = OF_POLICIES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(views) = all.get(&policy.id()).and_then(Weak::upgrade) {
            return views;
        }
        all.retain(|_, views| views.strong_count() > 0);
        let views = Arc::<Views>::default();
        all.insert(policy.id(), Arc::downgrade(&views));
        views
    }

    pub fn at(&self, policy: &Policy, key: &str, hash: isize) -> Arc<View> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(view) = kept.by_hash.get(&hash) {
            if view.policy.key() == Some(key) {
                // Relaxed: a hint.
                view.used.store(true, Ordering::Relaxed);
                return view.clone();
            }
            return Arc::new(View::new(policy.at(key)));
        }
        kept.make_room((policy.config().max_keys as usize / 2).max(1));
        let mut view = Arc::new(View::new(policy.at(key)));
        if !view.is_whole() {
            // Others hold the rest.
            *kept = Kept::default();
            view = Arc::new(View::new(policy.at(key)));
        }
        if view.is_whole() {
            kept.by_hash.insert(hash, view.clone());
            kept.order.push_back(hash);
        }
        view
    }
}

impl Kept {
    /// Lets go of the oldest that were not used since they were last looked at.
    fn make_room(&mut self, most: usize) {
        while self.by_hash.len() >= most {
            let Some(hash) = self.order.pop_front() else { return };
            match self.by_hash.get(&hash) {
                Some(view) if view.used.swap(false, Ordering::Relaxed) => self.order.push_back(hash),
                _ => drop(self.by_hash.remove(&hash)),
            }
        }
    }
}

impl View {
    fn new(policy: Policy) -> View {
        View { policy, lane: Lane::new(), used: AtomicBool::new(false) }
    }

    /// Whether the core had room for the key. A view without its cells is not kept: the next call looks again.
    fn is_whole(&self) -> bool {
        let config = self.policy.config();
        config.breaker.is_some() == self.policy.breaker().is_some()
            && config.bulkhead.is_some() == self.policy.bulkhead().is_some()
    }
}

/// Python's hashes are good already.
type NoHasher = std::hash::BuildHasherDefault<AsItIs>;

#[derive(Default)]
pub struct AsItIs(u64);

impl std::hash::Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }
    fn write_isize(&mut self, number: isize) {
        self.0 = number as u64;
    }
}
