//! `seawall check`: a configuration file as the libraries read it.

use crate::fault::Fault;
use crate::words::many;
use seawall::config::{Document, Environment, Layers, PolicyConfig, resolve};
use seawall::error::{ConfigCode, ConfigError};
use serde_json::{Map, Value, json};
use std::path::Path;

/// `strict`: what only code could complete or put right is an error.
pub fn run(file: &Path, strict: bool, as_json: bool) -> Result<(), Fault> {
    let source = file.display().to_string();
    let bytes = std::fs::read(file).map_err(|error| {
        let what = format!("{source}: {error}: name the file, or set SEAWALL_CONFIG to it");
        Fault::Configuration(what)
    })?;
    let policies = match policies(&bytes, &source) {
        Ok(policies) => policies,
        Err(error) => {
            if as_json {
                println!("{}", json!({ "valid": false, "error": error.to_json() }));
            }
            return Err(Fault::Configuration(error.to_string()));
        }
    };
    let lacking = policies.iter().filter(|(_, policy)| policy.is_err()).count();
    let verdict = match lacking {
        0 => Ok(()),
        n if strict => {
            Err(Fault::Configuration(format!("{source}: {} cannot be used as written", many(n, "policy", "policies"))))
        }
        _ => Ok(()),
    };
    if as_json {
        let (mut shown, mut unfinished) = (Map::new(), Map::new());
        for (name, policy) in policies {
            shown.insert(name.clone(), policy.as_ref().map_or(Value::Null, PolicyConfig::to_json));
            policy.err().into_iter().for_each(|lacks| drop(unfinished.insert(name.clone(), lacks.to_json())));
        }
        println!("{}", json!({ "valid": verdict.is_ok(), "policies": shown, "unfinished": unfinished }));
        return verdict;
    }
    match (lacking, policies.len()) {
        (_, 0) => println!("{source}: no errors, and no policy"),
        (0, _) => println!("{source}: no errors"),
        (n, _) => println!(
            "{source}: {} refused unless code completes {}",
            many(n, "policy is", "policies are"),
            if n == 1 { "it" } else { "them" }
        ),
    }
    for (name, policy) in policies {
        let said = policy.map_or_else(|lacks| format!("to be completed by code: {lacks}"), |policy| parts(&policy));
        println!("  {name:<24}{said}");
    }
    verdict
}

/// Each policy, or what only code can put right.
type Policies = Vec<(String, Result<PolicyConfig, ConfigError>)>;

/// The policies of the file under this process's environment.
fn policies(bytes: &[u8], source: &str) -> Result<Policies, ConfigError> {
    let document = Document::parse_bytes(bytes, source)?;
    let environment = Environment::from_process();
    let layers = Layers { preset: None, file: Some(&document), code: None, environment: &environment };
    let one = |name: &&str| match resolve(&layers, Some(name)) {
        Err(error) if !matches!(error.code, ConfigCode::Required | ConfigCode::Conflict) => Err(error),
        result => Ok((name.to_string(), result)),
    };
    document.names().iter().map(one).collect()
}

/// The parts of a policy, outermost first.
fn parts(policy: &PolicyConfig) -> String {
    let Value::Object(table) = policy.to_json() else { return String::new() };
    let order = ["fallback", "cache", "cost", "retry", "bulkhead", "breaker", "timeout"];
    let has = |part: &&&str| table.get(**part).is_some_and(|value| *value != Value::Bool(false));
    let parts: Vec<&str> = order.iter().filter(has).copied().collect();
    let parts = if parts.is_empty() { "nothing".to_owned() } else { parts.join(" · ") };
    match (policy.enabled, table["scope"].as_str()) {
        (false, _) => format!("{parts} (switched off)"),
        (true, Some("host")) => format!("{parts} (host)"),
        _ => parts,
    }
}
