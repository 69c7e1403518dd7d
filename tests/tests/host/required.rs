//! Policies that must share their state: refused while the file cannot be had, and by themselves
//! again where it can.

use crate::workers::Folder;
use seawall::bulkhead::Entry;
use seawall::error::Code;
use seawall::segment::SegmentOptions;
use seawall::{Error, Policy, Registry};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

const POLICY: &str = r#"{"name":"identity","scope":"host","host_required":true,"breaker":{"window":{"kind":"consecutive","failures":3}},"bulkhead":{"limit":2}}"#;

fn options(folder: &Folder) -> SegmentOptions {
    SegmentOptions { dir: Some(folder.path().to_owned()), bytes: 64 << 10, ..SegmentOptions::default() }
}

fn file(folder: &Folder) -> PathBuf {
    options(folder).path()
}

/// A process of its own, as far as segments know.
fn process(options: SegmentOptions) -> Registry {
    let registry = Registry::manual(1);
    assert!(registry.set_host(options), "the test's own segment");
    registry
}

/// `None` if the call ran, else the words of its refusal.
fn called(policy: &Policy) -> Option<String> {
    match policy.run(|| Ok::<_, std::io::Error>(())) {
        Ok(()) => None,
        Err(Error::Refused(refusal)) if refusal.code == Code::HostUnavailable => {
            assert_eq!(refusal.retry_after, None);
            Some(refusal.to_string())
        }
        Err(error) => panic!("{error}"),
    }
}

