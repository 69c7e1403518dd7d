//! The path of those who need not ask: what it counts, what it may miss, and that it ends at once.

mod failing;
mod policies;

use seawall::breaker::{Breaker, BreakerSnapshot, Shard, State};
use seawall::config::{BreakerConfig, PolicyConfig, Rate, Window};
use seawall::cx::Cx;
use seawall::outcome::Outcome;
use seawall::permit::Permit;
use seawall::rng::Rng;
use seawall::time::{Span, Tick};
use seawall::{Policy, Registry};
use std::sync::atomic::{AtomicU64, Ordering};

fn time_window(rate: f64) -> BreakerConfig {
    BreakerConfig {
        window: Window::Time { span: Span::secs(30), slices: 10, aligned: true },
        failure_rate: Some(Rate::from_f64(rate)),
        minimum_calls: 20,
        ..BreakerConfig::default()
    }
}

fn count_policy(minimum_calls: u32) -> PolicyConfig {
    let breaker = BreakerConfig {
        window: Window::Count { size: 100 },
        failure_rate: Some(Rate::from_f64(0.5)),
        minimum_calls,
        ..BreakerConfig::default()
    };
    PolicyConfig { breaker: Some(breaker), ..PolicyConfig::default() }
}

/// A call that asks, and ends at once.
fn ask(policy: &Policy, outcome: Outcome) -> Permit {
    let permit = policy.acquire().unwrap();
    policy.record(permit, outcome, Span::ZERO, None);
    permit
}

/// A breaker on a clock that only the test moves.
struct Bench {
    breaker: Breaker,
    rng: Rng,
    now: Tick,
    passed: u64,
    asked: u64,
}

impl Bench {
    fn new(config: BreakerConfig) -> Bench {
        Bench { breaker: Breaker::new(&config), rng: Rng::seeded(1), now: Tick(1), passed: 0, asked: 0 }
    }

    fn at<R>(&self, decide: impl FnOnce(&Breaker, &mut Cx) -> R) -> R {
        decide(&self.breaker, &mut Cx { now: self.now, rng: &self.rng, notes: &mut Vec::new() })
    }

    fn success(&mut self) {
        match self.breaker.pass() {
            Some(permit) if self.breaker.tally(permit) => self.passed += 1,
            Some(permit) => self.ask(permit, Outcome::Success),
            None => self.asking(Outcome::Success),
        }
    }

    fn asking(&mut self, outcome: Outcome) {
        if let Ok(permit) = self.at(|breaker, cx| breaker.acquire(cx)) {
            self.ask(permit, outcome);
        }
    }

    fn ask(&mut self, permit: Permit, outcome: Outcome) {
        self.asked += 1;
        self.at(|breaker, cx| breaker.record(permit, outcome, Span::ZERO, None, cx));
    }

    fn look(&self) -> BreakerSnapshot {
        self.breaker.peek(self.now)
    }
}

#[test]
fn a_calm_time_window_passes_on_credit_and_counts_every_call() {
    let mut bench = Bench::new(time_window(0.5));
    (0..10_000).for_each(|_| bench.success());
    // The first 4,096 of a writer ask each time; then one ask in 65 calls renews the credit.
    assert_eq!(bench.asked, 4_096 + (10_000 - 4_096_u64).div_ceil(65) - 1, "passed {}", bench.passed);
    assert_eq!((bench.look().calls, bench.look().totals.success), (10_000, 10_000));
}

#[test]
fn a_slow_stream_of_calls_asks_each_time() {
    let mut bench = Bench::new(time_window(0.5));
    for _ in 0..1_000 {
        bench.now = bench.now.after(Span::millis(100));
        bench.success();
    }
    assert_eq!((bench.passed, bench.asked), (0, 1_000));
    // 30 slots of 3 s would hold 300; the window holds nine whole slices and what is in the tenth.
    assert!((270..=300).contains(&bench.look().calls), "{}", bench.look().calls);
}

#[test]
fn failures_take_the_pass_away_before_they_trip() {
    let mut bench = Bench::new(time_window(0.5));
    (0..8_000).for_each(|_| bench.success());
    assert!(bench.breaker.pass().is_some());
    let one_of_each = |bench: &mut Bench| {
        bench.asking(Outcome::Failure);
        bench.success();
    };
    (0..3_999).for_each(|_| one_of_each(&mut bench));
    assert!(bench.breaker.pass().is_some(), "{:?}", bench.look());
    // A quarter of all calls is half of the threshold.
    one_of_each(&mut bench);
    assert!(bench.breaker.pass().is_none(), "{:?}", bench.look());
    (0..7_999).for_each(|_| bench.asking(Outcome::Failure));
    assert_eq!(bench.look().state, State::Closed);
    bench.asking(Outcome::Failure);
    assert_eq!(bench.look().state, State::Open, "exactly half: {:?}", bench.look());
}

