//! The path of lags between two sounds: first the common one, then one for each frame.

use super::spectrum::{BANDS, Features};

/// Frames before and after that are compared along with a frame.
const CONTEXT: i64 = 10;
/// Lags around the common one that a path may take: 600 ms each way.
const REACH: i32 = 60;
/// What a change of the lag by 10 ms costs, in similarity.
const CHANGE: f32 = 0.15;
/// The most that the lag changes from one frame to the next.
const LARGEST_CHANGE: i32 = 2;
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
    let width = 2 * REACH + 1;
    let mut scores = vec![0.0f32; index(width)];
    let mut steps: Vec<Vec<(i8, f32)>> = Vec::with_capacity(said.len());
    for frame in 0..said.len() {
        let mut next = Vec::with_capacity(index(width));
        let mut step = Vec::with_capacity(index(width));
        for state in 0..width {
            let alike = if said.is_active(frame) {
                similarity(said, heard, signed(frame), common + state - REACH)
            } else {
                0.0
            };
            let (by, score) = best_change(&scores, state);
            next.push(score + alike);
            step.push((by, alike));
        }
        scores = next;
        steps.push(step);
    }
    trace_back(&scores, &steps, common)
}

fn best_change(scores: &[f32], state: i32) -> (i8, f32) {
    let mut best = (0, f32::MIN);
    for by in [0i8, -1, 1, -2, 2] {
        debug_assert!(i32::from(by).abs() <= LARGEST_CHANGE);
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

/// How alike the surroundings of two frames are: the normalised correlation of their bands, from -1 to 1.
fn similarity(said: &Features, heard: &Features, frame: i64, lag: i32) -> f32 {
    let (mut both, mut a, mut b) = (0.0, 0.0, 0.0);
    for near in frame - CONTEXT..=frame + CONTEXT {
        let (said, heard) = (said.at(near), heard.at(near + i64::from(lag)));
        for (x, y) in said.iter().zip(heard) {
            both += x * y;
            a += x * x;
            b += y * y;
        }
    }
    let power: f32 = a * b;
    if power > 0.0 { both / power.sqrt() } else { 0.0 }
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
