//! The breaker against a naive one, under random settings, overlapping calls, time and the gate.
#![cfg(not(loom))]

mod naive;
mod workers;

use naive::{Naive, Ticket};
use proptest::prelude::*;
use seawall::breaker::{Breaker, Control, State};
use seawall::config::{BreakerConfig, HalfOpen, OnMaxWait, OpenFor, ProbeMode, Rate, SlowCall, Window};
use seawall::cx::Cx;
use seawall::outcome::{Hint, Outcome};
use seawall::permit::Permit;
use seawall::rng::Rng;
use seawall::time::{Span, Tick};
use std::sync::{Arc, LazyLock};
use workers::Workers;

/// One thing that happens. Numbers that choose among calls in flight are taken modulo their count.
#[derive(Clone, Debug)]
enum Act {
    Begin {
        by_gate: bool,
    },
    End {
        which: usize,
        outcome: Outcome,
        took: u64,
        hint: Option<u64>,
    },
    /// Its report comes a second time.
    Repeat,
    /// A caller goes away without a word.
    Lose {
        which: usize,
    },
    Pass(u64),
    Hand(Control),
    /// Many successes in a row, as a healthy service has.
    Healthy(u8),
    /// Many calls through the gate, of which the given failures: one after another, or with some successes
    /// in between.
    Failing {
        failures: u8,
        apart: u8,
    },
}

fn acts() -> impl Strategy<Value = Act> {
    let outcome = prop_oneof![
        6 => Just(Outcome::Success),
        5 => Just(Outcome::Failure),
        1 => Just(Outcome::Timeout),
        1 => Just(Outcome::Throttled),
        1 => Just(Outcome::Permanent),
        1 => Just(Outcome::Ignored),
        1 => Just(Outcome::Cancelled),
    ];
    let control = prop_oneof![
        Just(Control::Open),
        (0..9_000u64).prop_map(|ms| Control::OpenFor(Span::millis(ms))),
        (0..90_000u64).prop_map(|ms| Control::OpenUntil(Tick(ms * 1_000_000))),
        Just(Control::HalfOpen),
        Just(Control::Close),
        Just(Control::ForceOpen),
        Just(Control::Disable),
        Just(Control::MetricsOnly),
        Just(Control::Reset),
    ];
    prop_oneof![
        30 => any::<bool>().prop_map(|by_gate| Act::Begin { by_gate }),
        30 => (any::<usize>(), outcome, 0..3_000u64, prop::option::of(0..20_000u64))
            .prop_map(|(which, outcome, took, hint)| Act::End { which, outcome, took, hint }),
        2 => Just(Act::Repeat),
        2 => any::<usize>().prop_map(|which| Act::Lose { which }),
        12 => prop_oneof![1..50u64, 500..4_000u64, 4_000..40_000u64].prop_map(Act::Pass),
        1 => control.prop_map(Act::Hand),
        4 => (1..30u8).prop_map(Act::Healthy),
        4 => (1..40u8, 0..4u8).prop_map(|(failures, apart)| Act::Failing { failures, apart }),
    ]
}

fn settings() -> impl Strategy<Value = BreakerConfig> {
    let window = prop_oneof![
        (1..6u32).prop_map(|failures| Window::Consecutive { failures }),
        prop_oneof![4 => 1..30u32, 1 => 30..200u32].prop_map(|size| Window::Count { size }),
        (1..6u32, any::<bool>(), 1..4u64).prop_map(|(slices, aligned, length)| Window::Time {
            span: Span::secs(u64::from(slices) * length),
            slices,
            aligned
        }),
    ];
    let rate = || (1..=20u32).prop_map(|twentieths| Rate::from_f64(f64::from(twentieths) / 20.0));
    let slow = (200..2_000u64, rate()).prop_map(|(ms, rate)| SlowCall { longer_than: Span::millis(ms), rate });
    let rules =
        (prop::option::of(rate()), prop::option::of(prop_oneof![1..8u32, 8..60u32]), prop::option::weighted(0.3, slow));
    let open = (1..8u64, prop_oneof![Just(1.0), Just(2.0), Just(1.5)], 1..20u64).prop_map(|(base, factor, cap)| {
        OpenFor { base: Span::secs(base), factor, cap: Span::secs(base.max(cap)), jitter: 0.0 }
    });
    let probes = (
        1..5u32,
        any::<bool>(),
        prop::option::weighted(0.4, 1..5u32),
        prop::option::weighted(0.3, 1..20u64),
        any::<bool>(),
        1..12u64,
    )
        .prop_map(|(permits, total, successes, wait, closes, lease)| HalfOpen {
            permits,
            mode: if total { ProbeMode::Total } else { ProbeMode::Concurrent },
            successes: successes.map(|needed| needed.min(permits)),
            of: successes.map(|_| permits),
            max_wait: wait.map(Span::secs),
            on_max_wait: if closes { OnMaxWait::Closed } else { OnMaxWait::Open },
            lease: Span::secs(lease),
        });
    (window, rules, 1..12u32, open, probes, any::<[bool; 2]>()).prop_map(
        |(window, (failure_rate, failure_count, slow_call), minimum, open_for, half_open, [throttled, hints])| {
            let streaks = matches!(window, Window::Consecutive { .. });
            // As the configuration resolves it: half where nothing else is named.
            let named = failure_rate.is_some() || failure_count.is_some() || slow_call.is_some();
            let failure_rate = if named { failure_rate } else { Some(Rate::from_f64(0.5)) };
            let minimum_calls = match window {
                Window::Count { size } => minimum.min(size),
                _ => minimum,
            };
            BreakerConfig {
                window,
                failure_rate: failure_rate.filter(|_| !streaks),
                failure_count: failure_count.filter(|_| !streaks),
                slow_call: slow_call.filter(|_| !streaks),
                minimum_calls,
                open_for,
                half_open,
                count_throttled: throttled,
                from_server_hint: hints,
                ..BreakerConfig::default()
            }
        },
    )
}

