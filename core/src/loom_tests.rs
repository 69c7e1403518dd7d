//! Interleavings, explored by loom: `cargo xtask loom`. The list of protocols is `core/loom.toml`.

use crate::breaker::{Breaker, Control, Shard, State};
use crate::budget::Budget;
use crate::bulkhead::Bulkhead;
use crate::cell::Block;
use crate::config::{BreakerConfig, BudgetRule, BulkheadConfig, CostConfig, HalfOpen, Rate, Window};
use crate::cost::CostBudget;
use crate::cx::Cx;
use crate::outcome::Outcome;
use crate::permit::Permit;
use crate::rng::Rng;
use crate::sync::in_one_order;
use crate::time::{Span, Tick};
use crate::window::time::{Column, Slice, Slices};
use loom::sync::Arc;
use loom::thread::{self, JoinHandle};

pub(crate) fn explore(test: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(2);
    model.max_branches = 10_000;
    model.check(test);
}

/// Does it in another thread, whose answer `join` gives.
fn meanwhile<T: 'static, R: 'static>(shared: &Arc<T>, does: impl FnOnce(&T) -> R + 'static) -> JoinHandle<R> {
    let theirs = shared.clone();
    thread::spawn(move || does(&theirs))
}

/// Does it in two threads at once.
fn both<T: 'static, R: 'static>(shared: &Arc<T>, does: impl Fn(&T) -> R + Copy + 'static) -> [R; 2] {
    let other = meanwhile(shared, does);
    [does(shared), other.join().unwrap()]
}

pub(crate) fn at<R>(millis: u64, f: impl FnOnce(&mut Cx) -> R) -> R {
    f(&mut Cx { now: Tick(millis * 1_000_000), rng: &Rng::seeded(1), notes: &mut Vec::new() })
}

fn breaker(window: Window, permits: u32) -> Breaker {
    let half_open = HalfOpen { permits, ..BreakerConfig::default().half_open };
    let rate = (!matches!(window, Window::Consecutive { .. })).then_some(Rate::ONE);
    Breaker::new(&BreakerConfig { window, half_open, failure_rate: rate, minimum_calls: 2, ..BreakerConfig::default() })
}

fn record(breaker: &Breaker, permit: Permit, outcome: Outcome, millis: u64) {
    at(millis, |cx| breaker.record(permit, outcome, Span::ZERO, None, cx));
}

fn fail(breaker: &Breaker) {
    fail_at(breaker, 0);
}

fn fail_at(breaker: &Breaker, millis: u64) {
    if let Ok(permit) = at(millis, |cx| breaker.acquire(cx)) {
        record(breaker, permit, Outcome::Failure, millis);
    }
}

#[test]
fn who_comes_in_is_seen_by_who_opens_the_circuit_or_goes_back() {
    explore(|| {
        let settings = BulkheadConfig { name: None, limit: 1, queue: 0, max_wait: None };
        let shared = Arc::new((breaker(Window::Consecutive { failures: 1 }, 1), Bulkhead::new(&settings)));
        let coming = meanwhile(&shared, |(breaker, bulkhead)| {
            let permit = breaker.pass()?;
            (bulkhead.comes_in_here() && breaker.is_still(permit)).then_some(())
        });
        let (breaker, bulkhead) = &*shared;
        at(0, |cx| breaker.control(Control::Open, cx));
        in_one_order();
        let is_empty = bulkhead.look().in_use == 0;
        let is_in = coming.join().unwrap().is_some();
        assert!(!(is_in && is_empty), "somebody goes in after the circuit has opened and nobody was inside");
    });
}

