//! The toolchains a fresh clone needs, and how to get one that is missing.

use crate::Outcome;
use crate::steps::{command, output_of};
use std::path::Path;

struct Tool {
    program: &'static str,
    arguments: &'static [&'static str],
    at_least: (u32, u32),
    install: &'static str,
}

const TOOLS: [Tool; 10] = [
    Tool { program: "rustc", arguments: &["--version"], at_least: (1, 88), install: "rustup toolchain install stable" },
    Tool {
        program: "cargo",
        arguments: &["clippy", "--version"],
        at_least: (0, 1),
        install: "rustup component add clippy rustfmt",
    },
    Tool { program: "cc", arguments: &["-dumpfullversion"], at_least: (10, 0), install: "apt-get install gcc" },
    Tool { program: "c++", arguments: &["-dumpfullversion"], at_least: (10, 0), install: "apt-get install g++" },
    Tool { program: "objcopy", arguments: &["--version"], at_least: (2, 29), install: "apt-get install binutils" },
    Tool { program: "valgrind", arguments: &["--version"], at_least: (3, 15), install: "apt-get install valgrind" },
    Tool { program: "pkg-config", arguments: &["--version"], at_least: (0, 29), install: "apt-get install pkg-config" },
    Tool {
        program: "python3",
        arguments: &["--version"],
        at_least: (3, 11),
        install: "apt-get install python3 python3-venv",
    },
    Tool {
        program: "node",
        arguments: &["--version"],
        at_least: (20, 19),
        install: "see nodejs.org, or your distribution's nodejs package",
    },
    Tool {
        program: "go",
        arguments: &["version"],
        at_least: (1, 24),
        install: "see go.dev, or your distribution's golang package",
    },
];

/// Every tool that is missing or too old is named, all at once.
pub fn check(root: &Path) -> Outcome {
    let missing: Vec<String> = TOOLS.iter().filter_map(|tool| problem(root, tool)).collect();
    if missing.is_empty() { Ok(()) } else { Err(missing.join("\n").into()) }
}

fn problem(root: &Path, tool: &Tool) -> Option<String> {
    let (major, minor) = tool.at_least;
    let Ok(text) = output_of(command(root, tool.program, tool.arguments)) else {
        return Some(format!("{} is missing: {}", tool.program, tool.install));
    };
    match version(&text) {
        Some(found) if found >= tool.at_least => None,
        found => Some(format!("{} must be {major}.{minor} or later, found {found:?}: {}", tool.program, tool.install)),
    }
}

/// The first `N.N` in a text.
fn version(text: &str) -> Option<(u32, u32)> {
    text.split(|c: char| !c.is_ascii_digit() && c != '.').find_map(|word| {
        let mut numbers = word.split('.').map(|number| number.parse().ok());
        Some((numbers.next()??, numbers.next()??))
    })
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn finds_the_version_in_what_tools_print() {
        assert_eq!(version("go version go1.26.8 linux/amd64"), Some((1, 26)));
        assert_eq!(version("v20.20.2"), Some((20, 20)));
        assert_eq!(version("rustc 1.95.0 (59807616e 2026-04-14)"), Some((1, 95)));
        assert_eq!(version("none"), None);
    }
}
