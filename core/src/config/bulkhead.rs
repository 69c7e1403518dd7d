use crate::time::Span;

#[derive(Clone, PartialEq, Debug)]
pub struct BulkheadConfig {
    pub name: Option<String>,
    pub limit: u32,
    /// Resolved: 0, or unbounded (`u32::MAX`) where `max_wait` is given and this is not.
    pub queue: u32,
    pub max_wait: Option<Span>,
}

impl Default for BulkheadConfig {
    fn default() -> Self {
        BulkheadConfig { name: None, limit: 25, queue: 0, max_wait: None }
    }
}
