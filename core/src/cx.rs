//! What a policy is given beside its own state: the time, a source of jitter, a place for notes.

use crate::event::Note;
use crate::rng::Rng;
use crate::time::Tick;

/// The surroundings of one decision. A policy reads `now`, may draw from `rng` and pushes what
/// happened to `notes`; it reaches for nothing else.
pub struct Cx<'a> {
    /// The present instant, as the caller reads it.
    pub now: Tick,
    /// Where jitter comes from.
    pub rng: &'a Rng,
    /// Empty, and without an allocation, in all but rare decisions.
    pub notes: &'a mut Vec<Note>,
}

impl Cx<'_> {
    /// Tells that something happened.
    pub fn note(&mut self, note: Note) {
        self.notes.push(note);
    }
}
