//! What it costs, and that it costs the same everywhere: no allocation, few bytes, and the same bits on every machine.

use crate::flow::{Flow, Scene, Seen, ms};
use crate::subject::{Subject, laws};
use p2pvoip_cc::{
    AudioController, Class, Controller, Coupled, Demand, FeedbackCollector, MAX_LEN, Pacer, Path, Report,
    Sent, VideoController,
};
use p2pvoip_core::{DataSize, Ecn, Instant};
use p2pvoip_sim::alloc::{CountingAllocator, allocations};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

laws! {
    the_whole_loop_allocates_nothing;
}

fn the_whole_loop_allocates_nothing<S: Subject>() {
    let mut now = Instant::from_millis(1_000);
    let mut coupled: Coupled<S, 2> = Coupled::new(S::fresh());
    let mut pacer = Pacer::new(&coupled.target(), now);
    let mut receiver = FeedbackCollector::new();
    coupled.on_path(Path::ipv4(0), now);
    coupled.set(0, Demand::greedy(1)).unwrap();
    let mut believed = 0;
    let count = allocations(|| {
        for number in 0..2_000 {
            let size = DataSize::from_bytes(150);
            let share = coupled.share(0).unwrap();
            if pacer.permit(size, Class::Audio, now).is_ok() {
                coupled.on_sent(Sent { number, size, path: 0 }, now);
            }
            if number % 10 != 3 {
                receiver.on_received(number, 0, Ecn::NotEct, now);
            }
            let mut room = [0; MAX_LEN];
            if let Some(len) = receiver.emit(&mut room, now) {
                coupled.on_feedback(&Report::parse(&room[..len], number).unwrap(), now);
                believed += 1;
            }
            if coupled.next_at().is_some_and(|wake| wake.at <= now) {
                coupled.on_time(now);
            }
            pacer.set_target(&share, now);
            now += ms(20);
        }
    });
    assert_eq!(count, 0);
    assert!(believed > 300 && coupled.controller().stats().acked > 1_500);
}

#[test]
fn a_controller_of_voice_has_1536_bytes_and_one_of_video_4096() {
    let (voice, video) = (size_of::<AudioController>(), size_of::<VideoController>());
    assert!(voice <= 1_536, "{voice} bytes");
    assert!(video <= 4_096, "{video} bytes");
}

#[test]
fn pacer_collector_and_report_stay_small() {
    assert!(size_of::<Pacer>() <= 48, "{}", size_of::<Pacer>());
    assert!(size_of::<Report>() <= 184, "{}", size_of::<Report>());
    assert!(size_of::<FeedbackCollector>() <= 512, "{}", size_of::<FeedbackCollector>());
}

/// FNV-1a over everything that was seen.
fn digest(seen: &[Seen]) -> u64 {
    let mut digest = 0xcbf2_9ce4_8422_2325_u64;
    let mut eat = |value: u64| {
        for byte in value.to_le_bytes() {
            digest = (digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    for seen in seen {
        let target = &seen.target;
        eat(target.wire.as_bps());
        eat(u64::from(target.loss.bits()));
        eat(u64::from(target.burst.bits()));
        eat(target.pacing.as_bps());
        eat(target.window.as_bytes());
        eat(u64::try_from(target.ptime.as_micros()).unwrap());
        eat(u64::from(target.probe));
        eat(seen.sent);
        eat(seen.came);
    }
    digest
}

/// A run in which everything happens.
fn everything<S: Subject>() -> u64 {
    let mut scene = Scene::new(20, S::NARROW);
    scene.capacity = vec![(0, S::NARROW), (5_000, S::NARROW / 2), (9_000, S::WIDE)];
    (scene.loss, scene.overtaken, scene.twice, scene.jitter) = (5, 3, 3, 15);
    (scene.skew, scene.feedback_loss) = (150, 10);
    scene.receiver_jumps = vec![(12_000, 700)];
    scene.silent = Some((14_000, 15_500));
    scene.paths = vec![17_000];
    digest(&Flow::new(S::fresh(), scene).run())
}

/// What the law comes to for voice and for video. It changed when these do: then, and only then, they are written anew.
const DIGESTS: [u64; 2] = [0xfbba_e48b_f5f2_f0d1, 0x5c9a_1111_ea24_cbf8];

/// Two machines, or two levels of optimisation, never differ.
#[test]
fn the_same_run_gives_the_same_bits_on_every_machine() {
    let digests = [everything::<AudioController>(), everything::<VideoController>()];
    assert!(digests == DIGESTS, "where the law was meant to change, write `DIGESTS = {digests:#018x?}`");
}
