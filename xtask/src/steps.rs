//! Running commands one after another, saying what and how long, stopping at the first failure.

use crate::Outcome;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// What a command printed, or why it failed.
type Printed = Result<String, Box<dyn std::error::Error>>;

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
pub fn quiet(command: Command) -> Outcome {
    output_of(command).map(drop)
}

/// Runs a command and returns what it printed.
pub fn output_of(command: Command) -> Printed {
    output_by_line(command, |_| {})
}

/// The same, and hands out each line as it is printed.
pub fn output_by_line(mut command: Command, mut each: impl FnMut(&str)) -> Printed {
    let shown = format!("{command:?}").replace('"', "");
    let _patient = Patient::with(&shown);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("{shown}: {error}"))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    // Read beside: a pipe that nobody empties would stop the command.
    let complaints = thread::spawn(move || {
        let mut text = Vec::new();
        stderr.map_or(Ok(0), |mut pipe| pipe.read_to_end(&mut text)).map(|_| text)
    });
    let (mut text, mut line) = (String::new(), Vec::new());
    let mut lines = stdout.map(BufReader::new).ok_or("no pipe")?;
    while lines.read_until(b'\n', &mut line)? > 0 {
        let read = String::from_utf8_lossy(&line);
        each(read.trim_end());
        text.push_str(&read);
        line.clear();
    }
    let status = child.wait()?;
    let complaints = complaints.join().map_err(|_| format!("{shown}: its complaints cannot be read"))??;
    if status.success() {
        return Ok(text);
    }
    print!("{text}{}", String::from_utf8_lossy(&complaints));
    Err(format!("`{shown}` ended with {status}").into())
}

/// Says on standard error that a command is still running: after ten seconds, then less and less often.
struct Patient {
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Patient {
    const FIRST: Duration = Duration::from_secs(10);

    fn with(shown: &str) -> Patient {
        let (end, ended) = mpsc::channel();
        let shown: String = shown.chars().take(100).collect();
        let thread = thread::spawn(move || {
            let (begun, mut wait) = (Instant::now(), Patient::FIRST);
            while ended.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                eprintln!("        … {} s: {shown}", begun.elapsed().as_secs());
                wait *= 2;
            }
        });
        Patient { end: Some(end), thread: Some(thread) }
    }
}

impl Drop for Patient {
    fn drop(&mut self) {
        drop(self.end.take());
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
