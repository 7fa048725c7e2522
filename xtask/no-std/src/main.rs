//! A program without `std`, without `alloc` and without the C runtime's start that uses all of p2pvoip-cc: it is linked,
//! never run. Whatever of `std` or `alloc` p2pvoip-cc or p2pvoip-core used would bring a second panic handler, or want a
//! heap that is not there, and the program could not be built.
//!
//! # Left out
//! - Running it: the tests of p2pvoip-cc do that.

#![no_std]
#![no_main]

use core::hint::black_box;
use core::panic::PanicInfo;
use core::time::Duration;
use p2pvoip_cc::{
    AudioConfig, AudioController, Class, Controller, Coupled, Demand, FeedbackCollector, Pacer, Path, Report,
    Sent, Target, VideoConfig, VideoController,
};
use p2pvoip_core::{DataSize, Ecn, Instant};

#[panic_handler]
fn stop(_: &PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}

/// Where the linker begins to look for what is used.
#[expect(unsafe_code, reason = "an entry needs a name that the linker knows")]
// SAFETY: nothing else in this program has the name, since nothing else is in this program.
#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    let voice = AudioController::new(black_box(AudioConfig::default()));
    let pictures = VideoController::new(black_box(VideoConfig::default()));
    if let (Ok(voice), Ok(pictures)) = (voice, pictures) {
        let mut coupled: Coupled<_, 2> = Coupled::new(pictures);
        let _room = black_box(coupled.set(black_box(0), Demand::greedy(1)));
        black_box(flow(voice));
        black_box(coupled.share(black_box(0)));
        black_box(flow(coupled));
    }
    loop {
        core::hint::spin_loop();
    }
}

/// A flow and its receiver, as in the example of p2pvoip-cc; every number is one that the compiler cannot know.
fn flow(mut controller: impl Controller) -> Target {
    let mut now = black_box(Instant::from_millis(0));
    let mut pacer = Pacer::new(&controller.target(), now);
    let mut receiver = FeedbackCollector::new();
    controller.on_path(black_box(Path::ipv4(0)), now);
    for number in 0..black_box(100) {
        let size = black_box(DataSize::from_bytes(150));
        if pacer.has_room(size, Class::Video, black_box(size))
            && pacer.permit(size, black_box(Class::Audio), now).is_ok()
        {
            controller.on_sent(Sent { number, size, path: black_box(0) }, now);
        }
        receiver.on_received(number, 0, black_box(Ecn::NotEct), now);
        let mut slot = black_box([0; 48]);
        let len = receiver.emit(&mut slot, now).unwrap_or(0);
        if let Ok(report) = Report::parse(black_box(&slot).get(..len).unwrap_or_default(), number) {
            controller.on_feedback(&report, now);
        }
        if let Some(wake) = controller.next_at() {
            controller.on_time(wake.at);
        }
        pacer.set_target(&controller.target(), now);
        now += black_box(Duration::from_millis(20));
    }
    controller.target()
}
