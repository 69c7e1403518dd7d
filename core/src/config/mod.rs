//! The schema: what can be configured, with defaults and ranges.

mod breaker;
mod bulkhead;
mod cost;
mod fallback;
mod policy;
mod retry;
mod timeout;

pub use breaker::*;
pub use bulkhead::*;
pub use cost::*;
pub use fallback::*;
pub use policy::*;
pub use retry::*;
pub use timeout::*;
