//! The views of a policy by key, kept so that a keyed call makes none.
//!
//! A kept view holds the cells of its key, but not against other keys: whoever finds no cell free
//! asks for those that nobody uses, and they go. What was used since then goes last.
//!
//! Each thread finds again by itself, without a lock and without a word that another thread writes, what it
//! has found once: it remembers the views of a shard of its own, and holds none of them. So a view that
//! was let go of is found no more, and whoever has found one has it.

use crate::cell::{Writers, slot};
use crate::policy::{Policy, WeakView};
use crate::sync::Mutex;
use std::cell::RefCell;
use std::collections::hash_map::RandomState;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, BuildHasherDefault, Hasher};

/// As many threads have views of their own; others share them.
const SHARDS: usize = Writers::HEAP.lines();

/// So many views a thread remembers, of all policies; then it begins anew.
const REMEMBERED: usize = 4_096;

/// By the hash of the key. Of two keys of one hash the later is kept.
type Shard<V> = HashMap<u64, V, BuildHasherDefault<Hashed>>;

thread_local! {
    static FOUND: RefCell<Shard<WeakView>> = const { RefCell::new(Shard::with_hasher(BuildHasherDefault::new())) };
}

pub(crate) struct Views {
    shards: [Mutex<Shard<Policy>>; SHARDS],
    seed: u64,
}

impl Views {
    pub(crate) fn new() -> Views {
        Views {
            shards: std::array::from_fn(|_| Mutex::new(Shard::default())),
            seed: RandomState::new().hash_one("views"),
        }
    }

    /// The view of `whole`, whose views these are, for `key`.
    #[inline]
    pub(crate) fn find(&self, whole: &Policy, key: &str) -> Option<Policy> {
        let hash = hash(self.seed, key.as_bytes());
        let found = FOUND.try_with(|found| found.borrow().get(&hash).and_then(WeakView::upgrade)).ok().flatten();
        match found.filter(|view| view.is_view(whole, key)) {
            Some(view) => {
                view.mark_used();
                Some(view)
            }
            None => self.find_kept(hash, whole, key),
        }
    }

    #[inline(never)]
    fn find_kept(&self, hash: u64, whole: &Policy, key: &str) -> Option<Policy> {
        let own = slot() % SHARDS;
        let look = |shard: usize| {
            let kept = self.shards[shard].lock();
            let view = kept.get(&hash).filter(|view| view.is_view(whole, key))?;
            view.mark_used();
            Some(view.clone())
        };
        if let Some(view) = look(own) {
            remember(hash, &view);
            return Some(view);
        }
        let view = (0..SHARDS).filter(|shard| *shard != own).find_map(look)?.again();
        self.keep_as(hash, &view);
        Some(view)
    }

    /// Keeps the view of a key.
    pub(crate) fn keep(&self, policy: &Policy) {
        let Some(key) = policy.key() else { return };
        self.keep_as(hash(self.seed, key.as_bytes()), policy);
    }

    fn keep_as(&self, hash: u64, view: &Policy) {
        let before = self.shards[slot() % SHARDS].lock().insert(hash, view.clone());
        remember(hash, view);
        // Dropped without the lock.
        drop(before);
    }

    /// Lets go of the views of keys that nobody holds and that were not used since this was last asked, else
    /// of all that nobody holds. Whether there were any.
    pub(crate) fn make_room(&self) -> bool {
        self.drop_idle(false) || self.drop_idle(true)
    }

    fn drop_idle(&self, used_too: bool) -> bool {
        // Those of one key go together: any of them holds its cells.
        let mut stays: HashSet<u64, BuildHasherDefault<Hashed>> = HashSet::default();
        for shard in &self.shards {
            let shard = shard.lock();
            let busy = |view: &Policy| view.is_held_elsewhere() || (view.take_used() && !used_too);
            stays.extend(shard.iter().filter(|(_, view)| busy(view)).map(|(hash, _)| *hash));
        }
        let mut dropped = Vec::new();
        for shard in &self.shards {
            // Dropped without the lock. Who finds one meanwhile has it, and so its cells.
            dropped.extend(shard.lock().extract_if(|hash, _| !stays.contains(hash)));
        }
        !dropped.is_empty()
    }
}

/// Has the calling thread find the view by itself, as long as it lives: of one that is gone it keeps the
/// memory of a handle, for a while.
fn remember(hash: u64, view: &Policy) {
    // A thread that ends remembers nothing.
    let _ = FOUND.try_with(|found| {
        let mut found = found.borrow_mut();
        if found.len() >= REMEMBERED {
            found.retain(|_, view| view.is_alive());
            // Else the next few would look at all of them again.
            if found.len() > REMEMBERED / 2 {
                found.clear();
            }
        }
        found.insert(hash, view.weak_view());
    });
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
    fn a_thread_that_found_a_view_holds_nothing_by_it() {
        let policy = policy(1);
        let first = policy.at("first");
        let of_the_other = std::thread::scope(|scope| {
            let other = scope.spawn(|| {
                let found = [policy.at("first"), policy.at("first")];
                assert!(Arc::ptr_eq(found[0].breaker().unwrap(), first.breaker().unwrap()));
                (cell(&found[1]).addr(), policy.at("second").breaker().is_none())
            });
            other.join().unwrap()
        });
        assert_eq!(of_the_other, (cell(&first).addr(), true), "one cell for all threads, held by one of them");
        drop(first);
        assert!(policy.at("second").breaker().is_some());
        assert!(policy.at("first").breaker().is_some());
    }

    #[test]
    fn threads_with_too_many_keys_meet_in_one_cell_of_each() {
        const KEYS: usize = 6;
        let policy = policy(3);
        // Of each key: the cell that somebody holds now, and how many do.
        let held: [Mutex<(usize, u32)>; KEYS] = std::array::from_fn(|_| Mutex::new((0, 0)));
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (policy, held) = (&policy, &held);
                scope.spawn(move || {
                    for round in 0..4_000 {
                        let key = (round * (thread + 1) + round / 7) % KEYS;
                        let view = policy.at(&format!("key-{key}"));
                        assert_eq!(view.key(), Some(&*format!("key-{key}")));
                        // None was free, which another thread's may be.
                        let Some(_) = view.breaker() else { continue };
                        let mine = cell(&view).addr();
                        let mut now = held[key].lock();
                        if now.1 == 0 {
                            now.0 = mine;
                        }
                        assert_eq!(now.0, mine, "two cells of one key at once");
                        now.1 += 1;
                        drop(now);
                        assert_eq!(cell(&policy.at(view.key().unwrap())).addr(), mine);
                        held[key].lock().1 -= 1;
                    }
                });
            }
        });
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
