//! The views of a policy by key, kept so that a keyed call makes none.
//!
//! A kept view holds the cells of its key, but not against other keys: whoever finds no cell free
//! asks for those that nobody uses, and they go. What was used since then goes last.

use crate::policy::Policy;
use crate::sync::Mutex;
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher};

/// A lock of its own for each, so that callers of different keys seldom meet.
const SHARDS: usize = 8;

/// By the hash of the key. Of two keys of one hash the later is kept.
type Shard = HashMap<u64, View, BuildHasherDefault<Hashed>>;

pub(crate) struct Views {
    shards: [Mutex<Shard>; SHARDS],
    seed: u64,
}

struct View {
    policy: Policy,
    used: bool,
}

impl Views {
    pub(crate) fn new() -> Views {
        Views {
            shards: std::array::from_fn(|_| Mutex::new(Shard::default())),
            seed: RandomState::new().hash_one("views"),
        }
    }

    pub(crate) fn find(&self, key: &str) -> Option<Policy> {
        let hash = hash(self.seed, key.as_bytes());
        let mut shard = self.shard(hash).lock();
        let view = shard.get_mut(&hash)?;
        if view.policy.key() != Some(key) || view.policy.is_outdated() {
            return None;
        }
        view.used = true;
        Some(view.policy.clone())
    }

    /// Keeps the view of a key.
    pub(crate) fn keep(&self, policy: &Policy) {
        let Some(key) = policy.key() else { return };
        let hash = hash(self.seed, key.as_bytes());
        let before = self.shard(hash).lock().insert(hash, View { policy: policy.clone(), used: false });
        // Dropped without the lock.
        drop(before);
    }

    /// Lets go of views that nobody holds and that were not used since this was last asked, else of
    /// all that nobody holds. Whether there were any.
    pub(crate) fn make_room(&self) -> bool {
        self.drop_idle(false) || self.drop_idle(true)
    }

    fn drop_idle(&self, used_too: bool) -> bool {
        let mut dropped = Vec::new();
        for shard in &self.shards {
            shard.lock().retain(|_, view| {
                let stays = view.policy.is_held_elsewhere() || (std::mem::take(&mut view.used) && !used_too);
                if !stays {
                    // Dropped without the lock.
                    dropped.push(view.policy.clone());
                }
                stays
            });
        }
        !dropped.is_empty()
    }

    fn shard(&self, hash: u64) -> &Mutex<Shard> {
        // Other bits than those that the map itself looks at.
        &self.shards[(hash >> 32) as usize % SHARDS]
    }
}

/// Keys are short and their number is bounded. The seed keeps them apart for whoever chooses them
/// without knowing it.
fn hash(seed: u64, key: &[u8]) -> u64 {
    let mut state = fold(seed ^ key.len() as u64);
    let (words, rest) = key.as_chunks::<8>();
    for word in words {
        state = fold(state ^ u64::from_le_bytes(*word));
    }
    let last = rest.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
    fold(state ^ last)
}

/// Both halves of a product, so that each bit in moves many bits out.
fn fold(word: u64) -> u64 {
    let product = u128::from(word) * 0x9E37_79B9_7F4A_7C15;
    product as u64 ^ (product >> 64) as u64
}

/// What is a hash already.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = hash(self.0, bytes);
    }
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::breaker::{Control, State};
    use crate::config::{BreakerConfig, PolicyConfig};
    use crate::registry::Registry;
    use crate::sync::Arc;

    fn policy(max_keys: u32) -> Policy {
        let breaker = BreakerConfig { name: Some("keyed".to_owned()), ..BreakerConfig::default() };
        Registry::manual(1).build(PolicyConfig { breaker: Some(breaker), max_keys, ..PolicyConfig::default() })
    }

    fn cell(view: &Policy) -> *const crate::breaker::Breaker {
        Arc::as_ptr(view.breaker().expect("it has a cell"))
    }

    #[test]
    fn a_key_is_made_once_and_is_nobody_s_when_it_is_let_go() {
        let policy = policy(2);
        let first = policy.at("a").id();
        assert_eq!((policy.at("a").id(), cell(&policy.at("a"))), (first, cell(&policy.at("a"))));
        // Three keys in turn on two cells: each finds room, since nobody holds the others.
        for round in 0..30 {
            let key = ["a", "b", "c"][round % 3];
            assert_eq!(policy.at(key).state(), Some(State::Closed), "round {round}");
        }
    }

    #[test]
    fn who_holds_a_view_keeps_its_cell_and_so_does_an_open_circuit() {
        let policy = policy(2);
        let held = policy.at("held");
        policy.at("open").control(Control::Open);
        assert!(policy.at("late").breaker().is_none(), "one is held, the other is open");
        assert!(policy.at("late").breaker().is_none(), "a view without a cell is not kept");
        assert_eq!(policy.at("open").state(), Some(State::Open));
        drop(held);
        assert!(policy.at("late").breaker().is_some());
        assert_eq!(policy.at("open").state(), Some(State::Open));
    }

    #[test]
    fn what_was_used_since_stays_longest_and_two_policies_of_one_part_make_room_for_each_other() {
        let policy = policy(3);
        let registry = policy.registry();
        let again = registry.build(PolicyConfig { name: Some("again".to_owned()), ..(*policy.config()).clone() });
        let hot = cell(&policy.at("hot"));
        for round in 0..50 {
            assert_eq!(cell(&policy.at("hot")), hot, "round {round}");
            assert!(policy.at(&format!("one-{round}")).breaker().is_some());
            assert!(again.at(&format!("two-{round}")).breaker().is_some());
        }
    }

    #[test]
    fn a_view_of_old_settings_is_made_anew() {
        let registry = Registry::manual(1);
        registry.load("[policy.p.breaker]\nwindow = { kind = \"consecutive\", failures = 3 }\n", "test").unwrap();
        let policy = registry.named("p").unwrap();
        let before = policy.at("k");
        assert_eq!(before.breaker().unwrap().config().window, crate::config::Window::Consecutive { failures: 3 });
        registry.load("[policy.p.breaker]\nwindow = { kind = \"consecutive\", failures = 4 }\n", "test").unwrap();
        assert!(before.is_outdated() && !policy.at("k").is_outdated());
        assert!(!policy.at("k").is_held_elsewhere() || Arc::strong_count(before.breaker().unwrap()) > 1);
        assert_eq!(
            policy.at("k").breaker().unwrap().config().window,
            crate::config::Window::Consecutive { failures: 4 }
        );
    }

    #[test]
    fn the_hash_tells_keys_apart() {
        let keys = (0..100_000).map(|key| format!("tenant-{key}")).chain((0..200).map(|length| "x".repeat(length)));
        let hashes: std::collections::HashSet<u64> = keys.map(|key| hash(1, key.as_bytes())).collect();
        assert_eq!(hashes.len(), 100_200);
        assert_ne!(hash(1, b"key"), hash(2, b"key"));
    }
}
