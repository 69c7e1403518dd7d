//! Files that are not what they should be: never believed, never a crash, always process scope and one
//! `internal` event, or a refusal that says what to do.

use crate::workers::Folder;
use seawall::Registry;
use seawall::breaker::Control;
use seawall::segment::{SegmentFault, SegmentOptions, View};
use std::fs::{self, Permissions};
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::path::PathBuf;

const POLICY: &str = r#"{"name":"x","scope":"host","host_required":false,"breaker":{"window":{"kind":"count","size":4},"failure_rate":0.5,"minimum_calls":2,"half_open":{"permits":2}},"bulkhead":{"limit":2},"retry":{"attempts":2,"budget":{"kind":"ratio"}},"cost":[{"name":"c","limits":{"n":9},"per":"1s"}]}"#;

pub fn options(folder: &Folder) -> SegmentOptions {
    SegmentOptions { dir: Some(folder.path().to_owned()), bytes: 64 << 10, ..SegmentOptions::default() }
}

fn file(folder: &Folder) -> PathBuf {
    options(folder).path()
}

/// What a process says that opens the segment as it is: the faults it counted.
pub fn faults(options: SegmentOptions) -> Vec<String> {
    let registry = Registry::manual(1);
    let mut events = registry.events().subscribe();
    assert!(registry.set_host(options), "the test's own segment");
    let policy = registry.policy(POLICY).expect("a policy");
    // Whatever the file is, calls are protected.
    policy.control(Control::ForceOpen);
    assert!(policy.acquire().is_err());
    events
        .drain()
        .events
        .iter()
        .filter(|event| event.note.kind.as_str() == "internal")
        .map(|event| event.detail.to_string())
        .collect()
}

fn make(folder: &Folder) {
    assert_eq!(faults(options(folder)), Vec::<String>::new());
}

fn refused(folder: &Folder, what: &str) {
    let faults = faults(options(folder));
    assert!(faults.len() == 1 && faults[0].contains(what), "{what}: {faults:?}");
}

#[test]
fn a_header_that_is_not_ours_is_refused() {
    let words = [
        (0, "no segment of Seawall"),
        (1, "names another layout"),
        (2, "laid out by a build that counts differently"),
        (3, "cut or extended"),
        (4, "before the last start"),
        (5, "before the last start"),
        (6, "another time namespace"),
    ];
    for (word, says) in words {
        let folder = Folder::new();
        make(&folder);
        let raw = fs::OpenOptions::new().write(true).open(file(&folder)).unwrap();
        raw.write_all_at(&[0xa5; 8], word * 8).unwrap();
        refused(&folder, says);
        // Refused is not removed: perhaps somebody can tell what it was.
        assert!(file(&folder).exists());
    }
}

#[test]
fn a_file_that_others_may_write_or_that_is_no_file_is_refused() {
    type Tamper = fn(&Folder);
    let tampers: [(&str, Tamper); 13] = [
        ("open to others", |f| fs::set_permissions(file(f), Permissions::from_mode(0o666)).unwrap()),
        ("open to others", |f| fs::set_permissions(file(f), Permissions::from_mode(0o640)).unwrap()),
        ("open to others", |f| fs::set_permissions(file(f), Permissions::from_mode(0o604)).unwrap()),
        ("folder is open to others", |f| fs::set_permissions(f.path(), Permissions::from_mode(0o701)).unwrap()),
        ("folder is something else", |f| {
            fs::remove_dir_all(f.path()).unwrap();
            fs::write(f.path(), "in its place").unwrap();
        }),
        ("cut or extended", |f| fs::OpenOptions::new().write(true).open(file(f)).unwrap().set_len(4096).unwrap()),
        ("cut or extended", |f| fs::OpenOptions::new().write(true).open(file(f)).unwrap().set_len(0).unwrap()),
        ("cut or extended", |f| fs::OpenOptions::new().write(true).open(file(f)).unwrap().set_len(1 << 20).unwrap()),
        ("perhaps a symbolic link", |f| {
            fs::rename(file(f), f.path().join("elsewhere")).unwrap();
            symlink(f.path().join("elsewhere"), file(f)).unwrap();
        }),
        ("something else", |f| {
            fs::remove_file(file(f)).unwrap();
            fs::create_dir(file(f)).unwrap();
        }),
        ("something else", |f| {
            fs::remove_file(file(f)).unwrap();
            assert!(std::process::Command::new("mkfifo").arg("-m").arg("600").arg(file(f)).status().unwrap().success());
        }),
        ("folder is open to others", |f| fs::set_permissions(f.path(), Permissions::from_mode(0o755)).unwrap()),
        ("no segment of Seawall", |f| fs::write(file(f), [7; 64 << 10]).unwrap()),
    ];
    for (says, tamper) in tampers {
        let folder = Folder::new();
        make(&folder);
        tamper(&folder);
        refused(&folder, says);
    }
}

