//! One process that shares its policies: what it does, and what it has said.

use super::ranges;
use seawall::breaker::{Control, State};
use seawall::bulkhead::Entry;
use seawall::events::Cursor;
use seawall::outcome::Outcome;
use seawall::segment::SegmentOptions;
use seawall::time::{Span, Tick};
use seawall::{Policy, Registry};
use std::collections::BTreeSet;

/// Every kind of part, every kind of window, and a key.
const POLICIES: [&str; 3] = [
    r#"{"name":"streak","scope":"host","breaker":{"window":{"kind":"consecutive","failures":3},"open_for":"5s","half_open":{"permits":2}},"bulkhead":{"limit":2},"retry":{"attempts":2,"budget":{"kind":"tokens","capacity":28}},"cost":[{"name":"cents","limits":{"spent":1000},"per":"60s"}]}"#,
    r#"{"name":"count","scope":"host","breaker":{"window":{"kind":"count","size":8},"failure_rate":0.5,"minimum_calls":4,"slow_call":{"longer_than":"1s","rate":0.9}},"retry":{"attempts":2,"budget":{"kind":"ratio","floor_per_second":0.5}}}"#,
    r#"{"name":"time","scope":"host","breaker":{"window":{"kind":"time","span":"10s"},"failure_rate":0.5,"minimum_calls":4,"half_open":{"permits":2,"mode":"concurrent","max_wait":"60s"}},"retry":{"attempts":2,"budget":{"kind":"concurrent"}}}"#,
];

/// Later than any machine's clock, which whoever shares a segment goes by too, and not a round number.
pub(super) const START: Span = Span::millis(1_234_567_890_123);

/// A process to Seawall: two of them in one program share nothing but the segment.
pub struct Process {
    registry: Registry,
    /// The policies, and a key of the first.
    pub(super) policies: Vec<Policy>,
    events: Cursor,
    /// The parts that it said are its own.
    alone: BTreeSet<String>,
}

type Checked = Result<(), String>;

impl Process {
    /// With every policy, on the segment that is there or is made.
    pub fn attach(options: &SegmentOptions) -> Process {
        let registry = Registry::manual(1);
        registry.clock().advance(START);
        let events = registry.events().subscribe();
        registry.set_host(options.clone());
        let mut policies: Vec<Policy> = POLICIES.iter().map(|json| registry.policy(json).expect("a policy")).collect();
        policies.push(policies[0].at("tenant"));
        Process { registry, policies, events, alone: BTreeSet::new() }
    }

    pub fn advance(&self, by: Span) {
        self.registry.clock().advance(by);
    }

    /// How long it has been there, by its clock.
    pub(super) fn passed(&self) -> Span {
        self.registry.clock().now().since(Tick(START.0))
    }

    /// Whether it has said that some part is its own, or all are.
    pub fn is_alone(&self) -> bool {
        !self.alone.is_empty()
    }

    /// Everything that a service does with its policies.
    pub fn work(&self) {
        for policy in &self.policies {
            for outcome in [Outcome::Success, Outcome::Failure, Outcome::Success] {
                if let Ok(permit) = policy.acquire() {
                    policy.record(permit, outcome, Span::secs(u64::from(outcome == Outcome::Success)), None);
                }
                if let Some(pass) = policy.pass() {
                    policy.succeed(pass);
                }
            }
            if let Entry::Admitted(permit) = policy.enter(None) {
                policy.leave(permit);
            }
            let _ = policy.run(|| Err::<(), _>(std::io::Error::other("down")));
        }
        self.registry.tick();
    }

    /// Hears what was said, and holds every number to its range.
    pub fn judge(&mut self) -> Checked {
        self.hear()?;
        for policy in &self.policies {
            let name = policy.name().unwrap_or_default();
            if let Some(breaker) = policy.breaker() {
                let shot = policy.with(|cx| breaker.snapshot(cx));
                ranges::breaker(&format!("breaker `{name}`"), &shot, breaker.config())?;
            }
            if let Some(bulkhead) = policy.bulkhead() {
                ranges::bulkhead(&format!("bulkhead `{name}`"), &bulkhead.look(), bulkhead.config().limit)?;
            }
            if let (Some(budget), Some(retry)) = (policy.budget(), policy.config().retry.as_ref()) {
                let (shot, rule) = (policy.with(|cx| budget.snapshot(cx)), retry.budget.as_ref().map(|it| &it.rule));
                if let Some(rule) = rule {
                    ranges::budget(&format!("budget `{name}`"), &shot, rule)?;
                }
            }
            for cost in policy.costs() {
                let shot = policy.with(|cx| cost.snapshot(cx));
                ranges::cost(&format!("cost `{name}`"), &shot, cost.config())?;
            }
            let _ = policy.snapshot_json();
        }
        let _ = self.registry.metrics();
        Ok(())
    }

