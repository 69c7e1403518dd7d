//! Sliding windows over a cell: the last n calls, or the calls of the last span.

pub(crate) mod count;
pub(crate) mod time;

/// What a window holds.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Counts {
    pub calls: u64,
    pub failures: u64,
    pub slow: u64,
}
