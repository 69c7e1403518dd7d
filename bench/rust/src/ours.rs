//! Seawall through its public interface.

use crate::harness::Suite;
use crate::work::{HOUR, drive, fail, inside, ok};
use seawall::breaker::Control;
use seawall::run::Builder;
use seawall::{Error, Policy};
use std::hint::black_box;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

const NAME: &str = "seawall";
const MINUTE: Duration = Duration::from_secs(60);

/// Policies of one name would share their state: each gets a name of its own.
pub fn named(builder: Builder) -> Policy {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let name = format!("measured-{}", MADE.fetch_add(1, Ordering::Relaxed));
    builder.name(name).build().expect("the settings are in range")
}

fn made(builder: Builder) -> Policy {
    let policy = named(builder);
    for i in 0..1000 {
        let _ = policy.run(|| ok(i));
    }
    policy
}

fn new() -> Builder {
    Policy::builder("measured").open_for(HOUR)
}

pub fn windows() -> Vec<(&'static str, Builder)> {
    vec![
        ("consecutive", new().consecutive_failures(5)),
        ("count 100", new().failure_rate(0.5, 100, 20)),
        ("count 100,000", new().failure_rate(0.5, 100_000, 20)),
        ("time 30 s", new().failure_rate_over(0.5, Duration::from_secs(30), 20)),
    ]
}

pub fn add(s: &mut Suite) {
    for (window, builder) in windows() {
        let policy = made(builder.clone());
        s.both("closed", NAME, window, move |n, _| calls(&policy, n));
        let policy = made(builder.clone());
        policy.control(Control::Open);
        assert!(matches!(policy.run(|| ok(1)), Err(Error::Refused(_))), "open");
        s.both("open", NAME, window, move |n, _| calls(&policy, n));
    }
    failing(s);
    composed(s);
    keyed(s);
    sweep(s);

    // A streak of failures knows no slow calls.
    for (window, builder) in windows().split_off(1) {
        let policy = made(builder.slow_calls(MINUTE, 1.0));
        s.one("slow-call rule", NAME, window, move |n, _| calls(&policy, n));
    }
}

fn calls(policy: &Policy, n: u64) {
    for i in 0..n {
        black_box(&policy.run(|| ok(i)));
    }
}

/// One in so many, a power of two, succeeds, so that a rate of 1 is never reached.
fn failures(policy: &Policy, n: u64, but: u64) {
    assert!(but.is_power_of_two(), "no call is to pay for a division");
    for i in 0..n {
        black_box(&policy.run(|| if i & (but - 1) == 0 { ok(i) } else { fail(i) }));
    }
}

fn awaited(policy: &Policy, n: u64) {
    for i in 0..n {
        black_box(&drive(policy.run_async(|| async move { ok(i) })));
    }
}

/// A window of so many calls that opens when all of them failed.
fn wide(size: u32) -> Policy {
    made(new().failure_rate(1.0, size, size))
}

fn failing(s: &mut Suite) {
    let policy = made(new().consecutive_failures(1_000_000));
    let again = policy.clone();
    s.few(
        "failing",
        NAME,
        "consecutive",
        100_000,
        move || drop(again.run(|| ok(1))),
        move |n, _| failures(&policy, n, 1 << 63),
    );
    let policy = wide(100);
    s.one("failing", NAME, "count 100", move |n, _| failures(&policy, n, 64));
    let policy = made(new().failure_rate_over(1.0, 24 * HOUR, 20));
    s.one("failing", NAME, "time 24 h", move |n, _| failures(&policy, n, 64));
}

fn composed(s: &mut Suite) {
    let policy = made(Policy::builder("measured").retry(3));
    s.both("retry", NAME, "", move |n, _| calls(&policy, n));
    let policy = made(Policy::builder("measured").retry(3));
    s.one("retry, awaited", NAME, "", move |n, _| awaited(&policy, n));
    let policy = made(Policy::builder("measured").bulkhead(64));
    s.both("bulkhead", NAME, "", move |n, _| calls(&policy, n));
    let policy = made(new().failure_rate(0.5, 100, 20).retry(3));
    s.both("retry + breaker", NAME, "count 100", move |n, _| calls(&policy, n));
    let policy = made(new().failure_rate(0.5, 100, 20).retry(3).bulkhead(64));
    s.both("retry + breaker + bulkhead", NAME, "count 100", move |n, _| calls(&policy, n));
    let policy = made(new().failure_rate(0.5, 100, 20).retry(3).attempt_timeout(MINUTE));
    s.one("retry + breaker + timeout, awaited", NAME, "count 100", move |n, _| {
        let _runtime = inside();
        awaited(&policy, n);
    });
    let policy = made(new().failure_rate(0.5, 100, 20));
    s.one("closed, awaited", NAME, "count 100", move |n, _| awaited(&policy, n));
}

fn keyed(s: &mut Suite) {
    let policy = made(new().failure_rate(0.5, 100, 20));
    let keys: Vec<String> = (0..512).map(|i| format!("tenant-{i}")).collect();
    for key in &keys {
        for i in 0..1000 {
            let _ = policy.at(key).run(|| ok(i));
        }
    }
    s.both("keyed", NAME, "512 keys, looked up each time", move |n, id| {
        for i in 0..n {
            let key = &keys[(i as usize + id * 256) & 511];
            black_box(&policy.at(key).run(|| ok(i)));
        }
    });
}

/// One failing call, by the number of calls that the window holds.
fn sweep(s: &mut Suite) {
    for size in [10u32, 100, 1_000, 10_000, 100_000] {
        let policy = wide(size);
        for i in 0..size.into() {
            let _ = policy.run(|| ok(i));
        }
        let but = if size < 100 { 8 } else { 64 };
        s.one("window sweep", NAME, format!("count of {size}"), move |n, _| failures(&policy, n, but));
    }
    let policy = wide(100_000);
    let again = policy.clone();
    let empty = move || {
        again.control(Control::Reset);
    };
    s.few("window sweep", NAME, "count of 100000, empty", 10_000, empty, move |n, _| failures(&policy, n, 64));
    for calls in [10u64, 100_000] {
        let policy = made(new().failure_rate_over(1.0, 24 * HOUR, 1_000_000));
        policy.control(Control::Reset);
        let again = policy.clone();
        let filled = move || {
            again.control(Control::Reset);
            for i in 0..calls {
                let _ = again.run(|| ok(i));
            }
        };
        s.few("window sweep", NAME, format!("time, {calls} calls"), 10_000, filled, move |n, _| {
            failures(&policy, n, 64)
        });
    }
}
