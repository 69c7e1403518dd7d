//! What `top` shows: totals, the table, the chosen policy, the processes.

use super::columns::{Column, fitting};
use super::rates::Rated;
use crate::places::Reading;
use crate::words::{count, many, plain, sign, span};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style, Stylize};
use ratatui::text::{Line, Span as Piece};
use ratatui::widgets::{Block, Borders, Cell, Paragraph, Row, Table, TableState};
use seawall::breaker::State;
use seawall::segment::ProcessInfo;
use seawall::time::Tick;

#[derive(Copy, Clone, Default, PartialEq, Eq, Debug)]
pub enum Order {
    /// What needs an eye first.
    #[default]
    Urgency,
    Name,
    Calls,
}

impl Order {
    pub fn next(self) -> Order {
        match self {
            Order::Urgency => Order::Name,
            Order::Name => Order::Calls,
            Order::Calls => Order::Urgency,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Order::Urgency => "urgency",
            Order::Name => "name",
            Order::Calls => "calls",
        }
    }
}

/// A policy of one of the segments.
pub struct Entry {
    pub segment: String,
    pub now: Tick,
    pub rated: Rated,
}

#[derive(Default)]
pub struct Screen {
    entries: Vec<Entry>,
    segments: Vec<(String, Reading)>,
    table: TableState,
    /// The chosen policy stays chosen wherever it moves to.
    chosen: Option<(String, String)>,
    order: Order,
    filter: String,
    typing: bool,
    page: isize,
}

impl Screen {
    pub fn update(&mut self, segments: Vec<(String, Reading, Vec<Rated>)>) {
        self.entries.clear();
        self.segments.clear();
        for (segment, reading, rows) in segments {
            let now = reading.now;
            let own = |rated| Entry { segment: segment.clone(), now, rated };
            self.entries.extend(rows.into_iter().map(own));
            self.segments.push((segment, reading));
        }
        self.sort();
    }

    fn sort(&mut self) {
        let order = self.order;
        self.entries.sort_by(|a, b| {
            let calls = |entry: &Entry| entry.rated.calls.unwrap_or(0.0) + entry.rated.refused.unwrap_or(0.0);
            let first = match order {
                Order::Urgency => a.rated.row.urgency().cmp(&b.rated.row.urgency()),
                Order::Calls => calls(b).total_cmp(&calls(a)),
                Order::Name => std::cmp::Ordering::Equal,
            };
            let place = |entry: &Entry| (entry.rated.row.title(), entry.segment.clone());
            first.then_with(|| place(a).cmp(&place(b)))
        });
        self.choose();
    }

    /// The entries that the filter leaves.
    fn shown(&self) -> Vec<&Entry> {
        self.entries.iter().filter(|entry| entry.rated.row.title().contains(&self.filter)).collect()
    }

    fn choose(&mut self) {
        let place = self.chosen.as_ref().and_then(|(segment, title)| {
            self.shown().iter().position(|entry| entry.segment == *segment && entry.rated.row.title() == *title)
        });
        let last = self.shown().len().checked_sub(1);
        let selected = place.or(self.table.selected().or(Some(0)).map(|index| index.min(last.unwrap_or(0))));
        self.table.select(last.and(selected));
    }

    pub fn move_by(&mut self, rows: isize) {
        let last = self.shown().len() as isize - 1;
        if last < 0 {
            return;
        }
        let to = (self.table.selected().unwrap_or(0) as isize).saturating_add(rows).clamp(0, last) as usize;
        self.table.select(Some(to));
        self.chosen = self.shown().get(to).map(|entry| (entry.segment.clone(), entry.rated.row.title()));
    }

    pub fn page(&self) -> isize {
        self.page.max(1)
    }

    pub fn order(&mut self, change: fn(Order) -> Order) {
        self.order = change(self.order);
        self.sort();
    }

    pub fn is_typing(&self) -> bool {
        self.typing
    }
    pub fn filter_begin(&mut self) {
        self.typing = true;
    }
    pub fn filter_done(&mut self) {
        self.typing = false;
    }
    pub fn filter_clear(&mut self) {
        self.filter.clear();
        self.typing = false;
        self.choose();
    }
    pub fn filter_push(&mut self, letter: char) {
        self.filter.push(letter);
        self.choose();
    }
    pub fn filter_pop(&mut self) {
        self.filter.pop();
        self.choose();
    }

