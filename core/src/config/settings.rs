//! Options given in Rust: a setter for each option of the list, checked where the policy is built.

use super::Value;
use super::schema::shared::Name;
use super::{FallbackStep, Rate, Scalar, schema};
use crate::time::Span;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

/// The options of a table, as far as they are given; [`crate::settings`] has a name for each table.
/// What is not given keeps its default. Setters only write down: a value that is out of range, or that
/// another one rules out, is told by `build`.
pub struct Settings<S> {
    given: BTreeMap<String, Value>,
    of: PhantomData<fn() -> S>,
}

impl<S> Settings<S> {
    /// Nothing is given yet.
    pub fn new() -> Settings<S> {
        Settings { given: BTreeMap::new(), of: PhantomData }
    }

    pub(crate) fn put(mut self, option: &str, value: Value) -> Settings<S> {
        self.given.insert(option.to_owned(), value);
        self
    }

    /// Puts a value into a table inside, which is made where it is missing.
    pub(crate) fn put_inside(mut self, path: &[&str], value: Value) -> Settings<S> {
        put_at(&mut self.given, path, value);
        self
    }

    pub(crate) fn get(&self, option: &str) -> Option<&Value> {
        self.given.get(option)
    }

    pub(crate) fn into_value(self) -> Value {
        Value::Table(self.given)
    }

    pub(crate) fn of_kind<U>(self, kind: &str) -> Settings<U> {
        Settings { given: self.given, of: PhantomData }.put("kind", Value::Text(kind.to_owned()))
    }
}

fn put_at(table: &mut BTreeMap<String, Value>, path: &[&str], value: Value) {
    match path {
        [] => {}
        [option] => drop(table.insert((*option).to_owned(), value)),
        [option, rest @ ..] => {
            let inner = table.entry((*option).to_owned()).or_insert_with(|| Value::Table(BTreeMap::new()));
            if !matches!(inner, Value::Table(_)) {
                *inner = Value::Table(BTreeMap::new());
            }
            if let Value::Table(inner) = inner {
                put_at(inner, rest, value);
            }
        }
    }
}

impl<S> Default for Settings<S> {
    fn default() -> Self {
        Settings::new()
    }
}

impl<S> Clone for Settings<S> {
    fn clone(&self) -> Self {
        Settings { given: self.given.clone(), of: PhantomData }
    }
}

impl<S> PartialEq for Settings<S> {
    fn eq(&self, other: &Self) -> bool {
        self.given == other.given
    }
}

impl<S> fmt::Debug for Settings<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.given.fmt(f)
    }
}

/// What may be given where the list of options says `S`: a [`Duration`] for a length of time, a number
/// for a share, and for a table its [`Settings`] or its short form.
pub trait Give<S> {
    /// As a file would write it.
    fn give(self) -> Value;
}

macro_rules! give {
    ($($from:ty => $to:ty: $given:ident => $value:expr;)+) => {$(
        impl Give<$to> for $from {
            fn give(self) -> Value {
                let $given = self;
                $value
            }
        }
    )+};
}

give! {
    bool => bool: v => Value::Bool(v);
    u32 => u32: v => Value::Integer(v.into());
    u64 => u64: v => Value::Integer(v.into());
    f64 => f64: v => Value::Float(v);
    f64 => Rate: v => Value::Float(v);
    Duration => Span: v => Value::Text(Span::from(v).to_string());
    Span => Span: v => Value::Text(v.to_string());
    &str => Name: v => Value::Text(v.to_owned());
    String => Name: v => Value::Text(v);
    bool => Scalar: v => Value::Bool(v);
    i64 => Scalar: v => Value::Integer(v.into());
    f64 => Scalar: v => Value::Float(v);
    &str => Scalar: v => Value::Text(v.to_owned());
    String => Scalar: v => Value::Text(v);
    // Short forms, as files have them.
    u32 => schema::retry::Retry: v => short("attempts", Give::<u32>::give(v));
    u32 => schema::policy::Bulkhead: v => short("limit", Give::<u32>::give(v));
    u32 => schema::breaker::HalfOpen: v => short("permits", Give::<u32>::give(v));
    Duration => schema::breaker::OpenFor: v => short("base", Give::<Span>::give(v));
    Duration => schema::breaker::SlowCall: v => short("longer_than", Give::<Span>::give(v));
    Duration => schema::policy::Timeout: v => short("attempt", Give::<Span>::give(v));
    Duration => schema::policy::Cache: v => short("ttl", Give::<Span>::give(v));
    FallbackStep => schema::policy::Fallback: v => short("chain", Give::<Vec<FallbackStep>>::give([v]));
}

fn short(option: &str, value: Value) -> Value {
    Value::Table([(option.to_owned(), value)].into())
}

impl<S, G: Give<S>> Give<Option<S>> for G {
    fn give(self) -> Value {
        Give::<S>::give(self)
    }
}

impl<S, G: Give<S>> Give<Vec<S>> for Vec<G> {
    fn give(self) -> Value {
        Value::List(self.into_iter().map(Give::<S>::give).collect())
    }
}

impl<S, G: Give<S>, const N: usize> Give<Vec<S>> for [G; N] {
    fn give(self) -> Value {
        Value::List(self.into_iter().map(Give::<S>::give).collect())
    }
}

impl<S, N: Into<String>, G: Give<S>, const LEN: usize> Give<BTreeMap<String, S>> for [(N, G); LEN] {
    fn give(self) -> Value {
        Value::Table(self.into_iter().map(|(name, value)| (name.into(), value.give())).collect())
    }
}
