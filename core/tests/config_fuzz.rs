//! Whatever bytes come as a configuration: an error with a place, or settings in range; never a panic.
#![cfg(all(feature = "json", not(loom)))]

use proptest::collection::vec;
use proptest::prelude::*;
use seawall::config::{Document, Environment, Layers, PolicyConfig, Preset, Value, from_json, resolve};
use seawall::error::ConfigError;
use std::fs;
use std::path::Path;

fn policy(
    code: Option<&Value>,
    file: Option<&Document>,
    environment: &Environment,
) -> Result<PolicyConfig, ConfigError> {
    resolve(&Layers { preset: None, file, code, environment }, None)
}

fn sound_error(error: &ConfigError) {
    assert!(!error.reason.is_empty());
    assert!(error.path.is_empty() || error.path.starts_with('/'), "{}", error.path);
    assert!(error.to_string().len() < 2_000, "a message of {} bytes", error.to_string().len());
}

/// Reads bytes in every way there is; returns how many of them gave a policy.
fn read_all_ways(bytes: &[u8]) -> usize {
    let empty = Environment::empty();
    let mut policies = 0;
    match Document::parse_bytes(bytes, "fuzz") {
        Ok(document) => {
            for name in document.names() {
                let layers = Layers { preset: None, file: Some(&document), code: None, environment: &empty };
                match resolve(&layers, Some(name)) {
                    Ok(config) => policies += usize::from(round_trip(&config)),
                    Err(error) => sound_error(&error),
                }
            }
        }
        Err(error) => sound_error(&error),
    }
    let text = String::from_utf8_lossy(bytes);
    match from_json(&text).and_then(|value| policy(Some(&value), None, &empty)) {
        Ok(config) => policies += usize::from(round_trip(&config)),
        Err(error) => sound_error(&error),
    }
    policies
}

/// Written out and read again it is the same.
fn round_trip(config: &PolicyConfig) -> bool {
    let again = from_json(&config.to_json().to_string()).unwrap();
    assert_eq!(policy(Some(&again), None, &Environment::empty()).as_ref(), Ok(config));
    true
}

/// The texts of all vectors and presets: what mutations start from.
fn seeds() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = Preset::ALL.iter().map(|preset| preset.text().into()).collect();
    for folder in ["valid", "invalid"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/config").join(folder);
        for entry in fs::read_dir(folder).unwrap() {
            let vector: serde_json::Value = serde_json::from_slice(&fs::read(entry.unwrap().path()).unwrap()).unwrap();
            seeds.push(vector["policy"].to_string().into_bytes());
            seeds.extend(vector["toml"].as_str().map(|text| text.as_bytes().to_vec()));
        }
    }
    assert!(seeds.len() > 100);
    seeds
}

#[derive(Clone, Debug)]
enum Change {
    Replace(usize, u8),
    Remove(usize, usize),
    Repeat(usize, usize),
    Insert(usize, String),
}

fn change() -> impl Strategy<Value = Change> {
    let words = prop::sample::select(vec![
        "{", "}", "[", "]", "\"", "null", "false", "true", "-1", "0", "1e400", "kind", "=", "\n", "'", "s",
    ]);
    prop_oneof![
        (any::<usize>(), any::<u8>()).prop_map(|(at, byte)| Change::Replace(at, byte)),
        (any::<usize>(), 1..8usize).prop_map(|(at, length)| Change::Remove(at, length)),
        (any::<usize>(), 1..16usize).prop_map(|(at, length)| Change::Repeat(at, length)),
        (any::<usize>(), words).prop_map(|(at, word)| Change::Insert(at, word.to_owned())),
    ]
}

