//! `conform --dir DIR`: runs a folder of vectors and closes with one line of counts.

use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let dir = match (arguments.next().as_deref(), arguments.next()) {
        (Some("--dir"), Some(dir)) => PathBuf::from(dir),
        _ => {
            eprintln!("usage: conform --dir DIR");
            return ExitCode::from(2);
        }
    };
    match seawall_tests::run_dir(&dir) {
        Ok(report) => {
            for (path, reason) in &report.failed {
                println!("{}: {reason}", path.display());
            }
            println!(
                "{}",
                json!({ "lang": "rust", "passed": report.passed, "failed": report.failed.len(), "exempt": 0 })
            );
            ExitCode::from(u8::from(!report.failed.is_empty()))
        }
        Err(error) => {
            eprintln!("cannot read {}: {error}", dir.display());
            ExitCode::from(2)
        }
    }
}
