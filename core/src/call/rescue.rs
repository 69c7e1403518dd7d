//! The fallback chain: what a call ends with when its attempts gave nothing.

use super::{Call, Phase, Step, Verdict};
use crate::config::FallbackStep;
use crate::event::{EventKind, Note, PartKind};
use crate::outcome::Outcome;
use crate::time::{Span, Tick};

impl Call {
    /// The call would end with `verdict`; the first link of the chain that applies may do better.
    pub(super) fn end(&mut self, verdict: Verdict, outcome: Option<Outcome>, now: Tick) -> Step {
        self.primary = verdict;
        if !self.committed && outcome.is_some_and(|outcome| self.is_covered(outcome)) {
            return self.try_link(0, now);
        }
        self.finish(verdict, now)
    }

    fn is_covered(&self, outcome: Outcome) -> bool {
        let Some(fallback) = &self.live.config.fallback else { return false };
        // A later attempt that a part refused ends as refused and as the user's last error.
        let refused = self.refusal.as_ref().is_some_and(|refusal| refusal.code.is_refusal());
        match outcome {
            Outcome::Success | Outcome::Cancelled => false,
            Outcome::Refused => fallback.on_refused,
            Outcome::Timeout => fallback.on_timeout,
            Outcome::Failure => fallback.on_failure || (refused && fallback.on_refused),
            Outcome::Throttled => fallback.on_throttled || (refused && fallback.on_refused),
            Outcome::Permanent => fallback.on_permanent,
            Outcome::Ignored => fallback.on_ignored,
        }
    }

    /// Link `index` of the chain, or the first one after it that can be tried.
    fn try_link(&mut self, mut index: usize, now: Tick) -> Step {
        let live = self.live.clone();
        let Some(fallback) = &live.config.fallback else { return self.finish(self.primary, now) };
        while let Some(&step) = fallback.chain.get(index) {
            match step {
                FallbackStep::Cached | FallbackStep::Stale => {
                    if self.options.cached {
                        let stale = step == FallbackStep::Stale;
                        return self.move_to(Phase::Rescue(index), Step::LookUp { stale });
                    }
                    index += 1;
                }
                _ => {
                    let limit = (step == FallbackStep::Function).then(|| self.function_limit(fallback.timeout, now));
                    let step = Step::FallBack { index: index as u32, step, limit };
                    return self.move_to(Phase::Rescue(index), step);
                }
            }
        }
        self.finish(self.primary, now)
    }

    /// A function's own limit, cut by the caller's deadline; the policy's own does not cover it.
    fn function_limit(&self, own: Span, now: Tick) -> Span {
        let callers = self.options.deadline.map(|span| now.until(self.started.after(span)));
        callers.map_or(own, |left| own.min(left))
    }

    /// Link `link` gave a value, or did not.
    pub(super) fn rescued(&mut self, link: usize, ok: bool, now: Tick) -> Step {
        let step = self.live.config.fallback.as_ref().and_then(|fallback| fallback.chain.get(link).copied());
        let Some(step) = step else { return self.finish(self.primary, now) };
        let is_look_up = matches!(step, FallbackStep::Cached | FallbackStep::Stale);
        if is_look_up {
            self.policy.metrics().looked_up(ok);
        }
        if !ok {
            return self.try_link(link + 1, now);
        }
        self.policy.metrics().fell_back(step);
        let (kind, part) = match step {
            FallbackStep::Stale => (EventKind::StaleServed, PartKind::Cache),
            _ => (EventKind::FellBack, PartKind::Fallback),
        };
        self.notes.push(Note { reason: step.as_str(), count: link as u64, ..Note::new(kind, part, now) });
        let verdict = match step {
            FallbackStep::Cached => Verdict::Cached,
            FallbackStep::Stale => Verdict::Stale,
            _ => Verdict::FellBack,
        };
        self.finish(verdict, now)
    }
}
