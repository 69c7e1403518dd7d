//! `seawall-instructions CASE CALLS`: warms a policy up, then makes so many calls inside `measured`,
//! which callgrind counts. `hot.c` does the same through the C interface.

use seawall::breaker::{Control, State};
use seawall::{Error, Policy};
use std::fmt;
use std::hint::black_box;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

fn main() {
    let mut arguments = std::env::args().skip(1);
    let case = arguments.next().unwrap_or_default();
    let calls: u64 = arguments.next().and_then(|word| word.parse().ok()).expect("a case and a number of calls");
    let policy = policy(&case);
    let failing = case == "failing";
    // A time window trusts its writers from some thousands of calls on.
    run(&policy, failing, 10 * calls);
    measured(&policy, failing, calls);
    let open = policy.state().is_some_and(|state| state != State::Closed);
    assert_eq!(open, case == "open", "the case is still what its name says");
}

fn policy(case: &str) -> Policy {
    let new = || Policy::builder(case).open_for(HOUR);
    let builder = match case {
        "closed" | "closed, settings changed" | "open" => new().failure_rate(0.5, 100, 20),
        "closed, time window" => new().failure_rate_over(0.5, HOUR, 20),
        "failing" => new().failure_rate(1.0, 100, 100),
        "retry" => Policy::builder(case).retry(3),
        "bulkhead" => Policy::builder(case).bulkhead(64),
        "retry + breaker + bulkhead" => new().failure_rate(0.5, 100, 20).retry(3).bulkhead(64),
        other => panic!("no case `{other}`"),
    };
    let policy = builder.build().expect("the settings are in range");
    match case {
        "open" => _ = policy.control(Control::Open),
        // As by reloads: the handle has worked with other settings.
        "closed, settings changed" => {
            for enabled in [false, true].repeat(10) {
                policy.registry().set_enabled(enabled);
                run(&policy, false, 1);
            }
        }
        _ => {}
    }
    policy
}

#[inline(never)]
fn measured(policy: &Policy, failing: bool, calls: u64) {
    run(policy, failing, calls);
}

/// One in 64 succeeds even where calls fail, so that the breaker stays closed.
#[inline(always)]
fn run(policy: &Policy, failing: bool, calls: u64) {
    for call in 0..calls {
        let fails = failing && call % 64 != 0;
        let result: Result<u64, Error<fmt::Error>> =
            policy.run(|| if black_box(fails) { Err(fmt::Error) } else { Ok(black_box(call)) });
        // Looked at, not copied.
        black_box(&result);
    }
}
