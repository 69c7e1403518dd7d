//! The inputs of the fuzz target (`fuzz/README.md`), replayed without a fuzzer.

use seawall_tests::hostile::{fuzzed, seeds};
use std::fs;
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

fn corpus() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/segment")
}

#[test]
fn the_seeds_are_those_of_the_generator() {
    for (name, bytes) in seeds::seeds() {
        let path = corpus().join(&name);
        if std::env::var_os("SEAWALL_WRITE_SEEDS").is_some() {
            fs::write(&path, &bytes).expect("a seed");
        }
        assert!(
            fs::read(&path).is_ok_and(|kept| kept == bytes),
            "fuzz/corpus/segment/{name} is not what hostile::seeds makes; run: SEAWALL_WRITE_SEEDS=1 cargo test -p seawall-tests --test corpus"
        );
    }
}

#[test]
fn no_input_of_the_corpus_is_a_find() {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(corpus()).expect("a corpus").flatten().map(|entry| entry.path()).collect();
    paths.sort();
    assert!(paths.len() >= seeds::seeds().len());
    let count = paths.len();
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        for path in paths {
            let ended = fuzzed::read(&fs::read(&path).expect("an input")).map_err(|wrong| format!("{path:?}: {wrong}"));
            if send.send(ended).is_err() {
                return;
            }
        }
    });
    for replayed in 0..count {
        match receive.recv_timeout(Duration::from_secs(20)) {
            Ok(ended) => assert_eq!(ended, Ok(())),
            Err(problem) => panic!("input {replayed} of the corpus hangs or panics: {problem}"),
        }
    }
    println!("{count} inputs");
}
