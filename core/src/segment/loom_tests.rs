//! Interleavings of what processes do to a segment, explored by loom.

use super::blocks::State;
use super::directory::{Directory, Others};
use super::layout::{Regions, WRITERS, header};
use super::record::{Identity, Record, Wanted};
use super::{CellKind, Owner, blocks::Block, writers};
use crate::cell::{LINE, Writer};
use crate::loom_tests::explore;
use crate::sync::{AtomicU64, Ordering};
use loom::sync::Arc;
use loom::thread;

/// Everybody lives; nobody has anything from before.
struct AllAlive;

impl Others for AllAlive {
    fn is_alive(&self, _: Owner) -> bool {
        true
    }
    fn lives(&self, _: usize) -> bool {
        true
    }
    fn keeps(&self, _: Block) -> bool {
        false
    }
    fn close(&self, _: CellKind, _: &[AtomicU64]) {}
    fn retire(&self, _: CellKind, old: &[AtomicU64], _: &[AtomicU64]) {
        old[0].store(u64::MAX, Ordering::Release);
    }
}

struct Tiny {
    words: Vec<AtomicU64>,
    regions: Regions,
}

impl Tiny {
    fn new() -> Arc<Tiny> {
        let regions = Regions::tiny(40);
        let words: Vec<AtomicU64> = (0..regions.end * LINE).map(|_| AtomicU64::new(0)).collect();
        words[header::NEXT].store(super::seal::sealed(regions.arena), Ordering::Relaxed);
        Arc::new(Tiny { words, regions })
    }

    fn directory(&self, slot: usize) -> Directory<'_> {
        Directory::new(&self.words, self.regions, 0, Owner::new(slot, 7), &AllAlive)
    }

    fn find(&self, slot: usize, config: &[u64]) -> (Block, Record) {
        let identity = Identity { kind: CellKind::Cost, name: "x", key: None };
        let wanted = Wanted { identity, revision: 0, config, words: 1, show_keys: false };
        let make = |cell: &[AtomicU64], old: Option<(&Record, &[AtomicU64])>| {
            cell[0].store(old.map_or(5, |(_, old)| old[0].load(Ordering::Acquire)), Ordering::Relaxed);
        };
        let place = self.directory(slot).find_or_make(&wanted, &make).unwrap();
        (place.block, place.record)
    }
}

#[test]
fn two_who_ask_for_a_name_get_one_cell() {
    explore(|| {
        let segment = Tiny::new();
        let other = segment.clone();
        let asking = thread::spawn(move || other.find(1, &[1]).0);
        let mine = segment.find(0, &[1]).0;
        assert_eq!(mine, asking.join().unwrap());
        assert!(matches!(segment.directory(0).arena.state(mine), State::Live(_)));
    });
}

#[test]
fn who_finds_a_cell_keeps_it_from_who_wants_room() {
    explore(|| {
        let segment = Tiny::new();
        let (block, _) = segment.find(0, &[1]);
        segment.directory(0).arena.let_go(block, 0);
        let other = segment.clone();
        let evicting = thread::spawn(move || {
            let arena = other.directory(1).arena;
            arena.end_unused(block, |block| arena.holders(block).next().is_some())
        });
        // Either the cell is kept, or it is gone and another one is made.
        let (found, record) = segment.find(2, &[1]);
        let ended = evicting.join().unwrap();
        assert_eq!(ended, found != block);
        let arena = segment.directory(2).arena;
        assert!(matches!(arena.state(found), State::Live(_)));
        assert_eq!(arena.body(found)[record.cell].load(Ordering::Acquire), 5);
    });
}

#[test]
fn a_cell_is_replaced_once_and_found_by_all() {
    explore(|| {
        let segment = Tiny::new();
        let (old, _) = segment.find(0, &[1]);
        // Its maker is gone; two others want it otherwise, alike.
        segment.directory(0).arena.let_go(old, 0);
        super::record::want(segment.directory(0).arena.body(old), 0, false);
        let other = segment.clone();
        let asking = thread::spawn(move || other.find(1, &[2]).0);
        let mine = segment.find(2, &[2]).0;
        assert_eq!(mine, asking.join().unwrap());
        assert_ne!(mine, old);
        assert!(!matches!(segment.directory(0).arena.state(old), State::Live(_)));
    });
}

#[test]
fn a_line_of_the_dead_gets_one_writer() {
    explore(|| {
        let segment = Tiny::new();
        let word = &segment.words[Regions::writer(0)];
        word.store(Owner::new(3, 9).word(), Ordering::Relaxed);
        let claim = |segment: &Tiny, slot: usize| {
            writers::free_line(&segment.words, Owner::new(slot, 7), |owner| owner.slot() != 3).is_some()
        };
        let other = segment.clone();
        let claiming = thread::spawn(move || claim(&other, 1));
        let mine = claim(&segment, 2);
        assert!(mine ^ claiming.join().unwrap());
    });
}

#[test]
fn what_was_counted_on_a_line_is_among_those_in_use() {
    explore(|| {
        let [lines, tally] = [(); 2].map(|()| Arc::new(AtomicU64::new(0)));
        let (theirs, counted) = (lines.clone(), tally.clone());
        let counting = thread::spawn(move || {
            writers::will_use(&theirs, Writer { line: 0, alone: true });
            counted.store(1, Ordering::Release);
        });
        // The shared ones come into use meanwhile.
        writers::will_use(&lines, WRITERS.shared(0));
        let seen = tally.load(Ordering::Acquire);
        assert!(writers::in_use(&lines).own >= seen as usize);
        counting.join().unwrap();
        assert_eq!(writers::in_use(&lines), WRITERS);
    });
}

/// As a driver enters a failure: the word of the lines in use, then the tallies of those, then the number of
/// failures. Whoever's failure it sees among them, his successes before it are in the sum.
#[test]
fn a_driver_adds_up_what_was_counted_before_the_failures_it_sees() {
    explore(|| {
        // Tallies of a line with one writer and of a shared one, failures.
        let words = Arc::new([(); 4].map(|()| AtomicU64::new(0)));
        let theirs = words.clone();
        let calling = thread::spawn(move || {
            let [lines, own, shared, failures] = &*theirs;
            writers::will_use(lines, Writer { line: 0, alone: true });
            own.store(1, Ordering::Release);
            failures.fetch_add(1, Ordering::AcqRel);
            writers::will_use(lines, WRITERS.shared(0));
            shared.fetch_add(1, Ordering::Release);
            failures.fetch_add(1, Ordering::AcqRel);
        });
        let [lines, own, shared, failures] = &*words;
        let before = failures.load(Ordering::Acquire);
        let used = lines.load(Ordering::SeqCst);
        let own = if used as u32 > 0 { own.load(Ordering::SeqCst) } else { 0 };
        let sum = own + if used >> 32 != 0 { shared.load(Ordering::SeqCst) } else { 0 };
        assert!(sum >= before, "{sum} of {before}");
        calling.join().unwrap();
    });
}
