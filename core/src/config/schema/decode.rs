//! From a tree of values to options, and the words for what is wrong on the way.

use super::{Facts, Field, Kind, Table, Union};
use crate::config::node::{Data, Layer, Node};
use crate::config::suggest::nearest;
use crate::error::{ConfigCode, ConfigError};
use std::collections::BTreeMap;

/// A configuration error and the layer it was written in.
#[derive(Debug)]
pub struct Fault {
    pub error: ConfigError,
    pub layer: Option<Layer>,
}

impl Fault {
    pub fn new(code: ConfigCode, path: &str, reason: impl Into<String>) -> Fault {
        let error = ConfigError { code, path: path.to_owned(), reason: reason.into(), suggestion: None, source: None };
        Fault { error, layer: None }
    }

    #[must_use]
    pub fn suggest(mut self, name: Option<&str>) -> Fault {
        self.error.suggestion = name.map(str::to_owned);
        self
    }

    /// Who said it, where that is no layer.
    #[must_use]
    pub fn source(mut self, source: &str) -> Fault {
        self.error.source = Some(source.to_owned());
        self
    }

    #[must_use]
    pub fn layer(mut self, layer: Option<Layer>) -> Fault {
        self.layer = layer;
        self
    }
}

/// A value and its place.
pub struct At<'a> {
    pub node: &'a Node,
    pub path: &'a str,
}

impl At<'_> {
    pub fn fault(&self, code: ConfigCode, reason: impl Into<String>) -> Fault {
        Fault::new(code, self.path, reason).layer(Some(self.node.layer))
    }

    pub fn wrong_type(&self, wanted: &str) -> Fault {
        self.fault(ConfigCode::WrongType, format!("expected {wanted}, got {}", self.node.shown()))
    }
}

/// An option and who gave it; nobody did where the default stands.
#[derive(Clone, PartialEq, Debug)]
pub struct Given<T> {
    pub value: T,
    pub layer: Option<Layer>,
}

impl<T> Given<T> {
    pub fn is_given(&self) -> bool {
        self.layer.is_some()
    }
}

impl<T> std::ops::Deref for Given<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

pub trait Decode: Sized {
    const KIND: Kind;
    const OPTIONAL: bool = false;

    fn decode(at: &At<'_>, facts: &Facts) -> Result<Self, Fault>;

    /// The value of an option that nobody gave and that has no default.
    fn absent(path: &str) -> Result<Self, Fault> {
        Err(Fault::new(ConfigCode::Required, path, "is required"))
    }
}

impl<T: Decode> Decode for Option<T> {
    const KIND: Kind = T::KIND;
    const OPTIONAL: bool = true;

    fn decode(at: &At<'_>, facts: &Facts) -> Result<Self, Fault> {
        // `false` takes away what a lower layer gave; text stays text where text is wanted.
        if matches!(at.node.data, Data::Bool(false)) && !matches!(T::KIND, Kind::Bool | Kind::Scalar) {
            return Ok(None);
        }
        T::decode(at, facts).map(Some)
    }

    fn absent(_path: &str) -> Result<Self, Fault> {
        Ok(None)
    }
}

impl<T: Decode> Decode for Vec<T> {
    const KIND: Kind = Kind::List(&T::KIND);

    fn decode(at: &At<'_>, facts: &Facts) -> Result<Self, Fault> {
        let Data::List(items) = &at.node.data else { return Err(at.wrong_type("a list")) };
        let item = |(index, node): (usize, &Node)| {
            let path = if node.bare { at.path.to_owned() } else { format!("{}/{index}", at.path) };
            T::decode(&At { node, path: &path }, facts)
        };
        items.iter().enumerate().map(item).collect()
    }

    fn absent(_path: &str) -> Result<Self, Fault> {
        Ok(Vec::new())
    }
}

impl<T: Decode> Decode for BTreeMap<String, T> {
    const KIND: Kind = Kind::Map(&T::KIND);

