//! What the processes of one host share, with real processes.

mod cut;
mod hostile;
mod mounts;
mod required;
mod room;
mod scribbled;
mod workers;

use seawall::breaker::{Control, State};
use seawall::segment::{PartView, SegmentOptions, View};
use std::time::{Duration, Instant};
use workers::Folder;

const BREAKER: &str =
    r#"{"name":"identity","scope":"host","breaker":{"window":{"kind":"consecutive","failures":3},"open_for":"30s"}}"#;

#[test]
fn a_trip_in_one_process_is_seen_by_the_next_call_of_another() {
    let folder = Folder::new();
    let (mut a, mut b) = folder.pair(BREAKER);
    // Streaks of the two add up to one.
    assert_eq!((a.ask("fail 2"), b.ask("ok 1"), a.ask("fail 2")), ("2".into(), "1".into(), "2".into()));
    assert_eq!((a.ask("state"), b.ask("fail 1"), a.ask("ok 5")), ("closed".into(), "1".into(), "0".into()));
    assert_eq!((a.ask("state"), b.ask("state"), b.ask("ok 1")), ("open".into(), "open".into(), "0".into()));
    assert_eq!((b.ask("force reset"), a.ask("ok 1")), ("ok".into(), "1".into()));
    let totals = &a.snapshot()["breaker"]["totals"].clone();
    assert_eq!((&totals["success"], &totals["failure"]), (&2.into(), &5.into()));
    assert_eq!((a.ask("faults"), b.ask("faults")), ("0".into(), "0".into()));
}

