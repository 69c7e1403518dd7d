//! What can be seen without running anything: format, lints, arrows between crates, generated files.

use crate::borders;
use crate::steps::{Step, command, quiet};

pub fn steps() -> Vec<Step> {
    vec![
        Step::new("format", |root| {
            quiet(command(root, "cargo", &["fmt", "--all", "--check"]))?;
            quiet(command(root, "cargo", &["fmt", "--manifest-path", "bench/rust/Cargo.toml", "--check"]))?;
            quiet(command(root, "cargo", &["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"]))
        }),
        Step::new("lints", |root| {
            let arguments = [
                "clippy",
                "-q",
                "--workspace",
                "--all-targets",
                "--features",
                "seawall/json,seawall/http,seawall/cache",
                "--",
                "-D",
                "warnings",
            ];
            quiet(command(root, "cargo", &arguments))
        }),
        Step::new("documentation of the core", |root| {
            let features = "json,http,cache";
            let mut docs = command(root, "cargo", &["doc", "-q", "-p", "seawall", "--no-deps", "--features", features]);
            docs.env("RUSTDOCFLAGS", "-D warnings");
            quiet(docs)
        }),
        Step::new("arrows between crates", borders::arrows),
        Step::new("unsafe only where it may be", borders::unsafe_rooms),
        Step::new("std::sync only in sync.rs", borders::sync_room),
        Step::new("every protocol of atomics has its loom test", crate::interleavings::check),
        Step::new("every planted fault has its place", crate::mutants::check),
        Step::new("every snippet of a page is run", crate::pages::check),
        Step::new("every kind of bad input has its test", crate::bad_input::check),
        Step::new("generated files", |root| crate::generated(root, true)),
        Step::new("every feature of the replaced systems has its test", crate::adoption::check),
    ]
}
