//! The Go module: its library, its tests, its vectors, its package.

use crate::Outcome;
use crate::adoption;
use crate::c::library;
use crate::steps::{Step, command, output_of, quiet};
use std::fs;
use std::path::Path;
use std::process::Command;

const MODULE: &str = "seawall.dev/seawall";
const VERSION: &str = concat!("v", env!("CARGO_PKG_VERSION"));

pub fn steps() -> Vec<Step> {
    vec![
        Step::new("Go: library", prepare),
        Step::new("Go: format and vet", look),
        Step::new("Go: tests under the race detector", |root| quiet(go(root, &["test", "-race", "./..."]))),
        Step::new("Go: tests, gate off", |root| {
            let mut test = go(root, &["test", "./..."]);
            test.env("SEAWALL_GATE", "off");
            quiet(test)
        }),
        // A release of Go that nobody has tried yet has no lines of its own.
        Step::new("Go: tests as under a later Go", |root| {
            quiet(go(root, &["test", "-tags", "go1.28", ".", "./internal/abi"]))
        }),
        Step::new("Go: ports A and B", ports),
        Step::new("Go: the judge of the demo", judge),
    ]
}

/// Runs the ports, and demands that each feature's test was among what ran.
fn ports(root: &Path) -> Outcome {
    let mut test = go(root, &["test", "-v", "./..."]);
    test.current_dir(root.join("tests/adoption"));
    let said = output_of(test)?;
    let passed: Vec<&str> =
        said.lines().filter_map(|line| line.strip_prefix("--- PASS: ")?.split(' ').next()).collect();
    adoption::ran(root, "a/", &passed)?;
    adoption::ran(root, "b/", &passed)
}

/// What judges the demo finds each planted fault. The gateway needs the packaged module: not here.
fn judge(root: &Path) -> Outcome {
    let home = root.join("demo/go");
    let unformatted = output_of(command(&home, "gofmt", &["-l", "."]))?;
    if !unformatted.is_empty() {
        return Err(format!("not formatted, run gofmt -w in demo/go:\n{unformatted}").into());
    }
    quiet(command(&home, "go", &["vet", "./cmd/director", "./cmd/identity"]))?;
    quiet(command(&home, "go", &["test", "-race", "./cmd/director"]))
}

/// The vectors through the public API.
pub fn conform(root: &Path, dir: &Path) -> Command {
    if let Err(error) = prepare(root) {
        eprintln!("the library of the Go module: {error}");
    }
    let mut run = go(root, &["run", "./internal/conform", "--dir"]);
    run.arg(dir);
    run
}

/// Puts the static library that ships, and its header, where cgo looks for them.
pub fn prepare(root: &Path) -> Outcome {
    place(root, &root.join("bindings-go"))
}

fn place(root: &Path, module: &Path) -> Outcome {
    let abi = module.join("internal/abi");
    let built = library::build(root, library::Kind::Release)?.join("libseawall.a");
    copy(&built, &abi.join("lib/linux_amd64/libseawall.a"))?;
    // The tools of Go know what they compile, not the libraries it is linked with: the header that lies in
    // the package names its library, and the package keeps that number, so that another library is linked.
    let header = fs::read_to_string(root.join("bindings-c/include/seawall.h"))?;
    let stamped = format!("{header}#define SEAWALL_LIBRARY 0x{:016x}u\n", fingerprint(&fs::read(&built)?));
    write(&abi.join("seawall.h"), stamped.as_bytes())
}

fn fingerprint(bytes: &[u8]) -> u64 {
    use std::hash::{DefaultHasher, Hasher};
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}

fn copy(from: &Path, to: &Path) -> Outcome {
    write(to, &fs::read(from).map_err(|error| format!("{}: {error}", from.display()))?)
}

/// Writes what has changed, so that nothing is built anew without need.
fn write(to: &Path, bytes: &[u8]) -> Outcome {
    if fs::read(to).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    Ok(fs::write(to, bytes).map_err(|error| format!("{}: {error}", to.display()))?)
}

