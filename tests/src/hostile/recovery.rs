//! What every part must do again within its own time, whatever stood in the file: a circuit opens after
//! enough failures, not before, and closes when its probes succeed; a bulkhead lets in as many as it may;
//! budgets are as full as a new one. A part that has said that it goes on by itself is held to nothing here.

use super::Process;
use seawall::Policy;
use seawall::breaker::{Control, State};
use seawall::budget::{Budget, Cost};
use seawall::bulkhead::Entry;
use seawall::outcome::Outcome::{self, Failure, Success};
use seawall::time::Span;

type Checked = Result<(), String>;

/// Longer than every window, open time, lease and period of the policies.
const LONG: Span = Span::secs(61);
/// Calls in which a count window forgets everything. Its log has room for twelve failures.
const CALLS: usize = 24;
/// The places of a bulkhead that nobody has are taken back every so often, by the real clock.
const SWEEP: std::time::Duration = std::time::Duration::from_millis(10);

/// Two processes, or one twice, whose clocks go together.
pub(super) struct Pair<'a>(pub &'a Process, pub Option<&'a Process>);

impl Pair<'_> {
    /// So much later; whoever waited by himself meanwhile is met by the other.
    fn pass(&self, time: Span) {
        let other = self.1.unwrap_or(self.0);
        let now = self.0.passed().max(other.passed()).plus(time);
        [self.0, other].iter().for_each(|process| process.advance(now.minus(process.passed())));
    }

    /// The same policy, of the one and of the other.
    fn policy(&self, turn: usize, index: usize) -> &Policy {
        let process = if turn.is_multiple_of(2) { self.0 } else { self.1.unwrap_or(self.0) };
        &process.policies[index]
    }

    /// Calls of both in turn; how many were let in.
    fn call(&self, index: usize, outcome: Outcome, calls: usize) -> usize {
        let ends = |turn: usize| {
            let policy = self.policy(turn, index);
            policy.acquire().map(|permit| policy.record(permit, outcome, Span::ZERO, None)).is_ok()
        };
        (0..calls).filter(|turn| ends(*turn)).count()
    }

    fn state(&self, index: usize) -> Option<State> {
        self.0.policies[index].state()
    }

    /// Whether every part is as a new one, after its time.
    pub(super) fn recovers(&self) -> Checked {
        // What was open is half open after that, what that decides is decided after the next.
        for failures in [4, 4, 4, 4, 0, 0] {
            self.pass(LONG);
            for index in 0..self.0.policies.len() {
                self.call(index, Success, CALLS);
                self.call(index, Failure, failures);
            }
        }
        for (index, policy) in self.0.policies.iter().enumerate() {
            let shown = format!("{}{}", policy.name().unwrap_or_default(), policy.key().unwrap_or_default());
            self.circuit(index).map_err(|what| format!("the circuit of {shown} {what}"))?;
            self.bulkhead(index).map_err(|what| format!("the bulkhead of {shown} {what}"))?;
            self.budget(index).map_err(|what| format!("the budget of {shown} {what}"))?;
            self.cost(index).map_err(|what| format!("the cost budget of {shown} {what}"))?;
        }
        Ok(())
    }

    fn circuit(&self, index: usize) -> Checked {
        // What looks like a decision by hand is ended by hand.
        if let Some(State::ForcedOpen | State::Disabled | State::MetricsOnly) = self.state(index) {
            self.0.policies[index].control(Control::Reset);
            self.call(index, Success, CALLS);
        }
        let is = |state: State, when: &str| match self.state(index) {
            Some(found) if found == state => Ok(()),
            _ => Err(format!("is not {state:?} {when}: {}", self.0.policies[index].snapshot_json())),
        };
        is(State::Closed, "after its time")?;
        let policy = &self.0.policies[index];
        // How many failures it takes after so many successes, and after none in an empty window.
        let (fewest, in_empty, probes) = match policy.name() {
            Some("count") => (4, 4, 1),
            Some("time") => (4, 4, 2),
            _ => (3, 3, 2),
        };
        for round in ["as a new one", "once more"] {
            self.pass(LONG);
            let (successes, failures) = if round == "once more" { (0, in_empty) } else { (4, fewest) };
            self.call(index, Success, successes);
            // None of these is in the window any more where time has passed.
            if policy.name() == Some("time") {
                self.call(index, Failure, 2);
                self.pass(LONG);
                self.call(index, Success, successes);
            }
            if self.call(index, Failure, failures - 1) != failures - 1 {
                return Err(format!("opens too early {round}"));
            }
            is(State::Closed, &format!("before enough failures, {round}"))?;
            self.call(index, Failure, 1);
            is(State::Open, &format!("after enough failures, {round}"))?;
            if self.call(index, Success, 2) != 0 {
                return Err(format!("is open and lets calls through {round}"));
            }
            self.pass(LONG);
            if self.call(index, Success, probes) != probes {
                return Err(format!("sends too few probes {round}"));
            }
            is(State::Closed, &format!("after good probes, {round}"))?;
        }
        Ok(())
    }

    fn bulkhead(&self, index: usize) -> Checked {
        if self.0.policies[index].bulkhead().is_none() {
            return Ok(());
        }
        let mut fewest = Ok(());
        for _ in 0..4 {
            let mut inside = Vec::new();
            for turn in 0..4 {
                if let Entry::Admitted(permit) = self.policy(turn, index).enter(None) {
                    inside.push((turn, permit));
                }
            }
            let count = inside.len();
            inside.into_iter().for_each(|(turn, permit)| _ = self.policy(turn, index).leave(permit));
            match count {
                2 => return Ok(()),
                0 | 1 => fewest = Err(format!("lets {count} in, of two")),
                _ => return Err(format!("lets {count} in, of two")),
            }
            std::thread::sleep(SWEEP);
        }
        fewest
    }

    fn budget(&self, index: usize) -> Checked {
        let Some(budget) = self.0.policies[index].budget() else { return Ok(()) };
        let act = |turn: usize, act: &dyn Fn(&Budget) -> bool| {
            let policy = self.policy(turn, index);
            policy.budget().is_some_and(|budget| act(budget))
        };
        let withdraw = |turn: usize| {
            act(turn, &|budget| self.policy(turn, index).with(|cx| budget.withdraw(Failure, cx)).is_some())
        };
        let expected = match self.0.policies[index].name() {
            // Full again after so many successes; a retry takes 14 of 28.
            Some("streak") => {
                (0..28).for_each(|_| self.0.policies[index].with(|cx| budget.success(None, cx)));
                2
            }
            // One in two seconds, of ten.
            Some("count") => 5,
            // Three at once, and no call under way that makes it more.
            _ => 3,
        };
        for round in 0..2 {
            let paid: Vec<usize> = (0..expected + 2).filter(|turn| withdraw(*turn)).collect();
            if paid.len() != expected {
                return Err(format!("allows {} retries of {expected}, {}", paid.len(), ["as new", "again"][round]));
            }
            for turn in paid {
                self.policy(turn, index).with(|cx| {
                    let budget = self.policy(turn, index).budget().expect("it was there");
                    budget.retry_end(Cost(14), cx);
                    budget.success(Some(Cost(14)), cx);
                });
            }
            self.pass(LONG);
        }
        Ok(())
    }

    fn cost(&self, index: usize) -> Checked {
        for round in ["as new", "in the next period"] {
            for (place, cost) in self.0.policies[index].costs().iter().enumerate() {
                if self.0.policies[index].with(|cx| cost.reserve(&[("spent", 1000)], cx)).is_err() {
                    return Err(format!("refuses what there is {round}"));
                }
                let policy = self.policy(1, index);
                let other = &policy.costs()[place];
                if policy.with(|cx| other.reserve(&[("spent", 1)], cx)).is_ok() {
                    return Err(format!("gives more than there is {round}"));
                }
            }
            self.pass(LONG);
        }
        Ok(())
    }
}
