//! One story, told again and again with another packet lost each time (after SQLite's way to test: fail the k-th thing).

use crate::world::{Tap, Tapped};

/// Which packets of a story are lost; the first that is sent has number 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cut {
    /// None.
    Nothing,
    /// This one.
    One(u64),
    /// This one and those after it, so many in all.
    From {
        /// The first that is lost.
        first: u64,
        /// How many are lost.
        count: u64,
    },
}

impl Cut {
    /// Whether this packet is lost.
    pub const fn drops(self, number: u64) -> bool {
        match self {
            Self::Nothing => false,
            Self::One(lost) => number == lost,
            Self::From { first, count } => number >= first && number - first < count,
        }
    }

    /// A tap for a [`World`](crate::World) that loses them.
    pub fn tap(self) -> impl FnMut(&mut Tapped<'_>) -> Tap + 'static {
        move |tapped| if self.drops(tapped.number) { Tap::Drop } else { Tap::Pass }
    }

    const fn first(self) -> u64 {
        match self {
            Self::Nothing => 0,
            Self::One(first) | Self::From { first, .. } => first,
        }
    }
}

/// What a story came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Told<T> {
    /// How many packets were sent, lost ones included.
    pub sent: u64,
    /// How it ended.
    pub outcome: T,
}

/// Tells which packet was lost when a story panics.
struct Witness(Cut);

impl Drop for Witness {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the story failed with {:?} lost", self.0);
        }
    }
}

/// Tells the story with nothing lost, then with the first packet lost, the second, and so on until it sends fewer
/// packets than that, or `most` have been lost.
pub fn kth_packet<T>(most: u64, mut story: impl FnMut(Cut) -> Told<T>) -> Vec<(Cut, Told<T>)> {
    tell(most, Cut::One, &mut story)
}

/// As [`kth_packet`], but with `count` packets in a row lost from the k-th on.
pub fn kth_and_next<T>(most: u64, count: u64, mut story: impl FnMut(Cut) -> Told<T>) -> Vec<(Cut, Told<T>)> {
    tell(most, |first| Cut::From { first, count }, &mut story)
}

/// As [`kth_packet`], but with every packet lost from the k-th on: the other side falls silent.
pub fn kth_and_all_later<T>(most: u64, story: impl FnMut(Cut) -> Told<T>) -> Vec<(Cut, Told<T>)> {
    kth_and_next(most, u64::MAX, story)
}

fn tell<T>(
    most: u64,
    cut: impl Fn(u64) -> Cut,
    story: &mut dyn FnMut(Cut) -> Told<T>,
) -> Vec<(Cut, Told<T>)> {
    let mut table = Vec::new();
    for cut in std::iter::once(Cut::Nothing).chain((1..=most).map(cut)) {
        let witness = Witness(cut);
        let told = story(cut);
        drop(witness);
        if told.sent < cut.first() {
            break;
        }
        table.push((cut, told));
    }
    table
}
