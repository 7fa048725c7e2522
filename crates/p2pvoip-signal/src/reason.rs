//! Why a call was refused, hung up, or ended: a code on the wire, a word for machines, a sentence for people.

/// Why a callee does not take a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum RejectReason {
    /// A reason that this version does not know.
    Other,
    /// It is in another call.
    Busy,
    /// The person declined.
    Declined,
    /// There is no version, feature or codec that both know.
    Unsupported,
    /// Nobody took it within the ring time.
    NoAnswer,
}

impl RejectReason {
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Other => 0,
            Self::Busy => 1,
            Self::Declined => 2,
            Self::Unsupported => 3,
            Self::NoAnswer => 4,
        }
    }

    pub(crate) const fn from_code(code: u8) -> Self {
        match code {
            1 => Self::Busy,
            2 => Self::Declined,
            3 => Self::Unsupported,
            4 => Self::NoAnswer,
            _ => Self::Other,
        }
    }
}

/// Why an accepted call is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum HangUpReason {
    /// A reason that this version does not know.
    Other,
    /// The person ended it.
    Normal,
    /// No path was found, or the last one broke.
    NoPath,
    /// Something went wrong on its side.
    Failed,
    /// The code of the call is another one at the two ends, or was not what its caller had committed to.
    CodeDiffers,
}

impl HangUpReason {
    /// Its number on the wire.
    pub const fn code(self) -> u8 {
        match self {
            Self::Other => 0,
            Self::Normal => 1,
            Self::NoPath => 2,
            Self::Failed => 3,
            Self::CodeDiffers => 4,
        }
    }

    /// The reason of that number; a number that is not known is [`Other`](Self::Other).
    pub const fn from_code(code: u8) -> Self {
        match code {
            1 => Self::Normal,
            2 => Self::NoPath,
            3 => Self::Failed,
            4 => Self::CodeDiffers,
            _ => Self::Other,
        }
    }
}

/// How a call ended, as seen from this side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum EndReason {
    /// This side ended it.
    HungUp,
    /// The other side ended it.
    PeerHungUp,
    /// This side cancelled before it was taken.
    Cancelled,
    /// The caller cancelled before this side took it.
    PeerCancelled,
    /// This side declined.
    Declined,
    /// The other side declined.
    Rejected,
    /// The other side is in another call.
    Busy,
    /// This side was in another call.
    BusyHere,
    /// There is no version, feature or codec that both know.
    Unsupported,
    /// The other side rang, or got the offer, but did not take the call.
    NoAnswer,
    /// This side rang, and nobody took the call.
    Missed,
    /// Nobody listens at the other side's mailbox.
    Unreachable,
    /// The rendezvous server cannot be reached.
    Offline,
    /// No path through the network was found in time.
    NoPath,
    /// The path broke and did not come back.
    PeerVanished,
    /// The other side is not who it should be, or its messages are not what they should be.
    NotTrusted,
    /// The code of the call is another one at the two ends, as one of the two people said, or as its caller revealed it.
    CodeDiffers,
    /// Both called each other at once; the other of the two calls goes on.
    Superseded,
    /// Something went wrong on the other side.
    PeerFailed,
    /// Something went wrong on this side.
    Failed,
}

