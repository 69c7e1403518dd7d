//! `docs/configuration.md`: every option with its meaning, default, range and an example.

use super::{Entry, NOTICE, tables, words};
use seawall::config::Preset;
use seawall::config::schema::{Choices, Field, Kind, Table, Union};

const TOP: &str = "\
# Configuration

One file for every language, mostly `seawall.toml`, found through `SEAWALL_CONFIG` or loaded by its path. Code gives the same options in its own notation, the environment as `SEAWALL_<NAME>_<PART>_<OPTION>` (upper case, `_` for every other character; nested options go on with `_`; a list is given whole, as in the file). What comes later wins, option by option: preset, file, code, environment.

```toml
[policy.identity]
preset = \"production\"

[policy.identity.breaker]
window = { kind = \"count\", size = 50 }
failure_rate = 0.5
open_for = { base = \"15s\", factor = 2.0, cap = \"2m\" }

[policy.identity.retry]
attempts = 3
backoff = { kind = \"exponential\", base = \"50ms\", cap = \"2s\" }
budget = \"shared\"

[policy.identity.timeout]
attempt = \"800ms\"
deadline = \"2s\"

[policy.identity.fallback]
chain = [\"cached\", \"fail_closed\"]

[budget.shared]
kind = \"ratio\"
share = 0.1

[operation]
llm = \"90s\"
```

A duration is text with a unit: `ns`, `us`, `ms`, `s`, `m`, `h` (`\"250ms\"`, `\"1m30s\"`); a bare number is an error. A rate is a share between 0 and 1. A part that is `true` has its defaults; `false` takes away a part or an option that a preset or the file gave. `SEAWALL_ENABLED=false` turns every policy into a plain call; a word that is no switch is an error of each policy that is made.

A mistake is reported when the policy is made, with its place (`/policy/identity/retry/backoff/cap`), a code, the nearest right name and the layer that said it.

