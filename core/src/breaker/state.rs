/// What a circuit is doing. The numbers are part of the ABI.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum State {
    Closed = 0,
    Open = 1,
    HalfOpen = 2,
    /// Open by hand, until somebody ends it.
    ForcedOpen = 3,
    /// Lets everything through and records nothing.
    Disabled = 4,
    /// Lets everything through, records, and says once when it would have opened.
    MetricsOnly = 5,
}

impl State {
    pub const ALL: [State; 6] =
        [State::Closed, State::Open, State::HalfOpen, State::ForcedOpen, State::Disabled, State::MetricsOnly];

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

    pub fn parse(name: &str) -> Option<State> {
        State::ALL.into_iter().find(|s| s.as_str() == name)
    }

    pub const fn from_u8(number: u8) -> Option<State> {
        if (number as usize) < State::ALL.len() { Some(State::ALL[number as usize]) } else { None }
    }
}
