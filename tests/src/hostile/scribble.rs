//! One stroke of a pen at each place of a small segment, and then everything that is done with one.

use super::{Process, look, look_at};
use seawall::segment::{SegmentOptions, View};
use seawall::time::Span;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What is written over a place.
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
    /// A stroke at each place of `offsets`: while two processes work and one looks on, or (`late`)
    /// before another comes. `at` hears of each place before its stroke.
    pub fn run(
        options: &SegmentOptions,
        offsets: impl Iterator<Item = usize>,
        late: bool,
        at: &dyn Fn(usize),
    ) -> Result<Sweep, String> {
        let mut sweep = Sweep::default();
        let mut scene = Scene::set(options)?;
        for offset in offsets.filter(|offset| (*offset as u64) < options.bytes) {
            at(offset);
            // Each place gets one of them, and the eight of a word all.
            let pattern = Pattern::ALL[(offset + offset / 8 + usize::from(late)) % 4];
            let stroke = pattern.over(&scene.before, offset);
            scene.write(&stroke, offset)?;
            sweep.strokes += 1;
            let ended = catch_unwind(AssertUnwindSafe(|| match late {
                true => come_after(&mut scene, options),
                false => go_on(&mut scene),
            }));
            match ended.unwrap_or_else(|_| Err("a panic".into())) {
                // Where nobody went over to another cell the file may be put back under them.
                Ok(false) if scene.view.size() == scene.size => {
                    sweep.shared += 1;
                    scene.write(&scene.before, 0)?;
                    continue;
                }
                Ok(false) => sweep.shared += 1,
                Ok(true) => sweep.alone += 1,
                Err(wrong) => sweep.wrong.push(format!("{pattern:?} at {offset:#x} ({stroke:02x?}): {wrong}")),
            }
            scene = Scene::set(options)?;
        }
        Ok(sweep)
    }
}

/// Those who are there go on with their work, and somebody looks at them.
fn go_on(scene: &mut Scene) -> Result<bool, String> {
    look_at(&scene.view)?;
    for process in [&mut scene.here, &mut scene.there] {
        process.work();
        process.judge()?;
        // Circuits that are open are half open by now.
        process.advance(Span::secs(6));
        process.work();
        process.judge()?;
    }
    scene.here.agree(&mut scene.there)?;
    look_at(&scene.view)?;
    Ok(scene.here.is_alone() || scene.there.is_alone())
}

/// Another comes to a file that was scribbled over before.
fn come_after(scene: &mut Scene, options: &SegmentOptions) -> Result<bool, String> {
    look(options)?;
    let mut late = Process::attach(options);
    late.work();
    late.judge()?;
    late.agree(&mut scene.here)?;
    look(options)?;
    Ok(late.is_alone() || scene.here.is_alone())
}
