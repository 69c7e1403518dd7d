use crate::call::{NativeCall, options};
use crate::parts::{NativeSchedule, Taken};
use crate::{amounts, hint, nanos, outcome, permit, refusal_json, span};
use napi::bindgen_prelude::BigInt;
use napi_derive::napi;
use seawall::breaker::Control;
use seawall::budget::Cost;
use seawall::bulkhead::{Entry, Poll};
use seawall::time::Tick;
use seawall::{Pass, Policy};

#[napi]
pub struct NativePolicy(pub(crate) Policy);

/// Permission to run without asking.
#[napi(object)]
pub struct NativePass {
    pub permit: BigInt,
    pub started: BigInt,
}

#[napi]
impl NativePolicy {
    #[napi(getter)]
    pub fn id(&self) -> f64 {
        self.0.id() as f64
    }

    #[napi(getter)]
    pub fn name(&self) -> Option<String> {
        self.0.name().map(str::to_owned)
    }

    #[napi]
    pub fn config(&self) -> String {
        self.0.config().to_json().to_string()
    }

    #[napi]
    pub fn snapshot(&self) -> String {
        self.0.snapshot_json()
    }

    #[napi(getter)]
    pub fn state(&self) -> Option<String> {
        self.0.state().map(|state| state.as_str().to_owned())
    }

    #[napi]
    pub fn at(&self, key: String) -> NativePolicy {
        NativePolicy(self.0.at(&key))
    }

    #[napi]
    pub fn pass(&self) -> Option<NativePass> {
        self.0.pass().map(|pass| NativePass { permit: pass.permit.into(), started: pass.started.into() })
    }

    #[napi]
    pub fn succeed(&self, pass: NativePass) -> bool {
        self.0.succeed(read(pass))
    }

    #[napi]
    pub fn call(&self, deadline: Option<f64>, cached: bool, estimate: Option<String>) -> NativeCall {
        NativeCall::new(self.0.call_with(options(deadline, cached, estimate)))
    }

    #[napi]
    pub fn call_after_pass(&self, pass: NativePass) -> NativeCall {
        NativeCall::new(self.0.call_after_pass(read(pass), options(None, false, None)))
    }

    // ---- breaker ----

    #[napi]
    pub fn acquire(&self) -> Taken {
        match self.0.acquire() {
            Ok(permit) => Taken::permit(permit.0),
            Err(refusal) => Taken::refused(refusal_json(&refusal)),
        }
    }

    #[napi]
    pub fn record(&self, of: BigInt, how: u32, took: f64, server: Option<f64>) {
        self.0.record(permit(of), outcome(how), span(took), hint(server));
    }

    /// `amount` is a length or an instant, in nanoseconds. `false`: no breaker, or no such transition.
    #[napi]
    pub fn control(&self, to: String, amount: f64) -> bool {
        let control = match to.as_str() {
            "open" => Control::Open,
            "open_for" => Control::OpenFor(span(amount)),
            "open_until" => Control::OpenUntil(Tick(span(amount).0)),
            "half_open" => Control::HalfOpen,
            "close" => Control::Close,
            "force_open" => Control::ForceOpen,
            "disable" => Control::Disable,
            "metrics_only" => Control::MetricsOnly,
            "reset" => Control::Reset,
            _ => return false,
        };
        self.0.control(control)
    }

    // ---- bulkhead ----

    /// `max_wait` replaces the configured one; negative waits without limit.
    #[napi]
    pub fn enter(&self, max_wait: Option<f64>) -> Taken {
        let wait = max_wait.map(|nanos| if nanos < 0.0 { None } else { Some(span(nanos)) });
        match self.0.enter(wait) {
            Entry::Admitted(permit) => Taken::permit(permit.0),
            Entry::Queued { ticket, until } => Taken::ticket(ticket, until.map(|until| self.left(until))),
            Entry::Refused(refusal) => Taken::refused(refusal_json(&refusal)),
        }
    }

    #[napi]
    pub fn poll(&self, ticket: f64) -> Taken {
        match self.0.poll(ticket as u64) {
            Poll::Admitted(permit) => Taken::permit(permit.0),
            Poll::Waiting { until } => Taken::ticket(ticket as u64, until.map(|until| self.left(until))),
            Poll::Refused(refusal) => Taken::refused(refusal_json(&refusal)),
        }
    }

    #[napi]
    pub fn abandon(&self, ticket: f64) -> Vec<f64> {
        numbers(self.0.abandon(ticket as u64))
    }

    #[napi]
    pub fn leave(&self, of: BigInt) -> Vec<f64> {
        numbers(self.0.leave(permit(of)))
    }

    #[napi]
    pub fn resize(&self, limit: u32) -> Vec<f64> {
        numbers(self.0.resize(limit))
    }

    fn left(&self, until: Tick) -> f64 {
        nanos(self.0.registry().clock().now().until(until))
    }

    // ---- retry, budgets ----

    #[napi]
    pub fn schedule(&self) -> Option<NativeSchedule> {
        self.0.schedule().map(NativeSchedule)
    }

    #[napi]
    pub fn budget_begin(&self) {
        if let Some(budget) = self.0.budget().cloned() {
            self.0.with(|cx| budget.begin(cx));
        }
    }

    #[napi]
    pub fn budget_end(&self) {
        if let Some(budget) = self.0.budget().cloned() {
            self.0.with(|cx| budget.end(cx));
        }
    }

    /// What a retry after this outcome costs, once paid; nothing if the budget denies it.
    #[napi]
    pub fn budget_withdraw(&self, how: u32) -> Option<u32> {
        let budget = self.0.budget().cloned()?;
        self.0.with(|cx| budget.withdraw(outcome(how), cx)).map(|Cost(cost)| cost)
    }

    #[napi]
    pub fn budget_retry_end(&self, cost: u32) {
        if let Some(budget) = self.0.budget().cloned() {
            self.0.with(|cx| budget.retry_end(Cost(cost), cx));
        }
    }

    #[napi]
    pub fn budget_success(&self, last_cost: Option<u32>) {
        if let Some(budget) = self.0.budget().cloned() {
            self.0.with(|cx| budget.success(last_cost.map(Cost), cx));
        }
    }

    /// Reserves of the first cost budget that the policy has.
    #[napi]
    pub fn reserve(&self, estimate: String) -> Option<crate::parts::NativeReservation> {
        crate::parts::NativeReservation::take(&self.0, &amounts(Some(estimate)))
    }
}

fn read(pass: NativePass) -> Pass {
    Pass { permit: pass.permit.get_u64().1, started: pass.started.get_u64().1 }
}

pub(crate) fn numbers(wakes: Vec<u64>) -> Vec<f64> {
    wakes.into_iter().map(|ticket| ticket as f64).collect()
}