/// Calls until it is let through, for three seconds.
fn comes_back(policy: &Policy) {
    let start = Instant::now();
    while let Some(why) = called(policy) {
        assert!(start.elapsed() < Duration::from_secs(3), "{why}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn faults(cursor: &mut seawall::events::Cursor) -> Vec<String> {
    let events = cursor.drain().events;
    events.iter().filter(|event| event.note.kind.as_str() == "internal").map(|event| event.detail.to_string()).collect()
}

#[test]
fn calls_are_refused_while_the_file_is_bad_and_go_through_when_it_is_not() {
    type Tamper = fn(&Folder);
    let tampers: [(&str, Tamper, Tamper); 4] = [
        (
            "the segment's file is open to others",
            |f| fs::set_permissions(file(f), Permissions::from_mode(0o666)).unwrap(),
            |f| fs::set_permissions(file(f), Permissions::from_mode(0o600)).unwrap(),
        ),
        (
            "`chmod 0700` it",
            |f| fs::set_permissions(f.path(), Permissions::from_mode(0o755)).unwrap(),
            |f| fs::set_permissions(f.path(), Permissions::from_mode(0o700)).unwrap(),
        ),
        (
            "the file is no segment of Seawall: remove it",
            |f| fs::write(file(f), [7; 64 << 10]).unwrap(),
            |f| fs::remove_file(file(f)).unwrap(),
        ),
        (
            "does not exist: create it",
            |f| fs::remove_dir_all(f.path().parent().unwrap()).unwrap(),
            |f| fs::create_dir_all(f.path().parent().unwrap()).unwrap(),
        ),
    ];
    for (says, tamper, mend) in tampers {
        // One folder more, so that it can be missing.
        let outer = Folder::new();
        let folder = outer.inner("a/segments");
        drop(process(options(&folder)).policy(POLICY));
        tamper(&folder);
        let registry = process(options(&folder));
        let mut cursor = registry.events().subscribe();
        let policy = registry.policy(POLICY).unwrap();
        for _ in 0..3 {
            let why = called(&policy).expect("a refusal");
            assert!(why.contains(says) && why.contains(&*folder.path().to_string_lossy()), "{why}");
        }
        assert!(matches!(policy.acquire(), Err(refusal) if refusal.code == Code::HostUnavailable));
        assert!(matches!(policy.enter(None), Entry::Refused(refusal) if refusal.code == Code::HostUnavailable));
        let said = faults(&mut cursor);
        assert!(said.len() == 1 && said[0].contains(says), "{said:?}");
        mend(&folder);
        comes_back(&policy);
        let said = faults(&mut cursor);
        assert!(said.len() == 1 && said[0].contains("to be had again"), "{said:?}");
        // What it shares now is what others share.
        let other = process(options(&folder)).policy(POLICY).unwrap();
        assert!(matches!(policy.enter(None), Entry::Admitted(_)));
        assert_eq!(other.bulkhead().unwrap().look().in_use, 1);
    }
}

#[test]
fn a_file_that_goes_while_it_is_used_refuses_too() {
    let folder = Folder::new();
    let registry = process(options(&folder));
    let policy = registry.policy(POLICY).unwrap();
    assert_eq!(called(&policy), None);
    // Removed, and no other can be made.
    fs::remove_file(file(&folder)).unwrap();
    fs::create_dir(file(&folder)).unwrap();
    let start = Instant::now();
    let why = loop {
        assert!(start.elapsed() < Duration::from_secs(3), "the removed file is still in use");
        match called(&policy) {
            Some(why) => break why,
            // Whatever asks looks.
            None => _ = policy.bulkhead(),
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    assert!(why.contains("is something else"), "{why}");
    fs::remove_dir(file(&folder)).unwrap();
    comes_back(&policy);
}

#[test]
fn a_part_without_room_refuses_until_there_is_some() {
    let folder = Folder::new();
    let crowd = process(options(&folder));
    let named = |n: usize| POLICY.replace("identity", &format!("p{n}"));
    let many: Vec<Policy> = (0..60).map(|n| crowd.policy(&named(n)).unwrap()).collect();
    let refused = many.iter().filter(|policy| called(policy).is_some()).count();
    assert!((1..many.len()).contains(&refused), "{refused} of {} find no room", many.len());
    let registry = process(options(&folder));
    let mut cursor = registry.events().subscribe();
    let policy = registry.policy(POLICY).unwrap();
    let why = called(&policy).expect("a refusal");
    assert!(why.contains("the segment is full: set a larger `host.size`"), "{why}");
    // Each part says so once, however often it is asked for.
    let said = faults(&mut cursor);
    assert!((1..=2).contains(&said.len()) && said.iter().all(|what| what.contains("the segment is full")), "{said:?}");
    std::thread::sleep(Duration::from_millis(1200));
    assert!(called(&policy).is_some());
    assert_eq!(faults(&mut cursor), Vec::<String>::new());
    // Room that comes free is taken.
    drop((many, crowd));
    comes_back(&policy);
}

#[test]
fn a_cost_budget_is_not_spent_twice_for_want_of_a_file() {
    let folder = Folder::new();
    let missing = SegmentOptions { dir: Some(folder.path().join("a/b")), ..options(&folder) };
    let policy = r#"{"name":"llm","scope":"host","breaker":{},"cost":[{"name":"spend","limits":{"tokens":10}}]}"#;
    let registry = process(missing);
    assert!(called(&registry.policy(policy).unwrap()).is_some());
    let alone = policy.replace(r#""breaker""#, r#""host_required":false,"breaker""#).replace("llm", "other");
    assert_eq!(called(&registry.policy(&alone).unwrap()), None);
    let breaker = r#"{"name":"third","scope":"host","breaker":{}}"#;
    assert_eq!(called(&registry.policy(breaker).unwrap()), None);
}

/// Calls under way go along to the file that takes the place of a removed one, and count there.
#[test]
fn places_go_along_to_another_file() {
    let folder = Folder::new();
    let (a, b) = (process(options(&folder)), process(options(&folder)));
    let [a, b] = [&a, &b].map(|registry| registry.policy(POLICY).unwrap());
    let enter = |policy: &Policy| match policy.enter(None) {
        Entry::Admitted(permit) => Some(permit),
        Entry::Queued { .. } => None,
        Entry::Refused(refusal) => {
            assert_eq!(refusal.code, Code::BulkheadFull);
            None
        }
    };
    let first = enter(&a).expect("a place");
    fs::remove_file(file(&folder)).unwrap();
    let start = Instant::now();
    while !file(&folder).exists() || b.bulkhead().unwrap().look().in_use != 1 {
        assert!(start.elapsed() < Duration::from_secs(4), "{:?}", b.bulkhead().unwrap().look());
        a.bulkhead().unwrap().look();
        std::thread::sleep(Duration::from_millis(50));
    }
    // One that is under way, and one more: not two.
    let second = enter(&a).expect("a place");
    assert!(enter(&a).is_none() && enter(&b).is_none());
    // Whoever leaves gives his own back, not that of another.
    a.leave(first);
    assert_eq!(b.bulkhead().unwrap().look().in_use, 1);
    a.leave(second);
    assert_eq!(b.bulkhead().unwrap().look().in_use, 0);
}