#[derive(Copy, Clone)]
enum Hands {
    /// The test's own thread.
    One,
    /// This of several.
    Many(usize),
}

/// The two breakers, side by side.
///
/// Whatever is done to the real one is done by one of its hands: threads that count on lines of their
/// own, some on shared ones, a call begun by one and ended by another.
struct Pair {
    real: Arc<Breaker>,
    hands: Hands,
    naive: Naive,
    rng: Rng,
    now: Tick,
    calls: Vec<(Permit, Ticket, bool)>,
    last: Option<(Permit, Ticket)>,
    passes: u64,
}

impl Pair {
    fn new(config: &BreakerConfig, hands: Hands) -> Pair {
        let now = Tick(1_000_000_000);
        Pair {
            real: Arc::new(Breaker::new(config)),
            hands,
            naive: Naive::new(config, now),
            rng: Rng::seeded(1),
            now,
            calls: Vec::new(),
            last: None,
            passes: 0,
        }
    }

    fn at<R: Send + 'static>(&self, decide: impl FnOnce(&Breaker, &mut Cx) -> R + Send + 'static) -> R {
        let now = self.now;
        self.by_hand(move |real| decide(real, &mut Cx { now, rng: &Rng::seeded(1), notes: &mut Vec::new() }))
    }

    fn by_hand<R: Send + 'static>(&self, act: impl FnOnce(&Breaker) -> R + Send + 'static) -> R {
        match self.hands {
            Hands::One => act(&self.real),
            Hands::Many(which) => {
                // More than a cell has lines of one writer.
                static WORKERS: LazyLock<Workers> = LazyLock::new(|| Workers::new(7));
                let real = self.real.clone();
                WORKERS.run(which, move || act(&real))
            }
        }
    }

    /// The next is done by another, in a pattern of its own for each story.
    fn change_hands(&mut self) {
        if let Hands::Many(which) = &mut self.hands {
            *which = (self.rng.next_u64() % 7) as usize;
        }
    }

    fn act(&mut self, act: &Act) -> Result<(), TestCaseError> {
        self.change_hands();
        match *act {
            Act::Begin { by_gate } => self.begin(by_gate)?,
            Act::End { which, outcome, took, hint } => {
                if !self.calls.is_empty() {
                    let call = self.calls.swap_remove(which % self.calls.len());
                    self.end(call, outcome, Span::millis(took), hint.map(|ms| Hint::After(Span::millis(ms))));
                }
            }
            Act::Repeat => {
                // Only a probe's second report is promised to change nothing.
                if let Some((permit, ticket)) = self.last
                    && permit.0 >> 32 != 0
                {
                    self.report(permit, ticket, Outcome::Failure, Span::ZERO, None);
                }
            }
            Act::Lose { which } => {
                if !self.calls.is_empty() {
                    self.calls.swap_remove(which % self.calls.len());
                }
            }
            Act::Pass(ms) => {
                self.now = self.now.after(Span::millis(ms));
                self.naive.now = self.now;
            }
            Act::Hand(control) => {
                self.at(move |real, cx| real.control(control, cx));
                self.naive.control(control);
            }
            Act::Healthy(times) => (0..times).try_for_each(|_| self.pass_with(Outcome::Success))?,
            Act::Failing { failures, apart } => {
                for _ in 0..failures {
                    (0..apart).try_for_each(|_| self.pass_with(Outcome::Success))?;
                    self.pass_with(Outcome::Failure)?;
                    // Which of them opens it is decided at once.
                    prop_assert_eq!(self.real.state(), self.naive.state);
                }
            }
        }
        self.compare()
    }

    /// A call through the gate, that ends at once.
    fn pass_with(&mut self, outcome: Outcome) -> Result<(), TestCaseError> {
        self.begin(true)?;
        self.change_hands();
        if let Some(call) = self.calls.pop() {
            self.end(call, outcome, Span::ZERO, None);
        }
        Ok(())
    }

    fn begin(&mut self, by_gate: bool) -> Result<(), TestCaseError> {
        if by_gate && let Some(permit) = self.by_hand(Breaker::pass) {
            let ticket = self.naive.acquire();
            prop_assert!(ticket.is_ok() && self.naive.state == State::Closed, "the gate let a call pass");
            self.calls.push((permit, ticket.unwrap(), true));
            return Ok(());
        }
        match (self.at(|real, cx| real.acquire(cx)), self.naive.acquire()) {
            (Ok(permit), Ok(ticket)) => self.calls.push((permit, ticket, false)),
            (Err(refusal), Err(retry_after)) => prop_assert_eq!(refusal.retry_after, retry_after),
            (real, naive) => prop_assert!(false, "{:?} against {:?}", real, naive),
        }
        Ok(())
    }

    fn end(
        &mut self,
        (permit, ticket, by_gate): (Permit, Ticket, bool),
        outcome: Outcome,
        took: Span,
        hint: Option<Hint>,
    ) {
        // Who passes a breaker with a slow-call rule looks at the clock, and reports a slow success.
        let slow = self.real.config().slow_call.is_some_and(|slow| took > slow.longer_than);
        if by_gate && outcome == Outcome::Success && !slow && self.by_hand(move |real| real.tally(permit)) {
            self.passes += 1;
            self.naive.report(ticket, outcome, took, None);
            return;
        }
        self.report(permit, ticket, outcome, took, hint);
        self.last = Some((permit, ticket));
    }

    fn report(&mut self, permit: Permit, ticket: Ticket, outcome: Outcome, took: Span, hint: Option<Hint>) {
        self.at(move |real, cx| real.record(permit, outcome, took, hint, cx));
        self.naive.report(ticket, outcome, took, hint);
    }

    fn compare(&mut self) -> Result<(), TestCaseError> {
        let shown = self.at(|real, cx| real.snapshot(cx));
        self.naive.look();
        let naive = &self.naive;
        let window = naive.shown();
        prop_assert_eq!((shown.state, u64::from(shown.generation)), (naive.state, naive.generation));
        if naive.state != State::MetricsOnly && !naive.at_least {
            // A count window that does not trip may hold more failures than its log.
            prop_assert_eq!((shown.calls, shown.failures, shown.slow), (window.calls, window.failures, window.slow));
        }
        prop_assert_eq!(shown.consecutive_failures, naive.consecutive_failures());
        prop_assert_eq!(shown.permits_left, naive.permits_left());
        prop_assert_eq!(shown.step, naive.step);
        prop_assert_eq!(shown.open_remaining, naive.open_remaining());
        prop_assert_eq!(shown.retry_after, naive.retry_after());
        let (real, sums) = (shown.totals, &naive.sums);
        prop_assert_eq!(
            (real.success, real.failure, real.slow, real.ignored, real.cancelled),
            (sums.success, sums.failure, sums.slow, sums.ignored, sums.cancelled)
        );
        prop_assert_eq!((real.stale, real.rejected, real.transitions), (sums.stale, sums.rejected, sums.transitions));
        Ok(())
    }
}

