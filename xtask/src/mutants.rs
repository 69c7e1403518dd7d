//! Faults planted by hand, one at a time: each must make a vector fail, or on the path that vectors
//! hardly take, the test of it.

use crate::Outcome;
use crate::steps::command;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

struct Mutant {
    file: &'static str,
    /// Text that stands there exactly once.
    from: &'static str,
    to: &'static str,
    judge: Judge,
}

/// Who is to notice.
#[derive(Copy, Clone)]
enum Judge {
    Vectors,
    /// `core/tests/hot_path`: no vector makes the thousands of calls that credit takes.
    HotPath,
}

const fn mutant(file: &'static str, from: &'static str, to: &'static str) -> Mutant {
    Mutant { file, from, to, judge: Judge::Vectors }
}

const fn on_the_hot_path(file: &'static str, from: &'static str, to: &'static str) -> Mutant {
    Mutant { file, from, to, judge: Judge::HotPath }
}

const MUTANTS: [Mutant; 30] = [
    on_the_hot_path("breaker/tally.rs", "if made >= limit {", "if made > limit {"),
    on_the_hot_path("breaker/tally.rs", "limit.store(0, Ordering::Relaxed)", "drop(limit.load(Ordering::Relaxed))"),
    on_the_hot_path(
        "breaker/tally.rs",
        "self.fold_all(slices, slice, Column::Maybe)",
        "self.fold_all(slices, slice, Column::Successes)",
    ),
    on_the_hot_path("breaker/closed.rs", "counts.failures.saturating_mul(2)", "counts.failures"),
    on_the_hot_path("breaker/closed.rs", "Some(_) if !folded =>", "Some(_) if false && !folded =>"),
    on_the_hot_path("breaker/mod.rs", "let old = self.retire();", "let old = self.word();"),
    on_the_hot_path("breaker/credit.rs", "(credit >> 32) as u32 == self.credit_tag(word) && left", "left"),
    on_the_hot_path(
        "breaker/calm.rs",
        "most_that(harmless, MOST)) & NUMBER",
        "1 + most_that(harmless, MOST)) & NUMBER",
    ),
    on_the_hot_path("breaker/calm.rs", "epoch.wrapping_add(1) ^ u64::from(self.rules) << 32", "epoch.wrapping_add(1)"),
    on_the_hot_path("window/count.rs", "(k > more && self.entry", "(k >= more && self.entry"),
    mutant("breaker/transition.rs", "State::Open if now >= deadline()", "State::Open if now > deadline()"),
    mutant("breaker/transition.rs", "State::HalfOpen { word.step() + 1 }", "State::HalfOpen { word.step() }"),
    mutant("breaker/closed.rs", "(word.streak() >= failures)", "(word.streak() > failures)"),
    mutant("breaker/closed.rs", "if counts.calls < minimum {", "if counts.calls <= minimum {"),
    mutant(
        "breaker/failing.rs",
        "|index: u64| tallied.wrapping_add(index).wrapping_add(1);",
        "|index: u64| index.wrapping_mul(0).wrapping_add(tallied & 0);",
    ),
    mutant("breaker/half_open.rs", "() if successes >= needed => Some(true)", "() if successes > needed => Some(true)"),
    mutant(
        "breaker/half_open.rs",
        "(Counted::Neutral(_), _) => Kind::Free",
        "(Counted::Neutral(_), _) => Kind::Success",
    ),
    mutant(
        "breaker/half_open.rs",
        "let doublings = (expired + u64::from(one_more))",
        "let doublings = (expired * 0 + 0 * u64::from(one_more))",
    ),
    mutant(
        "breaker/mod.rs",
        "if word.gate() >> 1 != permit.0 as u32 >> 1 {",
        "if false && word.gate() >> 1 != permit.0 as u32 >> 1 {",
    ),
    mutant("breaker/mod.rs", "took > slow.longer_than", "took >= slow.longer_than"),
    mutant(
        "window/time.rs",
        "let oldest = slice.epoch.saturating_add(1).saturating_sub(self.count);",
        "let oldest = slice.epoch.saturating_sub(self.count);",
    ),
    mutant("retry/mod.rs", "if self.retries >= config.attempts {", "if self.retries > config.attempts {"),
    mutant("retry/mod.rs", "Some(limit) if elapsed.plus(wait) > limit", "Some(limit) if elapsed > limit"),
    mutant(
        "retry/backoff.rs",
        "let e = exact(&config.backoff, k).min(cap).0 as f64;",
        "let e = exact(&config.backoff, k).0 as f64;",
    ),
    mutant("budget/mod.rs", "balance.min(capacity)", "balance.min(capacity + u64::MAX / 2)"),
    mutant(
        "bulkhead/mod.rs",
        "while !inside.queue.is_empty() && self.take_any(inside) {",
        "while false && !inside.queue.is_empty() && self.take_any(inside) {",
    ),
    mutant(
        "bulkhead/queue.rs",
        "let ticket = *self.waiting.first_key_value()?.0;",
        "let ticket = *self.waiting.last_key_value()?.0;",
    ),
    mutant("timeout/mod.rs", ".max(self.config.min).min(fixed)", ".min(fixed)"),
    mutant(
        "call/settle.rs",
        "now.since(self.attempt_started) >= chance",
        "now.since(self.attempt_started) >= Span::ZERO",
    ),
    mutant(
        "call/rescue.rs",
        "Outcome::Permanent => fallback.on_permanent",
        "Outcome::Permanent => fallback.on_failure",
    ),
];

