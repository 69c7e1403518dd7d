//! Policies in code: the generated setters, short forms for what most policies say, and `build`.

use super::settings::{self, Give, Settings};
use crate::config::Value;
use crate::config::schema::policy as options;
use crate::error::ConfigError;
use crate::policy::Policy;
use crate::registry::Registry;
use crate::time::Span;
use std::panic::Location;
use std::time::Duration;

/// A policy in the making.
pub type Builder = Settings<options::Policy>;

impl Builder {
    pub(super) fn named(name: &str) -> Builder {
        Builder::new().name(name)
    }

    /// Opens after this many failures in a row (default: 5).
    pub fn consecutive_failures(self, failures: u32) -> Self {
        let window = settings::ConsecutiveWindow::new().failures(failures);
        self.put_inside(&["breaker", "window"], Give::<crate::config::schema::breaker::Window>::give(window))
    }

    /// Opens at this share of failures among the last `size` calls, from `minimum_calls` on.
    pub fn failure_rate(self, rate: f64, size: u32, minimum_calls: u32) -> Self {
        let window = settings::CountWindow::new().size(size);
        self.put_inside(&["breaker", "window"], Give::<crate::config::schema::breaker::Window>::give(window))
            .put_inside(&["breaker", "failure_rate"], Value::Float(rate))
            .put_inside(&["breaker", "minimum_calls"], Value::Integer(minimum_calls.into()))
    }

    /// Opens at this share of failures among the calls of the last `span`, from `minimum_calls` on.
    pub fn failure_rate_over(self, rate: f64, span: Duration, minimum_calls: u32) -> Self {
        let window = settings::TimeWindow::new().span(span);
        self.put_inside(&["breaker", "window"], Give::<crate::config::schema::breaker::Window>::give(window))
            .put_inside(&["breaker", "failure_rate"], Value::Float(rate))
            .put_inside(&["breaker", "minimum_calls"], Value::Integer(minimum_calls.into()))
    }

    /// Opens at this share of calls that took strictly longer than `longer_than`; needs a window of
    /// calls or of time.
    pub fn slow_calls(self, longer_than: Duration, rate: f64) -> Self {
        self.put_inside(&["breaker", "slow_call", "longer_than"], length(longer_than))
            .put_inside(&["breaker", "slow_call", "rate"], Value::Float(rate))
    }

    /// Stays open this long (default: 30 s).
    pub fn open_for(self, span: Duration) -> Self {
        self.put_inside(&["breaker", "open_for", "base"], length(span))
    }

    /// Sends this many probes in half-open (default: 1).
    pub fn probes(self, permits: u32) -> Self {
        self.put_inside(&["breaker", "half_open", "permits"], Value::Integer(permits.into()))
    }

    /// Waits `base`, doubling up to `cap`, with full jitter (default: 100 ms, 20 s).
    pub fn backoff(self, base: Duration, cap: Duration) -> Self {
        let backoff = settings::ExponentialBackoff::new().base(base).cap(cap);
        self.put_inside(&["retry", "backoff"], Give::<crate::config::schema::retry::Backoff>::give(backoff))
    }

    /// For each attempt. A future is dropped at the limit; blocking work is judged when it returns, and
    /// keeps to the limit by asking [`super::Attempt::remaining`].
    pub fn attempt_timeout(self, span: Duration) -> Self {
        self.put_inside(&["timeout", "attempt"], length(span))
    }

    /// For the whole call, waits and retries included; nested calls inherit what is left.
    pub fn deadline(self, span: Duration) -> Self {
        self.put_inside(&["timeout", "deadline"], length(span))
    }

    /// The policy in the process's registry. A policy of this name that was built from the same settings
    /// is the same policy; with other settings, parts of the same name keep the first ones, and the
    /// event `config_conflict` names both places.
    ///
    /// # Errors
    /// The first setting that is out of range or at odds with another, with its path.
    #[track_caller]
    pub fn build(self) -> Result<Policy, ConfigError> {
        let place = Location::caller();
        self.build_at(Registry::global(), place)
    }

    /// The policy in a registry of your own, for tests: see [`crate::testing`].
    ///
    /// # Errors
    /// As [`Builder::build`].
    #[track_caller]
    pub fn build_in(self, registry: &Registry) -> Result<Policy, ConfigError> {
        let place = Location::caller();
        self.build_at(registry, place)
    }

    fn build_at(mut self, registry: &Registry, place: &Location<'_>) -> Result<Policy, ConfigError> {
        // Whoever limits attempts in Rust code knows that blocking work is not stopped.
        if self.get("timeout").is_some_and(|timeout| timeout.get("mode").is_none()) {
            self = self.put_inside(&["timeout", "mode"], Value::Text("cooperative".to_owned()));
        }
        registry.policy_of(self.into_value(), &format!("{}:{}", place.file(), place.line()))
    }
}

fn length(span: Duration) -> Value {
    Give::<Span>::give(span)
}
