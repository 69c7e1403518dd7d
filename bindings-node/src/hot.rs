//! The steps of a call as functions of numbers: what every protected call crosses, if it must.

use crate::desk;
use crate::isolate::{Holder, Isolate, Slot};
use crate::raw::{Answer, Arguments, Entry, Mail, View};
use crate::{amounts, hint, nanos, outcome, refusal_json, span};
use seawall::call::{Call, CallOptions, Step, Verdict};
use seawall::outcome::{Hint, Outcome};
use seawall::{Admission, Pass, Policy};
use std::fmt::Write;

/// The places of the mailbox; `lib/hot.ts` has the same list.
pub(crate) mod place {
    pub const CALL: usize = 0;
    pub const ATTEMPT: usize = 1;
    /// The limit of an attempt or a fallback, or the length of a wait, in nanoseconds; NaN without.
    pub const SPAN: usize = 2;
    /// Of a wait the outcome before it, the ticket, whether stale will do, the link, the verdict.
    pub const WHAT: usize = 3;
    pub const INDEX: usize = 4;
    /// Whether others are to be woken.
    pub const WAKES: usize = 5;
    /// How long a slow attempt took, NaN if it was not.
    pub const SLOW: usize = 6;
    /// 1: the value is to be kept, 2: the key's value is to be forgotten.
    pub const KEEP: usize = 7;
    /// The loan that the place of an admitted call is of, NaN if it has none.
    pub const LOAN: usize = 6;
    /// Where the gate of the policy is now, 0 without a breaker.
    pub const ADDRESS: usize = 8;
    pub const PERMIT: usize = 9;
    pub const STARTED: usize = 10;
    pub const RETRY_AFTER: usize = 11;
    pub const STATE: usize = 12;
    /// When the limit of an attempt is over, by the clock of the registry.
    pub const ENDS_AT: usize = 14;
    /// Whether the clock stands still until it is told to move.
    pub const MANUAL: usize = 15;
    /// Of a view: where the tally is, in words of 32 bits.
    pub const TALLY: usize = 13;
    /// Of a view: how long a first attempt may run, in nanoseconds; NaN without a limit.
    pub const LIMIT: usize = 14;
}
use place::*;

pub(crate) const ENTRIES: [(&str, Entry); 27] = [
    ("admit", admit),
    ("dismiss", dismiss),
    ("fail", fail),
    ("succeed", succeed),
    ("lapse", lapse),
    ("handBack", |isolate, _, given| {
        isolate.hand_back(given.number(0), given.number(1));
        Answer::Number(isolate.keep_wakes(Vec::new()))
    }),
    ("loan", |isolate, _, given| {
        isolate.loans.get(given.number(0)).map_or(Answer::Nothing, |loan| Answer::View(View::of_loan(loan)))
    }),
    ("desk", desk::desk),
    ("standing", desk::standing),
    ("leftLate", desk::left_late),
    ("stranded", |isolate, _, _| Answer::Text(format!("{:?}", std::mem::take(&mut isolate.wakes)))),
    ("errorType", error_type),
    ("view", view),
    ("refuse", refuse),
    ("open", open),
    ("done", |isolate, mail, given| {
        let report = Report::of(given, 2);
        let Some(call) = isolate.calls.get_mut(given.number(0)) else { return Answer::Nothing };
        let step = report.done(call, given.number(1), &isolate.names);
        ended(isolate, mail, given.number(0), Some(step), &report)
    }),
    ("expire", |isolate, mail, given| next(isolate, mail, given, |call| call.expire(given.number(1)))),
    ("woke", |isolate, mail, given| next(isolate, mail, given, Call::woke)),
    ("cancelled", |isolate, mail, given| next(isolate, mail, given, |call| call.cancelled(given.number(1) != 0))),
    ("lookedUp", |isolate, mail, given| next(isolate, mail, given, |call| call.looked_up(given.number(1) != 0))),
    ("fellBack", |isolate, mail, given| next(isolate, mail, given, |call| call.fell_back(given.number(1) != 0))),
    ("commit", |isolate, _, given| with(isolate, given, |call| call.commit())),
    ("settleCost", |isolate, _, given| with(isolate, given, |call| call.settle_cost(&amounts(given.text())))),
    ("remaining", |isolate, _, given| {
        let left = isolate.calls.get(given.number(0)).and_then(|call| call.remaining());
        Answer::Real(left.map_or(f64::NAN, nanos))
    }),
    ("wakes", wakes),
    ("info", info),
    ("release", |isolate, _, given| {
        drop(isolate.calls.take(given.number(0)));
        Answer::Nothing
    }),
];