    fn decode(at: &At<'_>, facts: &Facts) -> Result<Self, Fault> {
        let Data::Table(table) = &at.node.data else { return Err(at.wrong_type("a table")) };
        let entry = |(key, node): (&String, &Node)| {
            super::shared::check_entry(key, at.path).map_err(|fault| fault.layer(Some(node.layer)))?;
            let path = join(at.path, key);
            Ok((key.clone(), T::decode(&At { node, path: &path }, facts)?))
        };
        table.iter().map(entry).collect()
    }

    fn absent(_path: &str) -> Result<Self, Fault> {
        Ok(BTreeMap::new())
    }
}

/// A JSON pointer one step longer.
pub fn join(path: &str, key: &str) -> String {
    format!("{path}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// The names on the way of a JSON pointer: what [`join`] made longer, step by step.
pub fn steps(path: &str) -> Vec<String> {
    path.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~")).collect()
}

/// The options of a table, after those that do not exist are refused.
pub struct Fields<'a> {
    nodes: &'a BTreeMap<String, Node>,
    table: &'static Table,
    path: &'a str,
    layer: Layer,
}

impl<'a> Fields<'a> {
    pub fn open(at: &'a At<'_>, table: &'static Table, tagged: bool) -> Result<Fields<'a>, Fault> {
        let Data::Table(nodes) = &at.node.data else { return Err(at.wrong_type("a table")) };
        for (key, node) in nodes {
            if table.field(key).is_none() && !(tagged && key == "kind") {
                return Err(unknown_option(key, node, at.path, table));
            }
        }
        Ok(Fields { nodes, table, path: at.path, layer: at.node.layer })
    }

    pub fn take<T: Decode>(&self, name: &str) -> Result<Given<T>, Fault> {
        let field = self.table.field(name).expect("the struct and its table come from one list");
        let Some(node) = self.nodes.get(name) else {
            let path = join(self.path, name);
            let value = default_of(field, &path).map_err(|fault| self.complete(fault, field, &path))?;
            return Ok(Given { value, layer: None });
        };
        let path = if node.bare { self.path.to_owned() } else { join(self.path, name) };
        Ok(Given { value: T::decode(&At { node, path: &path }, &field.facts)?, layer: Some(node.layer) })
    }
}

impl Fields<'_> {
    /// A missing option: who left it out, and what it looks like.
    fn complete(&self, fault: Fault, field: &Field, path: &str) -> Fault {
        if fault.error.code != ConfigCode::Required || fault.error.path != path {
            return fault;
        }
        let example = field.facts.example.map(|example| match field.kind {
            Kind::Span | Kind::Name => format!(", for example `{} = \"{example}\"`", field.name),
            Kind::Map(_) => format!(", for example `{} = {{ {example} }}`", field.name),
            _ => format!(", for example `{} = {example}`", field.name),
        });
        let reason = format!("`{}` is required{}", field.name, example.unwrap_or_default());
        Fault::new(ConfigCode::Required, path, reason).layer(Some(self.layer))
    }
}

fn default_of<T: Decode>(field: &Field, path: &str) -> Result<T, Fault> {
    match field.facts.default {
        Some(text) => T::decode(&At { node: &literal(text, field.kind), path }, &field.facts),
        None => T::absent(path),
    }
}

/// A table or union of which nothing is given: its own defaults.
pub fn from_nothing<T: Decode>(path: &str) -> Result<T, Fault> {
    T::decode(&At { node: &Node::table(BTreeMap::new(), Layer::DEFAULT), path }, &Facts::NONE)
}

/// A default as the schema writes it.
pub fn literal(text: &str, kind: Kind) -> Node {
    let data = match kind {
        Kind::List(of) => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Data::List(items.map(|item| literal(item, *of)).collect())
        }
        Kind::Span | Kind::Name | Kind::Text | Kind::Choice(_) => Data::Text(text.to_owned()),
        Kind::Union(union) => {
            return Node::table([(union.short.to_owned(), literal(text, Kind::Text))].into(), Layer::DEFAULT);
        }
        _ => scalar(text),
    };
    Node { data, layer: Layer::DEFAULT, bare: false }
}

/// What text means where a boolean, a number or text may stand.
pub fn scalar(text: &str) -> Data {
    match text {
        "true" => Data::Bool(true),
        "false" => Data::Bool(false),
        _ => match (text.parse::<i128>(), text.parse::<f64>()) {
            (Ok(number), _) => Data::Integer(number),
            (_, Ok(number)) => Data::Float(number),
            _ => Data::Text(text.to_owned()),
        },
    }
}

fn unknown_option(key: &str, node: &Node, path: &str, table: &Table) -> Fault {
    let meant = nearest(key, table.fields.iter().map(|field| field.name)).or_else(|| alias(key, table));
    let mut reason = format!("`{}` is not an option here", clip(key));
    if meant.is_none() {
        let names: Vec<String> = table.fields.iter().map(|field| format!("`{}`", field.name)).collect();
        let there_are = if names.is_empty() { "there are none".to_owned() } else { names.join(", ") };
        reason = format!("{reason}; the options are: {there_are}");
    }
    Fault::new(ConfigCode::UnknownOption, &join(path, &clip(key)), reason).suggest(meant).layer(Some(node.layer))
}

fn alias(key: &str, table: &Table) -> Option<&'static str> {
    let knows = |field: &&Field| field.facts.alias.is_some_and(|names| nearest(key, names.split(',')).is_some());
    table.fields.iter().find(knows).map(|field| field.name)
}

