//! What `cargo xtask` can do: each chore's name, its options, what it does, and its help.

use crate::steps::run_all;
use crate::{
    Outcome, bench, c, chaos, check, cli, conform, crash, demo, golang, hostile, instructions, interleavings, mutants,
    node, pages, processes, python,
};
use std::fmt::Write;
use std::path::Path;

struct Chore {
    name: &'static str,
    /// Its options as they are typed; none if empty.
    options: &'static str,
    /// What it does, in one line.
    says: &'static str,
    /// What its options mean, and where its results are.
    more: &'static str,
    run: fn(&Path, &[&str]) -> Outcome,
}

const CHORES: [Chore; 19] = [
    Chore {
        name: "demo",
        options: "",
        says: "an outage, with and without Seawall, and a report of it",
        more: "The report is build/demo/report.html; what the services said is in build/demo/logs.",
        run: |root, _| demo::run(root),
    },
    Chore {
        name: "test",
        options: "",
        says: "everything that CI runs",
        more: "Names the toolchains that are missing first, and stops at the first step that fails.",
        run: |root, _| run_all(root, crate::test_steps()),
    },
    Chore {
        name: "check",
        options: "",
        says: "format, lints, arrows, pages, generated files",
        more: "All that can be seen without running anything.",
        run: |root, _| run_all(root, check::steps()),
    },
    Chore {
        name: "python",
        options: "",
        says: "the tests of the Python package alone",
        more: "",
        run: |root, _| run_all(root, python::steps()),
    },
    Chore {
        name: "node",
        options: "",
        says: "the tests of the npm package alone",
        more: "",
        run: |root, _| run_all(root, node::steps()),
    },
    Chore {
        name: "go",
        options: "",
        says: "the tests of the Go module alone",
        more: "",
        run: |root, _| run_all(root, golang::steps()),
    },
    Chore {
        name: "c",
        options: "",
        says: "the tests of the C interface alone",
        more: "",
        run: |root, _| c::tests::run(root),
    },
    Chore {
        name: "conform",
        options: "[--dir DIR] [--lang LANGUAGE] [--scope SCOPE]",
        says: "the behaviour vectors in every language",
        more: "  --dir DIR        the vectors of this folder; tests/vectors unless given\n  \
               --lang LANGUAGE  one of rust, python, typescript, go, c; all unless given\n  \
               --scope SCOPE    process, or host: cells that processes share; process unless given\n\n\
               Each language runs them with the gate on and off, and all counts must be equal.",
        run: conform::run,
    },
    Chore {
        name: "processes",
        options: "",
        says: "services of several processes, forks and kills, alone",
        more: "tests/processes/README.md says how to run each of them by hand.",
        run: |root, _| run_all(root, processes::steps()),
    },
    Chore {
        name: "chaos",
        options: "[--seconds N] [--seed S] [--each N] [--scope SCOPE]",
        says: "workers in four languages on one segment, killed and stopped at random",
        more: "  --seconds N    how long; 20 unless given\n  \
               --seed S       of what is random; 1 unless given\n  \
               --each N       workers of each language; 3 unless given\n  \
               --scope SCOPE  host, or process, where limits must be found broken; host unless given",
        run: chaos::run,
    },
    Chore {
        name: "crash",
        options: "[ROUNDS]",
        says: "deaths at every step of the segment's protocols, with others running",
        more: "Each round dies later at each point; 3 rounds unless given.",
        run: crash::run,
    },
    Chore {
        name: "hostile",
        options: "",
        says: "files that are not what they should be, a stroke at every place of one",
        more: "Needs root, or the right to make user namespaces with subordinate ids.",
        run: |root, _| hostile::run(root),
    },
    Chore {
        name: "loom",
        options: "[--list]",
        says: "every protocol of atomics under the model checker",
        more: "  --list  names them, each with its test and its bound, and runs none",
        run: interleavings::run,
    },
    Chore {
        name: "mutants",
        options: "",
        says: "planted faults, one at a time, each to fail a vector or the test of its path",
        more: "",
        run: |root, _| mutants::run(root),
    },
    Chore {
        name: "instructions",
        options: "[--write]",
        says: "instructions of the hot functions, held to bench/instructions.toml",
        more: "  --write  keeps what is counted now\n\nProfiles are in build/instructions.",
        run: instructions::run,
    },
    Chore {
        name: "bench",
        options: "[LANGUAGE]… [--quick | --check]",
        says: "what a protected call costs, beside what would be used instead",
        more: "  LANGUAGE  rust, python, node, go, or host for host scope; all unless given\n  \
               --quick   a short run that is printed and not written down\n  \
               --check   that the programs fit what they measure, without measuring\n\n\
               A full run writes bench/results and docs/performance.md.",
        run: bench::run,
    },
    Chore {
        name: "exactness",
        options: "",
        says: "what time windows miss on a real clock, into docs/exactness.md",
        more: "",
        run: |root, _| pages::exactness(root),
    },
    Chore {
        name: "gen",
        options: "[--check]",
        says: "generated files: write, or compare",
        more: "  --check  says which differ, and writes none",
        run: |root, words| match words {
            [] => crate::generated(root, false),
            ["--check"] => crate::generated(root, true),
            _ => Err(unknown("gen", words)),
        },
    },
    Chore {
        name: "package",
        options: "[cli | c]",
        says: "what users install, and its quick starts in an empty place",
        more: "  cli  the command `seawall` alone\n  c    the C archive alone\n\nThey are in build/package.",
        run: |root, words| match words {
            [] => run_all(root, crate::package_steps()),
            ["cli"] => cli::package(root),
            ["c"] => c::package::run(root),
            _ => Err(unknown("package", words)),
        },
    },
];

