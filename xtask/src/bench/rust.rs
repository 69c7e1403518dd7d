//! The Rust rows: a crate of its own, with its own lock file.

use super::lines::Measured;
use super::{Effort, Rows, with};
use crate::steps::{command, output_of, quiet};
use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::process::Command;

const HOME: &str = "build/bench/rust";

pub fn measure(root: &Path, effort: Effort) -> Rows {
    quiet(cargo(root, "build"))?;
    let program = |name: &str| command(root, &format!("{HOME}/release/{name}"), &[]);
    let mut measured = Measured::default();
    measured.read(&output_of(with(program("seawall-bench"), effort))?)?;
    measured.read(&output_of(program("memory"))?)?;
    Ok(measured)
}

/// Host scope beside process scope, on a segment that goes with the run.
pub fn measure_host(root: &Path, effort: Effort) -> Rows {
    quiet(cargo(root, "build"))?;
    let dir = format!("/dev/shm/seawall-bench-{}", std::process::id());
    fs::DirBuilder::new().mode(0o700).create(&dir)?;
    let mut host = with(command(root, &format!("{HOME}/release/host"), &[]), effort);
    host.env("SEAWALL_HOST_DIR", &dir);
    let said = output_of(host);
    fs::remove_dir_all(&dir)?;
    let mut measured = Measured::default();
    measured.read(&said?)?;
    Ok(measured)
}

/// `cargo build` or `cargo check` of the crate, away from what ships.
pub fn cargo(root: &Path, what: &str) -> Command {
    command(root, "cargo", &[what, "-q", "--release", "--manifest-path", "bench/rust/Cargo.toml", "--target-dir", HOME])
}
