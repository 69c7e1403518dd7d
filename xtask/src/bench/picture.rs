//! Bars of what each library adds to a call, as an SVG that follows the reader's light or dark scheme.

use super::budget::shown;
use super::lines::{OURS, Unit};
use super::record::{Entry, Record};
use std::fmt::Write;

const WIDTH: f64 = 860.0;
const NAMES: f64 = 230.0;
const BARS: f64 = 520.0;
const BAR: f64 = 16.0;
const GAP: f64 = 5.0;

const STYLE: &str = "\
.ground{fill:#fff}.text{fill:#1f2328}.faint{fill:#656d76}.line{stroke:#d0d7de}.ours{fill:#0969da}.peer{fill:#afb8c1}
@media(prefers-color-scheme:dark){.ground{fill:#0d1117}.text{fill:#e6edf3}.faint{fill:#8d96a0}.line{stroke:#30363d}\
.ours{fill:#4493f8}.peer{fill:#57606a}}
text{font:12px system-ui,sans-serif}.title{font-weight:600}";

/// None if no case has a peer beside us.
pub fn draw(lang: &str, record: &Record) -> Option<String> {
    let groups: Vec<(&str, Vec<&Entry>)> = record
        .titles()
        .into_iter()
        .map(|title| (title, bars(record, title)))
        .filter(|(_, bars)| bars.len() > 1 && bars.iter().any(|bar| bar.library == OURS))
        .collect();
    let most = groups.iter().flat_map(|(_, bars)| bars).map(|bar| bar.added).reduce(f64::max)?;
    let scale = Scale { decades: most.max(10.0).log10() };
    let height = 56.0 + groups.iter().map(|(_, bars)| 26.0 + bars.len() as f64 * (BAR + GAP) + 8.0).sum::<f64>();
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"img\" \
         aria-label=\"{lang}: nanoseconds added to a call\">\n<style>{STYLE}</style>\n\
         <rect class=\"ground\" width=\"{WIDTH}\" height=\"{height:.0}\"/>\n\
         <text class=\"faint\" x=\"12\" y=\"22\">nanoseconds added to a call, each step of the scale ten times the \
         last; of Seawall the slowest row, of the others the quickest</text>\n"
    );
    axis(&mut svg, &scale, height);
    let mut y = 60.0;
    for (title, bars) in &groups {
        let _ = writeln!(svg, "<text class=\"text title\" x=\"12\" y=\"{:.0}\">{}</text>", y + 8.0, escaped(title));
        y += 18.0;
        for entry in bars {
            bar(&mut svg, entry, y, &scale);
            y += BAR + GAP;
        }
        y += 16.0;
    }
    svg.push_str("</svg>\n");
    Some(svg)
}

/// Of each library one row.
fn bars<'a>(record: &'a Record, title: &str) -> Vec<&'a Entry> {
    let mut bars: Vec<&Entry> = Vec::new();
    // Quickest first: a library's first row is its quickest, its last one its slowest.
    let entries = record.of(title).into_iter().filter(|entry| entry.unit == Unit::Ns && entry.case != "window sweep");
    for entry in entries.filter(|entry| entry.unranked.is_none()) {
        match bars.iter().position(|bar| bar.library == entry.library) {
            Some(there) if entry.library == OURS => drop(bars.remove(there)),
            Some(_) => continue,
            None => {}
        }
        bars.push(entry);
    }
    bars
}

/// Logarithmic, from one nanosecond.
struct Scale {
    decades: f64,
}

impl Scale {
    fn width(&self, nanoseconds: f64) -> f64 {
        (nanoseconds.max(1.0).log10() / self.decades * BARS).max(2.0)
    }
}

fn axis(svg: &mut String, scale: &Scale, height: f64) {
    for decade in 0..=scale.decades.floor() as i32 {
        let value = 10f64.powi(decade);
        let x = NAMES + if decade == 0 { 0.0 } else { scale.width(value) };
        let _ = writeln!(
            svg,
            "<line class=\"line\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"46\" y2=\"{:.0}\"/><text class=\"faint\" x=\"{x:.1}\" \
             y=\"41\" text-anchor=\"middle\">{}</text>",
            height - 10.0,
            time(value).replace(".00", "").replace(".0", "")
        );
    }
}

fn bar(svg: &mut String, entry: &Entry, y: f64, scale: &Scale) {
    let (class, width, middle) =
        (if entry.library == OURS { "ours" } else { "peer" }, scale.width(entry.added), y + 12.5);
    let _ = writeln!(
        svg,
        "<text class=\"text\" x=\"{:.0}\" y=\"{middle}\" text-anchor=\"end\">{}</text><rect class=\"{class}\" x=\"{NAMES}\" \
         y=\"{y}\" width=\"{width:.1}\" height=\"{BAR}\" rx=\"2\"/><text class=\"text\" x=\"{:.1}\" y=\"{middle}\">{}</text>",
        NAMES - 8.0,
        escaped(&entry.library),
        NAMES + width + 6.0,
        time(entry.added)
    );
}

fn time(nanoseconds: f64) -> String {
    match nanoseconds {
        small if small < 1e3 => format!("{} ns", shown(small)),
        middle if middle < 1e6 => format!("{} µs", shown(middle / 1e3)),
        large => format!("{} ms", shown(large / 1e6)),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
