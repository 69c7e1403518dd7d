use crate::policy::numbers;
use crate::{amounts, hint, nanos, outcome, refusal_json, span};
use napi_derive::napi;
use seawall::call::{Call, CallOptions, Step};

#[napi]
pub struct NativeCall(Call);

/// One step of a call: `kind` says which of the other fields are there.
#[napi(object)]
pub struct StepObject {
    /// `run`, `wait`, `queue`, `look_up`, `fall_back` or `finish`.
    pub kind: String,
    pub attempt: Option<u32>,
    /// The limit of an attempt or a fallback, or the length of a wait, in nanoseconds.
    pub span: Option<f64>,
    pub outcome: Option<u32>,
    pub ticket: Option<f64>,
    pub stale: Option<bool>,
    pub index: Option<u32>,
    pub link: Option<String>,
    pub verdict: Option<String>,
    /// Tickets of other callers to wake.
    pub wakes: Vec<f64>,
}

pub(crate) fn options(deadline: Option<f64>, cached: bool, estimate: Option<String>) -> CallOptions {
    CallOptions { deadline: deadline.map(span), cached, estimate: amounts(estimate), ..CallOptions::default() }
}

#[napi]
impl NativeCall {
    pub(crate) fn new(call: Call) -> Self {
        NativeCall(call)
    }

    #[napi]
    pub fn start(&mut self) -> StepObject {
        let step = self.0.start();
        self.shown(step)
    }

    #[napi]
    pub fn done(&mut self, attempt: u32, how: u32, server: Option<f64>) -> StepObject {
        let step = self.0.done(attempt, outcome(how), hint(server));
        self.shown(step)
    }

    #[napi]
    pub fn expire(&mut self, attempt: u32) -> StepObject {
        let step = self.0.expire(attempt);
        self.shown(step)
    }

    #[napi]
    pub fn woke(&mut self) -> StepObject {
        let step = self.0.woke();
        self.shown(step)
    }

    #[napi]
    pub fn cancelled(&mut self, by_deadline: bool) -> StepObject {
        let step = self.0.cancelled(by_deadline);
        self.shown(step)
    }

    #[napi]
    pub fn looked_up(&mut self, hit: bool) -> StepObject {
        let step = self.0.looked_up(hit);
        self.shown(step)
    }

    #[napi]
    pub fn fell_back(&mut self, ok: bool) -> StepObject {
        let step = self.0.fell_back(ok);
        self.shown(step)
    }

    #[napi]
    pub fn commit(&mut self) {
        self.0.commit();
    }

    #[napi]
    pub fn error_type(&mut self, name: String) {
        self.0.error_type(&name);
    }

    #[napi]
    pub fn settle_cost(&mut self, actual: String) {
        self.0.settle_cost(&amounts(Some(actual)));
    }

    #[napi(getter)]
    pub fn attempts(&self) -> u32 {
        self.0.attempts()
    }

    #[napi(getter)]
    pub fn elapsed(&self) -> f64 {
        nanos(self.0.elapsed())
    }

    #[napi(getter)]
    pub fn remaining(&self) -> Option<f64> {
        self.0.remaining().map(nanos)
    }

    #[napi(getter)]
    pub fn reason(&self) -> Option<String> {
        self.0.reason().map(|stop| stop.as_str().to_owned())
    }

    #[napi(getter)]
    pub fn refusal(&self) -> Option<String> {
        self.0.refusal().map(refusal_json)
    }

    #[napi(getter)]
    pub fn last_outcome(&self) -> Option<String> {
        self.0.last_outcome().map(|outcome| outcome.as_str().to_owned())
    }

    #[napi(getter)]
    pub fn should_store(&self) -> bool {
        self.0.should_store()
    }

    #[napi(getter)]
    pub fn should_forget(&self) -> bool {
        self.0.should_forget()
    }

    #[napi(getter)]
    pub fn slow(&self) -> Option<f64> {
        self.0.slow().map(nanos)
    }

    fn shown(&mut self, step: Step) -> StepObject {
        let mut shown = StepObject {
            kind: String::new(),
            attempt: None,
            span: None,
            outcome: None,
            ticket: None,
            stale: None,
            index: None,
            link: None,
            verdict: None,
            wakes: numbers(self.0.take_wakes()),
        };
        let kind = match step {
            Step::Run { attempt, limit, .. } => {
                shown.attempt = Some(attempt);
                shown.span = limit.map(nanos);
                "run"
            }
            Step::Wait { span, attempt, outcome } => {
                shown.span = Some(nanos(span));
                shown.attempt = Some(attempt);
                shown.outcome = Some(outcome as u32);
                "wait"
            }
            Step::Queue { ticket, span } => {
                shown.ticket = Some(ticket as f64);
                shown.span = span.map(nanos);
                "queue"
            }
            Step::LookUp { stale } => {
                shown.stale = Some(stale);
                "look_up"
            }
            Step::FallBack { index, step, limit } => {
                shown.index = Some(index);
                shown.link = Some(step.as_str().to_owned());
                shown.span = limit.map(nanos);
                "fall_back"
            }
            Step::Finish(verdict) => {
                shown.verdict = Some(verdict.as_str().to_owned());
                "finish"
            }
        };
        shown.kind = kind.to_owned();
        shown
    }
}
