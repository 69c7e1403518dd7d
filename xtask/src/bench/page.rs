//! `docs/performance.md` and its pictures, made from the records of the last full runs.

use super::budget::{Verdict, shown};
use super::lines::OURS;
use super::record::{self, Entry, Record};
use super::together::Cell;
use super::{LANGUAGES, Language};
use super::{picture, table};
use crate::Outcome;
use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::Path;

const HEAD: &str = "<!-- Generated from bench/results/; do not edit. Make it anew with: cargo xtask bench -->

# Performance

What a protected call costs, beside what would be used instead, measured in one run on one machine. Every figure on this page was written by `cargo xtask bench`, and those of your machine differ: run it. `bench/` holds the programs, `bench/budgets.toml` the budgets, `bench/expected.toml` the misses that are known.

- Rounds are interleaved: each round runs a short loop of every row, so that a slow spell of the machine falls on all of them. A figure is the median of the rounds; beside it the middle half of them.
- **Added** is what a call costs over the same call without any library. **× floor** is the whole cost over that of the least that could do the work; **× ours** compares what is added; both are taken round by round.
- One thread is timed by its own processor time where the language tells it; two threads share one object and are timed by the clock.
- What a call of Rust returned is looked at where it lies, in every row: to hand it over would copy all the room that its largest error takes.
- A library that counts no outcomes is shown, and not ranked.
";

const TOGETHER: &str = "So many processes call at the same time, from the same instant on: each a policy of its own (`own`: process scope), or all the same one (`one cell`: host scope). The ratio is taken round by round; of one process at most 1.1 is wanted.

There may be more processes than cores, so a call is charged its processor time: that of the calling thread in Rust, C and Go; of the whole process, its collector of garbage included, in Python and Node. `failing`: 15 calls of 16 fail, and the circuit stays closed. `open`: every call is refused. `bulkhead`: 64 places.";

/// # Errors
/// A record that cannot be read, a file that cannot be written.
pub fn write(root: &Path) -> Outcome {
    for (path, text) in files(root)? {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap_or(root))?;
        fs::write(path, text)?;
    }
    Ok(())
}

/// # Errors
/// A file that is not what the records make.
pub fn check(root: &Path) -> Outcome {
    for (path, text) in files(root)? {
        if fs::read_to_string(root.join(&path)).unwrap_or_default() != text {
            return Err(format!("{path} is not what bench/results/ makes: run `cargo xtask gen`").into());
        }
    }
    Ok(())
}

fn files(root: &Path) -> Result<Vec<(String, String)>, Box<dyn Error>> {
    let mut page = HEAD.to_owned();
    let mut files = Vec::new();
    for language in &LANGUAGES {
        let Some(record) = record::read(root, language.name)? else { continue };
        let picture = picture::draw(language.name, &record);
        section(&mut page, language, &record, picture.is_some());
        files.extend(picture.map(|svg| (format!("docs/performance/{}.svg", language.name), svg)));
    }
    files.push(("docs/performance.md".to_owned(), page));
    Ok(files)
}

