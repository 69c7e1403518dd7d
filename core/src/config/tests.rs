use super::*;
use crate::error::{ConfigCode, ConfigError};
use crate::time::Span;

fn code(json: &str) -> Value {
    from_json(json).unwrap()
}

fn from_code(json: &str) -> Result<PolicyConfig, ConfigError> {
    layered(None, json, &[])
}

fn layered(file: Option<&str>, json: &str, environment: &[(&str, &str)]) -> Result<PolicyConfig, ConfigError> {
    let file = file.map(|text| Document::parse_toml(text, "seawall.toml")).transpose()?;
    let code = code(json);
    let environment: Environment = environment.iter().copied().collect();
    resolve(&Layers { preset: None, file: file.as_ref(), code: Some(&code), environment: &environment }, None)
}

fn wrong(result: Result<PolicyConfig, ConfigError>) -> (ConfigCode, String, Option<String>, Option<String>) {
    let error = result.expect_err("this configuration is wrong");
    assert!(!error.reason.is_empty());
    (error.code, error.path, error.suggestion, error.source)
}

#[test]
fn parts_without_options_have_the_documented_defaults() {
    let config = from_code(r#"{"breaker": {}, "retry": {}, "bulkhead": {}, "timeout": {}}"#).unwrap();
    assert_eq!(config.breaker, Some(BreakerConfig::default()));
    assert_eq!(config.retry, Some(RetryConfig::default()));
    assert_eq!(config.bulkhead, Some(BulkheadConfig::default()));
    assert_eq!(config.timeout, Some(TimeoutConfig::default()));
    assert_eq!(from_code("{}").unwrap(), PolicyConfig::default());
    let on = from_code(r#"{"breaker": true, "cache": true, "timeout": {"attempt": "1s", "adaptive": true}}"#).unwrap();
    assert_eq!(on.breaker, Some(BreakerConfig::default()));
    assert_eq!(on.cache, Some(CacheConfig::default()));
    assert_eq!(on.timeout.unwrap().adaptive, Some(AdaptiveConfig::default()));
}

#[test]
fn later_layers_win_option_by_option() {
    let file = r#"
        [policy.llm]
        preset = "production"
        [policy.llm.breaker]
        open_for = "20s"
        [policy.llm.retry]
        attempts = 4
    "#;
    let code = r#"{"name": "llm", "retry": {"attempts": 5, "jitter": "equal"}}"#;
    let environment = [("SEAWALL_LLM_BREAKER_OPEN_FOR_CAP", "7m"), ("SEAWALL_LLM_RETRY_JITTER", "none")];
    let config = layered(Some(file), code, &environment).unwrap();
    let open_for = config.breaker.unwrap().open_for;
    assert_eq!((open_for.base, open_for.factor, open_for.cap), (Span::secs(20), 2.0, Span::secs(420)));
    let retry = config.retry.unwrap();
    assert_eq!((retry.attempts, retry.delay.jitter), (5, Jitter::None));
    assert_eq!(
        retry.delay.backoff,
        Backoff::Exponential { base: Span::secs(1), factor: 2.0, cap: Span::secs(30) },
        "the preset's backoff stays"
    );
}

#[test]
fn errors_name_the_layer_that_said_it() {
    let file = "[policy.llm.retry]\nattempts = 4\n";
    let nothing = r#"{"name": "llm"}"#;
    let bad_env = layered(Some(file), nothing, &[("SEAWALL_LLM_RETRY_ATTEMPTS", "0")]);
    assert_eq!(
        wrong(bad_env),
        (ConfigCode::OutOfRange, "/policy/llm/retry/attempts".into(), None, Some("SEAWALL_LLM_RETRY_ATTEMPTS".into()))
    );
    let bad_code = layered(Some(file), r#"{"name": "llm", "retry": {"atempts": 2}}"#, &[]);
    assert_eq!(
        wrong(bad_code),
        (ConfigCode::UnknownOption, "/policy/llm/retry/atempts".into(), Some("attempts".into()), Some("code".into()))
    );
    let bad_file = layered(Some("[policy.llm.retry]\nattempts = -1\n"), nothing, &[]);
    assert_eq!(wrong(bad_file).3.as_deref(), Some("seawall.toml"));
}

#[test]
fn a_table_of_another_kind_replaces_the_one_below() {
    let config = from_code(r#"{"preset": "busy", "breaker": {"window": {"kind": "count", "size": 10}}}"#).unwrap();
    let breaker = config.breaker.unwrap();
    assert_eq!(breaker.window, Window::Count { size: 10 });
    assert_eq!(breaker.minimum_calls, 10, "clamped to the window");
    let streak = from_code(r#"{"preset": "busy", "breaker": {"window": "consecutive"}}"#).unwrap();
    assert_eq!(streak.breaker.unwrap().failure_rate, None, "the preset's rate goes with its window");
}

#[test]
fn false_takes_away_what_a_preset_gave() {
    let config = from_code(
        r#"{"preset": "production", "retry": false, "breaker": {"half_open": {"max_wait": false}, "open_for": "3s"}}"#,
    );
    // `on_max_wait` was never named, so that nothing is left over.
    let config = config.unwrap();
    assert_eq!(config.retry, None);
    assert_eq!(config.breaker.unwrap().half_open.max_wait, None);
}

#[test]
fn shared_budgets_are_found_by_name() {
    let file = "[budget.shared]\nkind = \"ratio\"\nshare = 0.1\n[policy.a.retry]\nbudget = \"shared\"\n";
    let config = layered(Some(file), r#"{"name": "a"}"#, &[]).unwrap();
    let budget = config.retry.unwrap().budget.unwrap();
    assert_eq!(budget.name.as_deref(), Some("shared"));
    assert_eq!(budget.rule, BudgetRule::Ratio { share: 0.1, floor_per_second: 10.0, span: Span::secs(10) });
    let (code, path, suggestion, _) = wrong(layered(Some(file), r#"{"retry": {"budget": "shraed"}}"#, &[]));
    assert_eq!((code, path.as_str()), (ConfigCode::UnknownValue, "/retry/budget"));
    assert_eq!(suggestion.as_deref(), Some("shared"));
}

#[test]
fn variables_that_two_policies_can_claim_are_an_error() {
    let file = "[policy.a-b]\n[policy.a_b]\n";
    let environment = [("SEAWALL_A_B_RETRY_ATTEMPTS", "2")];
    assert_eq!(wrong(layered(Some(file), r#"{"name": "a-b"}"#, &environment)).0, ConfigCode::Conflict);
    let in_code: Environment = environment.into_iter().collect();
    let clash = in_code.check_clash("a-b", &["a-b", "a.b", "c"]).unwrap_err();
    assert_eq!((clash.code, clash.source.as_deref()), (ConfigCode::Conflict, Some("SEAWALL_A_B_RETRY_ATTEMPTS")));
    assert_eq!(in_code.check_clash("a-b", &["a-b", "c"]), Ok(()));
    let file = "[policy.llm]\n[policy.llm_retry]\n";
    let environment = [("SEAWALL_LLM_RETRY_RETRY_ATTEMPTS", "2")];
    let longer = layered(Some(file), r#"{"name": "llm_retry"}"#, &environment).unwrap();
    assert_eq!(longer.retry.unwrap().attempts, 2);
    assert_eq!(layered(Some(file), r#"{"name": "llm"}"#, &environment).unwrap().retry, None);
}

#[test]
fn variables_are_read_by_the_type_of_their_option() {
    let environment = [
        ("SEAWALL_MY_API_BREAKER_WINDOW_KIND", "time"),
        ("SEAWALL_MY_API_BREAKER_WINDOW_SPAN", "1m"),
        ("SEAWALL_MY_API_BREAKER_FAILURE_RATE", "0.25"),
        ("SEAWALL_MY_API_BREAKER_COUNT_THROTTLED", "off"),
        ("SEAWALL_MY_API_RETRY_BACKOFF", "[\"1s\", \"2s\"]"),
        ("SEAWALL_MY_API_FALLBACK_CHAIN", "cached, fail_closed"),
        ("SEAWALL_MY_API_BULKHEAD", "7"),
        ("SEAWALL_MY_API_TIMEOUT_ADAPTIVE_QUANTILE", "0.5"),
        ("SEAWALL_MY_API_TIMEOUT_ATTEMPT", "3s"),
        ("SEAWALL_OTHER_RETRY_ATTEMPTS", "9"),
    ];
    let config = layered(None, r#"{"name": "my-api"}"#, &environment).unwrap();
    let breaker = config.breaker.unwrap();
    assert_eq!(breaker.window, Window::Time { span: Span::secs(60), slices: 10, aligned: false });
    assert_eq!((breaker.failure_rate, breaker.count_throttled), (Some(Rate::from_f64(0.25)), false));
    let retry = config.retry.unwrap();
    let delays = vec![Span::secs(1), Span::secs(2)];
    assert_eq!(retry.delay.backoff, Backoff::List { delays, cap: Span::MAX });
    assert_eq!(config.fallback.unwrap().chain, [FallbackStep::Cached, FallbackStep::FailClosed]);
    assert_eq!(config.bulkhead.unwrap().limit, 7);
    assert_eq!(config.timeout.unwrap().adaptive.unwrap().quantile, 0.5);
    let slip = layered(None, r#"{"name": "a"}"#, &[("SEAWALL_A_BREKER_FAILURE_RATE", "0.5")]);
    assert_eq!(wrong(slip).2.as_deref(), Some("breaker"));
    let slip = layered(None, r#"{"name": "a"}"#, &[("SEAWALL_A_BREAKER_FAILURE_RTAE", "0.5")]);
    assert_eq!(wrong(slip).1, "/policy/a/breaker/failure_rtae");
}

#[test]
fn files_that_are_not_toml_say_where() {
    let error = Document::parse_toml("[policy.a\nretry = 3\n", "x.toml").unwrap_err();
    assert_eq!((error.code, error.source.as_deref()), (ConfigCode::Syntax, Some("x.toml")));
    assert!(error.reason.contains("line 1"), "{}", error.reason);
    let error = Document::parse_bytes(b"[policy.a]\n# \xff\n", "x.toml").unwrap_err();
    assert_eq!(error.code, ConfigCode::Syntax);
    assert!(error.reason.contains("line 2"), "{}", error.reason);
    let twice = from_json(r#"{"retry": 1, "retry": 2}"#).unwrap_err();
    assert_eq!(twice.code, ConfigCode::Syntax);
}

#[test]
fn tables_of_operations_and_resources_replace_the_built_in_ones() {
    let file = "[operation]\nllm = \"90s\"\ndefault = \"7s\"\n[resource]\nllm = 3\n";
    let file = Document::parse_toml(file, "f").unwrap();
    assert_eq!(operation_timeout(Some(&file), "llm"), Span::secs(90));
    assert_eq!(operation_timeout(Some(&file), "auth"), Span::secs(5));
    assert_eq!(operation_timeout(Some(&file), "mail"), Span::secs(7));
    assert_eq!(operation_timeout(None, "mail"), Span::secs(30));
    assert_eq!((resource_limit(Some(&file), "llm"), resource_limit(None, "redis")), (3, 100));
    let error = Document::parse_toml("[operation]\nllm = 60\n", "f").unwrap_err();
    assert_eq!((error.code, error.path.as_str()), (ConfigCode::MissingUnit, "/operation/llm"));
}

#[test]
fn every_preset_resolves() {
    for preset in Preset::ALL {
        let json = format!(r#"{{"preset": "{}"}}"#, preset.as_str());
        assert!(from_code(&json).unwrap().breaker.is_some());
    }
    let production = from_code(r#"{"preset": "production"}"#).unwrap();
    assert_eq!(production.breaker.unwrap().half_open.lease, Span::secs(60), "as long as an attempt may take");
}