/// How an attempt ended: outcome, the server's wish, the number of the error's class or NaN, and
/// whether the call is to be kept when it is over, for those who want to know more.
struct Report {
    outcome: Outcome,
    hint: Option<Hint>,
    error_type: u32,
    keep: bool,
}

impl Report {
    fn of(given: &Arguments<'_>, first: usize) -> Report {
        let wish = given.real(first + 1);
        Report {
            outcome: outcome(given.number(first)),
            hint: hint((!wish.is_nan()).then_some(wish)),
            keep: given.number(first + 2) != 0,
            error_type: given.number(first + 3),
        }
    }

    fn name<'a>(&self, names: &'a [Box<str>]) -> Option<&'a str> {
        names.get(self.error_type as usize).map(|name| &**name)
    }

    fn done(&self, call: &mut Call, attempt: u32, names: &[Box<str>]) -> Step {
        if let Some(name) = self.name(names) {
            call.error_type(name);
        }
        call.done(attempt, self.outcome, self.hint)
    }
}

/// `errorType(text)`: the number that reports name this class of errors by, as long as the thread lives.
fn error_type(isolate: &mut Isolate, _: &Mail, given: &Arguments<'_>) -> Answer {
    let Some(name) = given.text() else { return Answer::Nothing };
    isolate.names.push(name.into());
    Answer::Number(isolate.names.len() as u32 - 1)
}

fn told(nanos: f64) -> Option<f64> {
    (!nanos.is_nan()).then_some(nanos)
}

fn address(policy: &Policy) -> f64 {
    policy.breaker().map_or(0, |breaker| std::ptr::from_ref(breaker.gate()).addr()) as f64
}

/// What `admit` answers.
mod may {
    pub const STEP: u32 = 0;
    pub const RUN: u32 = 1;
    pub const NEVER: u32 = 2;
    /// Stepped, unless the gate passes and its limit is kept by whoever runs it.
    pub const LIMITED: u32 = 3;
}

/// `admit(policy)`: whether the call may run without being stepped; what it then holds is in the
/// mailbox, and goes back once, by `dismiss` or `fail`; a place also by itself.
fn admit(isolate: &mut Isolate, mail: &Mail, given: &Arguments<'_>) -> Answer {
    let slot = given.number(0);
    // Who looks for its key with each call has no loan to keep.
    let Some(Slot { holder: Holder::Held(policy), .. }) = isolate.policies.get(slot) else {
        return Answer::Number(may::STEP);
    };
    let Some(admission) = policy.admit() else {
        mail.put(ADDRESS, address(policy));
        return Answer::Number(match policy.may_admit() {
            true => may::STEP,
            false if policy.limited_overlay().is_some() => may::LIMITED,
            false => may::NEVER,
        });
    };
    mail.put(PERMIT, admission.pass.permit as f64);
    mail.put(STARTED, admission.pass.started as f64);
    mail.put(ADDRESS, address(policy));
    let loan = if admission.placed { isolate.keep_place(slot, admission) } else { None };
    mail.put(LOAN, loan.map_or(f64::NAN, f64::from));
    Answer::Number(may::RUN)
}

/// The admission that a function was given after its policy; the place comes last, by its loan.
fn admitted(isolate: &mut Isolate, given: &Arguments<'_>, loan: usize) -> Admission {
    isolate.hand_over(given.number(loan), Admission::of(pass(given)))
}

/// `dismiss(policy, permit, started, loan)`: an admitted call has succeeded. Whether others are to be woken.
fn dismiss(isolate: &mut Isolate, _: &Mail, given: &Arguments<'_>) -> Answer {
    let admission = admitted(isolate, given, 3);
    let Some(policy) = isolate.policy(given.number(0)) else { return Answer::Nothing };
    let wakes = policy.dismiss(admission);
    Answer::Number(isolate.keep_wakes(wakes))
}

/// `fail(policy, permit, started, committed, outcome, hint, keep, errorType, loan)`: an admitted call has
/// ended otherwise. It goes on with a step, or is over.
fn fail(isolate: &mut Isolate, mail: &Mail, given: &Arguments<'_>) -> Answer {
    let admission = admitted(isolate, given, 8);
    let Some(policy) = isolate.policy(given.number(0)) else { return Answer::Nothing };
    let report = Report::of(given, 4);
    let (call, step) = if given.number(3) != 0 || report.keep {
        let mut call = policy.call_after_admission(admission, CallOptions::default());
        if given.number(3) != 0 {
            call.commit();
        }
        let step = report.done(&mut call, 1, &isolate.names);
        (call, step)
    } else {
        match policy.fail(admission, report.outcome, report.hint, report.name(&isolate.names)) {
            Some(goes_on) => goes_on,
            None => {
                let wakes = policy.registry().take_stranded();
                mail.put(WAKES, f64::from(isolate.keep_wakes(wakes)));
                return Answer::Number(OVER);
            }
        }
    };
    let number = isolate.calls.add(Box::new(call));
    mail.put(CALL, f64::from(number));
    ended(isolate, mail, number, Some(step), &report)
}

