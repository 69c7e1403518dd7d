use crate::isolate::{Holder, isolate};
use crate::parts::{NativeSchedule, Taken};
use crate::{amounts, hint, nanos, outcome, permit, refusal_json, span};
use napi::bindgen_prelude::BigInt;
use napi_derive::napi;
use seawall::Policy;
use seawall::breaker::Control;
use seawall::budget::Cost;
use seawall::bulkhead::{Entry, Poll};
use seawall::error::Refusal;
use seawall::time::Tick;
use std::borrow::Cow;

#[napi]
pub struct NativePolicy {
    holder: Holder,
    /// What a view for one key is a view of.
    whole: Option<Policy>,
    slot: Option<u32>,
}

impl NativePolicy {
    pub(crate) fn new(policy: Policy) -> NativePolicy {
        NativePolicy { holder: Holder::Held(policy), whole: None, slot: None }
    }
    fn policy(&self) -> Cow<'_, Policy> {
        self.holder.policy()
    }
    fn release(&mut self) {
        if let Some(slot) = self.slot.take() {
            isolate(|isolate| isolate.remove(slot));
        }
    }
}

impl Drop for NativePolicy {
    fn drop(&mut self) {
        self.release();
    }
}

#[napi]
impl NativePolicy {
    /// The number that the functions of `hot` know this policy by, as long as this object lives.
    #[napi]
    pub fn slot(&mut self) -> Option<u32> {
        let holder = self.holder.clone();
        self.slot = self.slot.or_else(|| isolate(|isolate| isolate.add(holder)));
        self.slot
    }

    /// Lets the cells of this key go, if it is the view of one: its calls look for them anew.
    #[napi]
    pub fn park(&mut self) {
        let Some(whole) = &self.whole else { return };
        let key = self.policy().key().unwrap_or_default().into();
        let parked = Holder::Parked { whole: whole.clone(), key };
        if let Some(slot) = self.slot {
            isolate(|isolate| isolate.replace(slot, parked.clone()));
        }
        self.holder = parked;
    }

    #[napi(getter)]
    pub fn id(&self) -> f64 {
        self.policy().id() as f64
    }

    #[napi(getter)]
    pub fn name(&self) -> Option<String> {
        self.policy().name().map(str::to_owned)
    }

    #[napi]
    pub fn config(&self) -> String {
        self.policy().config().to_json().to_string()
    }

    #[napi]
    pub fn snapshot(&self) -> String {
        self.policy().snapshot_json()
    }

    #[napi(getter)]
    pub fn state(&self) -> Option<String> {
        self.policy().state().map(|state| state.as_str().to_owned())
    }

    #[napi]
    pub fn at(&self, key: String) -> NativePolicy {
        let whole = self.whole.clone().unwrap_or_else(|| self.policy().into_owned());
        NativePolicy { holder: Holder::Held(whole.at(&key)), whole: Some(whole), slot: None }
    }

    /// Of a view for one key: whether there was no room for its cells, as all keys are in use.
    #[napi(getter)]
    pub fn lacks_room(&self) -> bool {
        let view = self.policy();
        let lacks = |has: fn(&Policy) -> bool| self.whole.as_ref().is_some_and(|whole| has(whole) && !has(&view));
        lacks(|policy| policy.breaker().is_some()) || lacks(|policy| policy.bulkhead().is_some())
    }

    /// The refusal of who asks for a part that it does not have, as JSON.
    #[napi]
    pub fn lacks(&self, part: String) -> String {
        refusal_json(&Refusal::without(&part))
    }

    // ---- breaker ----

    #[napi]
    pub fn acquire(&self) -> Taken {
        match self.policy().acquire() {
            Ok(permit) => Taken::permit(permit.0),
            Err(refusal) => Taken::refused(refusal_json(&refusal)),
        }
    }

    #[napi]
    pub fn record(&self, of: BigInt, how: u32, took: f64, server: Option<f64>) {
        self.policy().record(permit(of), outcome(how), span(took), hint(server));
    }

    /// `amount` is a length or an instant, in nanoseconds. `false`: no breaker, or no such transition.
    #[napi]
    pub fn control(&self, to: String, amount: f64) -> bool {
        Control::named(&to, Some(span(amount))).is_some_and(|control| self.policy().control(control))
    }

