//! Interleavings of what processes do to a segment, explored by loom.

use super::blocks::State;
use super::directory::{Directory, Others};
use super::layout::{Regions, WRITERS, header};
use super::record::{Identity, Record, Wanted};
use super::{CellKind, Owner, blocks::Block, writers};
use crate::cell::{self, Homes, LINE, Near, Seats};
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
            writers::will_use(&theirs, cell::Writer { line: 0, alone: true });
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
            writers::will_use(lines, cell::Writer { line: 0, alone: true });
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

#[test]
fn places_are_never_more_than_the_limit() {
    explore(|| {
        let cell = Arc::new(cell::Block::new(LINE));
        let seats = Seats { first: 0, capacity: 4 };
        let [dead, one, two] = [3, 1, 2].map(|slot| Owner::new(slot, 7));
        // One place is the dead's, one above a limit that was lowered from three to two.
        cell.word(0).store(dead.word(), Ordering::Relaxed);
        cell.word(2).store(one.word(), Ordering::Relaxed);
        let take = move |cell: &cell::Block, me: Owner| {
            seats.take(cell, me, (2, 3), 0).or_else(|| {
                seats.reclaim_where(cell, |owner| owner == dead);
                seats.take(cell, me, (2, 3), 0)
            })
        };
        let other = cell.clone();
        let taking = thread::spawn(move || take(&other, two));
        let mine = take(&cell, one);
        let theirs = taking.join().unwrap();
        assert!(mine.is_some() ^ theirs.is_some(), "{mine:?} {theirs:?}");
        assert!(seats.in_use(&cell) == 2);
    });
}

/// What who took a place in the old cell does after: it is undone where the cell's life had ended by then.
fn is_kept(seats: Seats, [old, new]: [&cell::Block; 2], me: Owner, ended: &loom::sync::atomic::AtomicBool) -> bool {
    let kept = !ended.load(Ordering::SeqCst);
    if !kept {
        seats.give_back(old, me, 0);
        seats.give_back_carried(new, me, 0);
    }
    kept
}

#[test]
fn a_permit_taken_as_its_cell_ends_is_carried_or_undone() {
    explore(|| {
        let [old, new] = [(); 2].map(|()| Arc::new(cell::Block::new(LINE)));
        let me = Owner::new(1, 7);
        let seats = Seats { first: 0, capacity: 1 };
        let ended = Arc::new(loom::sync::atomic::AtomicBool::new(false));
        let moving = moving(&old, &new, &ended);
        // Whether the cell lives is looked at once, after the place was taken.
        assert!(seats.take_first(&old, me, 1, 0));
        let kept = is_kept(seats, [&old, &new], me, &ended);
        moving.join().unwrap();
        assert_eq!(seats.in_use(&new), u64::from(kept));
    });
}

/// One gives it back and another takes it between the two halves of a move.
#[test]
fn a_place_that_changes_hands_as_its_cell_ends_is_carried_for_who_has_it() {
    explore(|| {
        let [old, new] = [(); 2].map(|()| Arc::new(cell::Block::new(LINE)));
        let (seats, [one, two]) = (Seats { first: 0, capacity: 1 }, [1, 2].map(|slot| Owner::new(slot, 7)));
        old.word(0).store(one.word(), Ordering::Relaxed);
        let ended = Arc::new(loom::sync::atomic::AtomicBool::new(false));
        let moving = moving(&old, &new, &ended);
        let leave = |me: Owner| {
            assert!(seats.give_back(&old, me, 0));
            if ended.load(Ordering::SeqCst) {
                seats.give_back_carried(&new, me, 0);
            }
        };
        leave(one);
        assert!(seats.take_first(&old, two, 1, 0));
        let kept = is_kept(seats, [&old, &new], two, &ended);
        moving.join().unwrap();
        assert_eq!(seats.in_use(&new), u64::from(kept));
        if kept {
            assert!(seats.give_back(&old, two, 0));
            seats.give_back_carried(&new, two, 0);
            assert_eq!(seats.in_use(&new), 0);
        }
    });
}

