//! What it ran on.

use crate::steps::{command, output_of};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;

#[derive(Clone, Serialize, Deserialize)]
pub struct Machine {
    pub date: String,
    pub processor: String,
    pub cores: usize,
    pub kernel: String,
    /// Runnable programs, over the last minute, when the run ended: what else the machine was doing.
    pub load: String,
    /// The languages' own versions.
    pub tools: Vec<String>,
}

/// Looks around, after the run.
pub fn look(root: &Path, tools: &[(&str, &[&str])]) -> Machine {
    let said = |program: &str, arguments: &[&str]| {
        output_of(command(root, program, arguments)).unwrap_or_default().trim().to_owned()
    };
    Machine {
        date: said("date", &["-u", "+%Y-%m-%d %H:%M UTC"]),
        processor: processor(),
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        // Without what a distribution calls its build of it.
        kernel: format!("{} {} {}", said("uname", &["-s"]), release(&said("uname", &["-r"])), said("uname", &["-m"])),
        load: read("/proc/loadavg").split(' ').next().unwrap_or_default().to_owned(),
        tools: tools.iter().map(|(program, arguments)| named(program, &said(program, arguments))).collect(),
    }
}

/// A bare number says nothing.
fn named(program: &str, version: &str) -> String {
    if version.starts_with(|first: char| first == 'v' || first.is_ascii_digit()) {
        format!("{program} {version}")
    } else {
        version.to_owned()
    }
}

/// The model by name, and by number where the name is a family's.
fn processor() -> String {
    let text = read("/proc/cpuinfo");
    let field = |name: &str| {
        let line = text.lines().find(|line| line.split(':').next().is_some_and(|key| key.trim() == name));
        line.and_then(|line| line.split_once(": ")).map_or(String::new(), |(_, value)| value.trim().to_owned())
    };
    let numbers = format!("family {} model {} stepping {}", field("cpu family"), field("model"), field("stepping"));
    let name = field("model name");
    if name.is_empty() { "unknown".to_owned() } else { format!("{name}, {numbers}") }
}

fn release(name: &str) -> &str {
    name.split('-').next().unwrap_or(name)
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}
