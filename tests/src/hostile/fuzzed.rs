//! What a fuzzer does with a segment: strokes that it chooses, and then everything that is done with one.

use super::{Process, look};
use seawall::breaker::Control;
use seawall::segment::{SegmentOptions, View};
use seawall::time::Span;
use std::cell::RefCell;
use std::fs::{self, File, OpenOptions, Permissions};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::PathBuf;

const BYTES: u64 = 64 << 10;
const STROKE: usize = 11;
/// Strokes of one input; the others are not made.
const MOST: usize = 32;
/// The flag of an input whose strokes come while processes are at work.
pub(super) const LIVE: u8 = 1;

/// What a stroke does to a word. Anything else writes it.
pub(super) mod kind {
    pub const WRITE: u8 = 0;
    pub const FLIP: u8 = 1;
    pub const ADD: u8 = 2;
    /// From another place.
    pub const COPY: u8 = 3;
    /// A number beside its complement, as lines are written.
    pub const SEALED: u8 = 4;
    /// The place is a byte's.
    pub const BYTE: u8 = 5;
}

/// A segment that is laid out, its file as it was when two processes had worked on it.
struct Stage {
    options: SegmentOptions,
    before: Vec<u8>,
}

thread_local! {
    static STAGE: RefCell<Option<Stage>> = const { RefCell::new(None) };
}

impl Stage {
    fn new() -> Stage {
        let memory = PathBuf::from("/dev/shm");
        let parent = if memory.is_dir() { memory } else { std::env::temp_dir() };
        let thread = format!("{:?}", std::thread::current().id());
        let number: String = thread.chars().filter(char::is_ascii_digit).collect();
        let dir = parent.join(format!("seawall-fuzzed-{}-{number}", std::process::id()));
        fs::create_dir_all(&dir).expect("a folder");
        fs::set_permissions(&dir, Permissions::from_mode(0o700)).expect("our own folder");
        let options = SegmentOptions { dir: Some(dir), bytes: BYTES, ..SegmentOptions::default() };
        let (one, two) = (Process::attach(&options), Process::attach(&options));
        one.work();
        two.work();
        let before = fs::read(options.path()).expect("the segment");
        Stage { options, before }
    }

    fn file(&self) -> File {
        OpenOptions::new().read(true).write(true).open(self.options.path()).expect("the segment")
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = self.options.dir.as_ref().map(fs::remove_dir_all);
    }
}

/// One input: what is wrong, if anything is.
pub fn read(data: &[u8]) -> Result<(), String> {
    STAGE.with_borrow_mut(|stage| {
        let stage = stage.get_or_insert_with(Stage::new);
        let Some((flags, strokes)) = data.split_first() else { return Ok(()) };
        let file = stage.file();
        file.write_all_at(&stage.before, 0).map_err(|error| error.to_string())?;
        let early = (flags & LIVE != 0).then(|| Process::attach(&stage.options));
        for stroke in strokes.chunks_exact(STROKE).take(MOST) {
            make(&file, stroke)?;
        }
        look(&stage.options)?;
        let mut process = early.unwrap_or_else(|| Process::attach(&stage.options));
        for _ in 0..2 {
            process.work();
            process.judge()?;
            process.advance(Span::secs(6));
        }
        if let Ok(Some(view)) = View::open(&stage.options) {
            for cell in view.cells() {
                let _ = view.control(&cell, Control::Reset);
            }
        }
        process.work();
        look(&stage.options)?;
        process.judge()
    })
}

fn make(file: &File, stroke: &[u8]) -> Result<(), String> {
    let (place, what) = (u16::from_le_bytes([stroke[0], stroke[1]]), stroke[2]);
    let operand = stroke[3..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    let at = |word: u64| word % (BYTES / 8) * 8;
    let problem = |error: std::io::Error| error.to_string();
    let read = |word: u64| {
        let mut bytes = [0; 8];
        file.read_exact_at(&mut bytes, at(word)).map(|()| u64::from_le_bytes(bytes)).map_err(problem)
    };
    let word = match what {
        kind::BYTE => return file.write_all_at(&stroke[3..4], u64::from(place)).map_err(problem),
        kind::FLIP => read(place.into())? ^ operand,
        kind::ADD => read(place.into())?.wrapping_add(operand),
        kind::COPY => read(operand)?,
        kind::SEALED => operand & 0xffff_ffff | !operand << 32,
        _ => operand,
    };
    file.write_all_at(&word.to_le_bytes(), at(place.into())).map_err(problem)
}