fn cases() -> u32 {
    std::env::var("SEAWALL_MODEL_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(2_000)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_decides_as_the_naive_one_does(config in settings(), story in prop::collection::vec(acts(), 1..150)) {
        let mut pair = Pair::new(&config, Hands::One);
        for act in &story {
            pair.act(act)?;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases() / 10, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_decides_as_the_naive_one_does_whoever_writes(config in settings(), story in prop::collection::vec(acts(), 1..150)) {
        let mut pair = Pair::new(&config, Hands::Many(0));
        for act in &story {
            pair.act(act)?;
        }
    }
}

/// That the comparison above uses the gate at all, and every state.
#[test]
fn the_stories_reach_every_state_and_the_pass_path() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let (mut passes, mut states) = (0, std::collections::BTreeSet::new());
    for _ in 0..200 {
        let config = settings().new_tree(&mut runner).unwrap().current();
        let story = prop::collection::vec(acts(), 1..150).new_tree(&mut runner).unwrap().current();
        let mut pair = Pair::new(&config, Hands::One);
        for act in &story {
            pair.act(act).unwrap();
            states.insert(pair.naive.state.as_str());
        }
        passes += pair.passes;
    }
    assert!(passes > 2_000, "only {passes} calls passed");
    assert_eq!(states.len(), 6, "{states:?}");
}
