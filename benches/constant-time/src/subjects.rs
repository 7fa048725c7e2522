//! What is measured: the comparison of two secrets, and the refusal of a wrong tag at the gate, of a packet and of a letter.

use std::error::Error;
use std::hint::black_box;

use p2pvoip_core::{Instant, Seed, UnixTime};
use p2pvoip_crypto::{
    Aead, Callee, ContactCard, DirectionSecret, Gatekeeper, HEADER_LEN, Hello, Identity, Initiator, OVERHEAD,
    Opener, Sealer, SignalCipher, interiors,
};

/// Bytes of what a packet and a letter hold here.
const TEXT: usize = 160;
/// Where the tag of an offer's gate stands: behind the nonce (12) and the hint (8).
const GATE_TAG: usize = 20;
/// Bytes of a tag.
const TAG: usize = 16;

/// Whether an input is accepted; it may be destroyed.
type Accepts = Box<dyn FnMut(&mut Vec<u8>) -> bool>;

/// Something whose time is measured.
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    /// Whether it is known to leak.
    pub(crate) is_control: bool,
    /// Wrong in the first byte of the secret, and wrong in the last.
    pub(crate) inputs: [Vec<u8>; 2],
    /// What is accepted.
    #[cfg_attr(not(test), expect(dead_code, reason = "a test holds that it is accepted"))]
    pub(crate) right: Vec<u8>,
    /// How often it is done in one measurement: what is quicker than the clock is done more often.
    pub(crate) repeats: u32,
    /// What is measured.
    pub(crate) accepts: Accepts,
}

/// Everything that is measured.
pub(crate) fn all() -> Result<Vec<Subject>, Box<dyn Error>> {
    Ok(vec![
        comparison("comparison of secrets", false, interiors::equal_secrets),
        gate()?,
        packet("refusal of a packet, AES-256-GCM", Aead::Aes256Gcm)?,
        packet("refusal of a packet, ChaCha20-Poly1305", Aead::ChaCha20Poly1305)?,
        letter("refusal of a letter, AES-256-GCM", Aead::Aes256Gcm)?,
        letter("refusal of a letter, ChaCha20-Poly1305", Aead::ChaCha20Poly1305)?,
        comparison("control: stops at the first difference", true, |a, b| {
            a.iter().zip(b).all(|(a, b)| black_box(a) == black_box(b))
        }),
    ])
}

/// The input with a bit changed at either place.
fn wrong(right: &[u8], first: usize, last: usize) -> [Vec<u8>; 2] {
    [first, last].map(|at| {
        let mut input = right.to_vec();
        if let Some(byte) = input.get_mut(at) {
            *byte ^= 1;
        }
        input
    })
}

fn comparison(name: &'static str, is_control: bool, equal: fn(&[u8; 32], &[u8; 32]) -> bool) -> Subject {
    let secret = [0x5a; 32];
    let accepts = Box::new(move |input: &mut Vec<u8>| {
        <&[u8; 32]>::try_from(input.as_slice()).is_ok_and(|input| equal(input, &secret))
    });
    Subject { name, is_control, inputs: wrong(&secret, 0, 31), right: secret.to_vec(), repeats: 16, accepts }
}

fn gate() -> Result<Subject, Box<dyn Error>> {
    let now = UnixTime::from_secs(1_800_000_000);
    let [alice, bob] = [1, 2].map(|seed| Identity::generate(&Seed::from_u64(seed)));
    let card: ContactCard = bob.card("rendezvous.example:443")?.to_string().parse()?;
    let bundle = bob.prekey_bundle(now.day(), now);
    let prekeys = card.mailbox().open_bundle(&bundle, 0, now.day(), card.fingerprint(), now)?;
    let callee = Callee { mailbox: card.mailbox(), prekeys: &prekeys, known: false };
    let hello = Hello::for_this_machine();
    let (_, offer) = Initiator::start(&alice, &callee, &hello, b"offer", Seed::from_u64(3), now)?;
    let mut keeper = Gatekeeper::new(&bob);
    let accepts =
        Box::new(move |input: &mut Vec<u8>| keeper.admit(input, Instant::from_millis(0), now).is_ok());
    let inputs = wrong(&offer, GATE_TAG, GATE_TAG + TAG - 1);
    Ok(Subject { name: "refusal at the gate", is_control: false, inputs, right: offer, repeats: 1, accepts })
}

fn packet(name: &'static str, aead: Aead) -> Result<Subject, Box<dyn Error>> {
    let secret = DirectionSecret::new([7; 32]);
    let mut right = vec![0; HEADER_LEN + TEXT + OVERHEAD];
    let sealed = Sealer::new(aead, &secret).seal(0, &mut right, TEXT)?;
    right.truncate(sealed.len);
    let mut opener = Opener::new(aead, &secret);
    let accepts = Box::new(move |input: &mut Vec<u8>| opener.open(input).is_ok());
    let inputs = wrong(&right, right.len() - TAG, right.len() - 1);
    Ok(Subject { name, is_control: false, inputs, right, repeats: 1, accepts })
}

fn letter(name: &'static str, aead: Aead) -> Result<Subject, Box<dyn Error>> {
    let [one, other] = [7, 8].map(|byte| DirectionSecret::new([byte; 32]));
    let right = SignalCipher::new(aead, &one, &other).seal(&[0; TEXT])?;
    let mut cipher = SignalCipher::new(aead, &other, &one);
    let accepts = Box::new(move |input: &mut Vec<u8>| cipher.open(input).is_ok());
    let inputs = wrong(&right, right.len() - TAG, right.len() - 1);
    Ok(Subject { name, is_control: false, inputs, right, repeats: 1, accepts })
}
