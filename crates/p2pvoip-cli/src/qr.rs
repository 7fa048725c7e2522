//! A QR code (ISO/IEC 18004) on the terminal: half blocks in black on white, whatever the terminal's own colours are.
//!
//! Two modules stand in one character, one above the other. Black and white are colours 16 and 231 of the palette of 256,
//! which themes leave alone; the quiet zone of four modules is drawn as well.
//!
//! # Left out
//! - Text modes: a contact card has small letters, so it is coded as bytes.

use std::fmt::Write as _;
use std::io::IsTerminal as _;

use qrcodegen::{QrCode, QrCodeEcc};

use crate::args::ShowQr;
use crate::events;

/// The quiet zone around the code, in modules (ISO/IEC 18004 section 6.3.8).
const QUIET: i32 = 4;
/// The palette's colours for a dark and a light module.
const BLACK: u8 = 16;
const WHITE: u8 = 231;

/// Shows the text as a code when that is wanted, and says why not when it was asked for and does not fit.
pub(crate) fn show(text: &str, wanted: ShowQr) {
    let terminal = std::io::stdout().is_terminal();
    let is_shown = match wanted {
        ShowQr::Always => true,
        ShowQr::OnTerminal => terminal,
        ShowQr::Never => false,
    };
    let Some(code) = is_shown.then(|| Code::of(text)).flatten() else { return };
    let room = if terminal { ratatui::crossterm::terminal::size().ok() } else { None };
    let fits = room.is_some_and(|room| code.fits(room));
    if fits || !terminal {
        events::plain(code.picture().trim_end());
    } else if wanted == ShowQr::Always {
        events::warning(&format!(
            "the QR code needs a terminal of {} columns and {} lines; enlarge it, or use a smaller font",
            code.side(),
            code.lines() + 1
        ));
    }
}

/// A code that can be drawn.
struct Code(QrCode);

impl Code {
    /// The code of this text; none when it is too long for any.
    fn of(text: &str) -> Option<Self> {
        // A screen is never dirty, so the least correction, and with it the smallest code, will do.
        QrCode::encode_text(text, QrCodeEcc::Low).ok().map(Self)
    }

    /// Columns, and modules in height.
    fn side(&self) -> i32 {
        self.0.size() + 2 * QUIET
    }

    fn lines(&self) -> i32 {
        (self.side() + 1) / 2
    }

    /// Whether all of it can be seen at once, the line of the cursor below included.
    fn fits(&self, (columns, lines): (u16, u16)) -> bool {
        self.side() <= i32::from(columns) && self.lines() < i32::from(lines)
    }

    fn colour(&self, x: i32, y: i32) -> u8 {
        // What is outside of the code counts as light.
        if self.0.get_module(x - QUIET, y - QUIET) { BLACK } else { WHITE }
    }

    /// The lines, with their colours.
    fn picture(&self) -> String {
        let mut picture = String::new();
        for line in 0..self.lines() {
            let mut last = None;
            for x in 0..self.side() {
                let colours = (self.colour(x, 2 * line), self.colour(x, 2 * line + 1));
                if last.replace(colours) != Some(colours) {
                    let (upper, lower) = colours;
                    // Writing to a string does not fail.
                    let _ = write!(picture, "\x1b[38;5;{upper};48;5;{lower}m");
                }
                picture.push('▀');
            }
            picture.push_str("\x1b[0m\n");
        }
        picture
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a terminal shows: for each line the colours of both halves of its characters.
    fn seen(picture: &str) -> Vec<Vec<(u8, u8)>> {
        let mut lines = Vec::new();
        for line in picture.lines() {
            let (mut colours, mut cells) = ((0, 0), Vec::new());
            for part in line.split('\x1b').skip(1) {
                let (escape, blocks) = part.split_once('m').unwrap();
                let numbers: Vec<&str> = escape.trim_start_matches('[').split(';').collect();
                if let ["38", "5", upper, "48", "5", lower] = numbers[..] {
                    colours = (upper.parse().unwrap(), lower.parse().unwrap());
                }
                cells.extend(blocks.chars().map(|_| colours));
            }
            lines.push(cells);
        }
        lines
    }

    /// Reads the code as a camera would, four points to a module.
    fn read(picture: &str) -> String {
        let cells = seen(picture);
        let (width, height) = (cells[0].len() * 4, cells.len() * 8);
        let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| {
            let (upper, lower) = cells[y / 8][x / 4];
            if (if y % 8 < 4 { upper } else { lower }) == BLACK { 0 } else { 255 }
        });
        let codes = image.detect_grids();
        assert_eq!(codes.len(), 1);
        codes[0].decode().unwrap().1
    }

    #[test]
    fn a_reader_finds_the_very_card() {
        for server in ["ws://192.0.2.1:8765", "wss://rendezvous.example.org", "ws://[2001:db8::1]:65535"] {
            let card = p2pvoip::new_identity().unwrap().card(server).unwrap().to_string();
            assert_eq!(read(&Code::of(&card).unwrap().picture()), card);
        }
        let longest = "x".repeat(p2pvoip::crypto::MAX_CARD_LEN);
        assert_eq!(read(&Code::of(&longest).unwrap().picture()), longest);
    }

    #[test]
    fn the_quiet_zone_is_white_on_all_sides() {
        let cells = seen(&Code::of("p2pvoip:").unwrap().picture());
        let white = |cell: &(u8, u8)| *cell == (WHITE, WHITE);
        assert!(cells[..2].iter().flatten().all(white), "above");
        assert!(cells[cells.len() - 2..].iter().flatten().all(white), "below");
        for line in &cells {
            assert!(line[..4].iter().chain(&line[line.len() - 4..]).all(white), "beside");
        }
    }

    #[test]
    fn it_fits_where_all_of_it_is_seen() {
        // Version 1 has 21 modules, and with the quiet zone 29.
        let code = Code::of("p2pvoip:").unwrap();
        assert!(code.fits((29, 16)));
        assert!(!code.fits((28, 40)) && !code.fits((80, 15)));
    }
}
