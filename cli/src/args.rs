//! The words of the command line.

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use seawall::config::BadDuration;
use seawall::time::Span;
use std::path::PathBuf;

/// Looks at the breakers, bulkheads and budgets that the processes of this host share, and acts on
/// them.
///
/// Policies with `scope = "host"` live in segments, one file each, in the folder of their owner.
/// Looking maps them read-only: it takes no lock and changes nothing.
///
/// Exit status: 0 done; 1 nothing there by that name; 2 wrong usage; 3 a segment cannot be read or
/// written; 4 a configuration with errors.
#[derive(Parser, Debug)]
#[command(name = "seawall", version, max_term_width = 100)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
    #[command(flatten)]
    pub place: Place,
    /// Print JSON: one value, lengths of time in nanoseconds in fields that end in `_ns`
    #[arg(long, global = true)]
    pub json: bool,
}

/// Where the segments are.
#[derive(Args, Clone, Debug)]
pub struct Place {
    /// Whose segments: a name or a number; your own unless given
    #[arg(long, global = true, value_name = "USER", conflicts_with = "dir")]
    pub user: Option<String>,
    /// The folder of the segments, in place of the user's
    #[arg(long, global = true, value_name = "DIR", env = "SEAWALL_HOST_DIR")]
    pub dir: Option<PathBuf>,
    /// Only this segment; all of the folder unless given
    #[arg(long, short, global = true, value_name = "NAME")]
    pub segment: Option<String>,
}

#[derive(Subcommand, Debug)]
pub enum Command {
    /// The policies of every segment, one line each
    List,
    /// The same, live: states, rates, permits and processes as they change
    Top {
        /// How often to look
        #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = duration)]
        every: Span,
    },
    /// Everything about one policy
    Show {
        #[command(flatten)]
        policy: Named,
    },
    /// Close a circuit and forget its statistics
    Reset {
        #[command(flatten)]
        policy: Named,
    },
    /// Open a circuit: every call is refused until its open time is over, then probes decide
    Open {
        #[command(flatten)]
        policy: Named,
        /// How long, such as `30s` or `5m`; as configured unless given
        #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
        span: Option<Span>,
        /// Until somebody closes, resets or enables it
        #[arg(long, conflicts_with = "span")]
        forced: bool,
    },
    /// Close a circuit; its statistics begin again
    Close {
        #[command(flatten)]
        policy: Named,
    },
    /// Let every call through and record nothing, until `enable`
    Disable {
        #[command(flatten)]
        policy: Named,
    },
    /// End `disable` or `open --forced`: the circuit is closed and decides again
    Enable {
        #[command(flatten)]
        policy: Named,
    },
    /// All counters and states in Prometheus text format
    Metrics,
    /// Read a configuration file as the libraries do, and say what is wrong with it
    Check {
        /// The file
        #[arg(value_name = "FILE", default_value = "seawall.toml", env = "SEAWALL_CONFIG")]
        file: PathBuf,
        /// Refuse a file with a policy that only code could complete or put right, too
        #[arg(long)]
        strict: bool,
    },
    /// Print the completions of a shell
    Completions { shell: Shell },
    /// Print the manual page
    Man,
}

#[derive(Args, Clone, Debug)]
pub struct Named {
    /// The policy
    #[arg(value_name = "POLICY")]
    pub name: String,
    /// Only this key of a keyed policy, as `list` shows it; all keys unless given
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
}

fn duration(text: &str) -> Result<Span, String> {
    match seawall::config::parse_duration(text) {
        Ok(span) if span > Span::ZERO => Ok(span),
        Ok(_) => Err("must be above zero".to_owned()),
        Err(BadDuration::MissingUnit) => Err("needs a unit: ms, s, m or h".to_owned()),
        Err(BadDuration::UnknownUnit) => Err("has no unit of ns, us, ms, s, m, h".to_owned()),
        Err(BadDuration::Negative) => Err("is negative".to_owned()),
        Err(BadDuration::TooLong) => Err("is too long".to_owned()),
        Err(BadDuration::NotADuration) => Err("is no duration such as `30s` or `5m`".to_owned()),
    }
}
