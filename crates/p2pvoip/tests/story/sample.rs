//! A sample of calls over random networks, and what became of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use p2pvoip::{Codec, RouteKind};
use p2pvoip_core::Seed;
use p2pvoip_sim::topology;

use super::{Outcome, Relays, Story};

/// What one call of the sample came to.
pub struct Told {
    pub network: String,
    pub outcome: Outcome,
    /// By what kind of path voice went at the end, at the caller.
    pub path: Option<RouteKind>,
    pub after: Option<Duration>,
    /// Of the frames that were played at either end, once the first came: the share that was invented, in percent.
    pub concealed: f64,
    /// The playout delay at the end, at the caller.
    pub playout_delay: Duration,
    pub datagrams: u64,
}

/// One call of `talk` over the network that this seed draws.
pub fn one(seed: &Seed, codec: &Arc<dyn Codec>, talk: Duration) -> Told {
    let topology = topology::random(seed);
    let network = topology.what.clone();
    let mut story = Story::with_relays(topology, codec, seed, Relays::Fallback).untaped();
    let (outcome, after) = story.call(talk);
    let heard = [story.a, story.b].map(|host| story.person(host).heard);
    let played: u64 = heard.iter().map(|heard| heard.spoken + heard.concealed).sum();
    let concealed: u64 = heard.iter().map(|heard| heard.concealed).sum();
    let stats = story.person(story.a).stats.as_deref().copied().unwrap_or_default();
    Told {
        network,
        outcome,
        path: story.person(story.a).paths.last().copied(),
        after,
        concealed: percent(concealed, played),
        playout_delay: stats.inbound.playout_delay,
        datagrams: story.world.counters().sent,
    }
}

/// How often each outcome came, most first within its kind.
pub fn outcomes<'a>(told: impl Iterator<Item = &'a Told>) -> BTreeMap<Outcome, usize> {
    let mut table = BTreeMap::new();
    for told in told {
        *table.entry(told.outcome).or_default() += 1;
    }
    table
}

#[expect(clippy::cast_precision_loss, reason = "shown to people with two digits")]
pub fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { 100.0 * part as f64 / whole as f64 }
}
