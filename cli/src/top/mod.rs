//! `seawall top`: the segments as they change.

mod columns;
mod rates;
mod screen;

use crate::args::Place;
use crate::fault::Fault;
use crate::places::{self, Segment};
use crate::rows;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use rates::Rates;
use screen::{Order, Screen};
use seawall::time::Span;
use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

pub fn run(place: &Place, every: Span) -> Result<(), Fault> {
    if !io::stdout().is_terminal() {
        return Err(Fault::Usage("`top` needs a terminal; `seawall list` and `--json` are for scripts".to_owned()));
    }
    let segments = places::open(place)?;
    let mut terminal = ratatui::try_init()?;
    let result = watch(&mut terminal, place, segments, every.to_duration());
    ratatui::restore();
    result
}

/// Looks, draws, and listens to keys until somebody leaves.
fn watch(
    terminal: &mut ratatui::DefaultTerminal,
    place: &Place,
    mut segments: Vec<Segment>,
    every: Duration,
) -> Result<(), Fault> {
    let (mut screen, mut rates) = (Screen::default(), Rates::default());
    loop {
        let looked = Instant::now();
        let all = segments.iter().map(|segment| {
            let reading = segment.read();
            let rows = rows::of(&reading).into_iter().map(|row| rates.rated(&segment.name, row, looked)).collect();
            (segment.name.clone(), reading, rows)
        });
        screen.update(all.collect());
        rates.forget_what_was_not_seen(looked);
        loop {
            terminal.draw(|frame| screen.draw(frame))?;
            let left = every.saturating_sub(looked.elapsed());
            if left.is_zero() || !event::poll(left)? {
                break;
            }
            match event::read()? {
                Event::Key(key) if key.kind != KeyEventKind::Release && !obey(&mut screen, key) => return Ok(()),
                _ => {}
            }
        }
        // A file that was made anew is another file under the same name.
        if let Ok(now) = places::open(place) {
            segments = now;
        }
    }
}

/// `false`: leave.
fn obey(screen: &mut Screen, key: KeyEvent) -> bool {
    if screen.is_typing() {
        match key.code {
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return false,
            KeyCode::Char(letter) => screen.filter_push(letter),
            KeyCode::Backspace => screen.filter_pop(),
            KeyCode::Esc => screen.filter_clear(),
            KeyCode::Enter => screen.filter_done(),
            _ => {}
        }
        return true;
    }
    match key.code {
        KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return false,
        KeyCode::Char('q') | KeyCode::Esc => return false,
        KeyCode::Down | KeyCode::Char('j') => screen.move_by(1),
        KeyCode::Up | KeyCode::Char('k') => screen.move_by(-1),
        KeyCode::PageDown | KeyCode::Char(' ') => screen.move_by(screen.page()),
        KeyCode::PageUp => screen.move_by(-screen.page()),
        KeyCode::Home | KeyCode::Char('g') => screen.move_by(isize::MIN / 2),
        KeyCode::End | KeyCode::Char('G') => screen.move_by(isize::MAX / 2),
        KeyCode::Char('/') => screen.filter_begin(),
        KeyCode::Char('s') => screen.order(Order::next),
        _ => {}
    }
    true
}
