//! Policies in code: the same options, checks and layers as those of a file.
#![cfg(not(loom))]

use seawall::config::Environment;
use seawall::error::ConfigCode;
use seawall::run::Builder;
use seawall::settings::{
    Breaker, Bulkhead, CountWindow, ExponentialBackoff, OpenFor, Preset, ProportionalJitter, Retry, SlowCall, Timeout,
    TimeoutMode,
};
use seawall::testing::Sandbox;
use seawall::time::Span;
use seawall::{Error, Policy, Registry};
use std::fmt;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// The mistake of a policy called `p`.
fn mistake(builder: impl FnOnce(Builder) -> Builder) -> (ConfigCode, String) {
    let error = builder(Policy::builder("p")).build_in(&Sandbox::new()).err().expect("a mistake");
    assert!(error.source.as_deref().is_some_and(|source| source == "code"), "{error}");
    (error.code, error.path.strip_prefix("/policy/p").unwrap_or(&error.path).to_owned())
}

#[test]
fn every_mistake_of_the_list_is_told_when_the_policy_is_built() {
    let out = |path: &str| (ConfigCode::OutOfRange, path.to_owned());
    let conflict = |path: &str| (ConfigCode::Conflict, path.to_owned());
    let rate = |rate| mistake(|p| p.failure_rate(rate, 100, 20));
    let retry = |retry: Retry| mistake(|p| p.retry(retry));
    let backoff = ExponentialBackoff::new;
    assert_eq!(mistake(|p| p.consecutive_failures(0)), out("/breaker/window/failures"));
    assert_eq!(rate(1.5), out("/breaker/failure_rate"));
    assert_eq!(rate(-0.5), out("/breaker/failure_rate"));
    assert_eq!(rate(f64::NAN), out("/breaker/failure_rate"));
    assert_eq!(rate(f64::INFINITY), out("/breaker/failure_rate"));
    assert_eq!(mistake(|p| p.failure_rate(0.5, 0, 1)), out("/breaker/window/size"));
    assert_eq!(mistake(|p| p.probes(0)), out("/breaker/half_open/permits"));
    assert_eq!(mistake(|p| p.open_for(Duration::MAX)), out("/breaker/open_for/base"));
    assert_eq!(mistake(|p| p.slow_calls(SECOND, 0.5)), conflict("/breaker/slow_call"));
    assert_eq!(mistake(|p| p.bulkhead(0)), out("/bulkhead/limit"));
    assert_eq!(mistake(|p| p.attempt_timeout(Duration::ZERO)), out("/timeout/attempt"));
    assert_eq!(mistake(|p| p.deadline(Duration::MAX)), out("/timeout/deadline"));
    assert_eq!(retry(Retry::new().attempts(0)), out("/retry/attempts"));
    assert_eq!(retry(Retry::new().backoff(backoff().factor(f64::NAN))), out("/retry/backoff/factor"));
    assert_eq!(retry(Retry::new().backoff(backoff().base(Duration::MAX))), out("/retry/backoff/base"));
    assert_eq!(retry(Retry::new().jitter(ProportionalJitter::new().factor(2.0))), out("/retry/jitter/factor"));
    for name in ["", "n".repeat(10_000).as_str(), "a\0b"] {
        let error = Policy::builder(name).build_in(&Sandbox::new()).err().expect("no name");
        assert_eq!((error.code, error.path.as_str()), (ConfigCode::BadName, "/name"));
    }
}

#[test]
fn what_is_given_is_what_is_in_force() {
    let breaker = Breaker::new()
        .window(CountWindow::new().size(50))
        .failure_rate(0.25)
        .slow_call(SlowCall::new().longer_than(3 * SECOND).rate(0.75))
        .open_for(OpenFor::new().base(Duration::from_nanos(1_500_000_001)).factor(2.0));
    let policy = Policy::builder("all")
        .breaker(breaker)
        .retry(Retry::new().attempts(10_000_000))
        .bulkhead(Bulkhead::new().limit(3).max_wait(SECOND))
        .build_in(&Sandbox::new())
        .unwrap();
    let config = policy.config();
    let breaker = config.breaker.as_ref().unwrap();
    assert_eq!(breaker.open_for.base, Span(1_500_000_001), "to the nanosecond");
    assert_eq!(breaker.slow_call.unwrap().longer_than, Span::secs(3));
    assert_eq!(config.retry.as_ref().unwrap().attempts, 10_000_000);
    let bulkhead = config.bulkhead.as_ref().unwrap();
    assert_eq!((bulkhead.limit, bulkhead.queue), (3, u32::MAX), "unbounded with a wait");
}

