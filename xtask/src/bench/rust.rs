//! The Rust rows: a crate of its own, with its own lock file.

use super::lines::Measured;
use super::{Effort, Rows, with};
use crate::steps::{command, output_of, quiet};
use std::path::Path;

pub fn measure(root: &Path, effort: Effort) -> Rows {
    let home = "build/bench/rust";
    let manifest = "bench/rust/Cargo.toml";
    quiet(command(root, "cargo", &["build", "-q", "--release", "--manifest-path", manifest, "--target-dir", home]))?;
    let program = |name: &str| command(root, &format!("{home}/release/{name}"), &[]);
    let mut measured = Measured::default();
    measured.read(&output_of(with(program("seawall-bench"), effort))?)?;
    measured.read(&output_of(program("memory"))?)?;
    Ok(measured)
}
