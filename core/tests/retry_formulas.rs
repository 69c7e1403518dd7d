//! The retry schedule against its formulas, written down once more, and against numbers worked out by hand.
#![cfg(not(loom))]

use proptest::prelude::*;
use seawall::config::{Backoff, Delay, Jitter, RetryConfig, ServerHint};
use seawall::cx::Cx;
use seawall::outcome::{Hint, Outcome};
use seawall::retry::{Next, Schedule, Stop};
use seawall::rng::Rng;
use seawall::time::{Span, Tick};

fn ms(ms: u64) -> Span {
    Span::millis(ms)
}

fn config(backoff: Backoff, jitter: Jitter) -> RetryConfig {
    RetryConfig { attempts: u32::MAX, delay: Delay { backoff, jitter }, max_elapsed: None, ..RetryConfig::default() }
}

fn next(schedule: &mut Schedule, config: &RetryConfig, rng: &Rng) -> Next {
    let mut cx = Cx { now: Tick::ZERO, rng, notes: &mut Vec::new() };
    schedule.next(Outcome::Failure, None, Span::ZERO, None, config, &mut cx)
}

/// The delays, in milliseconds, that the numbers `draws` lead to.
fn delays(config: &RetryConfig, draws: &[f64]) -> Vec<f64> {
    let (mut schedule, rng) = (Schedule::new(), Rng::seeded(1));
    let one = |draw: &f64| {
        rng.script(*draw);
        match next(&mut schedule, config, &rng) {
            Next::After(span) => span.0 as f64 / 1e6,
            Next::Stop(stop) => panic!("{stop:?}"),
        }
    };
    draws.iter().map(one).collect()
}

fn exponential() -> Backoff {
    Backoff::Exponential { base: ms(100), factor: 2.0, cap: ms(1_000) }
}

#[track_caller]
fn expect(backoff: Backoff, jitter: Jitter, draws: &[f64], by_hand: &[f64]) {
    let got = delays(&config(backoff, jitter), draws);
    let same = got.iter().zip(by_hand).all(|(got, hand)| (got - hand).abs() < 1e-5);
    assert!(same && got.len() == by_hand.len(), "{got:?}, by hand {by_hand:?}");
}

#[test]
fn every_backoff_without_jitter() {
    let any = [0.9; 5];
    // 100, 200, 400, 800, then 1,600 is above the cap.
    expect(exponential(), Jitter::None, &any, &[100.0, 200.0, 400.0, 800.0, 1_000.0]);
    let slow = Backoff::Exponential { base: ms(64), factor: 1.5, cap: ms(10_000) };
    expect(slow, Jitter::None, &any[..4], &[64.0, 96.0, 144.0, 216.0]);
    let linear = Backoff::Linear { base: ms(150), cap: ms(400) };
    expect(linear, Jitter::None, &any[..4], &[150.0, 300.0, 400.0, 400.0]);
    expect(Backoff::Fixed { base: ms(70), cap: ms(1_000) }, Jitter::None, &any[..2], &[70.0, 70.0]);
    expect(Backoff::Fixed { base: ms(70), cap: ms(50) }, Jitter::None, &any[..2], &[50.0, 50.0]);
    let list = Backoff::List { delays: vec![ms(10), ms(300), ms(20)], cap: ms(200) };
    expect(list, Jitter::None, &any, &[10.0, 200.0, 20.0, 20.0, 20.0]);
}

#[test]
fn every_jitter() {
    let draws = [0.0, 0.5, 0.25, 0.75];
    // r·e of 100, 200, 400, 800.
    expect(exponential(), Jitter::Full, &draws, &[0.0, 100.0, 100.0, 600.0]);
    // e/2 + r·e/2.
    expect(exponential(), Jitter::Equal, &draws, &[50.0, 150.0, 250.0, 700.0]);
    // e·(1 − 0.2 + 0.4r): 80 %, 100 %, 90 %, 110 %.
    expect(exponential(), Jitter::Proportional { factor: 0.2 }, &draws, &[80.0, 200.0, 360.0, 880.0]);
    // e·(1 + 0.4r): 100 %, 120 %, 110 %, 130 % of 800 is 1,040, clamped.
    expect(exponential(), Jitter::Additive { factor: 0.4 }, &draws, &[100.0, 240.0, 440.0, 1_000.0]);
    // e − 150 + 300r: 100 − 150 is below zero.
    expect(exponential(), Jitter::Absolute { span: ms(150) }, &draws, &[0.0, 200.0, 325.0, 875.0]);
    // 100 + r·(3·previous − 100), previous 100, 100, 200, 325: then 100 + 0.75·875 = 756.25.
    expect(exponential(), Jitter::Decorrelated, &draws, &[100.0, 200.0, 225.0, 531.25]);
    // 100 + 1·(3·previous − 100): 300, 900, then the cap.
    expect(exponential(), Jitter::Decorrelated, &[1.0; 4], &[300.0, 900.0, 1_000.0, 1_000.0]);
    let uniform = Backoff::Uniform { min: ms(40), max: ms(240) };
    expect(uniform, Jitter::None, &draws, &[40.0, 140.0, 90.0, 190.0]);
    // base/1.4 is 100. F(0.25) = 2^0.25·tanh 1 = 1.189207115 × 0.761594156 = 0.905693189;
    // F(1) = 2·tanh 2 = 1.928055160, a step of 1.022361971.
    let v2 = Backoff::Exponential { base: ms(140), factor: 2.0, cap: ms(1_000) };
    expect(v2, Jitter::DecorrelatedV2, &[0.25, 0.0], &[90.5693189, 102.2361971]);
}

