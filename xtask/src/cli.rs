//! The command `seawall`: as a wheel and as an npm package, each installed and run.

use crate::Outcome;
use crate::steps::{command, output_of, quiet};
use std::fs;
use std::path::{Path, PathBuf};

/// The binary, built for users.
pub fn binary(root: &Path) -> Result<PathBuf, Box<dyn std::error::Error>> {
    quiet(command(root, "cargo", &["build", "-q", "--release", "-p", "seawall-cli"]))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    Ok(target.join("release/seawall"))
}

pub fn package(root: &Path) -> Outcome {
    let binary = binary(root)?;
    answers(root, &wheel(root)?)?;
    answers(root, &npm(root, &binary)?)
}

fn wheel(root: &Path) -> Result<PathBuf, Box<dyn std::error::Error>> {
    let wheel = crate::python::wheel_of(root, "cli", "build/package/cli-wheel")?;
    let home = root.join("build/package/cli-venv");
    quiet(command(root, "python3", &["-m", "venv", "--clear", &home.to_string_lossy()]))?;
    let python = home.join("bin/python").to_string_lossy().into_owned();
    quiet(command(root, &python, &["-m", "pip", "install", "--quiet", "--no-index", &wheel]))?;
    Ok(home.join("bin/seawall"))
}

fn npm(root: &Path, binary: &Path) -> Result<PathBuf, Box<dyn std::error::Error>> {
    let place = root.join("build/package/cli-npm");
    let _ = fs::remove_dir_all(&place);
    let staged = place.join("staged");
    fs::create_dir_all(staged.join("bin"))?;
    for file in ["package.json", "README.md"] {
        fs::copy(root.join("cli").join(file), staged.join(file))?;
    }
    fs::copy(binary, staged.join("bin/seawall"))?;
    let mut pack = command(root, "npm", &["pack", "--silent", "--pack-destination", &place.to_string_lossy()]);
    pack.current_dir(&staged);
    let tarball = output_of(pack)?.trim().to_owned();
    let home = place.join("home");
    fs::create_dir_all(&home)?;
    fs::write(home.join("package.json"), "{}")?;
    let tarball = place.join(tarball).to_string_lossy().into_owned();
    quiet(command(&home, "npm", &["install", "--silent", "--no-audit", "--no-fund", &tarball]))?;
    Ok(home.join("node_modules/.bin/seawall"))
}

/// The installed command reads a configuration, and its exit status tells a good one from a bad one.
fn answers(root: &Path, seawall: &Path) -> Outcome {
    let seawall = seawall.to_string_lossy();
    let good = output_of(command(root, &seawall, &["check", "demo/seawall.toml"]))?;
    if !good.contains("no errors") {
        return Err(format!("`seawall check` said {good}").into());
    }
    let bad = root.join("build/package/bad.toml");
    fs::write(&bad, "[policy.db.breaker]\nfailure_rat = 0.5\n")?;
    let output = command(root, &seawall, &["check", &bad.to_string_lossy()]).output()?;
    let words = String::from_utf8_lossy(&output.stderr);
    if output.status.code() != Some(4) || !words.contains("did you mean `failure_rate`?") {
        return Err(format!("`seawall check` ended with {} and said {words}", output.status).into());
    }
    Ok(())
}
