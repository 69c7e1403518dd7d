//! Instructions of the hot functions, counted by callgrind and held to `bench/instructions.toml`: a
//! regression fails without a noisy clock.

use crate::c::library;
use crate::steps::{command, output_of, quiet};
use crate::{Outcome, chores};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::Path;

const FILE: &str = "bench/instructions.toml";

/// So many calls are counted, after as many that are not.
const CALLS: u64 = 1000;

/// A count is exact; a library's own copy or a branch may differ by a little.
const TOLERANCE: f64 = 0.02;

/// Another compiler makes other instructions: only a gross regression is seen then.
const OTHER_COMPILER: f64 = 0.25;

const CASES: [&str; 8] = [
    "closed",
    "closed, settings changed",
    "closed, time window",
    "open",
    "failing",
    "retry",
    "bulkhead",
    "retry + breaker + bulkhead",
];

/// Instructions of one call, by case.
type Counts = BTreeMap<String, f64>;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    /// The compilers that made what was counted.
    rustc: String,
    cc: String,
    rust: Counts,
    c: Counts,
}

/// # Errors
/// A case that takes more instructions than the file says.
pub fn run(root: &Path, words: &[&str]) -> Outcome {
    if !matches!(words, [] | ["--write"]) {
        return Err(chores::unknown("instructions", words));
    }
    let now = count(root)?;
    match words {
        [] => judge(&toml::from_str(&fs::read_to_string(root.join(FILE))?)?, &now),
        _ => {
            let head =
                "# Instructions of one call, counted by callgrind. Written by `cargo xtask instructions --write`.\n\n";
            Ok(fs::write(root.join(FILE), head.to_owned() + &toml::to_string(&now)?)?)
        }
    }
}

fn judge(kept: &Kept, now: &Kept) -> Outcome {
    let mut worse = Vec::new();
    let languages = [
        ("rust", kept.rustc == now.rustc, &kept.rust, &now.rust),
        ("c", kept.rustc == now.rustc && kept.cc == now.cc, &kept.c, &now.c),
    ];
    for (language, same, kept, now) in languages {
        let tolerance = if same { TOLERANCE } else { OTHER_COMPILER };
        if !same {
            println!("        {language}: another compiler than that of {FILE}: held to {:.0} %", tolerance * 100.0);
        }
        for case in CASES {
            let found = *now.get(case).ok_or("a case was not counted")?;
            let known = *kept.get(case).ok_or_else(|| format!("{FILE} has no `{case}` under `{language}`"))?;
            println!("        {language}: {case}: {found:.0} instructions, {known:.0} kept");
            if found < known * (1.0 - tolerance) {
                println!("        that is fewer: keep it with `cargo xtask instructions --write`");
            }
            if found > known * (1.0 + tolerance) {
                worse.push(format!("{language}: {case}: {found:.0} instructions a call, {known:.0} kept in {FILE}"));
            }
        }
    }
    if worse.is_empty() { Ok(()) } else { Err(format!("slower:\n{}", worse.join("\n")).into()) }
}

fn count(root: &Path) -> Result<Kept, Box<dyn Error>> {
    let out = root.join("build/instructions");
    fs::create_dir_all(&out)?;
    quiet(command(root, "cargo", &["build", "-q", "--release", "-p", "seawall-instructions"]))?;
    let rust = counts(root, "rust", &root.join("target/release/seawall-instructions"))?;
    let hot = out.join("hot");
    library::link(root, &root.join("bench/instructions/hot.c"), &hot)?;
    let said = |program, argument| output_of(command(root, program, &[argument])).map(|text| text.trim().to_owned());
    Ok(Kept {
        rustc: said("rustc", "--version")?,
        cc: said("cc", "-dumpfullversion")?,
        rust,
        c: counts(root, "c", &hot)?,
    })
}

/// Counts each case of a program; the profiles stay beside it for `callgrind_annotate`.
fn counts(root: &Path, language: &str, program: &Path) -> Result<Counts, Box<dyn Error>> {
    CASES.iter().map(|case| Ok(((*case).to_owned(), counted(root, language, program, case)?))).collect()
}

fn counted(root: &Path, language: &str, program: &Path, case: &str) -> Result<f64, Box<dyn Error>> {
    let file = case.replace([',', '+'], "").split_whitespace().collect::<Vec<_>>().join("-");
    let profile = root.join("build/instructions").join(format!("{language}-{file}.callgrind"));
    let mut valgrind = command(root, "valgrind", &["-q", "--tool=callgrind", "--toggle-collect=*measured*"]);
    valgrind.arg(format!("--callgrind-out-file={}", profile.display()));
    quiet({
        valgrind.arg(program).args([case, &CALLS.to_string()]);
        valgrind
    })?;
    let text = fs::read_to_string(&profile)?;
    let total = text.lines().find_map(|line| line.strip_prefix("totals: ")?.trim().parse::<f64>().ok());
    match total {
        // The loop alone takes more than that: nothing was counted.
        Some(total) if total > 5.0 * CALLS as f64 => Ok((total / CALLS as f64).round()),
        total => {
            Err(format!("{language}: {case}: callgrind counted {total:?}: is `measured` still a function?").into())
        }
    }
}
