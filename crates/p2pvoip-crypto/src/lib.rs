//! Identity, handshake and packet protection for peer-to-peer voice.
