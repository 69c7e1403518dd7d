//! Interleaved timing: round 1 of every row, then round 2 of every row, and so on, each a calibrated
//! loop of some milliseconds, so that a slow spell of the machine falls on all rows alike. What a row
//! measured in a round is printed beside what its floor measured in the same round.
//!
//! One thread is timed by its own processor time, which a busy neighbour does not lengthen; two
//! threads by the clock, from the first start to the last end, each on a core of its own, the quickest
//! of five short tries in each round.
//!
//! Where the stack begins is another place in every process, and at some of its places a call is up to
//! half slower: most likely where its frames end in the same twelve bits as a line it writes, so that a
//! load waits for the store before it. So each round stands at another place of the stack.

use rustix::thread::{CpuSet, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};
use serde_json::json;
use std::hint::black_box;
use std::sync::Barrier;
use std::time::Instant;

/// Runs so many operations as the thread of this number.
type Loop = Box<dyn Fn(u64, usize) + Send + Sync>;

/// Puts back in order what the timed loop wore out; not timed.
type Before = Box<dyn Fn() + Send + Sync>;

pub struct Row {
    case: &'static str,
    library: &'static str,
    variant: String,
    threads: usize,
    unranked: Option<&'static str>,
    most: u64,
    before: Option<Before>,
    body: std::sync::Arc<Loop>,
}

#[derive(Default)]
pub struct Suite {
    rows: Vec<Row>,
}

pub struct Options {
    pub rounds: usize,
    pub slice_ms: f64,
    pub only: Option<String>,
}

/// The row that a case is compared with.
fn floor(case: &str) -> &'static str {
    match case {
        "floor" | "retry" | "retry, awaited" => "bare call",
        _ => "load + own-line add",
    }
}

impl Suite {
    pub fn one(
        &mut self,
        case: &'static str,
        library: &'static str,
        variant: impl Into<String>,
        body: impl Fn(u64, usize) + Send + Sync + 'static,
    ) {
        self.push(case, library, variant.into(), &[1], u64::MAX, None, Box::new(body));
    }

    /// One thread, and two on the same object.
    pub fn both(
        &mut self,
        case: &'static str,
        library: &'static str,
        variant: impl Into<String>,
        body: impl Fn(u64, usize) + Send + Sync + 'static,
    ) {
        self.push(case, library, variant.into(), &[1, 2], u64::MAX, None, Box::new(body));
    }

    /// At most so many operations at a time, after `before`.
    pub fn few(
        &mut self,
        case: &'static str,
        library: &'static str,
        variant: impl Into<String>,
        most: u64,
        before: impl Fn() + Send + Sync + 'static,
        body: impl Fn(u64, usize) + Send + Sync + 'static,
    ) {
        self.push(case, library, variant.into(), &[1], most, Some(Box::new(before)), Box::new(body));
    }

    /// The rows of a library that may not be compared as an equal, and why.
    pub fn unranked(&mut self, library: &'static str, why: &'static str) {
        self.rows.iter_mut().filter(|row| row.library == library).for_each(|row| row.unranked = Some(why));
    }

    #[allow(clippy::too_many_arguments)]
    fn push(
        &mut self,
        case: &'static str,
        library: &'static str,
        variant: String,
        threads: &[usize],
        most: u64,
        mut before: Option<Before>,
        body: Loop,
    ) {
        let body = std::sync::Arc::new(body);
        for &threads in threads {
            let (variant, before, body) = (variant.clone(), before.take(), body.clone());
            self.rows.push(Row { case, library, variant, threads, unranked: None, most, before, body });
        }
    }

    pub fn run(&self, options: &Options) {
        let wanted = |row: &&Row| {
            row.case == "floor" || options.only.as_ref().is_none_or(|only| row.case.contains(only.as_str()))
        };
        let rows: Vec<&Row> = self.rows.iter().filter(wanted).collect();
        let sizes: Vec<u64> = rows.iter().map(|row| calibrate(row, options.slice_ms)).collect();
        let mut samples = vec![Vec::with_capacity(options.rounds); rows.len()];
        for turn in 0..options.rounds {
            for (index, row) in rows.iter().enumerate() {
                samples[index].push(round(time(row, sizes[index], turn)));
            }
        }
        for (row, samples) in rows.iter().zip(samples) {
            println!(
                "{}",
                json!({"row": {
                    "case": row.case, "library": row.library, "variant": row.variant, "threads": row.threads,
                    "unit": "ns", "floor": floor(row.case), "unranked": row.unranked, "samples": samples,
                }})
            );
        }
    }
}

/// To the hundredth.
fn round(nanoseconds: f64) -> f64 {
    (nanoseconds * 100.0).round() / 100.0
}

fn calibrate(row: &Row, slice_ms: f64) -> u64 {
    let slice_ms = slice_ms / row.threads as f64;
    let mut count = 64u64.min(row.most);
    loop {
        // The quickest: a call that was held up once is no measure of how many there is time for.
        let total = quickest(row, count, 0) * count as f64;
        if total >= slice_ms * 2e5 || count >= row.most || count > 1 << 30 {
            let wanted = count as f64 * slice_ms * 1e6 / total.max(1.0);
            return (wanted as u64).clamp(16.min(row.most), row.most);
        }
        count = (count * 4).min(row.most);
    }
}

/// Nanoseconds of one operation of one thread. Of two threads, the quickest of five tries: one of
/// them may have been put aside.
fn time(row: &Row, count: u64, turn: usize) -> f64 {
    if row.threads == 1 { once(row, count, turn) } else { quickest(row, count, turn) }
}

fn quickest(row: &Row, count: u64, turn: usize) -> f64 {
    (0..5).map(|_| once(row, count, turn)).fold(f64::MAX, f64::min)
}

fn once(row: &Row, count: u64, turn: usize) -> f64 {
    if let Some(before) = &row.before {
        before();
    }
    if row.threads == 1 {
        pin(0);
        let start = processor_time();
        deeper(turn, &|| (row.body)(count, 0));
        return (processor_time() - start) / count as f64;
    }
    let gate = Barrier::new(row.threads);
    let spans: Vec<(Instant, Instant)> = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..row.threads)
            .map(|id| {
                let gate = &gate;
                scope.spawn(move || {
                    pin(id);
                    gate.wait();
                    let start = Instant::now();
                    deeper(turn, &|| (row.body)(count, id));
                    (start, Instant::now())
                })
            })
            .collect();
        runs.into_iter().map(|run| run.join().expect("a measured loop does not panic")).collect()
    });
    let first = spans.iter().map(|span| span.0).min().expect("there are threads");
    let last = spans.iter().map(|span| span.1).max().expect("there are threads");
    (last - first).as_nanos() as f64 / count as f64
}

/// Runs it at one of the places where a page of the stack has room for a frame: at the next for the next turn.
pub fn deeper(turn: usize, run: &dyn Fn()) {
    // Odd, so that all are visited, and large, so that turns that follow each other are far apart.
    descend(turn * 27 % 64, run);
}

#[inline(never)]
fn descend(frames: usize, run: &dyn Fn()) {
    let room = black_box([0u8; 32]);
    if frames == 0 {
        run()
    } else {
        descend(frames - 1, run)
    }
    black_box(&room);
}

/// Keeps the thread on one core, where the machine allows it.
fn pin(core: usize) {
    let mut set = CpuSet::new();
    set.set(core);
    let _ = sched_setaffinity(None, &set);
}

/// Nanoseconds that this thread has run.
pub fn processor_time() -> f64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    now.tv_sec as f64 * 1e9 + now.tv_nsec as f64
}
