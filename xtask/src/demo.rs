//! The demo: three services on the packages that ship, walked through an outage.

use crate::steps::{Step, command, quiet, run_all};
use crate::{Outcome, golang, node, python, tools};
use std::fs;
use std::path::{Path, PathBuf};

pub fn run(root: &Path) -> Outcome {
    fs::create_dir_all(root.join("build/demo"))?;
    run_all(
        root,
        vec![
            Step::new("toolchains", tools::check),
            Step::new("agent: a virtual environment with the wheel, FastAPI and httpx", agent),
            Step::new("front: the npm tarball, Fastify and undici; TypeScript checked and compiled", front),
            Step::new("gateway: the Go module from its proxy, compiled; identity and director", gateway),
        ],
    )?;
    println!();
    direct(root)
}

fn agent(root: &Path) -> Outcome {
    python::service(root, &root.join("build/demo/venv"), "demo/agent/requirements.lock").map(drop)
}

fn front(root: &Path) -> Outcome {
    let home = root.join("build/demo/front");
    fs::create_dir_all(&home)?;
    for file in ["front.ts", "package.json", "package-lock.json", "tsconfig.json"] {
        fs::copy(root.join("demo/front").join(file), home.join(file))?;
    }
    let npm = |arguments: &[&str]| quiet(command(&home, "npm", arguments));
    npm(&["ci", "--silent", "--no-audit", "--no-fund"])?;
    let tarball = node::pack(root, &home)?;
    npm(&["install", "--silent", "--no-audit", "--no-fund", "--no-save", &text(&tarball)])?;
    npm(&["exec", "--", "tsc", "--project", "."])
}

fn gateway(root: &Path) -> Outcome {
    let home = root.join("build/demo/go");
    if home.exists() {
        fs::remove_dir_all(&home)?;
    }
    quiet(command(root, "cp", &["-r", "demo/go", &text(&home)]))?;
    golang::add_packaged(root, &home)?;
    let bin = text(&root.join("build/demo/bin"));
    fs::create_dir_all(&bin)?;
    quiet(golang::packaged(root, &home, &["build", "-o", &bin, "./cmd/..."])?)
}

fn direct(root: &Path) -> Outcome {
    let build = root.join("build/demo");
    let logs = build.join("logs");
    let _ = fs::remove_dir_all(&logs);
    fs::create_dir_all(&logs)?;
    let bin = |name: &str| text(&build.join("bin").join(name));
    let agent = format!("{} {}", text(&build.join("venv/bin/python")), text(&root.join("demo/agent/agent.py")));
    let front = format!("node {}", text(&build.join("front/dist/front.js")));
    let mut director = command(root, &bin("director"), &[]);
    director
        .args(["--identity", &bin("identity"), "--gateway", &bin("gateway"), "--agent", &agent, "--front", &front])
        .args(["--config", "demo/seawall.toml", "--report", "build/demo/report.html"])
        .args(["--charts", &text(&build.join("front/node_modules/uplot/dist")), "--logs", &text(&logs)]);
    match director.status()?.success() {
        true => Ok(()),
        false => Err("the outage did not stay where it began".into()),
    }
}

fn text(path: &Path) -> String {
    PathBuf::from(path).display().to_string()
}
