//! Services of several processes, and what a fork, a kill and a second copy in one process do to them.

use crate::steps::{Step, command, quiet};
use crate::{Outcome, golang, node, python};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub const HOME: &str = "tests/processes";
pub const BUILD: &str = "build/processes";

pub fn steps() -> Vec<Step> {
    vec![
        Step::new(
            "processes: gunicorn, uvicorn and the wheel; the npm package; Go binaries and a shared library; a Rust binary",
            build,
        ),
        Step::new("processes: eight workers in four languages find an outage once", detection),
        Step::new("processes: preload, workers, cluster, threads, forks, kills, two copies in one process", test),
    ]
}

/// The interpreter of the environment that the programs in Python run in.
pub fn interpreter(root: &Path) -> PathBuf {
    root.join(BUILD).join("venv/bin/python")
}

/// Everything that the programs need.
pub fn build(root: &Path) -> Outcome {
    python::service(root, &root.join(BUILD).join("venv"), &format!("{HOME}/requirements.lock"))?;
    node::build(root)?;
    link(root)?;
    golang::prepare(root)?;
    let bin = root.join(BUILD).join("bin");
    fs::create_dir_all(&bin)?;
    let out = |name: &str| bin.join(name).display().to_string();
    quiet(go(root, &["build", "-o", &out("goserver"), "./programs/goserver"]))?;
    quiet(go(root, &["build", "-buildmode=c-shared", "-o", &out("libgoshared.so"), "./programs/goshared"]))?;
    let package = ["--package", "seawall-tests", "--bin", "rustserver"];
    quiet(command(root, "cargo", &[&["build", "--quiet", "--release"], &package[..]].concat()))
}

/// Lets the programs in JavaScript import `seawall` as anybody does who installed it.
fn link(root: &Path) -> Outcome {
    let modules = root.join(HOME).join("node_modules");
    fs::create_dir_all(&modules)?;
    let package = modules.join("seawall");
    if package.symlink_metadata().is_err() {
        std::os::unix::fs::symlink("../../../bindings-node", &package)?;
    }
    Ok(())
}

fn test(root: &Path) -> Outcome {
    quiet(go(root, &["vet", "./..."]))?;
    let unformatted = crate::steps::output_of(command(&root.join(HOME), "gofmt", &["-l", "."]))?;
    if !unformatted.is_empty() {
        return Err(format!("not formatted, run gofmt -w in {HOME}:\n{unformatted}").into());
    }
    quiet(tests(root, &["-skip", DETECTION, "./..."]))
}

/// The test that says in one figure what a circuit for all processes is worth.
const DETECTION: &str = "TestEightWorkersFindAnOutageOnce";

fn detection(root: &Path) -> Outcome {
    let said = crate::steps::output_of(tests(root, &["-v", "-run", DETECTION, "."]))?;
    let figure = said.lines().find(|line| line.starts_with("detection: ")).ok_or("the test gave no figure")?;
    println!("        {figure}");
    Ok(())
}

fn tests(root: &Path, arguments: &[&str]) -> Command {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), Into::into);
    let mut test = go(root, &[&["test", "-count=1", "-timeout=8m"], arguments].concat());
    test.env("PROCESSES_PYTHON", interpreter(root))
        .env("PROCESSES_GOSERVER", root.join(BUILD).join("bin/goserver"))
        .env("PROCESSES_GOSHARED", root.join(BUILD).join("bin/libgoshared.so"))
        .env("PROCESSES_RUSTSERVER", target.join("release/rustserver"));
    test
}

/// `go` among the programs and their judge.
pub fn go(root: &Path, arguments: &[&str]) -> Command {
    command(&root.join(HOME), "go", arguments)
}
