//! Every vector of the repository, with the gate on (the binary `conform` runs them with it off too).

use std::path::Path;

#[test]
fn all_vectors_pass() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    let report = seawall_tests::run_dir(&dir).expect("the vectors can be read");
    for (path, reason) in &report.failed {
        println!("{}: {reason}", path.display());
    }
    assert!(report.failed.is_empty(), "{} vectors failed", report.failed.len());
    assert!(report.passed >= 300, "only {} vectors were found", report.passed);
}
