//! The environment as a layer: `SEAWALL_<NAME>_<PART>_<OPTION>`.

use super::merge::{merge, write_out};
use super::node::{Data, Layer, Node};
use super::schema::decode::{Fault, clip, join, scalar};
use super::schema::{Field, Kind, Policy, Table};
use super::suggest::nearest;
use crate::error::{ConfigCode, ConfigError};
use std::collections::BTreeMap;

const PREFIX: &str = "SEAWALL_";
/// Whether policies protect at all.
pub(crate) const ENABLED: &str = "SEAWALL_ENABLED";
/// Whether calls may pass without asking; else each asks, for comparison.
pub(crate) const GATE: &str = "SEAWALL_GATE";
const ON: &[&str] = &["true", "on", "yes", "1"];
const OFF: &[&str] = &["false", "off", "no", "0"];
/// The switches of the process, what a mistake in one is called, and the words for on and off.
const SWITCHES: [(&str, &str, [&[&str]; 2]); 2] =
    [(ENABLED, "/enabled", [ON, OFF]), (GATE, "/gate", [&["on"], &["off"]])];

/// The variables that begin with `SEAWALL_`, read once.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Environment {
    variables: BTreeMap<String, String>,
}

/// What the environment says about one policy: its tree, and the variable each layer stands for.
pub(crate) struct Overlay {
    pub tree: Option<Node>,
    pub variables: Vec<String>,
}

impl Environment {
    /// No variables.
    pub fn empty() -> Environment {
        Environment::default()
    }

    /// Those of this process, as they are now.
    pub fn from_process() -> Environment {
        let text = |os: std::ffi::OsString| os.to_string_lossy().into_owned();
        std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect()
    }

    /// The value of a variable.
    pub fn get(&self, variable: &str) -> Option<&str> {
        self.variables.get(variable).map(String::as_str)
    }

    /// Takes a variable away; `false` if there is none.
    pub(super) fn remove(&mut self, variable: &str) -> bool {
        self.variables.remove(variable).is_some()
    }

    /// Whether a switch of the process is on: it is where nothing says otherwise.
    pub(crate) fn is_on(&self, switch: &str) -> bool {
        !OFF.contains(&self.switch(switch).as_str())
    }

    fn switch(&self, switch: &str) -> String {
        let text = self.get(switch).unwrap_or_default();
        // The gate's is read by each language too, as it stands.
        if switch == GATE { text.to_owned() } else { text.trim().to_ascii_lowercase() }
    }

    /// That nobody believes to have thrown a switch by a misspelt word.
    pub(crate) fn check_switches(&self) -> Result<(), Fault> {
        for (switch, path, [on, off]) in SWITCHES {
            let text = self.switch(switch);
            let mut words = on.iter().chain(off).copied();
            if !text.is_empty() && !words.clone().any(|word| word == text) {
                let reason = format!("`{}` is neither `{}` nor `{}`", clip(&text), on[0], off[0]);
                let meant = nearest(&text, &mut words);
                return Err(Fault::new(ConfigCode::UnknownValue, path, reason).suggest(meant).source(switch));
            }
        }
        Ok(())
    }

    /// Whether any variable speaks of the policy.
    pub fn mentions(&self, policy: &str) -> bool {
        let prefix = prefix(policy);
        let root = Kind::Table(&Policy::TABLE);
        self.starting_with(&prefix).any(|(_, rest, _)| !readings(root, rest).is_empty())
    }

    /// A variable that speaks of this policy and as well of another: the error that says so.
    pub fn check_clash(&self, policy: &str, others: &[&str]) -> Result<(), ConfigError> {
        let others: Vec<&str> = others.iter().copied().filter(|other| *other != policy).collect();
        let root = Kind::Table(&Policy::TABLE);
        for (variable, rest, _) in self.starting_with(&prefix(policy)) {
            if readings(root, rest).is_empty() {
                continue;
            }
            if let Some(rival) = others.iter().find(|other| claims(variable, other, &prefix(policy), false)) {
                return Err(clash(variable, policy, rival, &join("/policy", policy)).error);
            }
        }
        Ok(())
    }

