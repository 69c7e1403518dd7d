//! System E: the policy around calls of language models, ported.

use seawall::breaker::State;
use seawall::call::{CallOptions, Step, Verdict};
use seawall::classify::{Class, retry_after};
use seawall::error::Code;
use seawall::outcome::{Hint, Outcome};
use seawall::time::Span;
use seawall::{Error, Policy, Registry};
use std::collections::HashMap;
use std::fmt::Error as Down;
use std::time::Duration;

fn policy(registry: &Registry, json: &str) -> Policy {
    registry.policy(json).expect("the settings are right")
}

/// What a provider answered: text, or a status with what it asked for.
type Answer = Result<&'static str, (u16, Option<Hint>)>;

fn judge(error: &(u16, Option<Hint>)) -> (Outcome, Option<Hint>) {
    (seawall::classify::http_status(error.0), error.1)
}

#[test]
fn breakers_are_keyed_by_provider_and_model_and_bounded() {
    let registry = Registry::manual(1);
    let json = r#"{"name":"llm","max_keys":2,"breaker":{"window":{"kind":"consecutive","failures":1}}}"#;
    let llm = policy(&registry, json);
    let (large, small) = (llm.at("acme/large"), llm.at("acme/small"));
    assert!(large.run(|| Err::<(), _>(Down)).is_err());
    assert_eq!((large.state(), small.state()), (Some(State::Open), Some(State::Closed)));
    // Both slots are held: a third key passes through, unprotected, rather than taking one away.
    let third = llm.at("other/model");
    assert!(third.breaker().is_none());
    assert!(third.run(|| Ok::<_, Down>(())).is_ok());
    // A closed key that nobody holds gives its slot to the next one.
    drop(small);
    assert_eq!(llm.at("other/model").state(), Some(State::Closed));
    assert_eq!(llm.at("acme/large").state(), Some(State::Open));
}

