//! The C tests: each noun under the sanitizers and under valgrind, C++, two Rust libraries, the example.

use super::library::{self, Kind};
use crate::Outcome;
use crate::steps::{command, output_of, quiet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const WARNINGS: [&str; 6] = ["-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-pedantic", "-Werror"];
const LIBRARIES: [&str; 4] = ["-lgcc_s", "-lpthread", "-lm", "-ldl"];
const SANITIZERS: [&str; 3] = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"];

pub fn run(root: &Path) -> Outcome {
    every_function_meets_null(root)?;
    every_function_says_its_words(root)?;
    let lib = library::build(root, Kind::Test)?;
    let out = root.join("build/c/tests");
    fs::create_dir_all(&out)?;
    let tests = sources(&root.join("bindings-c/tests"))?;
    if tests.is_empty() {
        return Err("bindings-c/tests has no tests".into());
    }
    for source in &tests {
        let name = source.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let checked = compile(root, source, &out.join(format!("{name}.asan")), &lib, &SANITIZERS)?;
        tell(Command::new(checked))?;
        let plain = compile(root, source, &out.join(&name), &lib, &[])?;
        under_valgrind(root, &plain)?;
    }
    let armed = [&SANITIZERS[..], &["-DARMED"]].concat();
    let null = root.join("bindings-c/tests/null.c");
    tell(Command::new(compile(root, &null, &out.join("null.armed"), &lib, &armed)?))?;
    cpp(root, &lib, &out)?;
    beside(root, &lib, &out)?;
    example(root, &lib, &out)
}

fn sources(folder: &Path) -> Result<Vec<PathBuf>, Box<dyn std::error::Error>> {
    let mut found: Vec<PathBuf> = fs::read_dir(folder)?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "c"))
        .collect();
    found.sort();
    Ok(found)
}

fn compile(
    root: &Path,
    source: &Path,
    to: &Path,
    lib: &Path,
    flags: &[&str],
) -> Result<PathBuf, Box<dyn std::error::Error>> {
    let mut cc = command(root, "cc", &WARNINGS);
    cc.args(["-g", "-O1", "-I"]).arg(root.join("bindings-c/include")).args(flags).arg(source).arg("-o").arg(to);
    cc.arg(lib.join("libseawall.a")).args(LIBRARIES);
    quiet(cc)?;
    Ok(to.to_path_buf())
}

/// Runs a test and shows the line that says how much it checked.
fn tell(test: Command) -> Outcome {
    let shown = format!("{test:?}");
    let text = output_of(test)?;
    let line = text.lines().find(|line| line.ends_with(" checks")).ok_or_else(|| format!("{shown} checked nothing"))?;
    println!("        {line}");
    Ok(())
}

fn under_valgrind(root: &Path, test: &Path) -> Outcome {
    let arguments = [
        "-q",
        "--error-exitcode=97",
        "--leak-check=full",
        "--errors-for-leak-kinds=definite",
        "--child-silent-after-fork=yes",
    ];
    let mut valgrind = command(root, "valgrind", &arguments);
    valgrind.arg(test);
    match output_of(valgrind) {
        Ok(_) => Ok(()),
        Err(error) if has_valgrind(root) => Err(error),
        Err(_) => Err("valgrind is missing: apt-get install valgrind".into()),
    }
}

fn has_valgrind(root: &Path) -> bool {
    output_of(command(root, "valgrind", &["--version"])).is_ok()
}

fn cpp(root: &Path, lib: &Path, out: &Path) -> Outcome {
    let program = out.join("twice");
    let mut cxx = command(root, "c++", &["-std=c++11", "-Wall", "-Wextra", "-Werror", "-I"]);
    cxx.arg(root.join("bindings-c/include")).arg(root.join("bindings-c/tests/twice.cc")).arg("-o").arg(&program);
    cxx.arg(lib.join("libseawall.a")).args(LIBRARIES);
    quiet(cxx)?;
    tell(Command::new(program))
}

/// A second Rust static library in the same program, with everything that both bring along.
fn beside(root: &Path, lib: &Path, out: &Path) -> Outcome {
    let other = out.join("libother.a");
    let mut rustc = command(root, "rustc", &["--edition=2024", "--crate-type=staticlib", "--crate-name=other", "-o"]);
    rustc.arg(&other).arg(root.join("bindings-c/tests/beside/other.rs"));
    quiet(rustc)?;
    let program = out.join("beside");
    let mut cc = command(root, "cc", &WARNINGS);
    cc.arg("-I").arg(root.join("bindings-c/include")).arg(root.join("bindings-c/tests/beside/main.c"));
    cc.arg("-o").arg(&program).arg(lib.join("libseawall.a")).arg(other).args(LIBRARIES);
    quiet(cc)?;
    tell(Command::new(program))
}

fn example(root: &Path, lib: &Path, out: &Path) -> Outcome {
    let program = compile(root, &root.join("bindings-c/examples/protect.c"), &out.join("protect"), lib, &[])?;
    let text = output_of(Command::new(program))?;
    let wanted = "attempt 1: failed\nattempt 2: failed\nattempt 3: ok\nthe user is ada\nthe circuit is open; the user is somebody\n";
    if text == wanted { Ok(()) } else { Err(format!("the C example printed\n{text}").into()) }
}

/// Every function that takes a pointer is called with NULL in `null.c`.
fn every_function_meets_null(root: &Path) -> Outcome {
    let header = fs::read_to_string(root.join("bindings-c/include/seawall.h"))?;
    let test = fs::read_to_string(root.join("bindings-c/tests/null.c"))?;
    let mut functions = 0;
    for declaration in header.split(';') {
        let text: String = declaration.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        let Some((head, arguments)) = text.split_once('(') else { continue };
        let Some(name) = head.split([' ', '*']).next_back().filter(|name| name.starts_with("seawall_")) else {
            continue;
        };
        functions += 1;
        if arguments.contains('*') && !test.contains(&format!("{name}(")) {
            return Err(format!("bindings-c/tests/null.c does not call {name} with NULL").into());
        }
    }
    if functions < 60 { Err(format!("only {functions} functions found in seawall.h").into()) } else { Ok(()) }
}

/// Every comment in the header says who owns what, which threads may call, and which statuses come.
fn every_function_says_its_words(root: &Path) -> Outcome {
    let header = fs::read_to_string(root.join("bindings-c/include/seawall.h"))?;
    let mut comment = String::new();
    for line in header.lines() {
        if let Some(words) = line.strip_prefix("//") {
            comment.push_str(&words.to_lowercase());
            continue;
        }
        let is_function = line.contains("seawall_") && line.contains('(') && !line.starts_with(['#', ' ', '/']);
        let missing = ["owns", "threads", "statuses"].into_iter().find(|word| !comment.contains(word));
        if let (true, Some(missing)) = (is_function, missing) {
            return Err(format!("seawall.h does not say `{missing}` of {line}").into());
        }
        comment.clear();
    }
    Ok(())
}
