//! `seawall check`: a configuration file as the libraries read it.

use crate::fault::Fault;
use crate::print;
use crate::words::many;
use seawall::config::{Document, Environment, Layers, PolicyConfig, resolve};
use seawall::error::ConfigError;
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
        Err(mistakes) => {
            if as_json {
                let errors: Vec<Value> = mistakes.iter().map(ConfigError::to_json).collect();
                print(&format!("{}\n", json!({ "valid": false, "errors": errors })))?;
            }
            return Err(Fault::Configuration(listed(&mistakes, &source)));
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
        let shown = json!({ "valid": verdict.is_ok(), "policies": shown, "unfinished": unfinished });
        print(&format!("{shown}\n"))?;
        return verdict;
    }
    let mut text = match (lacking, policies.len()) {
        (_, 0) => format!("{source}: no errors, and no policy\n"),
        (0, _) => format!("{source}: no errors\n"),
        (n, _) => {
            let them = if n == 1 { "it" } else { "them" };
            format!("{source}: {} refused unless code completes {them}\n", many(n, "policy is", "policies are"))
        }
    };
    for (name, policy) in policies {
        let said = policy.map_or_else(|lacks| format!("to be completed by code: {lacks}"), |policy| parts(&policy));
        text += &format!("  {name:<24}{said}\n");
    }
    print(&text)?;
    verdict
}

/// Each policy, or what only code can put right.
type Policies = Vec<(String, Result<PolicyConfig, ConfigError>)>;

/// The policies of the file under this process's environment.
fn policies(bytes: &[u8], source: &str) -> Result<Policies, Vec<ConfigError>> {
    let environment = Environment::from_process();
    let document = Document::check_bytes(bytes, source, &environment)?;
    let layers = Layers { preset: None, file: Some(&document), code: None, environment: &environment };
    let one = |name: &str| (name.to_owned(), resolve(&layers, Some(name)));
    Ok(document.names().into_iter().map(one).collect())
}

/// One mistake as it is, several line by line below their number.
fn listed(mistakes: &[ConfigError], source: &str) -> String {
    match mistakes {
        [mistake] => mistake.to_string(),
        _ => {
            let line = |mistake: &ConfigError| {
                let source = mistake.source.clone().filter(|told| told != source);
                format!("\n  {}", ConfigError { source, ..mistake.clone() })
            };
            let lines: String = mistakes.iter().map(line).collect();
            format!("{source}: {}{lines}", many(mistakes.len(), "error", "errors"))
        }
    }
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
