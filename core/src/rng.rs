//! Seeded uniform numbers for jitter: the same seed gives the same numbers in every language.

use crate::sync::{AtomicU64, AtomicUsize, Mutex, Ordering};
use std::collections::VecDeque;

/// A uniform source that any thread may draw from.
///
/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014): the
/// state is one counter, so that drawing is one atomic addition.
pub struct Rng {
    state: AtomicU64,
    /// Numbers a test wants drawn next, and how many there are, so that the usual draw takes no lock.
    scripted: Mutex<VecDeque<f64>>,
    scripted_len: AtomicUsize,
}

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

impl Rng {
    /// The same numbers for the same seed, in every language.
    pub fn seeded(seed: u64) -> Rng {
        Rng { state: AtomicU64::new(seed), scripted: Mutex::new(VecDeque::new()), scripted_len: AtomicUsize::new(0) }
    }

    /// Seeded from the process's own randomness.
    pub fn from_entropy() -> Rng {
        use std::hash::{BuildHasher, Hasher, RandomState};
        Rng::seeded(RandomState::new().build_hasher().finish())
    }

    /// Starts anew from `seed`; what was scripted stays.
    pub fn reseed(&self, seed: u64) {
        self.state.store(seed, Ordering::Relaxed);
    }

    /// Makes `number` (clamped to 0..=1) the next one drawn, after those scripted before it.
    pub fn script(&self, number: f64) {
        let mut queue = self.scripted.lock();
        queue.push_back(number.clamp(0.0, 1.0));
        // Relaxed: the queue itself is read under the lock.
        self.scripted_len.store(queue.len(), Ordering::Relaxed);
    }

    /// A number in [0, 1).
    pub fn uniform(&self) -> f64 {
        if self.scripted_len.load(Ordering::Relaxed) > 0 {
            let mut queue = self.scripted.lock();
            let next = queue.pop_front();
            self.scripted_len.store(queue.len(), Ordering::Relaxed);
            if let Some(number) = next {
                return number;
            }
        }
        // 53 bits: what a double can hold exactly.
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// 64 random bits; what was scripted is passed over.
    pub fn next_u64(&self) -> u64 {
        // Relaxed: draws need be distinct, not ordered.
        let mut z = self.state.fetch_add(GOLDEN, Ordering::Relaxed).wrapping_add(GOLDEN);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers() {
        // First outputs of SplitMix64 for seed 1234567, as published with its reference code.
        let rng = Rng::seeded(1234567);
        let drawn = [rng.next_u64(), rng.next_u64(), rng.next_u64()];
        assert_eq!(drawn, [6457827717110365317, 3203168211198807973, 9817491932198370423]);
    }

    #[test]
    fn scripted_numbers_come_first() {
        let rng = Rng::seeded(1);
        rng.script(0.25);
        rng.script(7.0);
        assert_eq!((rng.uniform(), rng.uniform()), (0.25, 1.0));
        assert!((0.0..1.0).contains(&rng.uniform()));
    }
}
