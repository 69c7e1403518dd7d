use crate::time::Span;
use std::time::Duration;

/// What the work is told of the attempt that it is.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Attempt {
    /// From 1.
    pub number: u32,
    /// What was left to the attempt's limit or the call's deadline when it began; `None` without one.
    pub remaining: Option<Duration>,
}

impl Attempt {
    /// One that ran without asking: no limit was set for it.
    pub(super) const FIRST: Attempt = Attempt { number: 1, remaining: None };

    pub(super) fn new(number: u32, remaining: Option<Span>) -> Attempt {
        Attempt { number, remaining: remaining.map(Span::to_duration) }
    }
}
