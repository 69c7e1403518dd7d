use super::{BreakerConfig, BulkheadConfig, CacheConfig, CostConfig, FallbackConfig, RetryConfig, TimeoutConfig};

#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Scope {
    Process,
    Host,
}

/// Everything about one policy, resolved and in range.
#[derive(Clone, PartialEq, Debug)]
pub struct PolicyConfig {
    pub name: Option<String>,
    pub enabled: bool,
    pub scope: Scope,
    /// In host scope the settings with the higher number are in force.
    pub revision: u32,
    /// Whether, in host scope, calls are refused where the segment cannot be used; unset, only those
    /// under a cost budget are.
    pub host_required: Option<bool>,
    /// How many keys are kept, where calls are partitioned by key.
    pub max_keys: u32,
    /// Whether streams (generators, streamed bodies) pass without protection.
    pub stream_exempt: bool,
    pub breaker: Option<BreakerConfig>,
    pub retry: Option<RetryConfig>,
    pub bulkhead: Option<BulkheadConfig>,
    pub timeout: Option<TimeoutConfig>,
    pub fallback: Option<FallbackConfig>,
    pub cache: Option<CacheConfig>,
    pub cost: Vec<CostConfig>,
}

impl Default for PolicyConfig {
    fn default() -> Self {
        PolicyConfig {
            name: None,
            enabled: true,
            scope: Scope::Process,
            revision: 0,
            host_required: None,
            max_keys: 1024,
            stream_exempt: false,
            breaker: None,
            retry: None,
            bulkhead: None,
            timeout: None,
            fallback: None,
            cache: None,
            cost: Vec::new(),
        }
    }
}
