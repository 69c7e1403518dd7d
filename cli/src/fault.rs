//! What can go wrong, and the exit status that says so to a script.

use seawall::segment::SegmentError;
use std::fmt;
use std::io;
use std::process::ExitCode;

#[derive(Debug)]
pub enum Fault {
    /// No segment, policy or key of that name.
    NotThere(String),
    /// Whose segments?
    Usage(String),
    /// A segment that cannot be used.
    Segment(SegmentError),
    /// A configuration with errors; they are printed already.
    Configuration(String),
    Io(io::Error),
}

impl Fault {
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Fault::NotThere(_) => 1,
            Fault::Usage(_) => 2,
            Fault::Segment(_) | Fault::Io(_) => 3,
            Fault::Configuration(_) => 4,
        })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::NotThere(what) | Fault::Usage(what) | Fault::Configuration(what) => f.write_str(what),
            Fault::Segment(error) => error.fmt(f),
            Fault::Io(error) => error.fmt(f),
        }
    }
}

impl From<SegmentError> for Fault {
    fn from(error: SegmentError) -> Fault {
        Fault::Segment(error)
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Fault {
        Fault::Io(error)
    }
}
