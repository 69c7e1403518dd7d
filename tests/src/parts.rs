//! Steps that work on one part: permits, schedule, budget, queue, costs.

use crate::expect::Shown;
use crate::runner::World;
use crate::words::{Fallible, amounts, hint, nanos, need, outcome, span, text, times};
use seawall::breaker::Control;
use seawall::budget::Cost;
use seawall::bulkhead::{Entry, Poll};
use seawall::error::Refusal;
use seawall::outcome::Outcome;
use seawall::permit::Permit;
use seawall::retry::Next;
use seawall::time::Span;
use seawall::{Policy, Reserved, RetrySchedule};
use serde_json::Value;
use std::collections::{HashMap, VecDeque};

/// What the steps of a vector have named.
#[derive(Default)]
pub(crate) struct Names {
    permits: HashMap<String, Permit>,
    tickets: Vec<(String, u64)>,
    slots: HashMap<String, Permit>,
    reservations: HashMap<String, Reserved>,
    schedule: Option<RetrySchedule>,
    retries: VecDeque<Cost>,
    last_cost: Option<Cost>,
}

pub(crate) fn show_refusal(refusal: &Refusal, shown: &mut Shown) {
    shown.put("refused", refusal.code.as_str());
    shown.put_ns("retry_after", refusal.retry_after.map(|span| span.0));
}

impl World {
    pub(crate) fn part(&mut self, word: &str, step: &Value, shown: &mut Shown) -> Fallible {
        let policy = self.policy_of(step);
        match word {
            "acquire" => self.acquire(&policy, step, shown),
            "record" => self.record(&policy, step),
            "run" => self.run_times(&policy, step, shown),
            "control" => control(&policy, step),
            "next_delay" => self.next_delay(&policy, step, shown),
            "begin" | "end" | "withdraw" | "retry_end" | "succeed" => self.budget(&policy, word, step, shown),
            "enter" | "leave" | "cancel" | "poll" | "resize" => self.bulkhead(&policy, word, step, shown),
            "reserve" | "settle" | "give_back" => self.cost(&policy, word, step, shown),
            other => Err(format!("`{other}` is no step")),
        }
    }

    fn acquire(&mut self, policy: &Policy, step: &Value, shown: &mut Shown) -> Fallible {
        match policy.acquire() {
            Ok(permit) => {
                shown.put("permitted", true);
                if let Some(name) = text(step, "as") {
                    self.names.permits.insert(name.to_owned(), permit);
                }
            }
            Err(refusal) => {
                shown.put("permitted", false);
                show_refusal(&refusal, shown);
            }
        }
        Ok(())
    }

    fn record(&mut self, policy: &Policy, step: &Value) -> Fallible {
        let name = need(step, "of")?;
        let permit = *self.names.permits.get(name).ok_or_else(|| format!("no permit `{name}`"))?;
        let took = span(step, "took")?.unwrap_or_default();
        policy.record(permit, outcome(step, Outcome::Success)?, took, hint(step)?);
        Ok(())
    }

    /// Takes the pass path where the gate is on and says so, as a driver would.
    fn run_times(&mut self, policy: &Policy, step: &Value, shown: &mut Shown) -> Fallible {
        let (outcome, took) = (outcome(step, Outcome::Success)?, span(step, "took")?.unwrap_or_default());
        let mut permitted = 0u64;
        for _ in 0..times(step) {
            let pass = if self.gate { policy.pass() } else { None };
            let permit = match pass {
                Some(pass) if outcome == Outcome::Success && took == Span::ZERO => {
                    policy.succeed(pass);
                    permitted += 1;
                    continue;
                }
                Some(pass) => Permit(pass.permit),
                None => match policy.acquire() {
                    Ok(permit) => permit,
                    Err(refusal) => {
                        show_refusal(&refusal, shown);
                        continue;
                    }
                },
            };
            permitted += 1;
            policy.record(permit, outcome, took, hint(step)?);
        }
        shown.put("permitted", permitted);
        Ok(())
    }

    fn next_delay(&mut self, policy: &Policy, step: &Value, shown: &mut Shown) -> Fallible {
        if let Some(rand) = step.get("rand").and_then(Value::as_f64) {
            self.registry.rng().script(rand);
        }
        if self.names.schedule.is_none() {
            self.names.schedule = Some(policy.schedule().ok_or("the policy has no retry part")?);
        }
        let schedule = self.names.schedule.as_mut().ok_or("no schedule")?;
        match schedule.next(outcome(step, Outcome::Failure)?, hint(step)?, span(step, "elapsed")?) {
            Next::After(span) => shown.put_ns("delay", Some(span.0)),
            Next::Stop(stop) => shown.put("stop", stop.as_str()),
        }
        Ok(())
    }

