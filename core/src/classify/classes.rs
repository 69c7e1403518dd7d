//! A coarser view of errors, for logs and for callers who decide by the class.

use super::http_status;
use crate::outcome::Outcome;

/// What kind of trouble an error tells of. The numbers are part of the ABI.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Class {
    /// The dependency asked for less.
    RateLimited = 0,
    /// Something failed on the way.
    Network = 1,
    /// The dependency itself failed.
    Server = 2,
    /// The request is wrong.
    Client = 3,
    /// The caller may not.
    Auth = 4,
    /// No table knows.
    Unknown = 5,
}

impl Class {
    /// Every class, by number.
    pub const ALL: [Class; 6] =
        [Class::RateLimited, Class::Network, Class::Server, Class::Client, Class::Auth, Class::Unknown];

    /// The name used in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Class::RateLimited => "rate_limited",
            Class::Network => "network",
            Class::Server => "server",
            Class::Client => "client",
            Class::Auth => "auth",
            Class::Unknown => "unknown",
        }
    }

    /// The class of an HTTP status; none for one that is no error.
    pub const fn of_status(status: u16) -> Option<Class> {
        match status {
            401 | 403 | 407 => Some(Class::Auth),
            _ => match http_status(status) {
                Outcome::Success => None,
                Outcome::Throttled => Some(Class::RateLimited),
                _ if status >= 400 && status < 500 => Some(Class::Client),
                _ if status >= 500 && status < 600 => Some(Class::Server),
                _ => Some(Class::Unknown),
            },
        }
    }

    /// The class of an error that came without a status: what the tables call a failure or a timeout
    /// happened on the way.
    pub fn of_error(language: &str, name: &str) -> Class {
        let is_auth = name.contains("Authentication") || name.contains("PermissionDenied");
        match super::error_name(language, name) {
            Some(Outcome::Throttled) => Class::RateLimited,
            Some(Outcome::Permanent) if is_auth => Class::Auth,
            Some(Outcome::Permanent) => Class::Client,
            Some(Outcome::Failure) if name.ends_with("InternalServerError") => Class::Server,
            Some(Outcome::Failure | Outcome::Timeout) => Class::Network,
            _ => Class::Unknown,
        }
    }

    /// The outcome a class stands for.
    pub const fn outcome(self) -> Outcome {
        match self {
            Class::RateLimited => Outcome::Throttled,
            Class::Client | Class::Auth => Outcome::Permanent,
            Class::Network | Class::Server | Class::Unknown => Outcome::Failure,
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn statuses_and_errors_have_a_class() {
        let expected = [
            (401, Class::Auth),
            (404, Class::Client),
            (408, Class::Client),
            (429, Class::RateLimited),
            (502, Class::Server),
        ];
        for (status, class) in expected {
            assert_eq!(Class::of_status(status), Some(class), "{status}");
        }
        assert_eq!((Class::of_status(204), Class::of_status(7)), (None, Some(Class::Unknown)));
        assert_eq!(Class::of_error("python", "openai.AuthenticationError"), Class::Auth);
        assert_eq!(Class::of_error("python", "anthropic.InternalServerError"), Class::Server);
        assert_eq!(Class::of_error("node", "ECONNREFUSED"), Class::Network);
        assert_eq!(Class::of_error("python", "ValueError"), Class::Unknown);
        assert_eq!(Class::of_error("python", "openai.RateLimitError").outcome(), Outcome::Throttled);
    }
}
