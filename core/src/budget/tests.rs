use super::*;
use crate::rng::Rng;
use crate::time::{Span, Tick};

fn at<R>(millis: u64, f: impl FnOnce(&mut Cx) -> R) -> R {
    f(&mut Cx { now: Tick(millis * 1_000_000), rng: &Rng::seeded(1), notes: &mut Vec::new() })
}

fn tokens(capacity: u32) -> BudgetRule {
    BudgetRule::Tokens { capacity, failure: 5, timeout: 10, throttled: 5, hedge: 14, refund: 1 }
}

#[test]
fn tokens_are_spent_by_class_and_given_back_by_success() {
    let budget = Budget::new(&tokens(20));
    let cost = at(0, |cx| budget.withdraw(Outcome::Timeout, cx));
    assert_eq!((cost, at(0, |cx| budget.balance(cx))), (Some(Cost(10)), 10.0));
    at(0, |cx| budget.success(cost, cx));
    assert_eq!(at(0, |cx| budget.balance(cx)), 20.0);
    for _ in 0..4 {
        assert!(at(0, |cx| budget.withdraw(Outcome::Failure, cx)).is_some());
    }
    assert_eq!(at(0, |cx| budget.withdraw(Outcome::Failure, cx)), None);
    // Five first-try successes earn one token each: enough for one retry.
    for _ in 0..5 {
        at(0, |cx| budget.success(None, cx));
    }
    assert!(at(0, |cx| budget.withdraw(Outcome::Failure, cx)).is_some());
    assert_eq!(at(0, |cx| budget.balance(cx)), 0.0);
}

#[test]
fn a_ratio_earns_a_share_of_the_calls_in_the_span() {
    // Finagle's example: 100 requests at 2.0 earn 200 retries.
    let budget = Budget::new(&BudgetRule::Ratio { share: 2.0, floor_per_second: 0.0, span: Span::secs(60) });
    (0..100).for_each(|_| at(0, |cx| budget.begin(cx)));
    assert_eq!(at(0, |cx| budget.balance(cx)).round(), 200.0);
    let granted = (0..300).filter(|_| at(0, |cx| budget.withdraw(Outcome::Failure, cx)).is_some()).count();
    assert_eq!(granted, 200);
    assert_eq!(at(61_000, |cx| budget.balance(cx)).round(), 0.0);
}

#[test]
fn the_floor_is_there_without_any_call() {
    let budget = Budget::new(&BudgetRule::Ratio { share: 0.2, floor_per_second: 0.5, span: Span::secs(10) });
    let granted = (0..9).filter(|_| at(5_000, |cx| budget.withdraw(Outcome::Failure, cx)).is_some()).count();
    assert_eq!(granted, 5);
    assert!(at(16_000, |cx| budget.withdraw(Outcome::Failure, cx)).is_some());
}

#[test]
fn concurrent_takes_the_integer_part_and_never_less_than_the_floor() {
    let budget = Budget::new(&BudgetRule::Concurrent { share: 0.2, floor: 0 });
    (0..4).for_each(|_| at(0, |cx| budget.begin(cx)));
    assert_eq!(budget.limit(), Some(0));
    assert_eq!(at(0, |cx| budget.withdraw(Outcome::Failure, cx)), None);
    at(0, |cx| budget.begin(cx));
    assert_eq!(budget.limit(), Some(1));
    let cost = at(0, |cx| budget.withdraw(Outcome::Failure, cx)).unwrap();
    assert_eq!(at(0, |cx| budget.withdraw(Outcome::Failure, cx)), None);
    at(0, |cx| budget.retry_end(cost, cx));
    assert_eq!(budget.active_retries(), 0);
}
