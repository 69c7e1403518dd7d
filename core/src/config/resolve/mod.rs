//! From layers of options to the settings of one policy, complete and in range.

mod breaker;
mod parts;
mod retry;

use super::environment::{Environment, Overlay};
use super::merge::{merge, write_out};
use super::node::{Data, Layer, Node};
use super::presets::Preset;
use super::schema::decode::{At, Decode, Fault, clip, join};
use super::schema::shared::check_name;
use super::schema::{Facts, Kind, Policy};
use super::suggest::nearest;
use super::{Document, PolicyConfig, Value};
use crate::error::{ConfigCode, ConfigError};

pub(crate) use parts::check_limits;

/// Where the settings of a policy come from; the later wins.
#[derive(Copy, Clone)]
pub struct Layers<'a> {
    /// The preset that holds where no layer names one.
    pub preset: Option<&'a str>,
    /// The file, if one was read.
    pub file: Option<&'a Document>,
    /// What code gave, in the shape of one `[policy.NAME]` table, and `name`.
    pub code: Option<&'a Value>,
    /// The variables.
    pub environment: &'a Environment,
}

/// The settings of the policy of this name; without one, that which the code gives, if any.
pub fn resolve(layers: &Layers<'_>, name: Option<&str>) -> Result<PolicyConfig, ConfigError> {
    let mut sources = vec![None, None, layers.file.map(|file| file.source().to_owned()), Some("code".to_owned())];
    resolve_layers(layers, name, &mut sources).map_err(|fault| {
        let source = fault.layer.and_then(|layer| sources.get(usize::from(layer.0)).cloned().flatten());
        ConfigError { source: fault.error.source.clone().or(source), ..fault.error }
    })
}

type Sources = Vec<Option<String>>;

/// The settings that every rule of this module may look at.
struct Scene<'a> {
    file: Option<&'a Document>,
    /// The place of the policy: `/policy/llm`, or nothing where it has no name.
    path: &'a str,
}

impl Scene<'_> {
    fn at(&self, rest: &str) -> String {
        format!("{}{rest}", self.path)
    }

    fn fault(&self, code: ConfigCode, rest: &str, layer: Option<Layer>, reason: impl Into<String>) -> Fault {
        Fault::new(code, &self.at(rest), reason).layer(layer)
    }
}

fn resolve_layers(layers: &Layers<'_>, name: Option<&str>, sources: &mut Sources) -> Result<PolicyConfig, Fault> {
    let name = match (name_in_code(layers.code)?, name) {
        (own, None) => own,
        (_, Some(name)) => {
            check_name(name, "/policy").map_err(|fault| fault.layer(Some(Layer::CODE)))?;
            Some(name)
        }
    };
    let path = name.map(|name| join("/policy", name)).unwrap_or_default();
    let scene = Scene { file: layers.file, path: &path };
    let mut tree = stack(layers, name, &scene, sources)?;
    if let Data::Table(fields) = &mut tree.data {
        refer(fields, &scene)?;
    }
    let options = Policy::decode(&At { node: &tree, path: &path }, &Facts::NONE)?;
    if let (Some(name), Some(other)) =
        (name, options.name.value.as_ref().filter(|other| Some(other.0.as_str()) != name))
    {
        let reason = format!("the policy `{}` cannot be called `{}` too", clip(name), clip(&other.0));
        return Err(scene.fault(ConfigCode::Conflict, "/name", options.name.layer, reason));
    }
    parts::policy(&options, name, &scene)
}

fn name_in_code(code: Option<&Value>) -> Result<Option<&str>, Fault> {
    match code.and_then(|code| code.get("name")) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Text(name)) => {
            check_name(name, "/name").map_err(|fault| fault.layer(Some(Layer::CODE)))?;
            Ok(Some(name))
        }
        Some(other) => {
            let reason = format!("expected a name, got {}", other.noun());
            Err(Fault::new(ConfigCode::WrongType, "/name", reason).layer(Some(Layer::CODE)))
        }
    }
}