/// A delay of a shape with whole milliseconds, and what its formula says in floating milliseconds.
#[derive(Clone, Debug)]
struct Shape {
    backoff: Backoff,
    jitter: Jitter,
}

impl Shape {
    /// The page of the formulas, read aloud: e, then the jitter, then the clamp.
    fn formula(&self, k: i32, r: f64, previous: Option<f64>, before: Option<f64>) -> f64 {
        let millis = |span: Span| span.0 as f64 / 1e6;
        let (e, base, cap) = match &self.backoff {
            Backoff::Exponential { base, factor, cap } => (millis(*base) * factor.powi(k - 1), *base, *cap),
            Backoff::Linear { base, cap } => (millis(*base) * f64::from(k), *base, *cap),
            Backoff::Fixed { base, cap } => (millis(*base), *base, *cap),
            Backoff::List { delays, cap } => {
                let last = delays.len() - 1;
                (millis(delays[last.min(k as usize - 1)]), delays[0], *cap)
            }
            Backoff::Uniform { min, max } => return millis(*min) + r * (millis(*max) - millis(*min)),
        };
        let (base, cap) = (millis(base), millis(cap));
        let e = e.min(cap);
        let curve = |t: f64| 2f64.powf(t) * (4.0 * t).sqrt().tanh();
        let delay = match self.jitter {
            Jitter::None => e,
            Jitter::Full => r * e,
            Jitter::Equal => e / 2.0 + r * e / 2.0,
            Jitter::Proportional { factor } => e * (1.0 - factor + 2.0 * factor * r),
            Jitter::Additive { factor } => e * (1.0 + factor * r),
            Jitter::Absolute { span } => e - millis(span) + 2.0 * millis(span) * r,
            Jitter::Decorrelated => base + r * (3.0 * previous.unwrap_or(base) - base),
            Jitter::DecorrelatedV2 => {
                let n = f64::from(k - 1);
                let last = before.map_or(0.0, |before| curve(n - 1.0 + before));
                base / 1.4 * (curve(n + r) - last)
            }
        };
        delay.clamp(0.0, cap)
    }
}

fn shapes() -> impl Strategy<Value = Shape> {
    let length = || 1..5_000u64;
    let factor = prop_oneof![Just(1.0), Just(1.5), Just(2.0), 1.0..4.0f64];
    let backoff = prop_oneof![
        (length(), factor, length()).prop_map(|(base, factor, cap)| Backoff::Exponential {
            base: ms(base),
            factor,
            cap: ms(cap)
        }),
        (length(), length()).prop_map(|(base, cap)| Backoff::Linear { base: ms(base), cap: ms(cap) }),
        (length(), length()).prop_map(|(base, cap)| Backoff::Fixed { base: ms(base), cap: ms(cap) }),
        (prop::collection::vec(length(), 1..5), length())
            .prop_map(|(delays, cap)| Backoff::List { delays: delays.into_iter().map(ms).collect(), cap: ms(cap) }),
        (length(), length()).prop_map(|(min, more)| Backoff::Uniform { min: ms(min), max: ms(min + more) }),
    ];
    let jitter = prop_oneof![
        Just(Jitter::None),
        Just(Jitter::Full),
        Just(Jitter::Equal),
        (0.0..1.0f64).prop_map(|factor| Jitter::Proportional { factor }),
        (0.0..1.0f64).prop_map(|factor| Jitter::Additive { factor }),
        length().prop_map(|span| Jitter::Absolute { span: ms(span) }),
        Just(Jitter::Decorrelated),
        Just(Jitter::DecorrelatedV2),
    ];
    (backoff, jitter).prop_map(|(backoff, jitter)| Shape { backoff, jitter })
}

