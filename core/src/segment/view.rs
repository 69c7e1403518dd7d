//! A segment as the control room sees it: mapped read-only, without a slot and without a lock.
//!
//! ```
//! use seawall::segment::{SegmentOptions, View};
//!
//! // There is none before the first policy in host scope.
//! let options = SegmentOptions { name: "nobody-has-this".into(), ..SegmentOptions::default() };
//! assert!(View::open(&options).unwrap().is_none());
//! ```

use super::blocks::Block;
use super::file::{self, File};
use super::layout::{PROCESSES, Regions};
use super::record::{CellKind, Key, Record};
use super::{Segment, SegmentError, SegmentOptions, process};
use crate::breaker::{Breaker, BreakerSnapshot, Control};
use crate::budget::{Budget, BudgetSnapshot};
use crate::bulkhead::{Bulkhead, BulkheadSnapshot};
use crate::cell;
use crate::clock::Clock;
use crate::config::{AsWords, BreakerConfig, BudgetRule, BulkheadConfig, CostConfig};
use crate::cost::{AmountSnapshot, CostBudget};
use crate::cx::Cx;
use crate::rng::Rng;
use crate::sync::Arc;
use crate::time::Tick;
use std::path::{Path, PathBuf};

pub use super::process::ProcessInfo;

/// A segment that is only looked at. All methods may be called from any thread; none blocks.
pub struct View {
    file: Arc<File>,
    options: SegmentOptions,
    regions: Regions,
}

/// The state of one part, for all calls or for one key.
#[derive(Clone, PartialEq, Debug)]
pub struct CellView {
    /// What part it is.
    pub kind: CellKind,
    /// The part's name: that of its policy, where it has none of its own.
    pub name: String,
    /// Whose of the policy's keys it is, if anyone's.
    pub key: Key,
    /// The revision of the settings in force.
    pub revision: u32,
    /// Slots of the living processes that use it; [`View::processes`] says who they are.
    pub users: Vec<u32>,
    /// What it holds.
    pub part: PartView,
    hashes: [u64; 2],
}

/// What a part's cell holds now, and the settings in force.
#[derive(Clone, PartialEq, Debug)]
pub enum PartView {
    /// A circuit breaker.
    Breaker(Box<(BreakerSnapshot, BreakerConfig)>),
    /// Waiters queue in their own process: `queued` is always 0 here.
    Bulkhead(BulkheadSnapshot, BulkheadConfig),
    /// A retry budget.
    Budget(BudgetSnapshot, BudgetRule),
    /// A cost budget.
    Cost(Vec<AmountSnapshot>, CostConfig),
    /// Its content makes no sense.
    Damaged,
}

impl View {
    /// The segment as it is there; `None` if there is none. Nothing is created or changed. The file is
    /// checked as a policy's process would check it; root may look at any owner's.
    pub fn open(options: &SegmentOptions) -> Result<Option<View>, SegmentError> {
        let file = file::open_to_read(options)?;
        let view =
            |file: File| View { regions: Regions::of(file.bytes), file: Arc::new(file), options: options.clone() };
        Ok(file.map(view))
    }

    /// The version of the layout of segments that this build reads and writes.
    pub const VERSION: u64 = super::layout::VERSION;

    /// The names of the segments in a folder, `None` for the user's own; those of other versions are
    /// not among them.
    pub fn names(dir: Option<&Path>) -> Vec<String> {
        let all = View::names_and_versions(dir).into_iter();
        all.filter(|(_, version)| *version == View::VERSION).map(|(name, _)| name).collect()
    }

    /// The names of the segments in a folder and the versions of their layouts, as their files say by
    /// their names: those of other versions than [`View::VERSION`] are of other releases of Seawall.
    pub fn names_and_versions(dir: Option<&Path>) -> Vec<(String, u64)> {
        let options = SegmentOptions { dir: dir.map(Path::to_owned), ..SegmentOptions::default() };
        let entries = std::fs::read_dir(options.folder()).into_iter().flatten().flatten();
        let mut found: Vec<(String, u64)> = entries.filter_map(|entry| named(entry.file_name().to_str()?)).collect();
        found.sort();
        found
    }

    /// The file.
    pub fn path(&self) -> PathBuf {
        self.file.path.clone()
    }

    /// Bytes of the file, and how many of them cells have taken so far.
    pub fn size(&self) -> (u64, u64) {
        let taken = super::blocks::Arena::new(self.file.map.words(), self.regions).taken();
        (self.file.bytes, taken as u64 * 64)
    }

    /// Whether the path still names the file that is looked at; if not, open it anew.
    pub fn is_in_place(&self) -> bool {
        self.file.is_in_place()
    }

    /// The instant that lengths of time in snapshots are counted from: the clock that all processes
    /// of this machine share.
    pub fn now(&self) -> Tick {
        Clock::monotonic().now()
    }

