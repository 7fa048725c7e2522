//! Network address translation for UDP in the words of RFC 4787: mapping, filtering, ports, hairpinning, lifetime.
//!
//! # Timers
//! None of its own: whether a binding still lives is decided when a packet meets it.
//!
//! # Left out
//! - Pools of external addresses (REQ-2), port parity and contiguity (REQ-3 and 4), ICMP (REQ-10), fragments (REQ-13 and 14),
//!   application gateways (REQ-11), TCP.

mod ports;
mod table;

use std::time::Duration;

pub use table::{Nat, NatStats, Refused};

/// On what of the remote endpoint a behaviour depends (RFC 4787 sections 4.1 and 5).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Scope {
    /// On nothing of it.
    EndpointIndependent,
    /// On its address.
    AddressDependent,
    /// On its address and port.
    AddressAndPortDependent,
}

/// Which packets from one inner endpoint share an external port (RFC 4787 section 4.1).
pub type Mapping = Scope;

/// Who may send to an external port (RFC 4787 section 5).
pub type Filtering = Scope;

/// How an external port is chosen (RFC 4787 section 4.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PortAllocation {
    /// The inner port, or the next free one after it when that is taken.
    Preserving,
    /// One counter for all, which skips ports that are taken.
    Sequential,
    /// Any free port, each equally likely.
    Random,
}

/// What a NAT is like. The default is what RFC 4787 asks for, with the filtering of most homes.
#[derive(Clone, Debug)]
pub struct NatConfig {
    /// Which packets share an external port; REQ-1 asks for endpoint-independent.
    pub mapping: Mapping,
    /// Who may send to an external port; REQ-8 allows each by need.
    pub filtering: Filtering,
    /// How an external port is chosen.
    pub ports: PortAllocation,
    /// Whether inner hosts reach one another by their external addresses (REQ-9).
    pub hairpin: bool,
    /// How long a binding lives after the last packet that refreshes it; REQ-5 asks for at least two minutes.
    pub lifetime: Duration,
    /// Whether inbound packets refresh a binding as well; outbound ones always do (REQ-6).
    pub inbound_refreshes: bool,
    /// How many ports a second other users take on average; moves the counter of [`PortAllocation::Sequential`].
    pub others: f64,
    /// How many bindings it holds at most; a new one is refused beyond.
    pub capacity: usize,
}

impl NatConfig {
    /// The default but for these three behaviours.
    #[must_use]
    pub fn new(mapping: Mapping, filtering: Filtering, ports: PortAllocation) -> Self {
        Self { mapping, filtering, ports, ..Self::default() }
    }

    /// Whether its external port differs from one remote endpoint to another.
    pub fn is_symmetric(&self) -> bool {
        self.mapping != Scope::EndpointIndependent
    }
}

impl Default for NatConfig {
    fn default() -> Self {
        Self {
            mapping: Scope::EndpointIndependent,
            filtering: Scope::AddressAndPortDependent,
            ports: PortAllocation::Preserving,
            hairpin: true,
            lifetime: Duration::from_secs(120),
            inbound_refreshes: false,
            others: 0.0,
            capacity: 4_096,
        }
    }
}
