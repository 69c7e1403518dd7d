//! The Rust rows: a crate of its own, with its own lock file.

use super::lines::Measured;
use super::{Effort, Rows, run_program};
use crate::steps::{command, output_of, quiet};
use std::path::Path;
use std::process::Command;

const HOME: &str = "build/bench/rust";

pub fn measure(root: &Path, effort: Effort) -> Rows {
    quiet(cargo(root, "build"))?;
    let program = |name: &str| command(root, &format!("{HOME}/release/{name}"), &[]);
    let mut measured = Measured::default();
    measured.read(&run_program(program("seawall-bench"), effort)?)?;
    measured.read(&output_of(program("memory"))?)?;
    Ok(measured)
}

/// Host scope beside process scope.
pub fn measure_host(root: &Path, effort: Effort) -> Rows {
    quiet(cargo(root, "build"))?;
    let mut measured = Measured::default();
    measured.read(&run_program(command(root, &format!("{HOME}/release/host"), &[]), effort)?)?;
    Ok(measured)
}

/// `cargo build` or `cargo check` of the crate, away from what ships.
pub fn cargo(root: &Path, what: &str) -> Command {
    command(root, "cargo", &[what, "-q", "--release", "--manifest-path", "bench/rust/Cargo.toml", "--target-dir", HOME])
}
