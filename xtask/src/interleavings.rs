//! The model checker: every protocol of atomics, and that each file with an atomic has one.

use crate::steps::{command, output_by_line, output_of};
use crate::{Outcome, chores};
use std::fs;
use std::path::Path;

/// `loom [--list]`
pub fn run(root: &Path, words: &[&str]) -> Outcome {
    match words {
        [] => explore(root, &protocols(root)?),
        ["--list"] => {
            for protocol in &protocols(root)? {
                println!("{:<50} {:<36} {}", text(protocol, "name"), text(protocol, "test"), text(protocol, "bound"));
            }
            Ok(())
        }
        _ => Err(chores::unknown("loom", words)),
    }
}

fn explore(root: &Path, protocols: &[toml::Value]) -> Outcome {
    let count = protocols.len();
    println!("        {count} protocols: compiling, then one after another …");
    let mut tests = command(root, "cargo", &["test", "-q", "-p", "seawall", "--release", "--lib", "loom_tests"]);
    tests.args(["--", "--format=pretty"]);
    tests.env("RUSTFLAGS", "--cfg loom").env("CARGO_TARGET_DIR", root.join("build/loom"));
    let mut seen = 0;
    let output = output_by_line(tests, |line| {
        if let Some((test, "ok")) = line.strip_prefix("test ").and_then(|line| line.rsplit_once(" ... ")) {
            seen += 1;
            let test = test.rsplit("::").next().unwrap_or(test);
            let name = protocols.iter().find(|protocol| text(protocol, "test") == test);
            println!("        {seen:>2}/{count} {}", name.map_or(test, |protocol| text(protocol, "name")));
        }
    })?;
    let passed = format!("{} passed; 0 failed; 0 ignored", protocols.len());
    if output.contains(&passed) { Ok(()) } else { Err(format!("not each listed protocol ran: {output}").into()) }
}

/// A file that changes an atomic by more than a plain count is in the list.
pub fn check(root: &Path) -> Outcome {
    let listed: Vec<String> = protocols(root)?
        .iter()
        .flat_map(|protocol| protocol.get("files").and_then(toml::Value::as_array).cloned().unwrap_or_default())
        .filter_map(|file| file.as_str().map(str::to_owned))
        .collect();
    if let Some(gone) = listed.iter().find(|file| !root.join(file).exists()) {
        return Err(format!("core/loom.toml names {gone}, which does not exist").into());
    }
    let pattern = r"compare_exchange|fetch_update|fetch_max|\.swap\(";
    let files = output_of(command(root, "git", &["grep", "-lE", pattern, "--", "core/src/*.rs"]))?;
    // A clock's own word, tests, and marks that say only whether to look, are no protocol between callers;
    // descriptors of locks are entered one by one, and closed where one thread runs.
    let free = [
        "core/src/clock.rs",
        "core/src/loom_tests.rs",
        "core/src/segment/loom_tests.rs",
        "core/src/sync/loom_tests.rs",
        "core/src/segment/host.rs",
        "core/src/segment/fork.rs",
    ];
    match files.lines().find(|file| !free.contains(file) && !listed.iter().any(|own| own == file)) {
        Some(file) => Err(format!("{file} changes an atomic that no protocol of core/loom.toml covers").into()),
        None => Ok(()),
    }
}

fn protocols(root: &Path) -> Result<Vec<toml::Value>, Box<dyn std::error::Error>> {
    let list: toml::Value = toml::from_str(&fs::read_to_string(root.join("core/loom.toml"))?)?;
    Ok(list.get("protocol").and_then(toml::Value::as_array).cloned().ok_or("core/loom.toml lists no protocol")?)
}

fn text<'a>(protocol: &'a toml::Value, key: &str) -> &'a str {
    protocol.get(key).and_then(toml::Value::as_str).unwrap_or("?")
}
