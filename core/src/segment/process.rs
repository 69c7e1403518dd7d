//! Who is attached, and who is dead.
//!
//! A process claims a slot by taking the lock on its byte, which the kernel drops when the process
//! dies or execs; then it clears what the last owner left and writes its own number over the other's.
//! So an owner whose number is in its slot is alive as long as the lock is held, and one whose number
//! is not in its slot any more is dead.

use super::error::{SegmentError, SegmentFault as Fault};
use super::file::File;
use super::fork::LockFile;
use super::layout::{PROCESSES, Regions, lock_of};
use super::map;
use super::seal;
use crate::sync::{AtomicU64, Ordering};
use rustix::fd::AsFd;

const PID: usize = 1;
const STARTED: usize = 2;
const SINCE: usize = 3;
const NAME: usize = 4;
/// Bytes of a process's name.
pub(crate) const NAME_BYTES: usize = 32;

/// One attachment of one copy of this library in one process: its slot (8 bits), a random number
/// (37 bits), what these come to (16 bits) and a mark that tells it from other things a word may hold.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Owner(u64);

/// In the lower half, so that the halves of two who live at the same time differ.
const SLOT_SHIFT: u32 = 19;
const RANDOM_SHIFT: u32 = 27;
const CHECK_SHIFT: u32 = 3;
const MARK: u64 = 0b010;
/// The bits of the mark: of the others each is somebody's who keeps owners in words of his own.
const MARKS: u64 = 0b111;
const _: () = assert!(PROCESSES <= 1 << (RANDOM_SHIFT - SLOT_SHIFT));

impl Owner {
    pub(crate) fn new(slot: usize, random: u64) -> Owner {
        // Never a number without a random part.
        let number = (slot as u64) << SLOT_SHIFT | random << RANDOM_SHIFT | 1 << 63;
        Owner(number | seal::check_bits(number) << CHECK_SHIFT | MARK)
    }
    /// `None` for a word that names nobody.
    pub(crate) fn from_word(word: u64) -> Option<Owner> {
        let number = word >> SLOT_SHIFT << SLOT_SHIFT;
        let whole = seal::is_same(word >> CHECK_SHIFT & 0xffff, seal::check_bits(number));
        (word & MARKS == MARK && whole).then_some(Owner(word))
    }
    /// The same for a word of this process's own memory, where the word of an owner was put.
    pub(crate) fn of_ours(word: u64) -> Owner {
        Owner(word)
    }
    pub(crate) fn word(self) -> u64 {
        self.0
    }
    pub(crate) fn slot(self) -> usize {
        (self.0 >> SLOT_SHIFT) as usize & (PROCESSES - 1)
    }
    /// The random part.
    pub(crate) fn random(self) -> u64 {
        self.0 >> RANDOM_SHIFT
    }
    /// What a process leaves where it wants to find nobody but itself, as long as nobody else comes: it
    /// names nobody.
    pub(crate) fn at_hand(self) -> u64 {
        self.0 & !MARK
    }
    /// Whether a word names nobody, by its mark alone.
    #[inline(always)]
    pub(crate) fn is_nobody(word: u64) -> bool {
        word & MARK == 0
    }
}

/// A random number, new in every process.
pub(crate) fn random() -> u64 {
    let mut bytes = [0; 8];
    match rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty()) {
        Ok(8) => u64::from_le_bytes(bytes),
        // Without it, what differs between processes and moments.
        _ => {
            let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
            let seed = u64::from(std::process::id()) << 32 ^ now.tv_nsec as u64 ^ (now.tv_sec as u64) << 20;
            super::hash::of_words(seed, &[crate::sync::process_unique()])
        }
    }
}

/// A slot of ours.
pub(crate) struct Attachment {
    pub owner: Owner,
    _lock: LockFile,
}

/// Claims a slot. `clear` gets its number before anybody can take us for its owner, to clear what a
/// dead owner left there.
pub(crate) fn attach(file: &File, name: &str, clear: impl FnOnce(usize)) -> Result<Attachment, SegmentError> {
    let lock = LockFile::new(file.reopen()?).map_err(|detail| file.error(Fault::Crowded, detail))?;
    for slot in 0..PROCESSES {
        if !lock.take(lock_of(file.bytes, slot)).map_err(|error| file.error(Fault::Unsupported, error))? {
            continue;
        }
        super::crash::point("process slot locked");
        let owner = Owner::new(slot, random());
        clear(slot);
        super::crash::point("process slot cleared");
        introduce(file.map.words(), owner, name);
        return Ok(Attachment { owner, _lock: lock });
    }
    Err(file.error(Fault::Crowded, ""))
}

