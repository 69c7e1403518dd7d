//! Comparing what a step expects with what there is.

use crate::words::{Fallible, nanos};
use serde_json::{Map, Value, json};

/// What a step has to show: named values, lengths as `{"ns": n}`.
#[derive(Default)]
pub(crate) struct Shown(Map<String, Value>);

impl Shown {
    pub(crate) fn put(&mut self, key: &str, value: impl Into<Value>) {
        self.0.insert(key.to_owned(), value.into());
    }

    /// A length of time, or none.
    pub(crate) fn put_ns(&mut self, key: &str, value: Option<u64>) {
        self.put(key, value.map_or(Value::Null, length));
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// Every expected key must be shown and equal.
    pub(crate) fn check(&self, expected: &Value) -> Fallible {
        let Some(expected) = expected.as_object() else { return Err("`expect` is no table".into()) };
        for (key, wanted) in expected {
            let Some(shown) = self.0.get(key) else { return Err(format!("nothing here shows `{key}`")) };
            if !equal(wanted, shown) {
                return Err(format!("{key}: expected {wanted}, found {}", readable(shown)));
            }
        }
        Ok(())
    }
}

pub(crate) fn length(ns: u64) -> Value {
    json!({ "ns": ns })
}

fn equal(wanted: &Value, shown: &Value) -> bool {
    match (wanted, shown) {
        (Value::Number(a), Value::Number(b)) => {
            (a.as_f64().unwrap_or(f64::NAN) - b.as_f64().unwrap_or(f64::NAN)).abs() <= 1e-6
        }
        (Value::String(words), Value::Object(table)) => match table.get("ns").and_then(Value::as_i64) {
            Some(ns) => nanos(words).is_ok_and(|wanted| wanted == ns),
            None => false,
        },
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        // What is absent is no value.
        (Value::Object(a), Value::Object(b)) => {
            a.iter().all(|(key, wanted)| equal(wanted, b.get(key).unwrap_or(&Value::Null)))
        }
        (Value::String(a), Value::String(b)) => a == b || nanos(a).is_ok_and(|ns| nanos(b) == Ok(ns)),
        (a, b) => a == b,
    }
}

fn readable(value: &Value) -> String {
    match value {
        Value::Object(table) if table.len() == 1 && table.contains_key("ns") => format!("{}ns", table["ns"]),
        Value::Array(list) => format!("[{}]", list.iter().map(readable).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}
