//! Files that are not what they should be: never believed, never a crash, always process scope and one
//! `internal` event, or a refusal that says what to do.

use crate::workers::Folder;
use seawall::Registry;
use seawall::breaker::Control;
use seawall::bulkhead::Entry;
use seawall::outcome::Outcome;
use seawall::segment::{SegmentFault, SegmentOptions, View};
use seawall::time::Span;
use std::fs::{self, Permissions};
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::path::PathBuf;

const POLICY: &str = r#"{"name":"x","scope":"host","host_required":false,"breaker":{"window":{"kind":"count","size":4},"failure_rate":0.5,"minimum_calls":2,"half_open":{"permits":2}},"bulkhead":{"limit":2},"retry":{"attempts":2,"budget":{"kind":"ratio"}},"cost":[{"name":"c","limits":{"n":9},"per":"1s"}]}"#;

fn options(folder: &Folder) -> SegmentOptions {
    SegmentOptions { dir: Some(folder.path().to_owned()), bytes: 64 << 10, ..SegmentOptions::default() }
}

fn file(folder: &Folder) -> PathBuf {
    options(folder).path()
}

/// What a process says that opens the segment as it is: the faults it counted.
fn faults(options: SegmentOptions) -> Vec<String> {
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
    let tampers: [(&str, Tamper); 9] = [
        ("open to others", |f| fs::set_permissions(file(f), Permissions::from_mode(0o666)).unwrap()),
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

#[test]
fn files_of_other_users_are_refused() {
    // Only root can give files away; everybody else is refused by the system before.
    let folder = Folder::new();
    make(&folder);
    if std::os::unix::fs::chown(file(&folder), Some(12_345), None).is_ok() {
        refused(&folder, "belongs to somebody else");
    }
    let other = Folder::new();
    make(&other);
    if std::os::unix::fs::chown(other.path(), Some(12_345), None).is_ok() {
        refused(&other, "belongs to somebody else");
    } else {
        assert_ne!(fs::metadata(other.path()).map(|data| std::os::unix::fs::MetadataExt::uid(&data)).unwrap_or(0), 0);
    }
}

#[test]
fn a_file_of_another_version_is_left_alone_and_said_once() {
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

/// Every word of a small segment is scribbled over in turn, before and while it is used.
#[test]
fn scribbled_words_never_crash_or_hang_anybody() {
    let folder = Folder::new();
    let options = options(&folder);
    let work = |options: &SegmentOptions, scribble: &dyn Fn()| {
        let registry = Registry::manual(1);
        registry.set_host(options.clone());
        let policy = registry.policy(POLICY).expect("a policy");
        use_it(&policy);
        scribble();
        use_it(&policy);
        registry.clock().advance(Span::secs(31));
        use_it(&policy);
        if let Ok(Some(view)) = View::open(options) {
            view.cells().iter().for_each(|cell| _ = view.control(cell, Control::Reset));
            view.processes();
        }
    };
    work(&options, &|| {});
    let pristine = fs::read(file(&folder)).unwrap();
    let used = View::open(&options).unwrap().unwrap().size().1 / 8;
    assert!(used > 1000, "{used} words in use");
    // All of the header, the table of processes and the cells; the empty rest is alike everywhere.
    let step = if cfg!(debug_assertions) { 7 } else { 1 };
    for word in (0..used).step_by(step) {
        for value in [0, u64::MAX, 1 << 63 | 0b101, 0x0123_4567_89ab_cdef ^ word] {
            let raw = fs::OpenOptions::new().write(true).open(file(&folder)).unwrap();
            raw.write_all_at(&pristine, 0).unwrap();
            let scribble = || raw.write_all_at(&value.to_le_bytes(), word * 8).unwrap();
            if word % 2 == 0 {
                scribble();
                work(&options, &|| {});
            } else {
                work(&options, &scribble);
            }
        }
    }
}

fn use_it(policy: &seawall::Policy) {
    for outcome in [Outcome::Success, Outcome::Failure, Outcome::Failure] {
        if let Ok(permit) = policy.acquire() {
            policy.record(permit, outcome, Span::ZERO, None);
        }
        if let Some(pass) = policy.pass() {
            policy.succeed(pass);
        }
    }
    if let Entry::Admitted(permit) = policy.enter(None) {
        policy.leave(permit);
    }
    let _ = policy.run(|| Err::<(), _>(std::io::Error::other("down")));
    policy.registry().tick();
    let _ = (policy.snapshot_json(), policy.registry().metrics());
}
