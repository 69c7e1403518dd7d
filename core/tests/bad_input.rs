//! Input that nobody should give: a clear error, or the documented behaviour; no crash, nothing lost.
//! `tests/bad-input.toml` says which test shows what, in which language.
#![cfg(not(loom))]

use seawall::breaker::{Control, State};
use seawall::call::{CallOptions, Step, Verdict};
use seawall::config::Environment;
use seawall::error::{Code, ConfigCode};
use seawall::outcome::{Hint, Outcome};
use seawall::retry::{Next, Stop};
use seawall::settings::{CostLimits, CountWindow, ExponentialBackoff, NoJitter, Retry, TimeWindow};
use seawall::testing::Sandbox;
use seawall::time::{Span, Tick};
use seawall::{Policy, Registry};
use std::fmt;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);

#[test]
fn a_file_that_is_not_utf8_is_told_with_its_line() {
    let path = std::env::temp_dir().join(format!("seawall-bad-input-{}.toml", std::process::id()));
    std::fs::write(&path, b"[policy.a]\nretry = 3\n[policy.\"\xff\xfe\"]\n").unwrap();
    let sandbox = Sandbox::new();
    let error = sandbox.load_path(path.to_str().unwrap()).unwrap_err();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(error.code, ConfigCode::Syntax);
    assert!(error.reason.contains("UTF-8") && error.reason.contains("line 3"), "{error}");
    assert_eq!(error.source.as_deref(), path.to_str());
    assert!(error.to_string().starts_with(&format!("{}: is not UTF-8", path.display())), "{error}");
    assert!(sandbox.policies().is_empty(), "nothing of it is in force");
}

#[test]
fn a_file_that_is_not_there_is_told_when_a_policy_is_asked_for() {
    let variables: Environment = [("SEAWALL_CONFIG", "/nowhere/seawall.toml")].into_iter().collect();
    let registry = Registry::manual_with(1, variables);
    let named = registry.named("identity").err().unwrap();
    let built = Policy::builder("identity").retry(2).build_in(&registry).err().unwrap();
    for error in [named, built] {
        assert_eq!((error.code, error.source.as_deref()), (ConfigCode::Syntax, Some("/nowhere/seawall.toml")));
        let words = error.to_string();
        assert!(words.starts_with("/nowhere/seawall.toml: cannot read the configuration file: "), "{words}");
        assert!(words.contains("SEAWALL_CONFIG"), "{words}");
    }
}

#[test]
fn ten_million_retries_are_made() {
    let sandbox = Sandbox::new();
    let retry = |attempts| {
        let backoff = ExponentialBackoff::new().base(DAY).factor(1000.0).cap(DAY);
        Retry::new().attempts(attempts).backoff(backoff).jitter(NoJitter::new())
    };
    let policy = Policy::builder("many").retry(retry(10_000_000)).build_in(&sandbox).unwrap();
    let mut schedule = policy.schedule().unwrap();
    for _ in 1..10_000_000 {
        assert_eq!(schedule.next(Outcome::Failure, None, None), Next::After(DAY.into()));
    }
    assert_eq!(schedule.next(Outcome::Failure, None, None), Next::Stop(Stop::Attempts));

    // A call that makes some of them waits for eight centuries, on a clock that has six.
    let policy = Policy::builder("long").retry(retry(300_000)).build_in(&sandbox).unwrap();
    let error = policy.run(|| Err::<(), _>(fmt::Error)).unwrap_err();
    assert_eq!(error.attempts(), 300_000);
    assert!(sandbox.clock().now() >= Tick(u64::MAX - 1), "{:?}", sandbox.clock().now());
    assert!(policy.run(|| Ok::<_, fmt::Error>(())).is_ok());
}

#[test]
fn lengths_that_overflow_end_far_in_the_future() {
    let sandbox = Sandbox::new();
    sandbox.advance(Duration::from_secs(1));
    let policy = Policy::builder("far").consecutive_failures(1).retry(2).bulkhead(1).build_in(&sandbox).unwrap();
    policy.control(Control::OpenFor(Span::MAX));
    let refused = policy.run(|| Ok::<_, fmt::Error>(())).unwrap_err();
    assert!(refused.retry_after().is_some_and(|wait| wait > 1000 * DAY), "{refused}");
    policy.control(Control::OpenUntil(Tick::NEVER));
    assert_eq!(policy.state(), Some(State::Open));
    policy.control(Control::Close);

    let hint = Some(Hint::After(Span::MAX));
    let asked = policy.run_with(|_: &fmt::Error| (Outcome::Throttled, hint), || Err::<(), _>(fmt::Error));
    let asked = asked.unwrap_err();
    assert_eq!((asked.attempts(), asked.reason()), (1, Some(Stop::Server)));
    policy.control(Control::Close);
    let permit = policy.acquire().unwrap();
    policy.record(permit, Outcome::Success, Span::MAX, hint);
    assert_eq!(policy.state(), Some(State::Closed));

    let mut call = policy.call_with(CallOptions { deadline: Some(Span::MAX), ..CallOptions::default() });
    assert!(matches!(call.start(), Step::Run { attempt: 1, .. }));
    assert_eq!(call.done(1, Outcome::Success, None), Step::Finish(Verdict::Settle));
}

