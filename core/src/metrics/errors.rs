//! Errors of attempts, by type.

use super::call::Counter;
use crate::cell::{Block, LENT, LINE, Writers, is_lent};
use crate::outcome::Outcome;
use crate::sync::{Arc, AtomicU64, Mutex, OnceLock, Ordering};
use std::collections::BTreeMap;

/// Error types beyond this many are counted as `other`.
const ERROR_TYPES: usize = 50;

/// Errors of one type that meant one outcome.
#[derive(Default)]
pub(crate) struct ErrorType {
    count: Counter,
    /// The column of the calls that ended at once with one, where somebody asked for it: each stands for
    /// a call, an attempt and an error.
    ends: OnceLock<usize>,
}

/// Where a driver counts the calls that end at once with an error of one kind: a word on each of its
/// writers' lines, divided as those of the pass path are.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct EndingLines {
    /// Addresses of the words of the lent lines, each for a plain load and store of its writer.
    pub lent: [Option<usize>; LENT],
    /// Address of the word of the first shared line, to be added to atomically.
    pub shared: usize,
    /// How many shared lines there are.
    pub shared_lines: u32,
    /// Bytes from one line to the next.
    pub stride: u32,
}

type Types = BTreeMap<&'static str, BTreeMap<Box<str>, Arc<ErrorType>>>;

#[derive(Default)]
pub(crate) struct Errors {
    types: Mutex<Types>,
    /// A column for each of the first few types that calls end with at once; made with the first one.
    ends: OnceLock<Block>,
}

impl Errors {
    /// An attempt ended with an error of the class `name`.
    pub(crate) fn add(&self, outcome: Outcome, name: &str) {
        self.with(outcome, name, |kind, _| kind.count.add());
    }

    /// Such errors, for who will end calls with them; with a column of their own while there is one.
    pub(crate) fn ending(&self, outcome: Outcome, name: &str) -> Arc<ErrorType> {
        self.with(outcome, name, |kind, columns| {
            if columns < LINE {
                kind.ends.get_or_init(|| columns);
            }
            kind.clone()
        })
    }

    /// `act` on the type, and the number of columns that are taken.
    fn with<R>(&self, outcome: Outcome, name: &str, act: impl FnOnce(&Arc<ErrorType>, usize) -> R) -> R {
        let mut types = self.types.lock();
        let columns = all(&types).filter(|(_, _, kind)| kind.ends.get().is_some()).count();
        if let Some(kind) = types.get(outcome.as_str()).and_then(|types| types.get(name)) {
            return act(kind, columns);
        }
        let name = if all(&types).count() < ERROR_TYPES { name } else { "other" };
        act(types.entry(outcome.as_str()).or_default().entry(name.into()).or_default(), columns)
    }

    /// Counts a call that ended at once with such an error; `false`: it has no column, count its parts.
    pub(crate) fn ended_at_once(&self, kind: &ErrorType) -> bool {
        let Some(&column) = kind.ends.get() else {
            kind.count.add();
            return false;
        };
        let block = self.block();
        let writer = block.writer();
        // Relaxed: a total that nothing is decided by.
        writer.add_one(block.word(writer.line * LINE + column), Ordering::Relaxed);
        true
    }

    /// See [`EndingLines`]; `None` for a type that came too late for a column.
    pub(crate) fn lines(&self, kind: &ErrorType) -> Option<EndingLines> {
        let (column, block) = (*kind.ends.get()?, self.block());
        // Exposed: a driver makes pointers of them.
        let address = |line: usize| {
            let word: &AtomicU64 = block.word(line * LINE + column);
            std::ptr::from_ref(word).expose_provenance()
        };
        let alone = |slot: &usize| is_lent(*slot) && Writers::HEAP.of_slot(*slot).alone;
        Some(EndingLines {
            lent: std::array::from_fn(|slot| Some(slot).filter(alone).map(address)),
            shared: address(Writers::HEAP.shared(0).line),
            shared_lines: Writers::HEAP.shared as u32,
            stride: (LINE * size_of::<u64>()) as u32,
        })
    }

    fn block(&self) -> &Block {
        self.ends.get_or_init(|| Block::new(Writers::HEAP.lines() * LINE))
    }

    fn ended(&self, kind: &ErrorType) -> u64 {
        match (kind.ends.get(), self.ends.get()) {
            (Some(&column), Some(block)) => block.sum(0, column),
            _ => 0,
        }
    }

    /// Calls that ended at once with an error that meant `outcome`.
    pub(crate) fn ended_with(&self, outcome: Outcome) -> u64 {
        let types = self.types.lock();
        let kinds = types.get(outcome.as_str()).into_iter().flatten();
        kinds.map(|(_, kind)| self.ended(kind)).sum()
    }

    /// Outcome, type and number of all errors.
    pub(crate) fn totals(&self) -> Vec<(&'static str, Box<str>, u64)> {
        let types = self.types.lock();
        all(&types)
            .map(|(outcome, name, kind)| (outcome, name.clone(), kind.count.get() + self.ended(kind)))
            .filter(|(_, _, count)| *count > 0)
            .collect()
    }
}

fn all(types: &Types) -> impl Iterator<Item = (&'static str, &Box<str>, &Arc<ErrorType>)> {
    types.iter().flat_map(|(outcome, types)| types.iter().map(|(name, kind)| (*outcome, name, kind)))
}
