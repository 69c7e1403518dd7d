//! Layers on top of each other: first every short form is written out, then tables are merged option by option.

use super::node::{Data, Node};
use super::schema::{Field, Kind, Table, Union};
use std::collections::BTreeMap;

/// Writes out the short forms, so that `open_for = "30s"` of one layer merges with `open_for.cap` of another.
pub(crate) fn write_out(node: Node, kind: Kind, optional: bool) -> Node {
    let switched_on = optional && matches!(node.data, Data::Bool(true));
    match kind {
        Kind::Table(_) | Kind::Union(_) if switched_on => Node::table(BTreeMap::new(), node.layer),
        Kind::Table(table) => write_out_table(node, table),
        Kind::Union(union) => write_out_union(node, union),
        Kind::List(of) => match (node.data, *of) {
            (Data::List(items), of) => {
                let items = items.into_iter().map(|item| write_out(item, of, false)).collect();
                Node { data: Data::List(items), ..Node::text("", node.layer) }
            }
            // One where several may stand.
            (data @ (Data::Table(_) | Data::Text(_)), of) => {
                let only = Node { data, layer: node.layer, bare: true };
                Node { data: Data::List(vec![write_out(only, of, false)]), layer: node.layer, bare: node.bare }
            }
            (data, _) => Node { data, ..Node::text("", node.layer) },
        },
        Kind::Map(of) => match node.data {
            Data::Table(entries) => {
                let entries = entries.into_iter().map(|(key, value)| (key, write_out(value, *of, false)));
                Node { data: Data::Table(entries.collect()), layer: node.layer, bare: node.bare }
            }
            data => Node { data, layer: node.layer, bare: node.bare },
        },
        _ => node,
    }
}

fn write_out_table(node: Node, table: &Table) -> Node {
    match (node.data, table.short) {
        (Data::Table(fields), _) => {
            let fields = fields.into_iter().map(|(key, value)| each(key, value, |key| table.field(key)));
            Node { data: Data::Table(fields.collect()), layer: node.layer, bare: node.bare }
        }
        (Data::Bool(off), _) => Node { data: Data::Bool(off), layer: node.layer, bare: node.bare },
        (data, Some(short)) => {
            let value = Node { data, layer: node.layer, bare: true };
            let (key, value) = each(short.to_owned(), value, |key| table.field(key));
            Node { data: Data::Table([(key, value)].into()), layer: node.layer, bare: node.bare }
        }
        (data, None) => Node { data, layer: node.layer, bare: node.bare },
    }
}

fn write_out_union(node: Node, union: &Union) -> Node {
    let layer = node.layer;
    let data = match (node.data, union.short_list) {
        (Data::Table(fields), _) => {
            let fields = fields.into_iter().map(|(key, value)| each(key, value, |key| union.field(key)));
            Data::Table(fields.collect())
        }
        (data @ Data::Text(_), _) => Data::Table([(union.short.to_owned(), Node { data, layer, bare: true })].into()),
        (data @ Data::List(_), Some((kind, option))) => {
            let kind = Node { bare: true, ..Node::text(kind, layer) };
            Data::Table([("kind".to_owned(), kind), (option.to_owned(), Node { data, layer, bare: true })].into())
        }
        (data, _) => data,
    };
    Node { data, layer, bare: node.bare }
}

fn each<'a>(key: String, value: Node, field: impl Fn(&str) -> Option<&'a Field>) -> (String, Node) {
    let value = match field(&key) {
        Some(field) => write_out(value, field.kind, field.optional),
        None => value,
    };
    (key, value)
}

/// Puts `over` on top of `base`. A table of another kind replaces the one below it.
pub(crate) fn merge(base: Node, over: Node, kind: Kind) -> Node {
    let layer = base.layer.max(over.layer);
    match (base.data, over.data, kind) {
        (Data::Table(below), Data::Table(above), kind) => {
            if let Kind::Union(union) = kind {
                let said = above.get("kind").map(|node| &node.data);
                let default = Data::Text(union.default.to_owned());
                let was = below.get("kind").map_or(&default, |node| &node.data);
                if said.is_some_and(|said| said != was) {
                    return Node { data: Data::Table(above), layer, bare: over.bare };
                }
            }
            Node { data: Data::Table(merge_fields(below, above, kind)), layer, bare: over.bare }
        }
        (_, data, _) => Node { data, layer: over.layer, bare: over.bare },
    }
}

fn merge_fields(
    mut below: BTreeMap<String, Node>,
    above: BTreeMap<String, Node>,
    kind: Kind,
) -> BTreeMap<String, Node> {
    for (key, value) in above {
        let of = match kind {
            Kind::Table(table) => table.field(&key).map(|field| field.kind),
            Kind::Union(union) => union.field(&key).map(|field| field.kind),
            Kind::Map(of) => Some(*of),
            _ => None,
        };
        let merged = match (below.remove(&key), of) {
            (Some(base), Some(of)) => merge(base, value, of),
            _ => value,
        };
        below.insert(key, merged);
    }
    below
}
