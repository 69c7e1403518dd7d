//! How exact a time window is where successes pass on credit: never early, and late by no more than the
//! credit that is out. Simulated traffic of many kinds, then the same on a real clock.
//!
//! `SEAWALL_EXACT_SEEDS` (60) is the number of simulated regimes, `SEAWALL_EXACT_ROUNDS` (1) that of rounds
//! on the real clock. The figures are printed: `cargo test --test exactness -- --nocapture`.
#![cfg(not(loom))]

mod workers;

use seawall::breaker::{Breaker, State};
use seawall::config::{BreakerConfig, Rate, Window};
use seawall::cx::Cx;
use seawall::outcome::Outcome;
use seawall::rng::Rng;
use seawall::time::{Span, Tick};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use workers::Workers;

/// What the documentation promises: passes that may go unseen, for each writer.
const CREDIT: u64 = 64;
const SLICES: u64 = 10;
const MINIMUM: u64 = 20;

fn number_of(variable: &str, usual: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// Opens at half of the calls of the last ten slices.
fn breaker(slice: Span) -> Breaker {
    Breaker::new(&BreakerConfig {
        window: Window::Time { span: Span(slice.0 * SLICES), slices: SLICES as u32, aligned: true },
        failure_rate: Some(Rate::from_f64(0.5)),
        minimum_calls: MINIMUM as u32,
        ..BreakerConfig::default()
    })
}

/// The window that is counted call by call.
struct Exact {
    slice: Span,
    /// Successes and failures by slice.
    counts: BTreeMap<u64, (u64, u64)>,
    writers: u64,
    calls: u64,
    passes: u64,
    /// The call that should have opened the circuit, and the one that did.
    due: Option<u64>,
    opened: Option<u64>,
    /// Calls in a row at which it should be open with all credit on the side of success, and the most.
    sure: u64,
    longest: u64,
}

impl Exact {
    fn new(slice: Span, writers: u64) -> Exact {
        let counts = BTreeMap::new();
        Exact { slice, counts, writers, calls: 0, passes: 0, due: None, opened: None, sure: 0, longest: 0 }
    }

    fn window(&self) -> (u64, u64) {
        self.counts.values().fold((0, 0), |(ok, failed), (o, f)| (ok + o, failed + f))
    }

    /// One call has ended at `now`, and the circuit is `open` or not.
    fn count(&mut self, now: Tick, failed: bool, passed: bool, open: bool) {
        let slice = now.0 / self.slice.0;
        self.counts.retain(|of, _| of + SLICES > slice);
        let (ok, failures) = self.counts.entry(slice).or_default();
        (*ok, *failures) = (*ok + u64::from(!failed), *failures + u64::from(failed));
        (self.calls, self.passes) = (self.calls + 1, self.passes + u64::from(passed));
        let (ok, failed) = self.window();
        let trips = |more: u64| ok + failed >= MINIMUM && 2 * failed >= ok + failed + more;
        if trips(0) {
            self.due.get_or_insert(self.calls);
        }
        if open {
            self.opened = Some(self.calls);
        }
        self.sure = if trips(CREDIT * self.writers + 1) && !open { self.sure + 1 } else { 0 };
        self.longest = self.longest.max(self.sure);
    }
}

/// A call at `now`, by the gate where it lets pass; whether the circuit is open after it.
fn call(breaker: &Breaker, exact: &Mutex<Exact>, now: Tick, failed: bool) -> bool {
    let rng = Rng::seeded(1);
    let at = |decide: &dyn Fn(&Breaker, &mut Cx)| decide(breaker, &mut Cx { now, rng: &rng, notes: &mut Vec::new() });
    let pass = breaker.pass();
    let passed = !failed && pass.is_some_and(|permit| breaker.tally(permit));
    if !passed {
        let asked = || breaker.acquire(&mut Cx { now, rng: &rng, notes: &mut Vec::new() }).ok();
        let Some(permit) = pass.or_else(asked) else { return true };
        let outcome = if failed { Outcome::Failure } else { Outcome::Success };
        at(&|breaker, cx| breaker.record(permit, outcome, Span::ZERO, None, cx));
    }
    let open = breaker.state() == State::Open;
    exact.lock().unwrap().count(now, failed, passed, open);
    open
}

#[derive(Default, Debug)]
struct Figures {
    regimes: u64,
    calls: u64,
    passes: u64,
    trips: u64,
    same_call: u64,
    early: u64,
    late: u64,
    never: u64,
    latest: u64,
    longest_sure: u64,
}

impl Figures {
    fn add(&mut self, exact: &Exact) {
        self.regimes += 1;
        self.calls += exact.calls;
        self.passes += exact.passes;
        self.longest_sure = self.longest_sure.max(exact.longest);
        match (exact.due, exact.opened) {
            (Some(due), Some(opened)) if opened >= due => {
                self.trips += 1;
                self.same_call += u64::from(opened == due);
                self.late += u64::from(opened > due);
                self.latest = self.latest.max(opened - due);
            }
            (_, Some(_)) => self.early += 1,
            (Some(_), None) => self.never += 1,
            (None, None) => {}
        }
    }
}

#[test]
fn simulated_traffic_of_many_kinds_opens_when_it_should() {
    const SLICE: Span = Span::secs(3);
    for writers in [1, 4] {
        let workers = Workers::new(writers);
        let mut figures = Figures::default();
        for seed in 0..number_of("SEAWALL_EXACT_SEEDS", 60) {
            let rng = Rng::seeded(seed * 2 + 1);
            let draw = move |below: u64| rng.next_u64() % below;
            let (breaker, mut now) = (Arc::new(breaker(SLICE)), Tick(1));
            let exact = Arc::new(Mutex::new(Exact::new(SLICE, writers as u64)));
            // Every third time a busy and healthy service of which everything fails at once.
            let sudden = seed % 3 == 0;
            for phase in 0..12 {
                // A burst, a trickle, or something in between; then perhaps a pause.
                let calls = [200, 2_000, 20_000][draw(3) as usize] * (1 + draw(4)) / 2;
                let gap = Span::micros([20, 100, 1_000, 50_000, 200_000][draw(5) as usize]);
                let of_hundred = [0, 0, 5, 25, 45, 50, 52, 60, 100][draw(9) as usize];
                let (calls, gap, of_hundred) = match (sudden, phase) {
                    (true, 0) => (20_000 + 10_000 * draw(4), Span::micros(50), 0),
                    (true, _) => (calls, gap, 100),
                    (false, _) => (calls.min(60_000_000_000 / gap.0), gap, of_hundred),
                };
                let mut left = calls;
                while left > 0 {
                    let many = left.min(1 + draw(300));
                    let (breaker, exact, begin) = (breaker.clone(), exact.clone(), now);
                    let outcomes: Vec<bool> = (0..many).map(|_| draw(100) < of_hundred).collect();
                    let open = workers.run(draw(writers as u64) as usize, move || {
                        (0..)
                            .zip(&outcomes)
                            .any(|(i, failed)| call(&breaker, &exact, begin.after(Span(gap.0 * i)), *failed))
                    });
                    (now, left) = (now.after(Span(gap.0 * many)), left - many);
                    if open {
                        left = 0;
                    }
                }
                if exact.lock().unwrap().opened.is_some() {
                    break;
                }
                now = now.after(Span::secs([0, 0, 2, 10, 60][draw(5) as usize]));
            }
            figures.add(&exact.lock().unwrap());
        }
        println!("simulated, {writers} writers: {figures:?}");
        assert_eq!(figures.early, 0, "the circuit opened before it should");
        assert!(figures.longest_sure <= CREDIT * writers as u64, "{figures:?}");
        assert!(figures.trips > figures.regimes / 3 && figures.passes > figures.calls / 10, "{figures:?}");
    }
}

#[test]
fn below_the_floor_of_credit_every_trip_is_at_its_call() {
    const SLICE: Span = Span::secs(3);
    let workers = Workers::new(3);
    let mut figures = Figures::default();
    for seed in 0..number_of("SEAWALL_EXACT_SEEDS", 60) {
        let rng = Rng::seeded(seed * 2 + 1);
        let (breaker, mut now) = (Arc::new(breaker(SLICE)), Tick(1));
        let exact = Arc::new(Mutex::new(Exact::new(SLICE, 3)));
        let mut of_hundred = 20;
        for _ in 0..3_000 {
            if rng.next_u64().is_multiple_of(200) {
                of_hundred = rng.next_u64() % 70;
            }
            // At most 1,500 calls in a slice, of three writers.
            now = now.after(Span::millis(2 + rng.next_u64() % 300));
            let (breaker, exact, failed) = (breaker.clone(), exact.clone(), rng.next_u64() % 100 < of_hundred);
            if workers.run((rng.next_u64() % 3) as usize, move || call(&breaker, &exact, now, failed)) {
                break;
            }
        }
        figures.add(&exact.lock().unwrap());
    }
    println!("below 4,096 calls per slice and writer: {figures:?}");
    assert_eq!((figures.early, figures.late, figures.never), (0, 0, 0), "{figures:?}");
    assert!(figures.trips > figures.regimes / 3, "{figures:?}");
}

/// Burst, trickle, pause and outage as they come, by two threads.
#[test]
fn on_a_real_clock_an_outage_is_seen_in_time() {
    const SLICE: Span = Span::millis(100);
    let mut figures = Figures::default();
    for round in 0..number_of("SEAWALL_EXACT_ROUNDS", 1) * 4 {
        let (breaker, exact) = (breaker(SLICE), Mutex::new(Exact::new(SLICE, 2)));
        let begun = Instant::now();
        let now = || Tick(begun.elapsed().as_nanos() as u64 + 1);
        let healthy = |span: Duration, gap: Duration| {
            std::thread::scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(|| {
                        let end = Instant::now() + span;
                        while Instant::now() < end {
                            // One reading for both, under the lock that orders them.
                            let open = { call(&breaker, &exact, now(), false) };
                            assert!(!open, "nothing has failed");
                            if !gap.is_zero() {
                                std::thread::park_timeout(gap);
                            }
                        }
                    });
                }
            });
        };
        healthy(Duration::from_millis(250), Duration::ZERO);
        if round % 2 == 1 {
            healthy(Duration::from_millis(150), Duration::from_millis(4));
            std::thread::park_timeout(Duration::from_millis(if round % 4 == 3 { 1_300 } else { 300 }));
        }
        let outage = Instant::now();
        let mut failures = 0;
        while !call(&breaker, &exact, now(), true) {
            failures += 1;
            std::thread::park_timeout(Duration::from_micros(300));
            assert!(outage.elapsed() < Duration::from_secs(20), "it never opened: {:?}", breaker.peek(now()));
        }
        let exact = exact.into_inner().unwrap();
        println!("round {round}: {} calls, {} passed; {failures} failures until it opened", exact.calls, exact.passes);
        figures.add(&exact);
    }
    println!("real clock, 2 writers: {figures:?}");
    assert_eq!((figures.early, figures.never), (0, 0), "{figures:?}");
    assert!(figures.longest_sure <= CREDIT * 2, "{figures:?}");
    assert!(figures.passes > figures.calls / 4, "hardly a call passed: {figures:?}");
}
