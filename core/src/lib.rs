//! Circuit breakers, retries, bulkheads and timeouts that decide the same in every language.

pub mod breaker;
pub mod clock;
pub mod config;
pub mod cx;
pub mod error;
pub mod event;
pub mod outcome;
pub mod permit;
pub mod rng;
mod sync;
pub mod time;
