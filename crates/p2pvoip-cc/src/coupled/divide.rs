//! A rate divided among flows by weight, between a least and a most of each.
//!
//! Each round gives every open flow its part of what is left. Those that would get more than their most, or less than
//! their least, are settled at that bound: the former when the others can take more than was missing, the latter when they
//! cannot. So at least one flow is settled in each round, and the order of the flows plays no part.

use p2pvoip_core::Bitrate;

/// What a flow asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Demand {
    /// Its part beside the others'; zero counts as one. RFC 8699 section 5.2 takes 1, 2, 4, 8 for the priorities of
    /// WebRTC from very low to high.
    pub weight: u16,
    /// The rate below which it is of no use.
    pub least: Bitrate,
    /// The rate above which it has no use for more; the others get what is left. It wins over `least`.
    pub most: Bitrate,
}

impl Demand {
    /// Takes whatever it gets.
    pub const fn greedy(weight: u16) -> Self {
        Self { weight, least: Bitrate::from_bps(0), most: Bitrate::from_bps(u64::MAX) }
    }
}

/// A flow in the making of a division.
#[derive(Clone, Copy)]
struct Place {
    weight: u64,
    least: u64,
    most: u64,
    part: u64,
    settled: bool,
}

impl Place {
    /// The part within its bounds.
    fn bounded(&self) -> u64 {
        self.part.max(self.least).min(self.most)
    }
}

/// Divides `rate` among the demands that are there.
///
/// The parts never sum up to more than `rate`, and to at most `N` bit/s less than the rate or the sum of the mosts,
/// whichever is less.
pub(super) fn divide<const N: usize>(rate: Bitrate, demands: &[Option<Demand>; N]) -> [Option<Bitrate>; N] {
    let rate = rate.as_bps();
    let mut places = demands.map(|demand| demand.map(place));
    let leasts = total(&places, |place| place.least);
    if leasts > u128::from(rate) {
        for place in places.iter_mut().flatten() {
            (place.least, place.most) = (0, place.least);
        }
    }
    // One flow at least is settled in each round.
    for _ in 0..N {
        if !round(&mut places, rate) {
            break;
        }
    }
    places.map(|place| place.map(|place| Bitrate::from_bps(place.part)))
}

fn place(demand: Demand) -> Place {
    let most = demand.most.as_bps();
    let least = demand.least.as_bps().min(most);
    Place { weight: u64::from(demand.weight.max(1)), least, most, part: 0, settled: false }
}

/// Gives each open flow its part of what the settled ones leave; settles those beyond their bounds. Tells whether any
/// flow is still open.
fn round<const N: usize>(places: &mut [Option<Place>; N], rate: u64) -> bool {
    let left =
        u128::from(rate).saturating_sub(total(places, |place| if place.settled { place.part } else { 0 }));
    let weights = total(places, |place| if place.settled { 0 } else { place.weight }).max(1);
    let open = |place: &&mut Place| !place.settled;
    let (mut missing, mut spare) = (0_u128, 0_u128);
    for place in places.iter_mut().flatten().filter(open) {
        place.part = u64::try_from(left * u128::from(place.weight) / weights).unwrap_or(u64::MAX);
        missing += u128::from(place.bounded().saturating_sub(place.part));
        spare += u128::from(place.part.saturating_sub(place.bounded()));
    }
    let mut is_open = false;
    for place in places.iter_mut().flatten().filter(open) {
        let bounded = place.bounded();
        let settles = if missing > spare { bounded > place.part } else { bounded < place.part };
        // Where both sums are the same, every bound is where it belongs.
        place.settled = settles || missing == spare;
        if place.settled {
            place.part = bounded;
        }
        is_open |= !place.settled;
    }
    is_open && missing != spare
}

fn total<const N: usize>(places: &[Option<Place>; N], of: impl Fn(&Place) -> u64) -> u128 {
    places.iter().flatten().map(|place| u128::from(of(place))).sum()
}
