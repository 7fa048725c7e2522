//! The live view: who, how it is sealed, the path, how the call fares, with keys to mute and to hang up.
//!
//! It is shown when a person watches: standard input and output are a terminal, and neither `--json` nor `--plain` is
//! given. [`Model`] is told what happens, [`draw`](draw::draw) shows it, one thread of its own reads keys and draws eight
//! times a second; the voice passes none of this. Plain lines and warnings are held back meanwhile and printed when the
//! terminal is given back; the last two that no other row shows stand in rows of their own.
//!
//! # Left out
//! - The time while nobody calls: `listen` says what there is to say in plain lines, and the view opens with the call.

mod compare;
mod draw;
mod history;
mod keys;
pub(crate) mod logs;
mod meter;
mod model;
mod palette;
mod rows;
mod screen;
mod terminal;
pub(crate) mod trust;

use std::collections::VecDeque;
use std::io::IsTerminal as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

pub(crate) use keys::Action;
pub(crate) use meter::{Meter, Meters};
pub(crate) use model::Model;
pub(crate) use terminal::restore;

use crate::args::Common;
use crate::events;
use crate::interrupt::Interrupt;

/// Keys that wait to be obeyed; more of them are a cat on the keyboard.
const ACTIONS: usize = 8;
/// Plain lines kept while the view is shown; the oldest give way.
const HELD_LINES: usize = 200;
/// How long closing waits for a terminal that takes no more bytes.
const CLOSE_WAIT: Duration = Duration::from_secs(1);

/// Whether a person watches, who can press keys.
pub(crate) fn is_wanted(common: &Common) -> bool {
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    let lines = common.json || common.plain || common.with_parent || dumb;
    !lines && std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
}

/// Tells the view what happens; does nothing where no view is shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Handle(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// There while the view is shown.
    model: Mutex<Option<Model>>,
    lines: Mutex<VecDeque<Held>>,
    meters: Meters,
}

/// What is printed when the terminal is given back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Held {
    /// A line on standard output.
    Line(String),
    /// A warning on standard error.
    Warning(String),
}

impl Held {
    fn print(&self) {
        match self {
            Self::Line(line) => events::plain(line),
            Self::Warning(sentence) => events::warning(sentence),
        }
    }
}

impl Handle {
    /// Tells the model, when there is one; says whether it is seen.
    pub(crate) fn note(&self, what: impl FnOnce(&mut Model)) -> bool {
        // The model outlives a terminal that failed; plain lines say then what it would have shown.
        self.model().as_mut().map(what).is_some() && terminal::is_taken()
    }

    /// Prints now, or when the terminal is given back as long as the view has it.
    pub(crate) fn print(&self, what: Held) {
        if let Some(what) = self.hold(what, terminal::is_taken) {
            what.print();
        }
    }

    /// Keeps it while the terminal is taken; gives it back when it is not. Both is asked and done under one lock, so
    /// that nothing is added after the last was released.
    fn hold(&self, what: Held, is_taken: impl FnOnce() -> bool) -> Option<Held> {
        let mut lines = self.lines();
        if !is_taken() {
            return Some(what);
        }
        if lines.len() == HELD_LINES {
            lines.pop_front();
        }
        lines.push_back(what);
        None
    }

    /// Where the loudness of both directions is told.
    pub(crate) fn meters(&self) -> Meters {
        self.0.meters.clone()
    }

    fn model(&self) -> MutexGuard<'_, Option<Model>> {
        self.0.model.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lines(&self) -> MutexGuard<'_, VecDeque<Held>> {
        self.0.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Prints what was held back.
    fn release(&self) {
        let held = std::mem::take(&mut *self.lines());
        held.iter().for_each(Held::print);
    }
}

/// The view of a command, opened for each call anew when it is wanted at all.
#[derive(Debug)]
pub(crate) struct View {
    wanted: bool,
    handle: Handle,
    /// What a key asks for goes here, and comes out of `next`.
    asked: mpsc::Sender<Action>,
    asks: mpsc::Receiver<Action>,
    interrupt: mpsc::Sender<()>,
    /// Told when the thread has given the terminal back.
    shown: Option<oneshot::Receiver<()>>,
}

impl View {
    /// A view that is not shown yet; without a person who watches it never is.
    pub(crate) fn new(common: &Common, interrupt: &Interrupt) -> Self {
        let (asked, asks) = mpsc::channel(ACTIONS);
        let interrupt = interrupt.trigger();
        Self { wanted: is_wanted(common), handle: Handle::default(), asked, asks, interrupt, shown: None }
    }

    /// Tells it what happens.
    pub(crate) fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Takes the terminal for one call. A terminal that cannot be taken is left to plain lines.
    pub(crate) fn open(&mut self, model: Model) {
        if !self.wanted || self.shown.is_some() {
            return;
        }
        match terminal::take() {
            Ok(terminal) => {
                while self.asks.try_recv().is_ok() {}
                *self.handle.model() = Some(model);
                let keys = screen::Keys { asked: self.asked.clone(), interrupt: self.interrupt.clone() };
                self.shown = Some(screen::start(terminal, self.handle.clone(), keys));
            }
            Err(error) => {
                terminal::restore();
                lines_only(&error);
            }
        }
    }

    /// What the person asks for by a key; never, where no view is shown.
    pub(crate) async fn next(&mut self) -> Action {
        // A sender is held here, so that the channel does not end.
        match self.asks.recv().await {
            Some(action) => action,
            None => std::future::pending().await,
        }
    }

    /// Gives the terminal back, and prints what was held back.
    pub(crate) async fn close(&mut self) {
        let Some(closed) = self.shown.take() else { return };
        *self.handle.model() = None;
        // A terminal that takes no bytes any more keeps nobody from leaving.
        let _ = tokio::time::timeout(CLOSE_WAIT, closed).await;
        terminal::restore();
        self.handle.release();
    }
}

impl Drop for View {
    fn drop(&mut self) {
        *self.handle.model() = None;
        terminal::restore();
        self.handle.release();
    }
}

/// Says why there are lines where a view was expected.
fn lines_only(error: &std::io::Error) {
    events::warning(&format!("the terminal shows no live view ({error}); plain lines follow"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_warnings_are_kept_in_order_while_the_terminal_is_taken_and_the_oldest_give_way() {
        let handle = Handle::default();
        let warning = Held::Warning("no relay".to_owned());
        assert_eq!(handle.hold(warning.clone(), || false), Some(warning.clone()));
        assert!(handle.lines().is_empty());
        assert_eq!(handle.hold(Held::Line("first".to_owned()), || true), None);
        assert_eq!(handle.hold(warning.clone(), || true), None);
        assert_eq!(handle.lines().iter().collect::<Vec<_>>(), [&Held::Line("first".to_owned()), &warning]);
        for _ in 1..HELD_LINES {
            assert_eq!(handle.hold(Held::Line("later".to_owned()), || true), None);
        }
        let lines = handle.lines();
        assert_eq!((lines.len(), lines.front()), (HELD_LINES, Some(&warning)));
    }
}
