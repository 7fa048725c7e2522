//! Records that let a contact find a peer, and the directory they live in.
