//! The npm package: its addon, its types, its tests, its vectors, its tarball.

use crate::Outcome;
use crate::steps::{Step, command, quiet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub fn steps() -> Vec<Step> {
    vec![
        Step::new("Node: addon and types", build),
        Step::new("Node: tests", |root| tests(root, "on")),
        Step::new("Node: tests, gate off", |root| tests(root, "off")),
    ]
}

fn tests(root: &Path, gate: &str) -> Outcome {
    let mut run = npm(root, &["test", "--silent"]);
    run.env("SEAWALL_GATE", gate);
    quiet(run)
}

/// The vectors through the public API.
pub fn conform(root: &Path, dir: &Path) -> Command {
    if let Err(error) = build(root) {
        eprintln!("the npm package: {error}");
    }
    let mut run = command(root, "node", &["bindings-node/dist/conform/vectors.js", "--dir"]);
    run.arg(dir);
    run
}

pub fn build(root: &Path) -> Outcome {
    let changed =
        |file: &str| fs::metadata(root.join("bindings-node").join(file)).and_then(|meta| meta.modified()).ok();
    // What is installed carries its own copy of the lock file; an older one is another install.
    if changed("node_modules/.package-lock.json") < changed("package-lock.json") {
        quiet(npm(root, &["ci", "--silent", "--no-audit", "--no-fund"]))?;
    }
    quiet(npm(root, &["run", "--silent", "build"]))
}

/// Builds the tarball that ships into `place`; its path.
pub fn pack(root: &Path, place: &Path) -> Result<PathBuf, Box<dyn std::error::Error>> {
    build(root)?;
    quiet(npm(root, &["pack", "--silent", "--pack-destination", &place.to_string_lossy()]))?;
    let tarball = fs::read_dir(place)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|ending| ending == "tgz"));
    Ok(tarball.ok_or("npm pack left no tarball")?)
}

/// The tarball, installed into an empty folder; the README's example runs there.
pub fn package(root: &Path) -> Outcome {
    let place = root.join("build/package/node");
    let _ = fs::remove_dir_all(&place);
    fs::create_dir_all(&place)?;
    let tarball = pack(root, &place)?;
    let install = ["install", "--silent", "--no-audit", "--no-fund", &tarball.to_string_lossy()];
    quiet(command(&place, "npm", &install))?;
    let readme = fs::read_to_string(root.join("bindings-node/README.md"))?;
    let example = readme.split("```js\n").nth(1).and_then(|rest| rest.split("```").next());
    fs::write(place.join("example.mjs"), example.ok_or("the README has no example")?)?;
    let output = command(&place, "node", &["example.mjs"]).output()?;
    match String::from_utf8_lossy(&output.stdout).trim() {
        "ada closed" => Ok(()),
        other => Err(format!("the example printed `{other}` {}", String::from_utf8_lossy(&output.stderr)).into()),
    }
}

fn npm(root: &Path, arguments: &[&str]) -> Command {
    let mut command = command(root, "npm", arguments);
    command.current_dir(root.join("bindings-node"));
    command
}
