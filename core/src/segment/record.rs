//! What stands before a cell in its block: whose it is, and the settings it was made for.
//!
//! Written before anybody finds the block, and never changed but for the bits of who wants these
//! settings. A reader copies it whole and believes nothing that it has not checked.

use super::hash;
use super::process::Owner;
use super::seal;
use crate::cell::LINE;
use crate::event::PartKind;
use crate::sync::{AtomicU64, Ordering};

// Words of the fixed part.
/// First line of the next block of the chain; 0 at its end.
pub(super) const NEXT: usize = 0;
/// First line of the block that this one takes the place of, until that is done; else 0.
pub(super) const REPLACES: usize = 1;
const IDENTITY: usize = 2;
const KEY_HASH: usize = 3;
/// Kind, length of the name, of the key (one more; 0 without a key), of the settings; 16 bits each.
const LENGTHS: usize = 4;
const REVISION: usize = 5;
/// A hash of the words that never change, so that a record that was scribbled over is none.
pub(crate) const SUM: usize = 6;
/// One bit for each process whose own settings these are.
const WANTED: usize = 8;
pub(crate) const FIXED: usize = 16;

const NAME_LIMIT: usize = 128;
const KEY_LIMIT: usize = 256;
const CONFIG_LIMIT: usize = 512;

/// Which kind of part has its state in a cell.
#[derive(Copy, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum CellKind {
    /// A circuit breaker.
    Breaker = 1,
    /// A bulkhead.
    Bulkhead = 2,
    /// A retry budget.
    Budget = 3,
    /// A cost budget.
    Cost = 4,
}

impl CellKind {
    const ALL: [CellKind; 4] = [CellKind::Breaker, CellKind::Bulkhead, CellKind::Budget, CellKind::Cost];

    pub(crate) const fn part(self) -> PartKind {
        match self {
            CellKind::Breaker => PartKind::Breaker,
            CellKind::Bulkhead => PartKind::Bulkhead,
            CellKind::Budget => PartKind::Budget,
            CellKind::Cost => PartKind::Cost,
        }
    }

    /// The word in `--json` output and on metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            CellKind::Breaker => "breaker",
            CellKind::Bulkhead => "bulkhead",
            CellKind::Budget => "budget",
            CellKind::Cost => "cost",
        }
    }
}

/// Whose cell it is.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) struct Identity<'a> {
    pub kind: CellKind,
    pub name: &'a str,
    pub key: Option<&'a str>,
}

/// What a process asks for.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Wanted<'a> {
    pub identity: Identity<'a>,
    pub revision: u32,
    pub config: &'a [u64],
    /// Words of the cell.
    pub words: usize,
    pub show_keys: bool,
}

impl Identity<'_> {
    /// Two hashes under the segment's seed: the first finds the chain, both together the cell.
    pub(super) fn hashes(&self, seed: u64) -> [u64; 2] {
        let key = self.key.map_or(0, |key| hash::of_bytes(seed, 2, key.as_bytes()));
        let name = hash::of_bytes(seed, 1, self.name.as_bytes());
        [hash::of_words(seed, &[self.kind as u64, name, u64::from(self.key.is_some()), key]), key]
    }
}

/// A record as it was read, checked against the size of its block.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Record {
    pub kind: CellKind,
    pub name: String,
    pub key: Key,
    pub revision: u32,
    pub config: Vec<u64>,
    /// Where the cell begins in the block's body.
    pub cell: usize,
    pub(super) hashes: [u64; 2],
}

/// The key of a cell, where it has one, as far as it is written down.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Key {
    /// It is the state of all calls without a key.
    None,
    /// Only its hash is known.
    Hidden(u64),
    /// Written down, because the segment was asked to show keys.
    Shown(String),
}

fn words_of(bytes: usize) -> usize {
    bytes.div_ceil(8)
}

fn cell_of(name: usize, key: usize, config: usize) -> usize {
    (FIXED + words_of(name) + words_of(key) + config).next_multiple_of(LINE)
}

impl Wanted<'_> {
    fn shown_key(&self) -> &str {
        self.identity.key.filter(|_| self.show_keys).unwrap_or("")
    }

    /// Words of a block's body for it.
    pub(super) fn body(&self) -> usize {
        cell_of(self.identity.name.len(), self.shown_key().len(), self.config.len()) + self.words
    }

    /// Writes the record into a block that nobody knows yet; returns where the cell begins.
    pub(super) fn write(&self, body: &[AtomicU64], seed: u64) -> usize {
        // Relaxed: published with the block.
        let put = |word: usize, value: u64| body[word].store(value, Ordering::Relaxed);
        let (name, key) = (self.identity.name, self.shown_key());
        let hashes = self.identity.hashes(seed);
        let key_length = if self.identity.key.is_some() { key.len() as u64 + 1 } else { 0 };
        let lengths = [self.identity.kind as u64, name.len() as u64, key_length, self.config.len() as u64];
        let lengths = lengths.iter().enumerate().fold(0, |sum, (index, length)| sum | length << (16 * index));
        let fixed = [hashes[0], hashes[1], lengths, u64::from(self.revision)];
        let words: Vec<u64> = text_words(name).chain(text_words(key)).chain(self.config.iter().copied()).collect();
        fixed.iter().enumerate().for_each(|(index, word)| put(IDENTITY + index, *word));
        words.iter().enumerate().for_each(|(index, word)| put(FIXED + index, *word));
        put(SUM, sum(fixed, &words));
        cell_of(name.len(), key.len(), self.config.len())
    }
}

fn sum(fixed: [u64; 4], words: &[u64]) -> u64 {
    hash::of_words(0, &[&fixed, words].concat())
}

