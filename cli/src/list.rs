//! `seawall list`: one line for each policy.

use crate::args::Place;
use crate::fault::Fault;
use crate::places;
use crate::rows::{self, Row};
use crate::words::{count, percent, plain, sign, span};
use seawall::breaker::State;
use serde_json::Value;
use std::io::{self, IsTerminal, Write};

pub fn run(place: &Place, as_json: bool) -> Result<(), Fault> {
    let segments = places::open(place)?;
    let mut out = io::stdout().lock();
    let rows = segments.iter().map(|segment| (segment.name.as_str(), rows::of(&segment.read())));
    if as_json {
        let all: Vec<Value> =
            rows.flat_map(|(name, rows)| rows.iter().map(|row| row.to_json(name)).collect::<Vec<_>>()).collect();
        return Ok(writeln!(out, "{}", Value::Array(all))?);
    }
    // Empty is as good as not set: https://no-color.org.
    let coloured = out.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    for (index, (name, rows)) in rows.enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        writeln!(out, "{name}")?;
        table(&mut out, &rows, coloured)?;
    }
    Ok(())
}

const HEAD: [&str; 7] = ["POLICY", "STATE", "WINDOW", "FAILED", "REFUSED", "PERMITS", "RETRY IN"];

fn table(out: &mut impl Write, rows: &[Row], coloured: bool) -> io::Result<()> {
    let mut lines = vec![HEAD.map(str::to_owned)];
    lines.extend(rows.iter().map(cells));
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..HEAD.len()).map(width).collect();
    for (index, line) in lines.iter().enumerate() {
        write!(out, "  {:<1$}", line[0], widths[0])?;
        let state = format!("  {:<1$}", line[1], widths[1]);
        let colour = index.checked_sub(1).and_then(|row| rows[row].state()).map_or("", colour_of);
        if coloured && !colour.is_empty() {
            write!(out, "\x1b[{colour}m{state}\x1b[0m")?;
        } else {
            write!(out, "{state}")?;
        }
        for column in 2..HEAD.len() {
            write!(out, "  {:>1$}", line[column], widths[column])?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn cells(row: &Row) -> [String; 7] {
    let none = || "–".to_owned();
    let breaker = row.breaker.as_ref();
    [
        row.title(),
        breaker.map_or_else(none, |shot| format!("{} {}", sign(shot.state), plain(shot.state.as_str()))),
        breaker.map_or_else(none, |shot| count(shot.calls as f64)),
        breaker.map_or_else(none, |shot| match shot.calls {
            0 => none(),
            calls => percent(Some(shot.failures as f64 / calls as f64)),
        }),
        count(row.refused() as f64),
        row.bulkhead.as_ref().map_or_else(none, |shot| format!("{}/{}", shot.in_use, shot.limit)),
        breaker.and_then(|shot| shot.retry_after).map_or_else(none, span),
    ]
}

fn colour_of(state: State) -> &'static str {
    match state {
        State::Closed => "32",
        State::HalfOpen => "33",
        State::Open | State::ForcedOpen => "31",
        State::Disabled | State::MetricsOnly => "90",
    }
}
