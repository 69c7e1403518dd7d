//! `cargo xtask bench`: what a protected call costs, beside what a user would pick instead.
//!
//! Each language has a program in `bench/`, which prints rows of samples; here they are compared with
//! the floors of the same run, with each other, with the budgets, and written down.

mod budget;
mod c;
mod golang;
mod lines;
mod machine;
mod node;
mod page;
mod picture;
mod python;
mod ranking;
mod record;
mod rust;
mod table;
mod together;

use crate::steps::{command, output_of, quiet};
use crate::{Outcome, chores};
use lines::Measured;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How long a run takes: so many rounds, each row so many milliseconds in each.
#[derive(Clone, Copy)]
struct Effort {
    rounds: u32,
    slice_ms: u32,
}

/// What was measured, or why nothing could be.
type Rows = Result<Measured, Box<dyn std::error::Error>>;

/// A program that is built and installed, or why it is not.
type Ready = Result<Program, Box<dyn std::error::Error>>;

/// How to measure a language; host scope counts as one.
struct Language {
    name: &'static str,
    title: &'static str,
    /// Installs what is needed and measures.
    measure: fn(&Path, Effort) -> Rows,
    /// What tells the versions of its tools.
    tools: &'static [(&'static str, &'static [&'static str])],
    /// Who is not beside it, and why.
    absent: Option<&'static str>,
}

const LANGUAGES: [Language; 5] = [
    Language { name: "rust", title: "Rust", measure: rust::measure, tools: &[("rustc", &["--version"])], absent: None },
    Language {
        name: "python",
        title: "Python",
        measure: python::measure,
        tools: &[("python3", &["--version"])],
        absent: None,
    },
    Language { name: "node", title: "Node", measure: node::measure, tools: &[("node", &["--version"])], absent: None },
    Language {
        name: "go",
        title: "Go",
        measure: golang::measure,
        tools: &[("go", &["version"])],
        absent: Some("resile, whose module can no longer be fetched"),
    },
    Language {
        name: "host",
        title: "Host scope",
        measure: together::measure,
        tools: &[
            ("rustc", &["--version"]),
            ("cc", &["-dumpfullversion"]),
            ("python3", &["--version"]),
            ("node", &["--version"]),
            ("go", &["version"]),
        ],
        absent: None,
    },
];

const QUICK: Effort = Effort { rounds: 5, slice_ms: 1 };
const FULL: Effort = Effort { rounds: 25, slice_ms: 3 };

/// # Errors
/// A budget that is missed and not expected to be; a program that fails.
pub fn run(root: &Path, words: &[&str]) -> Outcome {
    if words == ["--check"] {
        return compiles(root);
    }
    let quick = words.contains(&"--quick");
    let wanted: Vec<&str> = words.iter().copied().filter(|word| *word != "--quick").collect();
    if let Some(unknown) = wanted.iter().find(|word| LANGUAGES.iter().all(|language| language.name != **word)) {
        let words = if words.contains(&"--check") { words } else { &[*unknown] };
        return Err(chores::unknown("bench", words));
    }
    let mut misses = Vec::new();
    for language in LANGUAGES.iter().filter(|language| wanted.is_empty() || wanted.contains(&language.name)) {
        misses.extend(one(root, language, quick)?);
    }
    if !quick {
        page::write(root)?;
        println!("\nwritten: docs/performance.md");
    }
    if misses.is_empty() {
        Ok(())
    } else {
        Err(format!("missed, and not expected to be:\n{}", misses.join("\n")).into())
    }
}

/// Measures a language, prints its table; the misses that nobody expected.
fn one(root: &Path, language: &Language, quick: bool) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let measured = (language.measure)(root, if quick { QUICK } else { FULL })?;
    let mut verdicts = budget::judge(root, language.name, &measured)?;
    let count = verdicts.len();
    verdicts.extend(ranking::judge(language.name, &measured));
    budget::known(root, language.name, &mut verdicts)?;
    let ranking = verdicts.split_off(count);
    let record = record::Record::new(machine::look(root, language.tools), &measured, verdicts, ranking);
    table::print(language.name, &record);
    if !quick {
        record::write(root, language.name, &record)?;
    }
    let unexpected = |verdict: &&budget::Verdict| !verdict.met && verdict.expected.is_none();
    let line = |verdict: &budget::Verdict| {
        let figure = verdict.figure.as_deref().unwrap_or("not measured");
        format!("  {}: {}: {figure}, {}", language.name, verdict.name, verdict.limit)
    };
    Ok(record.verdicts.iter().chain(&record.ranking).filter(unexpected).map(line).collect())
}

/// That the programs still fit what they measure, without measuring; Go's needs the module that ships.
///
/// # Errors
/// What does not compile.
pub fn compiles(root: &Path) -> Outcome {
    quiet(rust::cargo(root, "check"))?;
    quiet(command(root, "python3", &["-m", "compileall", "-q", "bench/python"]))?;
    c::compiles(root, "together")?;
    let unformatted = output_of(command(root, "gofmt", &["-l", "bench/go"]))?;
    if !unformatted.is_empty() {
        return Err(format!("not formatted, run gofmt -w bench/go:\n{unformatted}").into());
    }
    for file in std::fs::read_dir(root.join("bench/node"))?.filter_map(Result::ok).map(|file| file.path()) {
        if file.extension().is_some_and(|ending| ending == "js") {
            quiet(command(root, "node", &["--check", &file.display().to_string()]))?;
        }
    }
    Ok(())
}

/// `docs/performance.md` and its pictures from `bench/results/`: written, or compared.
///
/// # Errors
/// A file that differs, or cannot be written.
pub fn page(root: &Path, check: bool) -> Outcome {
    if check { page::check(root) } else { page::write(root) }
}

/// A measuring program that is ready to run: where, and its first words.
struct Program {
    home: PathBuf,
    words: Vec<String>,
}

impl Program {
    fn new(home: &Path, words: &[&str]) -> Program {
        Program { home: home.to_owned(), words: words.iter().map(|word| (*word).to_owned()).collect() }
    }

    /// Its policies in host scope are in the segment.
    fn command(&self, segment: &Segment) -> Command {
        let mut command = command(&self.home, &self.words[0], &[]);
        command.args(&self.words[1..]).env("SEAWALL_HOST_DIR", &segment.0);
        command
    }

    fn measure(&self, effort: Effort) -> Result<String, Box<dyn std::error::Error>> {
        let segment = Segment::new()?;
        let mut program = self.command(&segment);
        program.args([effort.rounds.to_string(), effort.slice_ms.to_string()]);
        output_of(program)
    }
}

/// The folder of a segment, gone when this is dropped.
struct Segment(PathBuf);

impl Segment {
    fn new() -> Result<Segment, String> {
        let folder = PathBuf::from(format!("/dev/shm/seawall-bench-{}", std::process::id()));
        let made = std::fs::DirBuilder::new().mode(0o700).create(&folder);
        made.map_err(|error| format!("no folder for the segment of a run: {}: {error}", folder.display()))?;
        Ok(Segment(folder))
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
