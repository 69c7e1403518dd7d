//! Whole calls: a driver that follows a script.

use crate::expect::{Shown, length};
use crate::parts::show_refusal;
use crate::runner::World;
use crate::words::{Fallible, amounts, hint, outcome, span, text};
use seawall::call::{Call, CallOptions, Step, Verdict};
use seawall::outcome::Outcome;
use seawall::time::Span;
use serde_json::{Value, json};

/// What a scripted driver notes down.
#[derive(Default)]
struct Diary {
    slept: Vec<Value>,
    limits: Vec<Value>,
    queued_for: Option<Value>,
    link: Option<u32>,
    waits: u64,
}

impl World {
    pub(crate) fn call(&mut self, step: &Value, shown: &mut Shown) -> Fallible {
        for number in step.get("rand").and_then(Value::as_array).into_iter().flatten() {
            self.registry.rng().script(number.as_f64().unwrap_or_default());
        }
        let policy = self.policy_of(step);
        let options = CallOptions {
            deadline: span(step, "deadline")?,
            cached: step.get("cache").is_some(),
            estimate: amounts(step, "estimate"),
            ..CallOptions::default()
        };
        let mut diary = Diary::default();
        // A call under somebody's deadline asks: its attempts have a limit that a pass cannot know.
        let plain = ["cache", "estimate", "deadline"].iter().all(|option| step.get(option).is_none());
        let pass = if self.gate && plain { policy.pass() } else { None };
        let (mut call, next) = match pass {
            Some(pass) => {
                let began = self.registry.clock().now();
                let line = self.play(step, 1)?;
                diary.limits.push(Value::Null);
                if outcome(&line, Outcome::Success)? == Outcome::Success && line.get("cancel").is_none() {
                    policy.succeed(pass);
                    show_passed(self.registry.clock().now().since(began), diary, shown);
                    return Ok(());
                }
                // The stepper is born when the first attempt does not succeed.
                let mut call = policy.call_after_pass(pass, options);
                let next = report(&mut call, 1, &line)?;
                (call, next)
            }
            None => {
                let mut call = policy.call_with(options);
                let next = call.start();
                (call, next)
            }
        };
        let verdict = self.follow(&mut call, next, step, &mut diary)?;
        show_call(&call, verdict, diary, shown);
        Ok(())
    }

    /// Does as the stepper says, to the call's end.
    fn follow(&mut self, call: &mut Call, mut next: Step, step: &Value, diary: &mut Diary) -> Fallible<Verdict> {
        loop {
            next = match next {
                Step::Run { attempt, limit, .. } => {
                    diary.limits.push(limit.map_or(Value::Null, |span| length(span.0)));
                    let line = self.play(step, attempt)?;
                    report(call, attempt, &line)?
                }
                Step::Wait { span, .. } => {
                    if self.waits_out(Some(span), step, diary)? {
                        diary.slept.push(length(span.0));
                        call.woke()
                    } else {
                        call.cancelled(false)
                    }
                }
                Step::Queue { span, .. } => {
                    diary.queued_for = Some(span.map_or(Value::Null, |span| length(span.0)));
                    if self.waits_out(span, step, diary)? { call.woke() } else { call.cancelled(false) }
                }
                Step::LookUp { stale } => {
                    let which = if stale { "stale" } else { "fresh" };
                    call.looked_up(step["cache"][which].as_bool().unwrap_or(false))
                }
                Step::FallBack { index, .. } => {
                    diary.link = Some(index);
                    call.fell_back(step["fallback"][index as usize].as_bool().unwrap_or(true))
                }
                Step::Finish(verdict) => return Ok(verdict),
            };
        }
    }

    /// Waits as the stepper says; `false` if this is the wait in which the script's caller gives up.
    fn waits_out(&mut self, span: Option<Span>, step: &Value, diary: &mut Diary) -> Fallible<bool> {
        diary.waits += 1;
        if step.get("cancel_wait").and_then(Value::as_u64) == Some(diary.waits) {
            return Ok(false);
        }
        self.sleep(span.ok_or("the call queues without a limit and nobody leaves")?);
        Ok(true)
    }

    /// The attempt's line of the script, played up to its end.
    fn play(&mut self, step: &Value, attempt: u32) -> Fallible<Value> {
        let script = step.get("script").and_then(Value::as_array);
        let line = match script.and_then(|lines| lines.get(attempt as usize - 1)) {
            Some(line) => line.clone(),
            None if script.is_none() => json!({}),
            None => return Err(format!("the script has no attempt {attempt}")),
        };
        if let Some(steps) = line.get("during").and_then(Value::as_array) {
            self.run(steps)?;
        }
        self.sleep(span(&line, "takes")?.unwrap_or_default());
        Ok(line)
    }
}

/// What the driver says of an attempt that was played.
fn report(call: &mut Call, attempt: u32, line: &Value) -> Fallible<Step> {
    if line.get("commit").and_then(Value::as_bool).unwrap_or(false) {
        call.commit();
    }
    if line.get("cost").is_some() {
        call.settle_cost(&amounts(line, "cost"));
    }
    Ok(match text(line, "cancel") {
        Some(who) => call.cancelled(who == "deadline"),
        None => call.done(attempt, outcome(line, Outcome::Success)?, hint(line)?),
    })
}

/// A call that no stepper saw: one attempt, and it succeeded.
fn show_passed(elapsed: Span, diary: Diary, shown: &mut Shown) {
    shown.put("verdict", Verdict::Settle.as_str());
    shown.put("outcome", Outcome::Success.as_str());
    shown.put("link", Value::Null);
    shown.put("attempts", 1);
    shown.put("reason", Value::Null);
    shown.put("slept", diary.slept);
    shown.put("limits", diary.limits);
    shown.put("queued_for", Value::Null);
    shown.put_ns("elapsed", Some(elapsed.0));
    shown.put("store", false);
    shown.put("forget", false);
    shown.put("refused", Value::Null);
}

fn show_call(call: &Call, verdict: Verdict, diary: Diary, shown: &mut Shown) {
    shown.put("verdict", verdict.as_str());
    shown.put("outcome", call.last_outcome().map(|outcome| outcome.as_str()));
    shown.put("link", diary.link);
    shown.put("attempts", call.attempts());
    shown.put("reason", call.reason().map(|stop| stop.as_str()));
    shown.put("slept", diary.slept);
    shown.put("limits", diary.limits);
    shown.put("queued_for", diary.queued_for);
    shown.put_ns("elapsed", Some(call.elapsed().0));
    shown.put("store", call.should_store());
    shown.put("forget", call.should_forget());
    match call.refusal() {
        Some(refusal) => show_refusal(refusal, shown),
        None => shown.put("refused", Value::Null),
    }
}
