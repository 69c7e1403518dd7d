//! The private addon: the core's facade as classes that TypeScript builds the public API on.
//!
//! Lengths of time are nanoseconds as numbers, permits are bigints, outcomes and other enums their
//! stable numbers, whatever is read rarely is JSON. Nothing is decided here.

// Compiled as a test, the derive macros register nothing and everything looks unused.
#![cfg_attr(test, allow(dead_code))]

mod desk;
mod hot;
mod isolate;
mod parts;
mod policy;
mod raw;
mod registry;
mod slab;

use napi::bindgen_prelude::{BigInt, Env, Error, JsValue, Object, Unknown};
use napi_derive::napi;
use seawall::error::{ConfigError, Refusal};
use seawall::outcome::{Hint, Outcome};
use seawall::permit::Permit;
use seawall::time::Span;

type Result<T> = napi::Result<T>;

/// The functions of `hot` in a new object, with `mail` (a `Float64Array`) as their mailbox. The first
/// word of `changes` (a `Uint32Array`) rises when any thread changed settings or the off switch.
#[napi]
pub fn hot<'env>(env: Env, mail: Unknown<'env>, changes: Unknown<'env>) -> Result<Object<'env>> {
    // A thread sees gate and line as one buffer.
    seawall::breaker::keep_lines_together();
    let target = Object::new(&env)?;
    match raw::install(env.raw(), target.raw(), mail.raw(), changes.raw(), &hot::ENTRIES) {
        Some(()) => Ok(target),
        None => Err(Error::from_reason("the functions of the hot path could not be made")),
    }
}

/// From here on no policy of this thread shares its memory with JavaScript (or again): for tests,
/// as runtimes are that keep foreign memory out.
#[napi]
pub fn refuse_buffers(refuse: bool) {
    raw::refuse_buffers(refuse);
}

/// An error of the configuration travels as JSON and is dressed in TypeScript.
fn config_error(error: ConfigError) -> Error {
    Error::from_reason(error.to_json().to_string())
}

fn refusal_json(refusal: &Refusal) -> String {
    refusal.to_json().to_string()
}

fn nanos(span: Span) -> f64 {
    span.0 as f64
}

fn span(nanos: f64) -> Span {
    Span::from_nanos_f64(nanos)
}

fn outcome(number: u32) -> Outcome {
    // What nobody classified is a failure.
    u8::try_from(number).ok().and_then(Outcome::from_u8).unwrap_or(Outcome::Failure)
}

fn hint(nanos: Option<f64>) -> Option<Hint> {
    nanos.map(|nanos| if nanos < 0.0 { Hint::Never } else { Hint::After(span(nanos)) })
}

fn permit(value: BigInt) -> Permit {
    Permit(value.get_u64().1)
}

fn amounts(json: Option<String>) -> Vec<(String, u64)> {
    let value = json.and_then(|json| seawall::config::from_json(&json).ok());
    match value {
        Some(seawall::config::Value::Table(table)) => table
            .into_iter()
            .filter_map(|(name, value)| match value {
                seawall::config::Value::Integer(n) => Some((name, u64::try_from(n).unwrap_or(0))),
                seawall::config::Value::Float(n) => Some((name, n as u64)),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    }
}
