//! Interleavings of the places of a shared cell, explored by loom; the list of protocols is `core/loom.toml`.

use super::{Block, Homes, LINE, Near, Seats, carry, carry_rest, close};
use crate::loom_tests::explore;
use crate::segment::Owner;
use crate::sync::{AtomicBool, Ordering};
use loom::sync::Arc;
use loom::thread;

#[test]
fn places_are_never_more_than_the_limit() {
    explore(|| {
        let cell = Arc::new(Block::new(LINE));
        let seats = Seats { first: 0, capacity: 4 };
        let [dead, one, two] = [3, 1, 2].map(|slot| Owner::new(slot, 7));
        // One place is the dead's, one above a limit that was lowered from three to two.
        cell.word(0).store(dead.word(), Ordering::Relaxed);
        cell.word(2).store(one.word(), Ordering::Relaxed);
        let take = move |cell: &Block, me: Owner| {
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

/// Given back where it was taken, and in the new cell if the old one's life has ended.
fn leaves(seats: Seats, [old, new]: [&Block; 2], me: Owner, ended: &AtomicBool) {
    assert!(seats.give_back(old, me, 0));
    if ended.load(Ordering::SeqCst) {
        seats.give_back_carried(new, me, 0);
    }
}

/// What who took a place in the old cell does after: it is undone where the cell's life had ended by then.
fn is_kept(seats: Seats, [old, new]: [&Block; 2], me: Owner, ended: &AtomicBool) -> bool {
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
        let [old, new] = [(); 2].map(|()| Arc::new(Block::new(LINE)));
        let me = Owner::new(1, 7);
        let seats = Seats { first: 0, capacity: 1 };
        let ended = Arc::new(AtomicBool::new(false));
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
        let [old, new] = [(); 2].map(|()| Arc::new(Block::new(LINE)));
        let (seats, [one, two]) = (Seats { first: 0, capacity: 1 }, [1, 2].map(|slot| Owner::new(slot, 7)));
        old.word(0).store(one.word(), Ordering::Relaxed);
        let ended = Arc::new(AtomicBool::new(false));
        let moving = moving(&old, &new, &ended);
        leaves(seats, [&old, &new], one, &ended);
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
        let [first, second, third] = [(); 3].map(|()| Arc::new(Block::new(LINE)));
        let (seats, me) = (Seats { first: 0, capacity: 1 }, Owner::new(1, 7));
        first.word(0).store(me.word(), Ordering::Relaxed);
        let _ = carry(std::slice::from_ref(first.word(0)), std::slice::from_ref(second.word(0)));
        let ended = Arc::new(AtomicBool::new(false));
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
        let cell = Arc::new(Block::new(LINE));
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
            let [old, new] = [(); 2].map(|()| Arc::new(Block::new(LINE)));
            let (seats, me) = (Seats { first: 0, capacity: 1 }, Owner::new(1, 7));
            if closed {
                seats.close(&old);
            }
            let words = seats.words_of(&old, me);
            old.word(0).store(words[usize::from(!begins_inside)], Ordering::Relaxed);
            let ended = Arc::new(AtomicBool::new(false));
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
fn near(cell: &Block, me: Owner) -> crate::sync::Arc<Near> {
    let near = Near::new();
    near.bring(cell, me, Seats { first: 0, capacity: 1 }, Homes::within(1), || true);
    near
}

#[test]
fn the_nearest_place_taken_as_its_cell_ends_is_carried_by_who_ends_it() {
    explore(|| {
        let [old, new] = [(); 2].map(|()| Arc::new(Block::new(LINE)));
        let (seats, me) = (Seats { first: 0, capacity: 1 }, Owner::new(1, 7));
        let near = near(&old, me);
        let ended = Arc::new(AtomicBool::new(false));
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
        let [old, new] = [(); 2].map(|()| Arc::new(Block::new(LINE)));
        let (seats, me) = (Seats { first: 0, capacity: 1 }, Owner::new(1, 7));
        let near = near(&old, me);
        assert!(near.take());
        let ended = Arc::new(AtomicBool::new(false));
        let moving = moving(&old, &new, &ended);
        if !near.give_back() {
            leaves(seats, [&old, &new], me, &ended);
        }
        moving.join().unwrap();
        assert_eq!(seats.in_use(&new), 0);
    });
}

#[test]
fn whoever_lowers_the_limit_sees_all_who_took_their_nearest_place_before() {
    explore(|| {
        let cell = Arc::new(Block::new(LINE));
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
        let cell = Arc::new(Block::new(LINE));
        let (near, standing) = (Near::new(), Arc::new(AtomicBool::new(true)));
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
        let cell = Arc::new(Block::new(LINE));
        let near = Near::new();
        let other = near.clone();
        let waiting = thread::spawn(move || other.keep_away(true));
        near.bring(&cell, Owner::new(1, 7), Seats { first: 0, capacity: 1 }, Homes::within(1), || true);
        waiting.join().unwrap();
        assert!(!near.take() && near.is_right(true));
    });
}

/// A cell is moved, and its life ends between the two halves of that.
fn moving(old: &Arc<Block>, new: &Arc<Block>, ended: &Arc<AtomicBool>) -> thread::JoinHandle<()> {
    let (old, new, ended) = (old.clone(), new.clone(), ended.clone());
    thread::spawn(move || {
        let (old, new) = (std::slice::from_ref(old.word(0)), std::slice::from_ref(new.word(0)));
        let _ = carry(old, new);
        close(old);
        ended.store(true, Ordering::SeqCst);
        carry_rest(old, new);
    })
}

#[test]
fn a_permit_carried_to_a_new_cell_comes_back_once() {
    explore(|| {
        let old = Arc::new(Block::new(8));
        let me = Owner::new(1, 7);
        let seats = Seats { first: 0, capacity: 1 };
        assert_eq!(seats.take(&old, me, (1, 1), 0), Some(0));
        let new = Arc::new(Block::new(8));
        let ended = Arc::new(AtomicBool::new(false));
        let moving = moving(&old, &new, &ended);
        leaves(seats, [&old, &new], me, &ended);
        moving.join().unwrap();
        assert_eq!(seats.in_use(&new), 0);
    });
}
