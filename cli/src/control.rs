//! `reset`, `open`, `close`, `disable`, `enable`: what changes a circuit for every process at once.

use crate::args::{Command, Named, Place};
use crate::fault::Fault;
use crate::places;
use crate::print;
use crate::rows;
use crate::show::{is_meant, unknown};
use crate::words::{many, plain};
use seawall::breaker::Control;
use seawall::segment::{CellKind, CellView};
use serde_json::json;

pub fn run(place: &Place, command: &Command, as_json: bool) -> Result<(), Fault> {
    let Some((policy, control)) = meant(command) else {
        return Err(Fault::Usage("no such action".to_owned()));
    };
    let segments = places::open(place)?;
    let (mut changed, mut known) = (0, Vec::new());
    for segment in &segments {
        let reading = segment.read();
        let named = |cell: &&CellView| {
            cell.name == policy.name && policy.key.as_ref().is_none_or(|key| rows::key_of(cell).as_ref() == Some(key))
        };
        for cell in reading.cells.iter().filter(|cell| cell.kind == CellKind::Breaker).filter(named) {
            changed += usize::from(segment.view.control(cell, control)?);
        }
        known.extend(rows::of(&reading));
    }
    let named = || known.iter().filter(|row| is_meant(row, policy));
    if changed == 0 {
        return Err(match named().next() {
            Some(_) => Fault::NotThere(format!("policy `{}` has no breaker", policy.name)),
            None => unknown(policy, known.iter()),
        });
    }
    let states: Vec<_> = segments
        .iter()
        .flat_map(|segment| rows::of(&segment.read()))
        .filter(|row| is_meant(row, policy))
        .filter_map(|row| Some((row.title(), row.state()?)))
        .collect();
    if as_json {
        let states: serde_json::Map<_, _> =
            states.into_iter().map(|(title, state)| (title, json!(state.as_str()))).collect();
        return print(&format!("{}\n", json!({ "changed": changed, "states": states })));
    }
    let mut text = String::new();
    for (title, state) in states.iter().take(20) {
        text += &format!("{title}: {}\n", plain(state.as_str()));
    }
    if states.len() > 20 {
        text += &format!("and {} more\n", many(states.len() - 20, "circuit", "circuits"));
    }
    print(&text)
}

fn meant(command: &Command) -> Option<(&Named, Control)> {
    Some(match command {
        Command::Reset { policy } => (policy, Control::Reset),
        Command::Open { policy, forced: true, .. } => (policy, Control::ForceOpen),
        Command::Open { policy, span: Some(span), .. } => (policy, Control::OpenFor(*span)),
        Command::Open { policy, .. } => (policy, Control::Open),
        Command::Close { policy } | Command::Enable { policy } => (policy, Control::Close),
        Command::Disable { policy } => (policy, Control::Disable),
        _ => return None,
    })
}