/// Enough of a name to recognise it; the rest would drown the message.
pub fn clip(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Which variant a table is of.
pub fn kind_of(at: &At<'_>, union: &'static Union) -> Result<&'static str, Fault> {
    let Data::Table(nodes) = &at.node.data else { return Err(at.wrong_type("a table with `kind`")) };
    let Some(node) = nodes.get("kind") else { return kind_unsaid(nodes, at, union) };
    let path = if node.bare { at.path.to_owned() } else { join(at.path, "kind") };
    let names: Vec<&'static str> = union.variants.iter().map(|variant| variant.name).collect();
    choice(&At { node, path: &path }, &names)
}

/// No kind: the default, unless an option says that another one was meant.
fn kind_unsaid(nodes: &BTreeMap<String, Node>, at: &At<'_>, union: &'static Union) -> Result<&'static str, Fault> {
    let default = union.variant(union.default).expect("the default is one of the variants");
    for (key, node) in nodes {
        if default.table.field(key).is_some() {
            continue;
        }
        if let Some(other) = union.variants.iter().find(|variant| variant.table.field(key).is_some()) {
            let reason = format!("`{key}` needs `kind = \"{}\"` beside it", other.name);
            return Err(Fault::new(ConfigCode::Required, &join(at.path, "kind"), reason)
                .suggest(Some(other.name))
                .layer(Some(node.layer)));
        }
    }
    Ok(union.default)
}

/// The options of one variant; one of another variant is told apart from a misspelt one.
pub fn variant<T: VariantTable>(at: &At<'_>, union: &'static Union, word: &str) -> Result<T, Fault> {
    let table = union.variant(word).expect("the word is one of the variants").table;
    if let Data::Table(nodes) = &at.node.data
        && let Some((key, node)) = nodes.iter().find(|(key, _)| *key != "kind" && table.field(key).is_none())
        && let Some(owner) = union.variants.iter().find(|variant| variant.table.field(key).is_some())
    {
        let reason = format!("`{key}` is an option of the kind `{}`, not of `{word}`", owner.name);
        return Err(Fault::new(ConfigCode::UnknownOption, &join(at.path, key), reason).layer(Some(node.layer)));
    }
    T::from_fields(&Fields::open(at, table, true)?)
}

/// A table that can be one of several, so that `kind` may stand in it.
pub trait VariantTable: Sized {
    fn from_fields(fields: &Fields<'_>) -> Result<Self, Fault>;
}

/// One of a list of words.
pub fn choice(at: &At<'_>, words: &[&'static str]) -> Result<&'static str, Fault> {
    let listed = || words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    let Data::Text(text) = &at.node.data else { return Err(at.wrong_type(&format!("one of {}", listed()))) };
    words.iter().copied().find(|word| word == text).ok_or_else(|| {
        at.fault(ConfigCode::UnknownValue, format!("`{}` is not one of {}", clip(text), listed()))
            .suggest(nearest(text, words.iter().copied()))
    })
}
