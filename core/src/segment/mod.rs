//! A file that the processes of a host map: cells that all of them work on, without a server and
//! without a lock that somebody could die with.
//!
//! A map of the rooms: `file.rs` finds, checks and makes the file; `map.rs` is the raw edge. In the
//! file, `layout.rs` says where things are: `process.rs` who is attached, `writers.rs` who writes
//! which line, `blocks.rs` the room for cells, `record.rs` what stands before each, `directory.rs`
//! the way from a name to its cell. `host.rs` is what the rest of the core sees.

mod blocks;
mod crash;
mod directory;
mod error;
mod file;
mod fork;
mod hash;
mod here;
mod host;
mod layout;
mod map;
mod process;
mod record;
mod seal;
mod view;
mod writers;

#[cfg(all(test, loom))]
mod loom_tests;

#[cfg(feature = "crash-points")]
pub use crash::POINTS;
pub use error::{SegmentError, SegmentFault};
pub use file::SegmentOptions;
pub use record::{CellKind, Key};
pub use view::{CellView, PartView, ProcessInfo, View};

pub(crate) use crash::point;
pub(crate) use file::File;
pub(crate) use host::{Home, Host, Trouble, now};
pub(crate) use layout::{PROCESSES, WRITERS};
pub(crate) use map::at_fork;
pub(crate) use process::Owner;
pub(crate) use record::{Identity, Record, Wanted};
pub(crate) use writers::{Table, nobodys_table, of_slot};

use crate::cell::Writer;
use crate::sync::{Arc, AtomicBool, AtomicU64, AtomicUsize, Mutex, Ordering, Weak};
use blocks::{Arena, Block, Life};
use directory::{Directory, Others, Place};
use layout::Regions;
use process::Attachment;
use std::collections::HashMap;

/// In a forked child, before anything else: the locks and lines are the parent's.
pub(crate) fn forked() {
    fork::close_inherited();
    writers::forget_own();
}

/// How a part fills a new cell, from the one that it takes the place of where there is one.
pub(crate) type Make<'a> = &'a dyn Fn(&[AtomicU64], Option<(&Record, &[AtomicU64])>);

/// A segment that this process is attached to.
pub(crate) struct Segment {
    file: File,
    regions: Regions,
    name: String,
    table: usize,
    attached: Mutex<Option<Attachment>>,
    /// Who we are, and the count of forks that it was said at.
    owner: AtomicU64,
    forks: AtomicUsize,
    /// Cells in use by their first line.
    held: Mutex<HashMap<usize, Weak<Held>>>,
    show_keys: bool,
    /// Another file has the path now: who works on this one is to go over.
    lost: AtomicBool,
}

/// A cell in use: it is neither taken away nor used for something else as long as this lives.
pub(crate) struct Held {
    segment: Arc<Segment>,
    block: Block,
    life: Life,
    /// First word of the cell in the block's body.
    cell: usize,
    wanted: bool,
}

/// A cell that was asked for, and the settings in force.
pub(crate) struct Found {
    pub held: Arc<Held>,
    pub record: Record,
}

struct Look<'a> {
    segment: &'a Segment,
    held: &'a HashMap<usize, Weak<Held>>,
    me: Owner,
}

impl Others for Look<'_> {
    fn is_alive(&self, owner: Owner) -> bool {
        process::is_alive(&self.segment.file, Some(self.me), owner)
    }
    fn lives(&self, slot: usize) -> bool {
        process::lives(&self.segment.file, Some(self.me), slot)
    }
    fn keeps(&self, block: Block) -> bool {
        self.held.get(&block.line).is_some_and(|held| held.strong_count() > 0)
    }
    fn retire(&self, kind: CellKind, old: &[AtomicU64], new: &[AtomicU64]) {
        match kind {
            CellKind::Breaker => crate::breaker::retire_words(old),
            CellKind::Bulkhead => crate::bulkhead::carry_rest(old, new),
            CellKind::Budget | CellKind::Cost => {}
        }
    }
}

