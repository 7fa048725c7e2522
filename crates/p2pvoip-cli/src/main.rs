//! The program `p2pvoip`.

fn main() {}
