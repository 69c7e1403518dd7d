//! A value and the layer it came from, so that an error can say who wrote it.

use super::value::Value;
use std::collections::BTreeMap;

/// Who gave a value: an index into the list of sources of one resolution. Higher wins.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Layer(pub u16);

impl Layer {
    pub const DEFAULT: Layer = Layer(0);
    pub const PRESET: Layer = Layer(1);
    pub const FILE: Layer = Layer(2);
    pub const CODE: Layer = Layer(3);
    /// The first environment variable; the others follow.
    pub const ENVIRONMENT: Layer = Layer(4);
}

#[derive(Clone, PartialEq, Debug)]
pub enum Data {
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Table(BTreeMap<String, Node>),
}

#[derive(Clone, PartialEq, Debug)]
pub struct Node {
    pub data: Data,
    pub layer: Layer,
    /// Written in the short form: its place is that of the table around it.
    pub bare: bool,
}

impl Node {
    pub fn table(table: BTreeMap<String, Node>, layer: Layer) -> Node {
        Node { data: Data::Table(table), layer, bare: false }
    }

    pub fn text(text: &str, layer: Layer) -> Node {
        Node { data: Data::Text(text.to_owned()), layer, bare: false }
    }

    /// The tree of one layer; what is null was not written.
    pub fn of(value: &Value, layer: Layer) -> Option<Node> {
        let data = match value {
            Value::Null => return None,
            Value::Bool(v) => Data::Bool(*v),
            Value::Integer(v) => Data::Integer(*v),
            Value::Float(v) => Data::Float(*v),
            Value::Text(v) => Data::Text(v.clone()),
            Value::List(items) => Data::List(items.iter().filter_map(|item| Node::of(item, layer)).collect()),
            Value::Table(table) => {
                let entry = |(key, value): (&String, &Value)| Some((key.clone(), Node::of(value, layer)?));
                Data::Table(table.iter().filter_map(entry).collect())
            }
        };
        Some(Node { data, layer, bare: false })
    }

    pub fn get(&self, key: &str) -> Option<&Node> {
        match &self.data {
            Data::Table(table) => table.get(key),
            _ => None,
        }
    }

    pub fn is_table(&self) -> bool {
        matches!(self.data, Data::Table(_))
    }

    /// What it is, in the words of an error message.
    pub fn shown(&self) -> String {
        let clip = super::schema::decode::clip;
        match &self.data {
            Data::Bool(v) => format!("`{v}`"),
            Data::Integer(v) => format!("the number {v}"),
            Data::Float(v) => format!("the number {v}"),
            Data::Text(v) => format!("the text \"{}\"", clip(v)),
            Data::List(_) => "a list".to_owned(),
            Data::Table(_) => "a table".to_owned(),
        }
    }
}
