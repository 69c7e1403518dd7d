//! `cargo xtask bench host`: a call in host scope beside the same in process scope, in every language,
//! by one process and by several at the same time.
//!
//! Of each language so many processes run as the largest row wants. Each reads questions, one a line,
//! `CASE SCOPE PROCESSES FROM UNTIL`: it makes the policy `CASE-SCOPE-PROCESSES` if it has none yet,
//! waits for the instant `FROM` of the monotonic clock, which all processes share, calls until the
//! instant `UNTIL`, and answers `NANOSECONDS CALLS`: its own processor time, for there may be fewer
//! cores than processes. It ends when there are no more questions, or when a call does not end as the
//! case says.

use super::lines::{Measured, OURS, Row, Unit, median, ratios};
use super::table::processes;
use super::{Effort, Program, Ready, Rows, Segment, c, golang, node, python, rust};
use rustix::time::{ClockId, clock_gettime};
use seawall::segment::{SegmentOptions, View};
use serde::{Deserialize, Serialize};
use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

const CASES: [&str; 4] = ["closed", "failing", "open", "bulkhead"];
const PROCESSES: [usize; 3] = [1, 2, 4];
const SCOPES: [&str; 2] = ["process", "host"];

/// What a process runs a row for before it is timed: policies are made, code is compiled.
const WARM_MS: u32 = 20;
/// A slice of a process is so many of the other rows': it holds its share of collections of garbage.
const SLICES: i64 = 2;
/// From a question to its `FROM`: all have read it by then.
const NOTICE: i64 = 1_000_000;

/// How each language's program is made ready.
type Prepare = fn(&Path) -> Ready;

const LANGUAGES: [(&str, Prepare); 5] = [
    ("Rust", |root| rust::program(root, "together")),
    ("C", |root| c::program(root, "together")),
    ("Python", |root| python::program(root, "together.py")),
    ("Node", |root| node::program(root, "together.js")),
    ("Go", |root| {
        let mut program = golang::program(root)?;
        program.words.push("together".to_owned());
        Ok(program)
    }),
];

/// One case of one language with so many processes, in both scopes: nanoseconds of a call, by round.
pub struct Pair {
    language: &'static str,
    case: &'static str,
    processes: usize,
    process: Vec<f64>,
    host: Vec<f64>,
    /// Processors that the processes had between them.
    busy: Vec<f64>,
}

/// A pair, summed up.
#[derive(Serialize, Deserialize)]
pub struct Cell {
    pub language: String,
    pub case: String,
    pub processes: usize,
    pub process: f64,
    pub host: f64,
    pub ratio: f64,
    pub busy: f64,
}

impl Pair {
    pub fn cell(&self) -> Cell {
        let rounded = |samples: &[f64]| (median(samples) * 100.0).round() / 100.0;
        Cell {
            language: self.language.to_owned(),
            case: self.case.to_owned(),
            processes: self.processes,
            process: rounded(&self.process),
            host: rounded(&self.host),
            ratio: rounded(&ratios(&self.host, &self.process)),
            busy: rounded(&self.busy),
        }
    }

    /// What the budgets judge: the case is the language and its number of processes.
    fn row(&self) -> Row {
        Row {
            case: format!("{}, {}", self.language, processes(self.processes)),
            library: OURS.to_owned(),
            variant: self.case.to_owned(),
            threads: 1,
            unit: Unit::Ratio,
            samples: ratios(&self.host, &self.process),
            floor: String::new(),
            base: String::new(),
            allocs: None,
            bytes: None,
            unranked: None,
        }
    }
}

pub fn measure(root: &Path, effort: Effort) -> Rows {
    let mut measured = Measured::default();
    measured.read(&rust::program(root, "host")?.measure(effort)?)?;
    for (language, prepare) in LANGUAGES {
        let pairs = in_one(language, &prepare(root)?, effort).map_err(|error| format!("{language}: {error}"))?;
        measured.rows.extend(pairs.iter().map(Pair::row));
        measured.pairs.extend(pairs);
    }
    Ok(measured)
}

