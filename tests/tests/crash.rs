//! Every numbered place in a protocol of several steps: a process ends itself there, others go on.
//!
//! Runs with the feature `crash-points` only: `cargo xtask crash [ROUNDS]`.

#[path = "host/workers.rs"]
mod workers;

use seawall::segment::{POINTS, SegmentOptions, View};
use workers::{Folder, Worker};

const POLICY: &str = r#"policy {"name":"x","scope":"host","breaker":{"window":{"kind":"count","size":50},"failure_rate":1.0},"bulkhead":{"limit":4}}"#;
/// The same with other settings, which take the place of the first.
const REVISED: &str = r#"policy {"name":"x","scope":"host","revision":REVISION,"breaker":{"window":{"kind":"count","size":50},"failure_rate":0.9},"bulkhead":{"limit":4}}"#;

/// Calls that a bystander makes while the victim works.
const CALLS: u32 = 2_000;

fn rounds() -> u32 {
    std::env::var("SEAWALL_CRASH_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(3)
}

/// Everything that comes past a point: making, finding, replacing and evicting cells, counting, permits.
fn work(worker: &mut Worker, round: u32) -> bool {
    let mut commands = vec![REVISED.replace("REVISION", &(round + 1).to_string())];
    commands.extend((0..4).flat_map(|_| ["enter 1", "ok 2", "leave 1"]).map(str::to_owned));
    // More cells than there is room for: those that nobody uses are evicted. They are a little larger than
    // the circuit that everybody shares, so that one of them makes room for it.
    commands.extend((0..60).map(|n| {
        format!(
            r#"policy {{"name":"p{round}-{n}","scope":"host","breaker":{{"window":{{"kind":"count","size":60}},"failure_rate":1.0}}}}"#
        )
    }));
    commands.iter().all(|command| !worker.ask(command).is_empty())
}

#[test]
fn whoever_dies_wherever_leaves_a_segment_that_works() {
    let mut died = 0;
    for point in POINTS {
        // How often a victim comes past the point before its work is done, where that is known.
        let mut passes = u32::MAX;
        let (mut round, mut tries) = (0, 0);
        while round < rounds() {
            tries += 1;
            assert!(tries < 2 * rounds() + 100, "a victim's way past `{point}` differs too often");
            let nth = round % passes + 1;
            if die_at(point, nth, round) {
                round += 1;
            } else {
                // It came past less often: then earlier, so that every round has its death.
                passes = nth - 1;
                assert!(passes > 0, "nobody comes past `{point}`");
            }
        }
        let ways = if passes == u32::MAX { rounds() } else { passes };
        println!("{point}: died {round} of {}, at {ways} different passes", rounds());
        died += round;
    }
    println!("{died} deaths at {} points, 0 violations", POINTS.len());
}

/// One round, in which a victim dies when it comes past a point for the `nth` time; `false` if it lived.
fn die_at(point: &str, nth: u32, round: u32) -> bool {
    let folder = Folder::new();
    let toml = "[host];size = 131072";
    let mut bystander = folder.worker();
    // Where the file itself is made nobody can have come before.
    let late = matches!(point, "file made" | "process slot locked" | "process slot cleared");
    if !late {
        assert_eq!((bystander.ask(&format!("load {toml}")), bystander.ask(POLICY)), ("ok".into(), "ok".into()));
        // Cells of somebody who is gone fill the segment: they are there to be evicted. A block that is
        // new takes room that nobody has had.
        if point != "block sized" {
            let mut gone = folder.worker();
            assert_eq!(gone.ask(&format!("load {toml}")), "ok");
            assert!(work(&mut gone, round));
            gone.kill();
        }
        // The circuit that the bystander goes over to is not among them.
        assert_eq!(
            (bystander.ask("state"), bystander.snapshot()["bulkhead"]["in_use"].clone()),
            ("closed".into(), 0.into())
        );
    }
    let at = format!("{point}:{nth}");
    let mut victim = folder.worker_with(&[("SEAWALL_CRASH_AT", &at)]);
    assert_eq!(victim.ask(&format!("load {toml}")), "ok");
    if !late {
        // At work while the victim is, and dies.
        bystander.tell(&format!("ok {CALLS}"));
    }
    let dead = !work(&mut victim, round + 1);
    match late {
        true => assert_eq!((bystander.ask(&format!("load {toml}")), bystander.ask(POLICY)), ("ok".into(), "ok".into())),
        false => assert_eq!(bystander.hear(), CALLS.to_string(), "{at}: calls of who lives were held up or refused"),
    }
    victim.kill();
    // Who lives is held up by nothing, gets all four permits, and counts on.
    for number in 1..=4 {
        bystander.until(&format!("enter {number}"), "admitted");
    }
    assert_eq!(
        (bystander.ask("enter 5"), bystander.ask("leave 1")),
        ("refused bulkhead_full".into(), "ok".into()),
        "{at}"
    );
    assert_eq!(bystander.ask("ok 3"), "3", "{at}");
    // So does who comes anew, and they share one circuit.
    let mut newcomer = folder.worker();
    assert_eq!((newcomer.ask(&format!("load {toml}")), newcomer.ask(POLICY)), ("ok".into(), "ok".into()));
    assert_eq!((newcomer.ask("force open"), bystander.ask("state")), ("ok".into(), "forced_open".into()), "{at}");
    assert_eq!(newcomer.ask("faults"), "0", "{at}");
    let options = SegmentOptions { dir: Some(folder.path().to_owned()), ..SegmentOptions::default() };
    let view = View::open(&options).expect("a good segment").expect("a segment");
    let circuits = view.cells().iter().filter(|cell| cell.name == "x").count();
    assert_eq!((circuits, view.processes().len()), (2, 2), "{at}");
    dead
}
