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
        // Whoever read our output has seen enough.
        Err(Fault::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
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
            clap_complete::generate(*shell, &mut Arguments::command(), "seawall", &mut io::stdout());
            Ok(())
        }
        Command::Man => Ok(clap_mangen::Man::new(Arguments::command()).render(&mut io::stdout())?),
        action => control::run(place, action, arguments.json),
    }
}

fn metrics(place: &args::Place) -> Result<(), Fault> {
    let mut out = io::stdout().lock();
    for segment in places::open(place)? {
        out.write_all(segment.view.metrics().as_bytes())?;
    }
    Ok(())
}
