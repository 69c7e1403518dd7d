//! The C archive: header, static and shared library, pkg-config file; unpacked into an empty prefix,
//! where the quick start of its page is built against it and run.

use super::library::{self, Kind, VERSION};
use crate::Outcome;
use crate::steps::{command, output_of, quiet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub fn run(root: &Path) -> Outcome {
    let out = root.join("build/package/c");
    if out.exists() {
        fs::remove_dir_all(&out)?;
    }
    let name = format!("seawall-c-{VERSION}-linux-x86_64");
    lay_out(root, &out.join(&name))?;
    let archive = out.join(format!("{name}.tar.gz"));
    let mut pack = command(&out, "tar", &["-czf"]);
    pack.arg(&archive).arg(&name);
    quiet(pack)?;

    let prefix = out.join("prefix");
    fs::create_dir_all(&prefix)?;
    let mut unpack = command(&prefix, "tar", &["--strip-components=1", "-xzf"]);
    unpack.arg(&archive);
    quiet(unpack)?;
    let program = quick_start(root, &out)?;
    for linked in [linked_shared, linked_static] {
        let built = linked(&out, &prefix, &program)?;
        let mut run = Command::new(built);
        run.env("LD_LIBRARY_PATH", prefix.join("lib"));
        let said = output_of(run)?;
        if said.trim() != "identity is resting" {
            return Err(format!("the quick start said something else:\n{said}").into());
        }
    }
    Ok(())
}

fn lay_out(root: &Path, to: &Path) -> Outcome {
    let lib = library::build(root, Kind::Release)?;
    for folder in ["include", "lib/pkgconfig", "share/doc/seawall"] {
        fs::create_dir_all(to.join(folder))?;
    }
    let mut copy = command(&lib, "cp", &["-d"]);
    for entry in fs::read_dir(&lib)? {
        copy.arg(entry?.path());
    }
    copy.arg(to.join("lib"));
    quiet(copy)?;
    fs::copy(root.join("bindings-c/include/seawall.h"), to.join("include/seawall.h"))?;
    fs::copy(root.join("bindings-c/README.md"), to.join("share/doc/seawall/README.md"))?;
    fs::copy(root.join("bindings-c/examples/protect.c"), to.join("share/doc/seawall/protect.c"))?;
    let template = fs::read_to_string(root.join("bindings-c/seawall.pc.in"))?;
    Ok(fs::write(to.join("lib/pkgconfig/seawall.pc"), template.replace("@VERSION@", VERSION))?)
}

fn quick_start(root: &Path, out: &Path) -> Result<PathBuf, Box<dyn std::error::Error>> {
    let page = fs::read_to_string(root.join("bindings-c/README.md"))?;
    let program = page.split("```c\n").nth(1).and_then(|rest| rest.split("```").next());
    let path = out.join("quick_start.c");
    fs::write(&path, program.ok_or("bindings-c/README.md has no quick start")?)?;
    Ok(path)
}

/// What pkg-config says, from this prefix alone.
fn flags(prefix: &Path, arguments: &[&str]) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let mut ask = command(prefix, "pkg-config", arguments);
    ask.arg("seawall").env("PKG_CONFIG_LIBDIR", prefix.join("lib/pkgconfig")).env_remove("PKG_CONFIG_PATH");
    Ok(output_of(ask)?.split_whitespace().map(str::to_owned).collect())
}

fn linked_shared(out: &Path, prefix: &Path, source: &Path) -> Result<PathBuf, Box<dyn std::error::Error>> {
    let program = out.join("shared");
    let mut cc = command(out, "cc", &["-std=c11", "-Wall", "-Wextra", "-Werror"]);
    cc.arg(source).arg("-o").arg(&program).args(flags(prefix, &["--cflags", "--libs"])?);
    quiet(cc)?;
    let mut needed = command(out, "readelf", &["-d"]);
    needed.arg(&program);
    if output_of(needed)?.contains("libseawall.so.") {
        Ok(program)
    } else {
        Err("not linked to the shared library".into())
    }
}

fn linked_static(out: &Path, prefix: &Path, source: &Path) -> Result<PathBuf, Box<dyn std::error::Error>> {
    let program = out.join("static");
    let mut cc = command(out, "cc", &["-std=c11", "-Wall", "-Wextra", "-Werror"]);
    cc.arg(source).arg("-o").arg(&program).args(flags(prefix, &["--cflags"])?);
    // The linker prefers the shared library of a folder that has both.
    let libraries = flags(prefix, &["--libs", "--static"])?;
    cc.args(libraries.iter().map(|flag| if flag == "-lseawall" { "-l:libseawall.a" } else { flag }));
    quiet(cc)?;
    let mut needed = command(out, "readelf", &["-d"]);
    needed.arg(&program);
    if output_of(needed)?.contains("libseawall") { Err("not linked to the static library".into()) } else { Ok(program) }
}
