//! Opus for p2pvoip-media, by audiopus.
