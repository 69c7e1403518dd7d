//! One stroke of a pen at each place of a small segment, and then everything that is done with one.

use super::process::{Process, START};
use super::recovery::Pair;
use super::{look, look_at};
use seawall::segment::{SegmentOptions, View};
use seawall::time::Span;
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// When the strokes are made, and which.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Mode {
    /// One over each byte, while two processes work.
    Live,
    /// One over each byte, before another process comes.
    Late,
    /// Several over each word, while two processes work.
    Words,
}

impl Mode {
    /// Of that name.
    pub fn parse(name: &str) -> Option<Mode> {
        [("live", Mode::Live), ("late", Mode::Late), ("words", Mode::Words)]
            .into_iter()
            .find_map(|(own, mode)| (own == name).then_some(mode))
    }

    /// What is written at a place in turn.
    fn strokes(self, before: &[u8], offset: usize) -> Vec<Vec<u8>> {
        if self == Mode::Words {
            return words_over(before, offset);
        }
        // Each place gets one of them, and the eight of a word all.
        let pattern = Pattern::ALL[(offset + offset / 8 + usize::from(self == Mode::Late)) % 4];
        vec![pattern.over(before, offset)]
    }
}

/// What is written over the whole word of an offset: nothing, everything, any number; the number that is
/// there with a bit of its middle or its end turned, or a little or much higher, or none of its lower half;
/// an hour, and a hundred years, from the processes' present as the words of a cell count it.
fn words_over(before: &[u8], offset: usize) -> Vec<Vec<u8>> {
    let Some(bytes) = before.get(offset / 8 * 8..).and_then(|bytes| bytes.first_chunk()) else { return Vec::new() };
    let (word, present) = (u64::from_le_bytes(*bytes), START.0 as u128);
    let (hour, century) = (3_600_000_000_000u128, 3_155_760_000_000_000_000u128);
    let units = [1u128, 1_000, 1_000_000, 1_000_000_000];
    let changed = [0, u64::MAX, mixed(offset as u64), word ^ 1 << 20, word ^ 1 << 55, word ^ 1 << 31, word & LEFT];
    let counted = [1u64, 1 << 8, 1 << 33, 1 << 52].map(|more| word.wrapping_add(more));
    // Above the tag that the word has.
    let dates = [hour, century].into_iter().flat_map(|ahead| units.map(|unit| ((present + ahead) / unit) as u64));
    let tagged = dates.clone().map(|date| date & ((1 << 45) - 1) | word & !((1 << 45) - 1));
    let all: BTreeSet<u64> = changed.into_iter().chain(counted).chain(dates).chain(tagged).collect();
    all.into_iter().filter(|stroke| *stroke != word).map(|stroke| stroke.to_le_bytes().to_vec()).collect()
}

/// The upper half of a word.
const LEFT: u64 = !0xffff_ffff;

/// What is written over a byte, or from it on.
#[derive(Copy, Clone, Debug)]
pub enum Pattern {
    Zero,
    Ones,
    Flipped,
    Random,
}

impl Pattern {
    pub const ALL: [Pattern; 4] = [Pattern::Zero, Pattern::Ones, Pattern::Flipped, Pattern::Random];

    /// One byte; of `Random`, the eight from there on.
    fn over(self, before: &[u8], offset: usize) -> Vec<u8> {
        match self {
            Pattern::Zero => vec![0],
            Pattern::Ones => vec![0xff],
            Pattern::Flipped => vec![!before[offset]],
            Pattern::Random => {
                // Small numbers, lines and large ones: a number below a random one of bits.
                let word = mixed(offset as u64);
                let word = word >> (mixed(word) % 64);
                let end = (offset + 8).min(before.len());
                word.to_le_bytes()[..end - offset].to_vec()
            }
        }
    }
}

/// A number that looks like any other, the same in every run.
fn mixed(number: u64) -> u64 {
    let product = u128::from(number ^ 0x9E37_79B9_7F4A_7C15) * 0xD134_2543_DE82_EF95;
    (product >> 64) as u64 ^ product as u64
}

/// Two processes at work on a segment, and the file as they left it.
struct Scene {
    here: Process,
    there: Process,
    view: View,
    file: File,
    before: Vec<u8>,
    size: (u64, u64),
}

