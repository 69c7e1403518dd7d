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
mod held;
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
pub(crate) use held::Held;
pub(crate) use host::{Home, Host, NextLook, Trouble, now};
pub(crate) use layout::{PROCESSES, WRITERS};
pub(crate) use map::at_fork;
pub(crate) use process::Owner;
pub(crate) use record::{Identity, Record, Wanted};
pub(crate) use seal::{check_bits, sealed, unsealed};
pub(crate) use writers::{TABLES, Table, nobodys_table, of_slot};

use crate::cell;
use crate::sync::{Arc, AtomicBool, AtomicU64, Mutex, Ordering, Weak};
use blocks::{Arena, Block};
use directory::{Directory, Others, Place};
use held::Myself;
use layout::Regions;
use map::Pinned;
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
    me: Myself,
    /// Cells in use by their first line.
    held: Mutex<HashMap<usize, Weak<Held>>>,
    show_keys: bool,
    /// Another file has the path now: who works on this one is to go over. Changed with the lock on `held`.
    lost: AtomicBool,
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
    fn close(&self, kind: CellKind, cell: &[AtomicU64]) {
        if kind == CellKind::Bulkhead {
            crate::bulkhead::close(cell);
        }
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
        let table = writers::take_table();
        if table == 0 {
            // The table of all segments that get none is filled in once, for the first of them.
            writers::will_use(&file.map.words()[layout::header::LINES], WRITERS.shared(0));
        }
        let segment = Segment {
            regions: Regions::of(file.bytes),
            file,
            name: name.to_owned(),
            table,
            attached: Mutex::new(None),
            me: Myself::unknown(),
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
        let held = self.tell_held(Some(!in_place));
        if let Some(owner) = self.owner_now().filter(|_| in_place) {
            process::insist(self.words(), owner);
            held.iter().for_each(|held| self.arena().insist(held.block));
        }
        in_place
    }

    /// Tells the cells in use who this process is, and whether the segment is lost where that is news.
    fn tell_held(&self, lost: Option<bool>) -> Vec<Arc<Held>> {
        let held = self.held.lock();
        if let Some(lost) = lost {
            self.lost.store(lost, Ordering::Release);
        }
        // They end behind the lock, which their end takes.
        let all: Vec<Arc<Held>> = held.values().filter_map(Weak::upgrade).collect();
        all.iter().for_each(|held| self.tell(held));
        if self.lost.load(Ordering::Acquire) {
            cell::take_all_away();
        }
        all
    }

    fn tell(&self, held: &Held) {
        match self.owner_now().filter(|_| !self.lost.load(Ordering::Acquire)) {
            Some(owner) => held.me.tell(owner),
            None => held.me.forget(),
        }
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
        self.me.now()
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
        self.me.tell(owner);
        drop(attached);
        // What a parent uses, its child uses too.
        for held in self.tell_held(None) {
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
        let segment = Pinned::new(self.clone(), |segment| segment.arena().pulse(block));
        let lines = Pinned::new(self.clone(), |segment| &segment.words()[layout::header::LINES]);
        let found = Arc::new(Held { segment, life, lines, me: Myself::unknown(), block, cell: record.cell, wanted });
        self.tell(&found);
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