#[test]
fn a_file_says_what_code_does_not_and_the_environment_has_the_last_word() {
    let variables: Environment = [("SEAWALL_IDENTITY_BREAKER_OPEN_FOR_BASE", "7s")].into_iter().collect();
    let registry = Registry::manual_with(1, variables);
    registry.load("[policy.identity.retry]\nattempts = 9\n[policy.identity.bulkhead]\nlimit = 4\n", "test").unwrap();
    let policy =
        Policy::builder("identity").preset(Preset::Production).retry(2).open_for(SECOND).build_in(&registry).unwrap();
    let config = policy.config();
    assert_eq!(config.retry.as_ref().unwrap().attempts, 2, "code over the file");
    assert_eq!(config.bulkhead.as_ref().unwrap().limit, 4, "the file over the preset");
    assert_eq!(config.breaker.as_ref().unwrap().open_for.base, Span::secs(7), "the environment over code");
    assert_eq!(config.timeout.as_ref().unwrap().attempt, Some(Span::secs(60)), "the preset under all of them");
}

#[test]
fn a_part_with_other_settings_names_both_places() {
    let mut sandbox = Sandbox::new();
    let first = Policy::builder("twice").consecutive_failures(1).build_in(&sandbox).unwrap();
    let second = Policy::builder("twice").consecutive_failures(2).build_in(&sandbox).unwrap();
    let told: Vec<String> = sandbox.events().iter().map(|event| event.detail.to_string()).collect();
    let [told] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(told.matches("builder.rs:").count(), 2, "{told}");
    assert!(first.run(|| Err::<(), _>(fmt::Error)).is_err());
    assert!(
        matches!(second.run(|| Ok::<_, fmt::Error>(())), Err(Error::Refused(_))),
        "one circuit, the first settings"
    );
}

/// Runs for two seconds under a limit of one.
fn late(policy: &Policy) -> Result<u8, Error<fmt::Error>> {
    policy.run(|| {
        policy.registry().clock().advance(Span::secs(2));
        Ok(7)
    })
}

#[test]
fn blocking_work_is_held_to_a_limit_that_code_gave_and_not_to_that_of_a_file() {
    let mut sandbox = Sandbox::new();
    sandbox.load("[policy.file.timeout]\nattempt = \"1s\"\n", "test").unwrap();
    let file = sandbox.named("file").unwrap();
    assert_eq!((late(&file).unwrap(), late(&file).unwrap()), (7, 7));
    assert_eq!(sandbox.happened(), ["internal"], "said once");
    let code = Policy::builder("code").attempt_timeout(SECOND).build_in(&sandbox).unwrap();
    assert!(matches!(late(&code), Err(Error::TimedOut { .. })));
    let timeout = Timeout::new().attempt(SECOND).mode(TimeoutMode::Cooperative);
    let table = Policy::builder("table").timeout(timeout).build_in(&sandbox).unwrap();
    assert!(matches!(late(&table), Err(Error::TimedOut { .. })));
}

#[test]
fn a_policy_without_a_name_is_its_own() {
    let sandbox = Sandbox::new();
    let own = || Builder::new().consecutive_failures(1).build_in(&sandbox).unwrap();
    let (first, second) = (own(), own());
    assert!(first.run(|| Err::<(), _>(fmt::Error)).is_err());
    assert!(first.run(|| Ok::<_, fmt::Error>(())).is_err());
    assert!(second.run(|| Ok::<_, fmt::Error>(())).is_ok());
}
