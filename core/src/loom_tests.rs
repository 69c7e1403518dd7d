//! Interleavings, explored by loom: `cargo xtask loom`. The list of protocols is `core/loom.toml`.

use crate::breaker::{Breaker, Control, State};
use crate::budget::Budget;
use crate::bulkhead::{Bulkhead, Entry, Poll};
use crate::cell::Block;
use crate::config::{BreakerConfig, BudgetRule, BulkheadConfig, CostConfig, HalfOpen, Rate, Window};
use crate::cost::CostBudget;
use crate::cx::Cx;
use crate::outcome::Outcome;
use crate::rng::Rng;
use crate::time::{Span, Tick};
use crate::window::time::{Column, Slices};
use loom::sync::Arc;
use loom::thread;

fn explore(test: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(2);
    model.check(test);
}

fn at<R>(millis: u64, f: impl FnOnce(&mut Cx) -> R) -> R {
    f(&mut Cx { now: Tick(millis * 1_000_000), rng: &Rng::seeded(1), notes: &mut Vec::new() })
}

fn breaker(window: Window, permits: u32) -> Breaker {
    let half_open = HalfOpen { permits, ..BreakerConfig::default().half_open };
    let rate = (!matches!(window, Window::Consecutive { .. })).then_some(Rate::ONE);
    Breaker::new(&BreakerConfig { window, half_open, failure_rate: rate, minimum_calls: 2, ..BreakerConfig::default() })
}

fn fail(breaker: &Breaker) {
    if let Ok(permit) = at(0, |cx| breaker.acquire(cx)) {
        at(0, |cx| breaker.record(permit, Outcome::Failure, Span::ZERO, None, cx));
    }
}

#[test]
fn a_trip_and_a_tally() {
    explore(|| {
        let breaker = Arc::new(breaker(Window::Consecutive { failures: 1 }, 1));
        let other = breaker.clone();
        let failing = thread::spawn(move || fail(&other));
        if let Some(permit) = breaker.pass()
            && !breaker.tally(permit)
        {
            at(0, |cx| breaker.record(permit, Outcome::Success, Span::ZERO, None, cx));
        }
        failing.join().unwrap();
        let shown = breaker.peek(Tick::ZERO);
        assert_eq!((shown.state, shown.totals.failure, shown.totals.transitions), (State::Open, 1, 1));
        assert!(breaker.pass().is_none(), "the gate says pass while the circuit is open");
        assert!(shown.totals.success + shown.totals.stale <= 1);
    });
}

#[test]
fn two_failures_trip_once() {
    explore(|| {
        let breaker = Arc::new(breaker(Window::Consecutive { failures: 2 }, 1));
        let other = breaker.clone();
        let failing = thread::spawn(move || fail(&other));
        fail(&breaker);
        failing.join().unwrap();
        let shown = breaker.peek(Tick::ZERO);
        assert_eq!((shown.state, shown.totals.transitions), (State::Open, 1));
    });
}

#[test]
fn a_count_window_trips_once() {
    explore(|| {
        let breaker = Arc::new(breaker(Window::Count { size: 2 }, 1));
        let other = breaker.clone();
        let failing = thread::spawn(move || fail(&other));
        fail(&breaker);
        failing.join().unwrap();
        // Both were counted; if each looked before the other's entry was in, the next failure trips.
        fail(&breaker);
        let shown = breaker.peek(Tick::ZERO);
        assert_eq!((shown.state, shown.totals.transitions), (State::Open, 1));
    });
}

#[test]
fn slices_lose_nothing() {
    explore(|| {
        let block = Arc::new(Block::new(32));
        let slices = Slices { first: 8, stride: 4, count: 3, length: Span(10), epoch: 0 };
        let other = block.clone();
        let adding = thread::spawn(move || {
            let epoch = slices.epoch_at(&other, Tick(5));
            slices.add(&other, epoch, 1, Column::Failures);
        });
        let epoch = slices.epoch_at(&block, Tick(5));
        slices.add(&block, epoch, 1, Column::Failures);
        adding.join().unwrap();
        let counts = slices.sum(&block, slices.epoch_at(&block, Tick(5)), 1);
        assert_eq!(counts.map(|counts| counts.failures), Some(2));
    });
}

#[test]
fn probes_never_exceed_their_permits() {
    explore(|| {
        let breaker = Arc::new(breaker(Window::Consecutive { failures: 1 }, 1));
        at(0, |cx| breaker.control(Control::HalfOpen, cx));
        let other = breaker.clone();
        let probing = thread::spawn(move || at(0, |cx| other.acquire(cx)).ok());
        let mine = at(0, |cx| breaker.acquire(cx)).ok();
        let theirs = probing.join().unwrap();
        assert!(mine.is_some() ^ theirs.is_some(), "one permit, and one of the two has it");
        let probe = mine.or(theirs).unwrap();
        let (first, second) = (breaker.clone(), breaker.clone());
        let reporting = thread::spawn(move || at(1, |cx| first.record(probe, Outcome::Success, Span::ZERO, None, cx)));
        at(1, |cx| second.record(probe, Outcome::Success, Span::ZERO, None, cx));
        reporting.join().unwrap();
        let shown = breaker.peek(Tick::ZERO);
        assert_eq!((shown.state, shown.totals.success, shown.totals.stale), (State::Closed, 1, 1));
    });
}

#[test]
fn the_open_time_ends_once() {
    explore(|| {
        let breaker = Arc::new(breaker(Window::Consecutive { failures: 1 }, 1));
        fail(&breaker);
        let other = breaker.clone();
        let asking = thread::spawn(move || at(30_000, |cx| other.acquire(cx)).is_ok());
        let mine = at(30_000, |cx| breaker.acquire(cx)).is_ok();
        let theirs = asking.join().unwrap();
        assert!(mine ^ theirs, "one probe");
        let shown = breaker.peek(Tick(30_000_000_000));
        assert_eq!((shown.state, shown.totals.transitions), (State::HalfOpen, 2));
    });
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
fn tokens_are_spent_once() {
    explore(|| {
        let rule = BudgetRule::Tokens { capacity: 14, failure: 14, timeout: 14, throttled: 5, hedge: 14, refund: 1 };
        let budget = Arc::new(Budget::new(&rule));
        let other = budget.clone();
        let spending = thread::spawn(move || at(0, |cx| other.withdraw(Outcome::Failure, cx)).is_some());
        let mine = at(0, |cx| budget.withdraw(Outcome::Failure, cx)).is_some();
        let theirs = spending.join().unwrap();
        assert!(mine ^ theirs, "tokens for one retry");
    });
}

#[test]
fn costs_are_never_overdrawn() {
    explore(|| {
        let limits = vec![("tokens".to_owned(), 10)];
        let budget = Arc::new(CostBudget::new(&CostConfig { name: "llm".into(), limits, per: None }));
        let other = budget.clone();
        let reserving = thread::spawn(move || at(0, |cx| other.reserve(&[("tokens", 6)], cx)).is_ok());
        let mine = at(0, |cx| budget.reserve(&[("tokens", 6)], cx)).is_ok();
        let theirs = reserving.join().unwrap();
        assert!(mine ^ theirs, "room for one");
    });
}
