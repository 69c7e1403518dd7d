use crate::config::{
    Backoff, BreakerConfig, BulkheadConfig, CacheConfig, Delay, FallbackStep, Jitter, PolicyConfig, Rate, RetryConfig,
    SlowCall, TimeoutConfig, Window,
};
use crate::error::{ConfigCode, ConfigError};
use crate::policy::Policy;
use crate::registry::Registry;
use crate::time::Span;
use std::time::Duration;

/// A policy in the making. Each setter says its default where it has one.
#[derive(Clone, Debug)]
pub struct Builder {
    config: PolicyConfig,
}

impl Builder {
    pub(super) fn new(name: &str) -> Builder {
        Builder { config: PolicyConfig { name: Some(name.to_owned()), ..PolicyConfig::default() } }
    }

    fn breaker(&mut self) -> &mut BreakerConfig {
        self.config.breaker.get_or_insert_default()
    }
    fn retries(&mut self) -> &mut RetryConfig {
        self.config.retry.get_or_insert_default()
    }
    fn timeout(&mut self) -> &mut TimeoutConfig {
        self.config.timeout.get_or_insert_default()
    }

    /// Opens after this many failures in a row (default: 5).
    pub fn consecutive_failures(mut self, failures: u32) -> Self {
        self.breaker().window = Window::Consecutive { failures };
        self
    }

    /// Opens at this share of failures among the last `size` calls, from `minimum_calls` on.
    pub fn failure_rate(mut self, rate: f64, size: u32, minimum_calls: u32) -> Self {
        let breaker = self.breaker();
        breaker.window = Window::Count { size };
        breaker.failure_rate = Some(Rate::from_f64(rate));
        breaker.minimum_calls = minimum_calls.min(size);
        self
    }

    /// Opens at this share of failures among the calls of the last `span`, in ten slices, from
    /// `minimum_calls` on.
    pub fn failure_rate_over(mut self, rate: f64, span: Duration, minimum_calls: u32) -> Self {
        let breaker = self.breaker();
        breaker.window = Window::Time { span: span.into(), slices: 10, aligned: false };
        breaker.failure_rate = Some(Rate::from_f64(rate));
        breaker.minimum_calls = minimum_calls;
        self
    }

    /// Opens at this share of calls that took strictly longer than `longer_than`.
    pub fn slow_calls(mut self, longer_than: Duration, rate: f64) -> Self {
        self.breaker().slow_call = Some(SlowCall { longer_than: longer_than.into(), rate: Rate::from_f64(rate) });
        self
    }

    /// Stays open this long (default: 30 s).
    pub fn open_for(mut self, span: Duration) -> Self {
        let open = &mut self.breaker().open_for;
        open.base = span.into();
        open.cap = open.cap.max(open.base);
        self
    }

    /// Sends this many probes in half-open (default: 1).
    pub fn probes(mut self, permits: u32) -> Self {
        self.breaker().half_open.permits = permits;
        self
    }

    /// At most this many attempts, the first included (default: 3); 100 ms doubling to 20 s, full jitter.
    pub fn retry(mut self, attempts: u32) -> Self {
        self.retries().attempts = attempts;
        self
    }

    /// Waits `base`, doubling up to `cap`, with full jitter.
    pub fn backoff(mut self, base: Duration, cap: Duration) -> Self {
        let backoff = Backoff::Exponential { base: base.into(), factor: 2.0, cap: cap.into() };
        self.retries().delay = Delay { backoff, jitter: Jitter::Full };
        self
    }

    /// Another backoff or jitter than [`Builder::backoff`] makes.
    pub fn delay(mut self, delay: Delay) -> Self {
        self.retries().delay = delay;
        self
    }

    /// At most this many inside at once; the rest are refused, or wait up to `max_wait`.
    pub fn bulkhead(mut self, limit: u32, max_wait: Option<Duration>) -> Self {
        let queue = if max_wait.is_some() { u32::MAX } else { 0 };
        self.config.bulkhead = Some(BulkheadConfig { name: None, limit, queue, max_wait: max_wait.map(Span::from) });
        self
    }

