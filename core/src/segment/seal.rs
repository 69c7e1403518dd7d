//! Words that show by themselves whether they were scribbled over. Against accidents, not against who
//! may write to the file: what is read is held to its bounds all the same.
//!
//! With the feature `unsealed` every word passes, so that a fuzzer reaches what lies behind.

const OPEN: bool = cfg!(feature = "unsealed");
const LOW: u64 = 0xffff_ffff;

/// A number of 32 bits beside its complement.
pub(crate) const fn sealed(number: usize) -> u64 {
    let number = number as u64 & LOW;
    number | (!number & LOW) << 32
}

/// `None` for a word that was not sealed so.
pub(crate) const fn unsealed(word: u64) -> Option<usize> {
    read(word, OPEN)
}

/// The number of a word that was found sealed.
const fn number_in(word: u64) -> usize {
    (word & LOW) as usize
}

const fn read(word: u64, believed: bool) -> Option<usize> {
    let number = number_in(word);
    if believed || sealed(number) == word { Some(number) } else { None }
}

/// Odd; of the golden ratio, which spreads what it multiplies.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

/// Sixteen bits that a word's others come to: no two words that differ in one byte have the same.
pub(crate) const fn check_bits(word: u64) -> u64 {
    word.wrapping_mul(SPREAD) >> 48
}

pub(super) const fn is_same(found: u64, expected: u64) -> bool {
    OPEN || found == expected
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_scribbled_word_is_told_from_a_sealed_one() {
        let word = sealed(77);
        assert_eq!(unsealed(word), Some(77));
        let seen = |word| read(word, false);
        for bit in 0..64 {
            assert_eq!(seen(word ^ 1 << bit), None);
        }
        assert_eq!((seen(0), seen(u64::MAX)), (None, None));
    }

    #[test]
    fn check_bits_tell_any_two_words_that_differ_in_one_byte() {
        // Products whose upper bits are the same are no further apart than what the lower ones hold.
        let near = 1 << 48;
        for (byte, difference) in (0..8).flat_map(|byte| (1..=255_u64).map(move |difference| (byte, difference))) {
            let apart = (difference << (8 * byte)).wrapping_mul(SPREAD);
            assert!(apart >= near && apart.wrapping_neg() >= near, "{difference} in byte {byte}");
        }
    }

    #[test]
    fn only_a_fuzzer_believes_a_scribbled_word() {
        assert_eq!(unsealed(0).is_some(), cfg!(feature = "unsealed"));
        assert_eq!(is_same(1, 2), cfg!(feature = "unsealed"));
        assert_eq!(read(u64::MAX, true), Some(LOW as usize));
    }
}
