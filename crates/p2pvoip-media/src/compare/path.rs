//! The path of lags between two sounds: first the common one, then one for each frame.

use super::spectrum::{BANDS, Features};

/// Frames before and after that are compared along with a frame.
const CONTEXT: usize = 10;
/// Lags around the common one that a path may take: 600 ms each way.
const REACH: i32 = 60;
/// The lags of a path.
const STATES: i32 = 2 * REACH + 1;
/// What a change of the lag by 10 ms costs, in similarity.
const CHANGE: f32 = 0.5;
/// The changes of the lag from one frame to the next that are tried, the likeliest first.
const CHANGES: [i8; 5] = [0, -1, 1, -2, 2];
/// Of the common lag's candidates, every such frame is looked at.
const SPARSE: usize = 4;

/// Where a frame was found.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Step {
    pub(super) lag: i32,
    pub(super) similarity: f32,
}

/// The lag at which most is alike; nothing when either sound is silent.
pub(super) fn common_lag(said: &Features, heard: &Features) -> Option<i32> {
    let active: Vec<_> = (0..said.len()).filter(|frame| said.is_active(*frame)).step_by(SPARSE).collect();
    let (before, after) = (i32::try_from(said.len()).ok()?, i32::try_from(heard.len()).ok()?);
    let score =
        |lag: i32| -> f32 { active.iter().map(|frame| product(said, heard, signed(*frame), lag)).sum() };
    let best = (-before..=after).map(|lag| (lag, score(lag))).max_by(|a, b| a.1.total_cmp(&b.1))?;
    (best.1 > 0.0).then_some(best.0)
}

/// The most alike path of lags near the common one, by dynamic programming (Viterbi, 1967).
pub(super) fn follow(said: &Features, heard: &Features, common: i32) -> Vec<Step> {
    let alike = Likeness::of(said, heard, common);
    let mut scores = vec![0.0f32; index(STATES)];
    let mut steps: Vec<Vec<(i8, f32)>> = Vec::with_capacity(said.len());
    for frame in 0..said.len() {
        let mut next = Vec::with_capacity(index(STATES));
        let mut step = Vec::with_capacity(index(STATES));
        for state in 0..STATES {
            let alike = if said.is_active(frame) { alike.around(frame, state) } else { 0.0 };
            let (by, score) = best_change(&scores, state);
            next.push(score + alike);
            step.push((by, alike));
        }
        scores = next;
        steps.push(step);
    }
    trace_back(&scores, &steps, common)
}

/// The likeness of all frames at all lags of a path, from sums that are made once.
struct Likeness {
    /// For each frame and lag, the product of both sounds' bands.
    products: Vec<f32>,
    /// The power of each frame that was said, and of each that was heard, from `REACH` before the first lag on.
    said: Vec<f32>,
    heard: Vec<f32>,
}

impl Likeness {
    fn of(said: &Features, heard: &Features, common: i32) -> Self {
        let first = i64::from(common - REACH);
        let frames = 0..signed(said.len());
        let lags = move |frame| (0..STATES).map(move |state| (frame, common + state - REACH));
        let power = |bands: &[f32; BANDS]| bands.iter().map(|band| band * band).sum();
        Self {
            products: frames
                .clone()
                .flat_map(lags)
                .map(|(frame, lag)| product(said, heard, frame, lag))
                .collect(),
            said: frames.map(|frame| power(said.at(frame))).collect(),
            heard: (0..signed(said.len()) + i64::from(STATES))
                .map(|at| power(heard.at(first + at)))
                .collect(),
        }
    }

    /// How alike the surroundings of two frames are: the normalised correlation of their bands, from -1 to 1.
    fn around(&self, frame: usize, state: i32) -> f32 {
        let (state, states) = (index(state), index(STATES));
        let near = frame.saturating_sub(CONTEXT)..(frame + CONTEXT + 1).min(self.said.len());
        let (mut both, mut a, mut b) = (0.0, 0.0, 0.0);
        for at in near {
            both += self.products.get(at * states + state).copied().unwrap_or_default();
            a += self.said.get(at).copied().unwrap_or_default();
            b += self.heard.get(at + state).copied().unwrap_or_default();
        }
        let power: f32 = a * b;
        if power > 0.0 { both / power.sqrt() } else { 0.0 }
    }
}

fn best_change(scores: &[f32], state: i32) -> (i8, f32) {
    let mut best = (0, f32::MIN);
    for by in CHANGES {
        let from = usize::try_from(state - i32::from(by)).ok().and_then(|from| scores.get(from));
        let score = from.map_or(f32::MIN, |score| score - f32::from(by).abs() * CHANGE);
        if score > best.1 {
            best = (by, score);
        }
    }
    best
}

fn trace_back(scores: &[f32], steps: &[Vec<(i8, f32)>], common: i32) -> Vec<Step> {
    let last = (0i32..).zip(scores).max_by(|a, b| a.1.total_cmp(b.1)).map_or(REACH, |(state, _)| state);
    let mut state = last;
    let mut found = Vec::with_capacity(steps.len());
    for step in steps.iter().rev() {
        let (by, similarity) = step.get(index(state)).copied().unwrap_or_default();
        found.push(Step { lag: common + state - REACH, similarity });
        state -= i32::from(by);
    }
    found.reverse();
    found
}

/// The unnormalised likeness of two frames.
fn product(said: &Features, heard: &Features, frame: i64, lag: i32) -> f32 {
    let (a, b): (&[f32; BANDS], _) = (said.at(frame), heard.at(frame + i64::from(lag)));
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn signed(frame: usize) -> i64 {
    i64::try_from(frame).unwrap_or(i64::MAX / 2)
}

fn index(state: i32) -> usize {
    usize::try_from(state).unwrap_or_default()
}