/// # Errors
/// What the chore says, or that there is none of that name.
pub fn run(root: &Path, words: &[&str]) -> Outcome {
    match words {
        ["help" | "--help" | "-h"] => print!("{}", list()),
        ["help", name] => print!("{}", find(name)?.help()),
        [_, rest @ ..] if rest.iter().any(|word| matches!(*word, "--help" | "-h")) => {
            print!("{}", find(words[0])?.help());
        }
        // How `conform` starts the runner of C.
        ["c-conform", dir] => c::conform::run(root, dir)?,
        [name, rest @ ..] => {
            let chore = find(name)?;
            if chore.options.is_empty() && !rest.is_empty() {
                return Err(unknown(name, rest));
            }
            (chore.run)(root, rest)?;
        }
        [] => return Err(format!("which chore?\n\n{}", list()).into()),
    }
    Ok(())
}

fn find(name: &str) -> Result<&'static Chore, String> {
    CHORES.iter().find(|chore| chore.name == name).ok_or_else(|| format!("there is no chore `{name}`\n\n{}", list()))
}

impl Chore {
    fn usage(&self) -> String {
        format!("{} {}", self.name, self.options).trim_end().to_owned()
    }

    fn help(&self) -> String {
        let more = if self.more.is_empty() { String::new() } else { format!("\n{}\n", self.more) };
        format!("cargo xtask {}\n\n{}\n{more}", self.usage(), self.says)
    }
}

/// All chores, a line or two each.
fn list() -> String {
    let mut list = "usage: cargo xtask CHORE [OPTIONS]; `cargo xtask CHORE --help` says more\n\n".to_owned();
    for chore in &CHORES {
        let (usage, says) = (chore.usage(), chore.says);
        let _ = match usage.len() {
            0..=16 => writeln!(list, "  {usage:<16}  {says}"),
            _ => writeln!(list, "  {usage}\n  {:16}  {says}", ""),
        };
    }
    list
}

/// Words that a chore does not know are an error that says which it knows.
pub fn unknown(name: &str, words: &[&str]) -> Box<dyn std::error::Error> {
    let words = words.join(" ");
    match find(name).map(Chore::usage) {
        Ok(usage) => format!("`{name}` does not take `{words}`; it is: cargo xtask {usage}").into(),
        Err(error) => error.into(),
    }
}

/// The values of options that have one each, in the order of `names`.
///
/// # Errors
/// A word that is none of them, and an option without its value.
pub fn values<'a, const N: usize>(
    chore: &str,
    names: [&str; N],
    words: &[&'a str],
) -> Result<[Option<&'a str>; N], Box<dyn std::error::Error>> {
    let mut found = [None; N];
    for pair in words.chunks(2) {
        match (names.iter().position(|name| *name == pair[0]), pair) {
            (Some(at), [_, value]) => found[at] = Some(*value),
            (Some(_), _) => return Err(format!("`{}` needs a value; {}", pair[0], unknown(chore, words)).into()),
            (None, _) => return Err(unknown(chore, &pair[..1])),
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_chore_has_its_line_and_its_help() {
        let list = list();
        for chore in &CHORES {
            assert!(list.contains(&format!("  {}", chore.usage())), "{list}");
            assert!(list.lines().all(|line| line.chars().count() <= 100), "{list}");
            let help = chore.help();
            assert!(help.contains(chore.says) && help.contains(chore.more), "{help}");
            let options = chore.options.split([' ', '[', ']', '|']).filter(|word| word.starts_with("--"));
            options.for_each(|option| assert!(chore.more.contains(option), "{}: {option}", chore.name));
        }
    }

    #[test]
    fn words_that_nobody_knows_run_nothing() {
        let nowhere = Path::new("/nonexistent");
        for (words, said) in [
            (&[][..], "which chore?"),
            (&["lom"], "there is no chore `lom`"),
            (&["lom", "--help"], "there is no chore `lom`"),
            (&["test", "--fast"], "`test` does not take `--fast`; it is: cargo xtask test"),
            (&["loom", "--lst"], "`loom` does not take `--lst`; it is: cargo xtask loom [--list]"),
            (&["gen", "--chck"], "`gen` does not take `--chck`"),
            (&["crash", "many"], "`crash` does not take `many`"),
            (&["package", "rust"], "`package` does not take `rust`"),
            (&["instructions", "--wirte"], "`instructions` does not take `--wirte`"),
            (&["bench", "java"], "`bench` does not take `java`"),
            (&["bench", "--check", "rust"], "`bench` does not take `--check rust`"),
            (&["conform", "--language", "c"], "`conform` does not take `--language`"),
            (&["conform", "--lang"], "`--lang` needs a value"),
            (&["conform", "--lang", "java"], "no runner for `java`; there are rust, python, typescript, go, c"),
            (&["conform", "--dir", "/nonexistent/vectors"], "/nonexistent/vectors: there is no such folder"),
            (&["chaos", "--second", "5"], "`chaos` does not take `--second`"),
            (&["chaos", "--seconds", "five"], "`chaos` does not take `--seconds five`"),
        ] {
            let error = run(nowhere, words).expect_err(&words.join(" ")).to_string();
            assert!(error.starts_with(said), "{words:?}: {error}");
        }
    }

    #[test]
    fn asking_for_help_runs_nothing() {
        let nowhere = Path::new("/nonexistent");
        for chore in &CHORES {
            assert!(run(nowhere, &[chore.name, "--help"]).is_ok(), "{}", chore.name);
            assert!(run(nowhere, &["help", chore.name]).is_ok(), "{}", chore.name);
        }
    }
}