fn changed(mut bytes: Vec<u8>, changes: &[Change]) -> Vec<u8> {
    for change in changes {
        let place = |at: &usize| at % (bytes.len() + 1);
        match change {
            Change::Replace(at, byte) if !bytes.is_empty() => {
                let at = at % bytes.len();
                bytes[at] = *byte;
            }
            Change::Replace(..) => {}
            Change::Remove(at, length) => {
                let at = place(at);
                bytes.drain(at..(at + length).min(bytes.len()));
            }
            Change::Repeat(at, length) => {
                let at = place(at);
                let piece = bytes[at..(at + length).min(bytes.len())].to_vec();
                bytes.splice(at..at, piece);
            }
            Change::Insert(at, word) => {
                let at = place(at);
                bytes.splice(at..at, word.bytes());
            }
        }
    }
    bytes
}

/// Trees made of our own words, so that they get past the first table.
fn tree() -> impl Strategy<Value = serde_json::Value> {
    let words = [
        "kind",
        "name",
        "preset",
        "breaker",
        "retry",
        "bulkhead",
        "timeout",
        "fallback",
        "cache",
        "cost",
        "window",
        "failure_rate",
        "slow_call",
        "open_for",
        "half_open",
        "base",
        "cap",
        "factor",
        "jitter",
        "backoff",
        "delays",
        "budget",
        "limits",
        "attempts",
        "chain",
        "value",
        "permits",
        "successes",
        "of",
        "count",
        "time",
        "list",
        "1s",
        "250ms",
        "production",
        "busy",
        "cached",
        "stale",
        "minimum_calls",
        "size",
        "span",
        "attempt",
        "adaptive",
        "min",
    ];
    let word = prop::sample::select(words.to_vec());
    let leaf = prop_oneof![
        any::<bool>().prop_map(serde_json::Value::from),
        (-3i64..200).prop_map(serde_json::Value::from),
        any::<f64>().prop_map(serde_json::Value::from),
        word.clone().prop_map(serde_json::Value::from),
        Just(serde_json::Value::Null),
    ];
    leaf.prop_recursive(4, 24, 5, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            vec((word.clone().prop_map(str::to_owned), inner), 0..5)
                .prop_map(|fields| serde_json::Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_are_refused_or_read(bytes in vec(any::<u8>(), 0..300)) {
        read_all_ways(&bytes);
    }

    #[test]
    fn changed_configurations_are_refused_or_read(which in any::<prop::sample::Index>(), changes in vec(change(), 0..5)) {
        let seeds = seeds();
        read_all_ways(&changed(seeds[which.index(seeds.len())].clone(), &changes));
    }

    #[test]
    fn trees_of_our_words_are_refused_or_read(tree in tree()) {
        read_all_ways(tree.to_string().as_bytes());
    }

    #[test]
    fn any_environment_is_refused_or_read(
        variables in vec((prop::sample::select(vec![
            "RETRY", "RETRY_ATTEMPTS", "RETRY_BACKOFF", "RETRY_BACKOFF_KIND", "BREAKER", "BREAKER_WINDOW",
            "BREAKER_OPEN_FOR", "BREAKER_HALF_OPEN_PERMITS", "COST", "FALLBACK_CHAIN", "CACHE", "PRESET", "RETRY_X",
        ]), "[\\PC]{0,12}|true|false|3|1s|production|count|\\[\"1s\"\\]|\\{kind=\"time\"\\}"), 0..4)
    ) {
        let environment = variables.into_iter().map(|(name, value)| (format!("SEAWALL_A_{name}"), value)).collect();
        let code = from_json(r#"{"name": "a"}"#).unwrap();
        match policy(Some(&code), None, &environment) {
            Ok(config) => { round_trip(&config); }
            Err(error) => sound_error(&error),
        }
    }
}

#[test]
fn unchanged_seeds_give_policies() {
    let read: usize = seeds().iter().map(|seed| read_all_ways(seed)).sum();
    assert!(read >= 30, "only {read} of the seeds were read: the mutations start from nothing");
}

#[test]
fn the_corpus_is_refused_or_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/config");
    let mut files = 0;
    for entry in fs::read_dir(folder).unwrap() {
        read_all_ways(&fs::read(entry.unwrap().path()).unwrap());
        files += 1;
    }
    assert!(files >= 20, "only {files} files");
}
