//! A configuration file, read and checked.

use super::node::{Layer, Node};
use super::schema::decode::{At, Decode, Fault, Given, clip};
use super::schema::policy::Policy;
use super::schema::retry::Budget;
use super::schema::shared::Name;
use super::schema::{Facts, Kind, Table};
use super::value::Value;
use super::{Environment, Layers, merge, resolve};
use crate::error::{ConfigCode, ConfigError};
use crate::segment::SegmentOptions;
use crate::time::Span;
use std::collections::BTreeMap;

options! {
    /// A configuration file. Durations are text with a unit: `"250ms"`, `"30s"`, `"5m"`, `"1h"`.
    File {
        /// Policies by their name.
        policy: BTreeMap<String, Policy> [];
        /// Retry budgets that policies share by name.
        budget: BTreeMap<String, Budget> [];
        /// Cost budgets that policies share by name.
        cost: BTreeMap<String, SharedCost> [];
        /// Attempt timeouts by kind of operation; `default` stands for every kind that is not named.
        operation: BTreeMap<String, Span> [min "1ns", example "llm = \"60s\"", otherwise "llm 60s, auth 5s, db 10s, http 15s, default 30s"];
        /// Bulkhead limits by kind of resource; `default` stands for every kind that is not named.
        resource: BTreeMap<String, u32> [min "1", max "1000000", example "llm = 10", otherwise "llm 10, openfga 50, redis 100, db 20, default 25"];
        /// The file that the processes of a host share, for policies in host scope.
        host: Option<Host> [];
    }
    /// The file that the processes of a host share.
    Host short "name" {
        /// Its name: who shares must name the same, in the same folder.
        name: Option<Name> [otherwise "`default`", example "payments"];
        /// Its folder, which the user alone may enter (0700).
        dir: Option<Name> [otherwise "one of the user's own under /dev/shm", example "/run/app/seawall"];
        /// Its size in bytes, where it has to be made.
        size: u64 [default "8388608", min "65536", max "536870912"];
        /// The number of a group whose members share it; the folder then belongs to the group (0770).
        group: Option<u32> [min "0", max "4294967294", example "2000"];
        /// Whether keys are written into it as text, for the `seawall` command to show, or only as hashes.
        show_keys: bool [default "false"];
    }
    /// A cost budget that policies share; the table's name is its name.
    SharedCost {
        /// The amounts and their limits, at most eight.
        limits: BTreeMap<String, u64> [min "1", example "tokens = 100000"];
        /// The budget fills up again at the start of each period.
        per: Option<Span> [otherwise "never", min "1ms", max "8784h", example "1h"];
    }
}

/// Timeouts by operation and limits by resource, where nothing replaces them.
const OPERATIONS: [(&str, Span); 4] =
    [("llm", Span::secs(60)), ("auth", Span::secs(5)), ("db", Span::secs(10)), ("http", Span::secs(15))];
const OTHER_OPERATION: Span = Span::secs(30);
const RESOURCES: [(&str, u32); 4] = [("llm", 10), ("openfga", 50), ("redis", 100), ("db", 20)];
const OTHER_RESOURCE: u32 = 25;

/// A configuration file that parsed, whose every option exists and is in range.
#[derive(Clone, PartialEq, Debug)]
pub struct Document {
    source: String,
    tree: Node,
    operation: BTreeMap<String, Span>,
    resource: BTreeMap<String, u32>,
    host: SegmentOptions,
}

impl Document {
    /// Reads TOML; `source` is the name errors give to it, mostly its path.
    pub fn parse_toml(text: &str, source: &str) -> Result<Document, ConfigError> {
        Document::from_value(&parse_named(text, source)?, source)
    }

    /// Reads TOML from bytes that may not even be text.
    pub fn parse_bytes(bytes: &[u8], source: &str) -> Result<Document, ConfigError> {
        Document::from_value(&parse_tree_of(bytes, source)?, source)
    }

