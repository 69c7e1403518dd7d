//! A time window on a real clock with the gate on, against an exact count of the same calls: a burst, a
//! trickle, a pause, an outage, and old successes that leave. Bounds are asserted; what was measured is
//! printed, and `docs/exactness.md` shows it.
#![cfg(not(loom))]

use seawall::breaker::{Breaker, Control, State};
use seawall::clock::Clock;
use seawall::config::{BreakerConfig, OpenFor, Rate, Window};
use seawall::cx::Cx;
use seawall::outcome::Outcome;
use seawall::rng::Rng;
use seawall::time::{Span, Tick};
use std::collections::VecDeque;
use std::sync::{Barrier, Mutex};
use std::thread;

const SLICES: u64 = 10;
const SLICE: Span = Span::millis(150);
/// Successes that may go unseen for each writer, as `docs/exactness.md` promises.
const CREDIT: u64 = 64;

/// The same window counted exactly, call by call.
#[derive(Default)]
struct Exact {
    slices: VecDeque<(u64, u64, u64)>,
}

impl Exact {
    fn add(&mut self, at: Tick, failed: bool) {
        self.leave(at);
        let epoch = at.0 / SLICE.0;
        if self.slices.back().is_none_or(|(last, ..)| *last != epoch) {
            self.slices.push_back((epoch, 0, 0));
        }
        if let Some((_, calls, failures)) = self.slices.back_mut() {
            *calls += 1;
            *failures += u64::from(failed);
        }
    }

    fn leave(&mut self, at: Tick) {
        self.slices.retain(|(epoch, ..)| epoch + SLICES > at.0 / SLICE.0);
    }

    /// Whether half of the calls failed, were there `more` successes.
    fn is_over(&self, more: u64) -> bool {
        let (calls, failures) = self.slices.iter().fold((0, 0), |(c, f), (_, calls, failed)| (c + calls, f + failed));
        calls >= 20 && 2 * failures >= calls + more
    }
}

/// What one kind of traffic came to.
#[derive(Default, Debug)]
struct Measured {
    calls: u64,
    passes: u64,
    trips: u64,
    /// The most passes of one writer while the exact rate was at the threshold or over it, and while it
    /// was over it by more than the credit of all.
    late: u64,
    very_late: u64,
}

#[derive(Default)]
struct Seen {
    exact: Exact,
    measured: Measured,
    /// Of each writer, its passes since the exact rate came to the threshold, and well over it.
    late: Vec<u64>,
    very_late: Vec<u64>,
}

/// A breaker, and beside it the exact count. Calls of different threads come one after another, so that
/// both see the same order.
struct Shore {
    breaker: Breaker,
    clock: Clock,
    writers: u64,
    seen: Mutex<Seen>,
}

impl Shore {
    fn new(writers: usize) -> Shore {
        let config = BreakerConfig {
            window: Window::Time { span: Span(SLICE.0 * SLICES), slices: SLICES as u32, aligned: true },
            failure_rate: Some(Rate::from_f64(0.5)),
            minimum_calls: 20,
            open_for: OpenFor { base: Span::secs(3600), cap: Span::secs(3600), ..BreakerConfig::default().open_for },
            ..BreakerConfig::default()
        };
        let seen = Seen { late: vec![0; writers], very_late: vec![0; writers], ..Seen::default() };
        Shore {
            breaker: Breaker::new(&config),
            clock: Clock::monotonic(),
            writers: writers as u64,
            seen: Mutex::new(seen),
        }
    }

    fn decide<R>(&self, now: Tick, decide: impl FnOnce(&Breaker, &mut Cx) -> R) -> R {
        decide(&self.breaker, &mut Cx { now, rng: &Rng::seeded(1), notes: &mut Vec::new() })
    }

    /// One call; `false` once the circuit is open.
    fn call(&self, writer: usize, failed: bool) -> bool {
        let mut seen = self.seen.lock().unwrap();
        let pass = self.breaker.pass();
        let now = self.clock.now();
        let outcome = if failed { Outcome::Failure } else { Outcome::Success };
        let permit = match pass {
            Some(permit) => permit,
            None => match self.decide(now, |breaker, cx| breaker.acquire(cx)) {
                Ok(permit) => permit,
                Err(_) => return false,
            },
        };
        seen.exact.add(now, failed);
        seen.measured.calls += 1;
        if pass.is_some() && !failed && self.breaker.tally(permit) {
            seen.measured.passes += 1;
            seen.passed(writer, self.writers * CREDIT);
            return true;
        }
        self.decide(now, |breaker, cx| breaker.record(permit, outcome, Span::ZERO, None, cx));
        let is_open = self.breaker.peek(now).state != State::Closed;
        if is_open {
            assert!(seen.exact.is_over(0), "tripped early: {:?}", seen.exact.slices);
            seen.measured.trips += 1;
        } else {
            // Who asks sees what everybody sees: it stays closed only for what may still be unseen.
            assert!(!seen.exact.is_over(self.writers * CREDIT), "not tripped: {:?}", seen.exact.slices);
        }
        !is_open
    }

    /// Closed, and nothing counted: the next story.
    fn measured(&self) -> Measured {
        self.decide(self.clock.now(), |breaker, cx| breaker.control(Control::Reset, cx));
        let mut seen = self.seen.lock().unwrap();
        let measured = std::mem::take(&mut seen.measured);
        *seen = Seen { late: vec![0; seen.late.len()], very_late: vec![0; seen.late.len()], ..Seen::default() };
        measured
    }

