//! The bounded ring of events and its readers.
//!
//! While nobody reads, nothing is kept: a policy then pays one relaxed load for an event.

use crate::event::{EventKind, Note, PartKind};
use crate::sync::{Arc, AtomicBool, AtomicUsize, Mutex, Ordering};
use crate::time::Tick;
use std::collections::VecDeque;

/// How many events wait for a slow reader before the oldest are dropped (and counted).
pub const CAPACITY: usize = 1024;

/// Something that happened, with the names of where it happened.
#[derive(Clone, PartialEq, Debug)]
pub struct Event {
    /// Rises by one for each event of this registry; a gap means that events were dropped.
    pub sequence: u64,
    /// The number of the process.
    pub process: u32,
    /// The policy's number in its process, for policies without a name; 0 if no policy is meant.
    pub policy_id: u64,
    /// The policy's name, where it has one.
    pub policy: Option<Arc<str>>,
    /// The key, in a policy partitioned by key.
    pub key: Option<Arc<str>>,
    /// What happened.
    pub note: Note,
    /// Where two things clash (`config_conflict`) or what went wrong (`internal`); else empty.
    pub detail: Arc<str>,
}

impl Event {
    /// An event that belongs to no part of a policy.
    pub(crate) fn of_registry(kind: EventKind, part: PartKind, at: Tick, policy: Option<&str>, detail: &str) -> Event {
        Event {
            sequence: 0,
            process: std::process::id(),
            policy_id: 0,
            policy: policy.map(Arc::from),
            key: None,
            note: Note::new(kind, part, at),
            detail: detail.into(),
        }
    }
}

#[derive(Default)]
struct Ring {
    events: VecDeque<Event>,
    next: u64,
}

/// All events of one registry.
pub struct Events {
    ring: Arc<Mutex<Ring>>,
    readers: Arc<AtomicUsize>,
    /// Whether somebody listened at the last look at what others did.
    listened: AtomicBool,
}

impl Default for Events {
    fn default() -> Self {
        Events {
            ring: Arc::new(Mutex::new(Ring::default())),
            readers: Arc::new(AtomicUsize::new(0)),
            listened: AtomicBool::new(false),
        }
    }
}

impl Events {
    /// Starts reading at the present; events before this are not seen.
    pub fn subscribe(&self) -> Cursor {
        let ring = self.ring.lock();
        // Relaxed: a publisher that just misses the new reader published before it subscribed.
        self.readers.fetch_add(1, Ordering::Relaxed);
        Cursor { ring: self.ring.clone(), readers: self.readers.clone(), next: ring.next }
    }

    /// Whether anybody reads.
    pub fn wanted(&self) -> bool {
        self.readers.load(Ordering::Relaxed) > 0
    }

    /// Whether somebody has listened since the last time this was asked: what came before is no news.
    pub(crate) fn has_listened(&self) -> bool {
        // Relaxed: one helper asks.
        let listened = self.listened.load(Ordering::Relaxed);
        self.listened.store(self.wanted(), Ordering::Relaxed);
        listened
    }

    pub(crate) fn publish(&self, events: impl Iterator<Item = Event>) {
        let mut ring = self.ring.lock();
        for mut event in events {
            event.sequence = ring.next;
            ring.next += 1;
            if ring.events.len() == CAPACITY {
                ring.events.pop_front();
            }
            ring.events.push_back(event);
        }
    }
}

/// One reader's place in the ring. Dropping it ends the reading.
pub struct Cursor {
    ring: Arc<Mutex<Ring>>,
    readers: Arc<AtomicUsize>,
    next: u64,
}

/// What a reader has not seen yet, oldest first, and how many were dropped before it came.
#[derive(Debug, Default)]
pub struct Batch {
    /// Oldest first.
    pub events: Vec<Event>,
    /// How many were lost before them.
    pub dropped: u64,
}

impl Cursor {
    /// What happened since the last look. Never waits.
    pub fn drain(&mut self) -> Batch {
        let ring = self.ring.lock();
        let oldest = ring.next - ring.events.len() as u64;
        let dropped = oldest.saturating_sub(self.next);
        let skip = self.next.saturating_sub(oldest) as usize;
        self.next = ring.next;
        Batch { events: ring.events.iter().skip(skip).cloned().collect(), dropped }
    }
}

impl Drop for Cursor {
    fn drop(&mut self) {
        let mut ring = self.ring.lock();
        if self.readers.fetch_sub(1, Ordering::Relaxed) == 1 {
            ring.events.clear();
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn event(at: u64) -> Event {
        let note = Note::new(EventKind::Rejected, PartKind::Breaker, Tick(at));
        Event { sequence: 0, process: 0, policy_id: 0, policy: None, key: None, note, detail: "".into() }
    }

    #[test]
    fn readers_see_what_comes_after_them_and_count_what_was_dropped() {
        let events = Events::default();
        assert!(!events.wanted());
        let mut early = events.subscribe();
        events.publish([event(1)].into_iter());
        let mut late = events.subscribe();
        events.publish((0..CAPACITY as u64 + 5).map(event));
        let batch = early.drain();
        assert_eq!((batch.dropped, batch.events.len()), (6, CAPACITY));
        assert_eq!(late.drain().dropped, 5);
        assert!(late.drain().events.is_empty());
        drop((early, late));
        assert!(!events.wanted());
    }
}
