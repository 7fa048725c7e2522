//! The E-model against the figures of its recommendations, and its laws: bounded, monotone, continuous, never without a number.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::field_reassign_with_default,
    clippy::allow_attributes,
    reason = "a test"
)]

use p2pvoip_core::Bitrate;
use p2pvoip_telemetry::emodel::{
    Band, Coding, Equipment, Losses, Narrowband, Opus, delay_impairment, mos, r_factor, r_of_mos, rating,
};
use proptest::prelude::*;

/// How far R may be from a figure that is printed with two decimals.
const R_CLOSE: f64 = 0.01;

/// A line of the table of figures.
struct Figure {
    model: &'static str,
    fields: Vec<Option<f64>>,
}

impl Figure {
    fn get(&self, at: usize) -> f64 {
        self.fields[at].unwrap()
    }

    fn losses(&self) -> Losses {
        Losses { percent: self.get(2), burst_ratio: self.get(3) }
    }

    /// R on its own scale, and on that of opinion scores.
    fn rated(&self) -> (f64, f64) {
        let fullband = |kbps| {
            let r = Opus::at(Bitrate::from_kbps(kbps), Coding::Variable).rating(self.losses(), self.get(6));
            (r, r_factor(Band::Full, r))
        };
        match self.model {
            "nb" => {
                let mut input = Narrowband::default();
                input.equipment = Equipment { ie: self.get(0), bpl: self.get(1) };
                input.losses = self.losses();
                input.echo_delay_ms = self.get(4);
                input.loop_delay_ms = self.get(5);
                input.absolute_delay_ms = self.get(6);
                (input.rating().r, input.rating().r)
            }
            "fb16" => fullband(16),
            "fb28" => fullband(28),
            "mos" => (self.get(7), self.get(7)),
            other => panic!("no model {other}"),
        }
    }
}

fn figures() -> Vec<(Figure, usize)> {
    let lines = include_str!("emodel.tsv").lines().filter(|line| !line.starts_with('#'));
    let figures = lines.map(|line| {
        let (model, rest) = line.split_once('\t').unwrap();
        let fields: Vec<_> =
            rest.split('\t').map(|field| (field != "-").then(|| field.parse().unwrap())).collect();
        let decimals =
            rest.rsplit('\t').next().and_then(|mos| mos.split_once('.')).map_or(0, |(_, d)| d.len());
        (Figure { model, fields }, decimals)
    });
    figures.collect()
}

#[test]
fn every_figure_of_the_recommendations_is_met() {
    let figures = figures();
    assert_eq!(figures.len(), 56, "the table is read whole");
    for (figure, decimals) in figures {
        let (r, of_100) = figure.rated();
        assert!((r - figure.get(7)).abs() <= R_CLOSE, "{} {:?}: R is {r}", figure.model, figure.fields);
        if let Some(expected) = figure.fields[8] {
            // Half a unit of the last place that is printed, and what an R that is 0.01 off may do to the score.
            let printed = 0.51 * 10_f64.powi(-i32::try_from(decimals).unwrap());
            let close = printed + if figure.model == "mos" { 0.0 } else { 0.0006 };
            let mos = mos(of_100);
            assert!((mos - expected).abs() <= close, "{} {:?}: MOS is {mos}", figure.model, figure.fields);
        }
    }
}

#[test]
fn the_default_is_made_of_the_parts_that_the_recommendation_names() {
    let rating = Narrowband::default().rating();
    for (part, expected) in [(rating.ro, 94.7688), (rating.simultaneous, 1.4136), (rating.delay, 0.1490)] {
        assert!((part - expected).abs() < 0.0001, "{rating:?}");
    }
}

#[test]
fn a_delay_of_150_ms_is_no_step_and_no_reason_for_a_perfect_score() {
    let opus = Opus::at(Bitrate::from_kbps(28), Coding::Variable);
    let step = opus.rating(Losses::NONE, 150.0) - opus.rating(Losses::NONE, 151.0);
    assert!((0.0..0.1).contains(&step), "a millisecond costs {step}");
    let narrow = |ms| {
        let mut input = Narrowband::default();
        input.absolute_delay_ms = ms;
        input.rating().r
    };
    assert!(narrow(150.0) - narrow(151.0) < 0.1);
    assert!(
        mos(r_factor(Band::Full, opus.rating(Losses::NONE, 130.0))) < 4.3,
        "a codec always costs something"
    );
}

