//! What the rest of the core sees of segments: one for each registry, and a home for each part.

use super::{CellKind, Found, Identity, Make, Record, Segment, SegmentError, SegmentOptions, Wanted};
use crate::config::AsWords;
use crate::event::PartKind;
use crate::sync::{Arc, AtomicBool, AtomicU64, Mutex, OnceLock, Ordering};
use crate::time::Tick;

/// How often the path of a segment is looked at: an operator may have removed it.
const LOOK: u64 = 1_000_000_000;

/// The segment of a registry, opened when the first part asks for it.
pub(crate) struct Host {
    options: SegmentOptions,
    state: Mutex<State>,
    next_look: NextLook,
    /// What went wrong and was not yet said.
    troubles: Mutex<Vec<Trouble>>,
    any_trouble: AtomicBool,
    /// The file goes with this.
    temporary: bool,
}

/// When the path of a segment is to be looked at again, in nanoseconds of the coarse clock.
#[derive(Clone)]
pub(crate) struct NextLook(Arc<AtomicU64>);

impl NextLook {
    /// Of who has no segment.
    pub(crate) fn never() -> NextLook {
        static NEVER: OnceLock<NextLook> = OnceLock::new();
        NEVER.get_or_init(|| NextLook::from(Tick(u64::MAX))).clone()
    }

    pub(crate) fn from(instant: Tick) -> NextLook {
        NextLook(Arc::new(AtomicU64::new(instant.0)))
    }

    #[inline(always)]
    pub(crate) fn is_due(&self, now: Tick) -> bool {
        // Relaxed: it carries nothing but itself.
        now.0 >= self.0.load(Ordering::Relaxed)
    }
}

/// What is to be said about a segment.
pub(crate) enum Trouble {
    Fault(String),
    /// Two processes give one part different settings.
    Conflict(PartKind, String),
}

enum State {
    /// Not asked for yet, or once more after it could not be had.
    New {
        failed: Option<SegmentError>,
    },
    Open(Arc<Segment>),
    /// Every part is this process's own, unless it tries again.
    Failed(SegmentError),
}

impl Host {
    pub(crate) fn new(options: SegmentOptions) -> Host {
        Host {
            options,
            state: Mutex::new(State::New { failed: None }),
            next_look: NextLook::from(Tick::ZERO),
            troubles: Mutex::new(Vec::new()),
            any_trouble: AtomicBool::new(false),
            temporary: false,
        }
    }

    /// One whose file is removed when nobody needs it any more.
    pub(crate) fn temporary(options: SegmentOptions) -> Host {
        let mut host = Host::new(options);
        host.temporary = true;
        host
    }

    pub(crate) fn is_temporary(&self) -> bool {
        self.temporary
    }

    /// The segment; that it cannot be used is said once.
    pub(crate) fn segment(&self) -> Result<Arc<Segment>, SegmentError> {
        let mut state = self.state.lock();
        let failed = match &mut *state {
            State::Open(segment) => return Ok(segment.clone()),
            State::Failed(error) => return Err(error.clone()),
            State::New { failed } => failed.take(),
        };
        let result = Segment::open(&self.options, &own_name());
        *state = match &result {
            Ok(segment) => {
                self.tell_opened(segment, failed.is_some());
                State::Open(segment.clone())
            }
            Err(error) => {
                if failed.as_ref() != Some(error) {
                    self.tell(format!(
                        "host scope is not to be had, policies go on in this process alone, and those that require it \
                         refuse their calls: {error}"
                    ));
                }
                State::Failed(error.clone())
            }
        };
        result
    }

    fn tell_opened(&self, segment: &Segment, again: bool) {
        let path = segment.path();
        if again {
            self.tell(format!("host scope is to be had again, for the policies that require it: {path}"));
        }
        for other in segment.other_versions() {
            self.tell(format!("another version of Seawall uses {other} beside {path}: the two share nothing"));
        }
    }

    /// Whoever asks next opens the segment once more, where it could not be had.
    fn try_again(&self) {
        let mut state = self.state.lock();
        if let State::Failed(error) = &*state {
            *state = State::New { failed: Some(error.clone()) };
        }
    }

    /// Looks, at most once a second, whether the file was taken from under its path; then the next who
    /// asks gets another segment. `true` if it was time to look.
    pub(crate) fn look(&self) -> bool {
        let now = now();
        let due = &self.next_look.0;
        let was_due = due.load(Ordering::Relaxed);
        // Relaxed: one of those who come at once looks, whoever that is.
        if now < was_due || due.compare_exchange(was_due, now + LOOK, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            return false;
        }
        let mut state = self.state.lock();
        if matches!(&*state, State::Open(segment) if !segment.is_in_place()) {
            let path = self.options.path();
            self.tell(format!("{} was removed or replaced: going over to the file of that name", path.display()));
            *state = State::New { failed: None };
        }
        true
    }

    /// When [`Host::look`] is to be called again.
    pub(crate) fn next_look(&self) -> NextLook {
        self.next_look.clone()
    }

    fn tell(&self, what: String) {
        self.say(Trouble::Fault(what));
    }

    fn say(&self, trouble: Trouble) {
        self.troubles.lock().push(trouble);
        // Release, and after the lock: who sees the mark finds the words.
        self.any_trouble.store(true, Ordering::Release);
    }

    /// What went wrong since somebody last asked.
    pub(crate) fn take_troubles(&self) -> Vec<Trouble> {
        if !self.any_trouble.swap(false, Ordering::AcqRel) {
            return Vec::new();
        }
        std::mem::take(&mut *self.troubles.lock())
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if self.temporary && std::env::var_os("SEAWALL_TEST_SEGMENTS_KEEP").is_none() {
            let _ = std::fs::remove_file(self.options.path());
        }
    }
}

