//! The last full run of each language, kept in `bench/results/`: what `docs/performance.md` is made from.

use super::budget::Verdict;
use super::lines::{FLOOR, Measured, OURS, Row, Unit, median, quantile, ratios};
use super::machine::Machine;
use super::ranking::title;
use super::together::{Cell, Pair};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

#[derive(Serialize, Deserialize)]
pub struct Record {
    pub machine: Machine,
    pub peers: BTreeMap<String, String>,
    pub rounds: usize,
    pub verdicts: Vec<Verdict>,
    pub ranking: Vec<Verdict>,
    pub entries: Vec<Entry>,
    /// Both scopes with one process and with more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub together: Vec<Cell>,
}

/// A row, summed up.
#[derive(Clone, Serialize, Deserialize)]
pub struct Entry {
    /// The case, its number of threads, and its size if that is the question.
    pub title: String,
    pub case: String,
    pub library: String,
    pub variant: String,
    pub threads: u32,
    pub unit: Unit,
    pub median: f64,
    /// The middle half of the rounds.
    pub low: f64,
    pub high: f64,
    /// Over the bare operation in the same rounds.
    pub added: f64,
    pub to_floor: Option<f64>,
    pub to_ours: Option<f64>,
    pub allocs: Option<f64>,
    pub bytes: Option<f64>,
    pub unranked: Option<String>,
}

impl Record {
    pub fn new(machine: Machine, measured: &Measured, verdicts: Vec<Verdict>, ranking: Vec<Verdict>) -> Record {
        let rows = || measured.rows.iter().filter(|row| row.unit != Unit::Ratio);
        Record {
            machine,
            peers: measured.peers.clone(),
            rounds: rows().map(|row| row.samples.len()).max().unwrap_or(0),
            verdicts,
            ranking,
            entries: rows().map(|row| entry(measured, row)).collect(),
            together: measured.pairs.iter().map(Pair::cell).collect(),
        }
    }

    /// The titles of the cases, in the order in which they were measured.
    pub fn titles(&self) -> Vec<&str> {
        let mut titles = Vec::new();
        for entry in self.entries.iter().filter(|entry| entry.library != FLOOR) {
            if !titles.contains(&entry.title.as_str()) {
                titles.push(entry.title.as_str());
            }
        }
        titles
    }

    /// The entries of a case, quickest first, unranked last.
    pub fn of(&self, title: &str) -> Vec<&Entry> {
        let mut entries: Vec<&Entry> =
            self.entries.iter().filter(|entry| entry.title == title && entry.library != FLOOR).collect();
        entries.sort_by(|a, b| a.unranked.is_some().cmp(&b.unranked.is_some()).then(a.added.total_cmp(&b.added)));
        entries
    }

    pub fn floors(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.library == FLOOR)
    }
}

fn entry(measured: &Measured, row: &Row) -> Entry {
    let floor = measured.floor(&row.floor, row.threads, row.unit).filter(|_| row.library != FLOOR);
    let added = measured.added(row);
    let middle = |ratios: Vec<f64>| rounded(median(&ratios));
    let to_ours = beside(measured, row).map(|ours| middle(ratios(&added, &measured.added(ours))));
    Entry {
        title: title(row),
        case: row.case.clone(),
        library: row.library.clone(),
        variant: row.variant.clone(),
        threads: row.threads,
        unit: row.unit,
        median: rounded(median(&row.samples)),
        low: rounded(quantile(&row.samples, 0.25)),
        high: rounded(quantile(&row.samples, 0.75)),
        added: rounded(median(&added)),
        to_floor: floor.map(|floor| middle(ratios(&row.samples, &floor.samples))),
        to_ours: to_ours.filter(|_| row.library != FLOOR),
        allocs: row.allocs,
        bytes: row.bytes,
        unranked: row.unranked.clone(),
    }
}

/// Our row that answers the same question: of the same variant, or with the default window, or any.
fn beside<'a>(measured: &'a Measured, row: &Row) -> Option<&'a Row> {
    let ours: Vec<&Row> =
        measured.rows.iter().filter(|ours| ours.library == OURS && title(ours) == title(row)).collect();
    let of = |variant: &str| ours.iter().find(|ours| ours.variant == variant).copied();
    of(&row.variant).or_else(|| of("count 100")).or_else(|| ours.first().copied())
}

/// To the hundredth: more is noise.
fn rounded(figure: f64) -> f64 {
    (figure * 100.0).round() / 100.0
}

fn path(root: &Path, lang: &str) -> PathBuf {
    root.join("bench/results").join(format!("{lang}.json"))
}

/// # Errors
/// A file that is there and is no record.
pub fn read(root: &Path, lang: &str) -> Result<Option<Record>, Box<dyn Error>> {
    let path = path(root, lang);
    match fs::read_to_string(&path) {
        Err(_) => Ok(None),
        Ok(text) => Ok(Some(serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?)),
    }
}

/// # Errors
/// A file that cannot be written.
pub fn write(root: &Path, lang: &str, record: &Record) -> Result<(), Box<dyn Error>> {
    let path = path(root, lang);
    fs::create_dir_all(path.parent().unwrap_or(root))?;
    Ok(fs::write(path, serde_json::to_string_pretty(record)? + "\n")?)
}
