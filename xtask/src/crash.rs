//! Deaths at every numbered place of the segment's protocols.

use crate::steps::{command, output_of};
use crate::{Outcome, chores};
use std::path::Path;

/// `crash [ROUNDS]`: each round dies later at each point, with others running.
pub fn run(root: &Path, words: &[&str]) -> Outcome {
    let rounds = match words {
        [] => 3,
        [rounds] => rounds.parse::<u32>().map_err(|_| chores::unknown("crash", words))?,
        _ => return Err(chores::unknown("crash", words)),
    };
    let arguments =
        ["test", "-q", "-p", "seawall-tests", "--features", "crash-points", "--test", "crash", "--", "--nocapture"];
    let mut test = command(root, "cargo", &arguments);
    test.env("CARGO_TARGET_DIR", root.join("build/crash")).env("SEAWALL_CRASH_ROUNDS", rounds.to_string());
    let output = output_of(test)?;
    let deaths: Vec<&str> = output.lines().filter(|line| line.contains("died") || line.contains("deaths at")).collect();
    println!("        {}", deaths.join("\n        "));
    if output.contains(" deaths at ") { Ok(()) } else { Err("the test did not come to its end".into()) }
}
