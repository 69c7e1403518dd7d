//! Counters at the ends of their words: what no test reaches by calling often enough.

use super::layout::{FAILURES, RESULTS, WORD};
use super::tally::{LIMIT, TALLY};
use super::word::Word;
use super::{Breaker, Control, State};
use crate::config::{BreakerConfig, HalfOpen, ProbeMode, Rate, Window};
use crate::cx::Cx;
use crate::outcome::Outcome;
use crate::permit::Permit;
use crate::rng::Rng;
use crate::sync::Ordering;
use crate::time::{Span, Tick};

const LAST_GENERATION: u32 = (1 << 31) - 1;

fn at<R>(secs: u64, decide: impl FnOnce(&mut Cx) -> R) -> R {
    decide(&mut Cx { now: Tick(secs * 1_000_000_000), rng: &Rng::seeded(1), notes: &mut Vec::new() })
}

fn windows() -> [Window; 3] {
    [
        Window::Consecutive { failures: 2 },
        Window::Count { size: 2 },
        Window::Time { span: Span::secs(300), slices: 10, aligned: true },
    ]
}

fn breaker(window: Window) -> Breaker {
    let rate = (!matches!(window, Window::Consecutive { .. })).then_some(Rate::ONE);
    Breaker::new(&BreakerConfig { window, failure_rate: rate, minimum_calls: 2, ..BreakerConfig::default() })
}

/// The same circuit so many generations before the last one.
fn old(window: Window, before_the_last: u32) -> Breaker {
    let breaker = breaker(window);
    let word = breaker.first_word(Word::new(State::Closed, LAST_GENERATION - before_the_last));
    breaker.carry_slots(1, word.generation());
    breaker.cell.word(WORD).store(word.0, Ordering::Relaxed);
    breaker
}

fn call(breaker: &Breaker, secs: u64, outcome: Outcome) {
    if let Ok(permit) = at(secs, |cx| breaker.acquire(cx)) {
        at(secs, |cx| breaker.record(permit, outcome, Span::ZERO, None, cx));
    }
}

#[test]
fn an_outage_that_lasts_over_the_end_of_the_generations() {
    for window in windows() {
        // From three generations before the end to some after it; each step is as it always is.
        let breaker = old(window, 3);
        let mut late = vec![at(0, |cx| breaker.acquire(cx)).unwrap()];
        let mut now = 0;
        for round in 0..4 {
            (0..2).for_each(|_| call(&breaker, now, Outcome::Failure));
            assert_eq!(breaker.state(), State::Open, "{window:?}, round {round}");
            assert!(at(now + 29, |cx| breaker.acquire(cx)).is_err());
            now += 30;
            let probe = at(now, |cx| breaker.acquire(cx)).unwrap();
            assert!(at(now, |cx| breaker.acquire(cx)).is_err(), "one probe, {window:?}, round {round}");
            // A permit of any generation before this one changes nothing but a count.
            let stale = breaker.peek(Tick::ZERO).totals.stale;
            for permit in &late {
                at(now, |cx| breaker.record(*permit, Outcome::Failure, Span::ZERO, None, cx));
            }
            assert_eq!(breaker.peek(Tick::ZERO).totals.stale, stale + late.len() as u64);
            assert_eq!(breaker.state(), State::HalfOpen);
            at(now, |cx| breaker.record(probe, Outcome::Success, Span::ZERO, None, cx));
            assert_eq!(breaker.state(), State::Closed);
            late.push(probe);
            late.push(at(now, |cx| breaker.acquire(cx)).unwrap());
            assert_eq!(breaker.peek(Tick(now * 1_000_000_000)).calls, 0, "a new window, {window:?}, round {round}");
        }
        assert!(breaker.word().generation() < 20, "the end was passed: {}", breaker.word().generation());
    }
}

#[test]
fn a_gate_that_passed_before_the_end_is_not_the_one_that_passes_after_it() {
    for window in [Window::Consecutive { failures: 2 }, Window::Count { size: 2 }] {
        let breaker = old(window, 0);
        (0..2).for_each(|_| call(&breaker, 0, Outcome::Success));
        let before = breaker.pass().expect("it is closed and warm");
        at(0, |cx| breaker.control(Control::Reset, cx));
        assert_eq!(breaker.word().generation(), 0);
        assert!(!breaker.tally(before));
        (0..2).for_each(|_| call(&breaker, 0, Outcome::Success));
        let after = breaker.pass().expect("it is closed and warm");
        assert!(after != before && breaker.tally(after), "{window:?}");
    }
}

