//! The fields of a scenario file.

use serde::Deserialize;

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) name: Option<String>,
    pub(super) title: Option<String>,
    pub(super) seconds: f64,
    #[serde(default = "three")]
    pub(super) seeds: u64,
    #[serde(default)]
    pub(super) utilisation: Against,
    pub(super) forward: Way,
    pub(super) backward: Option<Way>,
    pub(super) flow: Vec<Flow>,
    #[serde(default)]
    pub(super) tcp: Vec<Tcp>,
}

const fn three() -> u64 {
    3
}

#[derive(Deserialize, Debug, Default, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Against {
    #[default]
    LinkOrSources,
    Link,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Way {
    /// Kilobits a second: one number, or `[seconds, kilobits]` for each step.
    pub(super) capacity: Capacity,
    #[serde(default = "usual_queue")]
    pub(super) queue_ms: u64,
    #[serde(default)]
    pub(super) queue: Kind,
    #[serde(default)]
    pub(super) loss: f64,
    /// The mean number of packets lost in a row; one is independent loss.
    #[serde(default = "one")]
    pub(super) burst: f64,
    #[serde(default)]
    pub(super) jitter_ms: f64,
}

const fn usual_queue() -> u64 {
    300
}

const fn one() -> f64 {
    1.0
}

#[derive(Deserialize, Debug)]
#[serde(untagged, expecting = "capacity is a number of kbit/s, or a list of steps `[second, kbit/s]`")]
pub(super) enum Capacity {
    Constant(f64),
    Steps(Vec<(f64, f64)>),
}

#[derive(Deserialize, Debug, Default, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    #[default]
    DropTail,
    FqCodel,
    FqCodelEcn,
    Pie,
    PieEcn,
    DualPi2,
    Step,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Flow {
    pub(super) media: Media,
    #[serde(default)]
    pub(super) start: f64,
    pub(super) end: Option<f64>,
    #[serde(default)]
    pub(super) pauses: Vec<(f64, f64)>,
    #[serde(default = "usual_delay")]
    pub(super) delay_ms: f64,
    #[serde(default = "one")]
    pub(super) weight: f64,
    #[serde(default)]
    pub(super) direction: Direction,
}

const fn usual_delay() -> f64 {
    50.0
}

#[derive(Deserialize, Debug, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Media {
    Video,
    #[serde(alias = "voice")]
    Audio,
    #[serde(rename = "audio-20", alias = "voice-20")]
    Audio20,
}

#[derive(Deserialize, Debug, Default, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Direction {
    #[default]
    Forward,
    Backward,
}

impl Direction {
    /// The link of what is sent, and of what answers it.
    pub(super) const fn links(self) -> (usize, usize) {
        match self {
            Self::Forward => (0, 1),
            Self::Backward => (1, 0),
        }
    }
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Tcp {
    #[serde(default)]
    pub(super) algorithm: Algorithm,
    #[serde(default)]
    pub(super) start: f64,
    pub(super) end: Option<f64>,
    #[serde(default = "usual_delay")]
    pub(super) delay_ms: f64,
    #[serde(default)]
    pub(super) direction: Direction,
    /// Least and most bytes of a download; without it, it sends without end.
    pub(super) bytes: Option<(u64, u64)>,
    /// The mean time between downloads in seconds.
    #[serde(default = "usual_idle")]
    pub(super) idle: f64,
}

const fn usual_idle() -> f64 {
    10.0
}

#[derive(Deserialize, Debug, Default, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Algorithm {
    #[default]
    Newreno,
    Cubic,
}
