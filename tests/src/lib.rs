//! Runs behaviour vectors (`tests/vectors/README.md`) through the public API of the core.

mod call;
mod expect;
mod parts;
mod runner;
mod words;

pub use runner::{Report, run_dir};
