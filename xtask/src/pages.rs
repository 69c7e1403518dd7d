//! What is printed in a page is what was run: a snippet is a program that some step executes, or an
//! excerpt of one in the same language, or a configuration that loads.

use crate::Outcome;
use crate::steps::{command, output_of};
use std::fs;
use std::path::Path;

/// A fenced block of a page.
struct Block {
    language: String,
    text: String,
    line: usize,
}

/// Pages whose programs a step runs: the language, and how many of its blocks from the top.
const RUN: [(&str, &str, usize); 5] = [
    // `cargo test` runs the programs of the core's page, the tests of the npm package those of its own,
    // `cargo xtask package` the others.
    ("core/README.md", "rust", usize::MAX),
    ("bindings-python/README.md", "python", usize::MAX),
    ("bindings-node/README.md", "js", usize::MAX),
    ("bindings-go/README.md", "go", 1),
    ("bindings-c/README.md", "c", 1),
];

/// Every snippet of every page of the repository.
pub fn check(root: &Path) -> Outcome {
    let mut programs = Vec::new();
    for (page, language, count) in RUN {
        let run = blocks(root, page)?.into_iter().filter(|block| block.language == language).take(count);
        let before = programs.len();
        programs.extend(run.map(|block| (page, block)));
        if programs.len() == before {
            return Err(format!("{page} has no program in {language}").into());
        }
    }
    let pages = output_of(command(root, "git", &["ls-files", "--cached", "--others", "--exclude-standard", "*.md"]))?;
    for page in pages.lines().filter(|page| root.join(page).exists()) {
        for block in blocks(root, page)? {
            judge(page, &block, &programs).map_err(|what| format!("{page}:{}: {what}", block.line))?;
        }
    }
    Ok(())
}

fn judge(page: &str, block: &Block, programs: &[(&str, Block)]) -> Result<(), String> {
    // Where TypeScript is written without types it is JavaScript.
    let language = if block.language == "ts" { "js" } else { &block.language };
    match language {
        "toml" => {
            seawall::run::check(&block.text).map_err(|error| format!("this configuration does not load: {error}"))
        }
        "json" => serde_json::from_str(&block.text).map(|_: serde_json::Value| ()).map_err(|error| error.to_string()),
        "rust" | "python" | "js" | "go" | "c" => {
            let is_program = |(own, program): &(&str, Block)| *own == page && program.line == block.line;
            let is_excerpt = |(_, program): &(&str, Block)| program.language == language && contains(program, block);
            match programs.iter().any(|program| is_program(program) || is_excerpt(program)) {
                true => Ok(()),
                false => Err(format!("no step runs this; make it an excerpt of a program in {language} that one runs")),
            }
        }
        // Commands for a shell, sketches.
        "sh" | "" | "text" => Ok(()),
        other => Err(format!("nobody runs snippets in `{other}`")),
    }
}

/// Whether the excerpt's lines are lines of the program, in their order; indentation aside.
fn contains(program: &Block, excerpt: &Block) -> bool {
    let mut lines = program.text.lines().map(str::trim);
    excerpt.text.lines().map(str::trim).filter(|line| !line.is_empty()).all(|line| lines.any(|own| own == line))
}

fn blocks(root: &Path, page: &str) -> Result<Vec<Block>, Box<dyn std::error::Error>> {
    let text = fs::read_to_string(root.join(page)).map_err(|error| format!("{page}: {error}"))?;
    let mut found: Vec<Block> = Vec::new();
    let mut inside = false;
    for (number, line) in text.lines().enumerate() {
        match (line.strip_prefix("```"), inside) {
            (Some(language), false) => {
                found.push(Block { language: language.trim().to_owned(), text: String::new(), line: number + 1 });
                inside = true;
            }
            (Some(_), true) => inside = false,
            (None, true) => {
                if let Some(block) = found.last_mut() {
                    block.text += line;
                    block.text.push('\n');
                }
            }
            (None, false) => {}
        }
    }
    Ok(found)
}

const FROM: &str = "<!-- measured -->\n";
const TO: &str = "<!-- /measured -->";

/// `exactness`: what time windows miss on a real clock, measured and written into its page.
pub fn exactness(root: &Path) -> Outcome {
    let test = ["test", "-q", "-p", "seawall", "--test", "real_clock", "--", "--nocapture"];
    let output = output_of(command(root, "cargo", &test))?;
    let table: String = output.lines().filter(|line| line.starts_with('|')).map(|line| format!("{line}\n")).collect();
    let path = root.join("docs/exactness.md");
    let page = fs::read_to_string(&path)?;
    let (before, rest) = page.split_once(FROM).ok_or("docs/exactness.md has no place for the table")?;
    let (_, after) = rest.split_once(TO).ok_or("docs/exactness.md has no end of the table")?;
    print!("{table}");
    Ok(fs::write(path, format!("{before}{FROM}{table}{TO}{after}"))?)
}
