//! A breaker written from the pages of `semantics`, as plainly as can be: lists of calls, recounted
//! each time. It shares nothing with the core but the words of the configuration. `shown.rs` is what it
//! shows.

mod shown;

use seawall::breaker::{Control, State};
use seawall::config::{BreakerConfig, OnMaxWait, ProbeMode, Window};
use seawall::outcome::{Hint, Outcome};
use seawall::time::{Span, Tick};

/// A call that the window holds.
#[derive(Clone, Debug)]
struct Past {
    slice: u64,
    failed: bool,
    slow: bool,
}

#[derive(Copy, Clone, Debug, PartialEq)]
enum Probe {
    Free,
    Held { id: u64, until: Tick },
    Done { failed: bool, slow: bool },
}

/// What a caller was given.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Ticket {
    generation: u64,
    probe: Option<u64>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sums {
    pub success: u64,
    pub failure: u64,
    pub slow: u64,
    pub ignored: u64,
    pub cancelled: u64,
    pub stale: u64,
    pub rejected: u64,
    pub transitions: u64,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Window3 {
    pub calls: u64,
    pub failures: u64,
    pub slow: u64,
}

pub struct Naive {
    config: BreakerConfig,
    pub now: Tick,
    pub state: State,
    pub generation: u64,
    pub step: u32,
    deadline: Option<Tick>,
    past: Vec<Past>,
    streak: u64,
    probes: Vec<Probe>,
    results: Vec<(bool, bool)>,
    expired: u32,
    next_id: u64,
    began: Option<Tick>,
    newest_slice: u64,
    kept: (Window3, u64),
    /// What is shown of a count window is a minimum: it was filled in `metrics_only`.
    pub at_least: bool,
    pub sums: Sums,
}

impl Naive {
    pub fn new(config: &BreakerConfig, now: Tick) -> Naive {
        Naive {
            config: config.clone(),
            now,
            state: config.initial_state,
            generation: 1,
            step: 0,
            deadline: None,
            past: Vec::new(),
            streak: 0,
            probes: vec![Probe::Free; config.half_open.permits as usize],
            results: Vec::new(),
            expired: 0,
            next_id: 1,
            began: None,
            newest_slice: 0,
            kept: Default::default(),
            at_least: false,
            sums: Sums::default(),
        }
    }

    // ---- what callers do ----

    pub fn acquire(&mut self) -> Result<Ticket, Option<Span>> {
        self.apply_what_is_due();
        let generation = self.generation;
        match self.state {
            State::Closed | State::Disabled | State::MetricsOnly => Ok(Ticket { generation, probe: None }),
            State::HalfOpen => match self.claim() {
                Some(id) => Ok(Ticket { generation, probe: Some(id) }),
                None => Err(self.reject()),
            },
            State::Open | State::ForcedOpen => Err(self.reject()),
        }
    }

    fn reject(&mut self) -> Option<Span> {
        self.sums.rejected += 1;
        self.retry_after()
    }

    fn claim(&mut self) -> Option<u64> {
        let now = self.now;
        let free = self.probes.iter().position(|probe| match probe {
            Probe::Free => true,
            Probe::Held { until, .. } => now >= *until,
            Probe::Done { .. } => false,
        })?;
        if self.probes[free] != Probe::Free {
            self.expired += 1;
        }
        let lease = self.config.half_open.lease;
        let doubled = Span(lease.0.saturating_mul(1 << self.expired.min(30))).min(Span::secs(3600).max(lease));
        let id = self.next_id;
        self.next_id += 1;
        self.probes[free] = Probe::Held { id, until: now.after(doubled) };
        Some(id)
    }

    pub fn report(&mut self, ticket: Ticket, outcome: Outcome, took: Span, hint: Option<Hint>) {
        self.apply_what_is_due();
        if ticket.generation != self.generation {
            self.sums.stale += 1;
            return;
        }
        let failed = match outcome {
            Outcome::Success | Outcome::Permanent => Some(false),
            Outcome::Failure | Outcome::Timeout => Some(true),
            Outcome::Throttled => self.config.count_throttled.then_some(true),
            Outcome::Ignored | Outcome::Refused | Outcome::Cancelled => None,
        };
        let slow = self.config.slow_call.is_some_and(|rule| took > rule.longer_than);
        match self.state {
            State::Disabled => return,
            State::Open | State::ForcedOpen => {
                self.sums.stale += 1;
                return;
            }
            State::HalfOpen => {
                if !self.return_probe(ticket, failed, slow) {
                    self.sums.stale += 1;
                    return;
                }
            }
            State::Closed | State::MetricsOnly => {}
        }
        match failed {
            None if outcome == Outcome::Cancelled => self.sums.cancelled += 1,
            None => self.sums.ignored += 1,
            Some(failed) => {
                *if failed { &mut self.sums.failure } else { &mut self.sums.success } += 1;
                self.sums.slow += u64::from(slow);
                match self.state {
                    State::HalfOpen => self.judge_probes(hint),
                    _ => self.judge_call(failed, slow, hint),
                }
            }
        }
    }

    /// Gives the slot back; `false` if the lease was over or another's.
    fn return_probe(&mut self, ticket: Ticket, failed: Option<bool>, slow: bool) -> bool {
        let now = self.now;
        let held =
            |probe: &Probe| matches!(probe, Probe::Held { id, until } if Some(*id) == ticket.probe && now < *until);
        let Some(slot) = self.probes.iter().position(held) else { return false };
        self.probes[slot] = match (failed, self.config.half_open.mode) {
            (Some(failed), ProbeMode::Total) => Probe::Done { failed, slow },
            _ => Probe::Free,
        };
        if let (Some(failed), ProbeMode::Concurrent) = (failed, self.config.half_open.mode) {
            self.results.push((failed, slow));
        }
        true
    }

    // ---- verdicts ----

    fn judge_call(&mut self, failed: bool, slow: bool, hint: Option<Hint>) {
        let slice = self.slice();
        self.past.push(Past { slice, failed, slow });
        self.streak = if failed { self.streak + 1 } else { 0 };
        let window = self.window();
        let trips = match self.config.window {
            Window::Consecutive { failures } => self.streak >= u64::from(failures),
            _ => self.rules(&window, u64::from(self.config.minimum_calls)),
        };
        if trips && self.state == State::Closed {
            self.open(hint);
        }
    }

    fn rules(&self, window: &Window3, minimum: u64) -> bool {
        if self.config.failure_count.is_some_and(|k| window.failures >= u64::from(k)) {
            return true;
        }
        // Compared as integers, in billionths.
        let reached = |part: u64, rate: f64| {
            u128::from(part) * 1_000_000_000 >= u128::from(window.calls) * (rate * 1e9).round() as u128
        };
        window.calls >= minimum.max(1)
            && (self.config.failure_rate.is_some_and(|rate| reached(window.failures, rate.as_f64()))
                || self.config.slow_call.is_some_and(|rule| reached(window.slow, rule.rate.as_f64())))
    }

    fn judge_probes(&mut self, hint: Option<Hint>) {
        let results = self.probe_results();
        let half_open = &self.config.half_open;
        let permits = u64::from(half_open.permits);
        let successes = results.calls - results.failures;
        let healthy = if let (Some(needed), Some(of)) = (half_open.successes, half_open.of) {
            let (needed, of) = (u64::from(needed), u64::from(of));
            if successes >= needed { Some(true) } else { (results.failures > of - needed).then_some(false) }
        } else if matches!(self.config.window, Window::Consecutive { .. }) {
            if results.failures > 0 { Some(false) } else { (results.calls >= permits).then_some(true) }
        } else if self.config.failure_count.is_some_and(|k| results.failures >= u64::from(k).min(permits)) {
            Some(false)
        } else {
            let enough = u64::from(self.config.minimum_calls).min(permits).max(1);
            (results.calls >= enough).then(|| !self.rules(&results, enough))
        };
        match healthy {
            Some(true) => self.enter(State::Closed, 0, None),
            Some(false) => self.open(hint),
            None => {}
        }
    }

    fn open(&mut self, hint: Option<Hint>) {
        let step = if self.state == State::HalfOpen { self.step + 1 } else { 0 };
        let span = match hint {
            Some(Hint::After(asked)) if self.config.from_server_hint => asked.min(self.config.open_for.cap),
            _ => self.open_span(step),
        };
        self.enter(State::Open, step, Some(self.now.after(span)));
    }

    fn open_span(&self, step: u32) -> Span {
        let open = &self.config.open_for;
        Span::from_nanos_f64(open.base.0 as f64 * open.factor.powi(step as i32)).min(open.cap.max(open.base))
    }

    // ---- time ----

    fn apply_what_is_due(&mut self) {
        loop {
            let due = self.deadline.is_some_and(|deadline| self.now >= deadline);
            match self.state {
                State::Open if due => {
                    let wait = self.config.half_open.max_wait.map(|wait| self.now.after(wait));
                    self.enter(State::HalfOpen, self.step, wait);
                }
                State::HalfOpen if due && self.config.half_open.on_max_wait == OnMaxWait::Closed => {
                    self.enter(State::Closed, 0, None);
                }
                State::HalfOpen if due => self.open(None),
                _ => return,
            }
        }
    }

    fn enter(&mut self, state: State, step: u32, deadline: Option<Tick>) {
        let (shown, streak) = (self.shown(), self.streak);
        // Shared deadlines are kept in whole microseconds, rounded up.
        let deadline = deadline.map(|at| Tick(at.0.div_ceil(1_000) * 1_000));
        let at_least = match self.state {
            State::Open => self.at_least,
            left => left == State::MetricsOnly,
        };
        if state == State::Open {
            self.kept = (shown, if self.state == State::Open { 0 } else { streak });
        }
        *self = Naive {
            state,
            step,
            deadline,
            generation: self.generation + 1,
            past: Vec::new(),
            streak: 0,
            probes: vec![Probe::Free; self.config.half_open.permits as usize],
            results: Vec::new(),
            expired: 0,
            at_least: at_least && state == State::Open,
            sums: Sums { transitions: self.sums.transitions + 1, ..self.sums.clone() },
            config: self.config.clone(),
            kept: self.kept.clone(),
            ..*self
        };
    }

    pub fn control(&mut self, control: Control) {
        self.apply_what_is_due();
        match control {
            Control::Open => {
                self.enter(State::Open, self.step_now(), Some(self.now.after(self.open_span(self.step_now()))))
            }
            Control::OpenFor(span) => self.enter(State::Open, self.step_now(), Some(self.now.after(span))),
            Control::OpenUntil(at) => self.enter(State::Open, self.step_now(), Some(at)),
            Control::HalfOpen => {
                let wait = self.config.half_open.max_wait.map(|wait| self.now.after(wait));
                self.enter(State::HalfOpen, self.step_now(), wait);
            }
            Control::Close | Control::Reset => self.enter(State::Closed, 0, None),
            Control::ForceOpen => self.enter(State::ForcedOpen, 0, None),
            Control::Disable => self.enter(State::Disabled, 0, None),
            Control::MetricsOnly => self.enter(State::MetricsOnly, 0, None),
        }
    }

    fn step_now(&self) -> u32 {
        self.step
    }

    /// The slice that a call of now falls into; time does not run back.
    fn slice(&mut self) -> u64 {
        let Window::Time { span, slices, aligned } = self.config.window else { return 0 };
        let origin = if aligned { Tick::ZERO } else { *self.began.get_or_insert(self.now) };
        self.newest_slice = self.newest_slice.max(self.now.since(origin).0 / (span.0 / u64::from(slices)));
        self.newest_slice
    }
}
