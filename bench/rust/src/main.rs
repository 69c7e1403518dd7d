//! Nanoseconds of a protected call, ours and the peers', as JSON lines.
//! `seawall-bench ROUNDS SLICE_MS [CASE]`.

use seawall_bench::harness::{Options, Suite};
use seawall_bench::{floors, ours, peers, work};
use serde_json::json;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build();
    let runtime = runtime.expect("a runtime for the timers of async rows");
    let _inside = runtime.enter();
    work::set_runtime(runtime.handle().clone());
    versions();
    let number = |index: usize, usual: f64| arguments.get(index).and_then(|word| word.parse().ok()).unwrap_or(usual);
    let options =
        Options { rounds: number(0, 15.0) as usize, slice_ms: number(1, 2.0), only: arguments.get(2).cloned() };
    let mut suite = Suite::default();
    floors::add(&mut suite);
    ours::add(&mut suite);
    peers::add(&mut suite);
    suite.run(&options);
}

const PEERS: [&str; 7] = [
    "backon",
    "circuitbreaker-rs",
    "failsafe",
    "governor",
    "recloser",
    "tower-resilience-bulkhead",
    "tower-resilience-circuitbreaker",
];

fn versions() {
    let lock: toml::Table = include_str!("../Cargo.lock").parse().expect("the lock file is TOML");
    let packages = lock["package"].as_array().expect("it lists packages");
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        if PEERS.contains(&name) {
            println!("{}", json!({"peer": name, "version": package["version"].as_str()}));
        }
    }
}
