//! Bursts and gaps: the example of RFC 3611, and the definition of its section 4.7.2 applied to any sequence.

use core::time::Duration;

use p2pvoip_telemetry::{BurstGap, Bursts, Fate, GMIN};
use proptest::prelude::*;

const PACKET: Duration = Duration::from_millis(10);

fn report(fates: impl IntoIterator<Item = Fate>) -> Bursts {
    let mut estimator = BurstGap::new();
    for fate in fates {
        estimator.on_packet(fate, PACKET);
    }
    estimator.report()
}

fn close(a: f32, b: f32) {
    assert!((a - b).abs() < 0.000_1, "{a} is not {b}");
}

/// Section 4.7.2: 1 is received, 0 lost, X discarded. The text speaks of 64 packets and a second gap of 29; the pattern
/// that is printed has 63 and 28, to which one is added here.
#[test]
fn the_example_of_the_rfc_has_its_burst_and_its_gaps() {
    let pattern = "11110111111111111111111X111X1011110111111111111111111X111111111";
    let pattern = pattern.chars().chain(['1']);
    let bursts = report(pattern.map(|packet| match packet {
        '0' => Fate::Lost,
        'X' => Fate::Discarded,
        _ => Fate::Received,
    }));
    assert_eq!((bursts.bursts, bursts.burst_duration), (1, Duration::from_millis(120)));
    close(bursts.burst_density, 4.0 / 12.0);
    assert_eq!(bursts.gap_duration, Duration::from_millis(520));
    close(bursts.gap_density, 2.0 / 52.0);
    close(bursts.loss_rate, 3.0 / 64.0);
    close(bursts.discard_rate, 3.0 / 64.0);
}

#[test]
fn losses_with_gmin_good_packets_between_are_isolated_and_with_one_less_a_burst() {
    let two = |between: u64| {
        let good = (0..between).map(|_| Fate::Received);
        report(std::iter::once(Fate::Lost).chain(good).chain([Fate::Lost]))
    };
    assert_eq!(two(GMIN).bursts, 0);
    assert_eq!(two(GMIN).burst_duration, Duration::ZERO);
    let burst = two(GMIN - 1);
    assert_eq!((burst.bursts, burst.burst_duration), (1, PACKET * 17));
    close(burst.burst_density, 2.0 / 17.0);
}

#[test]
fn nothing_heard_is_nothing_lost() {
    assert_eq!(BurstGap::new().report(), Bursts::default());
}

/// The definition, applied to the whole sequence at once: which packets are in bursts, and how many bursts there are.
fn defined(bad: &[bool]) -> (Vec<bool>, u64) {
    let mut in_burst = vec![false; bad.len()];
    let at: Vec<usize> = (0..bad.len()).filter(|&n| bad[n]).collect();
    let mut bursts = 0;
    let near = |pair: &[usize]| ((pair[1] - pair[0] - 1) as u64) < GMIN;
    for (n, pair) in at.windows(2).enumerate() {
        if near(pair) {
            in_burst[pair[0]..=pair[1]].fill(true);
            let goes_on = n > 0 && near(&at[n - 1..=n]);
            bursts += u64::from(!goes_on);
        }
    }
    (in_burst, bursts)
}

proptest! {
    #[test]
    fn any_sequence_is_divided_as_defined(
        stretches in prop::collection::vec((0_usize..40, 1_usize..4), 0..12),
    ) {
        let bad: Vec<bool> =
            stretches.iter().flat_map(|(good, lost)| [vec![false; *good], vec![true; *lost]].concat()).collect();
        let (in_burst, bursts) = defined(&bad);
        let count = |wanted: bool, only_bad: bool| {
            let all = bad.iter().zip(&in_burst);
            u32::try_from(all.filter(|(bad, burst)| **burst == wanted && (!only_bad || **bad)).count()).unwrap()
        };
        let told = report(bad.iter().map(|bad| if *bad { Fate::Lost } else { Fate::Received }));
        prop_assert_eq!(told.bursts, bursts);
        let times = u32::try_from(bursts).unwrap().max(1);
        prop_assert_eq!(told.burst_duration, PACKET * count(true, false) / times);
        prop_assert_eq!(told.gap_duration, PACKET * count(false, false) / times);
        let share = |of: bool| f64::from(count(of, true)) / f64::from(count(of, false).max(1));
        prop_assert!((f64::from(told.burst_density) - share(true)).abs() < 1e-6);
        prop_assert!((f64::from(told.gap_density) - share(false)).abs() < 1e-6);
    }
}
