//! What declares policies: the file, the environment and code, laid over each other; and the file read again.

use super::Registry;
use crate::config::{Document, Layers, Packed, PolicyConfig, Value, resolve};
use crate::error::{ConfigCode, ConfigError};
use crate::event::EventKind;
use crate::policy::{Kept, Origin, Policy, WeakPolicy};
use crate::sync::Arc;
use crate::time::Span;

/// The named policies in the order of their names, and of one name in the order they were built.
#[derive(Default)]
pub(super) struct Known(Vec<Kept>);

impl Known {
    pub(super) fn all(&self) -> impl Iterator<Item = &Kept> {
        self.0.iter()
    }

    /// Those of one name.
    pub(super) fn of(&self, name: &str) -> &[Kept] {
        let from = self.0.partition_point(|known| known.name().is_some_and(|known| **known < *name));
        let of_name = |known: &Kept| known.name().is_some_and(|known| **known == *name);
        let count = self.0[from..].iter().take_while(|known| of_name(known)).count();
        &self.0[from..from + count]
    }

    fn add(&mut self, policy: Kept) {
        let place = self.0.partition_point(|known| known.name() <= policy.name());
        self.0.insert(place, policy);
    }
}

pub(super) struct File {
    pub(super) document: Document,
    /// Where `reload` reads it again; `None` for a text that was given.
    path: Option<String>,
}

impl Registry {
    /// A policy that the file or the environment declares.
    pub fn named(&self, name: &str) -> Result<Policy, ConfigError> {
        self.read_file_once()?;
        if let Some(policy) = self.find(name) {
            return Ok(policy);
        }
        let file = self.file();
        let declared = file.as_ref().is_some_and(|file| file.document.has_policy(name));
        if !declared && !self.0.environment.mentions(name) {
            return Err(unknown_policy(name, file.as_deref()));
        }
        self.layered(Some(name), None, "file")
    }

    /// A policy given in code as JSON, in the shape of one `[policy.NAME]` table plus `name`.
    #[cfg(feature = "json")]
    pub fn policy(&self, json: &str) -> Result<Policy, ConfigError> {
        self.policy_at(json, "code")
    }

    /// The same; `place` says where, for `config_conflict` events.
    #[cfg(feature = "json")]
    pub fn policy_at(&self, json: &str, place: &str) -> Result<Policy, ConfigError> {
        self.policy_of(crate::config::from_json(json)?, place)
    }

    /// A policy given in code as a tree of options; `place` says where.
    pub(crate) fn policy_of(&self, options: Value, place: &str) -> Result<Policy, ConfigError> {
        self.read_file_once()?;
        self.layered(None, Some(options), place)
    }

    /// A policy that is already resolved.
    pub fn build(&self, config: PolicyConfig) -> Policy {
        self.remember(config, None, "code")
    }

    fn layered(&self, name: Option<&str>, code: Option<Value>, place: &str) -> Result<Policy, ConfigError> {
        let file = self.file();
        let layers = Layers {
            preset: None,
            file: file.as_ref().map(|file| &file.document),
            code: code.as_ref(),
            environment: &self.0.environment,
        };
        let config = resolve(&layers, name)?;
        if let Some(name) = &config.name {
            let policies = self.0.policies.lock();
            let others: Vec<&str> = policies.all().filter_map(Kept::name).map(|name| &**name).collect();
            self.0.environment.check_clash(name, &others)?;
        }
        Ok(self.remember(config, code, place))
    }

    fn remember(&self, mut config: PolicyConfig, code: Option<Value>, place: &str) -> Policy {
        let name: Option<Arc<str>> = config.name.take().map(Arc::from);
        let mut policies = self.0.policies.lock();
        if let Some(name) = &name
            && let Some(same) = policies.of(name).iter().find(|known| *known.settings() == config)
        {
            return same.policy(self);
        }
        let code = code.filter(|_| name.is_some()).map(without_name);
        let origin = self.0.origins.shared(&Origin { place: place.into(), code: code.as_ref().map(Packed::of) });
        let host = self.host_of(&config);
        let (families, conflicts) = self.0.names.families((name.as_ref(), &config), &origin.place, host);
        let config = self.0.latest.shared(&config);
        let is_named = name.is_some();
        let policy = Policy::new(self.clone(), name, origin, config, families);
        if is_named {
            policies.add(policy.keep());
        } else {
            self.remember_unnamed(&policy);
        }
        drop(policies);
        for conflict in conflicts {
            let (part, name) = (conflict.part.as_str(), conflict.name);
            let detail = format!(
                "{part} `{name}` has other settings in {place} than first in {}; the first are kept",
                conflict.first
            );
            policy.publish_one(EventKind::ConfigConflict, conflict.part, &detail);
        }
        policy
    }

