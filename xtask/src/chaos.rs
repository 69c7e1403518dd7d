//! Workers in four languages on one segment, killed and stopped at random.

use crate::steps::{Step, command, quiet};
use crate::{Outcome, chores, processes};
use std::path::Path;

/// A short run, after the steps of `processes`, which build what it needs.
pub fn steps() -> Vec<Step> {
    vec![Step::new("chaos: 20 s of kills and stops; limits judged by the upstream", |root| {
        build_workers(root)?;
        direct(root, &["--seconds", "20"])
    })]
}

/// The options are those of the director, which judges.
pub fn run(root: &Path, arguments: &[&str]) -> Outcome {
    let names = ["--seconds", "--seed", "--each", "--scope"];
    let [numbers @ .., scope] = chores::values("chaos", names, arguments)?;
    for (name, number) in names.iter().zip(numbers) {
        if let Some(text) = number.filter(|text| text.parse::<u32>().is_err()) {
            return Err(chores::unknown("chaos", &[name, text]));
        }
    }
    if let Some(other) = scope.filter(|scope| !["host", "process"].contains(scope)) {
        return Err(chores::unknown("chaos", &["--scope", other]));
    }
    println!("chaos: the wheel, the npm package, the Go module, the workers …");
    processes::build(root)?;
    build_workers(root)?;
    direct(root, arguments)
}

fn build_workers(root: &Path) -> Outcome {
    quiet(command(
        root,
        "cargo",
        &["build", "--quiet", "--release", "--package", "seawall-tests", "--bin", "chaos-worker"],
    ))?;
    let bin = root.join(processes::BUILD).join("bin");
    for (name, package) in [("chaos", "./chaos"), ("chaosworker", "./chaos/goworker")] {
        quiet(processes::go(root, &["build", "-o", &bin.join(name).display().to_string(), package]))?;
    }
    Ok(())
}

fn direct(root: &Path, arguments: &[&str]) -> Outcome {
    let bin = root.join(processes::BUILD).join("bin");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), Into::into);
    let mut director = command(&root.join(processes::HOME), &bin.join("chaos").display().to_string(), &[]);
    director
        .arg("--python")
        .arg(processes::interpreter(root))
        .arg("--go")
        .arg(bin.join("chaosworker"))
        .arg("--rust")
        .arg(target.join("release/chaos-worker"))
        .args(arguments);
    match director.status()?.code() {
        Some(0) => Ok(()),
        Some(1) => Err("limits were broken".into()),
        _ => Err("the run did not come to its end".into()),
    }
}
