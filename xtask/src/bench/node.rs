//! The Node rows: the tarball that ships and the peers of the lock file, in a folder of their own.

use super::lines::Measured;
use super::{Effort, Program, Ready, Rows};
use crate::node;
use crate::steps::{command, quiet};
use std::fs;
use std::path::Path;

pub fn measure(root: &Path, effort: Effort) -> Rows {
    let mut measured = Measured::default();
    measured.read(&program(root, "main.js")?.measure(effort)?)?;
    Ok(measured)
}

/// One of the files of `bench/node`.
pub fn program(root: &Path, file: &str) -> Ready {
    let (from, home) = (root.join("bench/node"), root.join("build/bench/node"));
    fs::create_dir_all(&home)?;
    let lock = fs::read_to_string(from.join("package-lock.json"))?;
    let fresh = fs::read_to_string(home.join("package-lock.json")).unwrap_or_default() == lock;
    for file in fs::read_dir(&from)?.filter_map(Result::ok).filter(|file| file.path().is_file()) {
        fs::copy(file.path(), home.join(file.file_name()))?;
    }
    let npm = |arguments: &[&str]| quiet(command(&home, "npm", arguments));
    if !fresh || !home.join("node_modules").exists() {
        npm(&["ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"])?;
    }
    let place = home.join("package");
    let _ = fs::remove_dir_all(&place);
    fs::create_dir_all(&place)?;
    let tarball = node::pack(root, &place)?.display().to_string();
    npm(&["install", "--silent", "--no-audit", "--no-fund", "--no-save", "--no-package-lock", &tarball])?;
    Ok(Program::new(&home, &["node", "--expose-gc", file]))
}