impl Scene {
    fn set(options: &SegmentOptions) -> Result<Scene, String> {
        let _ = fs::remove_file(options.path());
        let (mut here, mut there) = (Process::attach(options), Process::attach(options));
        for process in [&mut here, &mut there] {
            process.work();
            process.judge()?;
        }
        here.agree(&mut there)?;
        if here.is_alone() || there.is_alone() {
            return Err("the scene itself is not shared".into());
        }
        let problem = |error: std::io::Error| error.to_string();
        let file = OpenOptions::new().read(true).write(true).open(options.path()).map_err(problem)?;
        let before = fs::read(options.path()).map_err(problem)?;
        let view = View::open(options).map_err(|error| error.to_string())?.ok_or("no segment")?;
        let size = view.size();
        Ok(Scene { here, there, view, file, before, size })
    }

    fn write(&self, bytes: &[u8], offset: usize) -> Result<(), String> {
        self.file.write_all_at(bytes, offset as u64).map_err(|error| error.to_string())
    }
}

/// The figures of a sweep.
#[derive(Default, Debug)]
pub struct Sweep {
    pub strokes: usize,
    /// Strokes after which all parts were still shared.
    pub shared: usize,
    /// Strokes after which a process said that it goes on by itself.
    pub alone: usize,
    /// What must not be, and where the pen was.
    pub wrong: Vec<String>,
}

impl Sweep {
    /// The strokes of `mode` at each place of `offsets`. `at` hears of each place before its strokes.
    pub fn run(
        options: &SegmentOptions,
        offsets: impl Iterator<Item = usize>,
        mode: Mode,
        at: &dyn Fn(usize),
    ) -> Result<Sweep, String> {
        let mut sweep = Sweep::default();
        let mut scene = Scene::set(options)?;
        for offset in offsets.filter(|offset| (*offset as u64) < options.bytes) {
            at(offset);
            for stroke in mode.strokes(&scene.before, offset) {
                sweep.stroke(&mut scene, options, mode, (offset, &stroke))?;
            }
        }
        Ok(sweep)
    }

    fn stroke(
        &mut self,
        scene: &mut Scene,
        options: &SegmentOptions,
        mode: Mode,
        (offset, stroke): (usize, &[u8]),
    ) -> Result<(), String> {
        scene.write(stroke, offset)?;
        self.strokes += 1;
        let ended = catch_unwind(AssertUnwindSafe(|| match mode {
            Mode::Late => come_after(scene, options),
            Mode::Live | Mode::Words => go_on(scene),
        }));
        match ended.unwrap_or_else(|_| Err("a panic".into())) {
            // Where nobody went over to another cell the file may be put back under them.
            Ok(false) if scene.view.size() == scene.size => {
                self.shared += 1;
                return scene.write(&scene.before, 0);
            }
            Ok(false) => self.shared += 1,
            Ok(true) => self.alone += 1,
            Err(wrong) => self.wrong.push(format!("{mode:?} at {offset:#x} ({stroke:02x?}): {wrong}")),
        }
        *scene = Scene::set(options)?;
        Ok(())
    }
}

/// Those who are there go on with their work, and somebody looks at them.
fn go_on(scene: &mut Scene) -> Result<bool, String> {
    look_at(&scene.view)?;
    // Circuits that are open are half open when six seconds have passed.
    for pause in [Span::ZERO, Span::secs(6)] {
        for process in [&scene.here, &scene.there] {
            process.advance(pause);
        }
        for process in [&mut scene.here, &mut scene.there] {
            process.work();
            process.judge()?;
        }
    }
    if !scene.here.is_alone() && !scene.there.is_alone() {
        Pair(&scene.here, Some(&scene.there)).recovers()?;
    }
    scene.here.agree(&mut scene.there)?;
    look_at(&scene.view)?;
    Ok(scene.here.is_alone() || scene.there.is_alone())
}

/// Another comes to a file that was scribbled over before.
fn come_after(scene: &mut Scene, options: &SegmentOptions) -> Result<bool, String> {
    look(options)?;
    let mut late = Process::attach(options);
    late.advance(scene.here.passed());
    late.work();
    late.judge()?;
    if !late.is_alone() {
        Pair(&late, None).recovers()?;
        late.judge()?;
    }
    scene.here.advance(late.passed().minus(scene.here.passed()));
    late.agree(&mut scene.here)?;
    look(options)?;
    Ok(late.is_alone() || scene.here.is_alone())
}
