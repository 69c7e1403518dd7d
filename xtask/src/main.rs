//! The project's chores: `cargo xtask COMMAND`.

mod c;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Well, or what is wrong and what to do about it.
pub type Outcome = Result<(), Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&root(), &words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(root: &Path, words: &[&str]) -> Outcome {
    match words {
        ["gen"] => c::header::run(root, false),
        ["gen", "--check"] => c::header::run(root, true),
        _ => Err("commands: gen [--check]".into()),
    }
}

/// The root of the repository: the folder above this crate.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".")).to_path_buf()
}