    pub fn draw(&mut self, frame: &mut Frame) {
        let processes: usize = self.segments.iter().map(|(_, reading)| reading.processes.len()).sum();
        let tall = frame.area().height >= 36;
        let listed = if tall { (processes as u16 + 2).clamp(3, 10) } else { 2 };
        let rows = Layout::vertical([
            Constraint::Length(2),
            Constraint::Min(3),
            Constraint::Length(6),
            Constraint::Length(listed),
            Constraint::Length(1),
        ]);
        let [head, table, detail, below, foot] = rows.areas(frame.area());
        self.draw_head(frame, head);
        self.draw_table(frame, table);
        self.draw_detail(frame, detail);
        if tall {
            self.draw_processes(frame, below)
        } else {
            self.draw_process_line(frame, below)
        }
        self.draw_foot(frame, foot);
    }

    fn draw_head(&self, frame: &mut Frame, area: Rect) {
        let names: Vec<_> = self.segments.iter().map(|(name, _)| name.as_str()).collect();
        let processes = self.segments.iter().map(|(_, reading)| reading.processes.len());
        let title = Line::from(vec![
            " seawall ".bold().black().on_cyan(),
            Piece::raw("  "),
            names.join(", ").bold(),
            format!("  {}", many(processes.sum(), "process", "processes")).dark_gray(),
        ]);
        let with = |wanted: &[State]| {
            self.entries.iter().filter(|entry| entry.rated.row.state().is_some_and(|it| wanted.contains(&it))).count()
        };
        let total = |pick: fn(&Rated) -> Option<f64>| {
            count(self.entries.iter().filter_map(|entry| pick(&entry.rated)).sum::<f64>())
        };
        let mut pieces = vec![Piece::raw(format!(" {}   ", many(self.entries.len(), "policy", "policies")))];
        for (states, word) in [
            (&[State::Open, State::ForcedOpen][..], "open"),
            (&[State::HalfOpen], "half-open"),
            (&[State::Closed], "closed"),
            (&[State::Disabled, State::MetricsOnly], "off"),
        ] {
            let n = with(states);
            if n > 0 {
                pieces.push(Piece::styled(format!("{} {n} {word}  ", sign(states[0])), style_of(states[0])));
            }
        }
        pieces.push(Piece::raw(format!(" {} calls/s   {} refused/s", total(|it| it.calls), total(|it| it.refused))));
        frame.render_widget(Paragraph::new(vec![title, Line::from(pieces)]), area);
    }

    fn draw_table(&mut self, frame: &mut Frame, area: Rect) {
        self.page = isize::try_from(area.height).unwrap_or(1) - 2;
        let several = self.segments.len() > 1;
        let columns: Vec<&Column> = fitting(area.width, several);
        let shown = self.shown();
        let body: Vec<Row> = shown
            .iter()
            .map(|entry| Row::new(columns.iter().map(|column| (column.cell)(entry)).collect::<Vec<_>>()))
            .collect();
        let widths = columns.iter().map(|column| match column.width {
            0 => Constraint::Min(14),
            width => Constraint::Length(width),
        });
        let head = Row::new(columns.iter().map(|column| {
            let text = Line::from(column.head);
            Cell::from(if column.right { text.right_aligned() } else { text })
        }));
        let table = Table::new(body, widths)
            .header(head.style(Style::new().dark_gray()))
            .column_spacing(1)
            .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED))
            .block(Block::new().borders(Borders::TOP).border_style(Style::new().dark_gray()));
        let empty = shown.is_empty();
        frame.render_stateful_widget(table, area, &mut self.table);
        if empty {
            let words = if self.filter.is_empty() { " no policy yet" } else { " no policy matches" };
            let place = Rect { y: area.y + 2, height: 1, ..area };
            frame.render_widget(Paragraph::new(words.dark_gray()), place.intersection(area));
        }
    }

    fn draw_detail(&self, frame: &mut Frame, area: Rect) {
        let block = Block::new().borders(Borders::TOP).border_style(Style::new().dark_gray());
        let chosen = self.table.selected().and_then(|index| self.shown().get(index).copied());
        let lines = chosen.map(detail).unwrap_or_default();
        frame.render_widget(Paragraph::new(lines).block(block), area);
    }

    fn processes(&self) -> impl Iterator<Item = (&str, Tick, &ProcessInfo)> {
        self.segments.iter().flat_map(|(name, reading)| {
            reading.processes.iter().map(move |process| (name.as_str(), reading.now, process))
        })
    }

    /// How many policies a process uses.
    fn used_by(&self, segment: &str, slot: u32) -> usize {
        self.entries.iter().filter(|it| it.segment == segment && it.rated.row.processes.contains(&slot)).count()
    }

    fn draw_process_line(&self, frame: &mut Frame, area: Rect) {
        let mut pieces = vec![" processes ".dark_gray()];
        pieces
            .extend(self.processes().map(|(_, _, process)| Piece::raw(format!(" {} {} ", process.pid, process.name))));
        let block = Block::new().borders(Borders::TOP).border_style(Style::new().dark_gray());
        frame.render_widget(Paragraph::new(Line::from(pieces)).block(block), area);
    }

    fn draw_processes(&self, frame: &mut Frame, area: Rect) {
        let rows = self.processes().map(|(segment, now, process)| {
            Row::new([
                Cell::from(format!(" {}", process.pid)),
                Cell::from(process.name.clone()),
                Cell::from(Line::from(span(now.since(Tick(process.since)))).right_aligned()),
                Cell::from(Line::from(self.used_by(segment, process.slot).to_string()).right_aligned()),
                Cell::from(segment.to_owned()),
            ])
        });
        let widths = [10, 32, 10, 8, 24].map(Constraint::Length);
        let head = Row::new([
            Cell::from(" PROCESS"),
            Cell::from("PROGRAM"),
            Cell::from(Line::from("FOR").right_aligned()),
            Cell::from(Line::from("POLICIES").right_aligned()),
            Cell::from("SEGMENT"),
        ]);
        let table = Table::new(rows, widths)
            .header(head.style(Style::new().dark_gray()))
            .block(Block::new().borders(Borders::TOP).border_style(Style::new().dark_gray()));
        frame.render_widget(table, area);
    }

    fn draw_foot(&self, frame: &mut Frame, area: Rect) {
        let line = if self.typing || !self.filter.is_empty() {
            let cursor = if self.typing { "▏  enter keeps it, esc ends it" } else { "   / to change" };
            Line::from(vec![" filter ".dark_gray(), self.filter.clone().bold(), cursor.dark_gray()])
        } else {
            // Which of how many, as the table may be longer than the screen.
            let place = match (self.table.selected(), self.shown().len()) {
                (Some(index), count) => format!(" ({} of {count})", index + 1),
                (None, _) => String::new(),
            };
            let order = format!("order: {}", self.order.word());
            Line::from(format!(" ↑↓ choose{place}   / filter   s {order}   q leave").dark_gray())
        };
        frame.render_widget(Paragraph::new(line), area);
    }
}

