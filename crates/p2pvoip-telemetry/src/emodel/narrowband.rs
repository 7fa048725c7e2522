//! The narrowband E-model in full (ITU-T G.107, 06/2015, section 7), with its table of default values (table 3).
//!
//! # Left out
//! - The dependence of `Idd` on the kind of conversation (`sT`, `mT`): the default class is assumed.

use super::{CAP, Equipment, LONGEST_MS, Losses, delay_impairment, effective, within};

/// Levels and loudness ratings are told apart up to this many decibels from zero.
const LOUDEST: f64 = 150.0;
/// The most quantising distortion units that are told apart (G.107 table 3 permits 14).
const MOST_QDU: f64 = 1_000.0;
/// The sidetone masking rating from which too little sidetone is part of the talker's echo (G.107 section 7.4).
const LITTLE_SIDETONE: f64 = 20.0;
/// The sidetone masking rating below which sidetone masks echo (G.107 section 7.4).
const MUCH_SIDETONE: f64 = 9.0;

/// Every input of the narrowband model. The default is that of G.107 table 3, which rates 93.2.
#[derive(Clone, Copy, PartialEq, Debug)]
#[non_exhaustive]
pub struct Narrowband {
    /// Send loudness rating in dB (`SLR`).
    pub send_loudness: f64,
    /// Receive loudness rating in dB (`RLR`).
    pub receive_loudness: f64,
    /// Sidetone masking rating in dB (`STMR`).
    pub sidetone: f64,
    /// D-value of the telephone at the send side (`Ds`).
    pub d_send: f64,
    /// D-value of the telephone at the receive side (`Dr`).
    pub d_receive: f64,
    /// Talker echo loudness rating in dB (`TELR`).
    pub talker_echo: f64,
    /// Weighted echo path loss in dB (`WEPL`).
    pub echo_path_loss: f64,
    /// Mean one-way delay of the echo path in milliseconds (`T`).
    pub echo_delay_ms: f64,
    /// Round-trip delay in the four-wire loop in milliseconds (`Tr`).
    pub loop_delay_ms: f64,
    /// Absolute delay without echo, from mouth to ear, in milliseconds (`Ta`).
    pub absolute_delay_ms: f64,
    /// Quantising distortion units (`qdu`).
    pub quantising_units: f64,
    /// The codec (`Ie`, `Bpl`).
    pub equipment: Equipment,
    /// What is lost (`Ppl`, `BurstR`).
    pub losses: Losses,
    /// Circuit noise in dBm0p (`Nc`).
    pub circuit_noise: f64,
    /// Noise floor at the receive side in dBmp (`Nfor`).
    pub noise_floor: f64,
    /// Room noise at the send side in dB(A) (`Ps`).
    pub room_noise_send: f64,
    /// Room noise at the receive side in dB(A) (`Pr`).
    pub room_noise_receive: f64,
    /// What users forgive for the advantage of access (`A`).
    pub advantage: f64,
}

impl Default for Narrowband {
    fn default() -> Self {
        Self {
            send_loudness: 8.0,
            receive_loudness: 2.0,
            sidetone: 15.0,
            d_send: 3.0,
            d_receive: 3.0,
            talker_echo: 65.0,
            echo_path_loss: 110.0,
            echo_delay_ms: 0.0,
            loop_delay_ms: 0.0,
            absolute_delay_ms: 0.0,
            quantising_units: 1.0,
            equipment: Equipment { ie: 0.0, bpl: 4.3 },
            losses: Losses::NONE,
            circuit_noise: -70.0,
            noise_floor: -64.0,
            room_noise_send: 35.0,
            room_noise_receive: 35.0,
            advantage: 0.0,
        }
    }
}

/// A rating and what it is made of: `r = ro - simultaneous - delay - equipment + advantage`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Rating {
    /// The rating `R`. It may be below 0 and, with advantage, above 100.
    pub r: f64,
    /// The basic signal-to-noise ratio `Ro`.
    pub ro: f64,
    /// What comes with the voice at once (`Is`): loudness, sidetone, quantising.
    pub simultaneous: f64,
    /// What comes later (`Id`): echo of the talker, echo of the listener, delay.
    pub delay: f64,
    /// Coding and losses (`Ie,eff`).
    pub equipment: f64,
}

impl Narrowband {
    /// The rating.
    pub fn rating(&self) -> Rating {
        let input = self.sane();
        let noise = input.noise();
        let ro = 15.0 - 1.5 * (input.send_loudness + noise);
        let sidetone = input.sidetone_impairment();
        let simultaneous = input.loudness(noise) + sidetone + input.quantising(ro);
        let delay = input.talker_echo(noise, sidetone)
            + input.listener_echo(ro)
            + delay_impairment(input.absolute_delay_ms);
        let equipment = effective(input.equipment, input.losses, CAP);
        Rating {
            r: ro - simultaneous - delay - equipment + input.advantage,
            ro,
            simultaneous,
            delay,
            equipment,
        }
    }

