//! That settings changed, told to every JavaScript thread of the process in a word of its own memory.

use std::ffi::c_void;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

struct Threads {
    changes: u32,
    words: Vec<Word>,
}

#[derive(Copy, Clone, PartialEq)]
struct Word(*const AtomicU32);

// SAFETY: an atomic that is alive as long as it is in the list.
unsafe impl Send for Word {}

static THREADS: Mutex<Threads> = Mutex::new(Threads { changes: 0, words: Vec::new() });

fn threads() -> MutexGuard<'static, Threads> {
    THREADS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A thread's word, until it is dropped.
pub(super) struct Told(Word);

/// `word` is the memory of a `Uint32Array` that its environment keeps.
pub(super) fn told(word: *mut c_void) -> Told {
    let word = Word(word.cast());
    let mut threads = threads();
    word.tell(threads.changes);
    threads.words.push(word);
    Told(word)
}

impl Drop for Told {
    fn drop(&mut self) {
        threads().words.retain(|word| *word != self.0);
    }
}

impl Word {
    fn tell(self, changes: u32) {
        // SAFETY: in the list, or about to be. Release: who sees the number finds the settings.
        unsafe { &*self.0 }.store(changes, Ordering::Release);
    }
}

/// Settings have come in force, or the off switch was turned.
pub(crate) fn changed() {
    let mut threads = threads();
    threads.changes = threads.changes.wrapping_add(1);
    for word in &threads.words {
        word.tell(threads.changes);
    }
}
