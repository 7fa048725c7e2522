//! What the picture says, read from a terminal in memory.

use std::time::Duration;

use p2pvoip::nat::RouteKind;
use p2pvoip::telemetry::Quality;
use p2pvoip::{CallState, Fingerprint, How, Trust};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::{Color, Modifier};

use super::super::model::tests::{talking, talking_for};
use super::*;

fn drawn(model: &Model, width: u16, height: u16, colours: bool) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(model, frame, Palette { colours })).unwrap();
    terminal
}

/// The picture's lines.
fn lines(model: &Model, width: u16, height: u16) -> Vec<String> {
    let terminal = drawn(model, width, height, true);
    let buffer = terminal.backend().buffer();
    let line = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
    (0..height).map(line).collect()
}

fn says(model: &Model, width: u16, height: u16, what: &str) -> bool {
    lines(model, width, height).iter().any(|line| line.contains(what))
}

#[test]
fn a_usual_terminal_shows_everything() {
    let picture = lines(&talking(), 80, 24);
    for what in [
        "connected 1:20",
        "A5A5 A5A5 A5A5 A5A5 …",
        "direct, round trip 42 ms",
        "-20 dB, peak  -9",
        "silent",
        "5.0 % before repair, 1.0 % after",
        "of ours 4.0 % lost",
        "sent 34 (target 40), received 33 kbit/s, packets of 20 ms",
        "playout 64 ms (target 60 ms), jitter 8 ms, queue 3 ms",
        "Target",
        "Sent",
        "Lost",
        "Left",
        "Queue",
        "Playout",
        "40 kbit/s",
        "5.0 % before repair",
        "1.0 % after repair",
        " m  mute",
        " q  hang up",
    ] {
        assert!(picture.iter().any(|line| line.contains(what)), "{what} in {picture:#?}");
    }
}

#[test]
fn a_relayed_path_is_said_and_looks_different() {
    let mut model = talking();
    if let Some(route) = &mut model.route {
        route.kind = RouteKind::Relayed;
    }
    assert!(says(&model, 80, 24, "relayed, round trip 42 ms"));
    assert!(!says(&model, 80, 24, "direct"));
}

#[test]
fn addresses_are_not_shown_unless_asked_for() {
    let mut model = talking();
    let address = "192.0.2.7:5000".parse().unwrap();
    assert!(!says(&model, 100, 30, "192.0.2.7"));
    if let Some(route) = &mut model.route {
        route.addresses = Some((address, address));
    }
    assert!(says(&model, 100, 30, "192.0.2.7:5000"));
}

#[test]
fn loss_before_and_after_repair_are_both_shown_even_on_a_small_terminal() {
    assert!(says(&talking(), 40, 12, "5.0 % before repair, 1.0 % after"));
}

#[test]
fn trust_says_what_the_handshake_proved_and_no_more() {
    let mut model = Model::new(Fingerprint::new([2; 24]), true, CallState::Dialing);
    assert!(says(&model, 80, 24, "no key yet") && says(&model, 80, 24, "no keys yet, nothing is said"));
    model.on_trust(Trust::FirstContact);
    assert!(says(&model, 80, 24, "key matches the card, not verified"));
    model.who.by_card = false;
    assert!(says(&model, 80, 24, "first contact, not verified"));
    model.on_trust(Trust::Verified(How::Sas));
    assert!(says(&model, 80, 24, "verified by words"));
    model.on_trust(Trust::Changed);
    assert!(says(&model, 80, 24, "KEY CHANGED"));
}

#[test]
fn the_box_for_comparing_says_so_when_there_is_no_code_yet() {
    let mut model = talking();
    assert!(says(&model, 80, 24, " v  compare"));
    assert!(!says(&model, 80, 24, "no code yet"));
    model.who.comparing = true;
    assert!(says(&model, 80, 24, "There is no code yet"));
}

#[test]
fn who_is_muted_reads_it_in_two_places() {
    let mut model = talking();
    assert!(!says(&model, 80, 24, "MUTED"));
    model.on_muted(true);
    assert!(says(&model, 80, 24, "MUTED") && says(&model, 80, 24, "muted, sends silence"));
    assert!(says(&model, 80, 24, " m  unmute"));
}

