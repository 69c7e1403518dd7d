//! What a driver may ask of a call at any time.

use super::{Call, Phase};
use crate::error::Refusal;
use crate::outcome::Outcome;
use crate::policy::Policy;
use crate::retry::Stop;
use crate::time::{Span, Tick};

impl Call {
    /// Attempts that were started.
    pub fn attempts(&self) -> u32 {
        self.attempt
    }

    /// Time since the start, until the end if the call has ended.
    pub fn elapsed(&self) -> Span {
        let now = if self.phase == Phase::Done { self.ended } else { self.policy.registry().clock().now() };
        now.since(self.started)
    }

    /// Why there is no further attempt, where that was decided.
    pub fn reason(&self) -> Option<Stop> {
        self.stop
    }

    /// The refusal, timeout or passed deadline behind the verdict, or behind reason `refused`.
    pub fn refusal(&self) -> Option<&Refusal> {
        self.refusal.as_ref()
    }

    /// How the last attempt ended.
    pub fn last_outcome(&self) -> Option<Outcome> {
        self.last
    }

    /// What is left to the attempt's limit or the call's deadline, whichever is nearer.
    pub fn remaining(&self) -> Option<Span> {
        self.ends().map(|end| self.policy.registry().clock().now().until(end))
    }

    /// When that is over, by the clock of the registry.
    pub fn ends(&self) -> Option<Tick> {
        self.limit_ends().into_iter().chain(self.deadline.map(|deadline| deadline.at)).min()
    }

    /// How long the whole call may take, by its own deadline or the caller's, whichever ends it first.
    pub fn deadline(&self) -> Option<Span> {
        self.deadline.map(|deadline| deadline.span)
    }

    /// Whether the value of the last attempt belongs into the host's cache.
    pub fn should_store(&self) -> bool {
        !self.bypass && self.live.config.cache.is_some() && self.last == Some(Outcome::Success)
    }

    /// Whether the key's value in the host's cache is no longer good: the dependency said no.
    pub fn should_forget(&self) -> bool {
        !self.bypass && self.live.config.cache.is_some() && self.last == Some(Outcome::Permanent)
    }

    /// When the running attempt's limit is over, by the clock of the registry.
    pub fn limit_ends(&self) -> Option<Tick> {
        self.limit.map(|limit| self.attempt_started.after(limit.span))
    }

    /// The policy that is called.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// How long the last attempt took, if that was longer than `slow_after`.
    pub fn slow(&self) -> Option<Span> {
        self.slow
    }
}
