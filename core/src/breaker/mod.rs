//! The circuit breaker.

mod state;

pub use state::State;