#[test]
fn a_call_that_rings_names_the_keys_that_answer_it() {
    let model = Model::new(Fingerprint::new([2; 24]), false, CallState::Ringing).asking();
    assert!(says(&model, 80, 24, "a answers, d declines") && says(&model, 80, 24, " a  answer"));
    assert!(!says(&model, 80, 24, "hang up"));
}

#[test]
fn quality_is_a_word_and_a_number_or_a_dash() {
    let mut model = talking();
    assert!(lines(&model, 80, 24).iter().any(|line| line.starts_with(" MOS     –")));
    let mut quality = Quality::default();
    (quality.r, quality.mos, quality.mouth_to_ear) = (86.0, 4.24, Duration::from_millis(120));
    if let Some(stats) = &mut model.stats {
        stats.quality = Some(quality);
    }
    assert!(says(&model, 80, 24, "4.2 good, R 86, mouth to ear 120 ms"));
}

#[test]
fn curves_fill_from_the_right_and_keep_to_the_scale() {
    let curve = |model: &Model, label: &str| -> String {
        let lines = lines(model, 80, 24);
        let line = lines.iter().find(|line| line.starts_with(&format!(" {label}"))).unwrap().clone();
        line.chars().skip(usize::from(LABEL + 1)).take(50).collect()
    };
    assert_eq!(curve(&talking(), "Target"), "█".repeat(50));
    assert_eq!(curve(&talking(), "Sent"), "▇".repeat(50), "34 of 40");
    let half = curve(&talking_for(150), "Target");
    assert_eq!(half, format!("{}{}", " ".repeat(25), "█".repeat(25)));
    assert_eq!(curve(&talking(), "Left").trim_end(), "▂".repeat(50), "1 % of 5 %");
}

#[test]
fn no_size_is_too_small_and_none_too_large() {
    let mut model = talking();
    for help in [false, true] {
        model.help = help;
        model.log = vec!["a line".to_owned(); 9];
        model.on_notice("a notice");
        for (width, height) in [(1, 1), (1, 40), (200, 1), (9, 3), (40, 12), (20, 6), (31, 24), (250, 90)] {
            drawn(&model, width, height, true);
        }
    }
    model.help = false;
    assert!(says(&model, 40, 12, "direct") && says(&model, 40, 12, " q  hang up"));
}

#[test]
fn what_happens_beside_the_call_is_shown_at_once_and_the_newest_also_on_a_small_terminal() {
    let mut model = talking();
    assert!(!says(&model, 80, 24, "News"));
    model.on_notice("The rendezvous server is out of reach.");
    model.on_notice("Microphone USB went away.");
    let picture = lines(&model, 80, 24);
    let at = |what: &str| picture.iter().position(|line| line.contains(what)).unwrap();
    assert_eq!(at("The rendezvous server") + 1, at("Microphone USB went away."));
    assert!(picture[at("Microphone USB")].starts_with(" News"));
    assert!(at("playout 64 ms") > 0 && at("1.0 % after repair") > 0, "nothing else gives way");
    assert!(says(&model, 40, 5, "Microphone USB went away."));
    assert!(!says(&model, 40, 5, "The rendezvous server"));
}

#[test]
fn the_log_has_its_place_where_there_is_room() {
    let mut model = talking();
    model.log = (0..20).map(|number| format!("line {number}")).collect();
    assert!(says(&model, 80, 40, "line 19") && says(&model, 80, 40, "line 14"));
    assert!(!says(&model, 80, 40, "line 13") && !says(&model, 80, 20, "line"));
}

#[test]
fn without_colours_every_word_is_still_there() {
    let model = talking();
    let (with, without) = (drawn(&model, 80, 24, true), drawn(&model, 80, 24, false));
    let (with, without) = (with.backend().buffer(), without.backend().buffer());
    let symbols =
        |buffer: &Buffer| buffer.content().iter().map(|cell| cell.symbol().to_owned()).collect::<Vec<_>>();
    assert_eq!(symbols(with), symbols(without));
    assert!(without.content().iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
    assert!(with.content().iter().any(|cell| cell.fg == Color::Green));
    assert!(without.content().iter().any(|cell| cell.modifier.contains(Modifier::REVERSED)));
}
