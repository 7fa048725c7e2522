//! What keys mean.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::model::Model;

/// What a person asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Action {
    /// Silence in place of what is said, or no longer.
    Mute,
    /// The end of this call.
    HangUp,
    /// To take the call that rings.
    Answer,
    /// Not to take it.
    Decline,
    /// The two have compared the code of the call: it is the same, or it is not.
    Compared(bool),
}

/// What a key does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Press {
    /// The call is concerned.
    Asks(Action),
    /// The program shall end, as by the signal that Ctrl-C is elsewhere.
    Interrupts,
    /// The picture alone changes, and did.
    Shows,
    /// Nothing.
    Nothing,
}

/// Takes a key; the help is the model's own matter.
pub(super) fn press(key: &KeyEvent, model: &mut Model) -> Press {
    if key.kind == KeyEventKind::Release {
        return Press::Nothing;
    }
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    let KeyCode::Char(letter) = key.code else {
        if key.code != KeyCode::Esc {
            return Press::Nothing;
        }
        let hides = std::mem::take(&mut model.help) | std::mem::take(&mut model.who.comparing);
        return if hides { Press::Shows } else { Press::Nothing };
    };
    match (control, letter.to_ascii_lowercase()) {
        (true, 'c') => {
            model.hanging_up = true;
            Press::Interrupts
        }
        (false, '?' | 'h') => {
            model.help = !model.help;
            Press::Shows
        }
        (false, 'v') if !model.asks => {
            model.who.comparing = !model.who.comparing;
            Press::Shows
        }
        (false, 'y' | 'n') if model.who.comparing && model.who.sas.is_some() => {
            model.who.comparing = false;
            Press::Asks(Action::Compared(letter.eq_ignore_ascii_case(&'y')))
        }
        (false, 'a') if model.asks => Press::Asks(Action::Answer),
        (false, 'd' | 'q') if model.asks => Press::Asks(Action::Decline),
        (false, 'm') if !model.asks => Press::Asks(Action::Mute),
        (false, 'q') => {
            model.hanging_up = true;
            Press::Asks(Action::HangUp)
        }
        _ => Press::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::super::model::tests::talking;
    use super::*;

    fn key(letter: char, modifiers: KeyModifiers) -> KeyEvent {
        KeyEvent::new(KeyCode::Char(letter), modifiers)
    }

    #[test]
    fn letters_ask_for_what_the_footer_says() {
        let mut model = talking();
        let mut pressed = |letter| press(&key(letter, KeyModifiers::NONE), &mut model);
        assert_eq!(pressed('m'), Press::Asks(Action::Mute));
        assert_eq!(pressed('q'), Press::Asks(Action::HangUp));
        assert_eq!(pressed('a'), Press::Nothing, "nothing rings");
        assert!(model.hanging_up);
    }

    #[test]
    fn a_call_that_rings_is_answered_or_declined_and_nothing_else() {
        let mut model = talking();
        model.asks = true;
        let mut pressed = |letter| press(&key(letter, KeyModifiers::NONE), &mut model);
        assert_eq!(pressed('a'), Press::Asks(Action::Answer));
        assert_eq!(pressed('d'), Press::Asks(Action::Decline));
        assert_eq!(pressed('q'), Press::Asks(Action::Decline));
        assert_eq!(pressed('m'), Press::Nothing);
    }

    #[test]
    fn ctrl_c_interrupts_and_a_plain_c_does_not() {
        let mut model = talking();
        assert_eq!(press(&key('c', KeyModifiers::NONE), &mut model), Press::Nothing);
        assert_eq!(press(&key('c', KeyModifiers::CONTROL), &mut model), Press::Interrupts);
    }

    #[test]
    fn a_code_that_is_not_there_or_not_shown_is_not_confirmed() {
        let mut model = talking();
        assert_eq!(press(&key('y', KeyModifiers::NONE), &mut model), Press::Nothing, "not shown");
        assert_eq!(press(&key('v', KeyModifiers::NONE), &mut model), Press::Shows);
        assert!(model.who.comparing);
        assert_eq!(press(&key('y', KeyModifiers::NONE), &mut model), Press::Nothing, "not there");
        let enter = KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE);
        assert_eq!(press(&enter, &mut model), Press::Nothing);
        assert!(model.who.comparing, "enter answers nothing");
        press(&KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE), &mut model);
        assert!(!model.who.comparing);
    }

    #[test]
    fn help_comes_and_goes() {
        let mut model = talking();
        assert_eq!(press(&key('?', KeyModifiers::SHIFT), &mut model), Press::Shows);
        assert!(model.help);
        press(&KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE), &mut model);
        assert!(!model.help);
    }
}
