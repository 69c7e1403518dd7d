//! Interleavings of the door and the queue; the list of protocols is `core/loom.toml`.

use super::door::{By, Door};
use super::{Bulkhead, Entry, Poll};
use crate::config::BulkheadConfig;
use crate::loom_tests::{at, explore};
use crate::sync::{AtomicU64, Ordering};
use crate::time::{Span, Tick};
use loom::sync::Arc;
use loom::thread;

/// A bulkhead of one, its permit, and the ticket of one who waits.
fn full() -> (Arc<Bulkhead>, crate::permit::Permit, u64) {
    let bulkhead = Arc::new(Bulkhead::new(&BulkheadConfig { name: None, limit: 1, queue: 5, max_wait: None }));
    let Entry::Admitted(permit) = at(0, |cx| bulkhead.enter(None, cx)) else { panic!("not admitted") };
    let Entry::Queued { ticket, .. } = at(0, |cx| bulkhead.enter(None, cx)) else { panic!("not queued") };
    (bulkhead, permit, ticket)
}

#[test]
fn a_permit_is_never_lost() {
    explore(|| {
        let bulkhead = Arc::new(Bulkhead::new(&BulkheadConfig { name: None, limit: 1, queue: 5, max_wait: None }));
        let Entry::Admitted(permit) = at(0, |cx| bulkhead.enter(None, cx)) else { panic!("not admitted") };
        let Entry::Queued { ticket, .. } = at(0, |cx| bulkhead.enter(None, cx)) else { panic!("not queued") };
        let other = bulkhead.clone();
        let leaving = thread::spawn(move || at(1, |cx| other.leave(permit, cx)));
        at(1, |cx| bulkhead.cancel(ticket, cx));
        leaving.join().unwrap();
        assert!(bulkhead.is_empty(), "a permit was handed to nobody");
        assert!(matches!(at(2, |cx| bulkhead.poll(ticket, cx)), Poll::Refused(_)));
        assert!(matches!(at(2, |cx| bulkhead.enter(None, cx)), Entry::Admitted(_)));
    });
}

#[test]
fn who_looks_and_who_is_woken_is_admitted_once() {
    explore(|| {
        let (bulkhead, permit, ticket) = full();
        let other = bulkhead.clone();
        let leaving = thread::spawn(move || at(1, |cx| other.leave(permit, cx)));
        let first = at(1, |cx| bulkhead.poll(ticket, cx));
        let woken = leaving.join().unwrap();
        match first {
            Poll::Admitted(_) => assert!(woken.is_empty() || woken == [ticket]),
            Poll::Waiting { .. } => {
                assert_eq!(woken, [ticket], "nobody wakes the one who waits");
                assert!(matches!(at(2, |cx| bulkhead.poll(ticket, cx)), Poll::Admitted(_)));
            }
            Poll::Refused(refusal) => panic!("{refusal}"),
        }
        assert_eq!(bulkhead.look().in_use, 1);
    });
}

#[test]
fn a_place_given_back_is_seen_by_who_begins_to_wait() {
    leave_against_waiting(Bulkhead::new);
}

#[test]
fn a_shared_place_given_back_is_seen_by_who_begins_to_wait() {
    leave_against_waiting(|config| {
        let bulkhead = Bulkhead::as_if_shared(config);
        door(&bulkhead).near().keep_away(true);
        bulkhead
    });
}

#[test]
fn the_nearest_place_given_back_is_seen_by_who_begins_to_wait() {
    leave_against_waiting(Bulkhead::as_if_shared);
}

/// Who asked for the only place while another left it is in at once, or waits and is woken.
fn is_in_or_woken(bulkhead: &Bulkhead, entry: Entry, woken: &[u64]) {
    match entry {
        Entry::Admitted(_) => assert!(woken.is_empty()),
        Entry::Queued { ticket, .. } => {
            assert_eq!(woken, [ticket], "nobody wakes who waits for a free place");
            assert!(matches!(at(2, |cx| bulkhead.poll(ticket, cx)), Poll::Admitted(_)));
        }
        Entry::Refused(refusal) => panic!("{refusal:?}"),
    }
    assert_eq!(bulkhead.look().in_use, 1);
}

