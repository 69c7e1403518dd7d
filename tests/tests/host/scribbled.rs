//! A pen at every place of a small segment: see `seawall_tests::hostile` for what must hold.
//!
//! The processes that read what was written are children, so that one that ends by a signal, or does
//! not end, is seen. `cargo xtask hostile` goes to every place; here it is one of a few dozen.

use crate::workers::Folder;
use seawall::Registry;
use seawall::bulkhead::Entry;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const BYTES: u64 = 64 << 10;
/// Without progress for so long somebody hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// From place to place; coprime to eight, so that all bytes of a word and all patterns come.
fn step() -> u64 {
    std::env::var("SEAWALL_HOSTILE_STEP").ok().and_then(|step| step.parse().ok()).unwrap_or(89)
}

/// From one place of a mode to the next: a byte or a word.
fn apart(mode: &str) -> u64 {
    if mode == "words" { 8 * step() } else { step() }
}

struct Reader {
    folder: Folder,
    child: Child,
    what: String,
    moved: (u64, Instant),
}

impl Reader {
    fn new(mode: &str, first: u64) -> Reader {
        let folder = Folder::new();
        // Two readers of a mode divide the places.
        let words = [mode.to_owned(), first.to_string(), BYTES.to_string(), (2 * apart(mode)).to_string()];
        let child = Command::new(env!("CARGO_BIN_EXE_hostile_reader"))
            .arg(folder.path())
            .args(&words)
            .stdout(Stdio::piped())
            .spawn()
            .expect("a reader");
        Reader { folder, child, what: words.join(" "), moved: (0, Instant::now()) }
    }

    fn place(&self) -> u64 {
        let text = std::fs::read(self.folder.path().join("progress")).unwrap_or_default();
        text.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }

