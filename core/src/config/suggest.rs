//! "Did you mean": the nearest right name.

/// The candidate nearest to a wrong name, if one is near enough to be what was meant.
pub fn nearest<'a>(wrong: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A long name is never a slip of one of ours, and the table below grows with its length.
    if wrong.len() > 64 {
        return None;
    }
    let wrong = plain(wrong);
    let mut best: Option<(usize, &str)> = None;
    // `prod` for `production`: the only one that begins so.
    let mut began: Option<&str> = None;
    let mut beginnings = 0;
    for candidate in candidates {
        let right = plain(candidate);
        if wrong.len() >= 3 && right.starts_with(&wrong) {
            began = Some(candidate);
            beginnings += 1;
        }
        let distance = distance(&wrong, &right);
        let allowed = (wrong.len().max(right.len()) / 3).clamp(1, 3);
        if distance <= allowed && best.is_none_or(|(shortest, _)| distance < shortest) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, name)| name).or(began.filter(|_| beginnings == 1))
}

/// `failureRate`, `failure-rate` and `FAILURE_RATE` all mean `failure_rate`.
fn plain(name: &str) -> Vec<char> {
    name.chars().filter(|c| *c != '_' && *c != '-').flat_map(char::to_lowercase).collect()
}

/// Letters added, dropped, changed or swapped with their neighbour.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let changed = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut cost = changed.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                cost = cost.min(rows[i - 2][j - 2] + 1);
            }
            row.push(cost);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_slips_and_other_spellings() {
        let names = ["failure_rate", "failure_count", "open_for", "attempts"];
        assert_eq!(nearest("failuer_rate", names), Some("failure_rate"));
        assert_eq!(nearest("failureRate", names), Some("failure_rate"));
        assert_eq!(nearest("atempts", names), Some("attempts"));
        assert_eq!(nearest("open_fro", names), Some("open_for"));
        assert_eq!(nearest("attem", names), Some("attempts"));
        assert_eq!(nearest("fail", names), None, "it may be either");
        assert_eq!(nearest("colour", names), None);
        assert_eq!(nearest(&"x".repeat(10_000), names), None);
    }
}