fn leave_against_waiting(make: fn(&BulkheadConfig) -> Bulkhead) {
    explore(move || {
        let bulkhead = Arc::new(make(&BulkheadConfig { name: None, limit: 1, queue: 5, max_wait: None }));
        let place = bulkhead.try_enter().expect("it is empty");
        let other = bulkhead.clone();
        let leaving = thread::spawn(move || at(1, |cx| other.leave_held(place, cx)));
        let entry = at(1, |cx| bulkhead.enter(None, cx));
        let woken = leaving.join().unwrap();
        is_in_or_woken(&bulkhead, entry, &woken);
    });
}

#[test]
fn places_without_a_lock_are_taken_once() {
    explore(|| {
        let bulkhead = Arc::new(Bulkhead::new(&BulkheadConfig { name: None, limit: 1, queue: 0, max_wait: None }));
        let inside = Arc::new(AtomicU64::new(0));
        let come_and_go = move |bulkhead: &Bulkhead, inside: &AtomicU64| {
            let Some(place) = bulkhead.try_enter() else { return false };
            assert_eq!(inside.fetch_add(1, Ordering::Relaxed), 0, "two inside");
            thread::yield_now();
            inside.fetch_sub(1, Ordering::Relaxed);
            at(1, |cx| bulkhead.leave_held(place, cx));
            true
        };
        let (other, theirs) = (bulkhead.clone(), inside.clone());
        let coming = thread::spawn(move || come_and_go(&other, &theirs));
        let mine = come_and_go(&bulkhead, &inside);
        assert!(coming.join().unwrap() || mine, "both were refused");
        assert!(bulkhead.is_empty() && bulkhead.try_enter().is_some());
    });
}

#[test]
fn a_newcomer_never_passes_the_queue() {
    explore(|| {
        let (bulkhead, permit, ticket) = full();
        let other = bulkhead.clone();
        let leaving = thread::spawn(move || at(1, |cx| other.leave(permit, cx)));
        let newcomer = at(1, |cx| bulkhead.enter(None, cx));
        leaving.join().unwrap();
        assert!(matches!(newcomer, Entry::Queued { .. }), "{newcomer:?}");
        assert!(matches!(at(2, |cx| bulkhead.poll(ticket, cx)), Poll::Admitted(_)));
    });
}

#[test]
fn a_wider_bulkhead_forgets_nobody() {
    explore(|| {
        let (bulkhead, _, ticket) = full();
        let other = bulkhead.clone();
        let widening = thread::spawn(move || at(1, |cx| other.resize(3, cx)));
        let newcomer = at(1, |cx| bulkhead.enter(None, cx));
        let woken = widening.join().unwrap();
        let newcomer_in = match newcomer {
            Entry::Admitted(_) => true,
            Entry::Queued { ticket, .. } => woken.contains(&ticket),
            Entry::Refused(_) => false,
        };
        assert!(newcomer_in && woken.contains(&ticket), "{woken:?}");
        assert_eq!(bulkhead.look().in_use, 3);
    });
}

#[test]
fn a_permit_is_not_lost_on_who_times_out() {
    explore(|| {
        let (bulkhead, permit, _) = full();
        let Entry::Queued { ticket, .. } = at(0, |cx| bulkhead.enter(Some(Some(Span::millis(10))), cx)) else {
            panic!("not queued")
        };
        at(1, |cx| bulkhead.resize(2, cx));
        let other = bulkhead.clone();
        let leaving = thread::spawn(move || at(9, |cx| other.leave(permit, cx)));
        let looked = at(10, |cx| bulkhead.poll(ticket, cx));
        let woken = leaving.join().unwrap();
        match looked {
            Poll::Admitted(_) => assert_eq!((woken, bulkhead.look().in_use), (vec![ticket], 2)),
            Poll::Refused(_) => assert_eq!((woken, bulkhead.look().in_use), (vec![], 1)),
            Poll::Waiting { .. } => panic!("its time is over"),
        }
        assert_eq!(bulkhead.look().queued, 0);
    });
}

