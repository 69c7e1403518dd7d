//! `bindings-c/include/seawall.h`, made of the sources of `seawall-c`.

use super::super::Outcome;
use cbindgen::{Builder, Config, DocumentationStyle, Language, Style};
use std::fs;
use std::path::Path;

/// The rooms of the crate in the order of the header.
const SOURCES: [&str; 20] = [
    "version",
    "text",
    "status",
    "registry",
    "clock",
    "policy",
    "overlay",
    "shape",
    "step",
    "call",
    "attempt",
    "explain",
    "admission",
    "breaker",
    "bulkhead",
    "schedule",
    "budget",
    "cost",
    "events",
    "classify",
];

const TOP: &str = "\
/* Generated from the sources of seawall-c; do not edit. Make it anew with: cargo xtask gen
 *
 * Seawall: circuit breakers, retries, bulkheads and timeouts that decide the same in every language.
 *
 * What holds for every function:
 * - Names are seawall_<noun>_<verb>. Handles are opaque, counted, and may be NULL only where it says
 *   so; freeing NULL is nothing.
 * - A pointer that is not NULL must point to what its type says, and stay so until the function
 *   returns; none is kept. Text is UTF-8 with a length and needs no zero byte.
 * - Outputs come last and are set even on failure: NULL, 0, SEAWALL_NONE.
 * - A struct that begins with `size` is told its size by the caller; new fields come at its end.
 * - Nothing blocks, sleeps, calls back or writes to standard output. No panic crosses: it becomes
 *   SEAWALL_PANICKED, and a decision becomes \"run it\".
 * - Lengths of time and instants are nanoseconds.
 */";

const AFTER_INCLUDES: &str = "\
/* Text from a literal: SEAWALL_STR(\"identity\"). */
#ifdef __cplusplus
#define SEAWALL_STR(literal) (seawall_str{(literal), sizeof(literal) - 1})
#else
#define SEAWALL_STR(literal) ((seawall_str){(literal), sizeof(literal) - 1})
#endif

/* Where this is written, \"file.c:12\": for seawall_policy_new_at. */
#define SEAWALL_HERE SEAWALL_STR(__FILE__ \":\" SEAWALL_TEXT_OF(__LINE__))
#define SEAWALL_TEXT_OF(value) SEAWALL_TEXT_OF_(value)
#define SEAWALL_TEXT_OF_(value) #value
";

/// Writes the header, or says that it is not up to date.
pub fn run(root: &Path, check: bool) -> Outcome {
    let path = root.join("bindings-c/include/seawall.h");
    let fresh = render(root)?;
    let known = fs::read_to_string(&path).unwrap_or_default();
    if fresh == known {
        return Ok(());
    }
    if check {
        return Err("bindings-c/include/seawall.h is not what the sources say; run: cargo xtask gen".into());
    }
    Ok(fs::write(&path, fresh).map_err(|error| format!("{}: {error}", path.display()))?)
}

fn render(root: &Path) -> Result<String, String> {
    let mut config = Config {
        language: Language::C,
        cpp_compat: true,
        header: Some(TOP.into()),
        after_includes: Some(AFTER_INCLUDES.into()),
        include_guard: Some("SEAWALL_H".into()),
        no_includes: true,
        sys_includes: vec!["stddef.h".into(), "stdint.h".into()],
        usize_is_size_t: true,
        style: Style::Type,
        documentation_style: DocumentationStyle::C99,
        line_length: 110,
        tab_width: 2,
        ..Config::default()
    };
    config.structure.associated_constants_in_body = false;
    config.export.exclude = ["PASSED", "LONGEST_KEY"].map(String::from).to_vec();
    let mut builder = Builder::new().with_config(config);
    for source in SOURCES {
        builder = builder.with_src(root.join(format!("bindings-c/src/{source}.rs")));
    }
    let bindings = builder.generate().map_err(|error| format!("the header cannot be made: {error}"))?;
    let mut bytes = Vec::new();
    bindings.write(&mut bytes);
    String::from_utf8(bytes).map_err(|error| error.to_string())
}
