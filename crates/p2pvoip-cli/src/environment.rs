//! The variables of the environment that the program reads; options go before them. Programs that run this one for a purpose of
//! their own, the demo and the tests, take all of them away.

/// The rendezvous server.
pub(crate) const SERVER: &str = "P2PVOIP_SERVER";
/// The nodes by which the DHT is entered, parted by commas or blanks.
pub(crate) const DHT: &str = "P2PVOIP_DHT";
/// The TURN servers, parted by blanks.
pub(crate) const TURN: &str = "P2PVOIP_TURN";
/// The user name at the TURN servers.
pub(crate) const TURN_USER: &str = "P2PVOIP_TURN_USER";
/// The password at the TURN servers.
pub(crate) const TURN_PASSWORD: &str = "P2PVOIP_TURN_PASSWORD";
/// The passphrase of the identity.
pub(crate) const PASSPHRASE: &str = "P2PVOIP_PASSPHRASE";

/// All of them.
pub(crate) const ALL: [&str; 6] = [SERVER, DHT, TURN, TURN_USER, TURN_PASSWORD, PASSPHRASE];
