//! The Python package: a virtual environment under `build/`, the wheel installed into it, its tests.

use crate::Outcome;
use crate::steps::{Step, command, quiet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const LOCK: &str = "bindings-python/requirements-dev.lock";

pub fn steps() -> Vec<Step> {
    vec![
        Step::new("Python: environment and wheel", install),
        Step::new("Python: tests", |root| quiet(module(root, "pytest", &[]))),
        Step::new("Python: types by mypy", |root| quiet(module(root, "mypy", &[]))),
        Step::new("Python: types by pyright", |root| quiet(module(root, "pyright", &[]))),
        Step::new("adoption: systems C and D", |root| {
            let ports = root.join("tests/adoption");
            quiet(module(root, "pytest", &[&ports.join("c").to_string_lossy(), &ports.join("d").to_string_lossy()]))
        }),
    ]
}

/// The runner of the vectors; the wheel must be installed.
pub fn conform(root: &Path, dir: &Path) -> Command {
    let mut command = Command::new(interpreter(root));
    command.arg("tests/conform.py").arg("--dir").arg(dir).current_dir(root.join("bindings-python"));
    command
}

fn interpreter(root: &Path) -> PathBuf {
    root.join("build/venv/bin/python")
}

fn module(root: &Path, name: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(interpreter(root));
    command.args(["-m", name]).args(arguments).current_dir(root.join("bindings-python"));
    command
}

/// Makes the environment if the lock file is newer than it, and installs a wheel of the tree.
pub fn install(root: &Path) -> Outcome {
    let lock = fs::read_to_string(root.join(LOCK))?;
    let stamp = root.join("build/venv/seawall.lock");
    if fs::read_to_string(&stamp).unwrap_or_default() != lock {
        quiet(command(root, "python3", &["-m", "venv", "--clear", "build/venv"]))?;
        quiet(module(root, "pip", &["install", "--quiet", "--requirement", "requirements-dev.lock"]))?;
        fs::write(&stamp, lock)?;
    }
    let wheels = root.join("build/wheels");
    if wheels.exists() {
        fs::remove_dir_all(&wheels)?;
    }
    let wheels_text = wheels.to_string_lossy().into_owned();
    quiet(module(root, "maturin", &["build", "--quiet", "--release", "--out", &wheels_text]))?;
    let wheel = fs::read_dir(&wheels)?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .find(|path| path.extension().is_some_and(|ending| ending == "whl"))
        .ok_or("maturin made no wheel")?;
    let wheel = wheel.to_string_lossy().into_owned();
    quiet(module(root, "pip", &["install", "--quiet", "--no-deps", "--force-reinstall", &wheel]))
}
