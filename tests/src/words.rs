//! Reading the words of a vector.

use seawall::outcome::{Hint, Outcome};
use seawall::time::Span;
use serde_json::Value;

pub(crate) type Fallible<T = ()> = Result<T, String>;

pub(crate) fn text<'a>(step: &'a Value, key: &str) -> Option<&'a str> {
    step.get(key).and_then(Value::as_str)
}

pub(crate) fn need<'a>(step: &'a Value, key: &str) -> Fallible<&'a str> {
    text(step, key).ok_or_else(|| format!("the step has no `{key}`"))
}

/// A length with a unit, as signed nanoseconds.
pub(crate) fn nanos(words: &str) -> Fallible<i64> {
    let split = words.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(|| format!("`{words}` has no unit"))?;
    let number: f64 = words[..split].trim().parse().map_err(|_| format!("`{words}` is no length"))?;
    let unit = match &words[split..] {
        "ns" => 1.0,
        "us" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        "m" => 60e9,
        "h" => 3600e9,
        other => return Err(format!("`{other}` is no unit")),
    };
    Ok((number * unit).round() as i64)
}

pub(crate) fn span(step: &Value, key: &str) -> Fallible<Option<Span>> {
    text(step, key).map(|words| nanos(words).map(|n| Span(n.max(0) as u64))).transpose()
}

pub(crate) fn hint(step: &Value) -> Fallible<Option<Hint>> {
    text(step, "hint").map(|words| nanos(words).map(Hint::from_nanos)).transpose()
}

pub(crate) fn outcome(step: &Value, default: Outcome) -> Fallible<Outcome> {
    match text(step, "outcome") {
        Some(name) => Outcome::parse(name).ok_or_else(|| format!("`{name}` is no outcome")),
        None => Ok(default),
    }
}

pub(crate) fn times(step: &Value) -> u64 {
    step.get("times").and_then(Value::as_u64).unwrap_or(1)
}

pub(crate) fn amounts(step: &Value, key: &str) -> Vec<(String, u64)> {
    let table = step.get(key).and_then(Value::as_object);
    table.into_iter().flatten().map(|(name, n)| (name.clone(), n.as_u64().unwrap_or(0))).collect()
}
