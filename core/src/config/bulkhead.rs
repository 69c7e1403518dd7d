use crate::time::Span;

/// A bulkhead, resolved and in range.
#[derive(Clone, PartialEq, Debug)]
pub struct BulkheadConfig {
    /// Policies that name the same bulkhead share its permits.
    pub name: Option<String>,
    /// Calls under way at once (default: 25).
    pub limit: u32,
    /// Resolved: 0, or unbounded (`u32::MAX`) where `max_wait` is given and this is not.
    pub queue: u32,
    /// How long a caller may wait for a permit (default: does not wait).
    pub max_wait: Option<Span>,
}

impl Default for BulkheadConfig {
    fn default() -> Self {
        BulkheadConfig { name: None, limit: 25, queue: 0, max_wait: None }
    }
}
