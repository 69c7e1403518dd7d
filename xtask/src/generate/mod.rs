//! Everything that is made from the core's list of options and codes: the reference page, the JSON
//! Schema, and types and lists for each language. Plain functions of the list; no template engine.

mod codes;
mod docs;
mod golang;
mod python;
mod schema;
mod typescript;

use crate::Outcome;
use seawall::config::schema::{Field, Kind, Table};
use std::fs;
use std::path::Path;

/// Writes what is not up to date, or with `check` says which files are not.
pub fn run(root: &Path, check: bool) -> Outcome {
    let files = [
        ("docs/configuration.md", docs::render()),
        ("docs/seawall.schema.json", schema::render()?),
        ("bindings-python/python/seawall/_config.py", python::render()),
        ("bindings-python/python/seawall/_codes.py", codes::python()),
        ("bindings-node/lib/generated/config.ts", typescript::render()),
        ("bindings-node/lib/generated/codes.ts", codes::typescript()),
        ("bindings-go/config_gen.go", golang::render()),
    ];
    let mut stale = Vec::new();
    for (name, fresh) in files {
        let path = root.join(name);
        if fs::read_to_string(&path).unwrap_or_default() == fresh {
            continue;
        }
        if check {
            stale.push(name);
            continue;
        }
        let folder = path.parent().unwrap_or(root);
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        fs::write(&path, fresh).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    match stale.as_slice() {
        [] => Ok(()),
        stale => Err(format!("not what the core says: {}; run: cargo xtask gen", stale.join(", ")).into()),
    }
}

/// What a reader should know of the file, without the comment signs of its language.
const NOTICE: &str = "Generated from core/src/config/schema; do not edit. Make it anew with: cargo xtask gen";

/// Every table that is reached from the root, in the order of first mention, each once; the tables of a
/// union come as its variants.
fn tables() -> Vec<Entry> {
    let mut found = Vec::new();
    visit(Kind::Table(seawall::config::ROOT), &mut found);
    found
}

#[derive(Copy, Clone)]
enum Entry {
    Table(&'static Table),
    Union(&'static seawall::config::schema::Union),
    Choices(&'static seawall::config::schema::Choices),
}

impl Entry {
    fn name(&self) -> &'static str {
        match self {
            Entry::Table(table) => table.name,
            Entry::Union(union) => union.name,
            Entry::Choices(choices) => choices.name,
        }
    }
}

fn visit(kind: Kind, found: &mut Vec<Entry>) {
    let entry = match kind {
        Kind::Table(table) => Entry::Table(table),
        Kind::Union(union) => Entry::Union(union),
        Kind::Choice(choices) => Entry::Choices(choices),
        Kind::List(of) | Kind::Map(of) => return visit(*of, found),
        _ => return,
    };
    if found.iter().any(|other| other.name() == entry.name()) {
        return;
    }
    found.push(entry);
    let fields: Vec<&Field> = match entry {
        Entry::Table(table) => table.fields.iter().collect(),
        Entry::Union(union) => union.variants.iter().flat_map(|variant| variant.table.fields).collect(),
        Entry::Choices(_) => Vec::new(),
    };
    for field in fields {
        visit(field.kind, found);
    }
}

/// A comment of one line.
fn words(doc: &str) -> String {
    doc.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The default in words, as it stands in a comment.
fn default_words(field: &Field) -> Option<String> {
    match (field.facts.otherwise, field.facts.default) {
        (Some(otherwise), _) => Some(otherwise.replace('`', "")),
        (None, Some(default)) => Some(default.to_owned()),
        (None, None) => None,
    }
}

/// A comment that says what the option is and what holds without it.
fn comment(field: &Field) -> String {
    let doc = words(field.doc);
    match default_words(field) {
        Some(default) => format!("{doc} Default: {default}."),
        None => doc,
    }
}

fn options_name(table: &Table) -> String {
    format!("{}Options", table.name)
}

/// What may be an item of a list of tables, and stand in place of the list: the table, or a bare value.
fn item(table: &Table, kind_type: fn(Kind) -> String) -> String {
    let kinds = [Some(options_name(table)), table.short_field().map(|short| kind_type(short.kind))];
    kinds.into_iter().flatten().collect::<Vec<_>>().join(" | ")
}
