//! The systems that Seawall replaces: every feature has a test that exists and ran, or may wait.

use crate::Outcome;
use std::fs;
use std::path::Path;

/// What may come later, and nothing else.
const LATER: [&str; 6] = [
    "OpenTelemetry",
    "Grafana",
    "alerts",
    "coloured log lines",
    "the command-line reset",
    "gRPC and framework adapters",
];

struct Feature {
    system: String,
    text: String,
    /// File and name of its test.
    here: Option<(String, String)>,
    later: Option<String>,
}

/// Every `here` names a test that is there, every `later` is allowed, and the page is up to date.
pub fn check(root: &Path) -> Outcome {
    let features = read(root)?;
    for feature in &features {
        let place = format!("tests/adoption/features.toml: {} ({})", feature.text, feature.system);
        match (&feature.here, &feature.later) {
            (Some((file, test)), None) => {
                let path = root.join("tests/adoption").join(file);
                let source = fs::read_to_string(&path).map_err(|error| format!("{place}: {file}: {error}"))?;
                let names = [format!("func {test}("), format!("def {test}("), format!("fn {test}(")];
                if !names.iter().any(|name| source.contains(name)) {
                    return Err(format!("{place}: {file} has no test {test}").into());
                }
            }
            (None, Some(word)) if LATER.contains(&word.as_str()) => {}
            (None, Some(word)) => return Err(format!("{place}: `{word}` may not wait").into()),
            _ => return Err(format!("{place}: either `here` or `later`").into()),
        }
    }
    if fs::read_to_string(root.join("docs/adoption.md")).unwrap_or_default() != page(&features) {
        return Err("docs/adoption.md is not what features.toml says; run: cargo xtask gen".into());
    }
    Ok(())
}

/// Writes the page that maps features to tests.
pub fn write(root: &Path) -> Outcome {
    Ok(fs::write(root.join("docs/adoption.md"), page(&read(root)?))?)
}

/// Every `here` of a file below `folder` is among the names that a run printed as passed.
pub fn ran(root: &Path, folder: &str, passed: &[&str]) -> Outcome {
    for feature in read(root)? {
        if let Some((file, test)) = feature.here
            && file.starts_with(folder)
            && !passed.contains(&test.as_str())
        {
            return Err(format!("{}: {file}::{test} did not run", feature.text).into());
        }
    }
    Ok(())
}

fn read(root: &Path) -> Result<Vec<Feature>, Box<dyn std::error::Error>> {
    let text = fs::read_to_string(root.join("tests/adoption/features.toml"))?;
    let mut features = Vec::new();
    for table in text.split("[[feature]]").skip(1) {
        let value = |key: &str| {
            let line = table.lines().find_map(|line| line.strip_prefix(key)?.trim_start().strip_prefix('='))?;
            Some(line.trim().trim_matches('"').to_owned())
        };
        let here = value("here").map(|here| {
            let (file, test) = here.split_once("::").unwrap_or((&here, ""));
            (file.to_owned(), test.to_owned())
        });
        features.push(Feature {
            system: value("system").ok_or("features.toml: a feature without its system")?,
            text: value("feature").ok_or("features.toml: a feature without words")?,
            here,
            later: value("later"),
        });
    }
    if features.is_empty() { Err("features.toml lists no feature".into()) } else { Ok(features) }
}

fn page(features: &[Feature]) -> String {
    let mut page = String::from(
        "<!-- Generated from tests/adoption/features.toml; do not edit. Make it anew with: cargo xtask gen -->\n\n\
         # What Seawall replaces\n\n\
         Each line is a feature of a system that exists, and the test in `tests/adoption/` that shows it.\n",
    );
    let mut system = "";
    for feature in features {
        if feature.system != system {
            system = &feature.system;
            page.push_str(&format!("\n## System {system}\n\n| feature | test |\n|---|---|\n"));
        }
        let proof = match (&feature.here, &feature.later) {
            (Some((file, test)), _) => format!("`{file}` `{test}`"),
            (None, later) => format!("later: {}", later.as_deref().unwrap_or_default()),
        };
        page.push_str(&format!("| {} | {proof} |\n", feature.text));
    }
    page
}
