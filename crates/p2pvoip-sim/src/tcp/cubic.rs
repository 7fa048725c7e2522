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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::START;

    /// The window after each round trip since a cut at `plateau` segments, all of each window acknowledged.
    fn after_cut(plateau: f64, round_trip: Duration, rounds: u32) -> Vec<f64> {
        let mut cubic = Cubic::default();
        cubic.on_loss(plateau);
        let mut window = plateau * BETA;
        let mut windows = Vec::new();
        for round in 0..rounds {
            // Three acknowledgements a round trip, so that the window follows its target as it goes on.
            for part in 0..3 {
                let now = START + round_trip * round + round_trip / 3 * part;
                window = cubic.grown(window, window / 3.0, round_trip, now);
            }
            windows.push(window);
        }
        windows
    }

    #[test]
    fn it_is_back_at_the_plateau_after_k_and_flat_there() {
        // K is the cube root of 0.3 W / C: 9.086 s for 1,000 segments, 45 round trips.
        let windows = after_cut(1_000.0, Duration::from_millis(200), 100);
        let at = |round: usize| windows[round];
        assert!((at(45) - 1_000.0).abs() < 10.0, "{}", at(45));
        assert!(at(55) - at(35) < 15.0, "flat near the plateau: {} to {}", at(35), at(55));
        assert!(at(10) - at(0) > 100.0, "fast far from it: {} to {}", at(0), at(10));
        // Symmetric: after 2 K as far above it as it began below.
        assert!((at(90) - 1_300.0).abs() < 25.0, "{}", at(90));
    }

    #[test]
    fn a_small_window_grows_as_that_of_reno_does() {
        // By alpha, 9/17 of a segment, a round trip up to the window before the cut; by one above.
        let windows = after_cut(10.0, Duration::from_millis(10), 12);
        assert!((windows[4] - windows[0] - 4.0 * ALPHA).abs() < 0.15, "{windows:?}");
        assert!((windows[11] - windows[7] - 4.0).abs() < 0.1, "{windows:?}");
    }

    #[test]
    fn a_window_below_the_last_plateau_makes_room() {
        let mut cubic = Cubic::default();
        cubic.on_loss(100.0);
        cubic.on_loss(80.0);
        assert!((cubic.plateau - 68.0).abs() < 1e-9);
    }
}
