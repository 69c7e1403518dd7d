//! What can be seen without running anything: format, lints, arrows between crates, generated files.

use crate::Outcome;
use crate::steps::{Step, command, output_of, quiet};
use std::path::Path;

pub fn steps() -> Vec<Step> {
    vec![
        Step::new("format", |root| {
            quiet(command(root, "cargo", &["fmt", "--all", "--check"]))?;
            quiet(command(root, "cargo", &["fmt", "--manifest-path", "bench/rust/Cargo.toml", "--check"]))
        }),
        Step::new("lints", |root| {
            let arguments = [
                "clippy",
                "-q",
                "--workspace",
                "--all-targets",
                "--features",
                "seawall/json,seawall/tower,seawall/cache",
                "--",
                "-D",
                "warnings",
            ];
            quiet(command(root, "cargo", &arguments))
        }),
        Step::new("documentation of the core", |root| {
            let features = "json,tower,cache";
            let mut docs = command(root, "cargo", &["doc", "-q", "-p", "seawall", "--no-deps", "--features", features]);
            docs.env("RUSTDOCFLAGS", "-D warnings");
            quiet(docs)
        }),
        Step::new("arrows between crates", arrows),
        Step::new("unsafe only where it may be", unsafe_rooms),
        Step::new("std::sync only in sync.rs", sync_room),
        Step::new("every protocol of atomics has its loom test", crate::interleavings::check),
        Step::new("every planted fault has its place", crate::mutants::check),
        Step::new("every snippet of a page is run", crate::pages::check),
        Step::new("generated files", crate::generated_files),
        Step::new("every feature of the replaced systems has its test", crate::adoption::check),
    ]
}

/// The core knows nothing of its bindings, and no binding of another.
fn arrows(root: &Path) -> Outcome {
    let tree = output_of(command(
        root,
        "cargo",
        &["tree", "-q", "-p", "seawall", "--all-features", "-e", "normal", "--prefix", "none"],
    ))?;
    let stray = tree.lines().skip(1).find(|line| line.starts_with("seawall"));
    match stray {
        Some(line) => Err(format!("the core depends on {line}").into()),
        None => Ok(()),
    }
}

fn unsafe_rooms(root: &Path) -> Outcome {
    let text =
        output_of(command(root, "git", &["grep", "-lE", r"^[^/]*\bunsafe( extern| fn| impl| \{)", "--", "*.rs"]));
    let rooms = ["core/src/cell/", "bindings-c/", "bindings-python/src/", "bindings-node/src/"];
    let stray = text
        .unwrap_or_default()
        .lines()
        .find(|file| !rooms.iter().any(|room| file.starts_with(room)))
        .map(str::to_owned);
    match stray {
        Some(file) => Err(format!("{file} uses unsafe; only {rooms:?} may").into()),
        None => Ok(()),
    }
}

fn sync_room(root: &Path) -> Outcome {
    let text = output_of(command(root, "git", &["grep", "-lE", r"std::sync(::atomic)?\b", "--", "core/src/*.rs"]));
    let stray = text.unwrap_or_default().lines().find(|file| *file != "core/src/sync.rs").map(str::to_owned);
    match stray {
        Some(file) => Err(format!("{file} names std::sync; core/src/sync.rs is the place for that").into()),
        None => Ok(()),
    }
}
