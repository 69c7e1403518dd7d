//! The table of one language, for the terminal.

use super::budget::{Verdict, shown};
use super::lines::{OURS, Unit};
use super::record::{Entry, Record};
use super::together::Cell;

pub fn print(lang: &str, record: &Record) {
    let peers: Vec<String> = record.peers.iter().map(|(peer, version)| format!("{peer} {version}")).collect();
    println!("\n{lang}: {} rounds on {}; load {}", record.rounds, record.machine.processor, record.machine.load);
    println!("peers: {}\n", peers.join(", "));
    println!(
        "{:58} {:>10} {:>17} {:>9} {:>8} {:>8} {:>12}",
        "", "median", "middle half", "added", "× floor", "× ours", "allocations"
    );
    for floor in record.floors() {
        let threads = if floor.threads > 1 { format!(", {} threads", floor.threads) } else { String::new() };
        line(&format!("floor: {}{threads}", floor.variant), "", floor);
    }
    for title in record.titles() {
        println!("{title}");
        for entry in record.of(title) {
            let mark = if entry.library == OURS { "▶" } else { " " };
            line(&format!("  {mark} {}", name(entry)), &shown(entry.added), entry);
        }
    }
    together(&record.together);
    judged("budgets", &record.verdicts);
    judged("first in its case", &record.ranking);
}

/// Library and variant, and why it is not ranked.
pub fn name(entry: &Entry) -> String {
    let variant = if entry.variant.is_empty() { String::new() } else { format!(" · {}", entry.variant) };
    let unranked = entry.unranked.as_ref().map_or(String::new(), |why| format!(" (unranked: {why})"));
    format!("{}{variant}{unranked}", entry.library)
}

pub fn unit(entry: &Entry) -> &'static str {
    match entry.unit {
        Unit::Ns => "ns",
        Unit::Bytes => "B",
        Unit::Ms => "ms",
        Unit::Count => "",
        Unit::Ratio => "×",
    }
}

pub fn optional(figure: Option<f64>) -> String {
    figure.map_or(String::new(), shown)
}

/// How many, and of how many bytes together.
pub fn allocations(entry: &Entry) -> String {
    match (entry.allocs, entry.bytes) {
        (Some(allocs), Some(bytes)) if allocs > 0.0 => format!("{allocs:.0}, {bytes:.0} B"),
        (Some(allocs), _) => format!("{allocs:.0}"),
        _ => String::new(),
    }
}

fn line(name: &str, added: &str, entry: &Entry) {
    let median = format!("{} {}", shown(entry.median), unit(entry));
    let half =
        if entry.low == entry.high { String::new() } else { format!("{}–{}", shown(entry.low), shown(entry.high)) };
    let (floor, ours, allocs) = (optional(entry.to_floor), optional(entry.to_ours), allocations(entry));
    println!("{name:58} {median:>10} {half:>17} {added:>9} {floor:>8} {ours:>8} {allocs:>12}");
}

fn together(cells: &[Cell]) {
    let Some(first) = by_case(cells).next() else { return };
    let heads = first.iter().map(|cell| format!("{:>31}", processes(cell.processes))).collect::<String>();
    println!("\n{:18}{heads}", "ns of a call");
    println!("{:18}{}", "", format!("{:>10} {:>10} {:>9}", "own", "one cell", "ratio").repeat(first.len()));
    for cells in by_case(cells) {
        let columns =
            |cell: &Cell| format!("{:>10} {:>10} {:>8}×", shown(cell.process), shown(cell.host), shown(cell.ratio));
        let columns: String = cells.iter().map(columns).collect();
        println!("{:18}{columns}", format!("{}, {}", cells[0].language, cells[0].case));
    }
    println!("{}", busy(cells));
}

/// Runs of one language and case.
pub fn by_case(cells: &[Cell]) -> impl Iterator<Item = &[Cell]> {
    cells.chunk_by(|a, b| a.language == b.language && a.case == b.case)
}

pub fn processes(number: usize) -> String {
    format!("{number} process{}", if number == 1 { "" } else { "es" })
}

/// That processes ran at the same time.
pub fn busy(cells: &[Cell]) -> String {
    let numbers: Vec<usize> = by_case(cells).next().unwrap_or_default().iter().map(|cell| cell.processes).collect();
    let least = |number: &usize| {
        let busy = cells.iter().filter(|cell| cell.processes == *number).map(|cell| cell.busy);
        format!("{} had {}", processes(*number), shown(busy.fold(f64::MAX, f64::min)))
    };
    format!(
        "Processors in use at the same time, at the least: {}.",
        numbers.iter().map(least).collect::<Vec<_>>().join(", ")
    )
}

fn judged(title: &str, verdicts: &[Verdict]) {
    if verdicts.is_empty() {
        return;
    }
    println!("\n{title}");
    for verdict in verdicts {
        let (bold, figure) =
            (if verdict.bold { "*" } else { " " }, verdict.figure.as_deref().unwrap_or("not measured"));
        println!("{bold} {:66} {figure:>16}   {:28} {}", verdict.name, verdict.limit, verdict.word());
    }
}
