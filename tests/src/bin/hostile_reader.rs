//! A process that works on a segment while strokes are made at its places, for the tests of hostile
//! files: `hostile_reader FOLDER live|late|words FIRST END STEP`, or `storm` for strokes at random until
//! somebody ends it, or `mutate` for inputs of the fuzzer during FIRST seconds from the seed END. The place that it has come to stands in
//! FOLDER/progress; what it found, on its standard output.

use seawall::segment::SegmentOptions;
use seawall_tests::hostile::{Mode, Sweep, fuzzed, seeds};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [folder, mode, first, end, step] = &words[..] else {
        eprintln!("hostile_reader FOLDER live|late|words|storm FIRST END STEP");
        return ExitCode::from(2);
    };
    let number = |text: &String| text.parse::<usize>().expect("a number");
    let folder = PathBuf::from(folder);
    let progress = File::create(folder.join("progress")).expect("a file for the progress");
    let at = |offset: usize| _ = progress.write_all_at(&(offset as u64).to_le_bytes(), 0);
    let options = SegmentOptions { dir: Some(folder), bytes: 64 << 10, ..SegmentOptions::default() };
    let offsets = (number(first)..number(end)).step_by(number(step));
    match mode.as_str() {
        "storm" => return storm(&options),
        "mutate" => return mutate(number(first) as u64, number(end) as u64),
        _ => {}
    }
    let mode = Mode::parse(mode).expect("a mode");
    match Sweep::run(&options, offsets, mode, &at) {
        Ok(sweep) => {
            println!(
                "{} strokes, {} shared, {} alone, {} wrong",
                sweep.strokes,
                sweep.shared,
                sweep.alone,
                sweep.wrong.len()
            );
            sweep.wrong.iter().for_each(|wrong| println!("{wrong}"));
            if sweep.wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(problem) => {
            println!("no sweep: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// Numbers that look like random ones, from a seed.
fn random(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed.max(1);
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    }
}

/// Inputs of the fuzz target, changed at random for so many seconds, without a look at what they reach.
fn mutate(seconds: u64, seed: u64) -> ExitCode {
    let seeds: Vec<Vec<u8>> = seeds::seeds().into_iter().map(|(_, bytes)| bytes).collect();
    let mut random = random(seed);
    let (start, mut done) = (std::time::Instant::now(), 0u64);
    while start.elapsed().as_secs() < seconds {
        let mut input = seeds[random() as usize % seeds.len()].clone();
        input.extend(seeds[random() as usize % seeds.len()].iter().skip(1));
        for _ in 0..=random() % 24 {
            let (at, byte) = (random() as usize % input.len(), random());
            input[at] = if byte & 256 == 0 { byte as u8 } else { input[at] ^ 1 << (byte % 8) };
        }
        input.truncate(1 + 11 * (1 + random() as usize % 32));
        let ended = std::panic::catch_unwind(|| fuzzed::read(&input)).unwrap_or_else(|_| Err("a panic".into()));
        if let Err(wrong) = ended {
            println!("{wrong}\n{input:?}");
            return ExitCode::FAILURE;
        }
        done += 1;
    }
    println!("{done} executions in {seconds} s from seed {seed}, nothing found");
    ExitCode::SUCCESS
}

/// Words of all sizes at places of all kinds, without an end.
fn storm(options: &SegmentOptions) -> ExitCode {
    let file = std::fs::OpenOptions::new().write(true).open(options.path()).expect("a segment");
    let mut random = random(1);
    loop {
        let (at, word) = (random() % options.bytes, random() >> (random() % 64));
        let length = (1 + random() % 8).min(options.bytes - at) as usize;
        file.write_all_at(&word.to_le_bytes()[..length], at).expect("a stroke");
        std::thread::sleep(std::time::Duration::from_micros(200));
    }
}