    /// The same from a tree that was read elsewhere.
    pub fn from_value(value: &Value, source: &str) -> Result<Document, ConfigError> {
        let named = |fault: Fault| ConfigError { source: Some(source.to_owned()), ..fault.error };
        let root = Node::of(value, Layer::FILE).unwrap_or_else(|| Node::table(BTreeMap::new(), Layer::FILE));
        let tree = merge::write_out(root, Kind::Table(&File::TABLE), false);
        check_without_policies(&tree).map_err(named)?;
        let tables = |key| tree.get(key).cloned().unwrap_or_else(|| Node::table(BTreeMap::new(), Layer::FILE));
        let facts = |name: &str| File::TABLE.field(name).map_or(Facts::NONE, |field| field.facts);
        let document = Document {
            source: source.to_owned(),
            operation: Decode::decode(&At { node: &tables("operation"), path: "/operation" }, &facts("operation"))
                .map_err(named)?,
            resource: Decode::decode(&At { node: &tables("resource"), path: "/resource" }, &facts("resource"))
                .map_err(named)?,
            host: segment_options(&tables("host")).map_err(named)?,
            tree,
        };
        document.check_policies(&Environment::empty())?;
        Ok(document)
    }

    /// Whether it says anything about the segment.
    pub(crate) fn has_host(&self) -> bool {
        self.tree.get("host").is_some()
    }

    /// Each policy under `environment`. What a later layer may still complete is no error.
    pub(super) fn check_policies(&self, environment: &Environment) -> Result<(), ConfigError> {
        self.wrong(environment).find(|error| !error.code.may_be_mended_by_code()).map_or(Ok(()), Err)
    }

    /// What is wrong under `environment`, of each policy the first that is seen.
    pub(super) fn wrong<'a>(&'a self, environment: &'a Environment) -> impl Iterator<Item = ConfigError> + 'a {
        let layers = Layers { preset: None, file: Some(self), code: None, environment };
        self.names().into_iter().filter_map(move |name| resolve::resolve(&layers, Some(name)).err())
    }

