//! A file that is cut, extended or removed while it is mapped: each sentence of docs/host-scope.md.

use crate::hostile::options;
use crate::workers::{Folder, Worker};
use seawall::segment::View;
use std::fs::{self, OpenOptions};
use std::time::{Duration, Instant};

const POLICY: &str = r#"policy {"name":"x","scope":"host","host_required":false,"breaker":{"window":{"kind":"consecutive","failures":3}}}"#;
const SIGBUS: i32 = 7;

fn worker(folder: &Folder) -> Worker {
    let mut worker = folder.worker();
    assert_eq!((worker.ask("load [host];size = 65536"), worker.ask(POLICY)), ("ok".into(), "ok".into()));
    assert_eq!((worker.ask("listen"), worker.ask("events")), ("ok".into(), "".into()));
    worker
}

fn cut_to(folder: &Folder, bytes: u64) {
    OpenOptions::new().write(true).open(options(folder).path()).and_then(|file| file.set_len(bytes)).expect("a cut");
}

/// Calls until it has said something; what that is.
fn says(worker: &mut Worker) -> String {
    let start = Instant::now();
    loop {
        assert_eq!(worker.ask("ok 1"), "1");
        let said = worker.ask("events");
        if said.contains("internal(") {
            return said;
        }
        assert!(start.elapsed() < Duration::from_secs(4), "nothing is said of the cut");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn the_kernel_ends_who_touches_a_part_that_was_cut_away() {
    let folder = Folder::new();
    let (mut touches, mut rests) = (worker(&folder), worker(&folder));
    cut_to(&folder, 0);
    assert_eq!((touches.ask("ok 1"), touches.signal_of_its_end()), (String::new(), Some(SIGBUS)));
    // Who touches nothing of it lives on.
    assert_eq!(rests.ask("faults"), "0");
    // Who comes now finds that it was cut, says so once and goes on by itself.
    let mut late = folder.worker();
    assert_eq!((late.ask("listen"), late.ask("load [host];size = 65536")), ("ok".into(), "ok".into()));
    assert_eq!(late.ask(POLICY), "ok");
    let said = late.ask("events");
    assert!(said.matches("internal(").count() == 1 && said.contains("was cut or extended: remove it"), "{said}");
    assert_eq!((late.ask("fail 3"), late.ask("state"), late.ask("faults")), ("3".into(), "open".into(), "1".into()));
    // The control room is refused too, and does not touch it.
    assert!(View::open(&options(&folder)).err().is_some_and(|error| error.to_string().contains("cut or extended")));
}

#[test]
fn who_uses_nothing_of_what_was_cut_away_or_put_on_goes_on_by_himself() {
    for bytes in [60 << 10, 1 << 20] {
        let folder = Folder::new();
        let mut worker = worker(&folder);
        cut_to(&folder, bytes);
        let said = says(&mut worker);
        assert!(said.contains("was removed or replaced"), "{said}");
        assert_eq!(
            (worker.ask("fail 3"), worker.ask("ok 1"), worker.ask("state")),
            ("3".into(), "0".into(), "open".into())
        );
        // The advice is good: removed, the segment is there again for who comes.
        fs::remove_file(options(&folder).path()).expect("the file");
        let (mut one, mut two) = (self::worker(&folder), self::worker(&folder));
        assert_eq!((one.ask("fail 3"), two.ask("state")), ("3".into(), "open".into()));
    }
}
