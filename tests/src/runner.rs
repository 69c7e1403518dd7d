//! One vector on one fresh registry; a folder of vectors.

use crate::expect::Shown;
use crate::parts::Names;
use crate::words::{Fallible, nanos, need, span, text};
use seawall::events::Cursor;
use seawall::time::{Span, Tick};
use seawall::{Policy, Registry};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// What a run over a folder came to.
#[derive(Default, Debug)]
pub struct Report {
    pub passed: u32,
    /// File and reason.
    pub failed: Vec<(PathBuf, String)>,
}

/// Runs every vector below `dir`, in the order of the names.
pub fn run_dir(dir: &Path) -> std::io::Result<Report> {
    let mut report = Report::default();
    for path in files(dir)? {
        match run_file(&path) {
            Ok(()) => report.passed += 1,
            Err(reason) => report.failed.push((path, reason)),
        }
    }
    Ok(report)
}

fn files(dir: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else if path.extension().is_some_and(|ending| ending == "json") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn run_file(path: &Path) -> Fallible {
    let words = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let vector: Value = serde_json::from_str(&words).map_err(|error| error.to_string())?;
    for key in ["name", "why"] {
        need(&vector, key)?;
    }
    match vector.get("steps").and_then(Value::as_array) {
        Some(steps) => World::new(&vector)?.run(steps),
        None => configuration(&vector),
    }
}

/// A vector without steps: does this configuration build, and if not, where is the mistake?
fn configuration(vector: &Value) -> Fallible {
    let variables = vector.get("environment").and_then(Value::as_object).cloned().unwrap_or_default();
    let environment =
        variables.into_iter().map(|(key, value)| (key, value.as_str().unwrap_or_default().to_owned())).collect();
    let registry = Registry::manual_with(1, environment);
    let loaded = text(vector, "toml").map_or(Ok(()), |toml| registry.load(toml, "seawall.toml"));
    let built = loaded.and_then(|()| match (vector.get("policy"), text(vector, "policy_name")) {
        (Some(policy), _) => registry.policy(&policy.to_string()).map(|_| ()),
        (None, Some(name)) => registry.named(name).map(|_| ()),
        (None, None) => Ok(()),
    });
    let mut shown = Shown::default();
    match built {
        Ok(()) => shown.put("ok", true),
        Err(error) => {
            shown.put("ok", false);
            shown.put("error", error.to_json());
        }
    }
    shown.check(vector.get("expect").ok_or("a vector without steps needs `expect`")?)
}

/// The registry of one vector and everything its steps have named.
pub(crate) struct World {
    pub registry: Registry,
    pub policy: Policy,
    keyed: HashMap<String, Policy>,
    pub names: Names,
    events: Cursor,
    pub gate: bool,
}

impl World {
    fn new(vector: &Value) -> Fallible<World> {
        let registry = Registry::manual(vector.get("seed").and_then(Value::as_u64).unwrap_or(1));
        if let Some(toml) = text(vector, "toml") {
            registry.load(toml, "seawall.toml").map_err(|error| error.to_string())?;
        }
        let events = registry.events().subscribe();
        let json = vector.get("policy").unwrap_or(&json!({})).to_string();
        let policy = registry.policy(&json).map_err(|error| error.to_string())?;
        registry.set_enabled(vector.get("enabled").and_then(Value::as_bool).unwrap_or(true));
        let gate = std::env::var("SEAWALL_GATE").map_or(true, |value| value != "off");
        Ok(World { registry, policy, keyed: HashMap::new(), names: Names::default(), events, gate })
    }

    pub(crate) fn run(&mut self, steps: &[Value]) -> Fallible {
        for (index, step) in steps.iter().enumerate() {
            let at = |reason| format!("step {} ({}): {reason}", index + 1, text(step, "do").unwrap_or("?"));
            self.step(step).map_err(at)?;
        }
        Ok(())
    }

    fn step(&mut self, step: &Value) -> Fallible {
        if let Some(words) = text(step, "at") {
            let to = Tick(nanos(words)?.max(0) as u64);
            self.registry.clock().advance(self.registry.clock().now().until(to));
        }
        if let Some(by) = span(step, "advance")? {
            self.registry.clock().advance(by);
        }
        let mut shown = Shown::default();
        match need(step, "do")? {
            "call" => self.call(step, &mut shown)?,
            "observe" => {}
            word => self.part(word, step, &mut shown)?,
        }
        let Some(expected) = step.get("expect") else { return Ok(()) };
        self.show_state(step, expected, &mut shown);
        shown.check(expected)
    }

    /// The policy a step works on: that of its key, if it has one.
    pub(crate) fn policy_of(&mut self, step: &Value) -> Policy {
        match text(step, "key") {
            Some(key) => self.keyed.entry(key.to_owned()).or_insert_with(|| self.policy.at(key)).clone(),
            None => self.policy.clone(),
        }
    }

    fn show_state(&mut self, step: &Value, expected: &Value, shown: &mut Shown) {
        let policy = self.policy_of(step);
        let snapshot: Value = serde_json::from_str(&policy.snapshot_json()).unwrap_or_default();
        if let Some(breaker) = snapshot.get("breaker") {
            show_breaker(breaker, shown);
        }
        if let Some(bulkhead) = snapshot.get("bulkhead") {
            for key in ["in_use", "queued", "limit", "available"] {
                shown.put(key, bulkhead[key].clone());
            }
        }
        if let Some(budget) = snapshot.get("budget") {
            shown.put("balance", budget["balance"].clone());
            shown.put("active_retries", budget["active_retries"].clone());
            shown.put("budget_limit", budget["limit"].clone());
        }
        if let Some(costs) = snapshot.get("cost").and_then(Value::as_object) {
            let amounts = costs.values().filter_map(Value::as_object).flatten();
            let used: serde_json::Map<_, _> =
                amounts.map(|(name, amount)| (name.clone(), amount["used"].clone())).collect();
            shown.put("used", used);
        }
        // Events are read only where they are asked for: they gather until then.
        if expected.get("events").is_some() {
            let kinds: Vec<Value> =
                self.events.drain().events.iter().map(|event| json!(event.note.kind.as_str())).collect();
            shown.put("events", kinds);
        } else {
            self.events.drain();
        }
    }

    pub(crate) fn sleep(&self, span: Span) {
        self.registry.clock().advance(span);
    }
}

fn show_breaker(breaker: &Value, shown: &mut Shown) {
    for key in [
        "state",
        "generation",
        "calls",
        "successes",
        "failures",
        "slow",
        "consecutive_failures",
        "failure_rate",
        "slow_call_rate",
        "permits_left",
        "step",
        "not_permitted",
    ] {
        shown.put(key, breaker[key].clone());
    }
    shown.put_ns("open_remaining", breaker["open_remaining_ns"].as_u64());
    if !shown.has("retry_after") {
        shown.put_ns("retry_after", breaker["retry_after_ns"].as_u64());
    }
    shown.put("last_reason", breaker["last_transition"]["reason"].clone());
    let totals = &breaker["totals"];
    for key in ["success", "failure", "slow", "ignored", "cancelled", "rejected"] {
        shown.put(&format!("total_{key}"), totals[key].clone());
    }
    for key in ["stale", "reclaimed", "transitions"] {
        shown.put(key, totals[key].clone());
    }
}
