//! The kinds of single values: numbers, rates, durations, names.

use super::decode::{At, Decode, Fault, clip, join};
use super::{Facts, Kind};
use crate::config::duration::{BadDuration, nearest_duration, parse_duration};
use crate::config::node::Data;
use crate::config::{Rate, Scalar};
use crate::error::ConfigCode;
use crate::time::Span;

/// The longest name of a policy, part or budget, in bytes.
pub const NAME_LIMIT: usize = 128;
/// The longest duration that is not taken for a slip.
const LONGEST: Span = Span::secs(366 * 24 * 3600);

/// Text that names a policy, a part or a shared budget.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Name(pub String);

pub fn check_name(name: &str, path: &str) -> Result<(), Fault> {
    let reason = if name.is_empty() {
        "a name must not be empty".to_owned()
    } else if name.len() > NAME_LIMIT {
        format!("a name may have {NAME_LIMIT} bytes, `{}` has {}", clip(name), name.len())
    } else if name.chars().any(char::is_control) {
        format!("a name must not hold control characters: {:?}", clip(name))
    } else {
        return Ok(());
    };
    Err(Fault::new(ConfigCode::BadName, path, reason))
}

/// The same of an entry's name in the table at `path`, of which it may be one among many.
pub fn check_entry(name: &str, path: &str) -> Result<(), Fault> {
    check_name(name, &join(path, &clip(name)))
}

impl Decode for Name {
    const KIND: Kind = Kind::Name;

    fn decode(at: &At<'_>, _facts: &Facts) -> Result<Self, Fault> {
        let Data::Text(text) = &at.node.data else { return Err(at.wrong_type("a name")) };
        check_name(text, at.path).map_err(|fault| fault.layer(Some(at.node.layer)))?;
        Ok(Name(text.clone()))
    }
}

impl Decode for bool {
    const KIND: Kind = Kind::Bool;

    fn decode(at: &At<'_>, _facts: &Facts) -> Result<Self, Fault> {
        match at.node.data {
            Data::Bool(value) => Ok(value),
            _ => Err(at.wrong_type("`true` or `false`")),
        }
    }
}

impl Decode for Scalar {
    const KIND: Kind = Kind::Scalar;

    fn decode(at: &At<'_>, _facts: &Facts) -> Result<Self, Fault> {
        Ok(match &at.node.data {
            Data::Bool(value) => Scalar::Bool(*value),
            Data::Integer(value) => Scalar::Integer(
                i64::try_from(*value)
                    .map_err(|_| at.fault(ConfigCode::OutOfRange, format!("{value} does not fit into 64 bits")))?,
            ),
            Data::Float(value) => Scalar::Float(*value),
            Data::Text(value) => Scalar::Text(value.clone()),
            Data::List(_) | Data::Table(_) => return Err(at.wrong_type("a boolean, a number or text")),
        })
    }
}

fn whole(at: &At<'_>, facts: &Facts, largest: i128) -> Result<i128, Fault> {
    let value = match at.node.data {
        Data::Integer(value) => value,
        // Languages with one kind of number write 3 as 3.0.
        Data::Float(value) if value.fract() == 0.0 && value.abs() < 9.0e15 => value as i128,
        _ => return Err(at.wrong_type("a whole number")),
    };
    let bound = |text: Option<&str>| text.and_then(|text| text.parse::<i128>().ok());
    let (min, max) = (bound(facts.min).unwrap_or(0), bound(facts.max).unwrap_or(largest));
    if value < min || value > max {
        let reason = if value < min { format!("{value} is below {min}") } else { format!("{value} is above {max}") };
        return Err(at.fault(ConfigCode::OutOfRange, reason));
    }
    Ok(value)
}

impl Decode for u32 {
    const KIND: Kind = Kind::Integer;

    fn decode(at: &At<'_>, facts: &Facts) -> Result<Self, Fault> {
        whole(at, facts, u32::MAX.into()).map(|value| value as u32)
    }
}

impl Decode for u64 {
    const KIND: Kind = Kind::Integer;