    // ---- bulkhead ----

    /// `max_wait` replaces the configured one; negative waits without limit.
    #[napi]
    pub fn enter(&self, max_wait: Option<f64>) -> Taken {
        let wait = max_wait.map(|nanos| if nanos < 0.0 { None } else { Some(span(nanos)) });
        match self.policy().enter(wait) {
            Entry::Admitted(permit) => self.taken(permit.0),
            Entry::Queued { ticket, until } => {
                isolate(|isolate| isolate.holds_ticket(&self.policy(), ticket));
                Taken::ticket(ticket, until.map(|until| self.left(until)))
            }
            Entry::Refused(refusal) => Taken::refused(refusal_json(&refusal)),
        }
    }

    #[napi]
    pub fn poll(&self, ticket: f64) -> Taken {
        let looked = self.policy().poll(ticket as u64);
        if !matches!(looked, Poll::Waiting { .. }) {
            isolate(|isolate| isolate.gave_ticket(ticket as u64));
        }
        match looked {
            Poll::Admitted(permit) => self.taken(permit.0),
            Poll::Waiting { until } => Taken::ticket(ticket as u64, until.map(|until| self.left(until))),
            Poll::Refused(refusal) => Taken::refused(refusal_json(&refusal)),
        }
    }

    #[napi]
    pub fn abandon(&self, ticket: f64) -> Vec<f64> {
        isolate(|isolate| isolate.gave_ticket(ticket as u64));
        numbers(self.policy().abandon(ticket as u64))
    }

    #[napi]
    pub fn leave(&self, of: BigInt) -> Vec<f64> {
        let of = permit(of);
        isolate(|isolate| isolate.gave_permit(&self.policy(), of.0));
        numbers(self.policy().leave(of))
    }

    #[napi]
    pub fn resize(&self, limit: u32) -> Option<Vec<f64>> {
        self.policy().resize(limit).ok().map(numbers)
    }

    /// A permit in the caller's hands: given back at the latest when its thread ends.
    fn taken(&self, permit: u64) -> Taken {
        isolate(|isolate| isolate.holds_permit(&self.policy(), permit));
        Taken::permit(permit)
    }

    fn left(&self, until: Tick) -> f64 {
        nanos(self.policy().registry().clock().now().until(until))
    }

    // ---- retry, budgets ----

    #[napi]
    pub fn schedule(&self) -> Option<NativeSchedule> {
        self.policy().schedule().map(NativeSchedule)
    }

    #[napi]
    pub fn budget_begin(&self) {
        if let Some(budget) = self.policy().budget().cloned() {
            self.policy().with(|cx| budget.begin(cx));
        }
    }

    #[napi]
    pub fn budget_end(&self) {
        if let Some(budget) = self.policy().budget().cloned() {
            self.policy().with(|cx| budget.end(cx));
        }
    }

    /// What a retry after this outcome costs, once paid; nothing if the budget denies it.
    #[napi]
    pub fn budget_withdraw(&self, how: u32) -> Option<u32> {
        let budget = self.policy().budget().cloned()?;
        self.policy().with(|cx| budget.withdraw(outcome(how), cx)).map(|Cost(cost)| cost)
    }

    #[napi]
    pub fn budget_retry_end(&self, cost: u32) {
        if let Some(budget) = self.policy().budget().cloned() {
            self.policy().with(|cx| budget.retry_end(Cost(cost), cx));
        }
    }

    #[napi]
    pub fn budget_success(&self, last_cost: Option<u32>) {
        if let Some(budget) = self.policy().budget().cloned() {
            self.policy().with(|cx| budget.success(last_cost.map(Cost), cx));
        }
    }

    #[napi(getter)]
    pub fn has_budget(&self) -> bool {
        self.policy().budget().is_some()
    }

    /// Sets amounts aside in every cost budget that the policy has.
    #[napi]
    pub fn reserve(&self, estimate: String) -> crate::parts::NativeReservation {
        crate::parts::NativeReservation::take(&self.policy(), &amounts(Some(estimate)))
    }
}

pub(crate) fn numbers(wakes: Vec<u64>) -> Vec<f64> {
    wakes.into_iter().map(|ticket| ticket as f64).collect()
}
