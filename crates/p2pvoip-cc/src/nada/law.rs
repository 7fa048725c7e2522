//! The laws of NADA: the aggregate signal (RFC 8698 section 4.2), the rate that follows it (4.3), and the rate-shaping
//! buffer (5.2.2). Delays are whole microseconds, rates whole bits a second.

use super::NadaConfig;
use super::delay::{QTH_MICROS, warped};
use crate::controller::Phase;
use crate::ledger::{Sums, signed};
use p2pvoip_core::{Bitrate, DataSize};

// RFC 8698 section 4.1, table 2; delays in microseconds.
/// `XREF`: the reference congestion level.
const XREF: i64 = 10_000;
/// `1 / KAPPA`: scaling of the gradual update.
const KAPPA_INVERSE: i128 = 2;
/// `ETA`: weight of the signal's change.
const ETA: i128 = 2;
/// `TAU`: upper bound of the round trip in the gradual update.
const TAU: i64 = 500_000;
/// `DELTA`: target interval of reports.
const DELTA: u64 = 100_000;
/// `QEPS`: from here on a queue builds up.
const QEPS: u32 = 10_000;
/// `DFILT`: bound on filtering delay.
const DFILT: u64 = 120_000;
/// `QBOUND`: bound on the queue that ramping up makes.
const QBOUND: u64 = 50_000;
/// `1 / GAMMA_MAX`: bound on one ramping step.
const GAMMA_MAX_INVERSE: u64 = 2;
/// `1 / PLRREF` and `1 / PMRREF`: the reference loss and marking ratios are 0.01.
const RATIO_REF_INVERSE: u64 = 100;
/// `DLOSS`: the delay that the reference loss ratio is worth.
const DLOSS: u64 = 10_000;
/// `DMARK`: the delay that the reference marking ratio is worth.
const DMARK: u64 = 2_000;
/// `1 / ALPHA`: smoothing of ratios.
const ALPHA_INVERSE: i64 = 10;
/// `FPS`: the reference frame rate.
const FPS: u64 = 30;
/// `1 / BETA_S` and `1 / BETA_V`: how strongly the buffer moves the rates.
const BETA_INVERSE: u64 = 10;
/// `1 / 0.05`: the most by which the buffer moves the rates (equations 11 and 12).
const BUFFER_INVERSE: u64 = 20;
/// The largest signal, as in the authors' implementation for ns-3. RFC 8698 section 5.3 has room for 3.28 s; a signal
/// that falls from there would raise the rate many times over by its change alone.
const MOST_SIGNAL: u64 = 500_000;

/// What a report told, with what was remembered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signal {
    /// `d_queue` in microseconds.
    pub(super) queue: u64,
    /// How much of the warped delay counts, in 65,536ths.
    pub(super) warp: u64,
    pub(super) sums: Sums,
    /// Microseconds.
    pub(super) rtt: u64,
    /// Microseconds since the last update (`delta`).
    pub(super) passed: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Law {
    min: u64,
    start: u64,
    max: u64,
    /// `PRIO * XREF * RMAX`, in microseconds times bits a second.
    reference: i128,
    /// `r_ref`.
    rate: u64,
    /// `r_recv`.
    received: Option<u64>,
    /// `x_prev` in microseconds.
    signal: i64,
    /// `p_loss` and `p_mark` in 65,536ths.
    loss: i64,
    mark: i64,
    phase: Phase,
}

impl Law {
    pub(super) fn new(config: &NadaConfig) -> Self {
        let max = config.most.as_bps();
        let reference = (i128::from(config.priority.bits()) * i128::from(XREF) * i128::from(max)) >> 16;
        Self {
            min: config.least.as_bps(),
            start: config.start.as_bps(),
            max,
            reference,
            rate: config.start.as_bps(),
            received: None,
            signal: 0,
            loss: 0,
            mark: 0,
            phase: Phase::Growing,
        }
    }

    pub(super) fn received(&self) -> Option<Bitrate> {
        self.received.map(Bitrate::from_bps)
    }

