//! A host to look at: keeps a segment with many policies busy until it is stopped.
//! `cargo run -p seawall-cli --example busy_host -- FOLDER [POLICIES]`, then `seawall --dir FOLDER top`.

use seawall::Registry;
use seawall::segment::SegmentOptions;
use std::time::Duration;

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let folder = words.get(1).expect("a folder").into();
    let count: usize = words.get(2).map_or(12, |text| text.parse().expect("how many policies"));
    let registry = Registry::global();
    let bytes = 64 << 20;
    registry.set_host(SegmentOptions { dir: Some(folder), name: "shop".into(), bytes, ..SegmentOptions::default() });
    let names = ["identity", "billing", "search", "catalog", "mail", "ledger", "stock", "quotes", "audit", "maps"];
    let policies: Vec<_> = (0..count)
        .map(|index| {
            let name = match index / names.len() {
                0 => names[index].to_owned(),
                round => format!("{}-{round}", names[index % names.len()]),
            };
            let json = format!(
                r#"{{"name":"{name}","scope":"host","breaker":{{"window":{{"kind":"time","span":"10s"}},"minimum_calls":10,"open_for":"8s"}},"bulkhead":{{"limit":{}}}}}"#,
                4 + index % 7
            );
            registry.policy(&json).expect("a policy")
        })
        .collect();
    for second in 0.. {
        for round in 0..20 {
            for (index, policy) in policies.iter().enumerate() {
                let sick = index % 5 == 1 && second % 20 < 12 || index % 7 == 3 && (second + round) % 3 == 0;
                let work = || if sick { Err(std::io::Error::other("down")) } else { Ok(()) };
                for _ in 0..=index % 3 {
                    let _ = policy.run(work);
                }
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}
