//! The code's form, and attackers who grind at a code of few bits: with the commitment they do no better than chance.

use p2pvoip_core::{Rng, Seed};

use super::*;

/// Bits of the shortened code, so that chance is seen in few trials: one in 32.
const FEW: u32 = 5;
const TRIALS: usize = 1_000;
/// What chance wins in that many trials, and what it exceeds once in a million runs (five standard deviations).
const BY_CHANCE: usize = TRIALS >> FEW;
const AT_MOST: usize = BY_CHANCE + 28;
/// How many nonces an attacker can try before the other side waits no longer.
const GRIND: usize = 128;

type Nonce = [u8; NONCE_LEN];

fn few(sas: Sas) -> u64 {
    sas.bits() >> (SAS_BITS - FEW)
}

/// The handshake hash: all that both sides chose is in it.
fn binding(commitment: &[u8; 32], initiator: &Nonce, second: &Nonce, responder: &Nonce) -> [u8; 32] {
    kdf::sha256(&[commitment, initiator, second, responder])
}

/// How often `attack` wins, given chance of its own for each trial.
fn wins(attack: impl Fn(&mut Rng) -> bool) -> usize {
    let seed = Seed::from_u64(42);
    (0..TRIALS as u64).filter(|&trial| attack(&mut seed.derive_index("trial", trial).rng())).count()
}

/// The attacker answers an honest initiator, and needs the code `target` that its other call has.
fn as_responder(rng: &mut Rng, sees_the_nonce: bool) -> bool {
    let target = rng.below(1 << FEW);
    let (nonce, ephemeral) = (rng.array(), rng.array());
    let commitment = commit(&nonce);
    let own_ephemeral = rng.array();
    // Without the nonce it can only guess one, and grind its own nonce for the guess.
    let guess = if sees_the_nonce { nonce } else { rng.array() };
    let code = |first: &Nonce, second: &Nonce| {
        few(derive(&binding(&commitment, &ephemeral, second, &own_ephemeral), first, second))
    };
    let mut best = rng.array();
    for _ in 0..GRIND {
        if code(&guess, &best) == target {
            break;
        }
        best = rng.array();
    }
    code(&nonce, &best) == target
}

#[test]
fn an_attacker_who_answers_does_no_better_than_chance_whatever_nonce_it_grinds() {
    let won = wins(|rng| as_responder(rng, false));
    assert!(won <= AT_MOST, "{won} of {TRIALS}, {BY_CHANCE} by chance");
}

#[test]
fn without_the_commitment_an_attacker_who_answers_would_nearly_always_win() {
    assert!(wins(|rng| as_responder(rng, true)) > TRIALS * 9 / 10, "the grinding is real");
}

/// The attacker calls an honest responder with the nonces that it can choose from, and reveals one after the answer.
fn as_initiator(rng: &mut Rng, checked: bool) -> bool {
    let target = rng.below(1 << FEW);
    let committed: Nonce = rng.array();
    let (commitment, ephemeral) = (commit(&committed), rng.array());
    let (second, responder) = (rng.array(), rng.array());
    let binding = binding(&commitment, &ephemeral, &second, &responder);
    let matches = |nonce: &Nonce| few(derive(&binding, nonce, &second)) == target;
    let mut others = (0..GRIND).map(|_| rng.array::<NONCE_LEN>());
    let revealed = others.find(|nonce| matches(nonce)).filter(|_| !checked).unwrap_or(committed);
    (!checked || commit(&revealed) == commitment) && matches(&revealed)
}

#[test]
fn an_attacker_who_calls_does_no_better_than_chance_since_it_can_reveal_but_one_nonce() {
    let won = wins(|rng| as_initiator(rng, true));
    assert!(won <= AT_MOST, "{won} of {TRIALS}, {BY_CHANCE} by chance");
    assert!(wins(|rng| as_initiator(rng, false)) > TRIALS * 9 / 10, "unchecked, it would win");
}

#[test]
fn an_attacker_who_passes_the_commitment_and_the_nonces_on_does_no_better_than_chance() {
    let won = wins(|rng| {
        let (nonce, second): (Nonce, Nonce) = (rng.array(), rng.array());
        let commitment = commit(&nonce);
        let here = binding(&commitment, &rng.array(), &second, &rng.array());
        let there = binding(&commitment, &rng.array(), &second, &rng.array());
        few(derive(&here, &nonce, &second)) == few(derive(&there, &nonce, &second))
    });
    assert!(won <= AT_MOST, "{won} of {TRIALS}, {BY_CHANCE} by chance");
}

#[test]
fn handshakes_that_are_held_open_are_tries_and_no_more() {
    let open = 4;
    let won = wins(|rng| {
        let target = rng.below(1 << FEW);
        (0..open).any(|_| {
            let (nonce, second): (Nonce, Nonce) = (rng.array(), rng.array());
            let binding = binding(&commit(&nonce), &rng.array(), &second, &rng.array());
            few(derive(&binding, &nonce, &second)) == target
        })
    });
    assert!((BY_CHANCE * 3..=BY_CHANCE * open + 55).contains(&won), "{won} of {TRIALS}");
}

#[test]
fn words_and_emoji_are_the_same_42_bits_from_the_top() {
    let sas = Sas((1 << 35) | (2 << 28) | (127 << 21) | 5);
    let index = |word: &str| words::WORDS.iter().position(|w| *w == word).unwrap();
    assert_eq!(sas.words().map(index), [1, 2, 127, 0, 0, 5]);
    let picture = |shown: Emoji| emoji::EMOJI.iter().position(|e| *e == shown).unwrap();
    let joined = sas.emoji().map(picture).into_iter().fold(0, |bits, index| bits << 6 | index as u64);
    assert_eq!(joined, sas.bits());
    assert_eq!(sas.to_string().split(' ').collect::<Vec<_>>(), sas.words());
}

#[test]
fn each_input_changes_the_code() {
    let (binding, a, b) = ([1; 32], [2; NONCE_LEN], [3; NONCE_LEN]);
    let sas = derive(&binding, &a, &b);
    assert_eq!(sas, derive(&binding, &a, &b));
    for other in [derive(&[4; 32], &a, &b), derive(&binding, &[4; 16], &b), derive(&binding, &a, &[4; 16])] {
        assert_ne!(sas, other);
    }
    assert_ne!(derive(&binding, &a, &b), derive(&binding, &b, &a), "the roles are told apart");
    assert!(sas.bits() < 1 << SAS_BITS);
}

#[test]
fn every_word_and_emoji_is_as_likely_as_the_others() {
    let mut rng = Seed::from_u64(7).rng();
    let mut seen = [0_usize; 128];
    let codes = 4_000;
    for _ in 0..codes {
        for word in derive(&rng.array(), &rng.array(), &rng.array()).words() {
            seen[words::WORDS.iter().position(|w| *w == word).unwrap()] += 1;
        }
    }
    let (least, most) = (seen.iter().min().unwrap(), seen.iter().max().unwrap());
    let expected = codes * 6 / 128;
    assert!(*least > expected - 75 && *most < expected + 75, "{least} to {most}, {expected} expected");
}

#[test]
fn a_code_is_not_shown_in_a_log() {
    assert_eq!(format!("{:?}", Sas(1)), "Sas([redacted])");
}
