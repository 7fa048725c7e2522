//! Colours with one meaning each. Words and shapes say the same, so that nothing is lost without them (no-color.org).

use ratatui::style::{Color, Modifier, Style};

/// How well something is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Tone {
    /// As it should be.
    Good,
    /// To be watched.
    Fair,
    /// Not as it should be.
    Bad,
    /// Of no concern.
    Plain,
    /// Beside the point.
    Dim,
}

/// The colours, or none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Palette {
    /// Whether there are colours at all.
    pub(super) colours: bool,
}

impl Palette {
    /// How words of this tone look.
    pub(super) fn style(self, tone: Tone) -> Style {
        let painted = |colour| if self.colours { Style::new().fg(colour) } else { Style::new() };
        match tone {
            Tone::Good => painted(Color::Green),
            Tone::Fair => painted(Color::Yellow),
            Tone::Bad => painted(Color::Red).add_modifier(Modifier::BOLD),
            Tone::Plain => Style::new(),
            Tone::Dim => Style::new().add_modifier(Modifier::DIM),
        }
    }

    /// How names of rows and headings look.
    pub(super) fn heading(self) -> Style {
        let heading = if self.colours { Style::new().fg(Color::Cyan) } else { Style::new() };
        // It may stand on a line that is dim.
        heading.remove_modifier(Modifier::DIM)
    }

    /// How the bar above looks.
    pub(super) fn bar(self) -> Style {
        let bar = if self.colours {
            Style::new().fg(Color::Black).bg(Color::Cyan)
        } else {
            Style::new().reversed()
        };
        bar.add_modifier(Modifier::BOLD)
    }
}

/// How a key looks.
pub(super) fn key() -> Style {
    Style::new().reversed().add_modifier(Modifier::BOLD)
}
