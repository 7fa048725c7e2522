//! What clients can say to the rendezvous server.

use p2pvoip_core::{Instant, Machine, Output};
use p2pvoip_rendezvous::hub::{Event, Input};
use p2pvoip_rendezvous::{ConnectionId, Hub, Limits};
use p2pvoip_signal::rendezvous::{MAX_CLIENT_FRAME, ServerFrame};

use crate::drive::{pass, rest};
use crate::script::{millis, steps};

/// A script for the hub: up to four connections, each opened, greeted, heard and closed as the script says. The server says
/// nothing but frames, hears nobody but who is connected, and keeps to its limits. A step with bit 2 has a frame of the
/// greatest length, of which the script holds the beginning.
pub fn hub(script: &[u8]) {
    let mut limits = Limits::default();
    (limits.connections, limits.mailboxes, limits.records, limits.waiting) = (3, 4, 3, 4);
    let (most_mailboxes, most_records) = (limits.mailboxes, limits.records);
    let mut now = Instant::from_millis(1);
    let mut hub = Hub::new(limits, now);
    let mut buf = [0; Hub::MAX_TRANSMIT];
    let mut open = [false; 4];
    for (step, bytes) in steps(script) {
        let who = usize::from(step >> 4 & 3);
        let id = ConnectionId(who as u64);
        let mut ended = Vec::new();
        match step & 3 {
            0 => open[who] |= hub.handle_input(Input::Opened(id), now).is_ok(),
            1 => {
                let closed = hub.handle_input(Input::Closed(id), now);
                assert!(closed.is_ok(), "whoever leaves has left");
                open[who] = false;
            }
            2 => {
                let mut frame = bytes.to_vec();
                if step & 4 != 0 {
                    frame.resize(MAX_CLIENT_FRAME, 0);
                }
                if hub.handle_input(Input::Frame(id, &frame), now).is_ok() {
                    assert!(open[who], "only who is connected is heard");
                }
            }
            _ => pass(&mut hub, &mut buf, &mut now, millis(bytes), |output, bytes| {
                ended.extend(said(&output, bytes));
            }),
        }
        // What was said to one that has closed since may still come.
        if step & 0x80 == 0 {
            rest(&mut hub, &mut buf, |output, bytes| ended.extend(said(&output, bytes)));
        }
        for ConnectionId(who) in ended {
            open[usize::try_from(who).unwrap_or_default()] = false;
        }
        let stats = hub.stats();
        assert_eq!(stats.connections, open.iter().filter(|open| **open).count());
        assert!(stats.mailboxes <= most_mailboxes && stats.records <= most_records, "{stats:?}");
    }
}

/// Checks what the server says; which connection it closes.
fn said(output: &Output<ConnectionId, Event>, bytes: &[u8]) -> Option<ConnectionId> {
    match output {
        Output::Transmit { .. } => {
            assert!(ServerFrame::parse(bytes).is_ok(), "a server says nothing but frames");
            None
        }
        Output::Event(Event::Close(id)) => Some(*id),
        Output::Wait(_) => None,
    }
}