    /// The living processes that are attached.
    pub fn processes(&self) -> Vec<ProcessInfo> {
        let living = (0..PROCESSES).filter(|slot| process::in_slot(&self.file, None, *slot).is_some());
        living.map(|slot| process::info(self.file.map.words(), slot)).collect()
    }

    /// Every cell, by kind, name and key.
    pub fn cells(&self) -> Vec<CellView> {
        let (now, words) = (self.now(), self.file.map.words());
        let arena = super::blocks::Arena::new(words, self.regions);
        let living: Vec<usize> =
            (0..PROCESSES).filter(|slot| process::in_slot(&self.file, None, *slot).is_some()).collect();
        let mut cells: Vec<CellView> = super::directory::cells(arena)
            .into_iter()
            .map(|(block, record)| {
                let users = arena.holders(block).filter(|slot| living.contains(slot)).map(|slot| slot as u32).collect();
                let part = self.part(block, &record, now).unwrap_or(PartView::Damaged);
                let Record { kind, name, key, revision, hashes, .. } = record;
                let key = match key {
                    Key::Shown(text) => Key::Shown(printable(text)),
                    other => other,
                };
                CellView { kind, name: printable(name), key, revision, users, part, hashes }
            })
            .collect();
        cells.sort_by(|a, b| (&a.name, a.kind, &a.key).cmp(&(&b.name, b.kind, &b.key)));
        cells
    }

    /// The counters and states of every part in Prometheus text exposition format 0.0.4, labelled
    /// `scope="host"`.
    pub fn metrics(&self) -> String {
        crate::metrics::of_cells(&self.cells())
    }

    fn part(&self, block: Block, record: &Record, now: Tick) -> Option<PartView> {
        let first = (block.line + super::blocks::HEADER) * cell::LINE + record.cell;
        let end = (block.line + block.lines) * cell::LINE;
        let cell = cell::Block::seen(self.file.clone(), first..end);
        let (config, name) = (&record.config, &record.name);
        Some(match record.kind {
            CellKind::Breaker => {
                let config = BreakerConfig::from_words(config, name)?;
                let breaker = Breaker::over(&Arc::new(config.clone()), cell)?;
                PartView::Breaker(Box::new((breaker.peek(now), config)))
            }
            CellKind::Bulkhead => {
                let config = BulkheadConfig::from_words(config, name)?;
                PartView::Bulkhead(Bulkhead::peek(&cell, &config)?, config)
            }
            CellKind::Budget => {
                let rule = BudgetRule::from_words(config, name)?;
                let living = |slot| process::in_slot(&self.file, None, slot);
                PartView::Budget(Budget::over(&rule, cell)?.peek(now, &living), rule)
            }
            CellKind::Cost => {
                let mut config = CostConfig::from_words(config, name)?;
                config.limits.iter_mut().for_each(|(amount, _)| *amount = printable(std::mem::take(amount)));
                PartView::Cost(CostBudget::over(&config, cell)?.peek(now), config)
            }
        })
    }

    /// A transition by hand, as if a process of the service had made it: every process sees it with its
    /// next call. `false` if the cell is no breaker's, or is gone. Unlike everything else here this
    /// attaches to the segment for a moment.
    pub fn control(&self, cell: &CellView, control: Control) -> Result<bool, SegmentError> {
        let Some(segment) = Segment::open_existing(&self.options, "seawall")? else { return Ok(false) };
        let Some(found) = segment.existing(cell.kind, cell.hashes)? else { return Ok(false) };
        let config = BreakerConfig::from_words(&found.record.config, &found.record.name);
        let breaker = config.and_then(|config| Breaker::in_cell(&Arc::new(config), found.held));
        let Some(breaker) = breaker.filter(|_| cell.kind == CellKind::Breaker) else { return Ok(false) };
        breaker.control(control, &mut Cx { now: self.now(), rng: &Rng::from_entropy(), notes: &mut Vec::new() });
        Ok(true)
    }
}

/// `default.2`: the name of a segment and the version of its layout.
fn named(file: &str) -> Option<(String, u64)> {
    let (name, version) = file.rsplit_once('.').filter(|(name, _)| !name.starts_with('.') && !name.is_empty())?;
    let number: u64 = version.parse().ok().filter(|number: &u64| number.to_string() == version)?;
    Some((printable(name.to_owned()), number))
}

/// A text without what a terminal obeys: root may look at anybody's segment.
fn printable(text: String) -> String {
    if text.contains(char::is_control) { text.replace(char::is_control, "\u{fffd}") } else { text }
}

impl Segment {
    /// A cell that is there.
    fn existing(self: &Arc<Self>, kind: CellKind, hashes: [u64; 2]) -> Result<Option<super::Found>, SegmentError> {
        let me = self.attach()?;
        let mut held = self.held.lock();
        let look = super::Look { segment: self, held: &held, me };
        let found = self.directory(me, &look).find(kind, hashes);
        Ok(found.map(|place| self.hold(&mut held, place, false)))
    }
}
