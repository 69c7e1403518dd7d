//! Every vector of `tests/vectors/config` against the core: what is wrong and where, what comes out.
#![cfg(all(feature = "json", not(loom)))]

use seawall::Registry;
use seawall::config::{Document, Environment, Layers, PolicyConfig, Value, from_json, resolve};
use seawall::error::ConfigError;
use serde_json::Value as Json;
use std::path::{Path, PathBuf};

fn vectors(folder: &str) -> Vec<(PathBuf, Json)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/config").join(folder);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
        .into_iter()
        .map(|path| (path.clone(), serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()))
        .collect()
}

fn environment(vector: &Json) -> Environment {
    match &vector["environment"] {
        Json::Object(variables) => {
            variables.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap())).collect()
        }
        _ => Environment::empty(),
    }
}

/// A policy that no code describes.
fn declared(vector: &Json, name: &str) -> Result<PolicyConfig, ConfigError> {
    let registry = Registry::manual_with(1, environment(vector));
    if let Some(text) = vector["toml"].as_str() {
        registry.load(text, "seawall.toml")?;
    }
    registry.named(name).map(|policy| (*policy.config()).clone())
}

/// The policy of a vector: its file, its code and its environment on top of each other.
fn resolved(vector: &Json) -> Result<PolicyConfig, ConfigError> {
    if let Some(name) = vector["policy_name"].as_str() {
        return declared(vector, name);
    }
    let file = vector["toml"].as_str().map(|text| Document::parse_toml(text, "seawall.toml")).transpose()?;
    let code = from_json(&vector["policy"].to_string())?;
    let environment = environment(vector);
    resolve(&Layers { preset: None, file: file.as_ref(), code: Some(&code), environment: &environment }, None)
}

#[test]
fn wrong_configurations_say_what_and_where() {
    let vectors = vectors("invalid");
    assert!(vectors.len() >= 40, "only {} vectors were found", vectors.len());
    for (path, vector) in vectors {
        let expected = &vector["expect"]["error"];
        let error = match resolved(&vector) {
            Err(error) => error,
            Ok(_) => panic!("{}: accepted", path.display()),
        };
        let shown = format!("{}: {error} ({:?})", path.display(), error.code);
        assert_eq!(error.code.as_str(), expected["code"], "{shown}");
        assert_eq!(error.path, expected["path"].as_str().unwrap(), "{shown}");
        if let Some(suggestion) = expected["suggestion"].as_str() {
            assert_eq!(error.suggestion.as_deref(), Some(suggestion), "{shown}");
        }
        if let Some(source) = expected["source"].as_str() {
            assert_eq!(error.source.as_deref(), Some(source), "{shown}");
        }
        assert!(!error.reason.is_empty() && error.reason.len() < 400, "{shown}");
    }
}

#[test]
fn right_configurations_come_to_what_is_written() {
    let vectors = vectors("valid");
    assert!(vectors.len() >= 15, "only {} vectors were found", vectors.len());
    for (path, vector) in vectors {
        let config = resolved(&vector).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let json = config.to_json();
        contains(&json, &vector["resolved"], &path.display().to_string());
        let code: Value = from_json(&json.to_string()).unwrap();
        let layers = Layers { preset: None, file: None, code: Some(&code), environment: &Environment::empty() };
        assert_eq!(resolve(&layers, None).as_ref(), Ok(&config), "{}: written out and read again", path.display());
    }
}

/// Whether everything expected is there; `null` expects that nothing is.
fn contains(actual: &Json, expected: &Json, at: &str) {
    match expected {
        Json::Object(fields) => {
            for (name, value) in fields {
                contains(&actual[name], value, &format!("{at}/{name}"));
            }
        }
        Json::String(text) if actual.is_string() && text != actual => {
            // One length of time can be written in several ways.
            let span = |json: &Json| seawall::config::parse_duration(json.as_str().unwrap());
            assert!(span(actual).is_ok() && span(actual) == span(expected), "{at}: {actual} is not {expected}");
        }
        _ => assert_eq!(actual, expected, "{at}"),
    }
}
