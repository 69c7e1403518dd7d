//! `seawall show`: everything about one policy.

use crate::args::{Named, Place};
use crate::fault::Fault;
use crate::places::{self, Reading};
use crate::rows::{self, Row};
use crate::words::{count, many, percent, plain, sign, span};
use seawall::breaker::BreakerSnapshot;
use seawall::bulkhead::BulkheadSnapshot;
use seawall::config::nearest;
use seawall::time::Tick;
use serde_json::Value;
use std::io::{self, Write};

pub fn run(place: &Place, policy: &Named, as_json: bool) -> Result<(), Fault> {
    let readings: Vec<_> = places::open(place)?.into_iter().map(|it| (it.name.clone(), it.read())).collect();
    let all: Vec<_> = readings
        .iter()
        .flat_map(|(segment, reading)| rows::of(reading).into_iter().map(move |row| (segment, reading, row)))
        .collect();
    let found: Vec<_> = all.iter().filter(|(_, _, row)| is_meant(row, policy)).collect();
    if found.is_empty() {
        return Err(unknown(policy, all.iter().map(|(_, _, row)| row)));
    }
    let mut out = io::stdout().lock();
    if as_json {
        let values: Vec<Value> = found.iter().map(|(segment, _, row)| row.to_json(segment)).collect();
        return Ok(writeln!(out, "{}", Value::Array(values))?);
    }
    for (index, (segment, reading, row)) in found.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        one(&mut out, segment, reading, row)?;
    }
    Ok(())
}

pub fn is_meant(row: &Row, policy: &Named) -> bool {
    row.name == policy.name && policy.key.as_ref().is_none_or(|key| row.key.as_ref() == Some(key))
}

/// No such policy, and the one that was perhaps meant.
pub fn unknown<'a>(policy: &Named, rows: impl Iterator<Item = &'a Row>) -> Fault {
    let rows: Vec<&Row> = rows.collect();
    if let (Some(key), true) = (&policy.key, rows.iter().any(|row| row.name == policy.name)) {
        return Fault::NotThere(format!("policy `{}` has no key `{key}` (see `seawall list`)", policy.name));
    }
    let near = nearest(&policy.name, rows.iter().map(|row| row.name.as_str()));
    let hint =
        near.map_or_else(|| "`seawall list` has their names".to_owned(), |name| format!("did you mean `{name}`?"));
    Fault::NotThere(format!("no policy `{}`; {hint}", policy.name))
}

fn one(out: &mut impl Write, segment: &str, reading: &Reading, row: &Row) -> io::Result<()> {
    writeln!(out, "{}   segment {segment}, {}", row.title(), many(row.processes.len(), "process", "processes"))?;
    if let Some(shot) = &row.breaker {
        breaker(out, shot, reading.now)?;
    }
    if let Some(shot) = &row.bulkhead {
        bulkhead(out, shot)?;
    }
    if let Some(shot) = &row.budget {
        line(
            out,
            "retry budget",
            &format!("{:.1} left, {} granted, {} denied", shot.balance, shot.granted, shot.denied),
        )?;
    }
    for amount in &row.cost {
        line(
            out,
            "cost",
            &format!("{} {} of {}", amount.amount, count(amount.used as f64), count(amount.limit as f64)),
        )?;
    }
    for slot in &row.processes {
        if let Some(process) = reading.processes.iter().find(|process| process.slot == *slot) {
            let age = span(reading.now.since(Tick(process.since)));
            line(out, "process", &format!("{} {} for {age}", process.pid, process.name))?;
        }
    }
    if row.damaged {
        line(out, "damaged", "a part holds what cannot be; its processes go on by themselves")?;
    }
    for part in ["breaker", "bulkhead", "cost"] {
        if let Some(settings) = row.config.to_json().get(part) {
            line(out, "settings", &format!("{part} {settings} (revision {})", row.revision))?;
        }
    }
    Ok(())
}

fn breaker(out: &mut impl Write, shot: &BreakerSnapshot, now: Tick) -> io::Result<()> {
    let mut state = format!("{} {}", sign(shot.state), plain(shot.state.as_str()));
    if let Some(left) = shot.retry_after {
        state += &format!(", next try in {}", span(left));
    }
    if let Some(permits) = shot.permits_left {
        state += &format!(", {} left", many(permits as usize, "probe", "probes"));
    }
    line(out, "breaker", &state)?;
    if let Some(last) = shot.last_transition {
        let change = format!(
            "{} ago: {} → {}, {}",
            span(now.since(last.at)),
            plain(last.from.as_str()),
            plain(last.to.as_str()),
            plain(last.reason.as_str())
        );
        line(out, "last change", &change)?;
    }
    let window = format!(
        "{}, {} failed ({}), {} slow, {} in a row",
        many(shot.calls as usize, "call", "calls"),
        shot.failures,
        percent((shot.calls > 0).then(|| shot.failures as f64 / shot.calls as f64)),
        shot.slow,
        shot.consecutive_failures
    );
    line(out, "window", &window)?;
    let totals = &shot.totals;
    let since = format!(
        "{} succeeded, {} failed, {} refused, {} ignored, {} cancelled, {}",
        count(totals.success as f64),
        count(totals.failure as f64),
        count(totals.rejected as f64),
        count(totals.ignored as f64),
        count(totals.cancelled as f64),
        many(totals.transitions as usize, "change", "changes")
    );
    line(out, "ever", &since)
}

fn bulkhead(out: &mut impl Write, shot: &BulkheadSnapshot) -> io::Result<()> {
    let text = format!(
        "{} of {} in use, {} waiting; ever {} admitted, {} refused",
        shot.in_use,
        shot.limit,
        shot.queued,
        count(shot.admitted as f64),
        count(shot.rejected_full.saturating_add(shot.rejected_timeout) as f64)
    );
    line(out, "bulkhead", &text)
}

fn line(out: &mut impl Write, word: &str, text: &str) -> io::Result<()> {
    writeln!(out, "  {word:<14}{text}")
}