fn introduce(words: &[AtomicU64], owner: Owner, name: &str) {
    let first = Regions::process(owner.slot());
    // Relaxed: for display only, and published by the store that follows.
    let put = |word: usize, value: u64| words[first + word].store(value, Ordering::Relaxed);
    put(PID, u64::from(std::process::id()));
    put(STARTED, started());
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    put(SINCE, (now.tv_sec as u64).saturating_mul(1_000_000_000).saturating_add(now.tv_nsec as u64));
    let mut bytes = [0; NAME_BYTES];
    let length = (0..=name.len().min(NAME_BYTES)).rev().find(|end| name.is_char_boundary(*end)).unwrap_or(0);
    bytes[..length].copy_from_slice(&name.as_bytes()[..length]);
    for (index, chunk) in bytes.chunks_exact(8).enumerate() {
        put(NAME + index, u64::from_le_bytes(chunk.try_into().unwrap_or_default()));
    }
    // SeqCst: from here on others judge us by the lock, which is held.
    words[first].store(owner.word(), Ordering::SeqCst);
}

/// Leaves the slot in good order; the lock goes with the attachment.
pub(crate) fn detach(words: &[AtomicU64], owner: Owner) {
    let slot = &words[Regions::process(owner.slot())];
    // SeqCst: what the owner gave back before is seen by who finds the slot empty.
    let _ = slot.compare_exchange(owner.word(), 0, Ordering::SeqCst, Ordering::Relaxed);
}

/// Writes the number of a living owner again where something else stands in its slot: the lock is his,
/// so nobody else may.
pub(crate) fn insist(words: &[AtomicU64], owner: Owner) {
    let slot = &words[Regions::process(owner.slot())];
    if slot.load(Ordering::Relaxed) != owner.word() {
        slot.store(owner.word(), Ordering::SeqCst);
    }
}

/// Whether `owner` may still act. `me` is the one who asks: his own lock does not show.
pub(crate) fn is_alive(file: &File, me: Option<Owner>, owner: Owner) -> bool {
    if me == Some(owner) {
        return true;
    }
    let word = file.map.words()[Regions::process(owner.slot())].load(Ordering::SeqCst);
    let another = |found: Owner| found != owner && found.slot() == owner.slot();
    // A slot that names nobody says nothing: it may have been scribbled over.
    !Owner::from_word(word).is_some_and(another) && is_locked(file, owner.slot())
}

/// Whether a living process has the slot, whatever is written in it.
pub(crate) fn lives(file: &File, me: Option<Owner>, slot: usize) -> bool {
    me.is_some_and(|me| me.slot() == slot) || is_locked(file, slot)
}

/// In doubt it is: nothing is taken from the living.
fn is_locked(file: &File, slot: usize) -> bool {
    map::is_locked(file.descriptor.as_fd(), lock_of(file.bytes, slot)).unwrap_or(true)
}

/// The owner in a slot, if it is alive.
pub(crate) fn in_slot(file: &File, me: Option<Owner>, slot: usize) -> Option<Owner> {
    let word = file.map.words()[Regions::process(slot)].load(Ordering::SeqCst);
    Owner::from_word(word).filter(|owner| owner.slot() == slot && is_alive(file, me, *owner))
}

/// What a process wrote of itself: for display, never for a decision.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProcessInfo {
    /// Its place in the list of those attached, up to 255.
    pub slot: u32,
    /// As its own namespace counts.
    pub pid: u32,
    /// In clock ticks since the machine started.
    pub started: u64,
    /// When it attached, in the clock's nanoseconds.
    pub since: u64,
    /// Its program.
    pub name: String,
}

pub(crate) fn info(words: &[AtomicU64], slot: usize) -> ProcessInfo {
    let read = |word: usize| words[Regions::process(slot) + word].load(Ordering::Relaxed);
    let bytes: Vec<u8> = (NAME..NAME + NAME_BYTES / 8).flat_map(|word| read(word).to_le_bytes()).collect();
    let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    ProcessInfo {
        slot: slot as u32,
        pid: read(PID) as u32,
        started: read(STARTED),
        since: read(SINCE),
        name: String::from_utf8_lossy(text).chars().filter(|c| !c.is_control()).collect(),
    }
}

/// The 22nd field of `/proc/self/stat`; 0 where that is not to be had.
fn started() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name before it may hold anything, blanks and brackets too.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    fields.split_whitespace().nth(19).and_then(|field| field.parse().ok()).unwrap_or(0)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_told_from_other_words() {
        let owner = Owner::new(255, u64::MAX);
        assert_eq!((owner.slot(), Owner::from_word(owner.word())), (255, Some(owner)));
        assert!(Owner::from_word(0).is_none() && Owner::from_word(7 << 3 | 1).is_none());
        assert_ne!(Owner::new(0, 0).word() & !MARKS, 0);
        assert!(
            Owner::is_nobody(owner.at_hand())
                && Owner::from_word(owner.at_hand()).is_none()
                && !Owner::is_nobody(owner.word())
        );
        // Who lives at the same time is in another slot: the lower half says which.
        let halves = |slot| [7, u64::MAX].map(|random| Owner::new(slot, random).word() as u32);
        assert!(halves(1).iter().all(|half| !halves(2).contains(half)));
    }

    #[test]
    fn a_process_knows_when_it_began() {
        assert!(started() > 0);
    }
}
