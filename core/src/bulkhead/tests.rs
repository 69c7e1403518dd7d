use super::*;
use crate::rng::Rng;

fn at<R>(millis: u64, f: impl FnOnce(&mut Cx) -> R) -> R {
    f(&mut Cx { now: Tick(millis * 1_000_000), rng: &Rng::seeded(1), notes: &mut Vec::new() })
}

fn bulkhead(limit: u32, queue: u32, max_wait: Option<Span>) -> Bulkhead {
    Bulkhead::new(&BulkheadConfig { name: None, limit, queue, max_wait })
}

fn admitted(entry: Entry) -> Permit {
    match entry {
        Entry::Admitted(permit) => permit,
        other => panic!("not admitted: {other:?}"),
    }
}

fn queued(entry: Entry) -> u64 {
    match entry {
        Entry::Queued { ticket, .. } => ticket,
        other => panic!("not queued: {other:?}"),
    }
}

#[test]
fn full_means_rejected_where_nobody_waits() {
    let b = bulkhead(1, 0, None);
    let permit = admitted(at(0, |cx| b.enter(None, cx)));
    assert!(matches!(at(0, |cx| b.enter(None, cx)), Entry::Refused(r) if r.code == Code::BulkheadFull));
    assert!(at(1, |cx| b.leave(permit, cx)).is_empty());
    admitted(at(1, |cx| b.enter(None, cx)));
}

#[test]
fn a_permit_goes_to_the_first_waiter_and_never_to_a_newcomer() {
    let b = bulkhead(1, u32::MAX, Some(Span::secs(2)));
    let a = admitted(at(0, |cx| b.enter(None, cx)));
    let (first, second) = (queued(at(1, |cx| b.enter(None, cx))), queued(at(2, |cx| b.enter(None, cx))));
    assert_eq!(at(3, |cx| b.leave(a, cx)), [first]);
    let newcomer = queued(at(3, |cx| b.enter(None, cx)));
    assert!(matches!(at(3, |cx| b.poll(second, cx)), Poll::Waiting { .. }));
    assert!(matches!(at(4, |cx| b.poll(first, cx)), Poll::Admitted(_)));
    assert!(newcomer > second);
}

#[test]
fn a_permit_handed_to_a_leaving_waiter_goes_on() {
    let b = bulkhead(1, 5, None);
    let a = admitted(at(0, |cx| b.enter(None, cx)));
    let (first, second) = (queued(at(0, |cx| b.enter(None, cx))), queued(at(0, |cx| b.enter(None, cx))));
    assert_eq!(at(1, |cx| b.leave(a, cx)), [first]);
    assert_eq!(at(1, |cx| b.cancel(first, cx)), [second]);
    assert!(matches!(at(1, |cx| b.poll(second, cx)), Poll::Admitted(_)));
}

#[test]
fn waiting_ends_at_its_time() {
    let b = bulkhead(1, 5, Some(Span::millis(10)));
    let _a = admitted(at(0, |cx| b.enter(None, cx)));
    let ticket = queued(at(0, |cx| b.enter(None, cx)));
    assert!(matches!(at(9, |cx| b.poll(ticket, cx)), Poll::Waiting { .. }));
    assert!(matches!(at(10, |cx| b.poll(ticket, cx)), Poll::Refused(r) if r.code == Code::BulkheadTimeout));
    assert_eq!(b.look().queued, 0);
}

#[test]
fn resizing_admits_and_shrinks_as_permits_return() {
    let b = bulkhead(1, 5, None);
    let a = admitted(at(0, |cx| b.enter(None, cx)));
    let ticket = queued(at(0, |cx| b.enter(None, cx)));
    assert_eq!(at(1, |cx| b.resize(2, cx)), [ticket]);
    let Poll::Admitted(second) = at(1, |cx| b.poll(ticket, cx)) else { panic!("not admitted") };
    at(2, |cx| b.resize(1, cx));
    at(3, |cx| b.leave(a, cx));
    queued(at(3, |cx| b.enter(None, cx)));
    at(4, |cx| b.leave(second, cx));
    assert_eq!(b.look().in_use, 1);
}

#[test]
fn a_permit_given_back_twice_frees_one_slot() {
    let b = bulkhead(2, 0, None);
    let (a, _other) = (admitted(at(0, |cx| b.enter(None, cx))), admitted(at(0, |cx| b.enter(None, cx))));
    at(1, |cx| b.leave(a, cx));
    at(1, |cx| b.leave(a, cx));
    let snapshot = b.look();
    assert_eq!((snapshot.in_use, snapshot.stale), (1, 1));
}
