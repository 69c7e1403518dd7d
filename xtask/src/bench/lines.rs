//! What a measuring program prints: one JSON object a line.

use super::together::Pair;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::error::Error;

/// Our own rows; the machine's own rows.
pub const OURS: &str = "seawall";
pub const FLOOR: &str = "floor";

#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Peer { peer: String, version: String },
    Row { row: Row },
}

/// One thing that was measured, with one sample from each round.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    pub case: String,
    pub library: String,
    #[serde(default)]
    pub variant: String,
    #[serde(default = "one")]
    pub threads: u32,
    pub unit: Unit,
    pub samples: Vec<f64>,
    /// The variant of the floor that this row is compared with.
    #[serde(default = "bare")]
    pub floor: String,
    /// The variant of the floor that is the same operation without any library.
    #[serde(default = "bare")]
    pub base: String,
    /// Heap allocations of one operation, and their bytes.
    pub allocs: Option<f64>,
    pub bytes: Option<f64>,
    /// Why it may not be compared as an equal.
    pub unranked: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    Ns,
    Bytes,
    Ms,
    Count,
    /// Of two others.
    Ratio,
}

fn one() -> u32 {
    1
}

fn bare() -> String {
    "bare call".to_owned()
}

/// All that one language's programs printed.
#[derive(Default)]
pub struct Measured {
    pub peers: BTreeMap<String, String>,
    pub rows: Vec<Row>,
    /// Both scopes, for the table of its own that they have; as rows they are ratios.
    pub pairs: Vec<Pair>,
}

impl Measured {
    /// # Errors
    /// A line that is no such object, or a row without a sample.
    pub fn read(&mut self, text: &str) -> Result<(), Box<dyn Error>> {
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            match serde_json::from_str(line).map_err(|error| format!("not a line of a measurement: {error}: {line}"))? {
                Line::Peer { peer, version } => drop(self.peers.insert(peer, version)),
                Line::Row { row } if row.samples.is_empty() => return Err(format!("no sample: {line}").into()),
                Line::Row { row } => self.rows.push(row),
            }
        }
        Ok(())
    }

    /// The floor of that name on so many threads, or on one.
    pub fn floor(&self, variant: &str, threads: u32, unit: Unit) -> Option<&Row> {
        let floors = || self.rows.iter().filter(move |row| row.library == FLOOR && row.unit == unit);
        let named = |row: &&Row| row.variant == variant;
        let alike = |row: &&Row| named(row) && row.threads == threads;
        floors().find(alike).or_else(|| floors().find(named))
    }

    /// What the operation of this row costs without any library.
    fn base(&self, row: &Row) -> Option<&Row> {
        let base = if row.unit == Unit::Ns { &row.base } else { &row.floor };
        self.floor(base, row.threads, row.unit)
    }

    /// The samples of a row over those of the bare operation in the same rounds.
    pub fn added(&self, row: &Row) -> Vec<f64> {
        match self.base(row) {
            Some(base) if !std::ptr::eq(base, row) => by_round(&row.samples, &base.samples, |row, base| row - base),
            _ => row.samples.clone(),
        }
    }
}

/// Sample by sample; where one side has another number of them, by its median.
pub fn by_round(left: &[f64], right: &[f64], f: impl Fn(f64, f64) -> f64) -> Vec<f64> {
    if left.len() == right.len() {
        return left.iter().zip(right).map(|(left, right)| f(*left, *right)).collect();
    }
    vec![f(median(left), median(right))]
}

/// Quotients, round by round; a divisor near nothing counts as a tenth.
pub fn ratios(over: &[f64], under: &[f64]) -> Vec<f64> {
    by_round(over, under, |over, under| over.max(0.0) / under.max(0.1))
}

pub fn median(samples: &[f64]) -> f64 {
    quantile(samples, 0.5)
}

/// Between the two nearest ranks.
pub fn quantile(samples: &[f64], share: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = share * (sorted.len() - 1) as f64;
    let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    low + (high - low) * place.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_ranks() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(quantile(&[1.0, 2.0, 3.0, 4.0, 5.0], 0.25), 2.0);
    }

    #[test]
    fn a_row_is_compared_within_its_rounds() {
        let mut measured = Measured::default();
        let row = |case: &str, library: &str, variant: &str, samples: &str| {
            format!(
                r#"{{"row": {{"case": "{case}", "library": "{library}", "variant": "{variant}", "unit": "ns", "samples": {samples}}}}}"#
            )
        };
        measured.read(&row("floor", "floor", "bare call", "[1.0, 100.0, 1.0]")).expect("a floor");
        measured.read(&row("closed", "seawall", "", "[3.0, 103.0, 3.0]")).expect("a row");
        // The second round was slow for both: what the row adds is told by each round alone.
        assert_eq!(measured.added(&measured.rows[1]), [2.0, 3.0, 2.0]);
        assert!(measured.read(&row("closed", "seawall", "", "[]")).is_err());
        assert!(measured.read("nonsense").is_err());
    }
}
