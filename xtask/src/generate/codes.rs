//! The lists that every language has in common: codes of errors, outcomes, states, kinds of events.

use super::NOTICE;
use seawall::breaker::State;
use seawall::config::Preset;
use seawall::error::{Code, ConfigCode};
use seawall::event::EventKind;
use seawall::outcome::Outcome;
use seawall::retry::Stop;

pub struct List {
    pub doc: &'static str,
    /// Upper case with `_`.
    pub name: &'static str,
    pub entries: Vec<(&'static str, i64)>,
}

/// Names with their numbers; `-1` where there are only names.
pub fn lists() -> Vec<List> {
    let codes = Code::ALL.into_iter().filter(|code| *code != Code::Ok);
    let config = ConfigCode::ALL.into_iter().map(|code| (code.as_str(), -1));
    vec![
        List {
            doc: "What can go wrong.",
            name: "CODES",
            entries: codes.map(|code| (code.as_str(), code as i64)).collect(),
        },
        List { doc: "What can be wrong with a configuration.", name: "CONFIG_CODES", entries: config.collect() },
        List {
            doc: "How an attempt ends.",
            name: "OUTCOMES",
            entries: Outcome::ALL.into_iter().map(|outcome| (outcome.as_str(), outcome as i64)).collect(),
        },
        List {
            doc: "What a circuit does.",
            name: "STATES",
            entries: State::ALL.into_iter().map(|state| (state.as_str(), state as i64)).collect(),
        },
        List {
            doc: "What happens.",
            name: "EVENT_KINDS",
            entries: EventKind::ALL.into_iter().map(|kind| (kind.as_str(), kind as i64)).collect(),
        },
        List {
            doc: "Why there is no further retry.",
            name: "STOP_REASONS",
            entries: Stop::ALL.into_iter().map(|stop| (stop.as_str(), stop as i64)).collect(),
        },
        List {
            doc: "Values for a kind of environment.",
            name: "PRESETS",
            entries: Preset::ALL.into_iter().map(|preset| (preset.as_str(), -1)).collect(),
        },
    ]
}

pub fn python() -> String {
    let mut page = format!(
        "# {NOTICE}\n\"\"\"Lists that all languages share: names, and their numbers where they have one.\"\"\"\n\nfrom typing import Final\n"
    );
    for list in lists() {
        page += &format!("\n#: {}\n", list.doc);
        let is_numbered = list.entries.iter().all(|(_, number)| *number >= 0);
        if is_numbered {
            page += &format!("{}: Final[dict[str, int]] = {{\n", list.name);
            for (name, number) in list.entries {
                page += &format!("    \"{name}\": {number},\n");
            }
            page += "}\n";
        } else {
            page += &format!("{}: Final[tuple[str, ...]] = (\n", list.name);
            for (name, _) in list.entries {
                page += &format!("    \"{name}\",\n");
            }
            page += ")\n";
        }
    }
    page
}

pub fn typescript() -> String {
    let mut page = format!("// {NOTICE}\n");
    for list in lists() {
        page += &format!("\n/** {} */\n", list.doc);
        let is_numbered = list.entries.iter().all(|(_, number)| *number >= 0);
        if is_numbered {
            page += &format!("export const {} = {{\n", list.name);
            for (name, number) in list.entries {
                page += &format!("  {name}: {number},\n");
            }
            page += "} as const;\n";
        } else {
            let names: Vec<String> = list.entries.iter().map(|(name, _)| format!("'{name}'")).collect();
            page += &format!("export const {} = [{}] as const;\n", list.name, names.join(", "));
        }
    }
    page
}
