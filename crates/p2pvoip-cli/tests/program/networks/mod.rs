//! Calls between real networks: hosts in network namespaces, behind NATs of the kernel.
//!
//! Without root, iproute2, nftables and coturn these tests say that they are skipped; with `P2PVOIP_REQUIRE_PEERS=1` they
//! fail then.

mod calls;
mod lab;
mod netcheck;
mod servers;
