//! The picture: a bar above with the state, rows as far as there is room, the log's last lines, and the keys below.

use p2pvoip::media::Level;
use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph, Widget as _};

use super::compare;
use super::history::Curve;
use super::model::Model;
use super::palette::{self, Palette, Tone};
use super::rows::{Body, Row, Words, curve_tone, level_tone, rows, state};

/// Columns of a row's label, without the margin before it.
const LABEL: u16 = 8;
/// From this width on there is room for a margin of one column.
const MARGIN_FROM: u16 = 60;
/// Columns of the words behind a meter or a curve.
const FIGURES: u16 = 20;
/// The lowest level that a meter shows, in dBFS.
const LOWEST: f32 = -60.0;
/// Lines that a curve grows to where there is room.
const TALLEST: u16 = 3;
/// Lines of the log, its heading included.
const LOG: u16 = 7;
/// Eighths of a character's height.
const EIGHTHS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
/// What the help says.
const HELP: [&str; 10] = [
    "m        mute, and no longer",
    "v        compare the code of the call",
    "q        hang up",
    "Ctrl-C   hang up and end the program;",
    "         once more: end at once",
    "a, d     answer, decline (listen --ask)",
    "?, Esc   this help, and away",
    "",
    "Loss: packets before repair, sound after.",
    "MOS: how good it sounds, 1 to 4.5.",
];

/// Draws the model.
pub(super) fn draw(model: &Model, frame: &mut Frame<'_>, palette: Palette) {
    let area = frame.area();
    if area.height == 0 || area.width == 0 {
        return;
    }
    let buffer = frame.buffer_mut();
    let line = |y: u16| Rect::new(area.x, area.y + y, area.width, 1);
    bar(model, line(0), buffer, palette);
    if area.height > 2 {
        let body = Rect::new(area.x, area.y + 1, area.width, area.height - 2);
        Picture { model, palette }.body(body, buffer);
    }
    if area.height > 1 {
        keys(model, line(area.height - 1), buffer);
    }
    if model.who.comparing {
        compare::draw(model.who.sas, area, buffer);
    }
    if model.help {
        help(area, buffer);
    }
}

fn bar(model: &Model, area: Rect, buffer: &mut Buffer, palette: Palette) {
    buffer.set_style(area, palette.bar());
    let name = " p2pvoip  ";
    let words = fit(&format!("{name}{}", state(model)), area.width);
    buffer.set_string(area.x, area.y, words, palette.bar());
}

fn keys(model: &Model, area: Rect, buffer: &mut Buffer) {
    let mute = if model.sound.muted { "unmute" } else { "mute" };
    let ringing = &[("a", "answer"), ("d", "decline"), ("?", "help")][..];
    let talking = &[("m", mute), ("v", "compare"), ("q", "hang up"), ("?", "help")][..];
    let mut spans = Vec::new();
    for (key, what) in if model.asks { ringing } else { talking } {
        spans.extend([Span::styled(format!(" {key} "), palette::key()), Span::raw(format!(" {what}  "))]);
    }
    Line::from(spans).render(area, buffer);
}

fn help(area: Rect, buffer: &mut Buffer) {
    let (width, height) = (area.width.min(46), area.height.min(12));
    let (x, y) = (area.x + (area.width - width) / 2, area.y + (area.height - height) / 2);
    let place = Rect::new(x, y, width, height);
    Clear.render(place, buffer);
    let lines: Vec<Line<'_>> = HELP.iter().map(|line| Line::raw(format!(" {line}"))).collect();
    Paragraph::new(lines).block(Block::bordered().title(" Keys ")).render(place, buffer);
}

