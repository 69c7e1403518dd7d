//! What happened between two looks.

use crate::rows::Row;
use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

/// Looks that the trend shows.
const KEPT: usize = 40;

#[derive(Default)]
pub struct Rates {
    seen: BTreeMap<(String, String), Seen>,
}

struct Seen {
    at: Instant,
    calls: u64,
    refused: u64,
    failures: u64,
    trend: VecDeque<u64>,
}

/// A row and how fast its counters run.
#[derive(Clone, Default, Debug)]
pub struct Rated {
    pub row: Row,
    /// Per second; `None` at the first look.
    pub calls: Option<f64>,
    pub refused: Option<f64>,
    /// The share of this interval's calls that failed.
    pub failed: Option<f64>,
    /// Calls and refusals per second, the latest last.
    pub trend: Vec<u64>,
}

impl Rates {
    pub fn rated(&mut self, segment: &str, row: Row, now: Instant) -> Rated {
        let (calls, refused) = (row.calls(), row.refused());
        let failures = row.breaker.map_or(0, |breaker| breaker.totals.failure);
        let place = (segment.to_owned(), row.title());
        let Some(seen) = self.seen.get_mut(&place) else {
            self.seen.insert(place, Seen { at: now, calls, refused, failures, trend: VecDeque::new() });
            return Rated { row, ..Rated::default() };
        };
        let seconds = now.duration_since(seen.at).as_secs_f64().max(1e-3);
        // A counter that went back is that of a new cell.
        let made = calls.checked_sub(seen.calls).unwrap_or(calls);
        let turned_away = refused.checked_sub(seen.refused).unwrap_or(refused);
        let failed = failures.checked_sub(seen.failures).unwrap_or(failures);
        seen.trend.push_back(((made + turned_away) as f64 / seconds).round() as u64);
        if seen.trend.len() > KEPT {
            seen.trend.pop_front();
        }
        (seen.at, seen.calls, seen.refused, seen.failures) = (now, calls, refused, failures);
        Rated {
            calls: Some(made as f64 / seconds),
            refused: Some(turned_away as f64 / seconds),
            failed: (made > 0).then(|| failed as f64 / made as f64),
            trend: seen.trend.iter().copied().collect(),
            row,
        }
    }

    pub fn forget_what_was_not_seen(&mut self, now: Instant) {
        self.seen.retain(|_, seen| seen.at == now);
    }
}
