//! What stands on a terminal after all that was written to it, as far as the live view writes: text, places, clearing (xterm).
//!
//! The view writes only the cells that changed, so that words may stand on the screen and nowhere in what was written.
#![cfg(target_os = "linux")]

/// Rows of characters.
#[derive(Debug, Default)]
pub(crate) struct Screen {
    rows: Vec<Vec<char>>,
    row: usize,
    column: usize,
}

impl Screen {
    /// After this was written.
    pub(crate) fn of(written: &str) -> Self {
        let mut screen = Self::default();
        let mut rest = written.chars();
        while let Some(letter) = rest.next() {
            match letter {
                '\x1b' => screen.obey(&mut rest),
                '\r' => screen.column = 0,
                '\n' => screen.row += 1,
                letter => screen.put(letter),
            }
        }
        screen
    }

    /// Whether this stands in one of its rows.
    pub(crate) fn shows(&self, what: &str) -> bool {
        self.rows.iter().any(|row| row.iter().collect::<String>().contains(what))
    }

    /// A control sequence, whose introducer was read; one that is not whole yet changes nothing.
    fn obey(&mut self, rest: &mut std::str::Chars<'_>) {
        if rest.next() != Some('[') {
            return;
        }
        let mut told = String::new();
        for letter in rest {
            match letter {
                'H' => return self.go(&told),
                'J' => return self.rows.clear(),
                'h' | 'l' if told == "?1049" => return self.rows.clear(),
                '@'..='~' => return,
                more => told.push(more),
            }
        }
    }

    /// Rows and columns are counted from 1.
    fn go(&mut self, place: &str) {
        let mut numbers = place.split(';').map(|number| number.parse::<usize>().unwrap_or(1) - 1);
        self.row = numbers.next().unwrap_or(0);
        self.column = numbers.next().unwrap_or(0);
    }

    fn put(&mut self, letter: char) {
        self.rows.resize_with(self.rows.len().max(self.row + 1), Vec::new);
        let row = &mut self.rows[self.row];
        row.resize(row.len().max(self.column + 1), ' ');
        row[self.column] = letter;
        self.column += 1;
    }
}

#[test]
fn words_stand_on_the_screen_that_were_never_written_whole() {
    let written = "gone\x1b[?1049h\x1b[2J\x1b[2;3Hfirst\x1b[1m \x1b[3;1Hbelow\x1b[2;5Hn\x1b[2;6Hd it\x1b[";
    let screen = Screen::of(written);
    assert!(screen.shows("find it") && screen.shows("below"), "{screen:?}");
    assert!(!screen.shows("first") && !screen.shows("gone"), "{screen:?}");
    assert!(!Screen::of("here\x1b[?1049l").shows("here"));
}