/// How this process is called in the list of those attached.
fn own_name() -> String {
    std::fs::read_to_string("/proc/self/comm").unwrap_or_default().trim().to_owned()
}

/// The coarse clock of the system, which no test stands still: for how often something is looked at.
pub(crate) fn now() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::MonotonicCoarse);
    (time.tv_sec as u64).saturating_mul(1_000_000_000).saturating_add(time.tv_nsec as u64)
}

/// How a part fills a new cell: from the settings and words of the one that it takes the place of,
/// where there is one.
pub(crate) type Fill<'a, C> = &'a dyn Fn(&[AtomicU64], Option<(&C, &[AtomicU64])>);

/// Where the cells of one part are.
#[derive(Clone)]
pub(crate) struct Home {
    host: Arc<Host>,
    kind: CellKind,
    name: Arc<str>,
    revision: u32,
    told: Arc<AtomicBool>,
    lack: Arc<Lack>,
}

/// What last kept a part from its place, and when, in nanoseconds of the coarse clock.
#[derive(Default)]
struct Lack {
    problem: Mutex<Option<Arc<str>>>,
    at: AtomicU64,
    /// What was last said of a place that is smaller than wanted.
    fewer: Mutex<String>,
}

impl Home {
    pub(crate) fn new(host: Arc<Host>, kind: CellKind, name: &str, revision: u32) -> Home {
        Home { host, kind, name: name.into(), revision, told: Arc::default(), lack: Arc::default() }
    }

    /// For the model checker, which has no segments.
    #[cfg(all(test, loom))]
    pub(crate) fn nowhere() -> Home {
        let options = SegmentOptions::default();
        Home::new(Arc::new(Host::new(options)), CellKind::Bulkhead, "", 0)
    }

    /// The cell of a key, and the settings that are in force for it: those given, or those of another
    /// process that came first. `words` is how many words the given settings need.
    pub(crate) fn cell<C: AsWords + Clone>(
        &self,
        key: Option<&str>,
        config: &Arc<C>,
        words: usize,
        fill: Fill<'_, C>,
    ) -> Option<(Arc<C>, Found)> {
        let segment = match self.host.segment() {
            Ok(segment) => segment,
            Err(error) => {
                self.lacks(&error);
                return None;
            }
        };
        let own = config.to_words();
        let identity = Identity { kind: self.kind, name: &self.name, key };
        let show_keys = segment.show_keys();
        let wanted = Wanted { identity, revision: self.revision, config: &own, words, show_keys };
        let make: Make<'_> = &|cell, old| {
            let old = old.and_then(|(record, words)| Some((C::from_words(&record.config, &record.name)?, words)));
            fill(cell, old.as_ref().map(|(config, words)| (config, *words)));
        };
        let found = match segment.cell(&wanted, make) {
            Ok(found) => found,
            Err(error) => {
                self.fail(&error);
                return None;
            }
        };
        if found.held.is_as_wanted() {
            return Some((config.clone(), found));
        }
        self.conflict(&found.record);
        let Some(in_force) = C::from_words(&found.record.config, &self.name) else {
            self.fail(&SegmentError::damaged("settings of a cell"));
            return None;
        };
        Some((Arc::new(in_force), found))
    }

    /// Said once for the life of the part.
    fn conflict(&self, in_force: &Record) {
        if self.told.swap(true, Ordering::Relaxed) {
            return;
        }
        let (kind, name) = (self.kind.as_str(), &self.name);
        let what = format!(
            "{kind} `{name}` has other settings here (revision {}) than those in force on this host (revision {}), \
             which another process gave first; they stay until it ends or a higher revision comes",
            self.revision, in_force.revision
        );
        self.host.say(Trouble::Conflict(self.kind.part(), what));
    }

    /// A part has no place of its own, or one that does not fit: it goes on by itself.
    pub(crate) fn fail(&self, error: &SegmentError) {
        if self.lacks(error) {
            let (kind, name) = (self.kind.as_str(), &self.name);
            self.host.tell(format!("{kind} `{name}` is not shared with other processes: {error}"));
        }
    }

    /// Whether that is news.
    fn lacks(&self, error: &SegmentError) -> bool {
        // Relaxed: for how often somebody tries again.
        self.lack.at.store(now(), Ordering::Relaxed);
        let problem: Arc<str> = error.to_string().into();
        let mut last = self.lack.problem.lock();
        let is_news = last.as_ref() != Some(&problem);
        *last = Some(problem);
        is_news
    }

    /// Why the part is not shared, what to do about it included.
    pub(crate) fn problem(&self) -> Arc<str> {
        let known = self.lack.problem.lock().clone();
        known.unwrap_or_else(|| SegmentError::damaged("a cell of another size").to_string().into())
    }

    /// A part has fewer places than it was to have; said once for each number of them.
    pub(crate) fn has_fewer(&self, places: usize, wanted: u64, advice: &str) {
        let (kind, name) = (self.kind.as_str(), &self.name);
        let what = format!("{kind} `{name}` was to have {wanted} places, and has {places} places: {advice}");
        let mut last = self.lack.fewer.lock();
        if *last != what {
            last.clone_from(&what);
            self.host.tell(what);
        }
    }

    /// Whether it is time to ask once more for a place that could not be had, which is then done.
    pub(crate) fn tries_again(&self) -> bool {
        let is_due = now().saturating_sub(self.lack.at.load(Ordering::Relaxed)) >= LOOK;
        if is_due {
            self.host.try_again();
        }
        is_due
    }

    /// The part has its place: what keeps it from one is news from now on.
    pub(crate) fn has_place(&self) {
        *self.lack.problem.lock() = None;
    }
}
