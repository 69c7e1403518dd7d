//! The Rust driver: runs closures and futures under a policy.
//!
//! ```
//! use seawall::{Error, Policy};
//! use std::time::Duration;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let identity = Policy::builder("identity")
//!     .consecutive_failures(5)
//!     .open_for(Duration::from_secs(30))
//!     .retry(3)
//!     .build()?;
//!
//! let user = identity.run(|| Ok::<_, std::io::Error>("ada"))?;
//! assert_eq!(user, "ada");
//! # Ok(())
//! # }
//! ```

#[cfg(feature = "tokio")]
mod asynchronous;
mod attempt;
mod builder;
mod drive;
mod error;
mod guard;
mod host;
#[cfg(feature = "tower")]
mod layer;
mod permit;
mod scope;
#[cfg(feature = "cache")]
mod store;
pub(crate) mod wait;

pub use attempt::Attempt;
pub use builder::Builder;
pub use error::Error;
pub use guard::{Cause, Guard};
#[cfg(feature = "tower")]
pub use layer::{Layer, Protected};
pub use permit::{BreakerPermit, BulkheadPermit};

use crate::config::Document;
use crate::error::ConfigError;
use crate::outcome::{Hint, Outcome};
use crate::policy::Policy;
use crate::registry::Registry;

/// The policy of that name, as the file that `SEAWALL_CONFIG` names or the environment declares it.
///
/// # Errors
/// `unknown_option` at `/policy/<name>` if nobody declares it; whatever is wrong with the file.
pub fn policy(name: &str) -> Result<Policy, ConfigError> {
    Registry::global().named(name)
}

/// Whether a text is a configuration: every policy in it is resolved.
///
/// # Errors
/// The first mistake, with its place.
pub fn check(toml: &str) -> Result<(), ConfigError> {
    Document::parse_toml(toml, "toml").map(|_| ())
}

impl Policy {
    /// Begins a policy in code. What is not said keeps its default.
    pub fn builder(name: &str) -> Builder {
        Builder::new(name)
    }

    /// Runs `work`, again where the policy retries, and blocks while it waits. Every error is a
    /// failure; judge with [`Policy::run_with`] where that is too coarse.
    ///
    /// A panic in `work` is recorded as a failure and goes on unwinding.
    ///
    /// # Errors
    /// The closure's own error as [`Error::User`], or how the policy ended the call.
    pub fn run<T, E>(&self, work: impl FnMut() -> Result<T, E>) -> Result<T, Error<E>> {
        self.run_with(|_: &E| (Outcome::Failure, None), work)
    }

    /// The same; `classify` judges errors.
    ///
    /// # Errors
    /// As [`Policy::run`].
    pub fn run_with<T, E>(
        &self,
        classify: impl Fn(&E) -> (Outcome, Option<Hint>),
        work: impl FnMut() -> Result<T, E>,
    ) -> Result<T, Error<E>> {
        let mut work = work;
        drive::blocking(self, &host::by_error(classify), &mut host::Plain, |_| work())
    }

    /// The same policy for one kind of call, with what belongs to it: judgement of results, cache
    /// and fallback.
    pub fn guard<T, E>(&self) -> Guard<T, E> {
        Guard::new(self.clone())
    }

    /// The same, with an answer where the policy has none: `instead` gets the error the call would
    /// end with.
    ///
    /// # Errors
    /// As [`Policy::run`], where `instead` answers with an error.
    pub fn run_or<T, E>(
        &self,
        work: impl FnMut() -> Result<T, E>,
        instead: impl FnOnce(&Error<E>) -> Option<T>,
    ) -> Result<T, Error<E>> {
        self.run(work).or_else(|error| instead(&error).ok_or(error))
    }
}
