//! `bindings-python/python/seawall/_config.py`: a `TypedDict` for every table.

use super::{Entry, NOTICE, comment, item, options_name, tables, words};
use seawall::config::schema::{Field, Kind, Table};

const TOP: &str = "\
\"\"\"Types of configurations: the shape of one `[policy.NAME]` table, part by part.\"\"\"

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Literal, Required, TypedDict, Union

#: A length of time: seconds, a `timedelta`, or text with its unit (`\"250ms\"`, `\"30s\"`); plain data takes text only.
Duration = Union[float, timedelta, str]
";

pub fn render() -> String {
    let mut page = format!("# {NOTICE}\n{TOP}");
    // Aliases are read from top to bottom: what is used comes first.
    for entry in tables().into_iter().rev() {
        page += &match entry {
            Entry::Table(table) => class(table, None),
            Entry::Union(union) => {
                let mut part = String::new();
                for variant in union.variants {
                    let kind = match variant.name == union.default {
                        true => format!("Literal[\"{}\"]", variant.name),
                        false => format!("Required[Literal[\"{}\"]]", variant.name),
                    };
                    part += &class(variant.table, Some(&kind));
                }
                let mut names: Vec<String> = union.variants.iter().map(|variant| options_name(variant.table)).collect();
                names.push(match union.short {
                    "kind" => literal(union.variants.iter().map(|variant| variant.name)),
                    _ => "str".to_owned(),
                });
                names.extend(union.short_list.map(|_| "Sequence[Duration]".to_owned()));
                let names: String = names.iter().map(|name| format!("    {name},\n")).collect();
                part + &format!("\n#: {}\n{}Options = Union[\n{names}]\n", words(union.doc), union.name)
            }
            Entry::Choices(choices) => {
                let list = literal(choices.values.iter().map(|(word, _)| *word));
                format!("\n#: {}\n{}Word = {list}\n", words(choices.doc), choices.name)
            }
        };
    }
    page
}

fn literal<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let words: Vec<String> = words.map(|word| format!("\"{word}\"")).collect();
    format!("Literal[{}]", words.join(", "))
}

fn class(table: &Table, kind: Option<&str>) -> String {
    let mut part =
        format!("\n\nclass {}(TypedDict, total=False):\n    \"\"\"{}\"\"\"\n", options_name(table), words(table.doc));
    if let Some(kind) = kind {
        part += &format!("\n    kind: {kind}\n");
    }
    for field in table.fields {
        part += &format!("\n    {}: {}\n    \"\"\"{}\"\"\"\n", field.name, field_type(field), comment(field));
    }
    part
}

fn field_type(field: &Field) -> String {
    let mut kinds = vec![kind_type(field.kind)];
    if let Kind::Table(inner) = field.kind
        && let Some(short) = inner.short_field()
    {
        kinds.push(kind_type(short.kind));
    }
    if field.optional && !matches!(field.kind, Kind::Scalar) {
        let is_table = matches!(field.kind, Kind::Table(_) | Kind::Union(_));
        kinds.push(if is_table { "bool".into() } else { "Literal[False]".into() });
    }
    kinds.join(" | ")
}

fn kind_type(kind: Kind) -> String {
    match kind {
        Kind::Bool => "bool".into(),
        Kind::Integer => "int".into(),
        Kind::Float | Kind::Rate => "float".into(),
        Kind::Span => "Duration".into(),
        Kind::Name | Kind::Text => "str".into(),
        Kind::Scalar => "bool | int | float | str".into(),
        Kind::Choice(choices) => format!("{}Word", choices.name),
        Kind::Table(table) => options_name(table),
        Kind::Union(union) => format!("{}Options", union.name),
        Kind::List(Kind::Table(table)) => {
            let item = item(table, kind_type);
            format!("Sequence[{item}] | {item}")
        }
        Kind::List(of) => format!("Sequence[{}]", kind_type(*of)),
        Kind::Map(of) => format!("Mapping[str, {}]", kind_type(*of)),
    }
}
