//! The Go rows: the module that ships, as a proxy serves it, and the peers of `go.sum`.

use super::lines::Measured;
use super::{Effort, Program, Ready, Rows};
use crate::golang;
use crate::steps::{command, quiet};
use std::fs;
use std::path::Path;

pub fn measure(root: &Path, effort: Effort) -> Rows {
    let mut measured = Measured::default();
    measured.read(&program(root)?.measure(effort)?)?;
    Ok(measured)
}

/// The program, built in a folder of its own.
pub fn program(root: &Path) -> Ready {
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
    Ok(Program::new(&home, &["./measure"]))
}
