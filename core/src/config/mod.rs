//! What can be configured, where it comes from, and what it comes to.
//!
//! [`schema`] lists every option once. A [`Document`] is a file, a [`Value`] what code hands over, an
//! [`Environment`] the variables of the process; [`resolve`] lays them over each other and gives a
//! [`PolicyConfig`] that is complete and in range.

#[macro_use]
#[doc(hidden)]
pub mod schema;

mod breaker;
mod bulkhead;
mod cost;
mod document;
mod duration;
mod environment;
mod fallback;
#[cfg(feature = "json")]
mod json;
mod merge;
mod mistakes;
#[doc(hidden)]
pub mod node;
mod packed;
mod policy;
mod presets;
mod resolve;
mod retry;
pub mod settings;
mod suggest;
mod timeout;
mod value;
mod words;

#[cfg(all(test, feature = "json", not(loom)))]
mod tests;

pub use breaker::*;
pub use bulkhead::*;
pub use cost::*;
#[cfg(feature = "json")]
pub use document::from_json;
pub(crate) use document::host_options;
pub use document::{Document, ROOT, operation_timeout, resource_limit};
pub use duration::{BadDuration, parse_duration};
pub use environment::Environment;
pub(crate) use environment::{ENABLED, GATE};
pub use fallback::*;
pub(crate) use packed::Packed;
pub use policy::*;
pub use presets::Preset;
pub use resolve::{Layers, resolve};
pub use retry::*;
pub use suggest::nearest;
pub use timeout::*;
pub use value::Value;
pub(crate) use words::AsWords;