fn section(page: &mut String, language: &Language, record: &Record, drawn: bool) {
    let (name, title) = (language.name, language.title);
    let machine = &record.machine;
    let peers: Vec<String> = record.peers.iter().map(|(peer, version)| format!("{peer} {version}")).collect();
    let beside = if peers.is_empty() { String::new() } else { format!("\n\nBeside it: {}.", peers.join(", ")) };
    let _ = writeln!(
        page,
        "\n## {title}\n\n{}: {}; {} cores; {}; load {} at the end of the run; {}; {} rounds.{beside}",
        machine.date,
        machine.processor,
        machine.cores,
        machine.kernel,
        machine.load,
        machine.tools.join("; "),
        record.rounds,
    );
    if let Some(absent) = language.absent {
        let _ = writeln!(page, "\nNot beside it: {absent}.");
    }
    if drawn {
        let _ = writeln!(page, "\n![What each library adds to a call in {title}](performance/{name}.svg)");
    }
    together(page, &record.together);
    page.push_str("\n### Budgets\n\n| budget | at most, or least | figure | |\n|---|---:|---:|---|\n");
    record.verdicts.iter().for_each(|verdict| judged(page, verdict));
    if !record.ranking.is_empty() {
        page.push_str("\n### First in its case\n\n| case | quickest peer, added | ours | |\n|---|---:|---:|---|\n");
    }
    record.ranking.iter().for_each(|verdict| judged(page, verdict));
    reasons(page, record);
    page.push_str("\n### Floors\n\n| | ns | middle half |\n|---|---:|---:|\n");
    for floor in record.floors() {
        let threads = if floor.threads > 1 { format!(", {} threads", floor.threads) } else { String::new() };
        let _ = writeln!(
            page,
            "| {}{threads} | {} {} | {} |",
            floor.variant,
            shown(floor.median),
            table::unit(floor),
            half(floor)
        );
    }
    page.push_str("\n### Rows\n\n| | median | middle half | added | × floor | × ours | allocations |\n|---|---:|---:|---:|---:|---:|---:|\n");
    for title in record.titles() {
        let _ = writeln!(page, "| **{title}** | | | | | | |");
        record.of(title).into_iter().for_each(|entry| row(page, entry));
    }
}

/// The table of both scopes.
fn together(page: &mut String, cells: &[Cell]) {
    let Some(first) = table::by_case(cells).next() else { return };
    let _ = write!(page, "\n### One cell, several processes\n\n{TOGETHER}\n\n| ns of a call |");
    for cell in first {
        let _ = write!(page, " {}: own | one cell | ratio |", table::processes(cell.processes));
    }
    let _ = writeln!(page, "\n|---|{}", "---:|---:|---:|".repeat(first.len()));
    for cells in table::by_case(cells) {
        let _ = write!(page, "| {}, {} |", cells[0].language, cells[0].case);
        for cell in cells {
            let bold = if cell.processes == 1 { "**" } else { "" };
            let (process, host, ratio) = (shown(cell.process), shown(cell.host), shown(cell.ratio));
            let _ = write!(page, " {process} | {host} | {bold}{ratio}×{bold} |");
        }
        page.push('\n');
    }
    let _ = writeln!(page, "\n{}", table::busy(cells));
}

fn judged(page: &mut String, verdict: &Verdict) {
    let bold = if verdict.bold { "**" } else { "" };
    let figure = verdict.figure.as_deref().unwrap_or("not measured");
    let _ = writeln!(page, "| {bold}{}{bold} | {} | {figure} | {} |", verdict.name, verdict.limit, verdict.word());
}

/// Why known misses are misses.
fn reasons(page: &mut String, record: &Record) {
    let known =
        record.verdicts.iter().chain(&record.ranking).filter_map(|verdict| Some((verdict, verdict.expected.as_ref()?)));
    let lines: Vec<String> = known.map(|(verdict, why)| format!("- {}: {why}\n", verdict.name)).collect();
    if !lines.is_empty() {
        let _ = write!(page, "\nKnown misses:\n\n{}", lines.concat());
    }
}

fn row(page: &mut String, entry: &Entry) {
    let bold = if entry.library == OURS { "**" } else { "" };
    let _ = writeln!(
        page,
        "| {bold}{}{bold} | {} {} | {} | {} | {} | {} | {} |",
        table::name(entry),
        shown(entry.median),
        table::unit(entry),
        half(entry),
        shown(entry.added),
        table::optional(entry.to_floor),
        table::optional(entry.to_ours),
        table::allocations(entry)
    );
}

fn half(entry: &Entry) -> String {
    if entry.low == entry.high { String::new() } else { format!("{}–{}", shown(entry.low), shown(entry.high)) }
}
