//! The command `seawall`.

mod args;
mod check;
mod control;
mod fault;
mod list;
mod places;
mod rows;
mod show;
mod top;
mod words;

use args::{Arguments, Command};
use clap::{CommandFactory, Parser};
use fault::Fault;
use std::io::{self, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Fault::Io(error)) if is_enough(&error) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("seawall: {fault}");
            fault.exit_code()
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Fault> {
    let place = &arguments.place;
    match &arguments.command {
        Command::List => list::run(place, arguments.json),
        Command::Top { every } => top::run(place, *every),
        Command::Show { policy } => show::run(place, policy, arguments.json),
        Command::Metrics => metrics(place),
        Command::Check { file, strict } => check::run(file, *strict, arguments.json),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Arguments::command(), "seawall", &mut script);
            Ok(io::stdout().write_all(&script)?)
        }
        Command::Man => Ok(clap_mangen::Man::new(Arguments::command()).render(&mut io::stdout())?),
        action => control::run(place, action, arguments.json),
    }
}

/// Whoever read our output has seen enough.
fn is_enough(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::BrokenPipe
}

/// Prints all of a text. That nobody reads it to its end changes nothing of what the command found.
fn print(text: &str) -> Result<(), Fault> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if !is_enough(&error) => Err(error.into()),
        _ => Ok(()),
    }
}

fn metrics(place: &args::Place) -> Result<(), Fault> {
    let mut out = io::stdout().lock();
    for segment in places::open(place)? {
        out.write_all(segment.view.metrics().as_bytes())?;
    }
    Ok(())
}
