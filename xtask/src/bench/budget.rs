//! The budgets of `bench/budgets.toml`, each with the figure that this run gave it; the misses that
//! `bench/expected.toml` knows of.

use super::lines::{FLOOR, Measured, OURS, Row, Unit, by_round, median, ratios};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::Path;

/// One line of the budget: which of our rows, what is taken from it, how much it may be.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    name: String,
    /// Must be met.
    #[serde(default)]
    bold: bool,
    case: String,
    #[serde(default)]
    variant: Option<String>,
    #[serde(default = "one")]
    threads: u32,
    /// Taken off, round by round.
    minus: Option<Beside>,
    /// Divided by, round by round.
    per: Option<Beside>,
    /// The library whose row, less `minus`, is divided by ours.
    under: Option<Beside>,
    /// Allocations are judged, not time.
    #[serde(default)]
    allocs: bool,
    at_most: Option<f64>,
    at_least: Option<f64>,
}

/// A floor by its name, or a row.
#[derive(Deserialize)]
#[serde(untagged)]
enum Beside {
    Floor(String),
    Row { library: Option<String>, case: Option<String>, variant: Option<String> },
}

fn one() -> u32 {
    1
}

/// A budget and what became of it.
#[derive(Clone, Serialize, Deserialize)]
pub struct Verdict {
    pub name: String,
    pub bold: bool,
    pub limit: String,
    /// None if nothing was measured for it.
    pub figure: Option<String>,
    pub met: bool,
    /// Why the miss is known.
    pub expected: Option<String>,
}

impl Verdict {
    pub fn word(&self) -> &'static str {
        match (self.met, &self.expected) {
            (true, _) => "met",
            (false, Some(_)) => "MISSED, expected",
            (false, None) => "MISSED",
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Miss {
    line: String,
    why: String,
}

/// Every budget line of the language, judged by what was measured.
///
/// # Errors
/// A file that cannot be read, or a budget that names nothing to compare with.
pub fn judge(root: &Path, lang: &str, measured: &Measured) -> Result<Vec<Verdict>, Box<dyn Error>> {
    let mut budgets: BTreeMap<String, Vec<Budget>> =
        toml::from_str(&fs::read_to_string(root.join("bench/budgets.toml"))?)?;
    let budgets = budgets.remove(lang).unwrap_or_default();
    Ok(budgets.iter().map(|budget| budget.judge(measured)).collect())
}

/// Says of each miss whether it is expected, and why.
///
/// # Errors
/// A file that cannot be read.
pub fn known(root: &Path, lang: &str, verdicts: &mut [Verdict]) -> Result<(), Box<dyn Error>> {
    let mut misses: BTreeMap<String, Vec<Miss>> =
        toml::from_str(&fs::read_to_string(root.join("bench/expected.toml"))?)?;
    let misses = misses.remove(lang).unwrap_or_default();
    for verdict in verdicts.iter_mut().filter(|verdict| !verdict.met) {
        verdict.expected = misses.iter().find(|miss| miss.line == verdict.name).map(|miss| miss.why.clone());
    }
    for miss in misses {
        match verdicts.iter().find(|verdict| verdict.name == miss.line) {
            None => return Err(format!("bench/expected.toml lists `{}`, and no line is called so", miss.line).into()),
            Some(verdict) if verdict.met => println!("bench/expected.toml lists `{}`, which is met", miss.line),
            Some(_) => {}
        }
    }
    Ok(())
}

impl Budget {
    fn judge(&self, measured: &Measured) -> Verdict {
        let (limit, most) = match (self.at_most, self.at_least) {
            (Some(most), _) => (most, true),
            (None, least) => (least.unwrap_or(f64::NAN), false),
        };
        let ours = self.rows(measured, OURS, &self.case, self.variant.as_deref());
        let figures: Option<Vec<f64>> = ours.iter().map(|row| self.figure(measured, row)).collect();
        // Several rows of ours: the worst of them counts.
        let worst = figures.and_then(|figures| figures.into_iter().reduce(if most { f64::max } else { f64::min }));
        let unit = match ours.first() {
            _ if self.per.is_some() || self.under.is_some() => "×",
            _ if self.allocs => " allocations",
            Some(Row { unit: Unit::Bytes, .. }) => " B",
            Some(Row { unit: Unit::Ms, .. }) => " ms",
            Some(Row { unit: Unit::Count, .. }) => "",
            Some(Row { unit: Unit::Ratio, .. }) => "×",
            _ => " ns",
        };
        Verdict {
            name: self.name.clone(),
            bold: self.bold,
            limit: format!("{} {limit}{unit}", if most { "≤" } else { "≥" }),
            figure: worst.map(|figure| format!("{}{unit}", shown(figure))),
            met: worst.is_some_and(|figure| if most { figure <= limit } else { figure >= limit }),
            expected: None,
        }
    }

    fn rows<'a>(&self, measured: &'a Measured, library: &str, case: &str, variant: Option<&str>) -> Vec<&'a Row> {
        let alike = |row: &&Row| {
            row.library == library
                && row.case == case
                && row.threads == self.threads
                && variant.is_none_or(|variant| row.variant == variant)
        };
        measured.rows.iter().filter(alike).collect()
    }

