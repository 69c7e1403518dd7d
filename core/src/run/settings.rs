//! Everything that a policy can be told in code: one name for each table of a configuration file, with
//! a setter for each of its options. `docs/configuration.md` lists the same options.
//!
//! ```
//! use seawall::settings::{Backoff, Breaker, CountWindow, OpenFor, ProportionalJitter, Retry};
//! use std::time::Duration;
//!
//! # fn main() -> Result<(), seawall::error::ConfigError> {
//! let open_for = OpenFor::new().base(Duration::from_secs(15)).factor(2.0).jitter(0.1);
//! let llm = seawall::Policy::builder("llm")
//!     .breaker(Breaker::new().window(CountWindow::new().size(50)).failure_rate(0.5).open_for(open_for))
//!     .retry(Retry::new().attempts(4).jitter(ProportionalJitter::new().factor(0.25)))
//!     .timeout(Duration::from_secs(60))
//!     .build()?;
//! assert_eq!(llm.config().retry.as_ref().map(|retry| retry.attempts), Some(4));
//! # Ok(())
//! # }
//! ```

pub use crate::breaker::State;
pub use crate::config::schema::choices::{FallbackOn, Stream};
pub use crate::config::settings::{Give, Settings};
pub use crate::config::{FallbackStep, OnMaxWait, Preset, ProbeMode, Scope, ServerHint, TimeoutMode};

use crate::config::schema::{breaker, policy, retry};

macro_rules! names {
    ($($module:ident { $($(#[$doc:meta])+ $name:ident,)+ })+) => {$($(
        $(#[$doc])+
        pub type $name = Settings<$module::$name>;
    )+)+};
}

names! {
    policy {
        /// One policy; [`crate::Policy::builder`] begins one.
        Policy,
        /// A bound on calls under way at once. Short form: the limit.
        Bulkhead,
        /// Limits on time. Short form: that of an attempt.
        Timeout,
        /// A limit that follows the duration of past attempts.
        Adaptive,
        /// What is answered when the call fails.
        Fallback,
        /// Good results that are kept. Short form: how long they are fresh.
        Cache,
        /// A limit on named amounts.
        CostLimits,
    }
    breaker {
        /// Stops calling a dependency that fails.
        Breaker,
        /// Which calls the rules look at: one of the three windows below.
        Window,
        /// So many failures in a row.
        ConsecutiveWindow,
        /// The last calls.
        CountWindow,
        /// The calls of the last moments.
        TimeWindow,
        /// A rule on calls that succeed too slowly. Short form: how slow that is.
        SlowCall,
        /// How long a circuit stays open. Short form: the first time.
        OpenFor,
        /// How a circuit finds out whether it may close. Short form: the number of probes.
        HalfOpen,
    }
    retry {
        /// Calls again after a failure. Short form: how often it is called at most.
        Retry,
        /// The delay before a retry: one of the five below.
        Backoff,
        /// Each delay a multiple of the one before.
        ExponentialBackoff,
        /// Each delay longer by the same.
        LinearBackoff,
        /// The same delay each time.
        FixedBackoff,
        /// Delays one by one.
        ListBackoff,
        /// By chance between two ends.
        UniformBackoff,
        /// What chance does to a delay: one of the eight below.
        Jitter,
        /// Anything from nothing to the whole delay.
        FullJitter,
        /// Half of the delay, and anything up to the other half.
        EqualJitter,
        /// The delay as it is.
        NoJitter,
        /// Plus or minus a share.
        ProportionalJitter,
        /// Up to a share on top.
        AdditiveJitter,
        /// Plus or minus a length of time.
        AbsoluteJitter,
        /// Up to three times the delay before.
        DecorrelatedJitter,
        /// Smooth exponential growth.
        DecorrelatedV2Jitter,
        /// Delays of their own for classes of outcomes.
        ByOutcome,
        /// A delay of its own for one class of outcome.
        OwnDelay,
        /// A limit on retries: one of the four below.
        Budget,
        /// A bucket of tokens: retries take, successes give back.
        TokenBudget,
        /// What a retry costs, by the outcome it follows.
        TokenCosts,
        /// Retries may be so large a share of the calls.
        RatioBudget,
        /// So large a share of the calls under way may be retries.
        ConcurrentBudget,
        /// So many retries at once.
        CapBudget,
    }
}
