//! The box in which two people compare the code of a call: words, emoji, and the keys that say how it went.
//!
//! It is opened by a key of its own, and answered by letters alone: nobody confirms by hitting enter.

use p2pvoip::Sas;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Block, Clear, Paragraph, Widget as _};

/// Columns and lines of the box, its border included.
const SIZE: (u16, u16) = (64, 12);

/// Draws it over the middle of the picture.
pub(super) fn draw(sas: Option<Sas>, area: Rect, buffer: &mut Buffer) {
    let (width, height) = (area.width.min(SIZE.0), area.height.min(SIZE.1));
    let place =
        Rect::new(area.x + (area.width - width) / 2, area.y + (area.height - height) / 2, width, height);
    Clear.render(place, buffer);
    let lines: Vec<Line<'_>> = lines(sas).into_iter().map(|line| Line::raw(format!(" {line}"))).collect();
    Paragraph::new(lines).block(Block::bordered().title(" Compare ")).render(place, buffer);
}

fn lines(sas: Option<Sas>) -> Vec<String> {
    let Some(sas) = sas else {
        return vec![
            "There is no code yet; it comes when both sides have their keys.".to_owned(),
            "Esc  away".to_owned(),
        ];
    };
    let words = sas.words();
    let (first, last) = words.split_at(3);
    let (pictures, names): (Vec<_>, Vec<_>) =
        sas.emoji().into_iter().map(|emoji| (emoji.symbol, emoji.name)).unzip();
    vec![
        "Read the words to each other: one the first three, the".to_owned(),
        "other the last three. Or compare the pictures.".to_owned(),
        String::new(),
        format!("   {}", first.join("  ")),
        format!("   {}", last.join("  ")),
        String::new(),
        format!("   {}", pictures.join("  ")),
        format!("   {}", names.join(" ")),
        String::new(),
        "y  they match    n  they differ: end the call   Esc  later".to_owned(),
    ]
}