fn pass(given: &Arguments<'_>) -> Pass {
    Pass { permit: given.real(1) as u64, started: given.real(2) as u64 }
}

/// `succeed(policy, permit, started)`: a call under a limit has succeeded. It goes on with a step where
/// it took too long, or is over.
fn succeed(isolate: &mut Isolate, mail: &Mail, given: &Arguments<'_>) -> Answer {
    let Some(policy) = isolate.policy(given.number(0)) else { return Answer::Nothing };
    let Some((call, step)) = policy.succeed_within(pass(given)) else { return Answer::Number(OVER) };
    let number = isolate.calls.add(Box::new(call));
    mail.put(CALL, f64::from(number));
    isolate.calls.get_mut(number).map_or(Answer::Nothing, |call| show(mail, call, step))
}

/// `lapse(policy, permit, started)`: the time of a call under a limit is over.
fn lapse(isolate: &mut Isolate, mail: &Mail, given: &Arguments<'_>) -> Answer {
    let Some(policy) = isolate.policy(given.number(0)) else { return Answer::Nothing };
    let mut call = Box::new(policy.call_after_pass(pass(given), CallOptions::default()));
    let step = call.expire(1);
    let kind = show(mail, &mut call, step);
    mail.put(CALL, f64::from(isolate.calls.add(call)));
    kind
}

/// `view(policy)`: the memory of its gate and of this thread's tally. Nothing, and a tally at 0, where
/// there is neither. Where calls tell when they began: what is longer is slow, and what time it is.
fn view(isolate: &mut Isolate, mail: &Mail, given: &Arguments<'_>) -> Answer {
    let Some(policy) = isolate.policy(given.number(0)) else { return Answer::Nothing };
    let clock = policy.registry().clock();
    let timed = policy.timed_overlay().filter(|_| !clock.is_manual());
    mail.put(SPAN, timed.as_ref().map_or(f64::NAN, |(_, slow)| slow.map_or(f64::INFINITY, nanos)));
    mail.put(STARTED, clock.now().0 as f64);
    let limited = policy.limited_overlay().filter(|_| !clock.is_manual());
    mail.put(LIMIT, limited.as_ref().map_or(f64::NAN, |(_, limit)| nanos(*limit)));
    let blind = policy.overlay_beside_loans().or(limited.map(|(overlay, _)| overlay));
    mail.put(TALLY, if matches!(blind, Some(None)) { 0.0 } else { f64::NAN });
    let overlay = blind.flatten().or(timed.map(|(overlay, _)| overlay));
    match overlay.and_then(|overlay| View::of(&policy, &overlay)) {
        Some((view, tally)) => {
            mail.put(TALLY, tally as f64);
            Answer::View(view)
        }
        None => Answer::Nothing,
    }
}

/// `refuse(policy)`: the words of a rejection that nothing could change; nothing where one must ask.
fn refuse(isolate: &mut Isolate, mail: &Mail, given: &Arguments<'_>) -> Answer {
    let Some(policy) = isolate.policy(given.number(0)) else { return Answer::Nothing };
    let Some(refusal) = policy.refusal() else { return Answer::Nothing };
    mail.put(RETRY_AFTER, refusal.retry_after.map_or(f64::NAN, nanos));
    mail.put(STATE, refusal.state.map_or(f64::NAN, |state| f64::from(state as u8)));
    let mut words = String::with_capacity(64);
    let _ = write!(words, "{refusal}");
    Answer::Text(words)
}

/// `open(policy, deadline, cached, estimate)`: begins a call and answers its first step.
fn open(isolate: &mut Isolate, mail: &Mail, given: &Arguments<'_>) -> Answer {
    let Some(policy) = isolate.policy(given.number(0)) else { return Answer::Nothing };
    let options = CallOptions {
        deadline: told(given.real(1)).map(span),
        cached: given.number(2) != 0,
        estimate: amounts(given.text()),
        ..CallOptions::default()
    };
    let mut call = Box::new(policy.call_with(options));
    let kind = call.start();
    let kind = show(mail, &mut call, kind);
    mail.put(CALL, f64::from(isolate.calls.add(call)));
    kind
}

