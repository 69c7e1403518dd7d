use crate::{amounts, hint, nanos, outcome, refusal_json, span};
use napi::bindgen_prelude::BigInt;
use napi_derive::napi;
use seawall::retry::Next;
use seawall::{Policy, Reserved, RetrySchedule};

/// What a door answered: a permit, a place in the queue, or a refusal as JSON.
#[napi(object)]
pub struct Taken {
    pub permit: Option<BigInt>,
    pub ticket: Option<f64>,
    /// How long the ticket may wait, in nanoseconds.
    pub left: Option<f64>,
    pub refusal: Option<String>,
}

impl Taken {
    pub(crate) fn permit(permit: u64) -> Taken {
        Taken { permit: Some(permit.into()), ticket: None, left: None, refusal: None }
    }
    pub(crate) fn ticket(ticket: u64, left: Option<f64>) -> Taken {
        Taken { permit: None, ticket: Some(ticket as f64), left, refusal: None }
    }
    pub(crate) fn refused(refusal: String) -> Taken {
        Taken { permit: None, ticket: None, left: None, refusal: Some(refusal) }
    }
}

#[napi]
pub struct NativeSchedule(pub(crate) RetrySchedule);

/// The wait before the next attempt in nanoseconds, or why there is none.
#[napi(object)]
pub struct NextObject {
    pub delay: Option<f64>,
    pub stop: Option<String>,
}

#[napi]
impl NativeSchedule {
    #[napi]
    pub fn next(&mut self, how: u32, server: Option<f64>, elapsed: Option<f64>) -> NextObject {
        match self.0.next(outcome(how), hint(server), elapsed.map(span)) {
            Next::After(span) => NextObject { delay: Some(nanos(span)), stop: None },
            Next::Stop(stop) => NextObject { delay: None, stop: Some(stop.as_str().to_owned()) },
        }
    }
}

/// Amounts that are set aside, or why not, as JSON.
#[napi]
pub struct NativeReservation {
    held: Option<Reserved>,
    refusal: Option<String>,
}

#[napi]
impl NativeReservation {
    pub(crate) fn take(policy: &Policy, estimate: &[(String, u64)]) -> Self {
        match policy.reserve(estimate) {
            Ok(held) => NativeReservation { held: Some(held), refusal: None },
            Err(refusal) => NativeReservation { held: None, refusal: Some(refusal_json(&refusal)) },
        }
    }

    #[napi(getter)]
    pub fn refusal(&self) -> Option<String> {
        self.refusal.clone()
    }

    #[napi]
    pub fn settle(&mut self, actual: String) {
        if let Some(mut held) = self.held.take() {
            held.settle(&amounts(Some(actual)));
        }
    }

    #[napi]
    pub fn give_back(&mut self) {
        self.held = None;
    }
}