impl EndReason {
    /// A stable word for machines; it never changes once released.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HungUp => "hung-up",
            Self::PeerHungUp => "peer-hung-up",
            Self::Cancelled => "cancelled",
            Self::PeerCancelled => "peer-cancelled",
            Self::Declined => "declined",
            Self::Rejected => "rejected",
            Self::Busy => "busy",
            Self::BusyHere => "busy-here",
            Self::Unsupported => "unsupported",
            Self::NoAnswer => "no-answer",
            Self::Missed => "missed",
            Self::Unreachable => "unreachable",
            Self::Offline => "offline",
            Self::NoPath => "no-path",
            Self::PeerVanished => "peer-vanished",
            Self::NotTrusted => "not-trusted",
            Self::CodeDiffers => "code-differs",
            Self::Superseded => "superseded",
            Self::PeerFailed => "peer-failed",
            Self::Failed => "failed",
        }
    }

    /// Whether the call ended as somebody wished, rather than by a failure.
    pub const fn is_normal(self) -> bool {
        matches!(
            self,
            Self::HungUp
                | Self::PeerHungUp
                | Self::Cancelled
                | Self::PeerCancelled
                | Self::Declined
                | Self::Superseded
        )
    }

    /// The end that a rejection by the callee means for the caller.
    pub const fn of_reject(reason: RejectReason) -> Self {
        match reason {
            RejectReason::Busy => Self::Busy,
            RejectReason::Unsupported => Self::Unsupported,
            RejectReason::NoAnswer => Self::NoAnswer,
            RejectReason::Declined | RejectReason::Other => Self::Rejected,
        }
    }

    /// The end that a hang-up by the peer means for this side.
    pub const fn of_hang_up(reason: HangUpReason) -> Self {
        match reason {
            HangUpReason::NoPath => Self::NoPath,
            HangUpReason::Failed => Self::PeerFailed,
            HangUpReason::CodeDiffers => Self::CodeDiffers,
            HangUpReason::Normal | HangUpReason::Other => Self::PeerHungUp,
        }
    }
}

impl core::error::Error for EndReason {}

impl core::fmt::Display for EndReason {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::HungUp => "You ended the call.",
            Self::PeerHungUp => "The other side ended the call.",
            Self::Cancelled => "You cancelled the call before it was answered.",
            Self::PeerCancelled => "The caller gave up before you answered.",
            Self::Declined => "You declined the call.",
            Self::Rejected => "The other side declined the call.",
            Self::Busy => "The other side is in another call.",
            Self::BusyHere => "You were in another call.",
            Self::Unsupported => {
                "The two programs have no version or codec in common; update the older of them."
            }
            Self::NoAnswer => "The other side did not answer.",
            Self::Missed => "You did not answer the call in time.",
            Self::Unreachable => "The other side is not online; try again later.",
            Self::Offline => "The rendezvous server cannot be reached; check your internet connection.",
            Self::NoPath => {
                "No path through the network was found between the two devices; a relay (TURN server) may help."
            }
            Self::PeerVanished => "The connection to the other side was lost.",
            Self::NotTrusted => {
                "The other side could not prove that it is your contact; check the contact card."
            }
            Self::CodeDiffers => {
                "The codes of the call differ: somebody may be listening in. Call again over another network. If it happens \
                 again, meet, and scan each other's codes."
            }
            Self::Superseded => "You both called at the same time; the other call goes on.",
            Self::PeerFailed => "Something went wrong on the other side.",
            Self::Failed => "Something went wrong on this device; the log says more.",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_comes_back() {
        for code in 0..=4 {
            assert_eq!(RejectReason::from_code(code).code(), code);
        }
        for code in 0..=4 {
            assert_eq!(HangUpReason::from_code(code).code(), code);
        }
        assert_eq!(RejectReason::from_code(200), RejectReason::Other);
        assert_eq!(HangUpReason::from_code(200), HangUpReason::Other);
    }

    #[test]
    fn words_differ_and_sentences_end_with_a_full_stop() {
        let all = [
            EndReason::HungUp,
            EndReason::PeerHungUp,
            EndReason::Cancelled,
            EndReason::PeerCancelled,
            EndReason::Declined,
            EndReason::Rejected,
            EndReason::Busy,
            EndReason::BusyHere,
            EndReason::Unsupported,
            EndReason::NoAnswer,
            EndReason::Missed,
            EndReason::Unreachable,
            EndReason::Offline,
            EndReason::NoPath,
            EndReason::PeerVanished,
            EndReason::NotTrusted,
            EndReason::CodeDiffers,
            EndReason::Superseded,
            EndReason::PeerFailed,
            EndReason::Failed,
        ];
        let words: std::collections::BTreeSet<_> = all.iter().map(|reason| reason.as_str()).collect();
        assert_eq!(words.len(), all.len());
        assert!(all.iter().all(|reason| reason.to_string().ends_with('.')));
    }
}
