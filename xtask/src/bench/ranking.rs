//! Whether our row is first in each case.

use super::budget::{Verdict, shown};
use super::lines::{FLOOR, Measured, OURS, Row, median};

/// Where a peer may be ahead: it does less there, and the page says so.
const MAY_LEAD: [(&str, &str); 5] = [("", "retry"), ("", "memory"), ("", "load"), ("go", "open"), ("go", "bulkhead")];

/// One line for each case and number of threads in which somebody else can be ranked.
pub fn judge(lang: &str, measured: &Measured) -> Vec<Verdict> {
    groups(measured).into_iter().filter_map(|group| first(lang, measured, &group)).collect()
}

/// Rows of one case that answer the same question, in the order in which they were measured.
pub fn groups(measured: &Measured) -> Vec<Vec<&Row>> {
    let mut groups: Vec<(String, Vec<&Row>)> = Vec::new();
    for row in measured.rows.iter().filter(|row| row.library != FLOOR) {
        let title = title(row);
        match groups.iter_mut().find(|(there, _)| *there == title) {
            Some((_, rows)) => rows.push(row),
            None => groups.push((title, vec![row])),
        }
    }
    groups.into_iter().map(|(_, rows)| rows).collect()
}

pub fn title(row: &Row) -> String {
    // Windows of another size are another question.
    let size = if row.case == "window sweep" { format!(", {}", row.variant) } else { String::new() };
    let threads = if row.threads > 1 { format!(", {} threads", row.threads) } else { String::new() };
    format!("{}{size}{threads}", row.case)
}

/// Our slowest row beside the peers' quickest.
fn first(lang: &str, measured: &Measured, group: &[&Row]) -> Option<Verdict> {
    let added = |row: &&&Row| median(&measured.added(row));
    let ours = group.iter().filter(|row| row.library == OURS).max_by(|a, b| added(a).total_cmp(&added(b)))?;
    let ranked = group.iter().filter(|row| row.library != OURS && row.unranked.is_none());
    let peer = ranked.min_by(|a, b| added(a).total_cmp(&added(b)))?;
    let case = ours.case.split(',').next().unwrap_or_default();
    let may_lead = MAY_LEAD.iter().any(|(only, name)| *name == case && (only.is_empty() || *only == lang));
    Some(Verdict {
        name: format!("first in {}", title(ours)),
        bold: !may_lead,
        limit: format!("{} {}", peer.library, shown(added(&peer))),
        figure: Some(shown(added(&ours))),
        met: may_lead || added(&ours) <= added(&peer),
        expected: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdicts(lang: &str, case: &str, ours: f64, peer: f64) -> Vec<Verdict> {
        let mut measured = Measured::default();
        for (library, sample) in [(OURS, ours), ("peer", peer)] {
            let row = serde_json::json!({"row": {"case": case, "library": library, "unit": "ns", "samples": [sample]}});
            measured.read(&row.to_string()).expect("a row");
        }
        judge(lang, &measured)
    }

    #[test]
    fn a_quicker_peer_is_a_miss() {
        assert!(verdicts("rust", "closed", 5.0, 6.0)[0].met);
        assert!(!verdicts("rust", "closed", 7.0, 6.0)[0].met);
        assert!(verdicts("rust", "retry, awaited", 7.0, 6.0)[0].met, "there it may lead");
        assert!(verdicts("go", "open", 7.0, 6.0)[0].met);
        assert!(!verdicts("rust", "open", 7.0, 6.0)[0].met);
    }
}