#[test]
fn a_folder_that_is_none_or_not_there_is_refused() {
    let folder = Folder::new();
    let missing = SegmentOptions { dir: Some(folder.path().join("a/b")), ..options(&folder) };
    assert!(faults(missing)[0].contains("does not exist"));
    symlink(folder.path(), folder.path().join("link")).unwrap();
    let link = SegmentOptions { dir: Some(folder.path().join("link")), ..options(&folder) };
    assert!(faults(link)[0].contains("symbolic link"));
    for name in ["", ".hidden", "a/b", "../x", "a b", &"x".repeat(65)] {
        assert!(faults(SegmentOptions { name: name.to_owned(), ..options(&folder) })[0].contains("name is not usable"));
    }
    assert_eq!(
        View::open(&SegmentOptions { name: "a/b".into(), ..options(&folder) }).err().map(|error| error.fault),
        Some(SegmentFault::BadName)
    );
    for bytes in [0, 1, 1 << 40] {
        assert!(faults(SegmentOptions { bytes, ..options(&folder) })[0].contains("out of range"));
    }
}

/// As a rolling deploy has it: a process of the other version is at work meanwhile.
#[test]
fn two_versions_live_side_by_side_and_say_so_once() {
    let folder = Folder::new();
    make(&folder);
    // A segment of another version: its file, and somebody who holds his lock on it.
    let theirs = folder.path().join("default.999");
    fs::rename(file(&folder), &theirs).unwrap();
    fs::OpenOptions::new().write(true).open(&theirs).unwrap().write_all_at(&999u64.to_le_bytes(), 8).unwrap();
    let before = fs::read(&theirs).unwrap();
    let (mut a, mut b) = (folder.worker(), folder.worker());
    let policy = r#"policy {"name":"x","scope":"host","breaker":{"window":{"kind":"consecutive","failures":3}}}"#;
    for worker in [&mut a, &mut b] {
        assert_eq!((worker.ask("listen"), worker.ask(policy)), ("ok".into(), "ok".into()));
        let said = worker.ask("events");
        assert_eq!(said.matches("internal(").count(), 1, "{said}");
        assert!(said.contains("default.999") && said.contains("share nothing"), "{said}");
    }
    assert_eq!((a.ask("fail 3"), b.ask("state"), b.ask("faults")), ("3".into(), "open".into(), "1".into()));
    assert_eq!((a.ask("events"), fs::read(&theirs).unwrap() == before), ("opened(consecutive_failures)".into(), true));
    // A file of that name that is no segment at all is left alone too.
    let folder = Folder::new();
    fs::write(folder.path().join("default.999"), "theirs").unwrap();
    let said = faults(options(&folder));
    assert!(said.len() == 1 && said[0].contains("default.999"), "{said:?}");
    assert_eq!(fs::read_to_string(folder.path().join("default.999")).unwrap(), "theirs");
    assert!(file(&folder).exists());
}

#[test]
fn a_full_segment_is_process_scope_from_then_on() {
    let folder = Folder::new();
    let registry = Registry::manual(1);
    let mut events = registry.events().subscribe();
    registry.set_host(options(&folder));
    let many: Vec<_> = (0..60)
        .map(|n| registry.policy(&format!(r#"{{"name":"p{n}","scope":"host","breaker":{{}}}}"#)).unwrap())
        .collect();
    let said: Vec<String> = events.drain().events.iter().map(|event| event.detail.to_string()).collect();
    assert!(!said.is_empty() && said.iter().all(|what| what.contains("the segment is full")), "{said:?}");
    for policy in &many {
        policy.control(Control::ForceOpen);
        assert!(policy.acquire().is_err());
    }
    // Cells that nobody uses any more make room.
    drop((many, registry));
    let next = Registry::manual(1);
    next.set_host(options(&folder));
    let _policies: Vec<_> =
        (0..10).map(|n| next.policy(&format!(r#"{{"name":"q{n}","scope":"host","breaker":{{}}}}"#)).unwrap()).collect();
    assert_eq!(next.internal_faults(), 0);
}

/// Root may look at anybody's segment: what stands in it must not steer his terminal.
#[test]
fn a_name_cannot_speak_to_a_terminal() {
    let folder = Folder::new();
    let registry = Registry::manual(1);
    registry.set_host(SegmentOptions { show_keys: true, ..options(&folder) });
    let escape = "\u{1b}[2Jx\u{7}";
    // A name with such characters is refused; a key is what a client sent.
    assert!(registry.policy(r#"{"name":"a\u001b[2J"}"#).is_err());
    let policy = registry.policy(r#"{"name":"x","scope":"host","breaker":{}}"#).expect("a policy");
    let keyed = policy.at(&format!("key{escape}"));
    keyed.control(Control::ForceOpen);
    let view = View::open(&options(&folder)).expect("a good segment").expect("a segment");
    let cells = view.cells();
    let shown = format!("{}{}", cells.iter().map(|cell| format!("{cell:#?}")).collect::<String>(), view.metrics());
    assert!(cells.len() == 2 && shown.contains("key\u{fffd}[2Jx\u{fffd}"), "{shown}");
    // Debug output writes a control character as an escape.
    assert!(!shown.contains("u{1b}") && !shown.contains("u{7}") && !shown.contains('\u{1b}'), "{shown}");
    // It can be steered all the same.
    let open = cells.iter().find(|cell| cell.key != seawall::segment::Key::None).expect("the key");
    assert!(view.control(open, Control::Reset).expect("a segment"));
    assert!(keyed.acquire().is_ok());
}