/// The step after an attempt. A call that is over, and of which nobody wants to know more, is
/// released at once.
fn ended(isolate: &mut Isolate, mail: &Mail, number: u32, step: Option<Step>, report: &Report) -> Answer {
    let (Some(step), Some(call)) = (step, isolate.calls.get_mut(number)) else { return Answer::Nothing };
    let kind = show(mail, call, step);
    if step != Step::Finish(Verdict::Settle) || report.keep || call.has_wakes() {
        return kind;
    }
    drop(isolate.calls.take(number));
    Answer::Number(OVER)
}

fn step(isolate: &mut Isolate, given: &Arguments<'_>, next: impl FnOnce(&mut Call) -> Step) -> Option<Step> {
    isolate.calls.get_mut(given.number(0)).map(|call| next(call))
}

fn next(isolate: &mut Isolate, mail: &Mail, given: &Arguments<'_>, next: impl FnOnce(&mut Call) -> Step) -> Answer {
    let Some(step) = step(isolate, given, next) else { return Answer::Nothing };
    isolate.calls.get_mut(given.number(0)).map_or(Answer::Nothing, |call| show(mail, call, step))
}

fn with(isolate: &mut Isolate, given: &Arguments<'_>, act: impl FnOnce(&mut Call)) -> Answer {
    if let Some(call) = isolate.calls.get_mut(given.number(0)) {
        act(call);
    }
    Answer::Nothing
}

/// What is answered instead of the kind of a step when the call is over and released.
const OVER: u32 = 6;

/// Puts a step into the mailbox; its kind is the answer.
fn show(mail: &Mail, call: &mut Call, step: Step) -> Answer {
    mail.put(WAKES, f64::from(u8::from(call.has_wakes())));
    mail.put(SLOW, call.slow().map_or(f64::NAN, nanos));
    mail.put(KEEP, f64::from(u8::from(call.should_store()) + 2 * u8::from(call.should_forget())));
    let or_none = |span: Option<seawall::time::Span>| span.map_or(f64::NAN, nanos);
    let kind = match step {
        Step::Run { attempt, limit, .. } => {
            mail.put(ATTEMPT, f64::from(attempt));
            mail.put(SPAN, or_none(limit));
            mail.put(ENDS_AT, call.limit_ends().map_or(f64::INFINITY, |end| end.0 as f64));
            mail.put(MANUAL, f64::from(u8::from(call.policy().registry().clock().is_manual())));
            0
        }
        Step::Wait { span, attempt, outcome } => {
            mail.put(ATTEMPT, f64::from(attempt));
            mail.put(SPAN, nanos(span));
            mail.put(WHAT, f64::from(outcome as u8));
            1
        }
        Step::Queue { ticket, span } => {
            mail.put(SPAN, or_none(span));
            mail.put(WHAT, ticket as f64);
            2
        }
        Step::LookUp { stale } => {
            mail.put(WHAT, f64::from(u8::from(stale)));
            3
        }
        Step::FallBack { index, step, limit } => {
            mail.put(INDEX, f64::from(index));
            mail.put(SPAN, or_none(limit));
            mail.put(WHAT, f64::from(step as u8));
            4
        }
        Step::Finish(verdict) => {
            mail.put(WHAT, f64::from(verdict as u8));
            5
        }
    };
    Answer::Number(kind)
}

/// `wakes(call)`: tickets of other callers to wake, as JSON.
fn wakes(isolate: &mut Isolate, _: &Mail, given: &Arguments<'_>) -> Answer {
    let wakes = isolate.calls.get_mut(given.number(0)).map(|call| call.take_wakes()).unwrap_or_default();
    Answer::Text(format!("{wakes:?}"))
}

/// `info(call)`: what is read rarely, as JSON.
fn info(isolate: &mut Isolate, _: &Mail, given: &Arguments<'_>) -> Answer {
    let Some(call) = isolate.calls.get(given.number(0)) else { return Answer::Nothing };
    let quoted = |text: Option<&str>| text.map_or("null".to_owned(), |text| format!("\"{text}\""));
    Answer::Text(format!(
        r#"{{"attempts":{},"elapsed":{},"reason":{},"outcome":{},"refusal":{}}}"#,
        call.attempts(),
        call.elapsed().0,
        quoted(call.reason().map(|stop| stop.as_str())),
        quoted(call.last_outcome().map(|outcome| outcome.as_str())),
        call.refusal().map_or("null".to_owned(), refusal_json),
    ))
}
