//! The terminal, taken for the view and always given back: at the end, at a second Ctrl-C, and when something panics.
//!
//! The state is the process's, as the terminal is: whoever ends the process calls [`restore`], as often as it likes.

use std::io::{self, Stdout};
use std::sync::{Condvar, Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};

use super::logs;

/// How long giving back waits for a picture that is just being drawn.
const LAST_PICTURE: Duration = Duration::from_millis(300);

/// What is done with the terminal.
#[derive(Debug)]
struct State {
    taken: bool,
    drawing: bool,
}

static STATE: Mutex<State> = Mutex::new(State { taken: false, drawing: false });
static DRAWN: Condvar = Condvar::new();
static HOOK: Once = Once::new();

/// What the view draws on.
pub(super) type Screen = Terminal<CrosstermBackend<Stdout>>;

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes the terminal: keys come one by one, and what stood there before comes back at the end.
pub(super) fn take() -> io::Result<Screen> {
    HOOK.call_once(restore_on_panic);
    state().taken = true;
    enable_raw_mode()?;
    // `Terminal::clear` would ask where the cursor is, and wait for terminals that do not tell.
    execute!(io::stdout(), EnterAlternateScreen, Clear(ClearType::All))?;
    Terminal::new(CrosstermBackend::new(io::stdout()))
}

/// Whether the view has the terminal, so that nobody else may write to it.
pub(super) fn is_taken() -> bool {
    state().taken
}

/// Draws, unless the terminal was given back; says whether it could be done.
pub(super) fn draw(picture: impl FnOnce() -> io::Result<()>) -> io::Result<bool> {
    {
        let mut state = state();
        if !state.taken {
            return Ok(false);
        }
        state.drawing = true;
    }
    let drawn = picture();
    state().drawing = false;
    DRAWN.notify_all();
    drawn.map(|()| true)
}

/// Gives the terminal back as it was; does nothing when it was not taken.
pub(crate) fn restore() {
    let mut state = state();
    if !std::mem::take(&mut state.taken) {
        return;
    }
    // A terminal that takes no bytes is given back all the same, as far as that goes.
    let waited = DRAWN.wait_timeout_while(state, LAST_PICTURE, |state| state.drawing);
    drop(waited);
    // There is nobody to tell that the terminal is gone.
    let _ = execute!(io::stdout(), LeaveAlternateScreen, Show);
    let _ = disable_raw_mode();
    logs::release();
}

/// A panic's message belongs on the screen that stays.
fn restore_on_panic() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        restore();
        before(panic);
    }));
}