    /// The figures, when it has come to its end.
    fn poll(&mut self) -> Option<[usize; 4]> {
        let place = self.place();
        if let Some(status) = self.child.try_wait().expect("a child") {
            let mut text = String::new();
            self.child.stdout.take().expect("its output").read_to_string(&mut text).expect("text");
            assert!(status.success(), "{}: {status} at {place:#x}\n{text}", self.what);
            let numbers: Vec<usize> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
            return Some(numbers[..].try_into().unwrap_or_else(|_| panic!("{}: {text}", self.what)));
        }
        if place != self.moved.0 {
            self.moved = (place, Instant::now());
        }
        assert!(self.moved.1.elapsed() < PATIENCE, "{}: hangs at {place:#x}", self.what);
        None
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How many strokes were made at how many places.
fn sweep(mode: &str) -> (u64, u64) {
    let mut readers = vec![Reader::new(mode, 0), Reader::new(mode, apart(mode))];
    let mut all = [0; 4];
    while !readers.is_empty() {
        readers.retain_mut(|reader| {
            let figures = reader.poll();
            figures.iter().for_each(|figures| all.iter_mut().zip(figures).for_each(|(sum, one)| *sum += one));
            figures.is_none()
        });
        std::thread::sleep(Duration::from_millis(20));
    }
    let [strokes, shared, alone, wrong] = all;
    let places = BYTES.div_ceil(apart(mode));
    println!(
        "scribbled, {mode}: {places} places, {strokes} strokes, after {shared} all was shared, after {alone} a part went on alone"
    );
    assert_eq!((shared + alone, wrong), (strokes, 0));
    (strokes as u64, places)
}

/// Each byte once: whatever it was, every part is shared and right again within its own time, or says that
/// it goes on alone.
fn sweep_bytes(mode: &str) {
    let (strokes, places) = sweep(mode);
    assert_eq!(strokes, places);
}

#[test]
fn a_stroke_at_any_place_harms_nobody_at_work() {
    sweep_bytes("live");
}

#[test]
fn a_stroke_at_any_place_harms_nobody_who_comes_after() {
    sweep_bytes("late");
}

/// Instants far ahead, counts near their end, other tags: each word is right again within its own time.
#[test]
fn whatever_stands_in_a_word_ends_within_its_own_time() {
    let (strokes, places) = sweep("words");
    assert!(strokes >= 15 * places, "{strokes} strokes at {places} words");
}

/// No stroke but a storm: somebody writes at random while others work and look.
#[test]
fn a_storm_of_strokes_ends_and_hangs_nobody() {
    let folder = Folder::new();
    let mut workers = [folder.worker(), folder.worker()];
    let policy = r#"policy {"name":"x","scope":"host","breaker":{"window":{"kind":"count","size":8},"failure_rate":0.5},"bulkhead":{"limit":3},"retry":{"attempts":2,"budget":{"kind":"cap","retries":2}}}"#;
    for worker in &mut workers {
        assert_eq!((worker.ask("load [host];size = 65536"), worker.ask(policy)), ("ok".into(), "ok".into()));
    }
    let mut pen = Command::new(env!("CARGO_BIN_EXE_hostile_reader"))
        .args([folder.path().as_os_str(), "storm".as_ref(), "0".as_ref(), BYTES.to_string().as_ref(), "1".as_ref()])
        .stdout(Stdio::null())
        .spawn()
        .expect("a pen");
    let options = seawall::segment::SegmentOptions { dir: Some(folder.path().to_owned()), ..Default::default() };
    let start = Instant::now();
    let mut rounds = 0;
    while start.elapsed() < Duration::from_secs(3) {
        for worker in &mut workers {
            for command in ["ok 1", "fail 1", "enter 1", "leave 1", "withdraw", "snapshot", "force reset"] {
                assert_ne!(worker.ask(command), "", "a worker is dead after {command}");
            }
        }
        if let Ok(Some(view)) = seawall::segment::View::open(&options) {
            view.cells();
            view.processes();
            view.metrics();
        }
        rounds += 1;
    }
    pen.kill().and_then(|()| pen.wait()).expect("the pen stops");
    // The calls of everybody are protected all the same.
    for worker in &mut workers {
        assert_eq!((worker.ask("force open"), worker.ask("ok 1")), ("ok".into(), "0".into()));
    }
    println!("storm: {rounds} rounds");
    assert!(rounds > 3);
}

/// A cell whose record is no record any more is ended by whoever comes to it. Those who take its places by
/// themselves hear of that with their next question.
#[test]
fn who_takes_places_by_himself_leaves_a_cell_that_was_scribbled_over() {
    let (folder, name) = (Folder::new(), "scribbled-places");
    let options = crate::hostile::options(&folder);
    let open = || {
        let registry = Registry::manual(1);
        assert!(registry.set_host(options.clone()), "the test's own segment");
        let json = format!(r#"{{"name":"{name}","scope":"host","bulkhead":{{"limit":2}}}}"#);
        let policy = registry.policy(&json).expect("a policy");
        (registry, policy)
    };
    let ((_mine, mine), call) = (open(), |policy: &seawall::Policy| policy.run(|| Ok::<_, std::io::Error>(())));
    (0..3).for_each(|_| call(&mine).expect("there is room"));
    let bytes = std::fs::read(options.path()).expect("the segment");
    let places: Vec<usize> =
        (0..bytes.len() - name.len()).filter(|at| bytes[*at..].starts_with(name.as_bytes())).collect();
    assert!(!places.is_empty(), "a record has the name");
    let file = std::fs::OpenOptions::new().write(true).open(options.path()).expect("the segment");
    places.iter().for_each(|at| file.write_all_at(b"?", *at as u64).expect("a stroke"));
    let (_theirs, theirs) = open();
    let inside: Vec<_> = (0..2).map(|_| theirs.enter(None)).collect();
    assert!(inside.iter().all(|entry| matches!(entry, Entry::Admitted(_))), "{inside:?}");
    std::thread::sleep(Duration::from_millis(1100));
    assert!(mine.bulkhead().is_some());
    assert!(call(&mine).is_err(), "two are inside");
}