#[test]
fn before_it_opens_it_counts_what_was_passed_and_not_yet_seen() {
    let mut bench = Bench::new(time_window(0.5));
    (0..8_030).for_each(|_| bench.success());
    (0..8_029).for_each(|_| bench.asking(Outcome::Failure));
    assert_eq!(bench.look().state, State::Closed);
    bench.asking(Outcome::Failure);
    assert_eq!(bench.look().state, State::Open, "exactly half: {:?}", bench.look());
}

#[test]
fn a_new_slice_takes_all_credit_and_old_passes_fulfil_no_minimum() {
    let mut bench = Bench::new(time_window(0.5));
    (0..4_100).for_each(|_| bench.success());
    assert!(bench.passed > 0);
    // A minute later the window is empty but for what was passed and not yet seen.
    bench.now = bench.now.after(Span::secs(60));
    let permit = bench.breaker.pass().expect("nobody has looked yet");
    assert!(bench.breaker.tally(permit), "credit is left");
    (0..19).for_each(|_| bench.asking(Outcome::Failure));
    assert_eq!(bench.look().state, State::Closed);
    bench.asking(Outcome::Failure);
    assert_eq!(bench.look().state, State::Open, "twenty of twenty-odd failed: {:?}", bench.look());
}

#[test]
fn who_first_asks_in_a_slice_takes_the_credit_of_all() {
    let mut bench = Bench::new(time_window(0.5));
    (0..5_000).for_each(|_| bench.success());
    bench.now = bench.now.after(Span::secs(3));
    let permit = bench.breaker.pass().expect("calm");
    let (breaker, now) = (&bench.breaker, bench.now);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let cx = &mut Cx { now, rng: &Rng::seeded(1), notes: &mut Vec::new() };
            breaker.record(permit, Outcome::Success, Span::ZERO, None, cx);
        });
    });
    assert!(!bench.breaker.tally(permit), "credit of the slice before");
    bench.ask(permit, Outcome::Success);
    let permit = bench.breaker.pass().unwrap();
    assert!(bench.breaker.tally(permit), "a writer that was busy in the last slice gets new credit");
    assert_eq!(bench.look().calls, 5_003);
}

#[test]
fn a_burst_a_pause_and_an_outage_open_after_twenty_failures() {
    let mut bench = Bench::new(time_window(0.5));
    for _ in 0..300_000 {
        bench.now = bench.now.after(Span::micros(100));
        bench.success();
    }
    bench.now = bench.now.after(Span::secs(60));
    let failures = (1..=1_000).find(|_| {
        bench.now = bench.now.after(Span::millis(100));
        bench.asking(Outcome::Failure);
        bench.look().state == State::Open
    });
    // The passes of the last credit may weigh in, as `maybe`: 64 at most.
    assert!((20..=64 + 20).contains(&failures.unwrap()), "{failures:?}");
}

#[test]
fn a_driver_that_reads_the_cell_itself_counts_the_same() {
    let registry = Registry::manual(1);
    let policy = registry.build(count_policy(4));
    let overlay = policy.overlay().unwrap();
    assert_eq!((overlay.stride, overlay.gate % 64, overlay.shared % 64), (64, 0, 0));
    let before = policy.pass();
    assert!(before.is_none(), "warming up");
    for _ in 0..4 {
        ask(&policy, Outcome::Success);
    }
    let pass = policy.pass().unwrap();
    // No line needs an ask in a count window, whichever the driver takes.
    assert!(policy.succeed(pass));
    policy.succeed_on(Shard(Some(3)), pass);
    let breaker = policy.breaker().unwrap();
    assert_eq!(breaker.peek(Tick::ZERO).totals.success, 6);
    assert_eq!(breaker.gate().load(Ordering::Relaxed) as u32, pass.permit as u32);
}

#[test]
fn after_a_reload_the_gate_of_the_old_cell_never_passes_again() {
    let registry = Registry::manual(1);
    let text = |size: u32| {
        format!(
            "[policy.p.breaker]\nfailure_rate = 0.5\nminimum_calls = 1\n[policy.p.breaker.window]\nkind = \"count\"\nsize = {size}\n"
        )
    };
    registry.load(&text(10), "a").unwrap();
    let policy = registry.named("p").unwrap();
    let permit = ask(&policy, Outcome::Success);
    let old = policy.breaker().unwrap().clone();
    let first = policy.overlay().unwrap();
    assert!(old.pass().is_some());
    registry.load(&text(1_000), "a").unwrap();
    assert_ne!(policy.overlay().unwrap().gate, first.gate);
    assert!(old.pass().is_none());
    let permit = Permit(u64::from(permit.0 as u32));
    policy.with(|cx| old.record(permit, Outcome::Success, Span::ZERO, None, cx));
    assert!(old.pass().is_none(), "a late report does not open the gate");
    assert_eq!(policy.state(), Some(State::Closed));
}

