use crate::policy::NativePolicy;
use crate::raw::changed;
use crate::{Result, config_error, nanos, span};
use napi_derive::napi;
use seawall::Registry;
use seawall::error::ConfigError;
use seawall::events::Cursor;

#[napi]
pub struct NativeRegistry(Registry);

#[napi]
impl NativeRegistry {
    #[napi(factory)]
    pub fn global() -> Self {
        NativeRegistry(Registry::global().clone())
    }

    #[napi(factory)]
    pub fn manual(seed: f64, environment: Vec<Vec<String>>) -> Self {
        let variables = environment.into_iter().filter_map(|pair| <[String; 2]>::try_from(pair).ok());
        let environment = variables.map(|[name, value]| (name, value)).collect();
        NativeRegistry(Registry::manual_with(seed as u64, environment))
    }

    #[napi]
    pub fn policy(&self, json: String, place: String) -> Result<NativePolicy> {
        self.0.policy_at(&json, &place).map(NativePolicy::new).map_err(config_error)
    }

    #[napi]
    pub fn named(&self, name: String) -> Result<NativePolicy> {
        self.0.named(&name).map(NativePolicy::new).map_err(config_error)
    }

    #[napi]
    pub fn load(&self, toml: String, source: String) -> Result<()> {
        settled(self.0.load(&toml, &source))
    }

    #[napi]
    pub fn load_path(&self, path: String) -> Result<()> {
        settled(self.0.load_path(&path))
    }

    #[napi]
    pub fn reload(&self) -> Result<()> {
        settled(self.0.reload())
    }

    /// Tickets that a configuration admitted: wake their holders.
    #[napi]
    pub fn take_wakes(&self) -> Vec<f64> {
        crate::policy::numbers(self.0.take_stranded())
    }

    #[napi(getter)]
    pub fn enabled(&self) -> bool {
        self.0.enabled()
    }

    #[napi]
    pub fn set_enabled(&self, enabled: bool) {
        self.0.set_enabled(enabled);
        changed();
    }

    #[napi]
    pub fn now(&self) -> f64 {
        self.0.clock().now().0 as f64
    }

    #[napi(getter)]
    pub fn is_manual(&self) -> bool {
        self.0.clock().is_manual()
    }

    #[napi]
    pub fn advance(&self, by: f64) {
        self.0.clock().advance(span(by));
    }

    #[napi]
    pub fn freeze(&self) {
        self.0.clock().freeze();
        crate::raw::changed();
    }

    #[napi]
    pub fn thaw(&self) {
        self.0.clock().thaw();
        crate::raw::changed();
    }

    /// Makes `number` the next uniform number.
    #[napi]
    pub fn script(&self, number: f64) {
        self.0.rng().script(number);
    }

    #[napi]
    pub fn metrics(&self) -> String {
        self.0.metrics()
    }

    #[napi]
    pub fn tick(&self) {
        self.0.tick();
    }

    #[napi]
    pub fn internal(&self, what: String) {
        self.0.internal(None, &what);
    }

    #[napi]
    pub fn subscribe(&self) -> NativeCursor {
        NativeCursor(Some(self.0.events().subscribe()))
    }
}

/// Whatever a change of settings came to, whoever holds on to them looks again.
fn settled(change: std::result::Result<(), ConfigError>) -> Result<()> {
    changed();
    change.map_err(config_error)
}

/// A reader's place in the ring of events, until it is closed.
#[napi]
pub struct NativeCursor(Option<Cursor>);

#[napi]
impl NativeCursor {
    /// The events since the last look, each as JSON.
    #[napi]
    pub fn drain(&mut self) -> Vec<String> {
        let batch = self.0.as_mut().map(Cursor::drain).unwrap_or_default();
        batch.events.iter().map(|event| event.to_json().to_string()).collect()
    }

    #[napi]
    pub fn close(&mut self) {
        self.0 = None;
    }
}

/// How HTTP status codes, gRPC codes and error names are classed: one table for all languages.
#[napi]
pub fn classify_status(status: u32) -> u32 {
    u16::try_from(status).map_or(1, |status| seawall::classify::http_status(status) as u32)
}

#[napi]
pub fn classify_error(name: String) -> Option<u32> {
    seawall::classify::error_name("node", &name).map(|outcome| outcome as u32)
}

/// A JavaScript `TypeError` is a programming error, unless it stands for a failed fetch.
#[napi]
pub fn classify_type_error(message: String, cause: Option<String>) -> u32 {
    seawall::classify::script_type_error(&message, cause.as_deref()) as u32
}

/// `Retry-After` in nanoseconds; `unix_now` in seconds decides what a date means.
#[napi]
pub fn parse_retry_after(text: String, unix_now: f64) -> Option<f64> {
    match seawall::classify::retry_after(&text, unix_now as i64 as _)? {
        seawall::outcome::Hint::After(span) => Some(nanos(span)),
        seawall::outcome::Hint::Never => Some(-1.0),
    }
}
