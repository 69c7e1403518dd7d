//! What there is no room for: said, never silently less.

use crate::workers::Folder;
use seawall::bulkhead::Entry;
use seawall::error::Code;
use seawall::segment::{SegmentOptions, View};
use seawall::{Policy, Registry};
use std::time::{Duration, Instant};

fn options(folder: &Folder, bytes: u64) -> SegmentOptions {
    SegmentOptions { dir: Some(folder.path().to_owned()), bytes, ..SegmentOptions::default() }
}

/// A process of its own, as far as segments know, and what it says of faults.
fn process(options: SegmentOptions) -> (Registry, impl FnMut() -> Vec<String>) {
    let registry = Registry::manual(1);
    assert!(registry.set_host(options), "the test's own segment");
    let mut events = registry.events().subscribe();
    let said = move || {
        let all = events.drain().events;
        let faults = all.iter().filter(|event| event.note.kind.as_str() == "internal");
        faults.map(|event| event.detail.to_string()).collect()
    };
    (registry, said)
}

/// Enters until there is no place, at most so often.
fn fill(policy: &Policy, most: usize) -> usize {
    (0..most).take_while(|_| matches!(policy.enter(None), Entry::Admitted(_))).count()
}

fn limit(policy: &Policy) -> u32 {
    policy.bulkhead().unwrap().look().limit
}