    fn slice(&self) -> u64 {
        self.clock.now().0 / SLICE.0
    }

    /// Calls of this thread until the slice ends; every `nth` fails, and at most `most` are made.
    fn fill(&self, writer: usize, slice: u64, most: u64, nth: u64) -> bool {
        (1..=most).take_while(|_| self.slice() <= slice).all(|n| self.call(writer, n % nth == 0))
    }

    fn wait_for(&self, slice: u64) {
        let left = Tick(slice * SLICE.0).since(self.clock.now());
        thread::sleep(left.to_duration());
    }
}

impl Seen {
    fn passed(&mut self, writer: usize, credit: u64) {
        for (more, counts, most) in
            [(0, &mut self.late, &mut self.measured.late), (credit, &mut self.very_late, &mut self.measured.very_late)]
        {
            match self.exact.is_over(more) {
                true => counts[writer] += 1,
                false => counts.iter_mut().for_each(|count| *count = 0),
            }
            *most = counts[writer].max(*most);
        }
        assert!(self.measured.very_late <= CREDIT, "{:?}", self.measured);
    }
}

/// Runs a story on each writer's thread, in step with the others at its beginning.
fn tell(shore: &Shore, story: impl Fn(&Shore, usize, u64) + Sync) -> Measured {
    let writers = shore.writers as usize;
    let ready = Barrier::new(writers);
    // Not in the middle of a slice: a story counts on whole ones.
    let begin = shore.slice() + 1;
    thread::scope(|scope| {
        for writer in 0..writers {
            let (story, ready) = (&story, &ready);
            scope.spawn(move || {
                ready.wait();
                shore.wait_for(begin);
                story(shore, writer, begin);
            });
        }
    });
    shore.measured()
}

const NEVER: u64 = u64::MAX;

fn burst(shore: &Shore, writer: usize, begin: u64) {
    (0..=SLICES).all(|n| shore.fill(writer, begin + n, NEVER, 1_000));
}

fn trickle(shore: &Shore, writer: usize, begin: u64) {
    shore.fill(writer, begin, NEVER, 1_000);
    // It ends when it has opened; a machine that is held up gets its time.
    while shore.slice() <= begin + 5 * SLICES {
        thread::sleep(Span::millis(3).to_duration());
        // Half of what trickles in fails: over the threshold only once the burst has left.
        let open = (0..2).any(|n| !shore.call(writer, n == 0));
        if open {
            return;
        }
    }
}

fn pause(shore: &Shore, writer: usize, begin: u64) {
    shore.fill(writer, begin, NEVER, 1_000);
    shore.wait_for(begin + SLICES + 2);
    while shore.call(writer, true) {}
}

fn outage(shore: &Shore, writer: usize, begin: u64) {
    shore.fill(writer, begin, NEVER, 1_000);
    let mut n = 0u64;
    // Six in ten fail from now on.
    while shore.call(writer, n % 10 < 6) {
        n += 1;
    }
}

/// A busy slice, eight of few calls that fail, a busy one; then the first slice leaves, and with it what
/// kept the rate low. Nobody fails any more, so only credit that runs out makes somebody look.
fn leaving(shore: &Shore, writer: usize, begin: u64) {
    shore.fill(writer, begin, 14_000, NEVER);
    (1..SLICES - 1).for_each(|n| {
        shore.wait_for(begin + n);
        shore.fill(writer, begin + n, 600, 1);
    });
    shore.wait_for(begin + SLICES - 1);
    // Not a multiple of a credit: some of the last one is left.
    shore.fill(writer, begin + SLICES - 1, 4_300, NEVER);
    shore.wait_for(begin + SLICES);
    shore.fill(writer, begin + SLICES, 20_000, NEVER);
}

#[test]
fn a_trip_is_never_early_and_at_most_a_credit_late() {
    println!("| traffic | writers | calls | on the pass path | opened | passes while at the threshold or over |");
    println!("|---|---:|---:|---:|---:|---:|");
    let show = |name: &str, writers: usize, m: &Measured| {
        println!("| {name} | {writers} | {} | {} | {} | {} |", m.calls, m.passes, m.trips, m.late);
    };
    for writers in [1, 2] {
        let shore = Shore::new(writers);
        let calm = tell(&shore, burst);
        show("burst", writers, &calm);
        assert!(calm.trips == 0 && calm.passes > calm.calls / 2, "{calm:?}");
        for (name, story) in
            [("trickle", trickle as fn(&Shore, usize, u64)), ("pause, then failures", pause), ("outage", outage)]
        {
            let measured = tell(&shore, story);
            show(name, writers, &measured);
            assert_eq!(measured.trips, 1, "{name}: {measured:?}");
        }
        // On a machine that was held up the first slice spills into the next, and the rate rises in steps
        // that an ask sees: the story is told again.
        let met = (0..10).map(|_| tell(&shore, leaving)).find(|measured| measured.late > 0);
        let met = met.expect("the threshold was never crossed on the pass path");
        show("old successes leave", writers, &met);
        assert_eq!(met.trips, 1, "{met:?}");
    }
}
