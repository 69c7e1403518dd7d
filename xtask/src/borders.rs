//! Who may depend on whom, and where what is dangerous may be: read from cargo and the manifests, held
//! by the compiler's lints.

use crate::Outcome;
use crate::steps::{command, output_of};
use std::fs;
use std::path::Path;

/// Each crate of the workspace and which of the others it may use.
const ARROWS: [(&str, &[&str]); 8] = [
    ("seawall", &[]),
    ("seawall-c", &["seawall"]),
    ("seawall-py", &["seawall"]),
    ("seawall-node", &["seawall"]),
    ("seawall-cli", &["seawall"]),
    ("seawall-tests", &["seawall"]),
    ("seawall-instructions", &["seawall"]),
    ("xtask", &["seawall"]),
];

/// What the core uses without features.
const CORE_ALONE: [&str; 5] = ["libc", "parking_lot", "rustix", "serde", "toml"];

/// The one crate that is a border as a whole.
const BORDER: &str = "seawall-c";

/// Rooms of other crates whose unsafe code says why it may.
const UNSAFE_ROOMS: [&str; 6] = [
    "core/src/cell/",
    "core/src/segment/map.rs",
    "core/src/sync/chain.rs",
    "tests/src/bin/host_worker.rs",
    "bindings-python/src/guard/",
    "bindings-node/src/raw/",
];

/// The crates of the workspace as cargo sees them.
fn crates(root: &Path) -> Result<Vec<serde_json::Value>, Box<dyn std::error::Error>> {
    let words = ["metadata", "--no-deps", "--format-version", "1", "--locked"];
    let told: serde_json::Value = serde_json::from_str(&output_of(command(root, "cargo", &words))?)?;
    Ok(told["packages"].as_array().cloned().unwrap_or_default())
}

/// The core knows nothing of its bindings, and no binding of another.
pub fn arrows(root: &Path) -> Outcome {
    for package in crates(root)? {
        let name = package["name"].as_str().unwrap_or_default();
        let Some((_, allowed)) = ARROWS.iter().find(|(own, _)| *own == name) else {
            return Err(format!("xtask/src/borders.rs says nothing about what {name} may depend on").into());
        };
        let dependencies = package["dependencies"].as_array().cloned().unwrap_or_default();
        for dependency in &dependencies {
            let other = dependency["name"].as_str().unwrap_or_default();
            if !dependency["path"].is_null() && !allowed.contains(&other) {
                return Err(format!("{name} depends on {other}; it may on {allowed:?}").into());
            }
            let is_always = dependency["kind"].is_null() && dependency["optional"] == false;
            let is_everywhere = dependency["target"].is_null();
            if name == "seawall" && is_always && is_everywhere && !CORE_ALONE.contains(&other) {
                return Err(format!("the core depends on {other} without a feature; it may on {CORE_ALONE:?}").into());
            }
        }
    }
    // Programs that show that two copies live side by side import it by themselves.
    let go = output_of(command(root, "git", &["grep", "-l", "import \"C\"", "--", "bindings-go/*.go"]))?;
    match go.lines().find(|file| !file.starts_with("bindings-go/internal/abi/")) {
        Some(file) => Err(format!("{file} imports \"C\"; only internal/abi may").into()),
        None => Ok(()),
    }
}

/// The compiler denies unsafe code wherever it is not allowed; here it is seen that every crate has that
/// lint and who allows it.
pub fn unsafe_rooms(root: &Path) -> Outcome {
    let lint = |manifest: &toml::Value| {
        let of = |lints: &toml::Value| Some(lints.get("rust")?.get("unsafe_code")?.as_str()?.to_owned());
        of(manifest.get("lints")?)
    };
    let workspace: toml::Value = toml::from_str(&fs::read_to_string(root.join("Cargo.toml"))?)?;
    if lint(&workspace["workspace"]).as_deref() != Some("deny") {
        return Err("Cargo.toml: the workspace must deny unsafe_code".into());
    }
    for package in crates(root)? {
        let (name, path) = (package["name"].as_str().unwrap_or_default(), package["manifest_path"].as_str());
        let manifest: toml::Value = toml::from_str(&fs::read_to_string(path.unwrap_or_default())?)?;
        let lints = manifest.get("lints");
        let inherits = lints.and_then(|lints| lints.get("workspace")).and_then(toml::Value::as_bool) == Some(true);
        if !inherits && lint(&manifest).as_deref() != Some("deny") && name != BORDER {
            return Err(format!("{name} does not deny unsafe_code: its manifest needs `lints.workspace = true`").into());
        }
    }
    let pattern = r"(allow|expect|warn)\(.*unsafe_code";
    let files = output_of(command(root, "git", &["grep", "-lE", pattern, "--", "*.rs", ":!xtask/src/borders.rs"]))?;
    match files.lines().find(|file| !UNSAFE_ROOMS.iter().any(|room| file.starts_with(room))) {
        Some(file) => Err(format!("{file} allows unsafe code; only {UNSAFE_ROOMS:?} may").into()),
        None => Ok(()),
    }
}

/// One room names the primitives, so that the model checker can stand in for all of them.
pub fn sync_room(root: &Path) -> Outcome {
    let pattern = r"(std|core|alloc)::sync(::atomic)?\b|parking_lot::";
    let files = output_of(command(root, "git", &["grep", "-lE", pattern, "--", "core/src/*.rs"]))?;
    match files.lines().find(|file| !file.starts_with("core/src/sync/")) {
        Some(file) => Err(format!("{file} names primitives; core/src/sync is the place for that").into()),
        None => Ok(()),
    }
}
