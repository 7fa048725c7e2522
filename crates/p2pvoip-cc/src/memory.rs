//! What a flow has learnt of its path, so that the next flow on it starts there (warm start).
//!
//! The owner keeps it, and decides when it still holds: to whom, from which network, how long ago. A memory that does not
//! hold any more is found out as any fall of the link is: by its first queue.
//!
//! # Left out
//! - The least delay of the path: the clocks of the two ends, and their offset, are not those of the last flow.

use crate::Fixed;
use core::time::Duration;
use p2pvoip_core::Bitrate;

/// What a flow has learnt of its path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Memory {
    /// The rate on the wire that the path carried, all headers included. The next flow starts at nine tenths of it, and
    /// rises slowly from there.
    pub wire: Bitrate,
    /// The least round trip, assumed until the next flow has a sample of its own.
    pub rtt: Option<Duration>,
    /// The share of packets that were lost while no queue stood, 0 to 1: the next flow's media repairs as much from its
    /// first packet on.
    pub loss: Fixed,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        AudioConfig, AudioController, Controller, FeedbackCollector, Path, Report, Sent, VideoConfig,
        VideoController,
    };
    use p2pvoip_core::{DataSize, Ecn, Instant};

    const MEMORY: Memory = Memory {
        wire: Bitrate::from_kbps(40),
        rtt: Some(Duration::from_millis(50)),
        loss: Fixed::from_bits(6_554),
    };

    fn audio(memory: Memory) -> AudioController {
        AudioController::new(AudioConfig { memory: Some(memory), ..AudioConfig::default() }).unwrap()
    }

    /// Sends packets of 150 bytes every 20 ms, each of them reported 40 ms after it left, but one of `lost` is lost.
    fn run(controller: &mut impl Controller, packets: u64, lost: u64) {
        let mut receiver = FeedbackCollector::new();
        for number in 0..packets {
            let now = Instant::from_millis(1_000 + 20 * number);
            controller.on_sent(Sent { number, size: DataSize::from_bytes(150), path: 0 }, now);
            if number % lost == lost - 1 {
                continue;
            }
            receiver.on_received(number, 0, Ecn::NotEct, now + Duration::from_millis(20));
            let mut slot = [0; 64];
            let Some(len) = receiver.emit(&mut slot, now + Duration::from_millis(20)) else { continue };
            let report = Report::parse(&slot[..len], number).unwrap();
            controller.on_feedback(&report, now + Duration::from_millis(40));
        }
    }

    #[test]
    fn a_flow_starts_at_nine_tenths_of_what_the_last_one_learnt() {
        assert_eq!(audio(MEMORY).target().wire, Bitrate::from_kbps(36));
        assert_eq!(audio(MEMORY).target().ptime, Duration::from_millis(40), "the packets go with the rate");
        let config = VideoConfig { memory: Some(MEMORY), ..VideoConfig::default() };
        assert_eq!(
            VideoController::new(config).unwrap().target().wire,
            config.least,
            "never below the least"
        );
    }

    #[test]
    fn what_is_remembered_beyond_what_can_be_sent_is_no_more_than_that() {
        let most = AudioConfig::default().most();
        for wire in [most, most.scaled(9, 1), Bitrate::from_bps(u64::MAX)] {
            assert_eq!(audio(Memory { wire, ..MEMORY }).target().wire, most.scaled(9, 10));
        }
        let least = audio(Memory { wire: Bitrate::default(), ..MEMORY }).target();
        assert_eq!((least.wire, least.ptime), (AudioConfig::default().least(), Duration::from_millis(120)));
    }

    #[test]
    fn a_remembered_rate_is_left_slowly_and_an_unknown_one_fast() {
        let mut cold = AudioController::new(AudioConfig::default()).unwrap();
        let mut warm = audio(Memory { wire: cold.target().wire.scaled(10, 9), ..MEMORY });
        let (from, slowly) = (cold.target().wire, Bitrate::from_kbps(10));
        assert!(warm.target().wire.as_bps().abs_diff(from.as_bps()) < 10);
        run(&mut cold, 50, u64::MAX);
        run(&mut warm, 50, u64::MAX);
        assert!(warm.target().wire > from && warm.target().wire < from + slowly, "{:?}", warm.target());
        assert!(cold.target().wire > from + slowly, "{:?}", cold.target());
    }

    #[test]
    fn the_remembered_loss_is_repaired_from_the_first_packet_on_and_forgotten_where_nothing_is_lost() {
        let mut controller = audio(MEMORY);
        assert_eq!(controller.target().loss, MEMORY.loss);
        assert_eq!(controller.target().burst, Fixed::ONE);
        run(&mut controller, 400, u64::MAX);
        assert!(controller.target().loss < Fixed::ratio(1, 100), "{:?}", controller.target());
    }

    #[test]
    fn the_remembered_round_trip_opens_the_window() {
        let unknown = audio(Memory { rtt: None, ..MEMORY }).target();
        let far = audio(Memory { rtt: Some(Duration::MAX), ..MEMORY }).target();
        assert!(audio(MEMORY).target().window < unknown.window, "300 ms are assumed otherwise");
        assert!(
            far.window > unknown.window && far.window.as_bytes() < 4 * unknown.window.as_bytes(),
            "{far:?}"
        );
    }

    #[test]
    fn a_path_named_before_the_first_packet_keeps_the_memory_and_another_one_later_does_not() {
        let mut controller = audio(Memory { wire: Bitrate::from_kbps(85), ..MEMORY });
        let warm = controller.target().wire;
        controller.on_path(Path::ipv4(3), Instant::default());
        assert_eq!(controller.target().wire, warm);
        controller.on_sent(Sent { number: 0, size: DataSize::from_bytes(150), path: 3 }, Instant::default());
        controller.on_path(Path::ipv4(4), Instant::default());
        let unknown = AudioController::new(AudioConfig::default()).unwrap();
        assert_eq!(controller.target().wire, unknown.target().wire);
        assert_eq!(controller.target().loss, Fixed::ZERO);
    }

    #[test]
    fn what_was_learnt_is_told_once_enough_has_arrived_and_starts_the_next_flow() {
        let mut controller = AudioController::new(AudioConfig::default()).unwrap();
        run(&mut controller, 100, 10);
        assert_eq!(controller.memory(), None);
        run(&mut controller, 900, 10);
        let memory = controller.memory().unwrap();
        // 60 kbit/s were sent and nine tenths came: what was allowed beyond that is not known to pass.
        assert!((50_000..72_000).contains(&memory.wire.as_bps()), "{memory:?}");
        let rtt = memory.rtt.unwrap().as_millis();
        assert!((38..=41).contains(&rtt), "{rtt} ms");
        assert!(memory.loss > Fixed::ratio(7, 100) && memory.loss < Fixed::ratio(13, 100), "{memory:?}");
        assert_eq!(audio(memory).target().wire, memory.wire.scaled(9, 10));
    }

    #[test]
    fn a_flow_that_has_fallen_silent_tells_nothing() {
        let mut controller = AudioController::new(AudioConfig::default()).unwrap();
        run(&mut controller, 1_000, u64::MAX);
        assert!(controller.memory().is_some());
        for number in 1_000..1_100 {
            let now = Instant::from_millis(1_000 + 20 * number);
            controller.on_sent(Sent { number, size: DataSize::from_bytes(150), path: 0 }, now);
            controller.on_time(now);
        }
        assert_eq!(controller.memory(), None);
    }
}