    /// For each attempt. A future is dropped at the limit; blocking work is judged when it returns.
    pub fn attempt_timeout(mut self, span: Duration) -> Self {
        self.timeout().attempt = Some(span.into());
        self
    }

    /// For the whole call, waits and retries included.
    pub fn deadline(mut self, span: Duration) -> Self {
        self.timeout().deadline = Some(span.into());
        self
    }

    /// Keeps good results for this long (default: 5 min).
    pub fn cache(mut self, ttl: Duration) -> Self {
        self.config.cache = Some(CacheConfig { ttl: ttl.into(), ..CacheConfig::default() });
        self
    }

    /// When a call fails, is refused or runs out of time, the guard's function answers; with a cache,
    /// the last good result of its key before that.
    pub fn fallback(mut self) -> Self {
        let fallback = self.config.fallback.get_or_insert_default();
        let cached = self.config.cache.as_ref().map(|_| FallbackStep::Cached);
        fallback.chain = cached.into_iter().chain([FallbackStep::Function]).collect();
        self
    }

    /// Everything else: `change` gets the settings as they stand.
    pub fn settings(mut self, change: impl FnOnce(&mut PolicyConfig)) -> Self {
        change(&mut self.config);
        self
    }

    /// The policy in the process's registry.
    ///
    /// # Errors
    /// The first setting that is out of range, with its path.
    pub fn build(self) -> Result<Policy, ConfigError> {
        self.build_in(Registry::global())
    }

    /// The policy in a registry of your own, for tests.
    ///
    /// # Errors
    /// As [`Builder::build`].
    pub fn build_in(mut self, registry: &Registry) -> Result<Policy, ConfigError> {
        self.resolve();
        self.check()?;
        Ok(registry.build(self.config))
    }

    /// A probe's lease is not shorter than what a healthy call may take.
    fn resolve(&mut self) {
        let attempt = self.config.timeout.as_ref().and_then(|timeout| timeout.attempt);
        if let Some(breaker) = &mut self.config.breaker {
            let slow = breaker.slow_call.map(|slow| slow.longer_than);
            let lease = &mut breaker.half_open.lease;
            *lease = [Some(*lease), slow, attempt].into_iter().flatten().max().unwrap_or(*lease);
        }
    }

    fn check(&self) -> Result<(), ConfigError> {
        let name = self.config.name.as_deref().unwrap_or_default();
        if name.is_empty() || name.len() > 128 {
            return Err(self.wrong(ConfigCode::BadName, "", "a name has 1 to 128 bytes"));
        }
        let zero = |option: &str, value: u32| match value {
            0 => Err(self.wrong(ConfigCode::OutOfRange, option, "must be at least 1")),
            _ => Ok(()),
        };
        if let Some(breaker) = &self.config.breaker {
            match breaker.window {
                Window::Consecutive { failures } => zero("/breaker/window/failures", failures)?,
                Window::Count { size } => zero("/breaker/window/size", size)?,
                Window::Time { slices, .. } => zero("/breaker/window/slices", slices)?,
            }
            zero("/breaker/half_open/permits", breaker.half_open.permits)?;
            if breaker.slow_call.is_some() && matches!(breaker.window, Window::Consecutive { .. }) {
                let reason = "slow calls need a window of calls: say `failure_rate` too";
                return Err(self.wrong(ConfigCode::Conflict, "/breaker/slow_call", reason));
            }
        }
        if let Some(retry) = &self.config.retry {
            zero("/retry/attempts", retry.attempts)?;
        }
        self.config.bulkhead.as_ref().map_or(Ok(()), |bulkhead| zero("/bulkhead/limit", bulkhead.limit))
    }

    fn wrong(&self, code: ConfigCode, option: &str, reason: &str) -> ConfigError {
        let name = self.config.name.as_deref().unwrap_or_default();
        let path = if code == ConfigCode::BadName { "/name".to_owned() } else { format!("/policy/{name}{option}") };
        ConfigError { code, path, reason: reason.to_owned(), suggestion: None, source: Some("code".to_owned()) }
    }
}
