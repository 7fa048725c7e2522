//! The view's thread: reads keys and draws, eight times a second and when the size changes. The voice never waits for it.
//!
//! # Timers
//! - The next picture: every [`REFRESH`]; between pictures the thread sleeps in the wait for a key.

use std::time::Duration;

use ratatui::crossterm::event::{self, Event};
use tokio::sync::{mpsc, oneshot};

use super::draw::draw;
use super::keys::{Action, Press, press};
use super::palette::Palette;
use super::{Handle, logs, terminal};
use crate::clock;
use crate::events::Paint;

/// From one picture to the next.
const REFRESH: Duration = Duration::from_millis(125);
/// Lines of the log that the picture has room for at most.
const LOG_LINES: usize = 40;

/// Where keys are told.
#[derive(Debug)]
pub(super) struct Keys {
    pub(super) asked: mpsc::Sender<Action>,
    pub(super) interrupt: mpsc::Sender<()>,
}

/// Starts the thread; what is given tells its end.
pub(super) fn start(terminal: terminal::Screen, handle: Handle, keys: Keys) -> oneshot::Receiver<()> {
    let (closed, is_closed) = oneshot::channel();
    std::thread::spawn(move || {
        run(terminal, &handle, &keys);
        // Also on a terminal that failed: plain lines are seen again.
        terminal::restore();
        let _ = closed.send(());
    });
    is_closed
}

/// Shows the model until it is gone, or the terminal fails.
fn run(mut terminal: terminal::Screen, handle: &Handle, keys: &Keys) {
    let palette = Palette { colours: Paint::stdout().is_on() };
    let mut due = clock::now();
    loop {
        let now = clock::now();
        if now >= due {
            due = now + REFRESH;
            if !show(&mut terminal, handle, palette) {
                return;
            }
        }
        match event::poll(due.saturating_duration_since(now)) {
            Ok(true) => match event::read() {
                Ok(Event::Key(key)) => {
                    let pressed = handle.model().as_mut().map(|model| press(&key, model));
                    obey(pressed.unwrap_or(Press::Nothing), keys);
                    due = clock::now();
                }
                Ok(Event::Resize(..)) => due = clock::now(),
                Ok(_) => {}
                Err(_) => return,
            },
            Ok(false) => {}
            Err(_) => return,
        }
    }
}

/// Draws one picture; false when there is nothing to show any more, or nowhere.
fn show(terminal: &mut terminal::Screen, handle: &Handle, palette: Palette) -> bool {
    let picture = || {
        let drawn = terminal.draw(|frame| {
            // The lock is held while the picture is composed, and not while a slow terminal takes it.
            if let Some(model) = handle.model().as_mut() {
                model.on_sound(&handle.0.meters);
                model.log = logs::newest(LOG_LINES);
                draw(model, frame, palette);
            }
        });
        drawn.map(|_| ())
    };
    handle.model().is_some() && terminal::draw(picture).unwrap_or(false)
}

fn obey(press: Press, keys: &Keys) {
    // A full queue means that the same was asked for and is being done.
    match press {
        Press::Asks(action) => drop(keys.asked.try_send(action)),
        Press::Interrupts => drop(keys.interrupt.try_send(())),
        Press::Shows | Press::Nothing => {}
    }
}