pub fn run(root: &Path) -> Outcome {
    let scratch = root.join("build/mutants");
    plant_bed(root, &scratch)?;
    for judge in [Judge::Vectors, Judge::HotPath] {
        if !judged(&scratch, judge)?.status.success() {
            return Err("without any fault the tests fail already".into());
        }
    }
    let (mut killed, mut alive) = (0, 0);
    for (index, mutant) in MUTANTS.iter().enumerate() {
        let dead = kill(root, &scratch, mutant)?;
        let verdict = if dead { "killed" } else { "ALIVE " };
        println!(
            "        {:>2} {verdict} {}: {}",
            index + 1,
            mutant.file,
            mutant.to.lines().next().unwrap_or_default()
        );
        if dead { killed += 1 } else { alive += 1 }
    }
    println!("{killed} passed, {alive} failed");
    if alive == 0 {
        Ok(())
    } else {
        Err(format!("{alive} planted faults are alive: write the vectors that kill them").into())
    }
}

/// Every fault has its place: a line that changed takes its fault along.
pub fn check(root: &Path) -> Outcome {
    MUTANTS.iter().try_for_each(|mutant| source(root, mutant).map(drop))
}

fn source(root: &Path, mutant: &Mutant) -> Result<String, Box<dyn std::error::Error>> {
    let source = fs::read_to_string(root.join("core/src").join(mutant.file))?;
    match source.matches(mutant.from).count() {
        1 => Ok(source),
        n => Err(format!("core/src/{} says `{}` {n} times, not once", mutant.file, mutant.from).into()),
    }
}

/// Whether its judge notices the fault. A fault that cannot be planted or built is an error.
fn kill(root: &Path, scratch: &Path, mutant: &Mutant) -> Result<bool, Box<dyn std::error::Error>> {
    let source = source(root, mutant)?;
    let place = scratch.join("core/src").join(mutant.file);
    fs::write(&place, source.replace(mutant.from, mutant.to))?;
    let result = judged(scratch, mutant.judge);
    fs::write(&place, &source)?;
    Ok(!result?.status.success())
}

/// A workspace of the core and the runner alone, with a target folder of its own.
fn plant_bed(root: &Path, scratch: &Path) -> Outcome {
    fs::create_dir_all(scratch)?;
    for folder in ["core", "tests"] {
        let _ = fs::remove_dir_all(scratch.join(folder));
        let copied = command(root, "cp", &["-r", folder]).arg(scratch).status()?;
        if !copied.success() {
            return Err(format!("cannot copy {folder}").into());
        }
    }
    let manifest = fs::read_to_string(root.join("Cargo.toml"))?;
    let alone: Vec<String> = manifest
        .lines()
        .map(|line| match line {
            _ if line.starts_with("members") => "members = [\"core\", \"tests\"]".to_owned(),
            _ if line.starts_with("default-members") => "default-members = [\"core\"]".to_owned(),
            // The planted code need not please anybody.
            _ if line.contains("= \"deny\"") => line.replace("\"deny\"", "\"allow\""),
            _ => line.to_owned(),
        })
        .collect();
    fs::write(scratch.join("Cargo.toml"), alone.join("\n"))?;
    fs::copy(root.join("Cargo.lock"), scratch.join("Cargo.lock"))?;
    Ok(())
}

fn judged(scratch: &Path, judge: Judge) -> Result<Output, Box<dyn std::error::Error>> {
    let cargo = |arguments: &[&str]| {
        let mut cargo = Command::new("cargo");
        cargo
            .args(arguments)
            .current_dir(scratch)
            .env("CARGO_TARGET_DIR", scratch.join("target"))
            .env("RUSTFLAGS", "-Awarnings");
        cargo
    };
    let build: &[&str] = match judge {
        Judge::Vectors => &["build", "-q", "--offline", "-p", "seawall-tests", "--bin", "conform"],
        Judge::HotPath => &["test", "-q", "--offline", "-p", "seawall", "--test", "hot_path", "--no-run"],
    };
    let built = cargo(build).output()?;
    if !built.status.success() {
        return Err(format!("the planted fault does not compile:\n{}", String::from_utf8_lossy(&built.stderr)).into());
    }
    match judge {
        Judge::Vectors => Ok(Command::new(scratch.join("target/debug/conform"))
            .args(["--dir", "tests/vectors"])
            .current_dir(scratch)
            .output()?),
        Judge::HotPath => Ok(cargo(&["test", "-q", "--offline", "-p", "seawall", "--test", "hot_path"]).output()?),
    }
}