    fn starting_with<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str, &'a str)> {
        let rest = move |(name, value): (&'a String, &'a String)| {
            name.strip_prefix(prefix).filter(|rest| !rest.is_empty()).map(|rest| (name.as_str(), rest, value.as_str()))
        };
        self.variables.iter().filter_map(rest)
    }

    /// `others` are the names of the other policies, so that no variable is read for two of them.
    pub(crate) fn overlay(&self, policy: &str, others: &[&str], path: &str) -> Result<Overlay, Fault> {
        let own = prefix(policy);
        let mut overlay = Overlay { tree: None, variables: Vec::new() };
        let root = Kind::Table(&Policy::TABLE);
        for (variable, rest, value) in self.starting_with(&own) {
            let found = readings(root, rest);
            let rival = others.iter().find(|other| claims(variable, other, &own, found.is_empty()));
            if let Some(rival) = rival {
                if found.is_empty() {
                    continue;
                }
                return Err(clash(variable, policy, rival, path));
            }
            let reading = match found.as_slice() {
                [reading] => reading,
                [] => match piece_of_a_list(variable, rest, path).or_else(|| stray(rest, path)) {
                    Some(fault) => return Err(fault.source(variable)),
                    None => continue,
                },
                [one, two, ..] => {
                    let reason = format!("{variable} can mean `{}` and `{}`", one.path.join("."), two.path.join("."));
                    return Err(Fault::new(ConfigCode::Conflict, path, reason).source(variable));
                }
            };
            let layer = Layer(Layer::ENVIRONMENT.0.saturating_add(overlay.variables.len() as u16));
            overlay.variables.push(variable.to_owned());
            let leaf = value_of(value, reading.kind, reading.optional, layer);
            let wrap = |node, key: &String| Node::table([(key.clone(), node)].into(), layer);
            let tree = write_out(reading.path.iter().rev().fold(leaf, wrap), root, false);
            overlay.tree = Some(match overlay.tree.take() {
                Some(before) => merge(before, tree, root),
                None => tree,
            });
        }
        Ok(overlay)
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Environment {
        let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
        Environment { variables: variables.filter(|(name, _)| name.starts_with(PREFIX)).collect() }
    }
}

fn clash(variable: &str, policy: &str, rival: &str, path: &str) -> Fault {
    let reason = format!("{variable} can be meant for the policies `{policy}` and `{rival}`: rename one");
    Fault::new(ConfigCode::Conflict, path, reason).source(variable)
}

fn prefix(policy: &str) -> String {
    format!("{PREFIX}{}_", upper(policy))
}

/// Upper case, and `_` for everything a variable cannot hold.
fn upper(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
}

/// Whether another policy has as good a right to a variable: the same prefix, or its own reading of it.
fn claims(variable: &str, other: &str, own: &str, unread: bool) -> bool {
    let theirs = prefix(other);
    let Some(rest) = variable.strip_prefix(&theirs) else { return false };
    theirs == own || !readings(Kind::Table(&Policy::TABLE), rest).is_empty() || (unread && theirs.len() > own.len())
}

/// One way to read a variable: the options from the policy down.
struct Reading {
    path: Vec<String>,
    kind: Kind,
    optional: bool,
}

fn readings(kind: Kind, rest: &str) -> Vec<Reading> {
    let mut found = Vec::new();
    match kind {
        Kind::Table(table) => {
            for field in table.fields.iter().filter(|field| !is_policy_name(table, field)) {
                step(field, rest, &mut found);
            }
        }
        Kind::Union(union) => {
            if rest == "KIND" {
                found.push(Reading { path: vec!["kind".to_owned()], kind: Kind::Text, optional: false });
            }
            let mut seen = Vec::new();
            for field in union.variants.iter().flat_map(|variant| variant.table.fields) {
                if !seen.contains(&field.name) {
                    seen.push(field.name);
                    step(field, rest, &mut found);
                }
            }
        }
        Kind::Map(of) => found.push(Reading { path: vec![rest.to_lowercase()], kind: *of, optional: false }),
        _ => {}
    }
    found
}

/// A variable that is found by a policy's name cannot change it.
fn is_policy_name(table: &Table, field: &Field) -> bool {
    field.name == "name" && std::ptr::eq(table.fields, Policy::TABLE.fields)
}

fn step(field: &Field, rest: &str, found: &mut Vec<Reading>) {
    let Some(after) = rest.strip_prefix(&field.name.to_uppercase()) else { return };
    if after.is_empty() {
        found.push(Reading { path: vec![field.name.to_owned()], kind: field.kind, optional: field.optional });
    } else if let Some(after) = after.strip_prefix('_') {
        for mut reading in readings(field.kind, after) {
            reading.path.insert(0, field.name.to_owned());
            found.push(reading);
        }
    }
}

