//! When a server asks to be called again: `Retry-After` and gRPC's pushback.

use crate::outcome::Hint;
use crate::time::Span;

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// A `Retry-After` header: seconds, or one of the three forms of an HTTP date (RFC 9110, 5.6.7).
///
/// `unix_now` is the wall clock in seconds since 1970. A date that has passed is "now"; negative seconds
/// are "never"; what is neither is `None`.
pub fn retry_after(text: &str, unix_now: i64) -> Option<Hint> {
    let text = text.trim();
    if let Some(hint) = seconds(text) {
        return Some(hint);
    }
    let until = http_date(text)?;
    let left = u64::try_from(until.saturating_sub(unix_now)).unwrap_or(0);
    Some(Hint::After(Span::secs(left)))
}

/// gRPC's `grpc-retry-pushback-ms`: whole milliseconds; anything else than a natural number is "never".
pub fn grpc_pushback(text: &str) -> Hint {
    match text.trim().parse::<u64>() {
        Ok(millis) => Hint::After(Span::millis(millis)),
        Err(_) => Hint::Never,
    }
}

fn seconds(text: &str) -> Option<Hint> {
    let (negative, number) = text.strip_prefix('-').map_or((false, text), |number| (true, number));
    let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || !plain(whole) || !plain(fraction) {
        return None;
    }
    let seconds: f64 = number.parse().ok()?;
    if negative && seconds > 0.0 {
        return Some(Hint::Never);
    }
    // Whole seconds are kept exactly, however many.
    let exact = whole.parse::<u64>().map_or(Span::MAX, Span::secs);
    Some(Hint::After(if fraction.is_empty() { exact } else { Span::from_secs_f64(seconds) }))
}

/// Seconds since 1970 of an HTTP date.
fn http_date(text: &str) -> Option<i64> {
    let words: Vec<&str> = text.split([' ', ',']).filter(|word| !word.is_empty()).collect();
    match words.as_slice() {
        // Sun, 06 Nov 1994 08:49:37 GMT
        [_, day, month, year, time, "GMT"] => instant(year.parse().ok()?, month, day, time),
        // Sunday, 06-Nov-94 08:49:37 GMT
        [_, date, time, "GMT"] => {
            let mut parts = date.split('-');
            let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?.parse::<i64>().ok()?);
            instant(if year < 70 { year + 2000 } else { year + 1900 }, month, day, time)
        }
        // Sun Nov  6 08:49:37 1994
        [_, month, day, time, year] => instant(year.parse().ok()?, month, day, time),
        _ => None,
    }
}

fn instant(year: i64, month: &str, day: &str, time: &str) -> Option<i64> {
    let month = MONTHS.iter().position(|name| month.eq_ignore_ascii_case(name))? as i64 + 1;
    let day: i64 = day.parse().ok().filter(|day| (1..=31).contains(day))?;
    if !(1970..=9999).contains(&year) {
        return None;
    }
    let mut clock = time.split(':').map(|part| part.parse::<i64>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let in_range = (0..24).contains(&hour) && (0..60).contains(&minute) && (0..=60).contains(&second);
    (in_range && clock.next().is_none()).then(|| days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second)
}

/// Days since 1970 of a date of the Gregorian calendar: years begin in March, so that the leap day is the last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let since_march = (month + 9) % 12;
    let day_of_year = (153 * since_march + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719_468
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn reads_seconds() {
        assert_eq!(retry_after(" 120 ", 0), Some(Hint::After(Span::secs(120))));
        assert_eq!(retry_after("0", 0), Some(Hint::After(Span::ZERO)));
        assert_eq!(retry_after("1.5", 0), Some(Hint::After(Span::millis(1500))));
        assert_eq!(retry_after("-1", 0), Some(Hint::Never));
        assert_eq!(retry_after("99999999999999999999999", 0), Some(Hint::After(Span::MAX)));
    }

    #[test]
    fn reads_the_three_forms_of_a_date() {
        let at = 784_111_777;
        for text in ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
            assert_eq!(retry_after(text, at - 30), Some(Hint::After(Span::secs(30))), "{text}");
            assert_eq!(retry_after(text, at + 30), Some(Hint::After(Span::ZERO)), "{text} has passed");
        }
        assert_eq!(retry_after("Thu, 29 Feb 2024 00:00:00 GMT", 1_709_164_800), Some(Hint::After(Span::ZERO)));
        assert_eq!(retry_after("Thu, 29 Feb 2024 00:00:01 GMT", 1_709_164_800), Some(Hint::After(Span::secs(1))));
    }

    #[test]
    fn garbage_is_no_hint() {
        for text in [
            "",
            "soon",
            "5s",
            "1e3",
            "inf",
            "NaN",
            "-",
            "Sun, 99 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 8:49 GMT",
            "é",
        ] {
            assert_eq!(retry_after(text, 0), None, "{text}");
        }
    }

    #[test]
    fn pushback_is_milliseconds_or_never() {
        assert_eq!(grpc_pushback("25"), Hint::After(Span::millis(25)));
        assert_eq!(grpc_pushback("-1"), Hint::Never);
        assert_eq!(grpc_pushback("soon"), Hint::Never);
    }
}