impl Segment {
    /// Opens or makes the segment and attaches to it as `name`.
    pub(crate) fn open(options: &SegmentOptions, name: &str) -> Result<Arc<Segment>, SegmentError> {
        Segment::over(file::open_or_make(options)?, options, name)
    }

    /// Attaches to a segment that is there.
    fn open_existing(options: &SegmentOptions, name: &str) -> Result<Option<Arc<Segment>>, SegmentError> {
        let file = file::open_existing(options, true)?;
        file.map(|file| Segment::over(file, options, name)).transpose()
    }

    fn over(file: File, options: &SegmentOptions, name: &str) -> Result<Arc<Segment>, SegmentError> {
        let segment = Segment {
            regions: Regions::of(file.bytes),
            file,
            name: name.to_owned(),
            table: writers::take_table(),
            attached: Mutex::new(None),
            owner: AtomicU64::new(0),
            forks: AtomicUsize::new(usize::MAX),
            held: Mutex::new(HashMap::new()),
            show_keys: options.show_keys,
            lost: AtomicBool::new(false),
        };
        segment.attach()?;
        Ok(Arc::new(segment))
    }

    /// Files of the same segment that other versions of Seawall use.
    pub(crate) fn other_versions(&self) -> &[String] {
        &self.file.others
    }

    pub(crate) fn path(&self) -> String {
        self.file.path.to_string_lossy().into_owned()
    }

    /// Looks whether the path still names the file that is mapped.
    pub(crate) fn is_in_place(&self) -> bool {
        let in_place = self.file.is_in_place();
        self.lost.store(!in_place, Ordering::Release);
        if let Some(owner) = self.owner_now().filter(|_| in_place) {
            process::insist(self.words(), owner);
            let held: Vec<Arc<Held>> = self.held.lock().values().filter_map(Weak::upgrade).collect();
            held.iter().for_each(|held| self.arena().insist(held.block));
        }
        in_place
    }

    pub(crate) fn show_keys(&self) -> bool {
        self.show_keys
    }

    fn words(&self) -> &[AtomicU64] {
        self.file.map.words()
    }

