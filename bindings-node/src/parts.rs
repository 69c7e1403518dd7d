use crate::{amounts, hint, nanos, outcome, refusal_json, span};
use napi::bindgen_prelude::BigInt;
use napi_derive::napi;
use seawall::cost::{CostBudget, Reservation};
use seawall::retry::Next;
use seawall::{Policy, RetrySchedule};
use std::sync::Arc;

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

#[napi]
pub struct NativeReservation {
    policy: Policy,
    budget: Arc<CostBudget>,
    held: Option<Reservation>,
    refusal: Option<String>,
}

#[napi]
impl NativeReservation {
    pub(crate) fn take(policy: &Policy, estimate: &[(String, u64)]) -> Option<Self> {
        let budget = policy.costs().first()?.clone();
        let given: Vec<(&str, u64)> = estimate.iter().map(|(name, n)| (name.as_str(), *n)).collect();
        let taken = policy.host_refusal().map_or_else(|| policy.with(|cx| budget.reserve(&given, cx)), Err);
        let (held, refusal) = match taken {
            Ok(held) => (Some(held), None),
            Err(refusal) => (None, Some(refusal_json(&refusal))),
        };
        Some(NativeReservation { policy: policy.clone(), budget, held, refusal })
    }

    #[napi(getter)]
    pub fn refusal(&self) -> Option<String> {
        self.refusal.clone()
    }

    #[napi]
    pub fn settle(&mut self, actual: String) {
        let Some(held) = self.held.take() else { return };
        let actual = amounts(Some(actual));
        let given: Vec<(&str, u64)> = actual.iter().map(|(name, n)| (name.as_str(), *n)).collect();
        self.policy.with(|cx| self.budget.settle(held, &given, cx));
    }

    #[napi]
    pub fn give_back(&mut self) {
        if let Some(held) = self.held.take() {
            self.policy.with(|cx| self.budget.give_back(held, cx));
        }
    }
}
