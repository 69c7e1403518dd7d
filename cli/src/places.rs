//! Which segments are meant.

use crate::args::Place;
use crate::fault::Fault;
use seawall::segment::{CellView, ProcessInfo, SegmentOptions, View};
use seawall::time::Tick;
use std::path::{Path, PathBuf};

/// A segment that can be read.
pub struct Segment {
    pub name: String,
    pub view: View,
}

/// What it held at one instant.
#[derive(Clone)]
pub struct Reading {
    pub now: Tick,
    pub processes: Vec<ProcessInfo>,
    pub cells: Vec<CellView>,
}

impl Segment {
    pub fn read(&self) -> Reading {
        Reading { now: self.view.now(), processes: self.view.processes(), cells: self.view.cells() }
    }
}

/// The folder that is meant.
fn folder(place: &Place) -> Result<PathBuf, Fault> {
    match (&place.dir, &place.user) {
        (Some(folder), _) => Ok(folder.clone()),
        (None, Some(user)) => Ok(format!("/dev/shm/seawall-{}", user_id(user)?).into()),
        (None, None) => Ok(SegmentOptions::default().folder()),
    }
}

/// Every segment that is meant and can be read; those that cannot be are said on standard error.
/// An error if there is none.
pub fn open(place: &Place) -> Result<Vec<Segment>, Fault> {
    let folder = folder(place)?;
    let wanted = |name: &String| place.segment.as_ref().is_none_or(|wanted| wanted == name);
    let (mut segments, mut faults) = (Vec::new(), Vec::new());
    for name in View::names(Some(&folder)).into_iter().filter(wanted) {
        let options = SegmentOptions { dir: Some(folder.clone()), name: name.clone(), ..SegmentOptions::default() };
        match View::open(&options) {
            Ok(Some(view)) => segments.push(Segment { name, view }),
            // Gone since it was listed.
            Ok(None) => {}
            Err(error) => faults.push(Fault::Segment(error)),
        }
    }
    if segments.is_empty() {
        return Err(faults.pop().unwrap_or_else(|| nothing(place, &folder)));
    }
    for fault in faults {
        eprintln!("seawall: {fault}");
    }
    Ok(segments)
}

fn nothing(place: &Place, folder: &Path) -> Fault {
    let which = place.segment.as_ref().map(|name| format!(" `{name}`")).unwrap_or_default();
    let there: Vec<(String, u64)> = View::names_and_versions(Some(folder))
        .into_iter()
        .filter(|(name, version)| *version != View::VERSION && place.segment.as_ref().is_none_or(|own| own == name))
        .collect();
    let is_there = folder.exists();
    let folder = folder.display();
    Fault::NotThere(if place.dir.is_some() && !is_there {
        format!("there is no folder {folder}: `--dir` and SEAWALL_HOST_DIR name what the services have as `host.dir`")
    } else if there.is_empty() {
        let why = match (which.is_empty(), place.dir.is_some()) {
            (false, _) => "; leave `--segment` out to see all",
            (true, true) => ": no process has written a policy with scope = \"host\" there",
            (true, false) => ": no process of this user has a policy with scope = \"host\"",
        };
        format!("no segment{which} in {folder}{why}")
    } else {
        let own = View::VERSION;
        let others: Vec<String> =
            there.iter().map(|(name, version)| format!("`{name}` of version {version}")).collect();
        format!(
            "no segment{which} of version {own} in {folder}, which is the one this command reads; there is {}, from \
             another release of Seawall: use the command of that release, or bring all processes to one release",
            others.join(", ")
        )
    })
}

/// A user by number, or by the name that the password file knows.
fn user_id(user: &str) -> Result<u32, Fault> {
    if let Ok(id) = user.parse() {
        return Ok(id);
    }
    let users = std::fs::read_to_string("/etc/passwd")?;
    users
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(':');
            (fields.next()? == user).then(|| fields.nth(1)?.parse().ok()).flatten()
        })
        .next()
        .ok_or_else(|| Fault::Usage(format!("no user `{user}`: a name of /etc/passwd or a number is needed")))
}
