//! Peer-to-peer encrypted voice calls: the facade.