fn limit() -> impl Strategy<Value = Option<u64>> {
    prop::option::of(0..4_000u64)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn delays_are_what_the_formulas_say(shape in shapes(), draws in prop::collection::vec(0.0..1.0f64, 1..40)) {
        let got = delays(&config(shape.backoff.clone(), shape.jitter), &draws);
        let (mut previous, mut before) = (None, None);
        for (k, (got, r)) in (1..).zip(got.iter().zip(&draws)) {
            let said = shape.formula(k, *r, previous, before);
            prop_assert!((got - said).abs() <= 1e-5, "retry {}: {} instead of {}", k, got, said);
            // What came before is what was waited, to the nanosecond.
            (previous, before) = (Some(*got), Some(*r));
        }
    }

    #[test]
    fn it_waits_or_stops_for_the_reason_that_is_written(
        outcome in prop::sample::select(Outcome::ALL.to_vec()),
        hint in prop::option::of(prop_oneof![1 => Just(None), 6 => (0..9_000u64).prop_map(Some)]),
        [failure, timeout, throttled] in prop::array::uniform3(1..3_000u64),
        (mode, hint_cap) in (0..3usize, 0..9_000u64),
        (elapsed, max_elapsed, left) in (0..4_000u64, limit(), limit()),
        (attempts, made) in (1..4u32, 0..3u32),
        retry_refused in any::<bool>(),
    ) {
        let fixed = |base| Some(Delay { backoff: Backoff::Fixed { base: ms(base), cap: ms(60_000) }, jitter: Jitter::None });
        let config = RetryConfig {
            attempts,
            on_failure: fixed(failure),
            on_timeout: fixed(timeout),
            on_throttled: fixed(throttled),
            max_elapsed: max_elapsed.map(ms),
            server_hint: [ServerHint::Exact, ServerHint::Clamp, ServerHint::Ignore][mode],
            hint_cap: ms(hint_cap),
            retry_refused,
            ..RetryConfig::default()
        };
        let (mut schedule, rng) = (Schedule::new(), Rng::seeded(1));
        let patient = RetryConfig { max_elapsed: None, ..config.clone() };
        for _ in 0..made {
            next(&mut schedule, &patient, &rng);
        }
        let mut cx = Cx { now: Tick::ZERO, rng: &rng, notes: &mut Vec::new() };
        let told = hint.map(|hint| hint.map_or(Hint::Never, |after| Hint::After(ms(after))));
        let got = schedule.next(outcome, told, ms(elapsed), left.map(ms), &config, &mut cx);

        let past = |wait: u64, limit: Option<u64>, since: u64| limit.is_some_and(|limit| since + wait > limit);
        let delay = match outcome {
            Outcome::Timeout => timeout,
            Outcome::Throttled => throttled,
            _ => failure,
        };
        // A refusal's own `retry_after` is no server's wish: that switch does not turn it off.
        let hint = if mode == 2 && outcome != Outcome::Refused { None } else { hint };
        let waits = match hint {
            None => Ok(delay),
            Some(None) => Err(Stop::Server),
            Some(Some(asked)) if asked > hint_cap || past(asked, max_elapsed, elapsed) || past(asked, left, 0) => {
                Err(Stop::Server)
            }
            Some(Some(asked)) if mode == 1 => Ok(asked.clamp(delay, delay + 5_000)),
            Some(Some(asked)) => Ok(asked.max(delay)),
        };
        let said = match outcome {
            Outcome::Success | Outcome::Permanent | Outcome::Ignored => Err(Stop::Permanent),
            Outcome::Cancelled => Err(Stop::Cancelled),
            Outcome::Refused if !retry_refused => Err(Stop::Refused),
            _ if made + 1 >= attempts => Err(Stop::Attempts),
            _ => waits.and_then(|wait| if past(wait, max_elapsed, elapsed) { Err(Stop::Elapsed) } else { Ok(wait) }),
        };
        prop_assert_eq!(got, said.map_or_else(Next::Stop, |wait| Next::After(ms(wait))));
    }
}

#[test]
fn ten_million_retries_end_with_the_last_one() {
    for jitter in [Jitter::Full, Jitter::Decorrelated, Jitter::DecorrelatedV2] {
        let config = RetryConfig { attempts: 10_000_000, ..config(exponential(), jitter) };
        let (mut schedule, rng) = (Schedule::new(), Rng::seeded(1));
        let waits = std::iter::from_fn(|| match next(&mut schedule, &config, &rng) {
            Next::After(wait) => Some(wait),
            Next::Stop(Stop::Attempts) => None,
            Next::Stop(stop) => panic!("{stop:?}"),
        });
        let (count, longest) = waits.fold((0u32, Span::ZERO), |(count, longest), wait| (count + 1, longest.max(wait)));
        assert_eq!((count, longest <= ms(1_000)), (9_999_999, true), "{jitter:?}");
    }
}
