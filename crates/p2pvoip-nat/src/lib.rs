//! Finds a path between two peers and keeps it: ICE over UDP, without IO.
