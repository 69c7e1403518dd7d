//! The vectors, in every language, gate on and off, in process scope or in host scope; the counts must
//! match.

use crate::steps::{command, output_of};
use crate::{Outcome, chores};
use std::path::Path;
use std::process::Command;

/// What a runner's closing line says.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
struct Counts {
    passed: u64,
    failed: u64,
    exempt: u64,
}

type Runner = fn(&Path, &Path) -> Command;

/// Languages whose runner can be started, in the order they are printed.
pub const RUNNERS: &[(&str, Runner)] = &[
    ("rust", rust),
    ("python", crate::python::conform),
    ("typescript", crate::node::conform),
    ("go", crate::golang::conform),
    ("c", crate::c::conform::conform),
];

fn rust(root: &Path, dir: &Path) -> Command {
    let mut command = command(root, "cargo", &["run", "-q", "-p", "seawall-tests", "--bin", "conform", "--", "--dir"]);
    command.arg(dir);
    command
}

/// `conform [--dir DIR] [--lang L] [--scope process|host]`
pub fn run(root: &Path, words: &[&str]) -> Outcome {
    let [dir, wanted, scope] = chores::values("conform", ["--dir", "--lang", "--scope"], words)?;
    let dir = dir.map_or_else(|| root.join("tests/vectors"), |dir| std::path::absolute(dir).unwrap_or(dir.into()));
    if let Some(lang) = wanted.filter(|lang| !RUNNERS.iter().any(|(own, _)| own == lang)) {
        let known: Vec<&str> = RUNNERS.iter().map(|(lang, _)| *lang).collect();
        return Err(format!("no runner for `{lang}`; there are {}", known.join(", ")).into());
    }
    if !dir.is_dir() {
        return Err(format!("{}: there is no such folder of vectors", dir.display()).into());
    }
    let segments = match scope {
        None | Some("process") => None,
        Some("host") => Some(root.join("build/segments")),
        Some(other) => return Err(format!("no scope `{other}`; there are process and host").into()),
    };
    let mut all: Vec<Counts> = Vec::new();
    println!("{:<12} {:<5} {:>7} {:>7} {:>7}", "language", "gate", "passed", "failed", "exempt");
    for (lang, runner) in RUNNERS.iter().filter(|(lang, _)| wanted.is_none_or(|wanted| wanted == *lang)) {
        for gate in ["on", "off"] {
            let mut command = runner(root, &dir);
            command.env("SEAWALL_GATE", gate);
            if let Some(folder) = &segments {
                empty(folder)?;
                // Every registry of a test gets a new segment there.
                command.env("SEAWALL_TEST_SEGMENTS", folder).env("SEAWALL_TEST_SEGMENTS_KEEP", "1");
            }
            let counts =
                counts(&output_of(command)?).ok_or_else(|| format!("the {lang} runner closed without its counts"))?;
            if let Some(folder) = &segments {
                let made = std::fs::read_dir(folder)?.count() as u64;
                // Some vectors are about the configuration alone, or retries, and share nothing.
                if made < (counts.passed + counts.failed) / 3 {
                    return Err(format!("the {lang} runner made {made} segments only: it is not in host scope").into());
                }
                empty(folder)?;
            }
            println!("{lang:<12} {gate:<5} {:>7} {:>7} {:>7}", counts.passed, counts.failed, counts.exempt);
            all.push(counts);
        }
    }
    let (passed, failed) = all.iter().fold((0, 0), |(p, f), counts| (p + counts.passed, f + counts.failed));
    println!("{passed} passed, {failed} failed");
    let total = |counts: &Counts| counts.passed + counts.failed + counts.exempt;
    if all.iter().any(|counts| total(counts) != total(&all[0])) {
        return Err("the languages did not run the same number of vectors".into());
    }
    if failed > 0 || passed == 0 { Err("not every vector passed".into()) } else { Ok(()) }
}

/// A folder as segments want it, with nothing in it.
fn empty(folder: &Path) -> Outcome {
    use std::os::unix::fs::DirBuilderExt;
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    std::fs::create_dir_all(folder.parent().unwrap_or(folder))?;
    Ok(std::fs::DirBuilder::new().mode(0o700).create(folder)?)
}

/// From the last line: `{"lang":"rust","passed":N,"failed":N,"exempt":N}`.
fn counts(output: &str) -> Option<Counts> {
    let line = output.lines().rev().find(|line| line.trim_start().starts_with('{'))?;
    let number = |key: &str| {
        let rest = line.split(&format!("\"{key}\":")).nth(1)?;
        rest.trim_start().split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    };
    Some(Counts { passed: number("passed")?, failed: number("failed")?, exempt: number("exempt")? })
}