#[test]
fn a_clock_that_jumps_back_and_forth_loses_nothing() {
    for by_time in [false, true] {
        let sandbox = Sandbox::new();
        let policy = Policy::builder("jumps").failure_rate(0.5, 10, 10).bulkhead(2).retry(1);
        let policy = match by_time {
            true => policy.failure_rate_over(0.5, Duration::from_secs(10), 10),
            false => policy,
        };
        let policy = policy.build_in(&sandbox).unwrap();
        let at = |seconds: u64, outcome: Outcome| {
            let breaker = policy.breaker().unwrap().clone();
            let mut notes = Vec::new();
            let cx = &mut seawall::cx::Cx { now: Tick(seconds * 1_000_000_000), rng: sandbox.rng(), notes: &mut notes };
            if let Ok(permit) = breaker.acquire(cx) {
                breaker.record(permit, outcome, Span::ZERO, None, cx);
            }
            breaker.snapshot(cx)
        };
        for seconds in [100, 3, 101, 0, 102, 50, 99, 1, 100] {
            assert_eq!(at(seconds, Outcome::Failure).state, State::Closed, "{by_time}");
        }
        let tripped = at(2, Outcome::Failure);
        assert_eq!((tripped.state, tripped.failures), (State::Open, 10), "{by_time}: none is lost");
        // Until its end, whatever the clock says in between; then one probe closes it.
        assert_eq!(at(0, Outcome::Success).state, State::Open);
        let closed = at(1_000, Outcome::Success);
        assert_eq!((closed.state, closed.totals.failure), (State::Closed, 10), "{by_time}");
        assert_eq!(at(0, Outcome::Success).state, State::Closed);
    }
}

#[test]
fn absurd_costs_are_refused_or_counted_to_the_end() {
    let sandbox = Sandbox::new();
    let cost = CostLimits::new().name("spend").limits([("tokens", 1_000_u64)]);
    let policy = Policy::builder("llm").cost([cost]).build_in(&sandbox).unwrap();
    let estimate = |tokens| CallOptions { estimate: vec![("tokens".into(), tokens)], ..CallOptions::default() };
    let mut call = policy.call_with(estimate(u64::MAX));
    assert_eq!(call.start(), Step::Finish(Verdict::Refused));
    assert_eq!(call.refusal().map(|refusal| refusal.code), Some(Code::CostExceeded));
    // What the refused one asked for is not held, and what another really cost is not forgotten.
    let mut call = policy.call_with(estimate(1_000));
    assert!(matches!(call.start(), Step::Run { .. }));
    call.settle_cost(&[("tokens".into(), u64::MAX)]);
    assert_eq!(call.done(1, Outcome::Success, None), Step::Finish(Verdict::Settle));
    let used = policy.with(|cx| policy.costs()[0].snapshot(cx))[0].used;
    assert_eq!(used, u64::MAX);
    assert!(policy.run(|| Ok::<_, fmt::Error>(())).unwrap_err().is_refused());
}

#[test]
fn reports_out_of_order_change_nothing() {
    let sandbox = Sandbox::new();
    let policy = Policy::builder("order").consecutive_failures(1).retry(2).bulkhead(1).build_in(&sandbox).unwrap();
    let mut call = policy.call();
    assert!(matches!(call.woke(), Step::Finish(_)), "not begun");
    let run = call.start();
    assert!(matches!(run, Step::Run { attempt: 1, .. }));
    for step in
        [call.start(), call.woke(), call.looked_up(true), call.fell_back(true), call.done(7, Outcome::Failure, None)]
    {
        assert_eq!(step, run);
    }
    let end = call.done(1, Outcome::Success, None);
    assert_eq!(end, Step::Finish(Verdict::Settle));
    for step in [call.done(1, Outcome::Failure, None), call.cancelled(true), call.expire(1), call.woke(), call.start()]
    {
        assert_eq!(step, end);
    }
    assert!(policy.bulkhead().unwrap().is_empty());
    assert_eq!((policy.state(), policy.breaker().unwrap().peek(Tick::ZERO).totals.success), (Some(State::Closed), 1));
}

#[test]
fn names_and_types_of_errors_cannot_break_the_text_of_the_metrics() {
    let sandbox = Sandbox::new();
    let policy = Policy::builder("quoted \"a\\b\"").consecutive_failures(1).build_in(&sandbox).unwrap();
    let mut call = policy.call();
    call.start();
    call.error_type("Broken\"\n\\} 1");
    call.done(1, Outcome::Failure, None);
    for line in sandbox.metrics().lines().filter(|line| !line.starts_with('#')) {
        let (labels, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().is_ok(), "{line}");
        assert!(labels.ends_with('}') || !labels.contains('{'), "{line}");
    }
}

#[test]
fn windows_as_large_as_they_may_be_are_made() {
    let sandbox = Sandbox::new();
    let config = seawall::settings::Breaker::new();
    let count = config.clone().window(CountWindow::new().size(1_000_000)).failure_rate(0.5);
    let time = config.window(TimeWindow::new().span(DAY).slices(1_000)).failure_rate(0.5);
    for (name, breaker) in [("count", count), ("time", time)] {
        match Policy::builder(name).breaker(breaker).build_in(&sandbox) {
            Ok(policy) => assert!(policy.run(|| Ok::<_, fmt::Error>(())).is_ok()),
            Err(error) => assert_eq!(error.code, ConfigCode::OutOfRange, "{error}"),
        }
    }
}
