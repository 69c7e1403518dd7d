//! Circuit breakers, retries, bulkheads and timeouts that decide the same in every language.

#![warn(missing_docs)]

mod admission;
pub mod breaker;
mod brief;
pub mod budget;
pub mod bulkhead;
pub mod call;
mod cell;
pub mod classify;
pub mod clock;
pub mod config;
pub mod cost;
pub mod cx;
pub mod error;
pub mod event;
pub mod events;
mod family;
mod fork;
#[cfg(feature = "json")]
mod json;
mod limited;
#[cfg(all(test, loom))]
mod loom_tests;
mod metrics;
mod names;
pub mod outcome;
mod parts;
mod pass;
pub mod permit;
mod policy;
mod registry;
mod required;
pub mod retry;
pub mod rng;
pub mod run;
pub mod segment;
mod sync;
pub mod testing;
pub mod time;
pub mod timeout;
mod views;
mod window;

pub use admission::{Admission, Ending};
pub use metrics::EndingLines;
pub use pass::Pass;
pub use policy::{Policy, Reserved, RetrySchedule};
pub use registry::Registry;
pub use run::{Error, Judged, judge, listen, policy, settings};

/// The page of the package; its programs are run as tests.
#[cfg(all(doctest, feature = "cache", feature = "tokio"))]
#[doc = include_str!("../README.md")]
struct Page;
