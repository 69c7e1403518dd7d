//! Where a fuzzer begins: strokes at every kind of word that a segment has.

use super::fuzzed::{LIVE, kind};

/// First word and length of what is laid out one after another: the header, the list of processes, the
/// owners of writers' lines, the directory, and the row of cells in steps of a line.
const REGIONS: [(&str, u16, u16, u16); 6] = [
    ("header", 0, 10, 1),
    ("process", 16, 16, 5),
    ("writer", 2064, 8, 3),
    ("chain", 2096, 32, 7),
    ("block", 2128, 256, 8),
    ("cell", 2128, 2048, 61),
];

fn stroke(word: u16, kind: u8, operand: u64) -> Vec<u8> {
    [&word.to_le_bytes()[..], &[kind], &operand.to_le_bytes()].concat()
}

/// Names and contents, the same in every run.
pub fn seeds() -> Vec<(String, Vec<u8>)> {
    let strokes: [(&str, u8, u64); 6] = [
        ("zero", kind::WRITE, 0),
        ("ones", kind::WRITE, u64::MAX),
        ("flip", kind::FLIP, 1 << 33 | 1),
        ("more", kind::ADD, 8),
        ("copy", kind::COPY, 2128),
        ("sealed", kind::SEALED, 300),
    ];
    let mut seeds = vec![("nothing".to_owned(), vec![0]), ("nothing-live".to_owned(), vec![LIVE])];
    for (region, first, length, step) in REGIONS {
        for (name, kind, operand) in strokes {
            // One file for a region and a stroke: each of its words in turn is more than a file needs.
            let words = (first..first + length).step_by(step.into()).take(32);
            let all: Vec<u8> = words.flat_map(|word| stroke(word, kind, operand)).collect();
            seeds.push((format!("{region}-{name}"), [&[0], &all[..]].concat()));
            seeds.push((format!("{region}-{name}-live"), [&[LIVE], &all[..]].concat()));
        }
    }
    // Single words behind the checks of the header, which the files above seldom pass.
    for word in (2128..2128 + 96).step_by(3) {
        seeds.push((format!("one-{word}"), [&[(word % 2) as u8], &stroke(word, kind::BYTE + 1, 0x101)[..]].concat()));
    }
    seeds
}