#[test]
fn a_wider_band_is_worth_more() {
    let perfect = Equipment { ie: 0.0, bpl: 10.0 };
    let of = |band| rating(band, perfect, Losses::NONE, 0.0);
    assert!(Narrowband::default().rating().r < of(Band::Wide) && of(Band::Wide) < of(Band::Full));
    assert_eq!((of(Band::Wide).to_bits(), of(Band::Full).to_bits()), (129_f64.to_bits(), 148_f64.to_bits()));
    let all = Losses { percent: 100.0, burst_ratio: 1_000.0 };
    assert!((rating(Band::Wide, perfect, all, 0.0) - 34.0).abs() < 1e-9);
    assert!((rating(Band::Full, perfect, all, 0.0) - 16.0).abs() < 1e-9);
}

#[test]
fn the_tables_rows_are_met_and_their_ends_hold() {
    let ie = |bps, coding| Opus::at(Bitrate::from_bps(bps), coding).ie;
    let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{a} is not {b}");
    close(ie(14_000, Coding::Variable), 38.06);
    close(ie(25_000, Coding::Variable), 19.35);
    close(ie(22_000, Coding::Constant), 23.38);
    close(ie(13_000, Coding::Variable), 38.96);
    close(ie(13_000, Coding::Constant), 45.68);
    close(ie(0, Coding::Constant), 132.0);
    close(ie(u64::MAX, Coding::Constant), 15.90);
    close(ie(510_000, Coding::Variable), 10.67);
}

#[test]
fn what_is_no_number_counts_as_the_worst() {
    let opus = Opus::at(Bitrate::from_kbps(28), Coding::Constant);
    let all = Losses { percent: 100.0, burst_ratio: f64::INFINITY };
    let none = Losses { percent: f64::NAN, burst_ratio: f64::NAN };
    assert_eq!(opus.rating(all, f64::INFINITY).to_bits(), opus.rating(none, f64::NAN).to_bits());
    assert_eq!((mos(f64::NAN).to_bits(), r_of_mos(f64::NAN).to_bits()), (1_f64.to_bits(), 0_f64.to_bits()));
}

fn coding() -> impl Strategy<Value = Coding> {
    prop_oneof![Just(Coding::Variable), Just(Coding::Constant)]
}

fn opus() -> impl Strategy<Value = Opus> {
    (0..80_000_u64, coding()).prop_map(|(bps, coding)| Opus::at(Bitrate::from_bps(bps), coding))
}

prop_compose! {
    /// What a call may meet.
    fn met()(percent in 0.0..100.0, burst_ratio in 1.0..12.0, ms in 0.0..2_000.0) -> (Losses, f64) {
        (Losses { percent, burst_ratio }, ms)
    }
}

/// Any bits of a float.
fn any_float() -> impl Strategy<Value = f64> {
    prop_oneof![any::<u64>().prop_map(f64::from_bits), -1e3..1e3, Just(f64::MAX), Just(f64::MIN), Just(0.0)]
}

