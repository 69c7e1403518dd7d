//! The columns of `top`: what each shows, and how wide a screen must be for it.

use super::screen::{Entry, style_of};
use crate::words::{count, percent, plain, sign, span};
use ratatui::style::{Color, Style, Stylize};
use ratatui::text::{Line, Span as Piece};
use ratatui::widgets::Cell;
use seawall::breaker::BreakerSnapshot;

pub struct Column {
    pub head: &'static str,
    /// 0: what is left.
    pub width: u16,
    pub right: bool,
    /// The narrowest screen that shows it.
    from: u16,
    pub cell: fn(&Entry) -> Cell<'static>,
}

const COLUMNS: [Column; 14] = [
    Column { head: " POLICY", width: 0, right: false, from: 0, cell: |it| text(format!(" {}", it.rated.row.title())) },
    Column { head: "SEGMENT", width: 14, right: false, from: 130, cell: |it| text(it.segment.clone()) },
    Column { head: "STATE", width: 14, right: false, from: 0, cell: state },
    Column { head: "CALLS/S", width: 7, right: true, from: 0, cell: |it| number(it.rated.calls.map(count)) },
    Column { head: "FAILED", width: 6, right: true, from: 0, cell: failed },
    Column { head: "REFUSED/S", width: 9, right: true, from: 0, cell: refused },
    Column { head: "PERMITS", width: 8, right: true, from: 0, cell: permits },
    Column { head: "RETRY", width: 7, right: true, from: 72, cell: retry_in },
    Column { head: "CHANGED", width: 7, right: true, from: 80, cell: changed },
    Column { head: "BECAUSE", width: 22, right: false, from: 104, cell: because },
    Column { head: "WINDOW", width: 12, right: true, from: 150, cell: window },
    Column { head: "SLOW", width: 6, right: true, from: 150, cell: slow },
    Column { head: "PROCESSES", width: 9, right: true, from: 170, cell: used_by },
    Column { head: "TREND", width: 20, right: false, from: 190, cell: trend },
];

/// The columns that a screen has room for.
pub fn fitting(width: u16, several: bool) -> Vec<&'static Column> {
    COLUMNS.iter().filter(|column| width >= column.from && (several || column.head != "SEGMENT")).collect()
}

fn text(text: String) -> Cell<'static> {
    Cell::from(text)
}

fn number(text: Option<String>) -> Cell<'static> {
    Cell::from(Line::from(text.unwrap_or_else(|| "–".to_owned())).right_aligned())
}

fn state(it: &Entry) -> Cell<'static> {
    let Some(state) = it.rated.row.state() else { return Cell::from("–".dark_gray()) };
    Cell::from(Piece::styled(format!("{} {}", sign(state), plain(state.as_str())), style_of(state)))
}

fn failed(it: &Entry) -> Cell<'static> {
    let rate = it.rated.failed;
    let style = match rate {
        Some(rate) if rate >= 0.5 => Style::new().fg(Color::Red),
        Some(rate) if rate > 0.0 => Style::new().fg(Color::Yellow),
        _ => Style::new(),
    };
    number(Some(percent(rate))).style(style)
}

fn refused(it: &Entry) -> Cell<'static> {
    let style = if it.rated.refused.is_some_and(|n| n > 0.0) { Style::new().fg(Color::Red) } else { Style::new() };
    number(it.rated.refused.map(count)).style(style)
}

fn permits(it: &Entry) -> Cell<'static> {
    let Some(shot) = &it.rated.row.bulkhead else { return number(None) };
    let waiting = if shot.queued > 0 { format!("+{}", count(shot.queued as f64)) } else { String::new() };
    let full = shot.in_use >= u64::from(shot.limit);
    let style = if full { Style::new().fg(Color::Yellow) } else { Style::new() };
    number(Some(format!("{}/{}{waiting}", shot.in_use, shot.limit))).style(style)
}

fn breaker(it: &Entry, show: impl Fn(&BreakerSnapshot) -> Option<String>) -> Cell<'static> {
    number(it.rated.row.breaker.as_ref().and_then(show))
}

fn retry_in(it: &Entry) -> Cell<'static> {
    // A probe that may be sent is no wait.
    breaker(it, |shot| shot.retry_after.filter(|_| shot.permits_left.is_none_or(|left| left == 0)).map(span))
}

fn changed(it: &Entry) -> Cell<'static> {
    breaker(it, |shot| shot.last_transition.map(|last| span(it.now.since(last.at))))
}

fn because(it: &Entry) -> Cell<'static> {
    let last = it.rated.row.breaker.and_then(|shot| shot.last_transition);
    text(last.map_or_else(|| "–".to_owned(), |last| plain(last.reason.as_str())))
}

fn window(it: &Entry) -> Cell<'static> {
    breaker(it, |shot| Some(format!("{}/{}", count(shot.failures as f64), count(shot.calls as f64))))
}

fn slow(it: &Entry) -> Cell<'static> {
    breaker(it, |shot| Some(percent(shot.slow_rate)))
}

fn used_by(it: &Entry) -> Cell<'static> {
    number(Some(it.rated.row.processes.len().to_string()))
}

fn trend(it: &Entry) -> Cell<'static> {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let latest = &it.rated.trend[it.rated.trend.len().saturating_sub(20)..];
    let top = latest.iter().copied().max().unwrap_or(0).max(1);
    let bar = |n: &u64| if *n == 0 { ' ' } else { BARS[(*n * 7 / top) as usize] };
    Cell::from(latest.iter().map(bar).collect::<String>().cyan())
}
