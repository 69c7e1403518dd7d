//! Runs behaviour vectors (`tests/vectors/README.md`) through the public API of the core.

mod call;
mod expect;
pub mod hostile;
mod parts;
mod runner;
mod words;

pub use runner::{Report, run_dir};
