//! One of some processes that call at the same time; `xtask/src/bench/together.rs` tells what it is asked.

use rustix::time::{ClockId, clock_gettime};
use seawall::breaker::Control;
use seawall::config::Scope;
use seawall::{Error, Policy};
use seawall_bench::harness::{deeper, processor_time};
use seawall_bench::work::{HOUR, fail, ok};
use std::collections::HashMap;
use std::hint::black_box;

/// Calls between two looks at the clock.
const BATCH: usize = 1000;

fn main() {
    let mut policies = HashMap::new();
    for line in std::io::stdin().lines() {
        let line = line.expect("a line");
        let words: Vec<&str> = line.split(' ').collect();
        let [case, scope, processes, from, until] = words[..] else { panic!("not a question: {line}") };
        let name = format!("{case}-{scope}-{processes}");
        let policy = policies.entry(name.clone()).or_insert_with(|| made(&name, case, scope));
        let (from, until) = (from.parse().expect("a time"), until.parse().expect("a time"));
        while now() < from {}
        let (start, mut done) = (processor_time(), 0);
        loop {
            deeper(done / BATCH, &|| calls(policy, case));
            done += BATCH;
            if now() >= until {
                break;
            }
        }
        println!("{} {done}", processor_time() - start);
        check(policy, case);
    }
}

fn made(name: &str, case: &str, scope: &str) -> Policy {
    let new = Policy::builder(name).scope(if scope == "host" { Scope::Host } else { Scope::Process });
    let policy = match case {
        "bulkhead" => new.bulkhead(64),
        "failing" => new.failure_rate(1.0, 100, 100),
        _ => new.failure_rate(0.5, 100, 20).open_for(HOUR),
    };
    let policy = policy.build().expect("the settings are in range");
    if case == "open" {
        policy.control(Control::Open);
    }
    policy
}

fn calls(policy: &Policy, case: &str) {
    if case == "failing" {
        // One in 16 succeeds: four processes never fill a window with failures.
        for i in 0..BATCH as u64 {
            black_box(&policy.run(|| if i % 16 == 0 { ok(i) } else { fail(i) }));
        }
    } else {
        for i in 0..BATCH as u64 {
            black_box(&policy.run(|| ok(i)));
        }
    }
}

/// A call still ends as the case says.
fn check(policy: &Policy, case: &str) {
    let ended = policy.run(|| if case == "failing" { fail(1) } else { ok(1) });
    let fits = match case {
        "open" => matches!(ended, Err(Error::Refused(_))),
        "failing" => matches!(ended, Err(Error::User { .. })),
        _ => ended.is_ok(),
    };
    assert!(fits, "{case}: a call ended with {ended:?}");
}

/// Nanoseconds of the clock that all processes share.
fn now() -> i64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}