    fn remember_unnamed(&self, policy: &Policy) {
        let mut unnamed = self.0.unnamed.lock();
        // Before the list would grow: whoever is gone makes room.
        if unnamed.len() == unnamed.capacity() {
            unnamed.retain(WeakPolicy::is_alive);
        }
        unnamed.push(policy.downgrade());
    }

    /// Takes `toml` as the configuration file. Policies that exist take up what it says about them.
    pub fn load(&self, toml: &str, source: &str) -> Result<(), ConfigError> {
        self.put_in_force(File { document: Document::parse_toml(toml, source)?, path: None })
    }

    /// Takes the file at `path` as the configuration; [`Registry::reload`] reads it again.
    pub fn load_path(&self, path: &str) -> Result<(), ConfigError> {
        let document = read(path)?;
        self.put_in_force(File { document, path: Some(path.to_owned()) })
    }

    /// Reads the file again. If anything in it is wrong, nothing changes.
    pub fn reload(&self) -> Result<(), ConfigError> {
        self.read_file_once()?;
        match self.file().and_then(|file| file.path.clone()) {
            Some(path) => self.load_path(&path),
            None => Ok(()),
        }
    }

    fn put_in_force(&self, file: File) -> Result<(), ConfigError> {
        let resolved = |code: Option<Value>, name: &str| {
            let environment = &self.0.environment;
            resolve(&Layers { preset: None, file: Some(&file.document), code: code.as_ref(), environment }, Some(name))
        };
        // All of it must be right before any of it counts, the policies that nobody uses yet too.
        for name in file.document.names() {
            resolved(None, name)?;
        }
        let policies = self.0.policies.lock();
        let mut changed = Vec::new();
        for known in policies.all() {
            let Some(name) = known.name() else { continue };
            let origin = known.origin();
            let config = PolicyConfig { name: None, ..resolved(origin.code.as_ref().map(Packed::value), name)? };
            if config != *known.settings() {
                changed.push((known.policy(self), name.clone(), config, origin.clone()));
            }
        }
        drop(policies);
        for (policy, name, config, origin) in changed {
            let (host, now) = (self.host_of(&config), self.clock().now());
            let (families, wakes) = self.0.names.reconfigure((Some(&name), &config), &origin.place, host, now);
            policy.reconfigure(self.0.latest.shared(&config), families);
            self.strand(wakes);
        }
        self.say_troubles();
        *self.0.file.write() = Some(Arc::new(file));
        Ok(())
    }

    fn read_file_once(&self) -> Result<(), ConfigError> {
        if self.file().is_some() {
            return Ok(());
        }
        match self.0.environment.get("SEAWALL_CONFIG") {
            Some(path) => self.load_path(path),
            None => Ok(()),
        }
    }

    pub(super) fn file(&self) -> Option<Arc<File>> {
        self.0.file.read().clone()
    }

    /// The timeout of a kind of operation: 60 s `llm`, 5 s `auth`, 10 s `db`, 15 s `http`, 30 s else,
    /// unless the file says otherwise.
    pub fn operation_timeout(&self, operation: &str) -> Span {
        crate::config::operation_timeout(self.file().as_ref().map(|file| &file.document), operation)
    }

    /// The bulkhead limit of a kind of resource: 10 `llm`, 50 `openfga`, 100 `redis`, 20 `db`, 25
    /// else, unless the file says otherwise.
    pub fn resource_limit(&self, resource: &str) -> u32 {
        crate::config::resource_limit(self.file().as_ref().map(|file| &file.document), resource)
    }
}

/// Of all that code gives the name alone is each policy's own.
fn without_name(mut code: Value) -> Value {
    if let Value::Table(options) = &mut code {
        options.remove("name");
    }
    code
}

fn read(path: &str) -> Result<Document, ConfigError> {
    let bytes = std::fs::read(path).map_err(|error| ConfigError {
        code: ConfigCode::Syntax,
        path: String::new(),
        reason: format!(
            "cannot read the configuration file: {error}: SEAWALL_CONFIG, or the path that code gives, must name one"
        ),
        suggestion: None,
        source: Some(path.to_owned()),
    })?;
    Document::parse_bytes(&bytes, path)
}

fn unknown_policy(name: &str, file: Option<&File>) -> ConfigError {
    let names = file.map(|file| file.document.names()).unwrap_or_default();
    let reason = match file {
        Some(_) => format!("no policy is called `{name}`"),
        None => {
            format!("no policy is called `{name}`, and no configuration file was read (set SEAWALL_CONFIG or load one)")
        }
    };
    ConfigError {
        code: ConfigCode::UnknownOption,
        path: format!("/policy/{name}"),
        reason,
        suggestion: crate::config::nearest(name, names).map(str::to_owned),
        source: file.map(|file| file.document.source().to_owned()),
    }
}
