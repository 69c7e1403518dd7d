use super::{BreakerConfig, BulkheadConfig, CacheConfig, CostConfig, FallbackConfig, RetryConfig, TimeoutConfig};

/// Who shares the state.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Scope {
    /// Every thread of this process.
    Process,
    /// Every process of this host.
    Host,
}

/// Everything about one policy, resolved and in range.
#[derive(Clone, PartialEq, Debug)]
pub struct PolicyConfig {
    /// Its name, where it has one.
    pub name: Option<String>,
    /// Whether it protects anything (default: yes).
    pub enabled: bool,
    /// Who shares its state (default: this process).
    pub scope: Scope,
    /// In host scope the settings with the higher number are in force.
    pub revision: u32,
    /// Whether, in host scope, calls are refused while the segment cannot be had; unset, only those
    /// under a cost budget are.
    pub host_required: Option<bool>,
    /// How many keys are kept, where calls are partitioned by key.
    pub max_keys: u32,
    /// Whether streams (generators, streamed bodies) pass without protection.
    pub stream_exempt: bool,
    /// The breaker, if it has one.
    pub breaker: Option<BreakerConfig>,
    /// The retries, if it has them.
    pub retry: Option<RetryConfig>,
    /// The bulkhead, if it has one.
    pub bulkhead: Option<BulkheadConfig>,
    /// The limits on time, if it has any.
    pub timeout: Option<TimeoutConfig>,
    /// The fallback chain, if it has one.
    pub fallback: Option<FallbackConfig>,
    /// The cache, if it has one.
    pub cache: Option<CacheConfig>,
    /// The cost budgets.
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