#[test]
fn another_provider_answers_while_the_circuit_is_open() {
    let registry = Registry::manual(1);
    let first = policy(&registry, r#"{"name":"first","breaker":{"window":{"kind":"consecutive","failures":1}}}"#);
    let second = policy(&registry, r#"{"name":"second","breaker":{}}"#);
    let ask = || {
        first.run_or(
            || Err::<&str, _>(Down),
            |error| if error.is_refused() { second.run(|| Ok::<_, Down>("from the second")).ok() } else { None },
        )
    };
    assert_eq!(ask().unwrap_err().into_user(), Some(Down));
    assert_eq!(ask().unwrap(), "from the second");
}

#[test]
fn streams_may_be_exempt() {
    let registry = Registry::manual(1);
    let exempt = policy(&registry, r#"{"name":"streams","stream":"exempt","breaker":{"initial_state":"open"}}"#);
    let guarded = policy(&registry, r#"{"name":"guarded","breaker":{"initial_state":"open"}}"#);
    let stream = |policy: &Policy| match policy.config().stream_exempt {
        true => Ok(vec!["to", "ken"]),
        false => policy.run(|| Ok::<_, Down>(vec!["to", "ken"])).map_err(|error| error.is_refused()),
    };
    assert_eq!(stream(&exempt), Ok(vec!["to", "ken"]));
    assert_eq!(stream(&guarded), Err(true));
}

#[test]
fn retries_have_total_attempts_base_cap_and_jitter_both_ways() {
    let registry = Registry::manual(1);
    let json = r#"{"retry":{"attempts":4,"backoff":{"kind":"exponential","base":"1s","cap":"3s"},
                   "jitter":{"kind":"proportional","factor":0.25}}}"#;
    let llm = policy(&registry, json);
    [0.0, 0.5, 1.0].into_iter().for_each(|number| registry.rng().script(number));
    let mut calls = 0;
    let error = llm.run(|| {
        calls += 1;
        Err::<(), _>(Down)
    });
    // 1 s − 25 %, 2 s, 4 s capped to 3 s.
    assert_eq!(registry.clock().now().0, Span::millis(750 + 2_000 + 3_000).0);
    assert_eq!((calls, error.unwrap_err().attempts()), (4, 4));
}

#[test]
fn retry_after_is_honoured() {
    let registry = Registry::manual(1);
    let llm = policy(&registry, r#"{"retry":{"attempts":2,"backoff":{"kind":"fixed","base":"1s"},"jitter":"none"}}"#);
    let mut answers = [Err((429, Some(Hint::After(Span::secs(7))))), Ok("text")].into_iter();
    let got = llm.run_with(judge, || -> Answer { answers.next().unwrap() });
    assert_eq!(got.unwrap(), "text");
    assert_eq!(registry.clock().now().0, Span::secs(7).0);
}

#[test]
fn the_deadline_caps_each_sleep() {
    let registry = Registry::manual(1);
    let json = r#"{"timeout":{"deadline":"5s"},"retry":{"attempts":9,"backoff":{"kind":"fixed","base":"4s"},"jitter":"none"}}"#;
    let error = policy(&registry, json).run(|| Err::<(), _>(Down)).unwrap_err();
    assert!(matches!(error, Error::DeadlineExceeded { attempts: 2, last: Some(Down), .. }), "{error:?}");
    assert_eq!(registry.clock().now().0, Span::secs(5).0);
}

#[test]
fn exhausted_and_deadline_exceeded_are_told_apart() {
    let registry = Registry::manual(1);
    let exhausted = policy(&registry, r#"{"retry":{"attempts":2}}"#).run(|| Err::<(), _>(Down)).unwrap_err();
    let told = (exhausted.attempts(), exhausted.reason().map(|stop| stop.as_str()), exhausted.into_user());
    assert_eq!(told, (2, Some("attempts"), Some(Down)));
    let late = policy(&registry, r#"{"timeout":{"deadline":"1s"}}"#).run(|| {
        registry.clock().advance(Span::secs(2));
        Ok::<_, Down>(())
    });
    let Err(Error::DeadlineExceeded { limit, attempts, .. }) = late else { panic!("in time") };
    assert_eq!((limit, attempts), (Duration::from_secs(1), 1));
}

#[test]
fn errors_have_classes() {
    let classes = [429, 503, 400, 401, 403, 200].map(|status| Class::of_status(status).map(Class::as_str));
    let expected = ["rate_limited", "server", "client", "auth", "auth"].map(Some);
    assert_eq!(classes, [expected[0], expected[1], expected[2], expected[3], expected[4], None]);
    assert_eq!(Class::of_error("python", "ConnectionError").as_str(), "network");
    assert_eq!(Class::of_error("rust", "NobodyKnowsThis").as_str(), "unknown");
}

#[test]
fn retry_after_has_two_forms() {
    let noon = 1_445_412_480; // Wed, 21 Oct 2015 07:28:00 GMT
    assert_eq!(retry_after("120", noon), Some(Hint::After(Span::secs(120))));
    assert_eq!(retry_after("Wed, 21 Oct 2015 07:29:00 GMT", noon), Some(Hint::After(Span::secs(60))));
    assert_eq!(retry_after("soon", noon), None);
}

const BUDGETED: &str = r#"{"cost":{"name":"spend","limits":{"tokens":1000,"cents":50,"rounds":2}}}"#;

/// One call that costs what it says.
fn spend(policy: &Policy, tokens: u64) -> Verdict {
    let estimate = vec![("tokens".to_owned(), tokens), ("rounds".to_owned(), 1)];
    let mut call = policy.call_with(CallOptions { estimate: estimate.clone(), ..CallOptions::default() });
    let mut step = call.start();
    loop {
        step = match step {
            Step::Run { attempt, .. } => {
                call.settle_cost(&estimate);
                call.done(attempt, Outcome::Success, None)
            }
            Step::Finish(verdict) => return verdict,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn tokens_money_and_rounds_are_checked_before_and_booked_after() {
    let registry = Registry::manual(1);
    let llm = policy(&registry, BUDGETED);
    assert_eq!(spend(&llm, 400), Verdict::Settle);
    assert_eq!(spend(&llm, 700), Verdict::Refused);
    assert_eq!(spend(&llm, 600), Verdict::Settle);
    let refusal = llm.with(|cx| llm.costs()[0].check(cx)).unwrap_err();
    assert_eq!((refusal.code, refusal.amount()), (Code::CostExceeded, Some("rounds")));
}

#[test]
fn a_cost_budget_is_shared_between_providers() {
    let registry = Registry::manual(1);
    let (first, second) = (policy(&registry, BUDGETED), policy(&registry, BUDGETED));
    assert_eq!(spend(&first, 900), Verdict::Settle);
    assert_eq!(spend(&second, 200), Verdict::Refused);
}

#[test]
fn a_response_cache_answers_first() {
    let registry = Registry::manual(1);
    let llm = policy(&registry, r#"{"cache":{"first":true,"ttl":"1m"}}"#);
    let mut kept: HashMap<&str, &str> = HashMap::new();
    let mut calls = 0;
    let mut ask = |prompt: &'static str| {
        let mut call = llm.call_with(CallOptions { cached: true, ..CallOptions::default() });
        let mut step = call.start();
        loop {
            step = match step {
                Step::LookUp { .. } => call.looked_up(kept.contains_key(prompt)),
                Step::Run { attempt, .. } => {
                    calls += 1;
                    let next = call.done(attempt, Outcome::Success, None);
                    if call.should_store() {
                        kept.insert(prompt, "text");
                    }
                    next
                }
                Step::Finish(verdict) => return (verdict, kept[prompt]),
                other => panic!("{other:?}"),
            }
        }
    };
    assert_eq!(ask("hello"), (Verdict::Settle, "text"));
    assert_eq!(ask("hello"), (Verdict::Cached, "text"));
    assert_eq!(calls, 1);
}
