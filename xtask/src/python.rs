//! The Python package: a virtual environment under `build/`, the wheel installed into it, its tests.

use crate::Outcome;
use crate::adoption;
use crate::steps::{Step, command, output_of, quiet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

const LOCK: &str = "bindings-python/requirements-dev.lock";

pub fn steps() -> Vec<Step> {
    vec![
        Step::new("Python: environment and wheel", install),
        Step::new("Python: tests", |root| quiet(module(root, "pytest", &[]))),
        Step::new("Python: types by mypy", |root| quiet(module(root, "mypy", &[]))),
        Step::new("Python: types by pyright", |root| quiet(module(root, "pyright", &[]))),
        Step::new("adoption: systems C and D", |root| {
            let ports = root.join("tests/adoption");
            let (c, d) = (ports.join("c"), ports.join("d"));
            let arguments = ["-v", "-rA", &c.to_string_lossy(), &d.to_string_lossy()];
            let output = output_of(module(root, "pytest", &arguments))?;
            // `PASSED tests/adoption/c/test_c.py::test_name`, or with its parameters behind.
            let passed: Vec<&str> = output
                .lines()
                .filter(|line| line.contains("PASSED"))
                .filter_map(|line| line.split_whitespace().find_map(|word| word.split_once("::")))
                .map(|(_, test)| test.split('[').next().unwrap_or(test))
                .collect();
            adoption::ran(root, "c/", &passed)?;
            adoption::ran(root, "d/", &passed)
        }),
    ]
}

/// The vectors through the public API.
pub fn conform(root: &Path, dir: &Path) -> Command {
    if let Err(error) = install(root) {
        eprintln!("the Python package: {error}");
    }
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

/// Makes the environment if its lock file changed, and installs the wheel if the sources did.
pub fn install(root: &Path) -> Outcome {
    environment(root)?;
    let installed = root.join("build/venv/seawall.wheel");
    let sources =
        ["Cargo.lock", "core", "bindings-python/src", "bindings-python/python", "bindings-python/pyproject.toml"];
    let newest = sources.iter().filter_map(|path| newest(&root.join(path))).max();
    if fs::metadata(&installed).and_then(|data| data.modified()).ok() >= newest {
        return Ok(());
    }
    let wheel = wheel(root)?;
    quiet(module(root, "pip", &["install", "--quiet", "--no-deps", "--force-reinstall", &wheel]))?;
    Ok(fs::write(&installed, wheel)?)
}

/// The virtual environment with the tools of the lock file.
fn environment(root: &Path) -> Outcome {
    let lock = fs::read_to_string(root.join(LOCK))?;
    let stamp = root.join("build/venv/seawall.lock");
    if fs::read_to_string(&stamp).unwrap_or_default() == lock {
        return Ok(());
    }
    quiet(command(root, "python3", &["-m", "venv", "--clear", "build/venv"]))?;
    quiet(module(root, "pip", &["install", "--quiet", "--requirement", "requirements-dev.lock"]))?;
    Ok(fs::write(&stamp, lock)?)
}

/// When anything below `path` was last changed.
fn newest(path: &Path) -> Option<SystemTime> {
    if path.is_dir() {
        return fs::read_dir(path).ok()?.filter_map(|entry| newest(&entry.ok()?.path())).max();
    }
    fs::metadata(path).and_then(|data| data.modified()).ok()
}

/// Builds the wheel that ships; its path.
pub fn wheel(root: &Path) -> Result<String, Box<dyn std::error::Error>> {
    wheel_of(root, "bindings-python", "build/wheels")
}

/// Builds the wheel of a folder into an empty one; its path.
pub fn wheel_of(root: &Path, project: &str, out: &str) -> Result<String, Box<dyn std::error::Error>> {
    environment(root)?;
    let wheels = root.join(out);
    if wheels.exists() {
        fs::remove_dir_all(&wheels)?;
    }
    let out = wheels.to_string_lossy().into_owned();
    let mut build = module(root, "maturin", &["build", "--quiet", "--release", "--locked", "--out", &out]);
    build.current_dir(root.join(project));
    quiet(build)?;
    let found = fs::read_dir(&wheels)?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .find(|path| path.extension().is_some_and(|ending| ending == "whl"))
        .ok_or("maturin made no wheel")?;
    Ok(found.to_string_lossy().into_owned())
}

/// An environment for a service: what its lock file names, and the wheel that ships. Its interpreter.
pub fn service(root: &Path, home: &Path, lock: &str) -> Result<PathBuf, Box<dyn std::error::Error>> {
    let wanted = fs::read_to_string(root.join(lock))?;
    let interpreter = home.join("bin/python");
    let python = interpreter.to_string_lossy().into_owned();
    let pip =
        |arguments: &[&str]| quiet(command(root, &python, &[&["-m", "pip", "install", "--quiet"], arguments].concat()));
    if fs::read_to_string(home.join("service.lock")).unwrap_or_default() != wanted {
        quiet(command(root, "python3", &["-m", "venv", "--clear", &home.to_string_lossy()]))?;
        pip(&["--requirement", lock])?;
        fs::write(home.join("service.lock"), wanted)?;
    }
    pip(&["--no-index", "--no-deps", "--force-reinstall", &wheel(root)?])?;
    Ok(interpreter)
}

/// The wheel in an empty environment, and the quick start of its README run there.
pub fn package(root: &Path) -> Outcome {
    install(root)?;
    let wheel = wheel(root)?;
    let home = root.join("build/package/python");
    let home_text = home.to_string_lossy().into_owned();
    quiet(command(root, "python3", &["-m", "venv", "--clear", &home_text]))?;
    let python = home.join("bin/python").to_string_lossy().into_owned();
    quiet(command(&home, &python, &["-m", "pip", "install", "--quiet", "--no-index", &wheel]))?;
    let words = fs::read_to_string(root.join("bindings-python/README.md"))?;
    for (number, code) in words.split("```python\n").skip(1).filter_map(|rest| rest.split("```").next()).enumerate() {
        let file = home.join(format!("quick_start_{number}.py"));
        fs::write(&file, code)?;
        quiet(command(&home, &python, &["-W", "error", &file.to_string_lossy()]))?;
    }
    Ok(())
}
