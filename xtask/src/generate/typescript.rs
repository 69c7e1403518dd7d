//! `bindings-node/lib/generated/config.ts`: an interface for every table. A bare number is no duration
//! there: it does not type-check.

use super::{Entry, NOTICE, comment, item, options_name, tables, words};
use seawall::config::schema::{Field, Kind, Table};

const TOP: &str = "
/** A length of time with its unit: `'250ms'`, `'30s'`. */
export type Duration = `${number}${'ns' | 'us' | 'ms' | 's' | 'm' | 'h'}`;
";

pub fn render() -> String {
    let mut page = format!("// {NOTICE}\n{TOP}");
    for entry in tables() {
        page += &match entry {
            Entry::Table(table) => interface(table, None),
            Entry::Union(union) => {
                let mut part = String::new();
                for variant in union.variants {
                    let kind =
                        format!("kind{}: '{}'", if variant.name == union.default { "?" } else { "" }, variant.name);
                    part += &interface(variant.table, Some(&kind));
                }
                let mut names: Vec<String> = union.variants.iter().map(|variant| options_name(variant.table)).collect();
                names.extend(match union.short {
                    "kind" => union.variants.iter().map(|variant| format!("'{}'", variant.name)).collect(),
                    _ => vec!["string".to_owned()],
                });
                names.extend(union.short_list.map(|_| "readonly Duration[]".to_owned()));
                part + &format!(
                    "\n/** {} */\nexport type {}Options =\n  | {};\n",
                    words(union.doc),
                    union.name,
                    names.join("\n  | ")
                )
            }
            Entry::Choices(choices) => {
                let names: Vec<String> = choices.values.iter().map(|(word, _)| format!("'{word}'")).collect();
                format!(
                    "\n/** {} */\nexport type {} = {};\n",
                    words(choices.doc),
                    choice_name(choices.name),
                    names.join(" | ")
                )
            }
        };
    }
    page
}

/// `State` and its like are words of the public API already.
fn choice_name(name: &str) -> String {
    format!("{name}Word")
}

fn interface(table: &Table, kind: Option<&str>) -> String {
    let mut part = format!("\n/** {} */\nexport interface {} {{\n", words(table.doc), options_name(table));
    if let Some(kind) = kind {
        part += &format!("  {kind};\n");
    }
    for field in table.fields {
        part += &format!("  /** {} */\n  {}?: {};\n", comment(field), field.name, field_type(field, table));
    }
    part + "}\n"
}

fn field_type(field: &Field, table: &Table) -> String {
    let mut kind = kind_type(field.kind);
    // The short form of a table is its main option.
    if let Kind::Table(inner) = field.kind
        && let Some(short) = inner.short_field()
    {
        kind = format!("{kind} | {}", kind_type(short.kind));
    }
    let is_table = matches!(field.kind, Kind::Table(_) | Kind::Union(_));
    match (field.optional && !matches!(field.kind, Kind::Scalar) && table.name != "File", is_table) {
        (true, true) => format!("{kind} | boolean"),
        (true, false) => format!("{kind} | false"),
        _ => kind,
    }
}

fn kind_type(kind: Kind) -> String {
    match kind {
        Kind::Bool => "boolean".into(),
        Kind::Integer | Kind::Float | Kind::Rate => "number".into(),
        Kind::Span => "Duration".into(),
        Kind::Name | Kind::Text => "string".into(),
        Kind::Scalar => "boolean | number | string".into(),
        Kind::Choice(choices) => choice_name(choices.name),
        Kind::Table(table) => options_name(table),
        Kind::Union(union) => format!("{}Options", union.name),
        Kind::List(Kind::Table(table)) => {
            let item = item(table, kind_type);
            format!("readonly ({item})[] | {item}")
        }
        Kind::List(of) => format!("readonly {}[]", kind_type(*of)),
        Kind::Map(of) => format!("Readonly<Record<string, {}>>", kind_type(*of)),
    }
}
