//! The project's chores: `cargo xtask COMMAND`.

mod adoption;
mod bad_input;
mod bench;
mod borders;
mod c;
mod chaos;
mod check;
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

const COMMANDS: &str = "commands:
  demo               an outage, with and without Seawall, and a report of it
  test               everything that CI runs
  python             the tests of the Python package alone
  node               the tests of the npm package alone
  go                 the tests of the Go module alone
  c                  the tests of the C interface alone
  processes          services of several processes, forks and kills, alone
  chaos [--seconds N] [--seed S]
                     workers in four languages on one segment, killed and stopped at random
  check              format, lints, arrows, generated files
  hostile            files that are not what they should be, a stroke at every place of one
  crash [ROUNDS]     deaths at every step of the segment's protocols, with others running
  conform [--dir DIR] [--lang L] [--scope host]
                     the behaviour vectors in every language
  package            what users install, and its quick starts in an empty place
  loom [--list]      every protocol of atomics under the model checker
  bench [rust|python|node|go|host] [--quick | --check]
                     what a protected call costs, beside what would be used instead; only compiled
  instructions [--write]
                     instructions of the hot functions, held to what is kept, or kept
  mutants            planted faults, one at a time, each to fail a vector or the test of its path
  exactness          what time windows miss on a real clock, into docs/exactness.md
  gen [--check]      generated files: write, or compare";

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
        ["demo"] => demo::run(root),
        ["test"] => steps::run_all(root, test_steps()),
        ["c"] => c::tests::run(root),
        ["check"] => steps::run_all(root, check::steps()),
        ["python"] => steps::run_all(root, python::steps()),
        ["node"] => steps::run_all(root, node::steps()),
        ["go"] => steps::run_all(root, golang::steps()),
        ["processes"] => steps::run_all(root, processes::steps()),
        ["chaos", rest @ ..] => chaos::run(root, rest),
        ["conform", rest @ ..] => conform::run(root, rest),
        ["crash", rest @ ..] => crash::run(root, rest),
        ["hostile"] => hostile::run(root),
        ["c-conform", dir] => c::conform::run(root, dir),
        ["loom", rest @ ..] => interleavings::run(root, rest),
        ["bench", rest @ ..] => bench::run(root, rest),
        ["instructions", rest @ ..] => instructions::run(root, rest),
        ["mutants"] => mutants::run(root),
        ["package", "cli"] => cli::package(root),
        ["package", "c"] => c::package::run(root),
        ["package"] => steps::run_all(root, package_steps()),
        ["exactness"] => pages::exactness(root),
        ["gen"] => c::header::run(root, false)
            .and_then(|()| generate::run(root, false))
            .and_then(|()| adoption::write(root))
            .and_then(|()| bench::page(root, false)),
        ["gen", "--check"] => generated_files(root),
        _ => Err(COMMANDS.into()),
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

pub(crate) fn generated_files(root: &Path) -> Outcome {
    c::header::run(root, true)?;
    generate::run(root, true)?;
    bench::page(root, true)
}

/// The root of the repository: the folder above this crate.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".")).to_path_buf()
}
