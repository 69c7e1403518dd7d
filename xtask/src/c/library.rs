//! The static library as one object whose only global symbols are `seawall_*`, so that it links
//! beside any other Rust library; and the shared one made of it.

use crate::Outcome;
use crate::steps::{command, output_of, quiet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Which library: the one that ships, or the one for tests, which can be told to panic.
#[derive(Copy, Clone, PartialEq, Eq)]
pub enum Kind {
    Release,
    Test,
}

pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Builds `libseawall.a` and `libseawall.so.VERSION` with its links; returns their folder.
pub fn build(root: &Path, kind: Kind) -> Result<PathBuf, Box<dyn std::error::Error>> {
    let (folder, profile, features): (_, _, &[&str]) = match kind {
        Kind::Release => ("lib", "release", &["--release"]),
        Kind::Test => ("test-lib", "debug", &["--features", "panic-hook"]),
    };
    let target = root.join("target").join(if kind == Kind::Test { "c-test" } else { "c" });
    let mut cargo = command(root, "cargo", &["build", "-q", "-p", "seawall-c", "--target-dir"]);
    cargo.arg(&target).args(features);
    quiet(cargo)?;
    let built = target.join(profile).join("libseawall_c.a");
    let out = root.join("build/c").join(folder);
    fs::create_dir_all(&out)?;
    let archive = out.join("libseawall.a");
    if !is_newer(&built, &archive) {
        return Ok(out);
    }
    one_object(root, &built, &out)?;
    only_ours(root, &archive)?;
    shared(root, &archive, &out)?;
    Ok(out)
}

/// Compiles one source file, at its quickest, with the library that ships linked in.
pub fn link(root: &Path, source: &Path, program: &Path) -> Outcome {
    let library = build(root, Kind::Release)?;
    let mut cc = compiler(root, source);
    cc.args(["-O2", "-g", "-o"]).arg(program).arg(library.join("libseawall.a"));
    cc.args(["-lgcc_s", "-lpthread", "-lm", "-ldl"]);
    quiet(cc)
}

/// The compiler with our header and every warning, on one source file.
pub fn compiler(root: &Path, source: &Path) -> Command {
    let mut cc = command(root, "cc", &["-std=c11", "-Wall", "-Wextra", "-Werror", "-I", "bindings-c/include"]);
    cc.arg(source);
    cc
}

fn is_newer(built: &Path, made: &Path) -> bool {
    let time = |path: &Path| fs::metadata(path).and_then(|data| data.modified()).ok();
    time(made).is_none_or(|made| time(built).is_none_or(|built| built >= made))
}

/// Groups are dissolved: the linker keeps one of a name in a program, and a group of ours whose symbols
/// are local would take that of the other library's place.
fn one_object(root: &Path, built: &Path, out: &Path) -> Outcome {
    let object = out.join("seawall.o");
    let mut link = command(root, "ld", &["-r", "--force-group-allocation", "--whole-archive"]);
    link.arg(built).arg("-o").arg(&object);
    quiet(link)?;
    let mut localise = command(
        root,
        "objcopy",
        &[
            "--wildcard",
            "--keep-global-symbol=seawall_*",
            "--strip-debug",
            "--remove-section=.llvmbc",
            "--remove-section=.llvmcmd",
        ],
    );
    localise.arg(&object);
    quiet(localise)?;
    let archive = out.join("libseawall.a");
    let _ = fs::remove_file(&archive);
    let mut pack = command(root, "ar", &["rcs"]);
    pack.arg(&archive).arg(&object);
    quiet(pack)?;
    Ok(fs::remove_file(object)?)
}

/// No global symbol is defined but ours.
fn only_ours(root: &Path, archive: &Path) -> Outcome {
    let mut list = command(root, "nm", &["--defined-only", "--extern-only", "--format=posix"]);
    list.arg(archive);
    let text = output_of(list)?;
    let names: Vec<&str> =
        text.lines().filter_map(|line| line.split(' ').next()).filter(|n| !n.ends_with(':')).collect();
    let ours = names.iter().filter(|name| name.starts_with("seawall_")).count();
    match names.iter().find(|name| !name.is_empty() && !name.starts_with("seawall_")) {
        Some(stray) => Err(format!("libseawall.a has the global symbol {stray}").into()),
        None if ours == 0 => Err("libseawall.a has no symbols".into()),
        None => Ok(()),
    }
}

fn shared(root: &Path, archive: &Path, out: &Path) -> Outcome {
    let major = VERSION.split('.').next().unwrap_or("0");
    let (soname, file) = (format!("libseawall.so.{major}"), format!("libseawall.so.{VERSION}"));
    let mut link = command(root, "cc", &["-shared", "-Wl,--whole-archive"]);
    link.arg(archive).args(["-Wl,--no-whole-archive", "-Wl,--no-undefined"]).arg(format!("-Wl,-soname,{soname}"));
    link.arg("-o").arg(out.join(&file)).args(["-lgcc_s", "-lpthread", "-lm", "-ldl", "-lc"]);
    quiet(link)?;
    for name in [soname, "libseawall.so".to_owned()] {
        let place = out.join(name);
        let _ = fs::remove_file(&place);
        std::os::unix::fs::symlink(&file, place)?;
    }
    Ok(())
}
