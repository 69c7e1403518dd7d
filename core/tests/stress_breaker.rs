//! One breaker, many threads, a real clock: what must hold whatever the interleaving.
#![cfg(not(loom))]

use seawall::breaker::{Breaker, Control, State};
use seawall::config::{BreakerConfig, HalfOpen, OpenFor, ProbeMode, Rate, Window};
use seawall::cx::Cx;
use seawall::event::{EventKind, Note};
use seawall::outcome::Outcome;
use seawall::permit::Permit;
use seawall::rng::Rng;
use seawall::time::{Span, Tick};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const THREADS: u64 = 4;
/// Transitions that a storm is to have had.
const ENOUGH: u64 = 20;

/// One thread's view: its own notes, its own numbers.
struct Worker<'a> {
    breaker: &'a Breaker,
    begun: Instant,
    rng: Rng,
    notes: Vec<Note>,
    by_gate: bool,
    told: Told,
}

/// What callers did, by their own account.
#[derive(Clone, Default, Debug, PartialEq)]
struct Told {
    success: u64,
    failure: u64,
    neutral: u64,
    rejected: u64,
}

impl Told {
    fn add(&mut self, other: &Told) {
        self.success += other.success;
        self.failure += other.failure;
        self.neutral += other.neutral;
        self.rejected += other.rejected;
    }
}

impl<'a> Worker<'a> {
    fn new(breaker: &'a Breaker, begun: Instant, seed: u64, by_gate: bool) -> Worker<'a> {
        Worker { breaker, begun, rng: Rng::seeded(seed), notes: Vec::new(), by_gate, told: Told::default() }
    }

    fn at<R>(&mut self, decide: impl FnOnce(&Breaker, &mut Cx) -> R) -> R {
        let now = Tick(self.begun.elapsed().as_nanos() as u64);
        decide(self.breaker, &mut Cx { now, rng: &self.rng, notes: &mut self.notes })
    }

    fn draw(&self, below: u64) -> u64 {
        self.rng.next_u64() % below
    }

    fn begin(&mut self) -> Option<(Permit, bool)> {
        if self.by_gate
            && let Some(permit) = self.breaker.pass()
        {
            return Some((permit, true));
        }
        let permit = self.at(|breaker, cx| breaker.acquire(cx)).ok();
        self.told.rejected += u64::from(permit.is_none());
        permit.map(|permit| (permit, false))
    }

    fn end(&mut self, (permit, passed): (Permit, bool), outcome: Outcome) {
        match outcome {
            Outcome::Success => self.told.success += 1,
            Outcome::Failure => self.told.failure += 1,
            _ => self.told.neutral += 1,
        }
        if !(passed && outcome == Outcome::Success && self.breaker.tally(permit)) {
            self.at(|breaker, cx| breaker.record(permit, outcome, Span::ZERO, None, cx));
        }
    }

    /// Now and then somebody changes the state by hand, and ends what does not end by itself.
    fn steer(&mut self) {
        if self.draw(4_000) > 0 {
            return;
        }
        let control = match self.draw(5) {
            0 => Control::OpenFor(Span::micros(200)),
            1 => Control::Reset,
            2 => Control::HalfOpen,
            3 => Control::MetricsOnly,
            _ => Control::ForceOpen,
        };
        self.at(|breaker, cx| breaker.control(control, cx));
        if matches!(control, Control::MetricsOnly | Control::ForceOpen) {
            self.at(|breaker, cx| breaker.control(Control::Close, cx));
        }
    }

    fn transitions(&self) -> impl Iterator<Item = &Note> {
        let changes = [EventKind::Opened, EventKind::HalfOpened, EventKind::Closed, EventKind::Forced];
        // In `metrics_only` one event says that the circuit would have opened; that is no transition.
        let would_have = |note: &Note| note.kind == EventKind::Opened && note.to != State::Open.as_str();
        self.notes.iter().filter(move |note| changes.contains(&note.kind) && !would_have(note))
    }
}

#[test]
fn a_quiet_count_window_has_lost_nothing() {
    const CALLS: u64 = 20_000;
    for by_gate in [true, false] {
        for size in [100, (THREADS * CALLS) as u32] {
            let config = BreakerConfig {
                window: Window::Count { size },
                // Trips only if nothing else than failures is in the window.
                failure_rate: Some(Rate::ONE),
                minimum_calls: 100,
                ..BreakerConfig::default()
            };
            let breaker = Breaker::new(&config);
            let (begun, told) = (Instant::now(), Mutex::new(Told::default()));
            std::thread::scope(|scope| {
                for seed in 0..THREADS {
                    let (breaker, told) = (&breaker, &told);
                    scope.spawn(move || {
                        let mut worker = Worker::new(breaker, begun, seed, by_gate);
                        for _ in 0..CALLS {
                            let call = worker.begin().expect("nothing trips");
                            let outcome = match worker.draw(20) {
                                0..2 => Outcome::Failure,
                                2 => Outcome::Ignored,
                                3 => Outcome::Cancelled,
                                _ => Outcome::Success,
                            };
                            worker.end(call, outcome);
                        }
                        told.lock().unwrap().add(&worker.told);
                    });
                }
            });
            let (shown, told) = (breaker.peek(Tick(begun.elapsed().as_nanos() as u64)), told.into_inner().unwrap());
            assert_eq!((shown.state, shown.generation, shown.totals.stale), (State::Closed, 1, 0));
            assert_eq!((shown.totals.success, shown.totals.failure), (told.success, told.failure));
            assert_eq!(shown.totals.ignored + shown.totals.cancelled, told.neutral);
            assert_eq!(shown.calls, u64::from(size).min(told.success + told.failure));
            assert_eq!(shown.successes + shown.failures, shown.calls);
            if u64::from(size) > told.success + told.failure {
                assert_eq!(shown.failures, told.failure);
            }
        }
    }
}

/// Probes that run, and that were ever sent, by generation.
#[derive(Default)]
struct Probes(Mutex<BTreeMap<u32, (u32, u32)>>);

impl Probes {
    fn sent(&self, permit: Permit) -> Option<u32> {
        // A probe's permit has its slot in the upper half, above its gate.
        let generation = (permit.0 as u32) >> 1;
        (permit.0 >> 32 != 0).then(|| {
            let mut all = self.0.lock().unwrap();
            let (running, sent) = all.entry(generation).or_default();
            (*running, *sent) = (*running + 1, *sent + 1);
            generation
        })
    }

