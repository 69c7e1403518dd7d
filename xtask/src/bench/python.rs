//! The Python rows: the wheel that ships and the peers of the lock file, in an environment of their own.

use super::lines::Measured;
use super::{Effort, Program, Ready, Rows};
use crate::python;
use crate::steps::{command, quiet};
use std::fs;
use std::path::Path;

pub fn measure(root: &Path, effort: Effort) -> Rows {
    let mut measured = Measured::default();
    measured.read(&program(root, "__main__.py")?.measure(effort)?)?;
    Ok(measured)
}

/// One of the files of `bench/python`.
pub fn program(root: &Path, file: &str) -> Ready {
    let home = root.join("build/bench/venv");
    let python = home.join("bin/python").display().to_string();
    let lock = fs::read_to_string(root.join("bench/python/requirements.lock"))?;
    if fs::read_to_string(home.join("bench.lock")).unwrap_or_default() != lock {
        quiet(command(root, "python3", &["-m", "venv", "--clear", &home.display().to_string()]))?;
        let install = ["-m", "pip", "install", "--quiet", "--require-hashes", "--no-deps", "--requirement"];
        quiet(command(root, &python, &[&install[..], &["bench/python/requirements.lock"]].concat()))?;
        fs::write(home.join("bench.lock"), lock)?;
    }
    let wheel = python::wheel(root)?;
    let install = ["-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--force-reinstall", &wheel];
    quiet(command(root, &python, &install))?;
    Ok(Program::new(root, &[&python, &format!("bench/python/{file}")]))
}