    fn budget(&mut self, policy: &Policy, word: &str, step: &Value, shown: &mut Shown) -> Fallible {
        let budget = policy.budget().cloned().ok_or("the policy has no retry budget")?;
        let outcome = outcome(step, Outcome::Failure)?;
        let mut granted = 0u64;
        for _ in 0..times(step) {
            match word {
                "begin" => policy.with(|cx| budget.begin(cx)),
                "end" => policy.with(|cx| budget.end(cx)),
                "withdraw" => {
                    if let Some(cost) = policy.with(|cx| budget.withdraw(outcome, cx)) {
                        self.names.retries.push_back(cost);
                        self.names.last_cost = Some(cost);
                        granted += 1;
                    }
                }
                "retry_end" => {
                    let cost = self.names.retries.pop_front().ok_or("no retry is running")?;
                    policy.with(|cx| budget.retry_end(cost, cx));
                }
                _ => {
                    let after_retry = step.get("after_retry").and_then(Value::as_bool).unwrap_or(false);
                    let last = self.names.last_cost.filter(|_| after_retry);
                    policy.with(|cx| budget.success(last, cx));
                }
            }
        }
        if word == "withdraw" {
            shown.put("granted", granted);
        }
        Ok(())
    }

    fn bulkhead(&mut self, policy: &Policy, word: &str, step: &Value, shown: &mut Shown) -> Fallible {
        let wakes = match word {
            "enter" => {
                let wait = match text(step, "max_wait") {
                    Some("none") => Some(None),
                    Some(words) => Some(Some(Span(nanos(words)?.max(0) as u64))),
                    None => None,
                };
                let name = need(step, "as")?.to_owned();
                match policy.enter(wait) {
                    Entry::Admitted(permit) => {
                        self.names.slots.insert(name, permit);
                        shown.put("result", "admitted");
                    }
                    Entry::Queued { ticket, .. } => {
                        self.names.tickets.push((name, ticket));
                        shown.put("result", "queued");
                    }
                    Entry::Refused(refusal) => shown.put("result", refusal.code.as_str()),
                }
                return Ok(());
            }
            "poll" => return self.poll(policy, need(step, "of")?, shown),
            "leave" => {
                let name = need(step, "of")?;
                let permit = *self.names.slots.get(name).ok_or_else(|| format!("`{name}` is not inside"))?;
                policy.leave(permit)
            }
            "cancel" => {
                let name = need(step, "of")?;
                let ticket = self.ticket(name)?;
                self.names.tickets.retain(|(own, _)| own != name);
                policy.abandon(ticket)
            }
            _ => {
                let limit = step.get("limit").and_then(Value::as_u64).ok_or("no `limit`")?;
                policy.resize(limit as u32).map_err(|why| why.to_string())?
            }
        };
        let mut admitted = Vec::new();
        for woken in wakes {
            let name = self.names.tickets.iter().find(|(_, ticket)| *ticket == woken).map(|(name, _)| name.clone());
            let name = name.ok_or("a ticket was woken that nobody holds")?;
            if let Poll::Admitted(permit) = policy.poll(woken) {
                self.names.tickets.retain(|(own, _)| *own != name);
                self.names.slots.insert(name.clone(), permit);
                admitted.push(Value::from(name));
            }
        }
        shown.put("admitted", admitted);
        Ok(())
    }

    fn poll(&mut self, policy: &Policy, name: &str, shown: &mut Shown) -> Fallible {
        match policy.poll(self.ticket(name)?) {
            Poll::Admitted(permit) => {
                self.names.slots.insert(name.to_owned(), permit);
                shown.put("result", "admitted");
            }
            Poll::Waiting { .. } => shown.put("result", "waiting"),
            Poll::Refused(refusal) => shown.put("result", refusal.code.as_str()),
        }
        Ok(())
    }

    fn ticket(&self, name: &str) -> Fallible<u64> {
        let found = self.names.tickets.iter().find(|(own, _)| own == name);
        found.map(|(_, ticket)| *ticket).ok_or_else(|| format!("`{name}` does not wait"))
    }

    fn cost(&mut self, policy: &Policy, word: &str, step: &Value, shown: &mut Shown) -> Fallible {
        let given = amounts(step, "amounts");
        if word == "reserve" {
            match policy.reserve(&given) {
                Ok(reserved) => {
                    self.names.reservations.insert(need(step, "as")?.to_owned(), reserved);
                    shown.put("result", "ok");
                }
                Err(refusal) => {
                    shown.put("result", refusal.code.as_str());
                    show_refusal(&refusal, shown);
                }
            }
            return Ok(());
        }
        let name = need(step, "of")?;
        let mut reserved = self.names.reservations.remove(name).ok_or_else(|| format!("`{name}` holds nothing"))?;
        if word == "settle" && !reserved.settle(&given) {
            return Err(format!("`{name}` was settled before"));
        }
        Ok(())
    }
}

fn control(policy: &Policy, step: &Value) -> Fallible {
    let (to, amount) = (need(step, "to")?, span(step, "for")?.or(span(step, "until")?));
    let control = Control::named(to, amount).ok_or_else(|| format!("`{to}` is no transition, or lacks its amount"))?;
    if policy.control(control) { Ok(()) } else { Err("the policy has no breaker".into()) }
}