In Rust a policy with a breaker takes at most 1,088 bytes with the default window, handle and all; a count window adds 8 for each failure that it can look back at (400 with a rate of 0.5 of 100 calls), a time window 32 for each slice. The second thread that calls it adds 448 for the lines of up to eight writers. Policies whose settings are equal share them; settings other than those of the policy made before are some 800 bytes more. What it takes in each language is measured in [performance](performance.md#rust).
";

pub fn render() -> String {
    let mut page = format!("<!-- {NOTICE} -->\n\n{TOP}\n## Presets\n\n");
    for preset in Preset::ALL {
        page += &format!("`{}`\n\n```toml\n[policy.NAME]\n{}```\n\n", preset.as_str(), preset.text());
    }
    for entry in tables() {
        page += &match entry {
            Entry::Table(table) => a_table(table),
            Entry::Union(union) => a_union(union),
            Entry::Choices(choices) => a_choice(choices),
        };
    }
    page.truncate(page.trim_end().len());
    page + "\n"
}

fn a_table(table: &Table) -> String {
    let mut part = format!("## {}\n\n{}\n", table.name, words(table.doc));
    if let Some(short) = table.short {
        part += &format!("\nShort form: a bare value is `{short}`.\n");
    }
    part + &options(table)
}

fn a_union(union: &Union) -> String {
    let mut part =
        format!("## {}\n\n{} Its `kind` is `{}` where none is given.\n", union.name, words(union.doc), union.default);
    part += &format!("\nShort form: bare text is `{}`", union.short);
    if let Some((kind, option)) = union.short_list {
        part += &format!("; a bare list is `{option}` of the kind `{kind}`");
    }
    part += ".\n";
    for variant in union.variants {
        part += &format!("\n### `kind = \"{}\"`\n\n{}\n", variant.name, words(variant.table.doc));
        if !variant.table.fields.is_empty() {
            part += &options(variant.table);
            part.truncate(part.trim_end().len());
            part += "\n";
        }
    }
    part + "\n"
}

fn a_choice(choices: &Choices) -> String {
    let mut part = format!("## {}\n\n{}\n\n| word | meaning |\n|---|---|\n", choices.name, words(choices.doc));
    for (word, doc) in choices.values {
        part += &format!("| `{word}` | {doc} |\n");
    }
    part + "\n"
}

fn options(table: &Table) -> String {
    let mut part = "\n| option | meaning | value | default | range | example |\n|---|---|---|---|---|---|\n".to_owned();
    for field in table.fields {
        let cells =
            [format!("`{}`", field.name), words(field.doc), value(field), default(field), range(field), example(field)];
        part += &format!("| {} |\n", cells.map(|cell| cell.replace('|', "\\|")).join(" | "));
    }
    part + "\n"
}

fn value(field: &Field) -> String {
    let kind = kind_words(field.kind);
    if field.optional && !matches!(field.kind, Kind::Scalar | Kind::Bool) {
        format!("{kind}, or `false`")
    } else {
        kind
    }
}

fn kind_words(kind: Kind) -> String {
    let link = |name: &str| format!("[{name}](#{})", name.to_lowercase());
    match kind {
        Kind::Bool => "`true` or `false`".into(),
        Kind::Integer => "whole number".into(),
        Kind::Float => "number".into(),
        Kind::Rate => "rate".into(),
        Kind::Span => "duration".into(),
        Kind::Name | Kind::Text => "text".into(),
        Kind::Scalar => "boolean, number or text".into(),
        Kind::Choice(choices) => link(choices.name),
        Kind::Table(table) => link(table.name),
        Kind::Union(union) => link(union.name),
        Kind::List(of) => format!("list of {}", kind_words(*of)),
        Kind::Map(of) => format!("table of {}", kind_words(*of)),
    }
}

fn default(field: &Field) -> String {
    match (field.facts.otherwise, field.facts.default) {
        (Some(otherwise), _) => otherwise.to_owned(),
        (None, Some(default)) => format!("`{default}`"),
        (None, None) if field.optional => "none".into(),
        (None, None) if matches!(field.kind, Kind::Table(_) | Kind::Union(_)) => "its defaults".into(),
        (None, None) if matches!(field.kind, Kind::List(_) | Kind::Map(_)) => "empty".into(),
        (None, None) => "required".into(),
    }
}

fn range(field: &Field) -> String {
    let facts = field.facts;
    let default_ends = match field.kind {
        Kind::Rate => (Some("0"), Some("1")),
        Kind::Name => return "1 to 128 bytes".into(),
        _ => (None, None),
    };
    let low =
        facts.above.map(|end| format!("above {end}")).or(facts.min.or(default_ends.0).map(|end| format!("from {end}")));
    let high = facts.max.or(default_ends.1).map(|end| format!("to {end}"));
    [low, high].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn example(field: &Field) -> String {
    let Some(text) = field.facts.example.or(field.facts.default) else {
        return match field.kind {
            Kind::Table(_) if field.optional => format!("`{} = true`", field.name),
            _ => String::new(),
        };
    };
    let quoted = |text: &str| format!("\"{text}\"");
    let shown = match field.kind {
        Kind::Span | Kind::Name | Kind::Text | Kind::Choice(_) => quoted(text),
        Kind::Scalar if text.parse::<f64>().is_err() && text != "true" => quoted(text),
        Kind::List(of) => {
            let is_text = matches!(of, Kind::Span | Kind::Choice(_) | Kind::Name);
            let items = text.split(", ").map(|item| if is_text { quoted(item) } else { item.to_owned() });
            format!("[{}]", items.collect::<Vec<_>>().join(", "))
        }
        Kind::Map(_) => format!("{{ {text} }}"),
        _ => text.to_owned(),
    };
    format!("`{} = {shown}`", field.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use seawall::config::{Document, Environment, Layers, resolve};

    /// Every example of the page, in its place of a file.
    fn examples(kind: Kind, header: &str, beside: &str, found: &mut Vec<String>) {
        let (table, path) = match kind {
            Kind::Table(table) => (table, header.to_owned()),
            Kind::List(Kind::Table(table)) => (*table, format!("[{header}]")),
            Kind::Union(union) => {
                for variant in union.variants {
                    let kind = format!("kind = \"{}\"\n", variant.name);
                    examples(Kind::Table(variant.table), header, &kind, found);
                }
                return;
            }
            _ => return,
        };
        for field in table.fields {
            let example = example(field);
            if !example.is_empty() {
                found.push(format!("[{path}]\n{beside}{}\n", example.trim_matches('`')));
            }
            if !matches!(field.kind, Kind::List(_)) {
                examples(field.kind, &format!("{header}.{}", field.name), "", found);
            }
        }
    }

    #[test]
    fn every_example_is_accepted_in_its_place() {
        let mut found = Vec::new();
        examples(Kind::Table(&seawall::config::schema::Policy::TABLE), "policy.identity", "", &mut found);
        assert!(found.len() > 80, "only {} examples", found.len());
        for text in found {
            if let Err(error) = Document::parse_toml(&text, "example") {
                panic!("{error}:\n{text}");
            }
        }
    }

    #[test]
    fn the_file_of_the_page_gives_a_policy() {
        let file = TOP.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        let document = Document::parse_toml(file, "page").unwrap();
        let environment = Environment::empty();
        let layers = Layers { preset: None, file: Some(&document), code: None, environment: &environment };
        let policy = resolve(&layers, Some("identity")).unwrap();
        assert!(policy.breaker.is_some() && policy.retry.unwrap().budget.is_some());
    }
}
