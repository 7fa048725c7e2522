//! Measures congestion controllers in the cases of RFC 8867, 8868 and 8869 and those of voice, in virtual time.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "measurements are floats, and what is simulated is far below the limits of its integers"
)]

pub mod aims;
pub mod args;
pub mod audio;
pub mod cases;
pub mod companion;
pub mod controllers;
pub mod file;
pub mod frozen;
pub mod json;
pub mod metrics;
pub mod receiver;
pub mod record;
pub mod run;
pub mod scenario;
pub mod sender;
pub mod svg;
pub mod table;
pub mod time;
pub mod video;
pub mod world;
