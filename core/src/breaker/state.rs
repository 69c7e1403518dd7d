/// What a circuit is doing. The numbers are part of the ABI.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum State {
    /// Calls pass and are counted.
    Closed = 0,
    /// Calls are rejected, until the open time is over.
    Open = 1,
    /// Probes decide; other calls are rejected.
    HalfOpen = 2,
    /// Open by hand, until somebody ends it.
    ForcedOpen = 3,
    /// Lets everything through and records nothing.
    Disabled = 4,
    /// Lets everything through, records, and says once when it would have opened.
    MetricsOnly = 5,
}

impl State {
    /// Every state, by number.
    pub const ALL: [State; 6] =
        [State::Closed, State::Open, State::HalfOpen, State::ForcedOpen, State::Disabled, State::MetricsOnly];

    /// The name used in files, events, metrics and snapshots.
    pub const fn as_str(self) -> &'static str {
        match self {
            State::Closed => "closed",
            State::Open => "open",
            State::HalfOpen => "half_open",
            State::ForcedOpen => "forced_open",
            State::Disabled => "disabled",
            State::MetricsOnly => "metrics_only",
        }
    }

    /// The state of that name.
    pub fn parse(name: &str) -> Option<State> {
        State::ALL.into_iter().find(|s| s.as_str() == name)
    }

    /// The state of that number.
    pub const fn from_u8(number: u8) -> Option<State> {
        if (number as usize) < State::ALL.len() { Some(State::ALL[number as usize]) } else { None }
    }
}