    fn arena(&self) -> Arena<'_> {
        Arena::new(self.words(), self.regions)
    }

    fn directory<'a>(&'a self, me: Owner, others: &'a dyn Others) -> Directory<'a> {
        Directory::new(self.words(), self.regions, self.file.seed, me, others)
    }

    /// Who this process is here; a forked child becomes somebody else when it first asks.
    pub(crate) fn owner(&self) -> Option<Owner> {
        match self.owner_now() {
            Some(owner) => Some(owner),
            None => self.attach().ok(),
        }
    }

    #[inline]
    pub(crate) fn owner_now(&self) -> Option<Owner> {
        let same = self.forks.load(Ordering::Acquire) == crate::fork::count();
        same.then(|| Owner::of_ours(self.owner.load(Ordering::Acquire))).flatten()
    }

    fn attach(&self) -> Result<Owner, SegmentError> {
        let mut attached = self.attached.lock();
        if let Some(owner) = self.owner_now() {
            return Ok(owner);
        }
        *attached = None;
        let clear = |slot| {
            for block in self.arena().all() {
                self.arena().let_go(block, slot);
                record::want(self.arena().body(block), slot, false);
            }
        };
        let attachment = process::attach(&self.file, &self.name, clear)?;
        let owner = attachment.owner;
        *attached = Some(attachment);
        self.owner.store(owner.word(), Ordering::Release);
        self.forks.store(crate::fork::count(), Ordering::Release);
        drop(attached);
        // What a parent uses, its child uses too.
        let held: Vec<Arc<Held>> = self.held.lock().values().filter_map(Weak::upgrade).collect();
        for held in &held {
            self.arena().hold(held.block, owner.slot());
            record::want(self.arena().body(held.block), owner.slot(), held.wanted);
        }
        Ok(owner)
    }

    /// Finds or makes the cell that is wanted.
    pub(crate) fn cell(self: &Arc<Self>, wanted: &Wanted<'_>, make: Make<'_>) -> Result<Found, SegmentError> {
        let named = |error: SegmentError| SegmentError { path: self.path(), ..error };
        let me = match self.owner_now() {
            Some(me) => me,
            None => self.attach()?,
        };
        let mut held = self.held.lock();
        let look = Look { segment: self, held: &held, me };
        let place = self.directory(me, &look).find_or_make(wanted, make).map_err(named)?;
        let wants = place.record.config == wanted.config;
        record::want(self.arena().body(place.block), me.slot(), wants);
        // Dropped behind the lock, which its end takes.
        let known = held.get(&place.block.line).and_then(Weak::upgrade);
        let found = match known.as_ref().filter(|known| known.life == place.life && known.wanted == wants) {
            Some(known) => Found { held: known.clone(), record: place.record },
            None => self.hold(&mut held, place, wants),
        };
        drop(held);
        crash::point("cell held");
        Ok(found)
    }

    fn hold(self: &Arc<Self>, held: &mut HashMap<usize, Weak<Held>>, place: Place, wanted: bool) -> Found {
        let Place { block, life, record } = place;
        let found = Arc::new(Held { segment: self.clone(), block, life, cell: record.cell, wanted });
        if held.len() == held.capacity() {
            held.retain(|_, held| held.strong_count() > 0);
        }
        held.insert(block.line, Arc::downgrade(&found));
        Found { held: found, record }
    }

    /// Who has a slot, if he lives.
    pub(crate) fn in_slot(&self, slot: usize) -> Option<Owner> {
        process::in_slot(&self.file, self.owner_now(), slot)
    }

    pub(crate) fn is_alive(&self, owner: Owner) -> bool {
        process::is_alive(&self.file, self.owner_now(), owner)
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        // A child that never asked has nothing here: what is written down is the parent's.
        if let Some(owner) = self.owner_now() {
            writers::release(self.words(), owner);
            process::detach(self.words(), owner);
        }
        writers::give_back(self.table);
    }
}

impl Held {
    /// The words of the cell.
    pub(crate) fn words(&self) -> &[AtomicU64] {
        &self.segment.arena().body(self.block)[self.cell..]
    }

    /// Whether this is still the cell of its name, for this process as it is now.
    pub(crate) fn is_current(&self) -> bool {
        self.owner_if_current().is_some()
    }

    /// Who this process is, where this is still the cell of its name.
    #[inline]
    pub(crate) fn owner_if_current(&self) -> Option<Owner> {
        let segment = &self.segment;
        let lives = segment.arena().is_in(self.block, self.life) && !segment.lost.load(Ordering::Acquire);
        lives.then(|| segment.owner_now()).flatten()
    }

    /// Whether the settings in force are those that this process asked for.
    pub(crate) fn is_as_wanted(&self) -> bool {
        self.wanted
    }

    pub(crate) fn segment(&self) -> &Arc<Segment> {
        &self.segment
    }

    pub(crate) fn table(&self) -> &'static Table {
        writers::table(self.segment.table)
    }

    /// A line for the slot of a thread that has none yet.
    #[cold]
    pub(crate) fn claim_line(&self, slot: usize) -> Writer {
        let segment = &self.segment;
        match segment.owner() {
            Some(me) => writers::claim(segment.words(), segment.table, slot, me, |owner| segment.is_alive(owner)),
            None => WRITERS.shared(slot),
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let segment = &self.segment;
        let mut held = segment.held.lock();
        let mine = held.get(&self.block.line).is_some_and(|known| std::ptr::eq(known.as_ptr(), self));
        if !mine {
            return;
        }
        held.remove(&self.block.line);
        if let Some(owner) = segment.owner_now() {
            record::want(segment.arena().body(self.block), owner.slot(), false);
            segment.arena().let_go(self.block, owner.slot());
        }
    }
}