    fn decode(at: &At<'_>, facts: &Facts) -> Result<Self, Fault> {
        whole(at, facts, i64::MAX.into()).map(|value| value as u64)
    }
}

fn real(at: &At<'_>, facts: &Facts, wanted: &str, hint: &str) -> Result<f64, Fault> {
    let value = match at.node.data {
        Data::Integer(value) => value as f64,
        Data::Float(value) => value,
        _ => return Err(at.wrong_type(wanted)),
    };
    let bound = |text: Option<&str>| text.and_then(|text| text.parse::<f64>().ok());
    let reason = if !value.is_finite() {
        Some(format!("{value} is not a finite number"))
    } else if let Some(min) = bound(facts.min).filter(|min| value < *min) {
        Some(format!("{value} is below {min}"))
    } else if let Some(least) = bound(facts.above).filter(|least| value <= *least) {
        Some(format!("{value} is not above {least}"))
    } else {
        bound(facts.max).filter(|max| value > *max).map(|max| format!("{value} is above {max}{hint}"))
    };
    match reason {
        Some(reason) => Err(at.fault(ConfigCode::OutOfRange, reason)),
        None => Ok(value),
    }
}

impl Decode for f64 {
    const KIND: Kind = Kind::Float;

    fn decode(at: &At<'_>, facts: &Facts) -> Result<Self, Fault> {
        real(at, facts, "a number", "")
    }
}

impl Decode for Rate {
    const KIND: Kind = Kind::Rate;

    fn decode(at: &At<'_>, facts: &Facts) -> Result<Self, Fault> {
        let facts = Facts { min: facts.min.or(Some("0")), max: facts.max.or(Some("1")), ..*facts };
        let hint = match at.node.data {
            Data::Integer(value @ 2..=100) => format!("; {value} % is {}", value as f64 / 100.0),
            _ => String::new(),
        };
        real(at, &facts, "a share between 0 and 1", &hint).map(Rate::from_f64)
    }
}

impl Decode for Span {
    const KIND: Kind = Kind::Span;

    fn decode(at: &At<'_>, facts: &Facts) -> Result<Self, Fault> {
        let text = match &at.node.data {
            Data::Text(text) => text,
            Data::Integer(_) | Data::Float(_) => return Err(no_unit(at)),
            _ => return Err(at.wrong_type("a duration such as \"250ms\"")),
        };
        let span = parse_duration(text).map_err(|bad| bad_duration(at, text, bad))?;
        let bound = |text: Option<&str>| text.and_then(|text| parse_duration(text).ok());
        let (min, max) = (bound(facts.min).unwrap_or(Span::ZERO), bound(facts.max).unwrap_or(LONGEST));
        if span < min {
            return Err(at.fault(ConfigCode::OutOfRange, format!("{} is shorter than {min}", clip(text))));
        }
        if span > max {
            return Err(at.fault(ConfigCode::OutOfRange, format!("{} is longer than {max}", clip(text))));
        }
        Ok(span)
    }
}

fn no_unit(at: &At<'_>) -> Fault {
    let number = match &at.node.data {
        Data::Integer(number) => number.to_string(),
        Data::Float(number) => number.to_string(),
        Data::Text(text) => clip(text.trim()),
        _ => String::new(),
    };
    let reason = format!("a duration needs a unit: \"{number}s\" or \"{number}ms\", not {number}");
    at.fault(ConfigCode::MissingUnit, reason)
}

fn bad_duration(at: &At<'_>, text: &str, bad: BadDuration) -> Fault {
    let shown = clip(text);
    match bad {
        BadDuration::MissingUnit => no_unit(at),
        BadDuration::UnknownUnit => at
            .fault(ConfigCode::UnknownValue, format!("\"{shown}\" has no unit of ns, us, ms, s, m, h"))
            .suggest(nearest_duration(text).as_deref()),
        BadDuration::Negative => at.fault(ConfigCode::OutOfRange, format!("{shown} is negative")),
        BadDuration::TooLong => at.fault(ConfigCode::OutOfRange, format!("{shown} is longer than {LONGEST}")),
        BadDuration::NotADuration => at.wrong_type("a duration such as \"250ms\""),
    }
}