#[test]
fn a_process_counts_in_each_of_many_segments() {
    let folder = Folder::new();
    // More than it can have lines of its own in.
    let policies: Vec<seawall::Policy> = (0..20)
        .map(|number| {
            let registry = seawall::Registry::manual(1);
            let name = format!("segment-{number}");
            registry.set_host(SegmentOptions { dir: Some(folder.path().into()), name, ..SegmentOptions::default() });
            registry.policy(BREAKER).expect("a policy")
        })
        .collect();
    for policy in &policies {
        policy.run(|| Ok::<_, std::io::Error>(())).expect("a closed circuit");
        let shown = policy.snapshot_json();
        assert!(shown.contains(r#""success":1,"#), "{shown}");
    }
}

#[test]
fn half_open_admits_its_permits_once_for_the_host_and_takes_them_back_from_the_dead() {
    let folder = Folder::new();
    let policy = r#"{"name":"x","scope":"host","breaker":{"window":{"kind":"consecutive","failures":1},"open_for":"50ms","half_open":{"permits":1,"lease":"300ms"}}}"#;
    let (mut a, mut b) = folder.pair(policy);
    assert_eq!(a.ask("fail 1"), "1");
    a.until("state", "half_open");
    assert_eq!((a.ask("acquire probe"), b.ask("acquire probe")), ("admitted".into(), "refused circuit_open".into()));
    a.kill();
    b.until("acquire probe", "admitted");
    assert_eq!((b.ask("record probe ok"), b.ask("state")), ("ok".into(), "closed".into()));
}

#[test]
fn a_bulkhead_is_one_for_all_and_the_dead_leave_it() {
    let folder = Folder::new();
    let policy = r#"{"name":"db","scope":"host","bulkhead":{"limit":3,"queue":2}}"#;
    let (mut a, mut b) = folder.pair(policy);
    assert_eq!(
        (a.ask("enter 1"), a.ask("enter 2"), b.ask("enter 1")),
        ("admitted".into(), "admitted".into(), "admitted".into())
    );
    let ticket = b.ask("enter 2");
    let ticket = ticket.strip_prefix("queued ").expect("a full bulkhead queues").to_owned();
    assert_eq!(b.ask(&format!("poll 2 {ticket}")), "waiting");
    // A permit that another process gives back is there for the waiter.
    assert_eq!((a.ask("leave 1"), b.ask(&format!("poll 2 {ticket}"))), ("ok".into(), "admitted".into()));
    // Two permits of a process that is killed come back; a stopped one keeps its own.
    assert_eq!(b.snapshot()["bulkhead"]["in_use"], 3);
    a.stop();
    let queued = b.ask("enter 3");
    assert!(queued.starts_with("queued"), "{queued}");
    let poll = format!("poll 3 {}", &queued[7..]);
    std::thread::sleep(std::time::Duration::from_millis(30));
    assert_eq!(b.ask(&poll), "waiting");
    a.kill();
    b.until(&poll, "admitted");
    assert_eq!((b.ask("leave 1"), b.ask("leave 2"), b.ask("leave 3")), ("ok".into(), "ok".into(), "ok".into()));
    assert_eq!(b.snapshot()["bulkhead"]["in_use"], 0);
}

#[test]
fn budgets_are_one_for_all() {
    let folder = Folder::new();
    let policy = r#"{"name":"x","scope":"host","retry":{"attempts":3,"budget":{"kind":"cap","retries":2}},"cost":[{"name":"llm","limits":{"tokens":10}}]}"#;
    let (mut a, mut b) = folder.pair(policy);
    assert_eq!(
        (a.ask("withdraw"), b.ask("withdraw"), b.ask("withdraw")),
        ("granted".into(), "granted".into(), "denied".into())
    );
    assert_eq!(
        (a.ask("spend 6"), b.ask("spend 6"), b.ask("spend 4")),
        ("ok".into(), "refused cost_exceeded".into(), "ok".into())
    );
    // What a killed process had under way no longer counts; what it spent does.
    a.kill();
    assert_eq!((b.ask("withdraw"), b.ask("withdraw")), ("granted".into(), "denied".into()));
    assert_eq!(b.ask("spend 1"), "refused cost_exceeded");
}

#[test]
fn keys_are_shared_too() {
    let folder = Folder::new();
    let (mut a, mut b) = folder.pair(BREAKER);
    for worker in [&mut a, &mut b] {
        assert_eq!(worker.ask("key tenant 7"), "ok");
    }
    assert_eq!((a.ask("fail 3"), b.ask("state")), ("3".into(), "open".into()));
    assert_eq!((b.ask("key tenant 8"), b.ask("state")), ("ok".into(), "closed".into()));
}

#[test]
fn a_forked_child_is_a_process_of_its_own() {
    let folder = Folder::new();
    let policy = r#"{"name":"db","scope":"host","breaker":{"window":{"kind":"count","size":100},"failure_rate":0.5},"bulkhead":{"limit":2}}"#;
    let mut a = folder.worker();
    assert_eq!(a.ask(&format!("policy {policy}")), "ok");
    assert_eq!((a.ask("ok 3"), a.ask("enter 1")), ("3".into(), "admitted".into()));
    // The child cannot give back what its parent holds; its own goes with its end.
    assert_eq!(a.ask("fork leave 1; enter 2; enter 3; ok 4"), "ok; admitted; refused bulkhead_full; 0");
    assert_eq!(a.ask("enter 2"), "admitted");
    assert_eq!(a.snapshot()["bulkhead"]["in_use"], 2);
    assert_eq!((a.ask("leave 1"), a.ask("leave 2")), ("ok".into(), "ok".into()));
    // What it counted stays counted.
    assert_eq!(a.ask("fork ok 5"), "5");
    assert_eq!(a.snapshot()["breaker"]["totals"]["success"], 8);
    assert_eq!((a.snapshot()["bulkhead"]["in_use"].clone(), a.ask("faults")), (0.into(), "0".into()));
}

#[test]
fn a_child_writes_no_line_of_its_parent() {
    let folder = Folder::new();
    let mut a = folder.worker();
    let breaker = r#"{"window":{"kind":"count","size":100},"failure_rate":0.5}"#;
    assert_eq!(a.ask(&format!(r#"policy {{"name":"db","scope":"host","breaker":{breaker}}}"#)), "ok");
    // Each finds its line at once, and so would a child that took it for its own.
    let well = "1000000, and the child ended with 0";
    for _ in 0..3 {
        assert_eq!((a.ask("both 1000000"), a.ask("aside 1000000")), (well.into(), well.into()));
    }
    assert_eq!(a.snapshot()["breaker"]["totals"]["success"], 18_000_600);
    // Neither does a child of a child.
    assert_eq!(a.ask("fork both 1000000; aside 1000000"), format!("{well}; {well}"));
    assert_eq!(a.snapshot()["breaker"]["totals"]["success"], 24_000_800);
}

#[test]
fn a_child_takes_no_lock_along() {
    for scope in ["process", "host"] {
        let folder = Folder::new();
        let mut a = folder.worker();
        let policy = format!(
            r#"{{"name":"db","scope":"{scope}","breaker":{{"window":{{"kind":"count","size":100}},"failure_rate":1.0}},"bulkhead":{{"limit":4,"max_wait":"1ms"}},"retry":{{"attempts":2,"backoff":{{"kind":"fixed","base":"1ms"}},"budget":{{"name":"all"}}}}}}"#
        );
        assert_eq!(a.ask(&format!("policy {policy}")), "ok");
        assert_eq!(a.ask(&format!("storm 100 {scope}")), "100 children, ended badly: []", "{scope}");
    }
}

#[test]
fn the_control_room_sees_everything_and_changes_what_it_is_told() {
    let folder = Folder::new();
    let policy = r#"{"name":"identity","scope":"host","revision":4,"breaker":{"window":{"kind":"consecutive","failures":3},"open_for":"30s"},"bulkhead":{"limit":7},"retry":{"attempts":1,"budget":{"name":"shared"}},"cost":[{"name":"llm","limits":{"tokens":10}}]}"#;
    let (mut a, mut b) = folder.pair(policy);
    assert_eq!((a.ask("enter 1"), a.ask("spend 4"), a.ask("fail 3")), ("admitted".into(), "ok".into(), "3".into()));
    assert_eq!((b.ask("state"), b.ask("withdraw"), b.ask("spend 1")), ("open".into(), "granted".into(), "ok".into()));
    let options = SegmentOptions { dir: Some(folder.path().to_owned()), ..SegmentOptions::default() };
    assert_eq!(View::names(Some(folder.path())), ["default"]);
    let view = View::open(&options).unwrap().unwrap();
    assert_eq!(view.processes().len(), 2);
    let cells = view.cells();
    let shown: Vec<_> = cells.iter().map(|cell| (cell.kind.as_str(), cell.name.as_str(), cell.users.len())).collect();
    let expected =
        [("breaker", "identity", 2), ("bulkhead", "identity", 2), ("cost", "llm", 2), ("budget", "shared", 2)];
    assert_eq!(shown, expected);
    for cell in &cells {
        assert_eq!(cell.revision, 4);
        match &cell.part {
            PartView::Breaker(breaker) => assert_eq!((breaker.0.state, breaker.0.totals.failure), (State::Open, 3)),
            PartView::Bulkhead(bulkhead, config) => {
                assert_eq!((bulkhead.in_use, bulkhead.limit, config.limit), (1, 7, 7))
            }
            PartView::Budget(budget, _) => assert_eq!((budget.balance, budget.granted), (500.0 - 14.0, 1)),
            PartView::Cost(amounts, _) => assert_eq!((amounts[0].used, amounts[0].limit), (5, 10)),
            PartView::Damaged => panic!("{cell:?}"),
        }
    }
    // Looking changed nothing, not even who is attached.
    assert_eq!((view.cells().len(), view.processes().len()), (4, 2));
    assert!(view.control(&cells[0], Control::Reset).unwrap());
    assert_eq!((a.ask("state"), b.ask("ok 1")), ("closed".into(), "1".into()));
    assert!(!view.control(&cells[1], Control::Reset).unwrap());
    assert_eq!(view.processes().len(), 2);
    a.kill();
    assert_eq!((view.processes().len(), view.cells()[0].users.len()), (1, 1));
}

#[test]
fn a_waiter_of_another_process_looks_by_itself() {
    let folder = Folder::new();
    let policy = r#"{"name":"db","scope":"host","bulkhead":{"limit":1,"max_wait":"60s"}}"#;
    let (mut a, mut b) = folder.pair(policy);
    assert_eq!(a.ask("enter 1"), "admitted");
    b.tell("ok 1");
    std::thread::sleep(Duration::from_millis(150));
    let start = Instant::now();
    assert_eq!((a.ask("leave 1"), b.hear()), ("ok".into(), "1".into()));
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    // The same for a permit whose holder is killed.
    assert_eq!(a.ask("enter 1"), "admitted");
    b.tell("ok 1");
    std::thread::sleep(Duration::from_millis(150));
    let start = Instant::now();
    a.kill();
    assert_eq!(b.hear(), "1");
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
}

#[test]
fn listeners_hear_of_transitions_that_other_processes_make() {
    let folder = Folder::new();
    let (mut a, mut b) = folder.pair(BREAKER);
    for worker in [&mut a, &mut b] {
        // The first look says from when on there is news.
        assert_eq!((worker.ask("listen"), worker.ask("events")), ("ok".into(), "".into()));
    }
    assert_eq!(a.ask("fail 3"), "3");
    // Its own process tells at once and once; the other when it looks.
    assert_eq!(
        (a.ask("events"), a.ask("events"), a.ask("events")),
        ("opened(consecutive_failures)".into(), "".into(), "".into())
    );
    assert_eq!(
        (b.ask("events"), b.ask("events"), b.ask("events")),
        ("opened(consecutive_failures)".into(), "".into(), "".into())
    );
    assert_eq!(b.ask("force reset"), "ok");
    assert_eq!((b.ask("events"), b.ask("events"), b.ask("events")), ("forced(reset)".into(), "".into(), "".into()));
    assert_eq!((a.ask("events"), a.ask("events")), ("forced(reset)".into(), "".into()));
    // Of several between two looks the newest is told.
    assert_eq!((a.ask("fail 3"), a.ask("force reset"), a.ask("fail 3")), ("3".into(), "ok".into(), "3".into()));
    assert_eq!((b.ask("events"), b.ask("events")), ("opened(consecutive_failures)".into(), "".into()));
    assert_eq!((b.ask("state"), b.ask("force open"), b.ask("force reset")), ("open".into(), "ok".into(), "ok".into()));
    assert_eq!(
        (a.ask("events"), a.ask("events")),
        (
            "opened(consecutive_failures) forced(reset) opened(consecutive_failures) forced() forced(reset)".into(),
            "".into()
        )
    );
}

#[test]
fn a_higher_revision_is_in_force_and_at_equal_ones_the_first_while_somebody_wants_it() {
    let folder = Folder::new();
    let policy = |revision: u32, failures: u32, limit: u32| {
        format!(
            r#"policy {{"name":"x","scope":"host","revision":{revision},"breaker":{{"window":{{"kind":"consecutive","failures":{failures}}}}},"bulkhead":{{"limit":{limit}}}}}"#
        )
    };
    let (mut a, mut b, mut c) = (folder.worker(), folder.worker(), folder.worker());
    assert_eq!((a.ask("listen"), b.ask("listen"), c.ask("listen")), ("ok".into(), "ok".into(), "ok".into()));
    assert_eq!((a.ask(&policy(1, 2, 2)), a.ask("enter 1")), ("ok".into(), "admitted".into()));
    // The second finds other settings of the same revision: the first's stay, and both are told of.
    assert_eq!(b.ask(&policy(1, 5, 5)), "ok");
    let said = b.ask("events");
    assert!(said.contains("config_conflict(breaker `x`") && said.contains("config_conflict(bulkhead `x`"), "{said}");
    assert_eq!(b.snapshot()["bulkhead"]["limit"], 2);
    assert_eq!((b.ask("enter 1"), b.ask("enter 2")), ("admitted".into(), "refused bulkhead_full".into()));
    // A higher revision takes their place for all, permits and state carried over.
    for _ in 0..2 {
        assert_eq!((a.ask("acquire p"), a.ask("record p fail")), ("admitted".into(), "ok".into()));
    }
    assert_eq!(a.ask("state"), "open");
    assert_eq!((c.ask(&policy(2, 9, 3)), c.ask("state")), ("ok".into(), "open".into()));
    assert_eq!((c.ask("enter 1"), c.ask("enter 2")), ("admitted".into(), "refused bulkhead_full".into()));
    assert_eq!(
        (a.ask("enter 2"), a.ask("state"), a.snapshot()["bulkhead"]["limit"].clone()),
        ("refused bulkhead_full".into(), "open".into(), 3.into())
    );
    // Permits of the old cell are given back in the new one.
    assert_eq!((a.ask("leave 1"), c.ask("enter 2")), ("ok".into(), "admitted".into()));
    assert_eq!((b.ask("leave 1"), c.ask("leave 1"), c.ask("leave 2")), ("ok".into(), "ok".into(), "ok".into()));
    assert_eq!(c.snapshot()["bulkhead"]["in_use"], 0);
    assert_eq!((c.ask("force reset"), a.ask("fail 8"), b.ask("state")), ("ok".into(), "8".into(), "closed".into()));
    assert_eq!((b.ask("fail 1"), a.ask("state")), ("1".into(), "open".into()));
    assert_eq!((a.ask("faults"), b.ask("faults"), c.ask("faults")), ("0".into(), "0".into(), "0".into()));
}

#[test]
fn the_settings_of_the_dead_give_way() {
    let folder = Folder::new();
    let policy = |limit: u32| format!(r#"policy {{"name":"x","scope":"host","bulkhead":{{"limit":{limit}}}}}"#);
    let (mut old, mut new) = (folder.worker(), folder.worker());
    assert_eq!((old.ask(&policy(2)), new.ask(&policy(3))), ("ok".into(), "ok".into()));
    assert_eq!(new.snapshot()["bulkhead"]["limit"], 2);
    old.kill();
    let start = Instant::now();
    while new.snapshot()["bulkhead"]["limit"] != 3 {
        assert!(start.elapsed() < Duration::from_secs(4), "the settings of a dead process stay");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_file_that_is_removed_while_it_is_mapped_is_made_anew_and_said_once() {
    let folder = Folder::new();
    let (mut a, mut b) = folder.pair(BREAKER);
    for worker in [&mut a, &mut b] {
        assert_eq!((worker.ask("listen"), worker.ask("events")), ("ok".into(), "".into()));
    }
    assert_eq!((a.ask("fail 3"), b.ask("state")), ("3".into(), "open".into()));
    // Whatever the version of the layout is.
    let file = std::fs::read_dir(folder.path()).unwrap().next().expect("the segment").unwrap().path();
    std::fs::remove_file(&file).unwrap();
    let start = Instant::now();
    // Both go over to the new file, where the circuit begins closed, and share it again.
    while a.ask("state") != "closed" || b.ask("state") != "closed" {
        assert!(start.elapsed() < Duration::from_secs(4), "the removed file is still in use");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(file.exists());
    assert_eq!((b.ask("fail 3"), a.ask("state")), ("3".into(), "open".into()));
    assert_eq!((a.ask("faults"), b.ask("faults")), ("1".into(), "1".into()));
    let said = a.ask("events");
    assert!(said.contains("internal(") && said.contains("was removed or replaced"), "{said}");
}