    /// What one does is seen by the other, but where one of them said that a part is its own. From
    /// here on limits hold, whatever stood in the file before.
    pub fn agree(&mut self, other: &mut Process) -> Checked {
        for index in 0..self.policies.len() {
            let (mine, theirs) = (self.policies[index].clone(), other.policies[index].clone());
            let name = mine.name().unwrap_or_default().to_owned();
            let shown = format!("{name}{}", mine.key().map(|key| format!("[{key}]")).unwrap_or_default());
            mine.control(Control::ForceOpen);
            if mine.acquire().is_ok() {
                return Err(format!("a circuit that is held open by hand lets calls through: {shown}"));
            }
            let seen = theirs.acquire();
            self.shares(other, "breaker", &name, seen.is_err())?;
            theirs.control(Control::Reset);
            let (one, two) = (mine.state(), theirs.state());
            self.shares(other, "breaker", &name, (one, two) == (Some(State::Closed), Some(State::Closed)))?;
            mine.control(Control::Reset);
            if mine.bulkhead().is_some() {
                let (inside, outside) = Process::crowd(&mine, &theirs);
                let fits = inside <= 2 && outside <= 2;
                self.shares(other, "bulkhead", &name, fits && inside + outside <= 2)?;
                if !fits {
                    return Err(format!("{inside} and {outside} inside a bulkhead of 2: {shown}"));
                }
            }
            if let (Some(my_budget), Some(their_budget)) = (mine.budget(), theirs.budget()) {
                mine.with(|cx| my_budget.withdraw(Outcome::Failure, cx));
                let (one, two) = (mine.with(|cx| my_budget.snapshot(cx)), theirs.with(|cx| their_budget.snapshot(cx)));
                self.shares(other, "budget", &name, one == two)?;
                mine.with(|cx| my_budget.retry_end(seawall::budget::Cost(1), cx));
            }
            for (my_cost, their_cost) in mine.costs().iter().zip(theirs.costs()) {
                let held = mine.with(|cx| my_cost.reserve(&[("spent", 7)], cx));
                let same = mine.with(|cx| my_cost.snapshot(cx)) == theirs.with(|cx| their_cost.snapshot(cx));
                self.shares(other, "cost", "cents", same)?;
                if let Ok(held) = held {
                    mine.with(|cx| my_cost.give_back(held, cx));
                }
            }
        }
        Ok(())
    }

    /// Both come in until neither may: how many of each are inside. They leave again.
    fn crowd(mine: &Policy, theirs: &Policy) -> (usize, usize) {
        let _ = (mine.resize(2), theirs.resize(2));
        let (mut inside, mut outside) = (Vec::new(), Vec::new());
        for _ in 0..4 {
            for (policy, permits) in [(mine, &mut inside), (theirs, &mut outside)] {
                if let Entry::Admitted(permit) = policy.enter(None) {
                    permits.push(permit);
                }
            }
        }
        let counts = (inside.len(), outside.len());
        inside.into_iter().for_each(|permit| _ = mine.leave(permit));
        outside.into_iter().for_each(|permit| _ = theirs.leave(permit));
        counts
    }

    fn shares(&mut self, other: &mut Process, kind: &str, name: &str, same: bool) -> Checked {
        if same {
            return Ok(());
        }
        self.hear()?;
        other.hear()?;
        let part = format!("{kind} `{name}`");
        let alone = |process: &Process| process.alone.contains("") || process.alone.contains(&part);
        if alone(self) || alone(other) {
            return Ok(());
        }
        Err(format!("two processes differ on {part}, and neither says that it goes on by itself"))
    }

    /// Each part is said to be alone once.
    fn hear(&mut self) -> Checked {
        self.registry.tick();
        for event in self.events.drain().events.iter().filter(|event| event.note.kind.as_str() == "internal") {
            let part = match event.detail.split_once(" is not shared with other processes: ") {
                Some((part, _)) => part.to_owned(),
                None if event.detail.starts_with("host scope is not to be had") => String::new(),
                None => return Err(format!("an internal fault that nobody expects: {}", event.detail)),
            };
            if !self.alone.insert(part) {
                return Err(format!("said twice: {}", event.detail));
            }
        }
        Ok(())
    }
}
