//! One policy in host scope beside the same in process scope, in one process.
//! `host ROUNDS SLICE_MS [CASE]`; the folder of the segment is `SEAWALL_HOST_DIR`.

use seawall::breaker::Control;
use seawall::config::Scope;
use seawall::run::Builder;
use seawall::{Error, Policy};
use seawall_bench::harness::{Options, Suite};
use seawall_bench::work::{HOUR, fail, ok};
use std::hint::black_box;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |index: usize, usual: f64| words.get(index).and_then(|word| word.parse().ok()).unwrap_or(usual);
    let options = Options { rounds: number(0, 15.0) as usize, slice_ms: number(1, 2.0), only: words.get(2).cloned() };
    let mut suite = Suite::default();
    seawall_bench::floors::add(&mut suite);
    compared(&mut suite);
    suite.unranked("process scope", "the same policy, shared with nobody");
    suite.run(&options);
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
            black_box(&policy.run(|| if i % 16 == 0 { ok(i) } else { fail(i) }));
        }
    } else {
        for i in 0..n {
            black_box(&policy.run(|| ok(i)));
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
