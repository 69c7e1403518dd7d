//! Where in a segment everything is: a pure function of its size.

use crate::cell::{LINE, Writers};

/// Rises with every change of anything that processes share; part of the file's name.
pub(crate) const VERSION: u64 = 9;
/// "SEAWALL" and a byte that no text holds.
pub(crate) const MAGIC: u64 = u64::from_le_bytes(*b"SEAWALL\x9c");

pub(crate) const MIN_BYTES: u64 = 64 << 10;
pub(crate) const MAX_BYTES: u64 = 512 << 20;
pub(crate) const DEFAULT_BYTES: u64 = 8 << 20;
const PAGE: u64 = 4096;

/// How the lines of a cell are divided among its writers.
pub(crate) const WRITERS: Writers =
    if cfg!(loom) { Writers { own: 1, shared: 1 } } else { Writers { own: 32, shared: 8 } };
/// Few under the model checker, which follows every word.
pub(crate) const PROCESSES: usize = if cfg!(loom) { 4 } else { 256 };
/// Words with one bit for each process.
pub(crate) const PROCESS_BITS: usize = PROCESSES.div_ceil(64);

// The header, written once before the file has its name. One line, then what changes.
pub(crate) const HEADER_WORDS: usize = LINE;
pub(crate) mod header {
    pub(crate) const MAGIC: usize = 0;
    pub(crate) const VERSION: usize = 1;
    /// The fingerprint of the layout under the seed, so that it speaks for both.
    pub(crate) const LAYOUT: usize = 2;
    pub(crate) const BYTES: usize = 3;
    pub(crate) const BOOT: usize = 4;
    pub(crate) const TIME_NAMESPACE: usize = 6;
    /// Random; seeds the hashes of names and keys.
    pub(crate) const SEED: usize = 7;
    /// The first line of the arena that no block has, sealed.
    pub(crate) const NEXT: usize = 8;
    /// Blocks that were given back; what an allocation looks at before it searches for one.
    pub(crate) const FREED: usize = 9;
    /// Which lines of its cells are in use: how many of those with one writer, and in the upper half
    /// whether the shared ones are.
    pub(crate) const LINES: usize = 10;
}

/// A process: owner, pid, start time, when it came, its name in four words.
pub(crate) const PROCESS_WORDS: usize = LINE;
const PROCESS_FIRST: usize = 2 * LINE;
const WRITER_FIRST: usize = PROCESS_FIRST + PROCESSES * PROCESS_WORDS;
const DIRECTORY_FIRST: usize = (WRITER_FIRST + WRITERS.own).next_multiple_of(LINE);
/// The lines of a segment for each chain of its directory.
const LINES_PER_CHAIN: usize = 32;

/// The regions of a segment of a certain size, in words and lines.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) struct Regions {
    /// Chains of the directory.
    pub chains: usize,
    /// First line of the arena, and the line after its last.
    pub arena: usize,
    pub end: usize,
}

impl Regions {
    pub(crate) fn of(bytes: u64) -> Regions {
        let end = bytes as usize / (LINE * size_of::<u64>());
        let chains = (end / LINES_PER_CHAIN).next_multiple_of(LINE);
        Regions { chains, arena: (DIRECTORY_FIRST + chains) / LINE, end }
    }

    /// As small as can be, for the model checker: one chain, and `lines` of arena.
    #[cfg(loom)]
    pub(crate) fn tiny(lines: usize) -> Regions {
        let arena = (DIRECTORY_FIRST + 1).div_ceil(LINE);
        Regions { chains: 1, arena, end: arena + lines }
    }

    pub(crate) fn process(slot: usize) -> usize {
        PROCESS_FIRST + slot * PROCESS_WORDS
    }
    pub(crate) fn writer(slot: usize) -> usize {
        WRITER_FIRST + slot
    }
    pub(crate) fn chain(index: usize) -> usize {
        DIRECTORY_FIRST + index
    }
}

/// A wish as a size that a file can have; `None` out of range.
pub(crate) fn whole_size(bytes: u64) -> Option<u64> {
    (MIN_BYTES..=MAX_BYTES).contains(&bytes).then(|| bytes.next_multiple_of(PAGE))
}

/// The byte past the end of the file that the process in `slot` holds a lock on.
pub(crate) fn lock_of(bytes: u64, slot: usize) -> u64 {
    bytes + 1 + slot as u64
}

/// A hash of every number that two builds must agree on, the places of the parts' words among them.
pub(crate) fn fingerprint(seed: u64) -> u64 {
    let numbers = [
        VERSION,
        WRITERS.own as u64,
        WRITERS.shared as u64,
        PROCESSES as u64,
        PROCESS_FIRST as u64,
        WRITER_FIRST as u64,
        DIRECTORY_FIRST as u64,
        LINES_PER_CHAIN as u64,
        super::blocks::HEADER as u64,
        super::record::FIXED as u64,
        super::record::SUM as u64,
    ];
    let parts = [&crate::breaker::SHAPE[..], &crate::bulkhead::SHAPE, &crate::budget::SHAPE, &crate::cost::SHAPE];
    let numbers: Vec<u64> = numbers.into_iter().chain(parts.concat().into_iter().map(|place| place as u64)).collect();
    super::hash::of_words(seed, &numbers)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn regions_follow_each_other_and_leave_most_for_cells() {
        assert!(DIRECTORY_FIRST.is_multiple_of(LINE) && PROCESS_FIRST > header::LINES);
        for bytes in [MIN_BYTES, DEFAULT_BYTES, MAX_BYTES] {
            let regions = Regions::of(bytes);
            assert_eq!(regions.arena * LINE, Regions::chain(regions.chains));
            assert!((regions.end - regions.arena) * 2 > regions.end, "{bytes}: {regions:?}");
        }
        assert_eq!(Regions::of(DEFAULT_BYTES).chains, 4096);
    }

    /// Two builds of one version share files, so whatever changes this number raises `VERSION`, and so
    /// does whatever changes what a word means.
    #[test]
    fn the_layout_of_this_version_stays_as_it_is() {
        assert_eq!((VERSION, fingerprint(0)), (9, 0xb1a7945d9b21da0b), "raise VERSION, then write the new number here");
    }

    #[test]
    fn a_size_is_whole_pages_within_bounds() {
        assert_eq!((whole_size(MIN_BYTES - 1), whole_size(MAX_BYTES + 1)), (None, None));
        assert_eq!(whole_size(MIN_BYTES + 1), Some(MIN_BYTES + 4096));
    }
}