fn text_words(text: &str) -> impl Iterator<Item = u64> {
    text.as_bytes().chunks(8).map(|chunk| {
        let mut bytes = [0; 8];
        bytes[..chunk.len()].copy_from_slice(chunk);
        u64::from_le_bytes(bytes)
    })
}

impl Record {
    /// `None` for what cannot be a record.
    pub(crate) fn read(body: &[AtomicU64]) -> Option<Record> {
        if body.len() < FIXED {
            return None;
        }
        let word = |index: usize| body.get(index).map(|word| word.load(Ordering::Acquire));
        let lengths = word(LENGTHS)?;
        let length = |index: u32| (lengths >> (16 * index) & 0xffff) as usize;
        let kind = CellKind::ALL.into_iter().find(|kind| *kind as usize == length(0))?;
        let (name, key, config) = (length(1), length(2), length(3));
        let shown = key.saturating_sub(1);
        let cell = cell_of(name, shown, config);
        if name > NAME_LIMIT || shown > KEY_LIMIT || config > CONFIG_LIMIT || cell >= body.len() {
            return None;
        }
        let fixed = [word(IDENTITY)?, word(KEY_HASH)?, lengths, word(REVISION)?];
        let key_at = words_of(name);
        let config_at = key_at + words_of(shown);
        let words: Vec<u64> = (FIXED..FIXED + config_at + config).map(word).collect::<Option<_>>()?;
        if !seal::is_same(word(SUM)?, sum(fixed, &words)) {
            return None;
        }
        let text = |first: usize, bytes: usize| {
            let all = words[first..first + words_of(bytes)].iter().flat_map(|word| word.to_le_bytes());
            String::from_utf8(all.take(bytes).collect()).ok()
        };
        let hashes = [fixed[0], fixed[1]];
        Some(Record {
            kind,
            name: text(0, name)?,
            key: match key {
                0 => Key::None,
                1 => Key::Hidden(hashes[1]),
                _ => Key::Shown(text(key_at, shown)?),
            },
            revision: u32::try_from(fixed[3]).ok()?,
            config: words[config_at..].to_vec(),
            cell,
            hashes,
        })
    }

    pub(super) fn is(&self, identity: &Identity<'_>, hashes: [u64; 2]) -> bool {
        self.kind == identity.kind && self.hashes == hashes && self.name == identity.name
    }
}

/// Whether a record says that it has these hashes: a first look at many.
pub(super) fn says(body: &[AtomicU64], hashes: [u64; 2]) -> bool {
    let word = |index: usize| body.get(index).map(|word| word.load(Ordering::Acquire));
    word(IDENTITY) == Some(hashes[0]) && word(KEY_HASH) == Some(hashes[1])
}

fn bit(slot: usize) -> (usize, u64) {
    (WANTED + slot / 64, 1 << (slot % 64))
}

/// Says whether the settings are those that a process wants.
pub(crate) fn want(body: &[AtomicU64], slot: usize, wanted: bool) {
    let (word, bit) = bit(slot);
    if let Some(word) = body.get(word) {
        // AcqRel: seen by who asks before he replaces the settings.
        if wanted {
            word.fetch_or(bit, Ordering::AcqRel)
        } else {
            word.fetch_and(!bit, Ordering::AcqRel)
        };
    }
}

/// The slots of the processes that want the settings, but for `me`.
pub(super) fn others_who_want(body: &[AtomicU64], me: Owner) -> impl Iterator<Item = usize> {
    let words = std::array::from_fn(|word| body.get(WANTED + word).map_or(0, |word| word.load(Ordering::Acquire)));
    super::blocks::bits(words).filter(move |slot| *slot != me.slot())
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn body(words: usize) -> Vec<AtomicU64> {
        (0..words).map(|_| AtomicU64::new(0)).collect()
    }

    #[test]
    fn a_record_reads_as_it_was_written() {
        let identity = Identity { kind: CellKind::Bulkhead, name: "identity-service", key: Some("tenant 7") };
        for (show_keys, key) in [(true, Key::Shown("tenant 7".into())), (false, Key::Hidden(identity.hashes(5)[1]))] {
            let wanted = Wanted { identity, revision: 3, config: &[1, 2, 3], words: 20, show_keys };
            let body = body(wanted.body());
            let cell = wanted.write(&body, 5);
            let record = Record::read(&body).unwrap();
            assert_eq!((record.cell, body.len() - cell, record.key.clone()), (cell, 20, key));
            assert_eq!(
                (record.name.as_str(), record.revision, &record.config[..]),
                ("identity-service", 3, &[1, 2, 3][..])
            );
            assert!(record.is(&identity, identity.hashes(5)));
            assert!(!record.is(&Identity { key: None, ..identity }, Identity { key: None, ..identity }.hashes(5)));
        }
    }

    #[test]
    fn a_record_that_is_scribbled_over_is_none() {
        let identity = Identity { kind: CellKind::Breaker, name: "a", key: None };
        let wanted = Wanted { identity, revision: 0, config: &[9; 20], words: 8, show_keys: false };
        let body = body(wanted.body());
        wanted.write(&body, 5);
        let whole = Record::read(&body);
        let sealed = (IDENTITY..=SUM).chain(FIXED..FIXED + 1 + 20);
        for (word, stroke) in sealed.flat_map(|word| [1, 0xff << 8, 1 << 63, u64::MAX].map(|stroke| (word, stroke))) {
            body[word].fetch_xor(stroke, Ordering::Relaxed);
            match Record::read(&body) {
                None => {}
                Some(record) => assert!(cfg!(feature = "unsealed") && record.cell < body.len(), "{word}"),
            }
            body[word].fetch_xor(stroke, Ordering::Relaxed);
            assert_eq!(Record::read(&body), whole);
        }
    }
}
