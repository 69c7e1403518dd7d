//! The project's chores: `cargo xtask COMMAND`.

mod adoption;
mod bad_input;
mod bench;
mod borders;
mod c;
mod chaos;
mod check;
mod chores;
mod cli;
mod conform;
mod crash;
mod demo;
mod generate;
mod golang;
mod hostile;
mod instructions;
mod interleavings;
mod mutants;
mod node;
mod pages;
mod processes;
mod python;
mod steps;
mod tools;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use steps::{Step, command, output_of, quiet};

/// Well, or what is wrong and what to do about it.
pub type Outcome = Result<(), Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match chores::run(&root(), &words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Everything that CI runs, in order.
fn test_steps() -> Vec<Step> {
    let mut steps = vec![Step::new("toolchains", tools::check)];
    steps.extend(check::steps());
    steps.push(Step::new("Rust: unit tests, vectors, documentation", |root| {
        quiet(command(
            root,
            "cargo",
            &["test", "-q", "--workspace", "--features", "seawall/json,seawall/http,seawall/cache"],
        ))
    }));
    steps.push(Step::new("adoption: system E", |root| {
        let output = output_of(command(root, "cargo", &["test", "-p", "seawall-tests", "--test", "adoption_e"]))?;
        let lines = output.lines().filter_map(|line| line.strip_prefix("test ")?.strip_suffix(" ... ok"));
        adoption::ran(root, "e/", &lines.collect::<Vec<_>>())
    }));
    steps.push(Step::new("loom: interleavings", |root| interleavings::run(root, &[])));
    steps.push(Step::new("the measuring programs compile", bench::compiles));
    steps.push(Step::new("instructions of the hot functions", |root| instructions::run(root, &[])));
    steps.extend(python::steps());
    steps.push(Step::new("C: nouns, NULL, misuse, panics, threads, C++, two Rust libraries", c::tests::run));
    steps.extend(node::steps());
    steps.extend(golang::steps());
    steps.extend(processes::steps());
    steps.extend(chaos::steps());
    steps.push(Step::new("conform", |root| conform::run(root, &[])));
    steps.push(Step::new("conform in host scope", |root| conform::run(root, &["--scope", "host"])));
    steps.push(Step::new("deaths at every step of the segment's protocols", |root| crash::run(root, &[])));
    steps.push(Step::new("hostile files, a stroke at every place of a segment", hostile::run));
    steps.push(Step::new("mutants", mutants::run));
    steps.extend(package_steps());
    steps
}

/// What a user installs, each installed into an empty place.
fn package_steps() -> Vec<Step> {
    vec![
        Step::new("package: C archive", c::package::run),
        Step::new("package: Python wheel", python::package),
        Step::new("package: npm tarball", node::package),
        Step::new("package: Go module", golang::package),
        Step::new("package: the command, as wheel and npm package", cli::package),
    ]
}

/// What is generated: compared, or written.
fn generated(root: &Path, check: bool) -> Outcome {
    c::header::run(root, check)?;
    generate::run(root, check)?;
    if !check {
        adoption::write(root)?;
    }
    bench::page(root, check)
}

/// The root of the repository: the folder above this crate.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".")).to_path_buf()
}
