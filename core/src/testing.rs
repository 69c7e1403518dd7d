//! For tests of code that uses Seawall: a clock that moves only when told, chosen randomness, and
//! what happened.
//!
//! ```
//! use seawall::breaker::State;
//! use seawall::testing::Sandbox;
//! use seawall::{Error, Policy};
//! use std::time::Duration;
//!
//! let mut sandbox = Sandbox::new();
//! let policy = Policy::builder("identity")
//!     .consecutive_failures(1)
//!     .open_for(Duration::from_secs(30))
//!     .build_in(&sandbox)
//!     .unwrap();
//!
//! let down = || std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
//! assert!(policy.run(|| Err::<(), _>(down())).is_err());
//! assert!(matches!(policy.run(|| Err::<(), _>(down())), Err(Error::Refused(_))));
//! sandbox.advance(Duration::from_secs(30));
//! assert_eq!(policy.state(), Some(State::HalfOpen));
//! assert_eq!(sandbox.happened(), ["opened", "rejected", "half_opened"]);
//! ```

use crate::events::{Cursor, Event};
use crate::registry::Registry;
use crate::segment::{Host, SegmentOptions};
use crate::sync::{Arc, process_unique};
use std::ops::Deref;
use std::path::PathBuf;
use std::time::Duration;

/// A registry of its own. Waits of its policies advance the clock instead of sleeping.
pub struct Sandbox {
    registry: Registry,
    events: Cursor,
}

impl Sandbox {
    /// The clock stands at zero; the seed is 1.
    pub fn new() -> Sandbox {
        Sandbox::seeded(1)
    }

    /// The same numbers for the same seed, in every language.
    pub fn seeded(seed: u64) -> Sandbox {
        let registry = Registry::manual(seed);
        Sandbox { events: registry.events().subscribe(), registry }
    }

    /// Moves the clock on.
    pub fn advance(&self, by: Duration) {
        self.registry.clock().advance(by.into());
    }

    /// The next random numbers, each in [0, 1).
    pub fn random(&self, numbers: &[f64]) {
        numbers.iter().for_each(|number| self.registry.rng().script(*number));
    }

    /// The events since the last look, oldest first.
    pub fn events(&mut self) -> Vec<Event> {
        self.events.drain().events
    }

    /// The kinds of the events since the last look, oldest first.
    pub fn happened(&mut self) -> Vec<&'static str> {
        self.events().iter().map(|event| event.note.kind.as_str()).collect()
    }
}

impl Default for Sandbox {
    fn default() -> Self {
        Sandbox::new()
    }
}

impl Deref for Sandbox {
    type Target = Registry;

    fn deref(&self) -> &Registry {
        &self.registry
    }
}

/// With `SEAWALL_TEST_SEGMENTS=FOLDER` every registry of a test is in host scope, on a new segment of
/// its own in that folder: the same tests then run over the cells that processes share. The file goes
/// with the registry, unless `SEAWALL_TEST_SEGMENTS_KEEP` is set.
pub(crate) fn shares_everything() -> bool {
    segments().is_some()
}

/// The new segment.
pub(crate) fn host() -> Arc<Host> {
    let name = format!("test-{}-{}", std::process::id(), process_unique());
    let options = SegmentOptions { dir: segments(), name, bytes: 512 << 10, ..SegmentOptions::default() };
    Arc::new(Host::temporary(options))
}

fn segments() -> Option<PathBuf> {
    std::env::var_os("SEAWALL_TEST_SEGMENTS").filter(|dir| !dir.is_empty()).map(PathBuf::from)
}