#[test]
fn a_tally_goes_on_over_the_end_of_its_low_half() {
    const END: u64 = u32::MAX as u64;
    for window in windows() {
        let breaker = breaker(window);
        (0..2).for_each(|_| call(&breaker, 0, Outcome::Success));
        let writer = breaker.cell.writer();
        let (tally, limit) = (breaker.at(writer, TALLY), breaker.at(writer, LIMIT));
        // As if it had passed so many, of which a time window has seen all.
        tally.store(END - 10, Ordering::Relaxed);
        breaker.drop_pending();
        let timed = matches!(window, Window::Time { .. });
        if timed {
            // Earned by an ask of a busy line, ten below the end.
            limit.store((END - 10 + 64).min((END - 10) | END), Ordering::Relaxed);
        }
        let before = breaker.peek(Tick::ZERO).totals.success;
        let mut asked = 0;
        for _ in 0..30 {
            // The rule of a driver that sees the low halves only.
            let low = |word: &crate::sync::AtomicU64| word.load(Ordering::Relaxed) as u32;
            match breaker.pass() {
                Some(_) if low(tally) < low(limit) => {
                    tally.fetch_add(1, Ordering::Relaxed);
                }
                pass => {
                    asked += 1;
                    let permit = pass.unwrap_or_else(|| at(0, |cx| breaker.acquire(cx)).unwrap());
                    at(0, |cx| breaker.record(permit, Outcome::Success, Span::ZERO, None, cx));
                }
            }
        }
        assert_eq!(breaker.peek(Tick::ZERO).totals.success, before + 30, "{window:?}");
        assert!(asked >= 1, "nobody asked at the end: the low half would have begun anew, {window:?}");
        if !timed {
            assert!(tally.load(Ordering::Relaxed) > END, "{window:?}");
        }
        // And the circuit is as sensitive as before.
        (0..2).for_each(|_| call(&breaker, 0, Outcome::Failure));
        let opens = !timed;
        assert_eq!(breaker.state() == State::Open, opens, "{window:?}: {:?}", breaker.peek(Tick::ZERO));
    }
}

#[test]
fn credit_never_reaches_over_the_end_of_the_low_half() {
    let breaker = breaker(Window::Time { span: Span::secs(300), slices: 10, aligned: true });
    let writer = breaker.cell.writer();
    let word = |column| breaker.at(writer, column);
    for below in [0, 1, 63, 64, 65, 10_000] {
        let tally = u64::from(u32::MAX) - below;
        word(TALLY).store(tally, Ordering::Relaxed);
        breaker.drop_pending();
        // The mark of a busy line is far behind, so this ask earns credit.
        call(&breaker, 0, Outcome::Success);
        let limit = word(LIMIT).load(Ordering::Relaxed);
        assert_eq!(limit, tally + below.min(64), "{below} below the end");
    }
}

#[test]
fn a_failure_log_goes_on_over_four_billion_failures() {
    let breaker = breaker(Window::Count { size: 4 });
    let made = u64::from(u32::MAX) - 5;
    breaker.cell.word(FAILURES).store(made, Ordering::Relaxed);
    at(0, |cx| breaker.control(Control::Reset, cx));
    for round in 0..5 {
        // One of two: it stays closed, and knows how many failed.
        call(&breaker, 0, Outcome::Success);
        call(&breaker, 0, Outcome::Failure);
        let shown = breaker.peek(Tick::ZERO);
        assert_eq!((shown.state, shown.failures, shown.consecutive_failures), (State::Closed, (round + 1).min(2), 1));
    }
    for _ in 0..3 {
        call(&breaker, 0, Outcome::Failure);
    }
    assert_eq!(breaker.state(), State::Open, "{:?}", breaker.peek(Tick::ZERO));
    assert_eq!(breaker.peek(Tick::ZERO).totals.failure, made + 8);
}

#[test]
fn a_streak_longer_than_its_field_stays_at_its_end() {
    let breaker = breaker(Window::Consecutive { failures: u32::MAX });
    (0..2).for_each(|_| call(&breaker, 0, Outcome::Success));
    let word = breaker.word();
    breaker.cell.word(WORD).store(word.with_streak(super::word::MAX_STREAK).0, Ordering::Relaxed);
    call(&breaker, 0, Outcome::Failure);
    let shown = breaker.peek(Tick::ZERO);
    assert_eq!((shown.state, shown.consecutive_failures), (State::Closed, u64::from(super::word::MAX_STREAK)));
    call(&breaker, 0, Outcome::Success);
    assert_eq!(breaker.peek(Tick::ZERO).consecutive_failures, 0);
}

#[test]
fn concurrent_probes_fill_their_fields_and_no_other() {
    let half_open = HalfOpen {
        permits: 65_535,
        mode: ProbeMode::Concurrent,
        successes: Some(65_535),
        of: Some(65_535),
        ..BreakerConfig::default().half_open
    };
    let window = Window::Consecutive { failures: 1 };
    let breaker = Breaker::new(&BreakerConfig { window, half_open, ..BreakerConfig::default() });
    at(0, |cx| breaker.control(Control::HalfOpen, cx));
    let tag = u64::from(breaker.word().generation()) << 48;
    breaker.cell.word(RESULTS).store(tag | 65_533, Ordering::Relaxed);
    call(&breaker, 0, Outcome::Success);
    let shown = breaker.peek(Tick::ZERO);
    assert_eq!((shown.state, shown.calls, shown.failures), (State::HalfOpen, 65_534, 0));
    // Reports that come between the last one and its verdict.
    (0..5).for_each(|_| breaker.add_result(breaker.word().generation(), false, false));
    let shown = breaker.peek(Tick::ZERO);
    assert_eq!((shown.calls, shown.failures, shown.slow), (65_535, 0, 0));
    call(&breaker, 0, Outcome::Success);
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn a_permit_of_nobody_changes_a_count_only() {
    for window in windows() {
        let breaker = breaker(window);
        for number in [0, u64::MAX, u64::from(u32::MAX), 1 << 63, 0xffff_0000_0000_0002] {
            let before = breaker.peek(Tick::ZERO).totals;
            at(0, |cx| breaker.record(Permit(number), Outcome::Failure, Span::ZERO, None, cx));
            let after = breaker.peek(Tick::ZERO).totals;
            let of_this = number as u32 >> 1 == breaker.word().generation();
            assert!(of_this || (after.stale, after.failure) == (before.stale + 1, before.failure), "{number:x}");
        }
        assert_ne!(breaker.state(), State::Open);
    }
}