    fn figure(&self, measured: &Measured, ours: &Row) -> Option<f64> {
        if self.allocs {
            return ours.allocs;
        }
        let mut samples = self.less(measured, ours)?;
        if let Some(per) = &self.per {
            samples = ratios(&samples, &self.beside(measured, per)?.samples);
        }
        if let Some(under) = &self.under {
            samples = ratios(&self.less(measured, self.beside(measured, under)?)?, &samples);
        }
        Some(median(&samples))
    }

    fn less(&self, measured: &Measured, row: &Row) -> Option<Vec<f64>> {
        match &self.minus {
            None => Some(row.samples.clone()),
            Some(minus) => {
                Some(by_round(&row.samples, &self.beside(measured, minus)?.samples, |row, minus| row - minus))
            }
        }
    }

    /// The quickest of what is meant.
    fn beside<'a>(&self, measured: &'a Measured, beside: &Beside) -> Option<&'a Row> {
        let rows = match beside {
            Beside::Floor(variant) => self.rows(measured, FLOOR, FLOOR, Some(variant)),
            Beside::Row { library, case, variant } => {
                let (library, case) = (library.as_deref().unwrap_or(OURS), case.as_deref().unwrap_or(&self.case));
                self.rows(measured, library, case, variant.as_deref())
            }
        };
        rows.into_iter().min_by(|a, b| median(&a.samples).total_cmp(&median(&b.samples)))
    }
}

/// Three figures, or all before the point; nothing is nothing.
pub fn shown(figure: f64) -> String {
    match figure.abs() {
        0.0 => "0".to_owned(),
        size if size >= 99.95 => format!("{figure:.0}"),
        size if size >= 9.995 => format!("{figure:.1}"),
        _ => format!("{figure:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured() -> Measured {
        let mut measured = Measured::default();
        let rows = r#"
{"row": {"case": "floor", "library": "floor", "variant": "bare call", "unit": "ns", "samples": [10, 10, 10]}}
{"row": {"case": "closed", "library": "seawall", "variant": "a", "unit": "ns", "samples": [30, 90, 30]}}
{"row": {"case": "closed", "library": "seawall", "variant": "b", "unit": "ns", "samples": [20, 20, 20]}}
{"row": {"case": "closed", "library": "peer", "unit": "ns", "samples": [50, 50, 50]}}"#;
        measured.read(rows).expect("rows");
        measured
    }

    fn verdict(text: &str) -> Verdict {
        let budget: Budget = toml::from_str(&format!("name = \"n\"\ncase = \"closed\"\n{text}")).expect("a budget");
        budget.judge(&measured())
    }

    #[test]
    fn the_worst_of_our_rows_counts() {
        let missed = verdict("at_most = 25");
        assert_eq!((missed.figure.as_deref(), missed.met), (Some("30.0 ns"), false));
        assert!(verdict("variant = \"b\"\nat_most = 25").met);
    }

    #[test]
    fn a_floor_is_taken_off_or_divided_by() {
        assert_eq!(verdict("minus = \"bare call\"\nat_most = 25").figure.as_deref(), Some("20.0 ns"));
        assert_eq!(verdict("per = \"bare call\"\nat_most = 2").figure.as_deref(), Some("3.00×"));
    }

    #[test]
    fn a_peer_is_so_many_times_above_us() {
        let text = "variant = \"b\"\nminus = \"bare call\"\nunder = { library = \"peer\" }\nat_least = 4";
        assert_eq!((verdict(text).figure.as_deref(), verdict(text).met), (Some("4.00×"), true));
    }

    #[test]
    fn what_was_not_measured_is_missed() {
        let missing = verdict("variant = \"c\"\nat_most = 25");
        assert!(!missing.met && missing.figure.is_none());
        assert!(!verdict("per = \"no such floor\"\nat_most = 9").met);
    }
}
