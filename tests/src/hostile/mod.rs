//! A segment in strange hands: nobody who uses it or looks at it is harmed, and nobody is fooled in
//! silence.
//!
//! What is held here, whatever stands in the file: nothing panics (the processes that ask would end),
//! every number that is shown is within its range, and each part is either shared, so that what one
//! process does is seen by another, or its process goes on by itself and has said so in one `internal`
//! event.

pub mod fuzzed;
mod process;
mod ranges;
mod recovery;
mod scribble;
pub mod seeds;

pub use process::Process;
pub use scribble::{Mode, Sweep};

use seawall::segment::{PartView, SegmentOptions, View};

/// Everything that the control room reads, and that it is within its ranges. `Ok(false)` where the
/// file is refused.
pub fn look(options: &SegmentOptions) -> Result<bool, String> {
    match View::open(options) {
        Ok(Some(view)) => look_at(&view).map(|()| true),
        Ok(None) | Err(_) => Ok(false),
    }
}

/// The same of a segment that is open.
pub fn look_at(view: &View) -> Result<(), String> {
    let (bytes, used) = view.size();
    if used > bytes {
        return Err(format!("{used} bytes of {bytes} are in use"));
    }
    let processes = view.processes();
    if let Some(odd) = processes.iter().find(|process| process.slot > 255 || process.name.len() > 4 * 32) {
        return Err(format!("a process that cannot be: {odd:?}"));
    }
    for cell in view.cells() {
        let name = format!("view of {} `{}`", cell.kind.as_str(), cell.name);
        if let Some(odd) = cell.users.iter().find(|user| processes.iter().all(|process| process.slot != **user)) {
            return Err(format!("{name}: used by {odd}, who is not there"));
        }
        match &cell.part {
            PartView::Breaker(part) => ranges::breaker(&name, &part.0, &part.1)?,
            PartView::Bulkhead(shot, config) => ranges::bulkhead(&name, shot, config.limit)?,
            PartView::Budget(shot, rule) => ranges::budget(&name, shot, rule)?,
            PartView::Cost(amounts, config) => ranges::cost(&name, amounts, config)?,
            PartView::Damaged => {}
        }
    }
    // Read by a machine: a line is a name, labels and a number.
    for line in view.metrics().lines().filter(|line| !line.starts_with('#')) {
        let value = line.rsplit_once(' ').and_then(|(_, value)| value.parse::<f64>().ok());
        if !value.is_some_and(|value| value >= 0.0) {
            return Err(format!("a line of metrics that is none: {line:?}"));
        }
    }
    Ok(())
}