#[test]
fn a_resize_beyond_the_places_of_a_bulkhead_is_said() {
    let folder = Folder::new();
    let (registry, mut said) = process(options(&folder, 1 << 20));
    let policy = registry.policy(r#"{"name":"db","scope":"host","bulkhead":{"limit":10}}"#).unwrap();
    policy.resize(64).unwrap();
    assert_eq!((limit(&policy), said()), (64, Vec::new()));
    for _ in 0..2 {
        policy.resize(500).unwrap();
        assert_eq!(limit(&policy), 64);
    }
    let words = said();
    assert!(words.len() == 1 && words[0].contains("`db`") && words[0].contains("500"), "{words:?}");
    assert!(words[0].contains("64 places") && words[0].contains("`limit`"), "{words:?}");
    assert_eq!(fill(&policy, 600), 64);
    assert!(matches!(policy.enter(None), Entry::Refused(refusal) if refusal.code == Code::BulkheadFull));
}

#[test]
fn a_limit_that_a_reload_raises_gets_its_places() {
    let folder = Folder::new();
    let file = |limit: u32| format!("[policy.db]\nscope = \"host\"\nbulkhead = {limit}\n");
    let (a, mut said) = process(options(&folder, 1 << 20));
    let (b, _) = process(options(&folder, 1 << 20));
    for registry in [&a, &b] {
        registry.load(&file(10), "seawall.toml").unwrap();
    }
    let [here, there] = [&a, &b].map(|registry| registry.named("db").unwrap());
    assert_eq!(fill(&here, 4), 4);
    for registry in [&a, &b] {
        registry.load(&file(300), "seawall.toml").unwrap();
    }
    // The other wanted the old one until its own reload; then whoever looks puts the new one in force.
    let start = Instant::now();
    while limit(&here) != 300 || limit(&there) != 300 {
        assert!(start.elapsed() < Duration::from_secs(4), "{} here, {} there", limit(&here), limit(&there));
        // Whatever asks looks.
        let _ = (here.bulkhead(), there.bulkhead());
        std::thread::sleep(Duration::from_millis(20));
    }
    // Those under way count, and all the others there is room for.
    assert_eq!((fill(&there, 400), said()), (296, Vec::new()));
}

#[test]
fn a_limit_that_a_reload_lowers_waits_for_those_inside() {
    let folder = Folder::new();
    let file = |limit: u32| format!("[policy.db]\nscope = \"host\"\nbulkhead = {limit}\n");
    let (registry, _) = process(options(&folder, 1 << 20));
    registry.load(&file(300), "seawall.toml").unwrap();
    let policy = registry.named("db").unwrap();
    let mut inside: Vec<_> = (0..200)
        .map(|_| match policy.enter(None) {
            Entry::Admitted(permit) => permit,
            other => panic!("{other:?}"),
        })
        .collect();
    // Places for 64 only: the others inside have none, and count all the same.
    registry.load(&file(10), "seawall.toml").unwrap();
    assert_eq!(limit(&policy), 10);
    for left in (10..200).rev() {
        assert_eq!(fill(&policy, 1), 0, "{left} left");
        policy.leave(inside.pop().unwrap());
    }
    assert_eq!(fill(&policy, 1), 0);
    policy.leave(inside.pop().unwrap());
    assert_eq!(fill(&policy, 5), 1);
}

#[test]
fn more_places_than_a_shared_bulkhead_or_budget_has_are_said() {
    let folder = Folder::new();
    let (registry, mut said) = process(options(&folder, 8 << 20));
    let policy = registry.policy(r#"{"name":"wide","scope":"host","bulkhead":{"limit":100000}}"#).unwrap();
    assert_eq!(limit(&policy), 65536);
    let words = said();
    assert!(words.len() == 1 && words[0].contains("100000") && words[0].contains("65536 places"), "{words:?}");
    let retry = r#"{"name":"many","scope":"host","retry":{"budget":{"kind":"cap","retries":5000}}}"#;
    let policy = registry.policy(retry).unwrap();
    let words = said();
    assert!(words.len() == 1 && words[0].contains("5000") && words[0].contains("1024"), "{words:?}");
    let budget = policy.budget().unwrap().clone();
    assert_eq!(policy.with(|cx| budget.snapshot(cx)).limit, Some(1024));
}

#[test]
fn keys_of_one_size_make_room_for_each_other_but_not_for_another() {
    let folder = Folder::new();
    let (registry, mut said) = process(options(&folder, 64 << 10));
    let keyed = r#"{"name":"tenants","scope":"host","max_keys":4,"breaker":{}}"#;
    let tenants = registry.policy(keyed).unwrap();
    // Many more keys than the file has room for, four at a time: each takes the place of another.
    for n in 0..200 {
        tenants.at(&format!("tenant {n}")).acquire().unwrap();
    }
    assert_eq!(said(), Vec::<String>::new());
    drop(tenants);
    // Others hold what there is: now it is full, which is said once for all keys of the part.
    let (crowd, _) = process(options(&folder, 64 << 10));
    let held: Vec<Policy> = (0..60)
        .map(|n| crowd.policy(&format!(r#"{{"name":"p{n}","scope":"host","breaker":{{}}}}"#)).unwrap())
        .collect();
    let (late, mut said) = process(options(&folder, 64 << 10));
    let tenants = late.policy(&keyed.replace("tenants", "others")).unwrap();
    let views: Vec<Policy> = (0..4).map(|n| tenants.at(&format!("tenant {n}"))).collect();
    let words = said();
    assert!(words.len() == 1 && words[0].contains("breaker `others`"), "{words:?}");
    assert!(words[0].contains("the segment is full: set a larger `host.size`"), "{words:?}");
    // Each goes on within the process.
    for view in &views {
        let permit = view.acquire().unwrap();
        view.record(permit, seawall::outcome::Outcome::Success, seawall::time::Span::ZERO, None);
    }
    drop(held);
}

/// As `docs/host-scope.md` tells it: a part takes at most so many bytes.
#[test]
fn a_part_takes_no_more_room_than_the_page_says() {
    let parts = [
        (4096, r#""breaker":{}"#),
        (4096, r#""breaker":{"window":{"kind":"count","size":100}}"#),
        (4096, r#""breaker":{"window":{"kind":"time"}}"#),
        (1024, r#""bulkhead":25"#),
        (1024, r#""retry":{"budget":{"kind":"tokens"}}"#),
        (12288, r#""retry":{"budget":{"kind":"concurrent"}}"#),
        (1024, r#""cost":[{"name":"NAME","limits":{"tokens":5}}]"#),
    ];
    for (bytes, part) in parts {
        let folder = Folder::new();
        let (registry, _) = process(options(&folder, 1 << 20));
        let made = |name: &str| {
            let json = format!(r#"{{"name":"NAME","scope":"host",{part}}}"#).replace("NAME", name);
            let policy = registry.policy(&json).unwrap();
            (policy, View::open(&options(&folder, 1 << 20)).unwrap().unwrap().size().1)
        };
        let (first, second) = (made("a"), made("b"));
        assert!(second.1 > first.1 && second.1 - first.1 <= bytes, "{part}: {} bytes", second.1 - first.1);
    }
}
