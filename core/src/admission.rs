//! Calls that are let in at once: one question before, one report after, and steps only for those
//! that fail. A [`Brief`] for drivers that cannot hold one.

use crate::brief::Brief;
use crate::bulkhead::Wakes;
use crate::call::{Call, CallOptions, Step};
use crate::metrics::{EndingLines, ErrorType};
use crate::outcome::{Hint, Outcome};
use crate::pass::Pass;
use crate::permit::Permit;
use crate::policy::{Live, Policy};
use crate::sync::Arc;

/// What a call holds that was let in without a [`Call`]: the breaker's permit, perhaps a place in the
/// bulkhead. It is given back once: by [`Policy::dismiss`] after a success, else by [`Policy::fail`]
/// or [`Policy::call_after_admission`]. Twice would free somebody else's place.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Admission {
    /// The breaker's permit and when it was given.
    pub pass: Pass,
    /// The settings that it was given under, which it is given back under.
    pub epoch: u64,
    /// Whether it holds a place.
    pub placed: bool,
}

impl Admission {
    /// A pass as an admission: it holds no place, and is reported under the settings in force.
    pub fn of(pass: Pass) -> Admission {
        Admission { pass, epoch: u64::MAX, placed: false }
    }
}

/// How calls of one policy end whose errors are of one kind, for drivers that meet the same kind again.
/// It belongs to the policy that made it.
pub struct Ending {
    outcome: Outcome,
    errors: Arc<ErrorType>,
}

impl Live {
    fn may_end(&self) -> bool {
        self.ends_at_once && self.parts.bulkhead.is_none()
    }
}

impl Policy {
    /// The ending of calls whose error is of the class `error_type` and means `outcome`.
    pub fn ending(&self, outcome: Outcome, error_type: &str) -> Ending {
        Ending { outcome, errors: self.metrics().errors.ending(outcome, error_type) }
    }

    /// [`Policy::fail`] for a call under a pass that nobody need hear of again: it is counted and judged,
    /// and over. `false`: nothing has been taken, there may be more to do.
    pub fn end(&self, pass: Pass, ending: &Ending) -> bool {
        let live = self.live();
        if !live.may_end() || matches!(ending.outcome, Outcome::Success | Outcome::Cancelled) {
            return false;
        }
        Brief::again(self, live, pass).fail_uncounted(ending.outcome);
        if !self.metrics().errors.ended_at_once(&ending.errors) {
            self.metrics().ended_at_once(ending.outcome);
        }
        true
    }

    /// Where a driver that enters failures itself (see [`FailureLog`](crate::breaker::FailureLog)) counts
    /// the calls that end so: each is one more in one of the words, and nothing else. `None`: there are too
    /// many kinds, [`Policy::end`] them. The words live as long as this policy.
    pub fn ending_lines(&self, ending: &Ending) -> Option<EndingLines> {
        self.metrics().errors.lines(&ending.errors)
    }

    /// A failure that the driver entered itself, under a gate that passed, is no longer within the
    /// credit: it is judged, and credit given again.
    pub fn judge(&self, gate: u32) {
        if let Some(breaker) = &self.live().parts.breaker
            && let Some(word) = breaker.entered(Permit(u64::from(gate)))
        {
            self.with(|cx| breaker.judge(word, None, cx));
        }
    }

    /// Whether [`Policy::end`] may ever answer with yes under the settings in force.
    pub fn may_end(&self) -> bool {
        self.live().may_end()
    }

    /// Whether [`Policy::admit`] may ever answer under the settings in force.
    pub fn may_admit(&self) -> bool {
        self.live().admits
    }

    /// Whether other processes may move what the calls of this handle are counted in: who has asked where that
    /// is, asks again now and then.
    pub fn may_move(&self) -> bool {
        self.live().host.is_some()
    }

    /// Lets a call in that has no options of its own, where there is room and no doubt. `None` holds
    /// nothing and means: step a [`Call`], which waits, refuses or falls back, and wakes whom this let in instead.
    pub fn admit(&self) -> Option<Admission> {
        self.brief().map(Brief::detach)
    }

    /// An admitted call has succeeded. Whoever waits for its place is to be woken.
    pub fn dismiss(&self, admission: Admission) -> Wakes {
        let (live, pass) = (self.live_at(admission), admission.pass);
        if admission.placed == live.parts.bulkhead.is_some() {
            Brief::again(self, live, pass).end(Outcome::Success, None);
        } else {
            self.succeed(pass);
        }
        self.registry().take_stranded()
    }

    /// An admitted call has ended otherwise. Where that is the end of the call there is no answer;
    /// else the call goes on, at this step.
    pub fn fail(
        &self,
        admission: Admission,
        outcome: Outcome,
        hint: Option<Hint>,
        error_type: Option<&str>,
    ) -> Option<(Call, Step)> {
        let live = self.live_at(admission);
        if live.ends_at_once && !live.limited && admission.placed == live.parts.bulkhead.is_some() {
            let ended = Brief::again(self, live, admission.pass).end(outcome, hint);
            if let (None, Some(name)) = (&ended, error_type) {
                self.metrics().error(outcome, name);
            }
            return ended.map(|brief| brief.go_on(outcome, hint, false, error_type));
        }
        let mut call = self.call_after_admission(admission, CallOptions::default());
        error_type.into_iter().for_each(|name| call.error_type(name));
        let step = call.done(1, outcome, hint);
        Some((call, step))
    }

    /// An admitted call that did not succeed, as a call: report it with `done(1, …)`, and it goes on.
    pub fn call_after_admission(&self, admission: Admission, options: CallOptions) -> Call {
        let live = self.keep_live(self.live_at(admission));
        Call::running_under(self.clone(), live, admission.pass, admission.placed, options)
    }

    pub(crate) fn live_at(&self, admission: Admission) -> &Live {
        if admission.placed { self.live_of(admission.epoch) } else { self.live() }
    }
}
