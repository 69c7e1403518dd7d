//! Durations as people write them: `250ms`, `1.5s`, `1h30m`. Always with a unit.

use crate::time::Span;

/// Why a text is no length of time.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum BadDuration {
    /// A bare number.
    MissingUnit,
    /// A number and a word that is no unit.
    UnknownUnit,
    /// Below zero.
    Negative,
    /// More nanoseconds than there are numbers for.
    TooLong,
    /// Nothing that begins with a number.
    NotADuration,
}

const UNITS: [(&str, u128); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Words that mean a unit but are not one; the suggestion of an error.
const NEARLY: [(&str, &str); 14] = [
    ("sec", "s"),
    ("secs", "s"),
    ("second", "s"),
    ("seconds", "s"),
    ("min", "m"),
    ("mins", "m"),
    ("minute", "m"),
    ("minutes", "m"),
    ("hour", "h"),
    ("hours", "h"),
    ("hr", "h"),
    ("msec", "ms"),
    ("millis", "ms"),
    ("milliseconds", "ms"),
];

/// Reads a duration exactly; what is finer than a nanosecond is rounded to the nearest one.
pub fn parse_duration(text: &str) -> Result<Span, BadDuration> {
    let text = text.trim();
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest.is_empty() {
        return Err(BadDuration::NotADuration);
    }
    let mut total: u128 = 0;
    while !rest.is_empty() {
        let (nanos, after) = one_term(rest)?;
        total = total.checked_add(nanos).ok_or(BadDuration::TooLong)?;
        rest = after;
    }
    if negative && total > 0 {
        return Err(BadDuration::Negative);
    }
    u64::try_from(total).map(Span).map_err(|_| BadDuration::TooLong)
}

/// The number, its unit, and what follows them.
fn one_term(text: &str) -> Result<(u128, &str), BadDuration> {
    let digits_end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, rest) = text.split_at(digits_end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return Err(BadDuration::NotADuration);
    }
    let rest = rest.trim_start();
    let unit_end = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
    let (unit, after) = rest.split_at(unit_end);
    if unit.is_empty() {
        return Err(if rest.is_empty() { BadDuration::MissingUnit } else { BadDuration::NotADuration });
    }
    let size = UNITS.into_iter().find(|(name, _)| *name == unit).ok_or(BadDuration::UnknownUnit)?.1;
    let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| BadDuration::TooLong)? };
    let nanos = whole.checked_mul(size).and_then(|n| n.checked_add(fraction_of(fraction, size)));
    Ok((nanos.ok_or(BadDuration::TooLong)?, after))
}

/// `0.fraction × size`, rounded; digits past the eighteenth cannot matter.
fn fraction_of(fraction: &str, size: u128) -> u128 {
    let digits = &fraction[..fraction.len().min(18)];
    let Ok(number) = digits.parse::<u128>() else { return 0 };
    let scale = 10u128.pow(digits.len() as u32);
    (number * size + scale / 2) / scale
}

/// The same number with the unit that was meant: `30sec` is `30s`.
pub(crate) fn nearest_duration(text: &str) -> Option<String> {
    let split = text.find(|c: char| c.is_alphabetic())?;
    let (number, word) = text.split_at(split);
    let word = word.trim().to_lowercase();
    let unit = NEARLY
        .into_iter()
        .find(|(name, _)| *name == word)
        .map(|(_, unit)| unit)
        .or_else(|| UNITS.into_iter().map(|(name, _)| name).find(|name| *name == word))?;
    Some(format!("{}{unit}", number.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (text, nanos) in [
            ("250ms", 250_000_000),
            ("1.5s", 1_500_000_000),
            ("1h30m", 5_400_000_000_000),
            ("1500000ns", 1_500_000),
            (" 7us ", 7_000),
            ("7µs", 7_000),
            ("0s", 0),
            ("-0s", 0),
            (".5ms", 500_000),
            ("0.4ns", 0),
            ("0.000000001s", 1),
        ] {
            assert_eq!(parse_duration(text), Ok(Span(nanos)), "{text}");
        }
    }

    #[test]
    fn says_what_is_wrong() {
        for (text, bad) in [
            ("30", BadDuration::MissingUnit),
            ("1m30", BadDuration::MissingUnit),
            ("30sec", BadDuration::UnknownUnit),
            ("30S", BadDuration::UnknownUnit),
            ("-5s", BadDuration::Negative),
            ("99999999999999999999999999999999999999999999h", BadDuration::TooLong),
            ("9999999999h", BadDuration::TooLong),
            ("", BadDuration::NotADuration),
            ("soon", BadDuration::NotADuration),
            ("1..5s", BadDuration::NotADuration),
            ("NaNs", BadDuration::NotADuration),
        ] {
            assert_eq!(parse_duration(text), Err(bad), "{text}");
        }
        assert_eq!(nearest_duration("30 Seconds").as_deref(), Some("30s"));
        assert_eq!(nearest_duration("30MS").as_deref(), Some("30ms"));
    }

    #[test]
    fn reads_back_what_a_span_prints() {
        for nanos in [0, 1, 999, 1_500_000_000, 86_400_000_000_000, u64::MAX] {
            assert_eq!(parse_duration(&Span(nanos).to_string()), Ok(Span(nanos)));
        }
    }
}
