//! Sliding windows over a cell: the last n calls, or the calls of the last span.

pub(crate) mod count;
pub(crate) mod time;

/// What a window holds.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Counts {
    pub calls: u64,
    pub failures: u64,
    pub slow: u64,
    /// Further successes of which only the span of time they fell into is known; they lower the
    /// rates and do not count for a minimum of calls.
    pub maybe: u64,
}

impl Counts {
    /// The calls that rates refer to.
    pub(crate) fn all(self) -> u64 {
        self.calls.saturating_add(self.maybe)
    }

    /// To be shown: no more failures or slow calls than calls, whatever the words say that were read
    /// one after another, or scribbled over.
    pub(crate) fn plausible(self) -> Counts {
        let all = self.all();
        Counts { failures: self.failures.min(all), slow: self.slow.min(all), ..self }
    }
}
