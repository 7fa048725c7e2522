//! What a run is made of: links, flows, competitors, and what is measured.

use std::time::Duration;

use p2pvoip_sim::tcp::Algorithm;
use p2pvoip_sim::{Discipline, Limit};

use crate::time::{Micros, SECOND};

/// One run, as data.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Its short name, as in `--case`.
    pub name: String,
    /// What it shows, in a few words.
    pub title: String,
    /// When it ends.
    pub duration: Micros,
    /// The links; flows name them by their place.
    pub links: Vec<Link>,
    /// Flows of media under control.
    pub flows: Vec<Flow>,
    /// Competitors.
    pub tcps: Vec<Tcp>,
    /// What utilisation is measured against.
    pub reference: Reference,
}

/// What utilisation is measured against.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reference {
    /// What the link can carry or the sources can send, whichever is less at each moment.
    LinkOrSources,
    /// What the link can carry.
    Link,
}

/// A queue and the link behind it.
#[derive(Clone, Debug)]
pub struct Link {
    /// Bits a second from each moment on.
    pub rates: Vec<(Micros, u64)>,
    /// How packets wait.
    pub queue: Discipline,
    /// What is lost behind the link.
    pub loss: Loss,
    /// Standard deviation of the delay variation behind the link; at most three times that, without reordering.
    pub jitter: Micros,
}

/// What is lost behind a link.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Loss {
    /// Nothing.
    None,
    /// Each packet with this probability.
    Independent(f64),
    /// A channel of two states (Gilbert-Elliott): from good to bad, from bad to good; all is lost in the bad one.
    Bursts {
        /// Chance of going from good to bad, at each packet.
        begin: f64,
        /// Chance of going from bad to good, at each packet.
        end: f64,
    },
}

/// A way from one end to the other.
#[derive(Clone, Debug)]
pub struct Route {
    /// The delay before each link, and the link.
    pub hops: Vec<(Micros, usize)>,
    /// The delay behind the last link.
    pub tail: Micros,
}

impl Route {
    /// Through one link, with so much delay before and behind it.
    pub fn through(link: usize, before: Micros, behind: Micros) -> Self {
        Self { hops: vec![(before, link)], tail: behind }
    }

    /// Without any queue.
    pub fn propagation(&self) -> Micros {
        self.hops.iter().map(|hop| hop.0).sum::<Micros>() + self.tail
    }
}

/// What a flow sends.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Media {
    /// Video of 150 to 1500 kbit/s and voice of 20 kbit/s, both without choice of their own.
    Video,
    /// Voice of 6 to 64 kbit/s that adapts.
    Audio(Ladder),
}

/// Which packet durations an adaptive voice may take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ladder {
    /// 20 ms whatever the controller says.
    Fixed20,
    /// What the controller says.
    Free,
}

/// One flow of media under control.
#[derive(Clone, Debug)]
pub struct Flow {
    /// What it sends.
    pub media: Media,
    /// When it begins.
    pub start: Micros,
    /// When it ends.
    pub end: Micros,
    /// When it sends nothing: from, to.
    pub pauses: Vec<(Micros, Micros)>,
    /// The way of its media.
    pub forward: Route,
    /// The way of its feedback.
    pub backward: Route,
    /// Its weight among flows that share.
    pub weight: f64,
}

/// A competitor.
#[derive(Clone, Debug)]
pub struct Tcp {
    /// How its window grows and shrinks.
    pub algorithm: Algorithm,
    /// How much it sends.
    pub transfer: Transfer,
    /// When it begins.
    pub start: Micros,
    /// When it ends.
    pub end: Micros,
    /// The way of its data.
    pub forward: Route,
    /// The way of its acknowledgements.
    pub backward: Route,
}

/// How much a competitor sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transfer {
    /// Without end.
    Long,
    /// Downloads of a few bytes, with idle times between them that are drawn from the exponential distribution.
    Short {
        /// Least and most bytes of one.
        bytes: (u64, u64),
        /// The mean idle time.
        idle: Micros,
        /// It begins with a download, not idle.
        is_on: bool,
    },
}

impl Flow {
    /// Whether it sends at `at`.
    pub fn is_active(&self, at: Micros) -> bool {
        at >= self.start && at < self.end && !self.pauses.iter().any(|(from, to)| at >= *from && at < *to)
    }

    /// The most it sends on the wire, in bits a second.
    pub fn most(&self) -> u64 {
        match self.media {
            Media::Video => crate::video::MOST + crate::companion::RATE,
            Media::Audio(_) => crate::audio::MOST_WIRE,
        }
    }
}

impl Scenario {
    /// The rate of a link at a moment.
    pub fn rate(&self, link: usize, at: Micros) -> u64 {
        let rates = &self.links[link].rates;
        let place = rates.partition_point(|(from, _)| *from <= at);
        place.checked_sub(1).map_or(0, |place| rates[place].1)
    }

    /// The link of a flow's media that has the least rate at the start.
    pub fn narrowest(&self, flow: &Flow) -> Option<usize> {
        let first = |link: &usize| self.links[*link].rates.iter().map(|rate| rate.1).find(|rate| *rate > 0);
        flow.forward.hops.iter().map(|hop| hop.1).min_by_key(first)
    }

    /// When media is sent by anyone: first start, last end.
    pub fn span(&self) -> (Micros, Micros) {
        let start = self.flows.iter().map(|flow| flow.start).min().unwrap_or(0);
        let end = self.flows.iter().map(|flow| flow.end).max().unwrap_or(self.duration);
        (start, end.min(self.duration).max(start))
    }
}

/// Rates in kbit/s from seconds on.
pub fn rates(steps: &[(f64, f64)]) -> Vec<(Micros, u64)> {
    steps.iter().map(|(at, kbps)| ((at * SECOND as f64) as Micros, (kbps * 1_000.0) as u64)).collect()
}

/// A queue of that many milliseconds of the rate of the moment, which drops the newest.
pub const fn drop_tail(milliseconds: u64) -> Discipline {
    Discipline::DropTail { limit: Limit::Delay(Duration::from_millis(milliseconds)) }
}
