//! The Rust rows: a crate of its own, with its own lock file.

use super::lines::Measured;
use super::{Effort, Program, Ready, Rows};
use crate::steps::{command, output_of, quiet};
use std::path::Path;
use std::process::Command;

const HOME: &str = "build/bench/rust";

pub fn measure(root: &Path, effort: Effort) -> Rows {
    let mut measured = Measured::default();
    measured.read(&program(root, "seawall-bench")?.measure(effort)?)?;
    measured.read(&output_of(command(root, &format!("{HOME}/release/memory"), &[]))?)?;
    Ok(measured)
}

/// One of the crate's programs.
pub fn program(root: &Path, name: &str) -> Ready {
    quiet(cargo(root, "build"))?;
    Ok(Program::new(root, &[&format!("{HOME}/release/{name}")]))
}

/// `cargo build` or `cargo check` of the crate, away from what ships.
pub fn cargo(root: &Path, what: &str) -> Command {
    command(root, "cargo", &[what, "-q", "--release", "--manifest-path", "bench/rust/Cargo.toml", "--target-dir", HOME])
}
