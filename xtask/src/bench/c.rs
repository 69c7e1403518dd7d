//! The rows of C: a program on the static library that ships.

use super::{Program, Ready};
use crate::Outcome;
use crate::c::library;
use crate::steps::quiet;
use std::fs;
use std::path::Path;

/// One of the programs of `bench/c`, built.
pub fn program(root: &Path, name: &str) -> Ready {
    let out = root.join("build/bench/c");
    fs::create_dir_all(&out)?;
    let program = out.join(name);
    library::link(root, &root.join(format!("bench/c/{name}.c")), &program)?;
    Ok(Program::new(root, &[&program.display().to_string()]))
}

/// That it compiles, without the library.
pub fn compiles(root: &Path, name: &str) -> Outcome {
    let mut cc = library::compiler(root, &root.join(format!("bench/c/{name}.c")));
    cc.arg("-fsyntax-only");
    quiet(cc)
}
