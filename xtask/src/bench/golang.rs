//! The Go rows: the module that ships, as a proxy serves it, and the peers of `go.sum`.

use super::lines::Measured;
use super::{Effort, Rows, run_program};
use crate::golang;
use crate::steps::{command, quiet};
use std::fs;
use std::path::Path;

pub fn measure(root: &Path, effort: Effort) -> Rows {
    let home = root.join("build/bench/go");
    if home.exists() {
        // A module cache is read-only.
        quiet(command(root, "chmod", &["-R", "u+w", &home.display().to_string()]))?;
        fs::remove_dir_all(&home)?;
    }
    fs::create_dir_all(root.join("build/bench"))?;
    quiet(command(root, "cp", &["-r", "bench/go", &home.display().to_string()]))?;
    golang::add_packaged(root, &home)?;
    quiet(golang::packaged(root, &home, &["build", "-o", "measure", "."])?)?;
    let mut measured = Measured::default();
    measured.read(&run_program(command(&home, "./measure", &[]), effort)?)?;
    Ok(measured)
}