#[test]
fn an_open_circuit_refuses_early_and_counts_it() {
    let registry = Registry::manual(1);
    let policy = registry.build(PolicyConfig { name: Some("p".into()), ..count_policy(1) });
    assert!(policy.refusal().is_none(), "closed");
    policy.control(seawall::breaker::Control::OpenFor(Span::secs(10)));
    registry.clock().advance(Span::secs(4));
    let refusal = policy.refusal().unwrap();
    assert_eq!((refusal.retry_after, refusal.state), (Some(Span::secs(6)), Some(State::Open)));
    assert_eq!(policy.breaker().unwrap().peek(Tick::ZERO).totals.rejected, 1);
    let counted = r#"seawall_call_refusals_total{policy="p",scope="process",reason="circuit_open"} 1"#;
    assert!(registry.metrics().contains(counted));
    registry.clock().advance(Span::secs(6));
    assert!(policy.refusal().is_none(), "due: ask");
    let events = registry.events().subscribe();
    policy.control(seawall::breaker::Control::Open);
    assert!(policy.refusal().is_none(), "a listener wants to hear of it");
    drop(events);
}

#[test]
fn a_clock_that_runs_for_centuries_wears_nothing_out() {
    let registry = Registry::manual(1);
    let policy = registry.build(PolicyConfig { breaker: Some(BreakerConfig::default()), ..PolicyConfig::default() });
    let year = Span::secs(365 * 24 * 3600);
    for years in [1, 5, 9, 18, 20, 35, 70, 200] {
        registry.clock().advance(Span(year.0 * years));
        for _ in 0..5 {
            ask(&policy, Outcome::Failure);
        }
        assert_eq!(policy.acquire().unwrap_err().retry_after, Some(Span::secs(30)), "{years}");
        registry.clock().advance(Span::secs(29));
        assert_eq!(policy.acquire().unwrap_err().retry_after, Some(Span::secs(1)), "{years}");
        registry.clock().advance(Span::secs(1));
        let probe = policy.acquire().unwrap();
        assert_eq!(policy.acquire().unwrap_err().retry_after, Some(Span::secs(30)), "{years}: the probe's lease");
        registry.clock().advance(Span::secs(29));
        policy.record(probe, Outcome::Success, Span::ZERO, None);
        assert_eq!(policy.state(), Some(State::Closed), "{years}");
    }
}

#[test]
fn what_is_counted_without_a_verdict_leaves_with_its_slice_and_the_next_one_is_judged() {
    let registry = Registry::manual(1);
    let breaker = BreakerConfig { minimum_calls: 5, ..time_window(0.5) };
    let policy = registry.build(PolicyConfig { breaker: Some(breaker), ..PolicyConfig::default() });
    let succeed = || match policy.pass() {
        Some(pass) => drop(policy.succeed(pass)),
        None => {
            ask(&policy, Outcome::Success);
        }
    };
    let held = || policy.breaker().unwrap().peek(registry.clock().now());
    (0..200).for_each(|_| succeed());
    registry.clock().advance(Span::secs(3));
    (0..100).for_each(|_| succeed());
    assert_eq!((held().calls, held().totals.success), (300, 300));
    registry.clock().advance(Span::secs(3));
    for _ in 0..30 {
        ask(&policy, Outcome::Failure);
    }
    // The success that ends their streak is judged: one of ten has failed, which is calm.
    (0..2).for_each(|_| succeed());
    assert!(policy.pass().is_some());
    registry.clock().advance(Span(Span::secs(24).0 - 1));
    succeed();
    assert_eq!((held().calls, held().failures), (333, 30), "the last moment of the first slice");
    registry.clock().advance(Span(1));
    succeed();
    assert_eq!((held().calls, held().failures, held().state), (134, 30, State::Closed));
    registry.clock().advance(Span::secs(3));
    assert!(policy.pass().is_some(), "nobody has looked yet");
    succeed();
    assert_eq!(held().state, State::Open, "30 of 35 that are left");
}

#[test]
fn writers_on_lines_of_their_own_and_on_shared_ones_lose_nothing() {
    const THREADS: u64 = 12;
    const CALLS: u64 = 20_000;
    let registry = Registry::manual(1);
    let policy = registry.build(count_policy(1));
    let asked = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..CALLS {
                    match policy.pass() {
                        Some(pass) => {
                            policy.succeed(pass);
                        }
                        None => {
                            asked.fetch_add(1, Ordering::Relaxed);
                            ask(&policy, Outcome::Success);
                        }
                    }
                }
            });
        }
    });
    assert_eq!(policy.breaker().unwrap().peek(Tick::ZERO).totals.success, THREADS * CALLS);
    assert!(asked.into_inner() < THREADS * CALLS / 2);
}
