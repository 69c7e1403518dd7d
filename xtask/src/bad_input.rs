//! Bad input: for each kind the vector or the tests that show how it ends.

use crate::Outcome;
use std::fs;
use std::path::Path;

const LIST: &str = "tests/bad-input.toml";

/// What the list must speak of.
const KINDS: [&str; 21] = [
    "an unknown option",
    "a misspelt option",
    "a wrong type",
    "a negative duration",
    "an absurd duration",
    "a duration without a unit",
    "a limit of zero",
    "a rate above 1",
    "TOML that does not parse",
    "names that are not UTF-8",
    "an empty name",
    "a name of 10 kB",
    "NULL",
    "misuse of the contract",
    "a function that is not callable",
    "a classifier that throws",
    "a hook that throws",
    "a listener that throws",
    "10 million retries",
    "delays that overflow",
    "a clock that jumps",
];

const LANGUAGES: [(&str, &str); 5] = [
    ("rust", "core/tests/"),
    ("python", "bindings-python/tests/"),
    ("node", "bindings-node/test/"),
    ("go", "bindings-go/"),
    ("c", "bindings-c/tests/"),
];

/// Every kind is listed, every vector and test exists, and no language is left out in silence.
pub fn check(root: &Path) -> Outcome {
    let list: toml::Value = toml::from_str(&fs::read_to_string(root.join(LIST))?)?;
    let inputs = list.get("input").and_then(toml::Value::as_array).cloned().unwrap_or_default();
    let what = |input: &toml::Value| input.get("what").and_then(toml::Value::as_str).unwrap_or_default().to_owned();
    for kind in KINDS {
        let entry = inputs.iter().find(|input| what(input) == kind).ok_or(format!("{LIST} lacks `{kind}`"))?;
        one(root, entry).map_err(|wrong| format!("{LIST}, {kind}: {wrong}"))?;
    }
    match inputs.iter().map(what).find(|what| !KINDS.contains(&what.as_str())) {
        Some(other) => Err(format!("{LIST} speaks of `{other}`, which nobody asks for").into()),
        None => Ok(()),
    }
}

fn one(root: &Path, entry: &toml::Value) -> Result<(), String> {
    let words = |key: &str| -> Vec<String> {
        let list = entry.get(key).and_then(toml::Value::as_array).cloned().unwrap_or_default();
        list.iter().filter_map(|word| word.as_str().map(str::to_owned)).collect()
    };
    let (vectors, tests, without) = (words("vectors"), words("tests"), words("without"));
    for vector in &vectors {
        if !root.join("tests/vectors").join(format!("{vector}.json")).exists() {
            return Err(format!("there is no vector {vector}"));
        }
    }
    for test in &tests {
        let (file, name) = test.split_once("::").ok_or_else(|| format!("`{test}` names no test"))?;
        let source = fs::read_to_string(root.join(file)).map_err(|error| format!("{file}: {error}"))?;
        let known = ["fn ", "def ", "func ", "void "].map(|word| format!("{word}{name}("));
        if !known.iter().any(|known| source.contains(known)) && !source.contains(&format!("test('{name}'")) {
            return Err(format!("{file} has no test `{name}`"));
        }
    }
    // A vector runs in every language.
    for (language, folder) in LANGUAGES.iter().filter(|_| vectors.is_empty()) {
        let is_tested = tests.iter().any(|test| test.starts_with(folder));
        if is_tested == without.iter().any(|own| own == language) {
            return Err(format!("{language} needs a test, or a reason to be without one"));
        }
    }
    Ok(())
}