    /// Where the text came from, for messages.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The policies it declares.
    pub fn names(&self) -> Vec<&str> {
        match self.tree.get("policy").map(|node| &node.data) {
            Some(super::node::Data::Table(policies)) => policies.keys().map(String::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// Whether it declares a policy of that name.
    pub fn has_policy(&self, name: &str) -> bool {
        self.policy(name).is_some()
    }

    pub(crate) fn policy(&self, name: &str) -> Option<&Node> {
        self.tree.get("policy")?.get(name)
    }

    pub(crate) fn table(&self, kind: &str) -> Option<&Node> {
        self.tree.get(kind)
    }
}

fn segment_options(node: &Node) -> Result<SegmentOptions, Fault> {
    let at = At { node, path: "/host" };
    let host = Host::decode(&at, &Facts::NONE)?;
    let plain = SegmentOptions::default();
    let options = SegmentOptions {
        dir: host.dir.value.as_ref().map(|dir| dir.0.clone().into()),
        name: host.name.value.as_ref().map_or(plain.name, |name| name.0.clone()),
        bytes: *host.size,
        group: *host.group,
        show_keys: *host.show_keys,
    };
    match options.check_name() {
        Ok(()) => Ok(options),
        Err(reason) => Err(Fault::new(ConfigCode::BadName, "/host/name", reason).layer(host.name.layer)),
    }
}

/// Where the segment of policies in host scope is: as `SEAWALL_HOST_DIR` and `SEAWALL_HOST_NAME` say, or
/// the file, or a folder of the user's own.
pub(crate) fn host_options(file: Option<&Document>, environment: &Environment) -> SegmentOptions {
    let mut options = file.map(|file| file.host.clone()).unwrap_or_default();
    if let Some(dir) = environment.get("SEAWALL_HOST_DIR") {
        options.dir = Some(dir.into());
    }
    if let Some(name) = environment.get("SEAWALL_HOST_NAME") {
        options.name = name.to_owned();
    }
    options
}

/// The attempt timeout of a kind of operation.
pub fn operation_timeout(file: Option<&Document>, operation: &str) -> Span {
    let given = |key: &str| file.and_then(|file| file.operation.get(key)).copied();
    let built_in = OPERATIONS.into_iter().find(|(name, _)| *name == operation).map(|(_, span)| span);
    given(operation).or(built_in).or_else(|| given("default")).unwrap_or(OTHER_OPERATION)
}

/// The bulkhead limit of a kind of resource.
pub fn resource_limit(file: Option<&Document>, resource: &str) -> u32 {
    let given = |key: &str| file.and_then(|file| file.resource.get(key)).copied();
    let built_in = RESOURCES.into_iter().find(|(name, _)| *name == resource).map(|(_, limit)| limit);
    given(resource).or(built_in).or_else(|| given("default")).unwrap_or(OTHER_RESOURCE)
}

/// Everything but the policies, which are checked together with their presets.
fn check_without_policies(tree: &Node) -> Result<(), Fault> {
    let at = At { node: tree, path: "" };
    let fields = super::schema::decode::Fields::open(&at, &File::TABLE, false)?;
    let _: Given<BTreeMap<String, Budget>> = fields.take("budget")?;
    let costs: Given<BTreeMap<String, SharedCost>> = fields.take("cost")?;
    for (name, cost) in &costs.value {
        let path = format!("{}/limits", super::schema::decode::join("/cost", name));
        resolve::check_limits(&cost.limits, &path).map_err(|fault| fault.layer(Some(Layer::FILE)))?;
    }
    let Some(policies) = tree.get("policy") else { return Ok(()) };
    let super::node::Data::Table(policies) = &policies.data else {
        return Err(At { node: policies, path: "/policy" }.wrong_type("a table of policies"));
    };
    for (name, node) in policies {
        super::schema::shared::check_entry(name, "/policy").map_err(|fault| fault.layer(Some(node.layer)))?;
    }
    Ok(())
}

/// TOML as a tree, from bytes that may not even be text.
pub(super) fn parse_tree_of(bytes: &[u8], source: &str) -> Result<Value, ConfigError> {
    match std::str::from_utf8(bytes) {
        // Editors of some systems begin a file with a byte order mark.
        Ok(text) => parse_named(text.strip_prefix('\u{feff}').unwrap_or(text), source),
        Err(error) => {
            let line = 1 + bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
            let mut error = syntax(format!("is not UTF-8 (line {line}, byte {})", error.valid_up_to()));
            error.source = Some(source.to_owned());
            Err(error)
        }
    }
}

fn parse_named(text: &str, source: &str) -> Result<Value, ConfigError> {
    parse_tree(text).map_err(|error| ConfigError { source: Some(source.to_owned()), ..error })
}

/// TOML as a tree.
pub(crate) fn parse_tree(text: &str) -> Result<Value, ConfigError> {
    toml::from_str(text).map_err(|error| {
        let place = error.span().map(|span| place(text, span.start)).unwrap_or_default();
        let what = error.message().lines().next().unwrap_or("is not TOML").to_owned();
        syntax(format!("is not TOML: {}{place}", clip_line(&what)))
    })
}

/// A configuration in JSON, the form in which code of other languages hands it over.
#[cfg(feature = "json")]
pub fn from_json(text: &str) -> Result<Value, ConfigError> {
    serde_json::from_str(text).map_err(|error| syntax(format!("is not JSON: {}", clip_line(&error.to_string()))))
}

fn syntax(reason: String) -> ConfigError {
    ConfigError { code: ConfigCode::Syntax, path: String::new(), reason, suggestion: None, source: None }
}

fn clip_line(text: &str) -> String {
    if text.len() > 200 { clip(text) } else { text.to_owned() }
}

fn place(text: &str, offset: usize) -> String {
    let before = text.get(..offset).unwrap_or("");
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
    format!(" at line {line}, column {column}")
}

/// The table at the root of the list of options, for generators.
pub const ROOT: &Table = &File::TABLE;
