//! The C runner of behaviour vectors, under the sanitizers.

use super::library::{self, Kind};
use crate::Outcome;
use crate::steps::{command, quiet};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Runs this program again to build the runner and to run it, so that starting it is one command.
pub fn conform(root: &Path, dir: &Path) -> Command {
    let program = std::env::current_exe().unwrap_or_else(|_| "cargo-xtask".into());
    let mut again = command(root, &program.to_string_lossy(), &["c-conform"]);
    again.arg(dir);
    again
}

/// `c-conform DIR`: builds the runner and becomes it.
pub fn run(root: &Path, dir: &str) -> Outcome {
    let lib = library::build(root, Kind::Test)?;
    let sources = root.join("bindings-c/tests/conform");
    let out = root.join("build/c/conform");
    fs::create_dir_all(&out)?;
    let program = out.join("conform");
    let mut cc = command(root, "cc", &["-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-pedantic", "-Werror", "-g"]);
    cc.args(["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-I"]).arg(root.join("bindings-c/include"));
    for source in ["main.c", "words.c", "parts.c", "call.c", "json.c"] {
        cc.arg(sources.join(source));
    }
    cc.arg("-o").arg(&program).arg(lib.join("libseawall.a")).args(["-lgcc_s", "-lpthread", "-lm", "-ldl"]);
    quiet(cc)?;
    let status = Command::new(program).args(["--dir", dir]).status()?;
    if status.success() { Ok(()) } else { Err("not every vector passed".into()) }
}
