//! File systems that are full or read-only, and files of other users: real ones, in a mount namespace
//! of the test's own.
//!
//! Each test runs itself again under `unshare`: as root with a mount namespace, as anybody else with a
//! user namespace too. Where the system allows neither, the test fails and says so: it is not counted
//! as run.

use crate::hostile::{faults, options};
use crate::workers::Folder;
use seawall::segment::{SegmentFault, SegmentOptions, View};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const INSIDE: &str = "SEAWALL_TEST_NAMESPACE";

/// Runs `body` as root in a mount namespace of its own, of which nothing remains; `name` is the test's.
/// `users`: with other users than root, which for who is not root takes subordinate ids.
fn in_a_namespace(name: &str, users: bool, body: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        return body();
    }
    let root = std::os::unix::fs::MetadataExt::uid(&fs::metadata("/proc/self").expect("procfs")) == 0;
    let become_root: &[&str] = match (root, users) {
        (true, _) => &[],
        (false, false) => &["--user", "--map-root-user"],
        (false, true) => &["--user", "--map-root-user", "--map-auto"],
    };
    let program = std::env::current_exe().expect("the test's own program");
    let mut command = Command::new("unshare");
    command.arg("--mount").args(become_root).arg("--").arg(program).args([
        "--exact",
        &format!("mounts::{name}"),
        "--nocapture",
    ]);
    let output = command.env(INSIDE, "1").output().expect("`unshare`, of util-linux");
    let said = shown(&output);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{name} failed, or did not run: it needs root, or the right to make user \
         namespaces (for other users a line in /etc/subuid and /etc/subgid too)\n{said}"
    );
}

fn shown(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn run(program: &str, words: &[&str]) {
    let output = Command::new(program).args(words).output().expect(program);
    assert!(output.status.success(), "{program} {words:?}: {}", shown(&output));
}

/// A file system in memory of a few bytes on the folder, until it is dropped; ours, and of the right mode.
fn mount(folder: &Path, settings: &str) -> Mounted {
    let place = folder.display().to_string();
    run("mount", &["-t", "tmpfs", "-o", &format!("mode=0700,{settings}"), "none", &place]);
    Mounted(place)
}

struct Mounted(String);

impl Mounted {
    /// Now, which nobody who has a file of it open allows.
    fn end(self) {
        run("umount", &[&self.0]);
        std::mem::forget(self);
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Lazily: who still has a file of it keeps that.
        let _ = Command::new("umount").args(["--lazy", &self.0]).status();
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder").flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

fn said_once(options: SegmentOptions, what: &str) {
    let said = faults(options);
    assert!(said.len() == 1 && said[0].contains(what), "{what}: {said:?}");
}

#[test]
fn a_full_file_system_is_said_once_and_leaves_nothing_behind() {
    in_a_namespace("a_full_file_system_is_said_once_and_leaves_nothing_behind", false, || {
        let folder = Folder::new();
        // Smaller than the segment.
        let mounted = mount(folder.path(), "size=32k");
        said_once(options(&folder), "no room for the segment");
        assert_eq!(names(folder.path()), Vec::<String>::new());
        mounted.end();
        // Large enough, and filled by another.
        let mounted = mount(folder.path(), "size=1m");
        let fill = vec![0; 2 << 20];
        fs::write(folder.path().join("others"), &fill).expect_err("a file that does not fit");
        said_once(options(&folder), "no room for the segment");
        assert_eq!(names(folder.path()), ["others"]);
        mounted.end();
        // Room for bytes, none for one more file.
        let _mounted = mount(folder.path(), "size=1m,nr_inodes=2");
        fs::write(folder.path().join("others"), "").expect("the last file");
        said_once(options(&folder), "no room for the segment");
        // And for the folder itself.
        let below = SegmentOptions { dir: Some(folder.path().join("below")), ..options(&folder) };
        said_once(below, "no room for the segment");
    });
}

/// All of a segment's room is reserved when it is made: nobody who has it can be hurt by who fills the
/// rest.
#[test]
fn a_segment_goes_on_where_others_fill_its_file_system() {
    in_a_namespace("a_segment_goes_on_where_others_fill_its_file_system", false, || {
        let folder = Folder::new();
        let _mounted = mount(folder.path(), "size=1m");
        let (mut a, mut b) = (folder.worker(), folder.worker());
        let policy = r#"policy {"name":"x","scope":"host","breaker":{"window":{"kind":"consecutive","failures":3}}}"#;
        assert_eq!((a.ask("load [host];size = 65536"), a.ask(policy)), ("ok".into(), "ok".into()));
        fs::write(folder.path().join("others"), vec![0; 1 << 20]).expect_err("a file that does not fit");
        // Who comes now, too: it touches pages that nobody has touched yet.
        assert_eq!((b.ask("load [host];size = 65536"), b.ask(policy)), ("ok".into(), "ok".into()));
        for n in 0..12 {
            let more = policy.replace("\"x\"", &format!("\"x{n}\""));
            assert_eq!((a.ask(&more), a.ask("ok 2")), ("ok".into(), "2".into()));
        }
        assert_eq!((a.ask(policy), a.ask("fail 3"), b.ask("state")), ("ok".into(), "3".into(), "open".into()));
        assert_eq!((a.ask("faults"), b.ask("faults")), ("0".into(), "0".into()));
    });
}

#[test]
fn a_read_only_file_system_is_said_once_and_can_be_looked_at() {
    in_a_namespace("a_read_only_file_system_is_said_once_and_can_be_looked_at", false, || {
        let folder = Folder::new();
        let place = folder.path().display().to_string();
        let _mounted = mount(folder.path(), "size=1m");
        assert_eq!(faults(options(&folder)), Vec::<String>::new());
        run("mount", &["-o", "remount,bind,ro", &place]);
        // The segment that is there cannot be written to, one that is not there cannot be made.
        said_once(options(&folder), "the file system is read-only");
        let other = SegmentOptions { name: "other".into(), ..options(&folder) };
        said_once(other.clone(), "the file system is read-only");
        let below = SegmentOptions { dir: Some(folder.path().join("below")), ..options(&folder) };
        said_once(below, "the file system is read-only");
        // Reading writes nothing, so it works here too; control does not.
        let view = View::open(&options(&folder)).expect("a good segment").expect("a segment");
        let cells = view.cells();
        assert!(!cells.is_empty() && View::open(&other).expect("nothing wrong").is_none());
        let error = view.control(&cells[0], seawall::breaker::Control::Reset).expect_err("a refusal");
        assert_eq!(error.fault, SegmentFault::ReadOnly);
    });
}

#[test]
fn a_file_or_a_folder_of_another_user_is_refused() {
    in_a_namespace("a_file_or_a_folder_of_another_user_is_refused", true, || {
        let give = |path: &Path| std::os::unix::fs::chown(path, Some(2), None).expect("another user to give it to");
        let folder = Folder::new();
        assert_eq!(faults(options(&folder)), Vec::<String>::new());
        give(&options(&folder).path());
        said_once(options(&folder), "the segment's file belongs to somebody else");
        assert!(options(&folder).path().exists());
        // Squatted: somebody made our folder before us, with a segment in it that is as it should be.
        let squatted = Folder::new();
        assert_eq!(faults(options(&squatted)), Vec::<String>::new());
        give(squatted.path());
        said_once(options(&squatted), "the segment's folder belongs to somebody else");
    });
}
