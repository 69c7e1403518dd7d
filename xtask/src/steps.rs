//! Running commands one after another, saying what and how long, stopping at the first failure.

use crate::Outcome;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// One line of progress: a name and what it does.
pub struct Step {
    pub name: &'static str,
    pub run: Box<dyn Fn(&Path) -> Outcome>,
}

impl Step {
    pub fn new(name: &'static str, run: impl Fn(&Path) -> Outcome + 'static) -> Step {
        Step { name, run: Box::new(run) }
    }
}

/// Runs the steps and closes with `N passed, N failed`.
pub fn run_all(root: &Path, steps: Vec<Step>) -> Outcome {
    let (count, begun) = (steps.len(), Instant::now());
    for (index, step) in steps.iter().enumerate() {
        println!("[{:>2}/{count}] {} …", index + 1, step.name);
        let start = Instant::now();
        if let Err(error) = (step.run)(root) {
            println!("        failed after {:.1} s: {error}", start.elapsed().as_secs_f64());
            println!("\n{index} passed, 1 failed");
            return Err(format!("{}: {error}", step.name).into());
        }
        println!("        {:.1} s", start.elapsed().as_secs_f64());
    }
    println!("\nall steps in {:.0} s\n{count} passed, 0 failed", begun.elapsed().as_secs_f64());
    Ok(())
}

/// A command in the root of the repository.
pub fn command(root: &Path, program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root);
    command
}

/// Runs a command; what it printed is shown only if it failed.
pub fn quiet(mut command: Command) -> Outcome {
    let shown = format!("{command:?}").replace('"', "");
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{shown}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    print!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Err(format!("`{shown}` ended with {}", output.status).into())
}

/// Runs a command and returns what it printed.
pub fn output_of(mut command: Command) -> Result<String, Box<dyn std::error::Error>> {
    let shown = format!("{command:?}").replace('"', "");
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{shown}: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    print!("{text}{}", String::from_utf8_lossy(&output.stderr));
    Err(format!("`{shown}` ended with {}", output.status).into())
}
