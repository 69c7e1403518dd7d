//! From a name to its cell.
//!
//! The directory is a row of chains. A chain is a stack of blocks: its head, a line and a count of
//! changes in one word, is all that is ever written to, so two makers of one name cannot both win.
//! A block is looked at by itself: it counts while it lives, and who uses it keeps it alive.

use super::blocks::{Arena, Block, Life, State};
use super::error::{SegmentError, SegmentFault as Fault};
use super::layout::Regions;
use super::process::Owner;
use super::record::{self, NEXT, REPLACES, Record, Wanted};
use crate::sync::{AtomicU64, Ordering};

/// Blocks of one chain that are looked at; more can only be a ring.
const CHAIN: usize = 4096;
/// Tries until others who change the same chain are left to themselves.
const TRIES: usize = 1000;

/// One look at the directory of a segment, by one process.
#[derive(Copy, Clone)]
pub(crate) struct Directory<'a> {
    words: &'a [AtomicU64],
    regions: Regions,
    seed: u64,
    pub arena: Arena<'a>,
    me: Owner,
    others: &'a dyn Others,
}

/// What is known of the other processes.
pub(crate) trait Others {
    fn is_alive(&self, owner: Owner) -> bool;
    /// Whether a process that lives has the slot.
    fn lives(&self, slot: usize) -> bool;
    /// Whether this process uses the block already: its bit stays set.
    fn keeps(&self, block: Block) -> bool;
    /// Has who works on a cell look from now on whether it lives.
    fn close(&self, kind: super::CellKind, cell: &[AtomicU64]);
    /// Has who still works on a cell that another took the place of look for the other.
    fn retire(&self, kind: super::CellKind, old: &[AtomicU64], new: &[AtomicU64]);
}

/// A cell that was found or made, with the finder's bit set.
#[derive(Debug)]
pub(crate) struct Place {
    pub block: Block,
    pub life: Life,
    pub record: Record,
}

/// The head of a chain: line (32 bits) under a count of changes.
#[derive(Copy, Clone, PartialEq, Eq)]
struct Head(u64);

impl Head {
    fn line(self) -> usize {
        (self.0 & 0xffff_ffff) as usize
    }
    fn next(self, line: usize) -> Head {
        Head((self.0 >> 32).wrapping_add(1) << 32 | line as u64 & 0xffff_ffff)
    }
}

