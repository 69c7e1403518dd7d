//! Numbers, lengths of time and states as people read them, in the fewest columns.

use seawall::breaker::State;
use seawall::time::Span;

/// A count in at most five columns: `0`, `999`, `12.3k`, `4.56M`.
pub fn count(n: f64) -> String {
    let steps = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")];
    match steps.into_iter().find(|(size, _)| n >= *size * 0.9995) {
        Some((size, unit)) => three_digits(n / size) + unit,
        None if n >= 99.95 || n.fract() == 0.0 => format!("{n:.0}"),
        None => three_digits(n),
    }
}

fn three_digits(n: f64) -> String {
    match n {
        n if n >= 99.95 => format!("{n:.0}"),
        n if n >= 9.995 => format!("{n:.1}"),
        n => format!("{n:.2}"),
    }
}

/// A length of time in its two largest units at most: `850ms`, `4.2s`, `3m05s`, `2h40m`, `12d`.
pub fn span(span: Span) -> String {
    let seconds = span.as_secs_f64();
    let whole = seconds as u64;
    match whole {
        0 if span == Span::ZERO => "0s".to_owned(),
        0 => format!("{:.0}ms", (seconds * 1e3).ceil()),
        1..60 => format!("{seconds:.1}s"),
        60..3_600 => format!("{}m{:02}s", whole / 60, whole % 60),
        3_600..172_800 => format!("{}h{:02}m", whole / 3_600, whole / 60 % 60),
        _ => format!("{}d", whole / 86_400),
    }
}

/// A rate in per cent.
pub fn percent(rate: Option<f64>) -> String {
    rate.map_or_else(|| "–".to_owned(), |rate| format!("{:.0}%", rate * 100.0))
}

/// A word with spaces where our names have underscores.
pub fn plain(word: &str) -> String {
    word.replace('_', " ")
}

pub fn sign(state: State) -> &'static str {
    match state {
        State::Closed => "●",
        State::Open | State::ForcedOpen => "○",
        State::HalfOpen => "◐",
        State::Disabled | State::MetricsOnly => "◌",
    }
}

/// One of many, in words: `1 process`, `1,204 policies`.
pub fn many(n: usize, one: &str, more: &str) -> String {
    let digits = n.to_string();
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().filter_map(|it| std::str::from_utf8(it).ok()).collect();
    format!("{} {}", groups.join(","), if n == 1 { one } else { more })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_fit_five_columns() {
        let shown: Vec<_> = [0.0, 0.25, 12.3456, 99.97, 999.0, 999.6, 1_000.0, 12_345.0, 999_950.0, 4.56e6, 7e9]
            .into_iter()
            .map(count)
            .collect();
        assert_eq!(shown, ["0", "0.25", "12.3", "100", "999", "1.00k", "1.00k", "12.3k", "1.00M", "4.56M", "7.00G"]);
        assert!(shown.iter().all(|text| text.len() <= 5));
    }

    #[test]
    fn one_and_many() {
        let shown = [0, 1, 999, 1_204, 1_000_000].map(|n| many(n, "policy", "policies"));
        assert_eq!(shown, ["0 policies", "1 policy", "999 policies", "1,204 policies", "1,000,000 policies"]);
    }

    #[test]
    fn lengths_of_time() {
        let shown: Vec<_> =
            [0, 1, 850, 4_200, 59_900, 185_000, 9_600_000, 86_400_000 * 12].map(|ms| span(Span::millis(ms))).into();
        assert_eq!(shown, ["0s", "1ms", "850ms", "4.2s", "59.9s", "3m05s", "2h40m", "12d"]);
    }
}
