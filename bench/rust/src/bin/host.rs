//! One policy in host scope beside the same in process scope, and one cell used by more and more processes.
//! `host ROUNDS SLICE_MS [CASE]`; the folder of the segment is `SEAWALL_HOST_DIR`.

use seawall::breaker::Control;
use seawall::config::Scope;
use seawall::run::Builder;
use seawall::{Error, Policy};
use seawall_bench::harness::{Options, Suite};
use seawall_bench::work::{HOUR, fail, ok};
use serde_json::json;
use std::hint::black_box;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

const MINUTE: Duration = Duration::from_secs(60);

/// What a child does until it is stopped.
const BESIDE: &str = "beside";

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [BESIDE, case] = words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        return beside(case);
    }
    let number = |index: usize, usual: f64| words.get(index).and_then(|word| word.parse().ok()).unwrap_or(usual);
    let options = Options { rounds: number(0, 15.0) as usize, slice_ms: number(1, 2.0), only: words.get(2).cloned() };
    let mut suite = Suite::default();
    seawall_bench::floors::add(&mut suite);
    compared(&mut suite);
    suite.unranked("process scope", "the same policy, shared with nobody");
    suite.run(&options);
    if options.only.is_none() {
        together(&options);
    }
}

/// The settings by case and variant, the same in both scopes.
fn settings() -> Vec<(&'static str, &'static str, Builder)> {
    let new = || Policy::builder("measured").open_for(HOUR);
    let count = || new().failure_rate(0.5, 100, 20);
    vec![
        ("closed", "consecutive", new().consecutive_failures(5)),
        ("closed", "count 100", count()),
        ("closed", "time 30 s", new().failure_rate_over(0.5, Duration::from_secs(30), 20)),
        ("open", "count 100", count()),
        ("failing", "count 100", new().failure_rate(1.0, 100, 100)),
        ("slow-call rule", "count 100", count().slow_calls(MINUTE, 1.0)),
        ("bulkhead", "", Policy::builder("measured").bulkhead(64)),
        ("retry + breaker", "count 100", count().retry(3)),
        ("retry + breaker + bulkhead", "count 100", count().retry(3).bulkhead(64)),
    ]
}

fn made(builder: Builder, name: &str, case: &str, scope: Scope) -> Policy {
    let policy = builder.name(name).scope(scope).build().expect("the settings are in range");
    for i in 0..10_000 {
        let _ = policy.run(|| ok(i));
    }
    if case == "open" {
        policy.control(Control::Open);
        assert!(matches!(policy.run(|| ok(1)), Err(Error::Refused(_))), "open");
    }
    policy
}

fn calls(policy: &Policy, case: &str, n: u64) {
    if case == "failing" {
        // One in 16 succeeds, so that no window is full of failures, of two threads either.
        for i in 0..n {
            let _ = black_box(policy.run(|| if i % 16 == 0 { ok(i) } else { fail(i) }));
        }
    } else {
        for i in 0..n {
            let _ = black_box(policy.run(|| ok(i)));
        }
    }
}

fn compared(s: &mut Suite) {
    static MADE: AtomicU32 = AtomicU32::new(0);
    for (library, scope) in [("seawall", Scope::Host), ("process scope", Scope::Process)] {
        for (case, variant, builder) in settings() {
            let name = format!("measured-{}", MADE.fetch_add(1, Ordering::Relaxed));
            let policy = made(builder, &name, case, scope);
            s.both(case, library, variant, move |n, _| calls(&policy, case, n));
        }
    }
}

/// The settings of a case with the default window, and the name that processes share.
fn shared(case: &str) -> Policy {
    let all = settings();
    let (_, _, builder) = all.into_iter().rfind(|(there, _, _)| *there == case).expect("a case");
    made(builder, &format!("together in {case}"), case, Scope::Host)
}

/// Uses the cell until this process is ended.
fn beside(case: &str) {
    let policy = shared(case);
    println!("ready");
    loop {
        calls(&policy, case, 1000);
    }
}

/// A call of this process while others use the cell; its own processor time, since there are fewer
/// cores than processes.
fn together(options: &Options) {
    let program = std::env::current_exe().expect("this program");
    for case in ["closed", "failing", "bulkhead"] {
        let policy = shared(case);
        for processes in [1, 2, 4] {
            let samples: Vec<f64> = (0..options.rounds)
                .map(|_| {
                    let _others: Vec<Other> = (1..processes).map(|_| Other::begin(&program, case)).collect();
                    timed(&policy, case, options.slice_ms)
                })
                .collect();
            let plural = if processes == 1 { "" } else { "es" };
            let variant = format!("{processes} process{plural} on one cell");
            println!(
                "{}",
                json!({"row": {"case": format!("{case}, processes"), "library": "seawall", "variant": variant, "unit": "ns", "samples": samples}})
            );
        }
    }
}

/// Another process, ended when it is dropped.
struct Other(Child);

impl Other {
    fn begin(program: &std::path::Path, case: &str) -> Other {
        let mut child =
            Command::new(program).args([BESIDE, case]).stdout(Stdio::piped()).spawn().expect("this program, once more");
        let out = child.stdout.take().expect("it is piped");
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line).expect("it says that it began");
        assert_eq!(line, "ready\n");
        Other(child)
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn timed(policy: &Policy, case: &str, slice_ms: f64) -> f64 {
    let (until, start) =
        (Instant::now() + Duration::from_secs_f64(slice_ms * 4e-3), seawall_bench::harness::processor_time());
    let mut done = 0;
    while Instant::now() < until {
        calls(policy, case, 1000);
        done += 1000;
    }
    (seawall_bench::harness::processor_time() - start) / done as f64
}