#[test]
fn a_trip_and_a_tally() {
    explore(|| {
        let breaker = Arc::new(breaker(Window::Consecutive { failures: 1 }, 1));
        let failing = meanwhile(&breaker, fail);
        if let Some(permit) = breaker.pass()
            && !breaker.tally(permit)
        {
            record(&breaker, permit, Outcome::Success, 0);
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
        both(&breaker, fail);
        let shown = breaker.peek(Tick::ZERO);
        assert_eq!((shown.state, shown.totals.transitions), (State::Open, 1));
    });
}

#[test]
fn each_process_tells_of_a_change_once() {
    explore(|| {
        let here = Arc::new(breaker(Window::Consecutive { failures: 1 }, 1).elsewhere());
        let there = here.elsewhere();
        let other = here.clone();
        let tripping = thread::spawn(move || {
            let mut notes = Vec::new();
            let mut cx = Cx { now: Tick(1), rng: &Rng::seeded(1), notes: &mut notes };
            if let Ok(permit) = other.acquire(&mut cx) {
                other.record(permit, Outcome::Failure, Span::ZERO, None, &mut cx);
            }
            notes.iter().filter(|note| note.to == "open").count()
        });
        let listen = |breaker: &Breaker| {
            let mut notes = Vec::new();
            breaker.overhear(Tick::ZERO, &mut Cx { now: Tick(1), rng: &Rng::seeded(1), notes: &mut notes });
            notes.iter().filter(|note| note.to == "open").count()
        };
        let (mut told_here, mut told_there) = (listen(&here), listen(&there));
        told_here += tripping.join().unwrap() + listen(&here) + listen(&here);
        told_there += listen(&there) + listen(&there);
        assert_eq!((told_here, told_there), (1, 1));
    });
}

#[test]
fn a_count_window_trips_once() {
    explore(|| {
        let breaker = Arc::new(breaker(Window::Count { size: 2 }, 1));
        both(&breaker, fail);
        // Both entries are in before they are counted: whoever is counted last sees both.
        let shown = breaker.peek(Tick::ZERO);
        assert_eq!((shown.state, shown.totals.transitions), (State::Open, 1));
    });
}

#[test]
fn a_failure_on_credit_is_seen_by_who_is_judged_after_it() {
    explore(|| {
        let window = Window::Count { size: 8 };
        let config = BreakerConfig { window, failure_rate: None, failure_count: Some(6), ..BreakerConfig::default() };
        let breaker = Arc::new(Breaker::new(&config));
        // The first is judged and answers for the next four.
        (0..4).for_each(|_| fail(&breaker));
        both(&breaker, fail);
        // One of the two was spared, and the other was the sixth.
        let shown = breaker.peek(Tick::ZERO);
        assert_eq!((shown.state, shown.totals.failure, shown.totals.transitions), (State::Open, 6, 1));
    });
}

#[test]
fn a_failure_spared_in_a_slice_is_seen_by_who_is_judged_after_it() {
    explore(|| {
        let window = Window::Time { span: Span::secs(30), slices: 2, aligned: true };
        let config = BreakerConfig { window, failure_rate: None, failure_count: Some(4), ..BreakerConfig::default() };
        let breaker = Arc::new(Breaker::new(&config));
        // The first is judged and answers for the next two.
        (0..2).for_each(|_| fail(&breaker));
        let other = breaker.clone();
        let failing = thread::spawn(move || fail(&other));
        fail(&breaker);
        failing.join().unwrap();
        // One of the two was spared, and the other was the fourth.
        let shown = breaker.peek(Tick::ZERO);
        assert_eq!((shown.state, shown.totals.failure, shown.totals.transitions), (State::Open, 4, 1));
    });
}

#[test]
fn slices_lose_nothing() {
    explore(|| {
        let block = Arc::new(Block::new(32));
        let slices = Slices { first: 8, stride: 4, count: 3, length: Span(10), epoch: 0 };
        let fail = move |block: &Block| {
            let (epoch, _) = slices.roll(block, Tick(5));
            slices.add(block, Slice { epoch, generation: 1 }, Column::Failures, 1);
        };
        both(&block, fail);
        let slice = Slice { epoch: slices.epoch_at(&block, Tick(5)), generation: 1 };
        let counts = slices.sum(&block, slice);
        assert_eq!(counts.map(|counts| counts.failures), Some(2));
    });
}

/// A time window that is calm, with credit on the line of slot 0, which the calling thread owns.
fn calm(rate: Rate) -> Arc<Breaker> {
    crate::cell::take_slot(0);
    let window = Window::Time { span: Span::secs(30), slices: 2, aligned: true };
    let config = BreakerConfig { window, failure_rate: Some(rate), minimum_calls: 1, ..BreakerConfig::default() };
    let breaker = Arc::new(Breaker::new(&config));
    succeed(&breaker, 0);
    breaker.lend(5);
    breaker
}

fn succeed(breaker: &Breaker, millis: u64) {
    match breaker.pass() {
        Some(permit) if breaker.tally(permit) => {}
        Some(permit) => record(breaker, permit, Outcome::Success, millis),
        None => {
            if let Ok(permit) = at(millis, |cx| breaker.acquire(cx)) {
                record(breaker, permit, Outcome::Success, millis);
            }
        }
    }
}

#[test]
fn passes_are_folded_once() {
    explore(|| {
        let breaker = calm(Rate::ONE);
        // The owner passes and then asks, which folds its own line.
        (0..2).for_each(|_| succeed(&breaker, 0));
        // Meanwhile two others look at the window as a failure and a verdict do: they fold it too.
        both(&breaker, |breaker| breaker.fold_everything(Tick::ZERO));
        let shown = breaker.peek(Tick::ZERO);
        assert_eq!((shown.calls, shown.totals.success), (3, 3));
    });
}

#[test]
fn a_fold_never_hides_a_pass_from_a_verdict() {
    explore(|| {
        let breaker = calm(Rate::from_f64(0.5));
        succeed(&breaker, 0);
        // One of three calls failed. A verdict that missed the pass would see one of two: half.
        let failing = meanwhile(&breaker, fail);
        breaker.fold_everything(Tick::ZERO);
        failing.join().unwrap();
        let shown = breaker.peek(Tick::ZERO);
        assert_eq!((shown.state, shown.calls, shown.failures), (State::Closed, 3, 1));
    });
}

#[test]
fn a_success_without_a_verdict_is_seen_by_one() {
    explore(|| {
        let breaker = calm(Rate::from_f64(0.4));
        // One on the tally, which the next one's report books with itself.
        succeed(&breaker, 0);
        let failing = meanwhile(&breaker, fail);
        match breaker.pass() {
            Some(permit) if breaker.count_calm(Shard::OWN, permit, || (Tick::ZERO, Span::ZERO)) => {}
            Some(permit) => record(&breaker, permit, Outcome::Success, 0),
            None => succeed(&breaker, 0),
        }
        failing.join().unwrap();
        let shown = breaker.peek(Tick::ZERO);
        // A verdict that missed the tally would see one of two.
        assert_eq!((shown.state, shown.calls, shown.failures), (State::Closed, 4, 1));
        assert_eq!(shown.totals.success, 3);
    });
}

#[test]
fn a_new_slice_takes_the_credit_and_keeps_the_passes() {
    explore(|| {
        let breaker = calm(Rate::ONE);
        let rolling = meanwhile(&breaker, |breaker| fail_at(breaker, 15_000));
        succeed(&breaker, 0);
        rolling.join().unwrap();
        let shown = breaker.peek(Tick(15_000_000_000));
        // One failure and two successes, whichever slice they are booked in.
        assert_eq!((shown.state, shown.calls, shown.failures, shown.totals.success), (State::Closed, 3, 1, 2));
    });
}

#[test]
fn probes_never_exceed_their_permits() {
    explore(|| {
        let breaker = Arc::new(breaker(Window::Consecutive { failures: 1 }, 1));
        at(0, |cx| breaker.control(Control::HalfOpen, cx));
        let [mine, theirs] = both(&breaker, |breaker| at(0, |cx| breaker.acquire(cx)).ok());
        assert!(mine.is_some() ^ theirs.is_some(), "one permit, and one of the two has it");
        let probe = mine.or(theirs).unwrap();
        both(&breaker, move |breaker| record(breaker, probe, Outcome::Success, 1));
        let shown = breaker.peek(Tick::ZERO);
        assert_eq!((shown.state, shown.totals.success, shown.totals.stale), (State::Closed, 1, 1));
    });
}

#[test]
fn a_late_claim_takes_no_probe_of_a_later_generation() {
    explore(|| {
        let breaker = Arc::new(breaker(Window::Consecutive { failures: 1 }, 1));
        at(0, |cx| breaker.control(Control::HalfOpen, cx));
        let late = meanwhile(&breaker, |breaker| at(0, |cx| breaker.acquire(cx)).ok());
        at(0, |cx| breaker.control(Control::HalfOpen, cx));
        let mine = at(0, |cx| breaker.acquire(cx)).ok();
        let theirs = late.join().unwrap();
        let generation = breaker.peek(Tick::ZERO).generation;
        let of_this = |permit: &Permit| permit.0 as u32 >> 1 == generation;
        let sent = [mine, theirs].into_iter().flatten().filter(of_this).count();
        assert_eq!((sent, breaker.peek(Tick::ZERO).permits_left), (1, Some(0)));
        assert!(at(0, |cx| breaker.acquire(cx)).is_err(), "a second probe of one permit");
    });
}

#[test]
fn the_open_time_ends_once() {
    explore(|| {
        let breaker = Arc::new(breaker(Window::Consecutive { failures: 1 }, 1));
        fail(&breaker);
        let [mine, theirs] = both(&breaker, |breaker| at(30_000, |cx| breaker.acquire(cx)).is_ok());
        assert!(mine ^ theirs, "one probe");
        let shown = breaker.peek(Tick(30_000_000_000));
        assert_eq!((shown.state, shown.totals.transitions), (State::HalfOpen, 2));
    });
}

#[test]
fn tokens_are_spent_once() {
    explore(|| {
        let rule = BudgetRule::Tokens { capacity: 14, failure: 14, timeout: 14, throttled: 5, hedge: 14, refund: 1 };
        let budget = Arc::new(Budget::new(&rule));
        let [mine, theirs] = both(&budget, |budget| at(0, |cx| budget.withdraw(Outcome::Failure, cx)).is_some());
        assert!(mine ^ theirs, "tokens for one retry");
    });
}

#[test]
fn a_ratio_is_never_overdrawn() {
    explore(|| {
        let rule = BudgetRule::Ratio { share: 0.5, floor_per_second: 0.0, span: Span::secs(10) };
        let budget = Arc::new(Budget::new(&rule));
        (0..3).for_each(|_| at(0, |cx| budget.begin(cx)));
        let taking = meanwhile(&budget, |budget| at(0, |cx| budget.withdraw(Outcome::Failure, cx)).is_some());
        // In the next slice already, which this caller begins.
        let mine = at(1_000, |cx| budget.withdraw(Outcome::Failure, cx)).is_some();
        let theirs = taking.join().unwrap();
        assert!(mine ^ theirs, "half of three calls: one retry");
        assert!(at(1_000, |cx| budget.withdraw(Outcome::Failure, cx)).is_none());
    });
}

#[test]
fn costs_are_never_overdrawn() {
    explore(|| {
        let limits = vec![("tokens".to_owned(), 10)];
        let budget = Arc::new(CostBudget::new(&CostConfig { name: "llm".into(), limits, per: None }));
        let [mine, theirs] = both(&budget, |budget| at(0, |cx| budget.reserve(&[("tokens", 6)], cx)).is_ok());
        assert!(mine ^ theirs, "room for one");
    });
}
