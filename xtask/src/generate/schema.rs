//! `docs/seawall.schema.json`: what an editor needs to help with a configuration file.

use super::{Entry, NOTICE, comment, tables, words};
use seawall::config::schema::{Field, Kind, Table, Union};
use serde_json::{Map, Value, json};

pub fn render() -> Result<String, serde_json::Error> {
    let mut definitions = Map::new();
    definitions.insert("duration".into(), duration());
    for entry in tables() {
        let value = match entry {
            Entry::Table(table) => table_schema(table, None),
            Entry::Union(union) => union_schema(union),
            Entry::Choices(choices) => {
                let words: Vec<&str> = choices.values.iter().map(|(word, _)| *word).collect();
                json!({"description": self::words(choices.doc), "enum": words})
            }
        };
        definitions.insert(entry.name().to_owned(), value);
    }
    let root = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$comment": NOTICE,
        "title": "Seawall",
        "$ref": "#/$defs/File",
        "$defs": definitions,
    });
    Ok(serde_json::to_string_pretty(&root)? + "\n")
}

fn duration() -> Value {
    json!({
        "description": "A length of time with its unit: 250ms, 30s, 1m30s.",
        "type": "string",
        "pattern": "^\\+?(([0-9]+(\\.[0-9]*)?|\\.[0-9]+) *(ns|us|µs|μs|ms|s|m|h))+$",
    })
}

/// `kind` is the word that tells the table apart, and whether it has to be there.
fn table_schema(table: &Table, kind: Option<(&str, bool)>) -> Value {
    let mut properties = Map::new();
    let mut required: Vec<&str> = Vec::new();
    if let Some((word, is_required)) = kind {
        properties.insert("kind".into(), json!({"const": word}));
        required.extend(is_required.then_some("kind"));
    }
    for field in table.fields {
        properties.insert(field.name.to_owned(), field_schema(field));
    }
    let mut schema = json!({
        "description": words(table.doc),
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    let Some(short) = table.short_field() else { return schema };
    json!({"anyOf": [schema, field_schema(short)]})
}

fn union_schema(union: &Union) -> Value {
    let variants = union.variants.iter();
    let mut any: Vec<Value> = variants
        .map(|variant| table_schema(variant.table, Some((variant.name, variant.name != union.default))))
        .collect();
    let words: Vec<&str> = union.variants.iter().map(|variant| variant.name).collect();
    any.push(if union.short == "kind" { json!({"enum": words}) } else { json!({"type": "string", "minLength": 1}) });
    if let Some((kind, option)) = union.short_list {
        let field = union.variant(kind).and_then(|variant| variant.table.field(option));
        any.extend(field.map(field_schema));
    }
    json!({"description": self::words(union.doc), "anyOf": any})
}

fn field_schema(field: &Field) -> Value {
    let mut schema = kind_schema(field.kind, field);
    if field.optional && !matches!(field.kind, Kind::Scalar) {
        let is_table = matches!(field.kind, Kind::Table(_) | Kind::Union(_));
        let switch = if is_table { json!({"type": "boolean"}) } else { json!({"const": false}) };
        schema = json!({"anyOf": [schema, switch]});
    }
    schema["description"] = json!(comment(field));
    schema
}

fn kind_schema(kind: Kind, field: &Field) -> Value {
    let number = |text: Option<&str>| text.and_then(|text| serde_json::from_str::<Value>(text).ok());
    let ranged = |kind: &str, low: Option<&str>, high: Option<&str>| {
        let mut schema = json!({"type": kind});
        let ends = [
            ("exclusiveMinimum", number(field.facts.above)),
            ("minimum", number(field.facts.min.or(low).filter(|_| field.facts.above.is_none()))),
            ("maximum", number(field.facts.max.or(high))),
        ];
        for (name, end) in ends {
            if let Some(end) = end {
                schema[name] = end;
            }
        }
        schema
    };
    let reference = |name: &str| json!({"$ref": format!("#/$defs/{name}")});
    match kind {
        Kind::Bool => json!({"type": "boolean"}),
        Kind::Integer => ranged("integer", Some("0"), None),
        Kind::Float => ranged("number", None, None),
        Kind::Rate => ranged("number", Some("0"), Some("1")),
        Kind::Span => reference("duration"),
        Kind::Name => json!({"type": "string", "minLength": 1, "maxLength": 128}),
        Kind::Text => json!({"type": "string"}),
        Kind::Scalar => json!({"type": ["boolean", "number", "string"]}),
        Kind::Choice(choices) => reference(choices.name),
        Kind::Table(table) => reference(table.name),
        Kind::Union(union) => reference(union.name),
        Kind::List(of) => {
            let item = kind_schema(*of, field);
            let list = json!({"type": "array", "items": item});
            // One may stand where several may.
            if matches!(of, Kind::Table(_) | Kind::Choice(_)) { json!({"anyOf": [list, item]}) } else { list }
        }
        Kind::Map(of) => json!({"type": "object", "additionalProperties": kind_schema(*of, field)}),
    }
}
