//! A process that works on a segment while strokes are made at its places, for the tests of hostile
//! files: `hostile_reader FOLDER live|late FIRST END STEP`, or `storm` for strokes at random until
//! somebody ends it. The place that it has come to stands in
//! FOLDER/progress; what it found, on its standard output.

use seawall::segment::SegmentOptions;
use seawall_tests::hostile::Sweep;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [folder, mode, first, end, step] = &words[..] else {
        eprintln!("hostile_reader FOLDER live|late|storm FIRST END STEP");
        return ExitCode::from(2);
    };
    let number = |text: &String| text.parse::<usize>().expect("a number");
    let folder = PathBuf::from(folder);
    let progress = File::create(folder.join("progress")).expect("a file for the progress");
    let at = |offset: usize| _ = progress.write_all_at(&(offset as u64).to_le_bytes(), 0);
    let options = SegmentOptions { dir: Some(folder), bytes: 64 << 10, ..SegmentOptions::default() };
    let offsets = (number(first)..number(end)).step_by(number(step));
    if mode == "storm" {
        return storm(&options);
    }
    match Sweep::run(&options, offsets, mode == "late", &at) {
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

/// Words of all sizes at places of all kinds, without an end.
fn storm(options: &SegmentOptions) -> ExitCode {
    let file = std::fs::OpenOptions::new().write(true).open(options.path()).expect("a segment");
    let mut state = 1u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    loop {
        let (at, word) = (random() % options.bytes, random() >> (random() % 64));
        let length = (1 + random() % 8).min(options.bytes - at) as usize;
        file.write_all_at(&word.to_le_bytes()[..length], at).expect("a stroke");
        std::thread::sleep(std::time::Duration::from_micros(200));
    }
}
