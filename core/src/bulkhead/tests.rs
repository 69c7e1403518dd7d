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

#[cfg(feature = "json")]
mod loans {
    use super::*;
    use crate::Registry;
    use crate::admission::Admission;
    use crate::policy::Policy;

    fn policy(bulkhead: &str) -> Policy {
        Registry::manual(1).policy(&format!(r#"{{"bulkhead": {{{bulkhead}}}}}"#)).expect("a policy")
    }

    fn keep(policy: &Policy) -> (Loan, Admission) {
        let admission = policy.admit().expect("room");
        let loan = policy.lend(admission).expect("a place");
        loan.keep();
        (loan, admission)
    }

    #[test]
    fn a_place_that_was_put_back_is_taken_again_and_counted() {
        let policy = policy(r#""limit": 2"#);
        let look = || policy.bulkhead().expect("a bulkhead").look();
        let (loan, _) = keep(&policy);
        assert_eq!(look().in_use, 1);
        assert!(!loan.put(), "nobody wants it");
        assert_eq!((look().in_use, look().admitted), (0, 1));
        assert!(loan.take());
        assert!(!loan.take(), "it had one");
        assert_eq!((look().in_use, look().admitted), (1, 2));
    }

    #[test]
    fn who_finds_no_room_has_what_lies_unused() {
        let policy = policy(r#""limit": 1"#);
        let (loan, _) = keep(&policy);
        loan.put();
        assert!(matches!(policy.enter(None), Entry::Admitted(_)));
        assert!(!loan.take(), "it was called in");
    }

    #[test]
    fn while_somebody_waits_places_are_handed_back() {
        let policy = policy(r#""limit": 1, "max_wait": "1s", "queue": 5"#);
        let (loan, _) = keep(&policy);
        let Entry::Queued { ticket, .. } = policy.enter(None) else { panic!("there is no room") };
        assert!(loan.put(), "somebody waits");
        assert_eq!(loan.hand_back(), [ticket]);
        let Poll::Admitted(permit) = policy.poll(ticket) else { panic!("it was woken") };
        assert!(!loan.take());
        policy.leave(permit);
        assert_eq!(policy.bulkhead().expect("a bulkhead").look().in_use, 0);
    }

    #[test]
    fn a_lower_limit_recalls_what_is_out() {
        let policy = policy(r#""limit": 2"#);
        let ((loan, _), second) = (keep(&policy), policy.admit().expect("room"));
        assert!(loan.is_for(second));
        loan.keep();
        policy.resize(1).unwrap();
        assert!(loan.put(), "one too many is inside");
        loan.hand_back();
        assert!(!loan.take());
        assert!(!loan.put(), "as many as there may be");
        assert!(loan.take());
        assert!(policy.admit().is_none(), "it is full");
    }

    #[test]
    fn a_report_takes_a_place_along_and_the_end_all_of_them() {
        let policy = policy(r#""limit": 3"#);
        let look = || policy.bulkhead().expect("a bulkhead").look();
        let (loan, first) = keep(&policy);
        for _ in 0..2 {
            assert!(policy.admit().is_some());
            loan.keep();
        }
        assert!(policy.fail(loan.hand_over(first), crate::outcome::Outcome::Failure, None, None).is_none());
        assert_eq!(look().in_use, 2);
        loan.put();
        drop(loan);
        assert_eq!((look().in_use, look().admitted), (0, 3));
    }

    #[test]
    fn a_retired_loan_is_over_when_its_last_place_is_back() {
        let policy = policy(r#""limit": 3"#);
        let (loan, admission) = keep(&policy);
        loan.retire();
        assert!(!loan.is_over() && !loan.is_for(admission));
        assert!(loan.put());
        loan.hand_back();
        assert!(loan.is_over());
        assert_eq!(policy.bulkhead().expect("a bulkhead").look().in_use, 0);
    }
}
