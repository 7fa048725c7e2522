//! What the system tells of a datagram's arrival beside its bytes.

use core::time::Duration;

use p2pvoip_core::Ecn;

/// How a datagram arrived. The default is what is said where the system tells nothing: no mark, and read at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Arrival {
    /// Its ECN mark.
    pub ecn: Ecn,
    /// How long it lay in the system before it was read. Congestion control takes it to have arrived that much earlier, so that a
    /// busy machine is not taken for a queue in the network.
    pub waited: Duration,
}

impl From<Ecn> for Arrival {
    /// With this mark, and read at once.
    fn from(ecn: Ecn) -> Self {
        Self { ecn, ..Self::default() }
    }
}
