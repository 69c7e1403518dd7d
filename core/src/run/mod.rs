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

mod apart;
#[cfg(feature = "tokio")]
mod asynchronous;
mod attempt;
#[cfg(feature = "http")]
mod body;
mod builder;
mod drive;
mod error;
mod guard;
mod host;
mod judge;
#[cfg(feature = "tower")]
mod layer;
pub(crate) mod listen;
#[cfg(feature = "tokio")]
mod opened;
mod permit;
mod scope;
pub mod settings;
#[cfg(feature = "cache")]
mod store;
#[cfg(feature = "tokio")]
mod stream;
pub(crate) mod wait;

pub use apart::orphans;
pub use attempt::Attempt;
#[cfg(feature = "http")]
pub use body::{HeldBody, HttpLayer, HttpProtected};
pub use builder::Builder;
pub use error::{Error, GaveUp};
pub use guard::Guard;
pub use host::Cause;
pub use judge::{Judged, judge};
#[cfg(feature = "tower")]
pub use layer::{Layer, Protected};
pub use listen::Listener;
pub use permit::{BreakerPermit, BulkheadPermit};

use crate::config::Document;
use crate::error::ConfigError;
use crate::policy::Policy;
use crate::registry::Registry;
use crate::sync::Arc;

/// The policy of that name, as the file that `SEAWALL_CONFIG` names or the environment declares it.
///
/// # Errors
/// `unknown_option` at `/policy/<name>` if nobody declares it; whatever is wrong with the file.
pub fn policy(name: &str) -> Result<Policy, ConfigError> {
    Registry::global().named(name)
}

/// Calls `hear` with everything that happens to the policies of this process; see [`Registry::listen`].
///
/// ```
/// let _listener = seawall::listen(|event| eprintln!("{:?}: {}", event.policy, event.note.kind.as_str()));
/// ```
pub fn listen(hear: impl Fn(&crate::events::Event) + Send + Sync + 'static) -> Listener {
    Registry::global().listen(hear)
}

/// Whether a text is a configuration: every policy in it is resolved.
///
/// # Errors
/// The first mistake, with its place.
pub fn check(toml: &str) -> Result<(), ConfigError> {
    Document::parse_toml(toml, "toml").map(|_| ())
}

impl Policy {
    /// Begins a policy in code. What is not said keeps its default; a file says what code does not, and
    /// the environment has the last word.
    pub fn builder(name: &str) -> Builder {
        Builder::named(name)
    }

    /// Runs `work`, again where the policy retries, and blocks the thread while it waits. Errors are
    /// judged by [`judge`]: a nested policy's refusal is none of the dependency's failures, and what
    /// nobody knows is one. Errors that do not implement [`std::error::Error`] need [`Policy::run_with`].
    ///
    /// A panic in `work` is recorded as a failure and goes on unwinding. Any number of threads may run
    /// under one policy.
    ///
    /// # Errors
    /// The closure's own error as [`Error::User`], or how the policy ended the call.
    #[inline(always)]
    pub fn run<T, E>(&self, mut work: impl FnMut() -> Result<T, E>) -> Result<T, Error<E>>
    where
        E: std::error::Error + 'static,
    {
        drive::blocking(self, &judge::by_chain, &mut host::Plain, move |_| work())
    }

    /// The same; `classify` judges errors of any type. If it panics, the attempt counts for nothing and
    /// the panic goes on unwinding.
    ///
    /// # Errors
    /// As [`Policy::run`].
    #[inline(always)]
    pub fn run_with<T, E>(
        &self,
        classify: impl Fn(&E) -> Judged,
        mut work: impl FnMut() -> Result<T, E>,
    ) -> Result<T, Error<E>> {
        drive::blocking(self, &judge::by_error(classify), &mut host::Plain, move |_| work())
    }

    /// [`Policy::run`] for blocking work that can be left behind: an attempt that has a limit runs in a thread
    /// of its own, and where the limit passes the call goes on without it, whatever `timeout.mode` says.
    /// What is left behind goes on until it ends and counts among [`run::orphans`](crate::run::orphans);
    /// while 64 such threads work, further attempts wait for one as long as their limit allows. Under a
    /// manual clock the work runs where it is called.
    ///
    /// A panic in `work` is recorded as a failure and goes on unwinding in the caller's thread, unless the
    /// work was left behind.
    ///
    /// # Errors
    /// As [`Policy::run`].
    pub fn run_apart<T, E>(&self, work: impl Fn(Attempt) -> Result<T, E> + Send + Sync + 'static) -> Result<T, Error<E>>
    where
        T: Send + 'static,
        E: std::error::Error + Send + 'static,
    {
        let mut apart = apart::Apart { policy: self.clone(), work: Arc::new(work) };
        drive::stepped(self, scope::left(self), &judge::by_chain, &mut host::Plain, &mut apart)
    }

    /// The same policy for one kind of call, with what belongs to it: cache and fallback. Errors are
    /// judged by [`judge`].
    pub fn guard<T: 'static, E: std::error::Error + 'static>(&self) -> Guard<T, E> {
        Guard::new(self.clone(), judge::by_chain)
    }

    /// The same; `judge` judges errors of any type, and values too: a response with status 503 is a
    /// failure although nothing was raised. When attempts end on such a value, it is returned unchanged.
    pub fn guard_with<T, E>(&self, judge: impl Fn(&Result<T, E>) -> Judged + Send + Sync + 'static) -> Guard<T, E> {
        Guard::new(self.clone(), judge)
    }

    /// [`Policy::run`], with an answer where the policy has none: `instead` gets the error the call
    /// would end with.
    ///
    /// # Errors
    /// As [`Policy::run`], where `instead` has no answer.
    pub fn run_or<T, E>(
        &self,
        work: impl FnMut() -> Result<T, E>,
        instead: impl FnOnce(&Error<E>) -> Option<T>,
    ) -> Result<T, Error<E>>
    where
        E: std::error::Error + 'static,
    {
        self.run(work).or_else(|error| instead(&error).ok_or(error))
    }
}