/// What `follow` of a door does, for who took his place in the first of three cells.
#[test]
fn a_place_carried_twice_is_cleared_in_both() {
    explore(|| {
        let [first, second, third] = [(); 3].map(|()| Arc::new(cell::Block::new(LINE)));
        let (seats, me) = (Seats { first: 0, capacity: 1 }, Owner::new(1, 7));
        first.word(0).store(me.word(), Ordering::Relaxed);
        let _ = cell::carry(std::slice::from_ref(first.word(0)), std::slice::from_ref(second.word(0)));
        let ended = Arc::new(loom::sync::atomic::AtomicBool::new(false));
        let moving = moving(&second, &third, &ended);
        assert!(seats.give_back(&first, me, 0));
        loop {
            let moved = ended.load(Ordering::SeqCst);
            seats.give_back_carried(&second, me, 0);
            if moved {
                seats.give_back_carried(&third, me, 0);
            }
            if moved || !ended.load(Ordering::SeqCst) {
                break;
            }
        }
        moving.join().unwrap();
        assert_eq!(seats.in_use(&third), 0);
    });
}

#[test]
fn a_place_at_hand_is_had_by_one() {
    explore(|| {
        let cell = Arc::new(cell::Block::new(LINE));
        let (seats, [one, two]) = (Seats { first: 0, capacity: 1 }, [1, 2].map(|slot| Owner::new(slot, 7)));
        cell.word(0).store(one.at_hand(), Ordering::Relaxed);
        assert_eq!(seats.in_use(&cell), 0);
        let other = cell.clone();
        let taking = thread::spawn(move || seats.take(&other, two, (1, 1), 0).is_some());
        let mine = seats.take_at_hand(&cell, seats.words_of(&cell, one), 0);
        let theirs = taking.join().unwrap();
        assert!(mine ^ theirs, "{mine} {theirs}");
        // Whoever has it leaves it as he does, and the other finds it so, or asks.
        assert_eq!(seats.leave_at_hand(&cell, seats.words_of(&cell, one), 0), mine);
        assert_eq!(seats.give_back(&cell, two, 0), theirs);
        assert_eq!(seats.take_at_hand(&cell, seats.words_of(&cell, one), 0), mine);
    });
}

/// In a cell whose places are open until then, and in one whose were closed before, as after a lowered limit.
#[test]
fn a_place_taken_and_left_at_hand_as_its_cell_ends_is_carried_or_undone() {
    for (begins_inside, closed) in [(false, false), (false, true), (true, false), (true, true)] {
        explore(move || {
            let [old, new] = [(); 2].map(|()| Arc::new(cell::Block::new(LINE)));
            let (seats, me) = (Seats { first: 0, capacity: 1 }, Owner::new(1, 7));
            if closed {
                seats.close(&old);
            }
            let words = seats.words_of(&old, me);
            old.word(0).store(words[usize::from(!begins_inside)], Ordering::Relaxed);
            let ended = Arc::new(loom::sync::atomic::AtomicBool::new(false));
            let moving = moving(&old, &new, &ended);
            let taken = begins_inside || seats.take_at_hand(&old, words, 0);
            assert!(taken || !closed, "else it asks");
            let kept = taken && !begins_inside && !ended.load(Ordering::SeqCst);
            if taken && !kept {
                assert!(seats.leave_at_hand(&old, words, 0) || !closed && seats.give_back(&old, me, 0));
                if ended.load(Ordering::SeqCst) {
                    seats.give_back_carried(&new, me, 0);
                }
            }
            moving.join().unwrap();
            assert_eq!(seats.in_use(&new), u64::from(kept));
        });
    }
}

/// Near to this process, in a cell of one.
fn near(cell: &cell::Block, me: Owner) -> crate::sync::Arc<Near> {
    let near = Near::new();
    near.bring(cell, me, Seats { first: 0, capacity: 1 }, Homes::within(1), || true);
    near
}

#[test]
fn the_nearest_place_taken_as_its_cell_ends_is_carried_by_who_ends_it() {
    explore(|| {
        let [old, new] = [(); 2].map(|()| Arc::new(cell::Block::new(LINE)));
        let (seats, me) = (Seats { first: 0, capacity: 1 }, Owner::new(1, 7));
        let near = near(&old, me);
        let ended = Arc::new(loom::sync::atomic::AtomicBool::new(false));
        let moving = moving(&old, &new, &ended);
        // Nobody looks whether the cell lives.
        let taken = near.take();
        moving.join().unwrap();
        assert_eq!(seats.in_use(&new), u64::from(taken));
        assert!(!near.give_back(), "it is to be given back where it was carried to as well");
        assert_eq!(seats.give_back(&old, me, 0), taken);
    });
}