proptest! {
    #[test]
    fn r_never_rises_with_loss_bursts_or_delay(
        opus in opus(), (losses, ms) in met(), worse in (0.0..50.0, 0.0..5.0, 0.0..500.0),
    ) {
        let before = opus.rating(losses, ms);
        let (loss, bursts, delay): (f64, f64, f64) = worse;
        let more = Losses { percent: f64::min(losses.percent + loss, 100.0), ..losses };
        let burstier = Losses { burst_ratio: losses.burst_ratio + bursts, ..losses };
        for (what, after) in [
            ("loss", opus.rating(more, ms)),
            ("bursts", opus.rating(burstier, ms)),
            ("delay", opus.rating(losses, ms + delay)),
        ] {
            prop_assert!(after <= before + 1e-9, "{} raised R from {} to {}", what, before, after);
        }
    }

    #[test]
    fn r_has_no_steps(bps in 0..80_000_u64, coding in coding(), (losses, ms) in met()) {
        let at = |bps| Opus::at(Bitrate::from_bps(bps), coding);
        let before = at(bps).rating(losses, ms);
        let bit = 1e-3;
        let more = Losses { percent: losses.percent + bit, ..losses };
        let burstier = Losses { burst_ratio: losses.burst_ratio + bit, ..losses };
        for (what, after) in [
            ("loss", at(bps).rating(more, ms)),
            ("bursts", at(bps).rating(burstier, ms)),
            ("delay", at(bps).rating(losses, ms + bit)),
            ("bitrate", at(bps + 1).rating(losses, ms)),
        ] {
            prop_assert!((after - before).abs() < 0.05, "{} moved R from {} to {}", what, before, after);
        }
    }

    #[test]
    fn narrowband_obeys_the_same_laws(
        (losses, ms) in met(), ie in 0.0..60.0, bpl in 1.0..40.0, worse in (0.0..50.0, 0.0..5.0, 0.0..500.0),
    ) {
        let of = |losses: Losses, ta: f64, echo: bool| {
            let mut input = Narrowband::default();
            input.equipment = Equipment { ie, bpl };
            input.losses = losses;
            input.absolute_delay_ms = ta;
            if echo {
                (input.echo_delay_ms, input.loop_delay_ms) = (ta, 2.0 * ta);
            }
            input.rating().r
        };
        let (loss, bursts, delay): (f64, f64, f64) = worse;
        let more = Losses { percent: f64::min(losses.percent + loss, 100.0), ..losses };
        let burstier = Losses { burst_ratio: losses.burst_ratio + bursts, ..losses };
        for echo in [false, true] {
            let before = of(losses, ms, echo);
            prop_assert!(of(more, ms, echo) <= before + 1e-9);
            prop_assert!(of(burstier, ms, echo) <= before + 1e-9);
            prop_assert!(of(losses, ms + delay, echo) <= before + 1e-3, "delay {} + {}", ms, delay);
            prop_assert!((of(losses, ms + 1e-3, echo) - before).abs() < 0.05, "a step at {}", ms);
        }
    }

    #[test]
    fn any_input_gives_a_number_within_bounds(
        inputs in prop::collection::vec(any_float(), 19), bps in any::<u64>(), coding in coding(),
    ) {
        let losses = Losses { percent: inputs[0], burst_ratio: inputs[1] };
        let opus = Opus::at(Bitrate::from_bps(bps), coding).rating(losses, inputs[2]);
        prop_assert!((0.0..=148.0).contains(&opus));
        let equipment = Equipment { ie: inputs[3], bpl: inputs[4] };
        for band in [Band::Wide, Band::Full] {
            let r = rating(band, equipment, losses, inputs[2]);
            prop_assert!((0.0..=band.top()).contains(&r));
            prop_assert!((0.0..=100.0).contains(&r_factor(band, inputs[5])));
        }
        prop_assert!((1.0..=4.5).contains(&mos(inputs[5])));
        prop_assert!((0.0..=100.0).contains(&r_of_mos(inputs[5])));
        let mut narrow = Narrowband::default();
        narrow.send_loudness = inputs[6];
        narrow.receive_loudness = inputs[7];
        narrow.sidetone = inputs[8];
        (narrow.d_send, narrow.d_receive) = (inputs[9], inputs[10]);
        (narrow.talker_echo, narrow.echo_path_loss) = (inputs[11], inputs[12]);
        (narrow.echo_delay_ms, narrow.loop_delay_ms) = (inputs[13], inputs[14]);
        (narrow.quantising_units, narrow.circuit_noise) = (inputs[15], inputs[16]);
        (narrow.room_noise_send, narrow.room_noise_receive) = (inputs[17], inputs[18]);
        (narrow.absolute_delay_ms, narrow.noise_floor, narrow.advantage) = (inputs[2], inputs[4], inputs[0]);
        (narrow.equipment, narrow.losses) = (equipment, losses);
        let rated = narrow.rating();
        prop_assert!(rated.r.is_finite() && rated.r.abs() < 1e5, "{:?} of {:?}", rated, narrow);
    }

    #[test]
    fn the_score_never_falls_with_r_and_is_undone(r in 0.0..100.0, more in 0.0..10.0, score in 1.0..4.5) {
        prop_assert!(mos(r + more) >= mos(r));
        prop_assert!((mos(r + 1e-3) - mos(r)).abs() < 1e-3);
        prop_assert!((mos(r_of_mos(score)) - score).abs() < 1e-6);
        prop_assert!(r_of_mos(mos(r)) <= r + 1e-6);
    }

    #[test]
    fn delay_costs_nothing_up_to_100_ms(ms in 0.0..=100.0) {
        prop_assert!(delay_impairment(ms) == 0.0);
    }
}
