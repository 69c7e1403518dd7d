//! Presets: values for a kind of environment, written as a user would write them.

use super::document::parse_tree;
use super::value::Value;

/// Values for a kind of environment, under everything that is written out; `docs/configuration.md` lists
/// them.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Preset {
    /// Opens soon, retries once.
    Development,
    /// Between the two.
    Staging,
    /// Patient retries, growing open times.
    Production,
    /// A share of failures over the last 30 s.
    Busy,
}

impl Preset {
    /// Every preset.
    pub const ALL: [Preset; 4] = [Preset::Development, Preset::Staging, Preset::Production, Preset::Busy];

    /// The name used in files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Preset::Development => "development",
            Preset::Staging => "staging",
            Preset::Production => "production",
            Preset::Busy => "busy",
        }
    }

    /// What it stands for, as the table of a policy.
    pub const fn text(self) -> &'static str {
        match self {
            Preset::Development => {
                "breaker.window = { kind = \"consecutive\", failures = 2 }\n\
                 breaker.open_for = { base = \"5s\" }\n\
                 retry.attempts = 2\n\
                 retry.backoff = { kind = \"exponential\", base = \"100ms\" }\n\
                 timeout.attempt = \"10s\"\n"
            }
            Preset::Staging => {
                "breaker.window = { kind = \"consecutive\", failures = 3 }\n\
                 breaker.open_for = { base = \"10s\" }\n\
                 retry.attempts = 3\n\
                 retry.backoff = { kind = \"exponential\", base = \"1s\" }\n\
                 timeout.attempt = \"30s\"\n"
            }
            Preset::Production => {
                "breaker.window = { kind = \"consecutive\", failures = 5 }\n\
                 breaker.open_for = { base = \"15s\", factor = 2.0, cap = \"5m\", jitter = 0.1 }\n\
                 breaker.half_open = { max_wait = \"60s\" }\n\
                 retry.attempts = 3\n\
                 retry.backoff = { kind = \"exponential\", base = \"1s\", cap = \"30s\" }\n\
                 timeout.attempt = \"60s\"\n\
                 timeout.slow_after = \"20s\"\n"
            }
            Preset::Busy => {
                "breaker.window = { kind = \"time\", span = \"30s\" }\n\
                 breaker.failure_rate = 0.5\n\
                 breaker.minimum_calls = 20\n\
                 breaker.half_open = { permits = 5 }\n\
                 breaker.open_for = { base = \"30s\", factor = 2.0, cap = \"5m\" }\n"
            }
        }
    }

    pub(crate) fn tree(self) -> Value {
        parse_tree(self.text()).expect("the presets are valid TOML, a test reads each")
    }

    /// The preset of that name.
    pub fn parse(name: &str) -> Option<Preset> {
        Preset::ALL.into_iter().find(|preset| preset.as_str() == name)
    }
}