#[test]
fn the_nearest_place_given_back_as_its_cell_ends_is_carried_to_nobody() {
    explore(|| {
        let [old, new] = [(); 2].map(|()| Arc::new(cell::Block::new(LINE)));
        let (seats, me) = (Seats { first: 0, capacity: 1 }, Owner::new(1, 7));
        let near = near(&old, me);
        assert!(near.take());
        let ended = Arc::new(loom::sync::atomic::AtomicBool::new(false));
        let moving = moving(&old, &new, &ended);
        if !near.give_back() {
            assert!(seats.give_back(&old, me, 0));
            if ended.load(Ordering::SeqCst) {
                seats.give_back_carried(&new, me, 0);
            }
        }
        moving.join().unwrap();
        assert_eq!(seats.in_use(&new), 0);
    });
}

#[test]
fn whoever_lowers_the_limit_sees_all_who_took_their_nearest_place_before() {
    explore(|| {
        let cell = Arc::new(cell::Block::new(LINE));
        let (seats, me) = (Seats { first: 0, capacity: 1 }, Owner::new(1, 7));
        let near = near(&cell, me);
        let other = cell.clone();
        let lowering = thread::spawn(move || {
            seats.close(&other);
            seats.in_use(&other)
        });
        let taken = near.take();
        assert_eq!(lowering.join().unwrap(), u64::from(taken));
    });
}

#[test]
fn nothing_stays_near_to_who_is_not_who_he_was() {
    explore(|| {
        let cell = Arc::new(cell::Block::new(LINE));
        let (near, standing) = (Near::new(), Arc::new(loom::sync::atomic::AtomicBool::new(true)));
        let (other, stands) = (near.clone(), standing.clone());
        let changing = thread::spawn(move || {
            stands.store(false, Ordering::SeqCst);
            other.take_away();
        });
        let seats = Seats { first: 0, capacity: 1 };
        near.bring(&cell, Owner::new(1, 7), seats, Homes::within(1), || standing.load(Ordering::SeqCst));
        changing.join().unwrap();
        assert!(!near.take());
    });
}

#[test]
fn nothing_is_near_while_it_is_kept_away() {
    explore(|| {
        let cell = Arc::new(cell::Block::new(LINE));
        let near = Near::new();
        let other = near.clone();
        let waiting = thread::spawn(move || other.keep_away(true));
        near.bring(&cell, Owner::new(1, 7), Seats { first: 0, capacity: 1 }, Homes::within(1), || true);
        waiting.join().unwrap();
        assert!(!near.take() && near.is_right(true));
    });
}

/// A cell is moved, and its life ends between the two halves of that.
fn moving(
    old: &Arc<cell::Block>,
    new: &Arc<cell::Block>,
    ended: &Arc<loom::sync::atomic::AtomicBool>,
) -> thread::JoinHandle<()> {
    let (old, new, ended) = (old.clone(), new.clone(), ended.clone());
    thread::spawn(move || {
        let (old, new) = (std::slice::from_ref(old.word(0)), std::slice::from_ref(new.word(0)));
        let _ = cell::carry(old, new);
        cell::close(old);
        ended.store(true, Ordering::SeqCst);
        cell::carry_rest(old, new);
    })
}

#[test]
fn a_permit_carried_to_a_new_cell_comes_back_once() {
    explore(|| {
        let old = Arc::new(cell::Block::new(8));
        let me = Owner::new(1, 7);
        let seats = Seats { first: 0, capacity: 1 };
        assert_eq!(seats.take(&old, me, (1, 1), 0), Some(0));
        let new = Arc::new(cell::Block::new(8));
        let ended = Arc::new(loom::sync::atomic::AtomicBool::new(false));
        let moving = moving(&old, &new, &ended);
        // Given back where it was taken, and in the new cell if the old one's life has ended.
        seats.give_back(&old, me, 0);
        if ended.load(Ordering::SeqCst) {
            seats.give_back_carried(&new, me, 0);
        }
        moving.join().unwrap();
        assert_eq!(seats.in_use(&new), 0);
    });
}