    pub(super) const fn phase(&self) -> Phase {
        self.phase
    }

    /// Nothing is known of the path any more.
    pub(super) fn restart(&mut self) {
        self.rate = self.rate.min(self.start);
        (self.received, self.signal, self.loss, self.mark, self.phase) = (None, 0, 0, 0, Phase::Growing);
    }

    /// The receiver is silent.
    pub(super) fn halve(&mut self) {
        self.rate = (self.rate / 2).max(self.min);
    }

    pub(super) fn update(&mut self, told: &Signal) {
        let sums = &told.sums;
        smooth(&mut self.loss, sums.lost, sums.decided);
        smooth(&mut self.mark, sums.marked, sums.came);
        self.received = sums.rate.or(self.received);
        let signal = self.aggregate(told);
        if sums.lost == 0 && sums.worst < QEPS {
            self.ramp(told.rtt);
        } else {
            self.follow(signal, told.passed);
        }
        self.rate = self.rate.clamp(self.min, self.max);
        self.signal = signal;
    }

    /// Equation (2), with the interpolation of section 4.2 between warped and plain delay.
    fn aggregate(&self, told: &Signal) -> i64 {
        let plain = told.queue.min(MOST_SIGNAL);
        let bent = if plain < QTH_MICROS { plain } else { warped(plain) };
        let delay = plain - (((plain - bent) * told.warp.min(1 << 16)) >> 16);
        let worth = |ratio: i64, reference: u64| {
            let scaled = ratio.unsigned_abs() * RATIO_REF_INVERSE;
            (scaled * scaled / (1 << 16) * reference) >> 16
        };
        signed((delay + worth(self.mark, DMARK) + worth(self.loss, DLOSS)).min(MOST_SIGNAL))
    }

    /// Accelerated ramp-up, equations (3) and (4).
    fn ramp(&mut self, rtt: u64) {
        let received = self.received.unwrap_or(0);
        let gain = (received * QBOUND / (rtt + DELTA + DFILT)).min(received / GAMMA_MAX_INVERSE);
        self.rate = self.rate.max(received + gain);
        self.phase = Phase::Growing;
    }

    /// Gradual update, equations (5) to (7). An interval above `TAU` counts as `TAU`: after a pause nothing is known.
    fn follow(&mut self, signal: i64, passed: u64) {
        let rate = i128::from(self.rate);
        let offset = i128::from(signal) - self.reference / rate.max(1);
        let change = i128::from(signal - self.signal);
        let (tau, delta) = (i128::from(TAU), i128::from(signed(passed).min(TAU)));
        let by_offset = rate * delta * offset / (tau * tau * KAPPA_INVERSE);
        let by_change = rate * ETA * change / (tau * KAPPA_INVERSE);
        self.rate = u64::try_from(rate - by_offset - by_change).unwrap_or(0);
        self.phase = if offset > 0 { Phase::Draining } else { Phase::Growing };
    }

    /// The media's rate and the sending rate (equations 11 to 14); without a buffer that is told, the sending rate is
    /// the most that these allow.
    pub(super) fn rates(&self, buffer: Option<DataSize>) -> (Bitrate, Bitrate) {
        let most = self.rate / BUFFER_INVERSE;
        let wanted = buffer.map(|waiting| waiting.as_bytes().saturating_mul(8 * FPS) / BETA_INVERSE);
        let media = self.rate.saturating_sub(wanted.unwrap_or(0).min(most)).max(self.min);
        let sending = (self.rate + wanted.unwrap_or(most).min(most)).min(self.max.max(media));
        (Bitrate::from_bps(media), Bitrate::from_bps(sending))
    }
}

/// Equation (10).
fn smooth(ratio: &mut i64, part: u64, whole: u64) {
    if whole > 0 {
        let instant = signed((part.min(whole) << 16) / whole);
        *ratio += (instant - *ratio) / ALPHA_INVERSE;
    }
}