#[test]
fn who_puts_a_lent_place_back_and_who_begins_to_wait_see_each_other() {
    explore(|| {
        let bulkhead = Arc::new(Bulkhead::new(&BulkheadConfig { name: None, limit: 1, queue: 5, max_wait: None }));
        assert!(bulkhead.try_enter().is_some());
        let lent = bulkhead.lend();
        let other = bulkhead.clone();
        let ending = thread::spawn(move || if lent.put() { other.hand_back(&lent, Tick(1)) } else { Vec::new() });
        let entry = at(0, |cx| bulkhead.enter(None, cx));
        let woken = ending.join().unwrap();
        is_in_or_woken(&bulkhead, entry, &woken);
    });
}

#[test]
fn who_leaves_a_place_at_hand_and_who_begins_to_wait_see_each_other() {
    explore(|| {
        let bulkhead =
            Arc::new(Bulkhead::as_if_shared(&BulkheadConfig { name: None, limit: 1, queue: 5, max_wait: None }));
        assert!(bulkhead.try_enter().is_some());
        let lent = bulkhead.lend();
        let other = bulkhead.clone();
        let ending = thread::spawn(move || match other.leave_by_itself(&lent) {
            (By::Itself, true) => other.hand_back(&lent, Tick(1)),
            (By::Itself, false) => Vec::new(),
            asking => panic!("{asking:?}"),
        });
        let entry = at(0, |cx| bulkhead.enter(None, cx));
        let woken = ending.join().unwrap();
        is_in_or_woken(&bulkhead, entry, &woken);
    });
}

/// A door whose places were taken in a cell that another has taken the place of.
fn replaced(limit: u32, taken: usize) -> Arc<Bulkhead> {
    let bulkhead = Bulkhead::as_if_shared(&BulkheadConfig { name: None, limit, queue: 0, max_wait: None });
    (0..taken).for_each(|_| assert!(bulkhead.try_enter().is_some()));
    door(&bulkhead).replace();
    Arc::new(bulkhead)
}

fn door(bulkhead: &Bulkhead) -> &Door {
    bulkhead.host.as_ref().expect("it is as if shared")
}

/// Else who goes by the old cell and who goes by the new one give the same place back, and the other's is nobody's
/// for ever.
#[test]
fn whose_a_carried_place_is_is_decided_where_it_was_taken() {
    explore(|| {
        let bulkhead = replaced(2, 2);
        assert_eq!(door(&bulkhead).in_use(), 2);
        let other = bulkhead.clone();
        let leaving = thread::spawn(move || door(&other).give_back_before());
        door(&bulkhead).give_back();
        leaving.join().unwrap();
        assert_eq!(door(&bulkhead).in_use(), 0);
    });
}

#[test]
fn a_place_taken_in_a_cell_that_has_ended_is_given_back_by_whoever_finds_it() {
    explore(|| {
        let bulkhead = replaced(2, 1);
        let other = bulkhead.clone();
        let coming = thread::spawn(move || door(&other).take_before());
        door(&bulkhead).give_back();
        coming.join().unwrap();
        assert_eq!(door(&bulkhead).in_use(), 0);
        assert_eq!(door(&bulkhead).in_use_before(), 0);
    });
}

/// One raises it to what it was highest ever, just as another makes it higher still.
#[test]
fn of_two_who_resize_one_closes_the_places_where_the_limit_is_lower_after() {
    explore(|| {
        let bulkhead =
            Arc::new(Bulkhead::as_if_shared(&BulkheadConfig { name: None, limit: 1, queue: 0, max_wait: None }));
        let other = bulkhead.clone();
        let resizing = thread::spawn(move || door(&other).resize(2));
        door(&bulkhead).resize(1);
        resizing.join().unwrap();
        assert!(door(&bulkhead).limit() == Some(2) || door(&bulkhead).is_closed());
    });
}
