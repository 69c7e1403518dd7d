//! The command over real segments, with this process as the one that is attached.

use seawall::breaker::State;
use seawall::segment::SegmentOptions;
use seawall::{Policy, Registry};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A folder of our own, gone at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("seawall-cli-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Folder(path)
    }

    /// The one file in it.
    fn file(&self) -> PathBuf {
        std::fs::read_dir(&self.0).expect("a folder").flatten().next().expect("a file").path()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn seawall(folder: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_seawall"));
    command.arg("--dir").arg(folder).args(words).env_remove("SEAWALL_HOST_DIR");
    command.output().expect("the command runs")
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn refused(output: &Output, status: i32) -> String {
    assert_eq!(output.status.code(), Some(status), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn registry(folder: &Folder, name: &str) -> Registry {
    let registry = Registry::manual(1);
    let options = SegmentOptions { dir: Some(folder.0.clone()), name: name.into(), ..SegmentOptions::default() };
    assert!(registry.set_host(options));
    registry
}

fn policy(registry: &Registry, name: &str) -> Policy {
    let json = format!(
        r#"{{"name":"{name}","scope":"host","breaker":{{"window":{{"kind":"consecutive","failures":3}},"open_for":"1h"}},"bulkhead":{{"limit":4}}}}"#
    );
    registry.policy(&json).expect("a policy")
}

fn fail(policy: &Policy, times: usize) {
    for _ in 0..times {
        let _ = policy.run(|| Err::<(), _>(std::io::Error::other("down")));
    }
}

#[test]
fn what_a_process_counts_is_listed_shown_and_measured() {
    let folder = Folder::new("list");
    let registry = registry(&folder, "shop");
    let (identity, billing) = (policy(&registry, "identity"), policy(&registry, "billing"));
    fail(&identity, 3);
    billing.run(|| Ok::<_, std::io::Error>(())).expect("a call");

    let list = said(&seawall(&folder.0, &["list"]));
    let line = |name: &str| list.lines().find(|line| line.contains(name)).unwrap_or_default().to_owned();
    assert!(list.starts_with("shop\n"), "{list}");
    assert!(line("identity").contains("○ open") && line("identity").contains("100%"), "{list}");
    assert!(line("billing").contains("● closed") && line("billing").contains("0/4"), "{list}");

    let show = said(&seawall(&folder.0, &["show", "identity"]));
    assert!(show.contains("closed → open, consecutive failures"), "{show}");
    assert!(show.contains(&format!("{} ", std::process::id())), "{show}");
    assert!(show.contains(r#""open_for":{"base":"1h""#), "{show}");

    let rows: Value = serde_json::from_str(&said(&seawall(&folder.0, &["--json", "list"]))).expect("JSON");
    assert_eq!(rows[1]["breaker"]["state"], "open");
    assert_eq!(rows[1]["breaker"]["totals"]["failure"], 3);
    assert_eq!(rows[0]["breaker"]["totals"]["success"], 1);

    let metrics = said(&seawall(&folder.0, &["metrics"]));
    let sample = r#"seawall_breaker_calls_total{name="identity",scope="host",outcome="failure"} 3"#;
    assert!(metrics.contains(sample), "{metrics}");
}

#[test]
fn circuits_obey() {
    let folder = Folder::new("control");
    let registry = registry(&folder, "shop");
    let identity = policy(&registry, "identity");
    let breaker = identity.breaker().expect("a breaker").clone();
    for (words, state) in [
        (&["open", "identity", "--for", "5m"][..], State::Open),
        (&["close", "identity"], State::Closed),
        (&["open", "identity", "--forced"], State::ForcedOpen),
        (&["enable", "identity"], State::Closed),
        (&["disable", "identity"], State::Disabled),
        (&["enable", "identity"], State::Closed),
    ] {
        let output = said(&seawall(&folder.0, words));
        assert_eq!(output.trim(), format!("identity: {}", state.as_str().replace('_', " ")));
        assert_eq!(breaker.state(), state, "{words:?}");
    }
    fail(&identity, 2);
    said(&seawall(&folder.0, &["reset", "identity"]));
    fail(&identity, 2);
    assert_eq!(breaker.state(), State::Closed, "the two before are forgotten");
    assert!(said(&seawall(&folder.0, &["open", "identity", "--json"])).contains(r#""identity":"open""#));
    assert!(identity.run(|| Ok::<_, std::io::Error>(())).is_err());
}

#[test]
fn what_is_not_there_is_said_with_its_own_status() {
    let folder = Folder::new("absent");
    let absent = refused(&seawall(&folder.0, &["list"]), 1);
    assert!(absent.contains("there is no folder") && absent.contains("SEAWALL_HOST_DIR"), "{absent}");
    let registry = registry(&folder, "shop");
    let _identity = policy(&registry, "identity");
    let words = refused(&seawall(&folder.0, &["show", "idenity"]), 1);
    assert!(words.contains("no policy `idenity`; did you mean `identity`?"), "{words}");
    assert!(refused(&seawall(&folder.0, &["reset", "identity", "--key", "x"]), 1).contains("has no key `x`"));
    let other = refused(&seawall(&folder.0, &["-s", "other", "list"]), 1);
    assert!(other.contains("no segment `other`") && other.contains("leave `--segment` out"), "{other}");
    refused(&seawall(&folder.0, &["shout"]), 2);
    let path = folder.file();
    std::fs::rename(&path, path.with_extension("999")).expect("as another release names it");
    for words in [&["list"][..], &["-s", "shop", "reset", "identity"]] {
        let said = refused(&seawall(&folder.0, words), 1);
        assert!(said.contains("`shop` of version 999") && said.contains("the command of that release"), "{said}");
    }
    let said = refused(&seawall(&folder.0, &["-s", "other", "list"]), 1);
    assert!(said.contains("no segment `other`") && !said.contains("999"), "{said}");
    assert!(refused(&seawall(&folder.0, &["top"]), 2).contains("needs a terminal"));
}

#[test]
fn a_file_that_is_no_segment_is_refused_and_hides_no_other() {
    let folder = Folder::new("broken");
    let registry = registry(&folder, "shop");
    let _identity = policy(&registry, "identity");
    let good = folder.file();
    // Of the same version.
    let bad = good.with_file_name(good.file_name().expect("a name").to_string_lossy().replace("shop", "bad"));
    let name = bad.file_name().expect("a name").to_string_lossy().into_owned();
    std::fs::write(&bad, vec![7; 1 << 16]).expect("a file");
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(&bad, std::fs::Permissions::from_mode(0o600)).expect("a mode");
    let output = seawall(&folder.0, &["list"]);
    assert!(said(&output).contains("identity"));
    assert!(String::from_utf8_lossy(&output.stderr).contains(&name), "{output:?}");
    assert!(refused(&seawall(&folder.0, &["-s", "bad", "list"]), 3).contains(&name));
}

#[test]
fn a_configuration_is_checked_as_the_libraries_read_it() {
    let folder = Folder::new("check");
    std::fs::create_dir_all(&folder.0).expect("a folder");
    let path = folder.0.join("seawall.toml");
    let file = path.to_str().expect("a path");
    let check = |text: &[u8], words: &[&str]| {
        std::fs::write(&path, text).expect("a file");
        seawall(&folder.0, &[&["check", file][..], words].concat())
    };
    let whole = b"[policy.identity]\nretry = 3\nscope = \"host\"\n[policy.ledger]\nhost_required = true\n";
    let words = said(&check(whole, &[]));
    assert!(
        words.contains("1 policy is refused unless code completes it") && words.contains("retry (host)"),
        "{words}"
    );
    assert!(words.contains("to be completed by code: /policy/ledger/host_required: "), "{words}");
    let shown: Value = serde_json::from_str(&said(&check(whole, &["--json"]))).expect("JSON");
    assert_eq!(shown["policies"]["identity"]["retry"]["attempts"], 3);
    assert_eq!((&shown["policies"]["ledger"], &shown["valid"]), (&Value::Null, &Value::Bool(true)));
    assert_eq!(shown["unfinished"]["ledger"]["path"], "/policy/ledger/host_required");
    for (wrong, words) in [
        (&b"[policy.identity.retry]\natempts = 3\n"[..], "/policy/identity/retry/atempts: "),
        (b"[policy.identity.retry]\natempts = 3\n", "did you mean `attempts`?"),
        (b"[policy.identity]\ntimeout = \"2\"\n", "/policy/identity/timeout"),
        (b"[policy.x\n", "line 1, column 10"),
        (b"\xff", "not UTF-8"),
    ] {
        let told = refused(&check(wrong, &[]), 4);
        assert!(told.contains(words) && told.contains(file), "{told}");
        let told: Value = serde_json::from_slice(&check(wrong, &["--json"]).stdout).expect("JSON");
        assert!(told["valid"] == false && told["errors"][0]["message"].is_string(), "{told}");
    }
    let many = b"[policy.b]\ntimeout = \"2\"\n[policy.a.retry]\natempts = 3\n[policy.c]\nretry = 3\n";
    let told = refused(&check(many, &[]), 4);
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines[0], format!("seawall: {file}: 2 errors"));
    assert!(
        lines[1].starts_with("  /policy/a/retry/atempts: ") && lines[1].ends_with("did you mean `attempts`?"),
        "{told}"
    );
    assert!(lines[2].starts_with("  /policy/b/timeout") && lines.len() == 3, "{told}");
    let told: Value = serde_json::from_slice(&check(many, &["--json"]).stdout).expect("JSON");
    assert_eq!(told["errors"].as_array().map(Vec::len), Some(2), "{told}");
    let mut under = Command::new(env!("CARGO_BIN_EXE_seawall"));
    under.args(["check", file]).env("SEAWALL_C_RETRY_ATTEMPTS", "many");
    let told = refused(&under.output().expect("it runs"), 4);
    assert!(told.starts_with(&format!("seawall: {file}: 3 errors\n")), "{told}");
    assert!(told.trim_end().ends_with("(in SEAWALL_C_RETRY_ATTEMPTS)"), "{told}");
    // In CI a policy is to be usable as the file has it.
    let strict = check(whole, &["--strict"]);
    assert!(refused(&strict, 4).contains("1 policy cannot be used as written"), "{strict:?}");
    assert!(String::from_utf8_lossy(&strict.stdout).contains("/policy/ledger/host_required: "), "{strict:?}");
    let shown: Value = serde_json::from_slice(&check(whole, &["--strict", "--json"]).stdout).expect("JSON");
    assert_eq!((&shown["valid"], shown["unfinished"].is_object()), (&Value::Bool(false), true));
    assert!(said(&check(b"[policy.identity]\nretry = 3\n", &["--strict"])).contains(": no errors\n"));
    assert!(said(&check(b"", &[])).contains("no errors, and no policy"));
    let nowhere = refused(&seawall(&folder.0, &["check", "nowhere.toml"]), 4);
    assert!(nowhere.contains("nowhere.toml") && nowhere.contains("name the file, or set SEAWALL_CONFIG"), "{nowhere}");
    // Without a name, that which the libraries read.
    let mut unnamed = Command::new(env!("CARGO_BIN_EXE_seawall"));
    assert!(said(&unnamed.arg("check").env("SEAWALL_CONFIG", file).output().expect("it runs")).contains(file));
}

/// A pager that was left, a disk that is full: the status says what the command found, or that it
/// could not say it.
#[test]
fn output_that_nobody_takes_breaks_no_command() {
    let folder = Folder::new("pipes");
    let registry = registry(&folder, "shop");
    let _identity = policy(&registry, "identity");
    let path = folder.0.join("half.toml");
    std::fs::write(&path, "[policy.ledger]\nhost_required = true\n").expect("a file");
    let file = path.to_str().expect("a path");
    for (words, status) in [
        (&["check", file][..], 0),
        (&["check", file, "--strict"], 4),
        (&["check", file, "--json", "--strict"], 4),
        (&["open", "identity"], 0),
        (&["close", "identity", "--json"], 0),
        (&["list"], 0),
        (&["show", "identity"], 0),
        (&["metrics"], 0),
        (&["completions", "bash"], 0),
        (&["man"], 0),
    ] {
        let run = |out: std::process::Stdio| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_seawall"));
            command.arg("--dir").arg(&folder.0).args(words).env_remove("SEAWALL_HOST_DIR").stdout(out);
            command.output().expect("the command runs")
        };
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        assert_eq!(run(writer.into()).status.code(), Some(status), "{words:?} into a pipe that nobody reads");
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("a full disk");
        let said = refused(&run(full.into()), 3);
        assert!(said.starts_with("seawall: ") && said.contains("No space left"), "{words:?}: {said}");
    }
}

#[test]
fn looking_changes_no_byte() {
    let folder = Folder::new("quiet");
    let registry = registry(&folder, "shop");
    fail(&policy(&registry, "identity"), 3);
    let file = folder.file();
    let before = std::fs::read(&file).expect("bytes");
    for words in [&["list"][..], &["show", "identity"], &["metrics"], &["--json", "list"]] {
        said(&seawall(&folder.0, words));
    }
    assert!(before == std::fs::read(&file).expect("bytes"));
}

#[test]
fn completions_and_the_manual_name_every_command() {
    let folder = Folder::new("manual");
    for words in [&["completions", "bash"][..], &["completions", "zsh"], &["completions", "fish"], &["man"]] {
        let text = said(&seawall(&folder.0, words));
        for command in ["list", "top", "show", "reset", "open", "close", "disable", "enable", "metrics", "check"] {
            assert!(text.contains(command), "{words:?} says nothing of {command}");
        }
    }
}

/// Whatever stands in a segment, the command reads it or says what is wrong; it never breaks down.
#[test]
fn a_segment_that_is_scribbled_over_breaks_no_command() {
    use std::os::unix::fs::FileExt;
    let folder = Folder::new("scribbled");
    let registry = registry(&folder, "shop");
    let policy = policy(&registry, "identity");
    for _ in 0..2 {
        let _ = policy.run(|| Ok::<_, std::io::Error>(()));
        let _ = policy.run(|| Err::<(), _>(std::io::Error::other("down")));
    }
    let path = folder.file();
    let before = std::fs::read(&path).expect("the segment");
    let file = std::fs::OpenOptions::new().write(true).open(&path).expect("the segment");
    let used: Vec<usize> =
        before.as_chunks::<8>().0.iter().enumerate().filter(|it| *it.1 != [0; 8]).map(|it| it.0).collect();
    assert!(used.len() > 50, "{used:?}");
    // The words that say something, and the row of cells.
    let row = *used.iter().filter(|word| **word > 4200).min().expect("a cell");
    for (index, word) in used.into_iter().chain((row..row + 640).step_by(7)).enumerate() {
        for number in [u64::MAX, 1 << 63 | 0x0101_0101, 0] {
            file.write_all_at(&number.to_le_bytes(), word as u64 * 8).expect("a stroke");
            let commands = [&["list"][..], &["show", "identity"], &["metrics"], &["--json", "list"]];
            let output = seawall(&folder.0, commands[(index + number as usize % 3) % 4]);
            let (status, said) = (output.status, String::from_utf8_lossy(&output.stderr).into_owned());
            assert!(status.code().is_some_and(|code| code < 5), "{number:#x} in word {word}: {status}\n{said}");
            file.write_all_at(&before, 0).expect("as it was");
        }
    }
}