    /// Within what the formulas can bear; what is no number becomes its default, and a delay the longest.
    fn sane(&self) -> Self {
        let default = Self::default();
        let level = |number, default| within(number, -LOUDEST, LOUDEST, default);
        let ratio = |number, default| within(number, 0.0, LOUDEST, default);
        let time = |number| within(number, 0.0, LONGEST_MS, LONGEST_MS);
        Self {
            send_loudness: level(self.send_loudness, default.send_loudness),
            receive_loudness: level(self.receive_loudness, default.receive_loudness),
            sidetone: ratio(self.sidetone, default.sidetone),
            d_send: level(self.d_send, default.d_send),
            d_receive: level(self.d_receive, default.d_receive),
            talker_echo: ratio(self.talker_echo, default.talker_echo),
            echo_path_loss: ratio(self.echo_path_loss, default.echo_path_loss),
            echo_delay_ms: time(self.echo_delay_ms),
            loop_delay_ms: time(self.loop_delay_ms),
            absolute_delay_ms: time(self.absolute_delay_ms),
            quantising_units: within(self.quantising_units, 1.0, MOST_QDU, default.quantising_units),
            equipment: self.equipment,
            losses: self.losses,
            circuit_noise: level(self.circuit_noise, default.circuit_noise),
            noise_floor: level(self.noise_floor, default.noise_floor),
            room_noise_send: level(self.room_noise_send, default.room_noise_send),
            room_noise_receive: level(self.room_noise_receive, default.room_noise_receive),
            advantage: within(self.advantage, 0.0, 20.0, default.advantage),
        }
    }

    /// The sum of all noise (`No`, section 7.2).
    fn noise(&self) -> f64 {
        let overall = self.overall_loudness();
        let send = self.room_noise_send - self.send_loudness - self.d_send - 100.0
            + 0.004 * (self.room_noise_send - overall - self.d_send - 14.0).powi(2);
        let listener_sidetone = self.sidetone + self.d_receive;
        let heard = self.room_noise_receive + decibels(1.0 + power(10.0 - listener_sidetone));
        let receive = self.receive_loudness - 121.0 + heard + 0.008 * (heard - 35.0).powi(2);
        let floor = self.noise_floor + self.receive_loudness;
        decibels(power(self.circuit_noise) + power(send) + power(receive) + power(floor))
    }

    /// The overall loudness rating (`OLR`).
    fn overall_loudness(&self) -> f64 {
        self.send_loudness + self.receive_loudness
    }

    /// What a voice that is too loud costs (`Iolr`, section 7.3).
    fn loudness(&self, noise: f64) -> f64 {
        let x = (self.overall_loudness() + 0.2 * (64.0 + noise - self.receive_loudness)) / 8.0;
        20.0 * ((1.0 + x.powi(8)).powf(1.0 / 8.0) - x)
    }

    /// What a sidetone far from its best costs (`Ist`, section 7.3).
    fn sidetone_impairment(&self) -> f64 {
        let echo = (-self.echo_delay_ms / 4.0).exp() * power(-self.talker_echo);
        let heard = -decibels(power(-self.sidetone) + echo);
        let bump = |middle: f64, width: f64, order: i32| {
            (1.0 + ((heard - middle) / width).powi(order)).powf(1.0 / f64::from(order))
        };
        12.0 * bump(13.0, 6.0, 8) - 28.0 * bump(-1.0, 19.4, 35) - 13.0 * bump(3.0, 33.0, 13) + 29.0
    }

    /// What quantising costs (`Iq`, section 7.3).
    fn quantising(&self, ro: f64) -> f64 {
        let q = 37.0 - 1.5 * decibels(self.quantising_units);
        let g = 1.07 + 0.258 * q + 0.0602 * q * q;
        let y = (ro - 100.0) / 15.0 + 46.0 / 8.4 - g / 9.0;
        let z = 46.0 / 30.0 - g / 40.0;
        1.5 * decibels(1.0 + 10_f64.powf(y) + 10_f64.powf(z))
    }

    /// What the talker's own echo costs (`Idte`, section 7.4). The formula falls below zero for a delay of a
    /// few milliseconds and is set to zero below one by the recommendation, a step; here it is never below zero.
    fn talker_echo(&self, noise: f64, sidetone: f64) -> f64 {
        let t = self.echo_delay_ms;
        let masked = if self.sidetone < MUCH_SIDETONE { sidetone / 2.0 } else { 0.0 };
        let loudness = self.talker_echo - 40.0 * ((1.0 + t / 10.0) / (1.0 + t / 150.0)).log10()
            + 6.0 * (-0.3 * t * t).exp()
            + masked;
        let without = -1.5 * (noise - self.receive_loudness);
        let with = 80.0 + 2.5 * (loudness - 14.0);
        let half = f64::midpoint(without, -with);
        let echo = ((half + (half * half + 100.0).sqrt() - 1.0) * (1.0 - (-t).exp())).max(0.0);
        if self.sidetone > LITTLE_SIDETONE { echo.hypot(sidetone) } else { echo }
    }

    /// What the listener's echo costs (`Idle`, section 7.4).
    fn listener_echo(&self, ro: f64) -> f64 {
        let with = 10.5 * (self.echo_path_loss + 7.0) * (self.loop_delay_ms + 1.0).powf(-0.25);
        let half = f64::midpoint(ro, -with);
        half + (half * half + 169.0).sqrt()
    }
}

/// A level in decibels as a power.
fn power(decibels: f64) -> f64 {
    10_f64.powf(decibels / 10.0)
}

/// A power as a level in decibels.
fn decibels(power: f64) -> f64 {
    10.0 * power.log10()
}