/// The text, cut to the columns that there are.
fn fit(text: &str, columns: u16) -> String {
    let columns = usize::from(columns);
    if Span::raw(text).width() <= columns {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(columns.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

/// What is drawn between the bar and the keys.
struct Picture<'a> {
    model: &'a Model,
    palette: Palette,
}

impl Picture<'_> {
    fn body(&self, area: Rect, buffer: &mut Buffer) {
        let mut rows = rows(self.model);
        while rows.len() > usize::from(area.height) {
            // The least important goes first, from below.
            let least = rows.iter().enumerate().rev().min_by_key(|(_, row)| row.keep).map(|(index, _)| index);
            rows.remove(least.unwrap_or_default());
        }
        let mut spare = area.height - u16::try_from(rows.len()).unwrap_or(area.height);
        let log = if self.model.log.is_empty() || spare < 2 { 0 } else { spare.min(LOG) };
        spare -= log;
        let curves = rows.iter().filter(|row| matches!(row.body, Body::Curve(..))).count();
        let grown = spare.checked_div(u16::try_from(curves).unwrap_or(0)).map_or(1, |more| more + 1);
        let mut y = area.y;
        for row in &rows {
            let height = if matches!(row.body, Body::Curve(..)) { grown.min(TALLEST) } else { 1 };
            self.row(row, Rect::new(area.x, y, area.width, height), buffer);
            y += height;
        }
        if log > 0 {
            self.log(Rect::new(area.x, area.bottom() - log, area.width, log), buffer);
        }
    }

    fn row(&self, row: &Row, area: Rect, buffer: &mut Buffer) {
        if matches!(row.body, Body::Rule) {
            self.rule(row.label, area, buffer);
            return;
        }
        let margin = u16::from(area.width >= MARGIN_FROM);
        buffer.set_stringn(area.x + margin, area.y, row.label, usize::from(LABEL), self.palette.heading());
        let label = margin + LABEL;
        let inner = Rect::new(area.x + label, area.y, area.width.saturating_sub(label), area.height);
        let picture = Rect { width: inner.width.saturating_sub(FIGURES + 1), ..inner };
        let figures = Rect::new(picture.right() + 1, area.y, inner.width.min(FIGURES), 1);
        match &row.body {
            Body::Rule => {}
            Body::Words(words) => self.words(words, Rect { height: 1, ..inner }, buffer),
            Body::Meter(level, heard, words) => {
                self.meter(*level, *heard, picture, buffer);
                self.words(words, figures, buffer);
            }
            Body::Curve(curve, top, words) => {
                self.curve(*curve, *top, picture, buffer);
                self.words(words, figures, buffer);
            }
        }
    }

    fn rule(&self, heading: &str, area: Rect, buffer: &mut Buffer) {
        let dim = self.palette.style(Tone::Dim);
        buffer.set_stringn(area.x, area.y, "─".repeat(usize::from(area.width)), usize::from(area.width), dim);
        let heading = format!(" {heading} ");
        let room = usize::from(area.width.saturating_sub(1));
        buffer.set_stringn(area.x + 1, area.y, heading, room, self.palette.heading());
    }

    fn words(&self, words: &Words, area: Rect, buffer: &mut Buffer) {
        let mut x = area.x;
        for (text, tone) in words {
            let room = area.right().saturating_sub(x);
            if room == 0 {
                return;
            }
            (x, _) =
                buffer.set_stringn(x, area.y, fit(text, room), usize::from(room), self.palette.style(*tone));
        }
    }

    /// A bar up to the mean, a mark at the peak; without colour where nobody hears it.
    fn meter(&self, level: Level, heard: bool, area: Rect, buffer: &mut Buffer) {
        let (bar, peak) = (column(level.rms, area.width), column(level.peak, area.width));
        let mark = (peak > 0).then(|| peak - 1);
        for n in 0..area.width {
            let (symbol, tone) = if mark == Some(n) {
                ("┃", level_tone(level.peak))
            } else if n < bar {
                ("■", level_tone(level_at(n, area.width)))
            } else {
                ("·", Tone::Dim)
            };
            let tone = if heard { tone } else { Tone::Dim };
            buffer.set_string(area.x + n, area.y, symbol, self.palette.style(tone));
        }
    }

    /// One column for each part of the last minute, from below; a dot where there was nothing.
    fn curve(&self, curve: Curve, top: f32, area: Rect, buffer: &mut Buffer) {
        let columns = self.model.history.columns(curve, area.width);
        for (x, value) in (area.x..area.right()).zip(columns) {
            let Some(value) = value else { continue };
            let style = self.palette.style(curve_tone(curve, value));
            let mut left = eighths(value / top, area.height);
            if left == 0 {
                buffer.set_string(x, area.bottom() - 1, "·", self.palette.style(Tone::Dim));
            }
            for y in (area.y..area.bottom()).rev() {
                let Some(part) = left.min(8).checked_sub(1) else { break };
                if let Some(symbol) = EIGHTHS.get(usize::from(part)) {
                    buffer.set_string(x, y, symbol, style);
                }
                left = left.saturating_sub(8);
            }
        }
    }

    fn log(&self, area: Rect, buffer: &mut Buffer) {
        self.rule("Log", Rect { height: 1, ..area }, buffer);
        let room = usize::from(area.height - 1);
        let lines = self.model.log.iter().skip(self.model.log.len().saturating_sub(room));
        for (y, line) in (area.y + 1..area.bottom()).zip(lines) {
            let dim = self.palette.style(Tone::Dim);
            buffer.set_stringn(area.x + 1, y, line, usize::from(area.width.saturating_sub(1)), dim);
        }
    }
}

/// How many columns of a meter a level fills.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of the columns of a terminal"
)]
fn column(level: f32, columns: u16) -> u16 {
    let share = ((level - LOWEST) / -LOWEST).clamp(0.0, 1.0);
    (share * f32::from(columns)).round() as u16
}

/// The level that a meter's column stands for.
fn level_at(column: u16, columns: u16) -> f32 {
    LOWEST - LOWEST * f32::from(column + 1) / f32::from(columns.max(1))
}

/// How many eighths of a character a share of the height is; one at least, when there is anything.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "at most eight for each of three lines"
)]
fn eighths(share: f32, height: u16) -> u16 {
    if share <= 0.0 {
        return 0;
    }
    ((share.min(1.0) * f32::from(height * 8)).round() as u16).max(1)
}

#[cfg(test)]
mod tests;