pub fn style_of(state: State) -> Style {
    match state {
        State::Closed => Style::new().fg(Color::Green),
        State::HalfOpen => Style::new().fg(Color::Yellow).bold(),
        State::Open | State::ForcedOpen => Style::new().fg(Color::Red).bold(),
        State::Disabled | State::MetricsOnly => Style::new().fg(Color::DarkGray),
    }
}

/// Up to five lines about the chosen policy.
fn detail(entry: &Entry) -> Vec<Line<'static>> {
    let row = &entry.rated.row;
    let mut first = vec![format!(" {}  ", row.title()).bold()];
    let mut lines = Vec::new();
    if let Some(shot) = &row.breaker {
        first.push(Piece::styled(format!("{} {}", sign(shot.state), plain(shot.state.as_str())), style_of(shot.state)));
        let more = match (shot.retry_after, shot.permits_left) {
            (_, Some(left)) => format!("  {} left", many(left as usize, "probe", "probes")),
            (Some(left), None) => format!("  next try in {}", span(left)),
            _ => String::new(),
        };
        first.push(Piece::raw(more));
        if let Some(last) = shot.last_transition {
            lines.push(Line::from(format!(
                " {} ago: {} → {}, {}",
                span(entry.now.since(last.at)),
                plain(last.from.as_str()),
                plain(last.to.as_str()),
                plain(last.reason.as_str())
            )));
        }
        lines.push(Line::from(format!(
            " window: {} of {} failed, {} slow, {} in a row",
            count(shot.failures as f64),
            many(shot.calls as usize, "call", "calls"),
            count(shot.slow as f64),
            count(shot.consecutive_failures as f64)
        )));
        lines.push(Line::from(format!(
            " ever: {} succeeded, {} failed, {} refused",
            count(shot.totals.success as f64),
            count(shot.totals.failure as f64),
            count(shot.totals.rejected as f64)
        )));
    }
    let mut rest = Vec::new();
    if let Some(shot) = &row.bulkhead {
        rest.push(format!("bulkhead {} of {} in use, {} waiting", shot.in_use, shot.limit, shot.queued));
    }
    if let Some(shot) = &row.budget {
        rest.push(format!("retry budget {:.1} left", shot.balance));
    }
    rest.extend(
        row.cost.iter().map(|it| format!("{} {} of {}", it.amount, count(it.used as f64), count(it.limit as f64))),
    );
    if !rest.is_empty() {
        lines.push(Line::from(format!(" {}", rest.join("   "))));
    }
    lines.insert(0, Line::from(first));
    lines
}

#[cfg(test)]
mod tests;