impl<'a> Directory<'a> {
    pub(crate) fn new(
        words: &'a [AtomicU64],
        regions: Regions,
        seed: u64,
        me: Owner,
        others: &'a dyn Others,
    ) -> Directory<'a> {
        Directory { words, regions, seed, arena: Arena::new(words, regions), me, others }
    }

    /// Finds or makes the cell that is wanted. `make` fills a new one, which nobody knows yet, from
    /// the record and cell that it takes the place of, if there is one.
    pub(crate) fn find_or_make(self, wanted: &Wanted<'_>, make: super::Make<'_>) -> Result<Place, SegmentError> {
        let hashes = wanted.identity.hashes(self.seed);
        let chain = &self.words[Regions::chain((hashes[0] % self.regions.chains as u64) as usize)];
        for _ in 0..TRIES {
            self.trim(chain);
            let head = Head(chain.load(Ordering::SeqCst));
            let is_wanted = |record: &Record| record.is(&wanted.identity, hashes);
            let linked = self.walk(head).find(|(_, _, record)| is_wanted(record));
            let is_linked = linked.is_some();
            let found = match linked {
                Some(found) => Some(found),
                None => self.lost(hashes, is_wanted)?,
            };
            let Some((block, life, record)) = found else {
                if let Some(place) = self.push(chain, head, wanted, None, make)? {
                    return Ok(place);
                }
                continue;
            };
            self.arena.hold(block, self.me.slot());
            if !self.arena.keep(block, life) {
                self.let_go(block);
                continue;
            }
            if is_linked {
                self.finish(block);
                self.arena.mark_used(block);
                if !self.is_replaced_by(wanted, block, &record) {
                    return Ok(Place { block, life, record });
                }
            }
            let place = self.push(chain, head, wanted, Some((block, &record)), make);
            self.let_go(block);
            if let Some(place) = place? {
                return Ok(place);
            }
        }
        Err(SegmentError::new(Fault::Contended, "", wanted.identity.name))
    }

    fn let_go(self, block: Block) {
        if !self.others.keeps(block) {
            self.arena.let_go(block, self.me.slot());
        }
    }

    /// Whether the settings that are wanted take the place of those in force.
    fn is_replaced_by(self, wanted: &Wanted<'_>, block: Block, record: &Record) -> bool {
        let wishes = record::others_who_want(self.arena.body(block), self.me);
        let differs = record.config != wanted.config;
        // A number that is higher takes the place of equal settings too: it counts from now on.
        wanted.revision > record.revision
            || differs && wanted.revision == record.revision && !wishes.into_iter().any(|slot| self.others.lives(slot))
    }

    /// Puts a new block on top of a chain; `None` if the chain changed meanwhile.
    fn push(
        self,
        chain: &AtomicU64,
        head: Head,
        wanted: &Wanted<'_>,
        old: Option<(Block, &Record)>,
        make: super::Make<'_>,
    ) -> Result<Option<Place>, SegmentError> {
        let block = self.room(wanted.body())?;
        let body = self.arena.body(block);
        let cell = wanted.write(body, self.seed);
        make(&body[cell..], old.map(|(old, record)| (record, &self.arena.body(old)[record.cell..])));
        // Relaxed: published with the block.
        let next = self.arena.at(head.line()).map_or(0, |next| next.line);
        body[NEXT].store(next as u64, Ordering::Relaxed);
        body[REPLACES].store(old.map_or(0, |(old, _)| old.line as u64), Ordering::Relaxed);
        record::want(body, self.me.slot(), true);
        self.arena.hold(block, self.me.slot());
        let life = self.arena.publish(block);
        super::crash::point("block published");
        // SeqCst: found by who looks from now on; the count tells this head from an equal one.
        if chain.compare_exchange(head.0, head.next(block.line).0, Ordering::SeqCst, Ordering::SeqCst).is_err() {
            self.arena.let_go(block, self.me.slot());
            self.arena.withdraw(block, life);
            return Ok(None);
        }
        super::crash::point("block in its chain");
        self.finish(block);
        match Record::read(body) {
            Some(record) => Ok(Some(Place { block, life, record })),
            None => Err(SegmentError::damaged("a record that was just written")),
        }
    }

    /// Ends the life of the block that another took the place of, and carries on what changed there meanwhile: by
    /// who finds the new one first, and once more by the next where that one died before he was through.
    fn finish(self, block: Block) {
        let replaces = &self.arena.body(block)[REPLACES];
        let line = replaces.load(Ordering::Acquire);
        if line == 0 {
            return;
        }
        let old = usize::try_from(line).ok().and_then(|line| self.arena.at(line)).filter(|old| *old != block);
        let life = old.map(|old| self.arena.state(old));
        if let (Some(old), Some(State::Live(_) | State::Dead)) = (old, life) {
            let read = |block| {
                let body = self.arena.body(block);
                Record::read(body).map(|record| (record.kind, record.hashes, &body[record.cell..]))
            };
            // Another part's cell is not what this one took the place of: the word was scribbled over.
            if let (Some((kind, hashes, old_cell)), Some((new_kind, new_hashes, new_cell))) = (read(old), read(block))
                && (kind, hashes) == (new_kind, new_hashes)
            {
                if let Some(State::Live(life)) = life {
                    self.others.close(kind, old_cell);
                    super::crash::point("block closed");
                    self.arena.end(old, life);
                    super::crash::point("block ended");
                }
                self.others.retire(kind, old_cell, new_cell);
            }
        }
        super::crash::point("block replaced");
        replaces.store(0, Ordering::Release);
    }

    /// The living blocks of a chain. One whose record was scribbled over is ended, so that whoever
    /// looks whether it lives goes elsewhere.
    fn walk(self, head: Head) -> impl Iterator<Item = (Block, Life, Record)> + 'a {
        self.links(head).filter_map(move |block| {
            let State::Live(life) = self.arena.state(block) else { return None };
            let record = Record::read(self.arena.body(block));
            if record.is_none() {
                self.arena.end(block, life);
            }
            record.map(|record| (block, life, record))
        })
    }

    /// A living block of the name that its chain does not lead to: who made it has not linked it yet,
    /// or the chain was scribbled over. A new one takes its place.
    fn lost(
        self,
        hashes: [u64; 2],
        is_wanted: impl Fn(&Record) -> bool,
    ) -> Result<Option<(Block, Life, Record)>, SegmentError> {
        let (taken, mut end) = (self.arena.taken(), self.regions.arena);
        let found = self.arena.all().find_map(|block| {
            end = block.line + block.lines;
            let State::Live(life) = self.arena.state(block) else { return None };
            let record = record::says(self.arena.body(block), hashes).then(|| Record::read(self.arena.body(block)))?;
            record.filter(&is_wanted).map(|record| (block, life, record))
        });
        // Behind the break may be the one that others work on.
        if found.is_none() && end < taken {
            return Err(SegmentError::damaged("the row of blocks is broken"));
        }
        Ok(found)
    }

    fn links(self, head: Head) -> impl Iterator<Item = Block> + 'a {
        let mut line = head.line();
        std::iter::from_fn(move || {
            let block = self.arena.at(line).filter(|block| self.arena.body(*block).len() >= record::FIXED)?;
            line = usize::try_from(self.arena.body(block)[NEXT].load(Ordering::Acquire)).ok()?;
            Some(block)
        })
        .take(CHAIN)
    }

    /// Takes the dead off the top of a chain.
    fn trim(self, chain: &AtomicU64) {
        for _ in 0..CHAIN {
            let head = Head(chain.load(Ordering::SeqCst));
            let Some(top) = self.links(head).next() else { return };
            if !matches!(self.arena.state(top), State::Dead) {
                return;
            }
            let next = self.arena.body(top)[NEXT].load(Ordering::Acquire);
            let next = usize::try_from(next).unwrap_or(0);
            // SeqCst: the count says that nothing happened since the head was read.
            let _ = chain.compare_exchange(head.0, head.next(next).0, Ordering::SeqCst, Ordering::SeqCst);
        }
    }

    fn chains(self) -> &'a [AtomicU64] {
        &self.words[Regions::chain(0)..Regions::chain(self.regions.chains)]
    }

    /// A block of ours, made room for where needed: by what nobody uses, then by what nobody has used.
    fn room(self, words: usize) -> Result<Block, SegmentError> {
        match self.arena.take(words, self.me) {
            Err(error) if error.fault == Fault::Full => {}
            result => return result,
        }
        self.sweep();
        for spare_used in [true, false] {
            match self.arena.take(words, self.me) {
                Err(error) if error.fault == Fault::Full => self.evict(spare_used),
                result => return result,
            }
        }
        self.arena.take(words, self.me)
    }

    /// Gives back what the dead had begun and what nothing refers to.
    pub(crate) fn sweep(self) {
        self.chains().iter().for_each(|chain| self.trim(chain));
        let mut linked = std::collections::HashSet::new();
        let fresh = |linked: &mut std::collections::HashSet<Block>| {
            linked.clear();
            for chain in self.chains() {
                linked.extend(self.links(Head(chain.load(Ordering::SeqCst))));
            }
        };
        fresh(&mut linked);
        // Whoever pushes a block holds it, so what is linked later is used now.
        self.arena.collect(
            |block| self.is_used(block),
            |block| linked.contains(&block),
            |owner| self.others.is_alive(owner),
        );
    }

    fn evict(self, spare_used: bool) {
        for block in self.arena.all() {
            let spared = spare_used && self.arena.take_used(block);
            if !spared && matches!(self.arena.state(block), State::Live(_)) {
                self.arena.end_unused(block, |block| self.is_used(block));
            }
        }
        self.sweep();
    }

    /// Whether a process that lives uses the block.
    fn is_used(self, block: Block) -> bool {
        self.arena.holders(block).any(|slot| self.others.lives(slot))
    }

    /// A cell that is there, with the finder's bit set.
    pub(crate) fn find(self, kind: super::CellKind, hashes: [u64; 2]) -> Option<Place> {
        let all = cells(self.arena).into_iter();
        let (block, record) = all.into_iter().find(|(_, record)| record.kind == kind && record.hashes == hashes)?;
        let State::Live(life) = self.arena.state(block) else { return None };
        self.arena.hold(block, self.me.slot());
        if !self.arena.keep(block, life) {
            self.let_go(block);
            return None;
        }
        Some(Place { block, life, record })
    }
}

/// Every cell that lives, with its record; of two of one name, where one takes the place of the other,
/// the new one.
pub(crate) fn cells(arena: Arena<'_>) -> Vec<(Block, Record)> {
    let living = arena.all().filter(|block| matches!(arena.state(*block), State::Live(_)));
    let all: Vec<_> = living.filter_map(|block| Some((block, Record::read(arena.body(block))?))).collect();
    let replaced: Vec<usize> =
        all.iter().map(|(block, _)| arena.body(*block)[REPLACES].load(Ordering::Acquire) as usize).collect();
    all.into_iter().filter(|(block, _)| !replaced.contains(&block.line)).collect()
}