fn look(root: &Path) -> Outcome {
    for folder in ["bindings-go", "tests/adoption"] {
        let mut format = command(root, "gofmt", &["-l", "."]);
        format.current_dir(root.join(folder));
        let unformatted = output_of(format)?;
        if !unformatted.is_empty() {
            return Err(format!("not formatted, run gofmt -w in {folder}:\n{unformatted}").into());
        }
        let mut vet = go(root, &["vet", "./..."]);
        vet.current_dir(root.join(folder));
        quiet(vet)?;
    }
    Ok(())
}

/// Builds the module with its library, installs it into an empty place as `go get` does, and runs the
/// quick start of its page there.
pub fn package(root: &Path) -> Outcome {
    pack(root)?;
    let trial = root.join("build/package/go/trial");
    empty(&trial)?;
    let page = fs::read_to_string(root.join("bindings-go/README.md"))?;
    let program = page.split("```go\n").nth(1).and_then(|rest| rest.split("```").next());
    fs::write(trial.join("main.go"), program.ok_or("bindings-go/README.md has no quick start")?)?;
    fs::write(trial.join("go.mod"), "module quickstart\n\ngo 1.24\n")?;
    quiet(packaged(root, &trial, &["get", &format!("{MODULE}@{VERSION}")])?)?;
    let said = output_of(packaged(root, &trial, &["run", "."])?)?;
    if said.contains("identity is resting") {
        Ok(())
    } else {
        Err(format!("the quick start said something else:\n{said}").into())
    }
}

/// Builds the module that ships and lets the module in `place` depend on it.
pub fn add_packaged(root: &Path, place: &Path) -> Outcome {
    pack(root)?;
    quiet(packaged(root, place, &["get", &format!("{MODULE}@{VERSION}")])?)
}

/// `go` in `place`, finding the module that ships as `go get` finds any.
pub fn packaged(root: &Path, place: &Path, arguments: &[&str]) -> Result<Command, Box<dyn std::error::Error>> {
    let usual = output_of(command(root, "go", &["env", "GOPROXY"]))?;
    let mut go = command(place, "go", arguments);
    // A place of its own each time: Go remembers what is in the folder of a version.
    go.env("GOMODCACHE", place.join(format!("modules-{}", std::process::id())))
        .env("GOFLAGS", "-modcacherw")
        .env("GOPROXY", format!("file://{},{}", root.join("build/package/go/proxy").display(), usual.trim()))
        .env("GONOSUMDB", MODULE)
        .env("GONOSUMCHECK", "1");
    Ok(go)
}

/// Builds the module with its library, as a file proxy serves it.
fn pack(root: &Path) -> Outcome {
    let out = root.join("build/package/go");
    let (module, proxy) = (out.join("module"), out.join("proxy"));
    empty(&module)?;
    empty(&proxy)?;
    let tracked = output_of(command(root, "git", &["ls-files", "bindings-go"]))?;
    for file in tracked.lines().filter_map(|file| file.strip_prefix("bindings-go/")).filter(|file| ships(file)) {
        copy(&root.join("bindings-go").join(file), &module.join(file))?;
    }
    place(root, &module)?;
    let pack = ["run", "./internal/pack", &shown(&module), MODULE, VERSION, &shown(&proxy)];
    quiet(go(root, &pack))
}

/// Neither tests nor tools of the repository go into the package.
fn ships(file: &str) -> bool {
    !file.ends_with("_test.go")
        && !file.starts_with("internal/pack/")
        && !file.starts_with("internal/conform/")
        && file != ".gitignore"
}

fn empty(folder: &Path) -> Outcome {
    if folder.exists() {
        writable(folder)?;
        fs::remove_dir_all(folder)?;
    }
    Ok(fs::create_dir_all(folder)?)
}

/// A module cache is read-only, which would keep it from being removed.
fn writable(folder: &Path) -> Outcome {
    quiet(command(folder, "chmod", &["-R", "u+w", "."]))
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn go(root: &Path, arguments: &[&str]) -> Command {
    let mut go = command(root, "go", arguments);
    go.current_dir(root.join("bindings-go"));
    go
}
