//! The window of CUBIC in congestion avoidance (RFC 9438 section 4), counted in segments.

use std::time::Duration;

use p2pvoip_core::Instant;

use crate::math::cube_root;

/// How fast it grows, in segments for each cubed second (RFC 9438 section 4.1).
const C: f64 = 0.4;
/// What is left of the window after a loss (RFC 9438 section 4.6).
pub(super) const BETA: f64 = 0.7;
/// Growth a round trip that shares evenly with Reno: 3 (1 - beta) / (1 + beta) (RFC 9438 section 4.3).
const ALPHA: f64 = 3.0 * (1.0 - BETA) / (1.0 + BETA);

/// A time of growth since the last cut.
#[derive(Clone, Copy, Debug)]
struct Epoch {
    began: Instant,
    /// Seconds until the window is back at the plateau.
    k: f64,
    /// The window that Reno would have.
    reno: f64,
}

/// Estimator: how the window grows between losses.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cubic {
    /// The plateau, `W_max`.
    plateau: f64,
    /// The window before the last cut.
    before_cut: f64,
    epoch: Option<Epoch>,
}

impl Cubic {
    /// The window was cut by a loss when it was `window`. A window that had not reached the last plateau makes room for
    /// others (RFC 9438 section 4.7).
    pub(super) fn on_loss(&mut self, window: f64) {
        self.plateau = if window < self.plateau { window * (1.0 + BETA) / 2.0 } else { window };
        self.before_cut = window;
        self.epoch = None;
    }

    /// The timer fired: growth begins anew from where slow start ends (RFC 9438 section 4.8).
    pub(super) fn on_timeout(&mut self, window: f64) {
        self.plateau = 0.0;
        self.before_cut = window;
        self.epoch = None;
    }

    /// The window after `acked` more segments have come.
    pub(super) fn grown(&mut self, window: f64, acked: f64, round_trip: Duration, now: Instant) -> f64 {
        let plateau = self.plateau.max(window);
        if self.epoch.is_none() {
            self.plateau = plateau;
        }
        let epoch = self.epoch.get_or_insert_with(|| Epoch {
            began: now,
            k: cube_root((plateau - window) / C),
            reno: window,
        });
        let gain = if epoch.reno >= self.before_cut { 1.0 } else { ALPHA };
        epoch.reno += gain * acked / window;
        let at = |time: Duration| {
            let from_plateau = time.as_secs_f64() - epoch.k;
            C * from_plateau * from_plateau * from_plateau + self.plateau
        };
        let since = now.saturating_since(epoch.began);
        if at(since) < epoch.reno {
            return epoch.reno.max(window);
        }
        let target = at(since + round_trip).clamp(window, window * 1.5);
        window + (target - window) / window * acked
    }
}