/// Every pair of one language, round by round.
fn in_one(language: &'static str, program: &Program, effort: Effort) -> Result<Vec<Pair>, Box<dyn Error>> {
    let segment = Segment::new()?;
    let most = PROCESSES.into_iter().max().unwrap_or(1);
    let mut workers: Vec<Worker> = (0..most).map(|_| Worker::begin(program, &segment)).collect::<Result<_, _>>()?;
    let mut pairs = Vec::new();
    for case in CASES {
        for processes in PROCESSES {
            pairs.push(Pair { language, case, processes, process: vec![], host: vec![], busy: vec![] });
            for scope in SCOPES {
                slice(&mut workers[..processes], case, scope, WARM_MS)?;
            }
        }
    }
    for round in 0..effort.rounds {
        for pair in &mut pairs {
            let workers = &mut workers[..pair.processes];
            // Neither scope is always the one that comes first.
            let scopes = if round % 2 == 0 { [0, 1] } else { [1, 0] };
            for scope in scopes.map(|index| SCOPES[index]) {
                let (call, busy) = slice(workers, pair.case, scope, effort.slice_ms)?;
                if scope == "host" { &mut pair.host } else { &mut pair.process }.push(call);
                pair.busy.push(busy);
            }
        }
    }
    all_on_one_cell(&segment)?;
    workers.into_iter().try_for_each(Worker::end)?;
    Ok(pairs)
}

/// All of them call at the same time, for so long that each has its share of the processors: nanoseconds
/// of a call, and how many processors they had between them.
fn slice(workers: &mut [Worker], case: &str, scope: &str, ms: u32) -> Result<(f64, f64), Box<dyn Error>> {
    let length = SLICES * i64::from(ms) * 1_000_000 * workers.len() as i64;
    let from = now() + NOTICE;
    let question = format!("{case} {scope} {} {from} {}\n", workers.len(), from + length);
    workers.iter_mut().try_for_each(|worker| worker.asks.write_all(question.as_bytes()))?;
    let (mut spent, mut calls) = (0.0, 0.0);
    for worker in workers {
        let answer = worker.answer()?;
        (spent, calls) = (spent + answer.0, calls + answer.1);
    }
    Ok((spent / calls, spent / length as f64))
}

/// That nobody quietly stayed in process scope.
fn all_on_one_cell(segment: &Segment) -> Result<(), Box<dyn Error>> {
    let view = View::open(&SegmentOptions { dir: Some(segment.0.clone()), ..SegmentOptions::default() })?;
    let cells = view.ok_or("there is no segment: nothing ran in host scope")?.cells();
    for case in CASES {
        for processes in PROCESSES {
            let name = format!("{case}-host-{processes}");
            let users = cells.iter().find(|cell| cell.name == name).map_or(0, |cell| cell.users.len());
            if users != processes {
                return Err(format!("the cell {name} has {users} users").into());
            }
        }
    }
    Ok(())
}

struct Worker {
    child: Child,
    asks: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Worker {
    fn begin(program: &Program, segment: &Segment) -> Result<Worker, Box<dyn Error>> {
        let mut child = program.command(segment).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (asks, answers) = (child.stdin.take().ok_or("no input")?, child.stdout.take().ok_or("no output")?);
        Ok(Worker { child, asks, answers: BufReader::new(answers) })
    }

    fn answer(&mut self) -> Result<(f64, f64), Box<dyn Error>> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        let (spent, calls) = line.trim().split_once(' ').ok_or("a process ended before it answered")?;
        Ok((spent.parse()?, calls.parse()?))
    }

    fn end(self) -> Result<(), Box<dyn Error>> {
        let Worker { mut child, asks, .. } = self;
        drop(asks);
        let status = child.wait()?;
        if status.success() { Ok(()) } else { Err(format!("a process ended with {status}").into()) }
    }
}

fn now() -> i64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}