    fn back(&self, generation: u32, counted: bool) {
        let mut all = self.0.lock().unwrap();
        let (running, sent) = all.entry(generation).or_default();
        (*running, *sent) = (*running - 1, *sent - u32::from(!counted));
    }

    /// The most that ran at once, or were sent and counted, in any generation.
    fn check(&self, permits: u32, mode: ProbeMode) {
        for (generation, (running, sent)) in self.0.lock().unwrap().iter() {
            assert!(*running <= permits, "{running} probes at once in generation {generation}");
            assert!(mode == ProbeMode::Concurrent || *sent <= permits, "{sent} probes in generation {generation}");
        }
    }
}

fn storm(window: Window, mode: ProbeMode, by_gate: bool) {
    const PERMITS: u32 = 3;
    let config = BreakerConfig {
        window,
        failure_rate: (!matches!(window, Window::Consecutive { .. })).then(|| Rate::from_f64(0.3)),
        minimum_calls: 5,
        open_for: OpenFor { base: Span::micros(300), factor: 1.0, cap: Span::secs(1), jitter: 0.0 },
        // No lease ends here: each probe reports.
        half_open: HalfOpen { permits: PERMITS, mode, lease: Span::secs(600), ..BreakerConfig::default().half_open },
        ..BreakerConfig::default()
    };
    let breaker = Breaker::new(&config);
    let (begun, probes) = (Instant::now(), Probes::default());
    let (told, chain) = (Mutex::new(Told::default()), Mutex::new(Vec::new()));
    let newest = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for seed in 0..THREADS {
            let (breaker, probes, told, chain, newest) = (&breaker, &probes, &told, &chain, &newest);
            scope.spawn(move || {
                let mut worker = Worker::new(breaker, begun, seed, by_gate);
                let mut seen = 0;
                let mut held: Vec<((Permit, bool), Option<u32>)> = Vec::new();
                let end = |worker: &mut Worker, (call, probe), outcome| {
                    if let Some(generation) = probe {
                        probes.back(generation, outcome != Outcome::Cancelled);
                    }
                    worker.end(call, outcome);
                };
                // As long again where the machine stood still meanwhile.
                while begun.elapsed() < Duration::from_millis(150)
                    || newest.load(Ordering::SeqCst) <= ENOUGH + 1 && begun.elapsed() < Duration::from_secs(20)
                {
                    // Whoever saw a generation, everybody after sees it or a later one.
                    let before = newest.load(Ordering::SeqCst);
                    seen = u64::from(breaker.peek(Tick(begun.elapsed().as_nanos() as u64)).generation).max(seen);
                    assert!(seen >= before, "generation {seen} after {before}");
                    newest.fetch_max(seen, Ordering::SeqCst);
                    worker.steer();
                    if let Some(call) = worker.begin() {
                        let probe = probes.sent(call.0);
                        if probe.is_some() {
                            probes.check(PERMITS, mode);
                        }
                        held.push((call, probe));
                    }
                    if held.len() > 3 || worker.draw(3) > 0 {
                        let which = worker.draw(held.len().max(1) as u64) as usize;
                        if which < held.len() {
                            let outcome = match worker.draw(10) {
                                0..3 => Outcome::Failure,
                                3 => Outcome::Cancelled,
                                _ => Outcome::Success,
                            };
                            end(&mut worker, held.swap_remove(which), outcome);
                        }
                    }
                }
                held.into_iter().for_each(|call| end(&mut worker, call, Outcome::Success));
                chain.lock().unwrap().extend(worker.transitions().map(|note| (note.from, note.to)));
                told.lock().unwrap().add(&worker.told);
            });
        }
    });
    let shown = breaker.peek(Tick(begun.elapsed().as_nanos() as u64));
    let (told, chain, totals) = (told.into_inner().unwrap(), chain.into_inner().unwrap(), shown.totals);
    probes.check(PERMITS, mode);
    // Each report is in one of the totals, once.
    let reported = totals.success + totals.failure + totals.cancelled + totals.ignored + totals.stale;
    assert_eq!(reported, told.success + told.failure + told.neutral, "{totals:?} for {told:?}");
    assert_eq!(totals.rejected, told.rejected);
    // Each generation is one transition is one event.
    assert!(totals.transitions > ENOUGH, "only {} transitions", totals.transitions);
    assert_eq!((totals.transitions, u64::from(shown.generation)), (chain.len() as u64, chain.len() as u64 + 1));
    is_one_path(&chain, shown.state);
}

/// From closed to where the circuit is, every state is left as often as it is entered, but for the ends.
fn is_one_path(changes: &[(&str, &str)], end: State) {
    let mut balance: BTreeMap<&str, i64> = BTreeMap::from([("closed", 1)]);
    for (from, to) in changes {
        *balance.entry(from).or_default() -= 1;
        *balance.entry(to).or_default() += 1;
    }
    *balance.entry(end.as_str()).or_default() -= 1;
    assert!(balance.values().all(|left| *left == 0), "{balance:?}");
}

#[test]
fn storms_over_every_window() {
    let windows = [
        Window::Consecutive { failures: 3 },
        Window::Count { size: 20 },
        Window::Time { span: Span::millis(20), slices: 10, aligned: true },
    ];
    for window in windows {
        for mode in [ProbeMode::Total, ProbeMode::Concurrent] {
            for by_gate in [true, false] {
                storm(window, mode, by_gate);
            }
        }
    }
}