/// A variable that speaks of one item of a list: variables give a list whole.
fn piece_of_a_list(variable: &str, rest: &str, path: &str) -> Option<Fault> {
    let list = list_in(Kind::Table(&Policy::TABLE), rest)?;
    let place = list.join("/");
    let whole = variable.strip_suffix(rest).map(|prefix| format!("{prefix}{}", list.join("_").to_uppercase()))?;
    let reason = format!("a list is given whole, not item by item: write {whole}='[ … ]' as in a file");
    Some(Fault::new(ConfigCode::UnknownOption, &format!("{path}/{place}"), reason).suggest(Some(&whole)))
}

/// The way to a list that the variable goes on behind.
fn list_in(kind: Kind, rest: &str) -> Option<Vec<&'static str>> {
    let tables: Vec<&Table> = match kind {
        Kind::Table(table) => vec![table],
        Kind::Union(union) => union.variants.iter().map(|variant| variant.table).collect(),
        _ => return None,
    };
    tables.iter().flat_map(|table| table.fields).find_map(|field| {
        let after = rest.strip_prefix(&field.name.to_uppercase())?.strip_prefix('_')?;
        let inner = match field.kind {
            Kind::List(_) => Vec::new(),
            other => list_in(other, after)?,
        };
        Some([vec![field.name], inner].concat())
    })
}

/// A variable that begins like an option of the policy and is none.
fn stray(rest: &str, path: &str) -> Option<Fault> {
    let root = &Policy::TABLE;
    let part = root.fields.iter().find(|field| rest.starts_with(&format!("{}_", field.name.to_uppercase())));
    let word = rest.to_lowercase();
    let Some(part) = part else {
        // Perhaps for another policy whose name begins like this one: only a clear slip is an error.
        let first = word.split('_').next().unwrap_or("");
        let meant = nearest(first, root.fields.iter().map(|field| field.name)).filter(|_| first.len() >= 4)?;
        let reason = format!("`{first}` is no part of a policy");
        return Some(Fault::new(ConfigCode::UnknownOption, &join(path, first), reason).suggest(Some(meant)));
    };
    let option = &word[part.name.len() + 1..];
    let names: Vec<&str> = match part.kind {
        Kind::Table(table) => table.fields.iter().map(|field| field.name).collect(),
        _ => Vec::new(),
    };
    let reason = format!("`{option}` is not an option here");
    let path = join(&join(path, part.name), option);
    Some(Fault::new(ConfigCode::UnknownOption, &path, reason).suggest(nearest(option, names)))
}

/// The text of a variable as the value of an option.
fn value_of(text: &str, kind: Kind, optional: bool, layer: Layer) -> Node {
    let text = text.trim();
    let node = |data| Node { data, layer, bare: false };
    let is_nested = matches!(kind, Kind::Table(_) | Kind::Union(_) | Kind::Map(_) | Kind::List(_));
    if is_nested
        && text.starts_with(['{', '['])
        && let Some(tree) = inline(text, layer)
    {
        return tree;
    }
    if optional && text == "false" && !matches!(kind, Kind::Bool | Kind::Scalar) {
        return node(Data::Bool(false));
    }
    match kind {
        Kind::Bool => node(match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "on" | "yes" => Data::Bool(true),
            "false" | "0" | "off" | "no" => Data::Bool(false),
            _ => Data::Text(text.to_owned()),
        }),
        Kind::Integer | Kind::Float | Kind::Rate | Kind::Scalar => node(scalar(text)),
        Kind::List(of) => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            node(Data::List(items.map(|item| value_of(item, *of, false, layer)).collect()))
        }
        Kind::Table(_) if text == "true" => node(Data::Bool(true)),
        Kind::Table(table) => match table.short_field() {
            Some(short) => value_of(text, short.kind, short.optional, layer),
            None => node(Data::Text(text.to_owned())),
        },
        Kind::Span | Kind::Name | Kind::Text | Kind::Choice(_) | Kind::Union(_) | Kind::Map(_) => {
            node(Data::Text(text.to_owned()))
        }
    }
}

/// A table or list in the notation of the file.
fn inline(text: &str, layer: Layer) -> Option<Node> {
    let tree = super::document::parse_tree(&format!("value = {text}")).ok()?;
    Node::of(tree.get("value")?, layer)
}
