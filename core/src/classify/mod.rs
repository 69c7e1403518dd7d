//! What well-known answers and errors say about a dependency. The tables are data, the same for all
//! languages; a user's own classifier and lists come before them.

mod classes;
mod hint;
mod tables;

pub use classes::Class;
pub use hint::{grpc_pushback, retry_after};
pub use tables::{GRPC, LANGUAGES};

use crate::outcome::Outcome;

/// What an HTTP status says. A number that is no status is a failure: nobody knows what it means.
pub const fn http_status(status: u16) -> Outcome {
    match status {
        100..=399 => Outcome::Success,
        408 | 504 => Outcome::Timeout,
        // The server is not ready to risk the request yet: asking again is safe and may help.
        425 => Outcome::Failure,
        429 => Outcome::Throttled,
        400..=499 => Outcome::Permanent,
        _ => Outcome::Failure,
    }
}

/// What a gRPC status number says.
pub fn grpc_code(code: i32) -> Outcome {
    usize::try_from(code).ok().and_then(|code| GRPC.get(code)).map_or(Outcome::Failure, |(_, outcome)| *outcome)
}

/// What a gRPC status name says: `RESOURCE_EXHAUSTED`, `ResourceExhausted`, `resource_exhausted`.
pub fn grpc_name(name: &str) -> Option<Outcome> {
    let plain = |name: &str| name.chars().filter(|c| *c != '_').collect::<String>().to_ascii_lowercase();
    let name = plain(name.strip_prefix("StatusCode.").unwrap_or(name));
    GRPC.into_iter().find(|(known, _)| plain(known) == name).map(|(_, outcome)| outcome)
}

/// What the name of an error's type or its code says; `None` where no table knows it.
///
/// `language` is `python`, `node`, `go` or `rust`; empty looks in all of them. A name with its module
/// (`httpx.ConnectTimeout`) is looked up whole; the private modules a class really lives in
/// (`httpx._exceptions.ConnectTimeout`) are passed over.
pub fn error_name(language: &str, name: &str) -> Option<Outcome> {
    let short = without_modules(name);
    let tables = LANGUAGES.into_iter().filter(|(known, _)| language.is_empty() || *known == language);
    let mut entries = tables.flat_map(|(_, table)| table.iter());
    entries.find(|(known, _)| *known == name || *known == short).map(|(_, outcome)| *outcome)
}

/// `package.inner.Name` as `package.Name`; a name of the language itself without a module.
fn without_modules(name: &str) -> String {
    let name = name.strip_prefix("builtins.").unwrap_or(name);
    match (name.split_once('.'), name.rsplit_once('.')) {
        (Some((package, _)), Some((_, class))) => format!("{package}.{class}"),
        _ => name.to_owned(),
    }
}

/// A JavaScript `TypeError`: a slip of the programmer, unless it says that a fetch failed or has a cause.
///
/// `cause` is the code or name of the cause, empty where it has neither; the dependency failed where no
/// table knows it.
pub fn script_type_error(message: &str, cause: Option<&str>) -> Outcome {
    match cause {
        Some(cause) => error_name("node", cause).filter(|o| *o != Outcome::Ignored).unwrap_or(Outcome::Failure),
        None if message.contains("fetch failed") => Outcome::Failure,
        None => Outcome::Ignored,
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn statuses_say_what_the_tables_say() {
        let expected = [
            (200, Outcome::Success),
            (304, Outcome::Success),
            (400, Outcome::Permanent),
            (404, Outcome::Permanent),
            (408, Outcome::Timeout),
            (425, Outcome::Failure),
            (429, Outcome::Throttled),
            (500, Outcome::Failure),
            (503, Outcome::Failure),
            (504, Outcome::Timeout),
            (0, Outcome::Failure),
            (999, Outcome::Failure),
        ];
        for (status, outcome) in expected {
            assert_eq!(http_status(status), outcome, "{status}");
        }
    }

    #[test]
    fn grpc_goes_by_number_and_by_name() {
        assert_eq!(grpc_code(8), Outcome::Throttled);
        assert_eq!(grpc_code(4), Outcome::Timeout);
        assert_eq!((grpc_code(-1), grpc_code(17)), (Outcome::Failure, Outcome::Failure));
        for (number, (name, outcome)) in GRPC.into_iter().enumerate() {
            assert_eq!(grpc_name(name), Some(outcome));
            assert_eq!(grpc_code(number as i32), outcome);
        }
        assert_eq!(grpc_name("ResourceExhausted"), Some(Outcome::Throttled));
        assert_eq!(grpc_name("StatusCode.UNAVAILABLE"), Some(Outcome::Failure));
        assert_eq!(grpc_name("Teapot"), None);
    }

    #[test]
    fn errors_are_known_by_their_names() {
        for (language, name, outcome) in [
            ("python", "builtins.ConnectionError", Outcome::Failure),
            ("python", "TimeoutError", Outcome::Timeout),
            ("python", "httpx.ConnectTimeout", Outcome::Timeout),
            ("python", "httpx._exceptions.ConnectTimeout", Outcome::Timeout),
            ("python", "builtins.AttributeError", Outcome::Ignored),
            ("node", "ECONNREFUSED", Outcome::Failure),
            ("node", "UND_ERR_CONNECT_TIMEOUT", Outcome::Timeout),
            ("node", "ReferenceError", Outcome::Ignored),
            ("go", "context.DeadlineExceeded", Outcome::Timeout),
            ("rust", "ConnectionRefused", Outcome::Failure),
            ("", "ECONNRESET", Outcome::Failure),
        ] {
            assert_eq!(error_name(language, name), Some(outcome), "{language} {name}");
        }
        assert_eq!(error_name("go", "ECONNABRT"), None);
        assert_eq!(error_name("python", "mycompany.TypeError2"), None);
    }

    #[test]
    fn no_table_names_an_error_twice() {
        for (language, table) in LANGUAGES {
            for (index, (name, _)) in table.iter().enumerate() {
                assert!(!table[..index].iter().any(|(other, _)| other == name), "{language} {name}");
            }
        }
    }

    #[test]
    fn a_type_error_of_fetch_is_no_slip() {
        assert_eq!(script_type_error("x is not a function", None), Outcome::Ignored);
        assert_eq!(script_type_error("fetch failed", None), Outcome::Failure);
        assert_eq!(script_type_error("fetch failed", Some("UND_ERR_HEADERS_TIMEOUT")), Outcome::Timeout);
        assert_eq!(script_type_error("terminated", Some("Weird")), Outcome::Failure);
    }
}