/// All layers on top of each other.
fn stack(layers: &Layers<'_>, name: Option<&str>, scene: &Scene<'_>, sources: &mut Sources) -> Result<Node, Fault> {
    layers.environment.check_switches()?;
    let root = Kind::Table(&Policy::TABLE);
    let file = name.and_then(|name| layers.file.and_then(|file| file.policy(name))).cloned();
    let code = layers.code.and_then(|code| Node::of(code, Layer::CODE)).map(|node| write_out(node, root, false));
    let environment = match name {
        Some(name) => {
            let names = layers.file.map(Document::names).unwrap_or_default();
            let others: Vec<&str> = names.into_iter().filter(|other| *other != name).collect();
            let Overlay { tree, variables } = layers.environment.overlay(name, &others, scene.path)?;
            sources.extend(variables.into_iter().map(Some));
            tree
        }
        None => None,
    };
    let written = [file, code, environment];
    if let Some(node) = written.iter().flatten().find(|node| !node.is_table()) {
        return Err(At { node, path: scene.path }.wrong_type("a table"));
    }
    let preset = preset(layers, &written, scene)?;
    sources[usize::from(Layer::PRESET.0)] = preset.map(|preset| format!("preset {}", preset.as_str()));
    let base =
        preset.and_then(|preset| Node::of(&preset.tree(), Layer::PRESET)).map(|node| write_out(node, root, false));
    let bottom = base.unwrap_or_else(|| Node::table(Default::default(), Layer::DEFAULT));
    Ok(written.into_iter().flatten().fold(bottom, |below, above| merge(below, above, root)))
}

fn preset(layers: &Layers<'_>, written: &[Option<Node>], scene: &Scene<'_>) -> Result<Option<Preset>, Fault> {
    let said = written.iter().flatten().rev().find_map(|node| node.get("preset"));
    let given = layers.preset.map(|name| Node::text(name, Layer::CODE));
    match said.or(given.as_ref()) {
        Some(node) => Option::<Preset>::decode(&At { node, path: &scene.at("/preset") }, &Facts::NONE),
        None => Ok(None),
    }
}

/// Puts shared budgets of the file where a policy names them.
fn refer(fields: &mut std::collections::BTreeMap<String, Node>, scene: &Scene<'_>) -> Result<(), Fault> {
    if let Some(Data::Table(retry)) = fields.get_mut("retry").map(|node| &mut node.data)
        && let Some(budget) = retry.get_mut("budget")
    {
        let kind = super::schema::retry::Retry::TABLE.field("budget").expect("a retry has a budget").kind;
        refer_to("budget", budget, kind, &scene.at("/retry/budget"), scene)?;
    }
    if let Some(Data::List(costs)) = fields.get_mut("cost").map(|node| &mut node.data) {
        let kind = Kind::Table(&super::schema::policy::CostLimits::TABLE);
        for (index, cost) in costs.iter_mut().enumerate() {
            let path = scene.at(&if cost.bare { "/cost".to_owned() } else { format!("/cost/{index}") });
            refer_to("cost", cost, kind, &path, scene)?;
        }
    }
    Ok(())
}

fn refer_to(table: &str, node: &mut Node, kind: Kind, path: &str, scene: &Scene<'_>) -> Result<(), Fault> {
    let Some(Node { data: Data::Text(name), layer, bare }) = node.get("name").cloned() else { return Ok(()) };
    let shared = scene.file.and_then(|file| file.table(table));
    match shared.and_then(|shared| shared.get(&name)) {
        Some(shared) => {
            *node = merge(shared.clone(), node.clone(), kind);
            Ok(())
        }
        None if bare => {
            let known: Vec<&str> = match shared.map(|shared| &shared.data) {
                Some(Data::Table(entries)) => entries.keys().map(String::as_str).collect(),
                _ => Vec::new(),
            };
            check_name(&name, path).map_err(|fault| fault.layer(Some(layer)))?;
            let reason = format!("there is no `[{table}.{}]` in the configuration file", clip(&name));
            let meant = nearest(&name, known.iter().copied());
            Err(Fault::new(ConfigCode::UnknownValue, path, reason).suggest(meant).layer(Some(layer)))
        }
        None => Ok(()),
    }
}
