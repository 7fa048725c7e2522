//! From the fields of a file to a scenario: what makes no sense is named by its field.

use std::time::Duration;

use p2pvoip_sim::bottleneck::{DualPi2Config, FqCoDelConfig, PieConfig};
use p2pvoip_sim::{Discipline, Limit, tcp};

use super::Read;
use super::shape::{Against, Algorithm, Capacity, File, Flow, Kind, Media, Tcp, Way};
use crate::scenario::{self, Ladder, Link, Loss, Reference, Route, Scenario, Transfer};
use crate::time::{Micros, from_seconds};

/// The longest run, in seconds.
const LONGEST: f64 = 3_600.0;
/// The fastest link, in kbit/s.
const FASTEST: f64 = 1_000_000.0;
/// The longest delay and queue, in milliseconds.
const SLOWEST: f64 = 10_000.0;
/// The most flows and the most competitors.
const MOST: usize = 64;
/// The most variants.
const VARIANTS: u64 = 1_000;
/// The greatest loss.
const MOST_LOSS: f64 = 0.9;

/// A number within its limits, or a sentence about its field.
fn within(field: &str, value: f64, least: f64, most: f64) -> Result<f64, String> {
    if (least..=most).contains(&value) {
        Ok(value)
    } else {
        Err(format!("`{field}` is {value}; give a number from {least} to {most}"))
    }
}

pub(super) fn scenario(file: File) -> Result<Read, String> {
    let seconds = within("seconds", file.seconds, 1.0, LONGEST)?;
    if file.seeds == 0 || file.seeds > VARIANTS {
        return Err(format!("`seeds` is {}; give a number from 1 to {VARIANTS}", file.seeds));
    }
    if file.flow.is_empty() || file.flow.len() > MOST || file.tcp.len() > MOST {
        return Err(format!("give 1 to {MOST} tables `[[flow]]` and at most {MOST} tables `[[tcp]]`"));
    }
    let forward = link("forward", &file.forward, seconds)?;
    let backward = match &file.backward {
        Some(way) => link("backward", way, seconds)?,
        None => Link {
            rates: scenario::rates(&[(0.0, 100_000.0)]),
            queue: scenario::drop_tail(300),
            loss: Loss::None,
            jitter: 0,
        },
    };
    let flow = |(index, one): (usize, &Flow)| flow(&format!("flow[{index}]"), one, seconds);
    let tcp = |(index, one): (usize, &Tcp)| tcp_of(&format!("tcp[{index}]"), one, seconds);
    let scenario = Scenario {
        name: file.name.unwrap_or_default(),
        title: file.title.unwrap_or_default(),
        duration: from_seconds(seconds),
        links: vec![forward, backward],
        flows: file.flow.iter().enumerate().map(flow).collect::<Result<_, _>>()?,
        tcps: file.tcp.iter().enumerate().map(tcp).collect::<Result<_, _>>()?,
        reference: match file.utilisation {
            Against::LinkOrSources => Reference::LinkOrSources,
            Against::Link => Reference::Link,
        },
    };
    Ok(Read { scenario, variants: file.seeds })
}

fn link(field: &str, way: &Way, seconds: f64) -> Result<Link, String> {
    let steps = match &way.capacity {
        Capacity::Constant(kbps) => vec![(0.0, *kbps)],
        Capacity::Steps(steps) => steps.clone(),
    };
    if steps.first().is_none_or(|first| first.0 != 0.0) {
        return Err(format!("`{field}.capacity` needs a first step `[0, kilobits]`"));
    }
    for (index, (at, kbps)) in steps.iter().enumerate() {
        within(&format!("{field}.capacity[{index}]"), *kbps, 0.0, FASTEST)?;
        if !(0.0..seconds).contains(at) {
            return Err(format!(
                "`{field}.capacity[{index}]` is at {at} s; give a time before `seconds`, {seconds}"
            ));
        }
        if index > 0 && steps[index - 1].0 >= *at {
            return Err(format!("`{field}.capacity[{index}]` is not later than the step before it"));
        }
    }
    if steps.iter().all(|step| step.1 == 0.0) {
        return Err(format!("`{field}.capacity` is zero for ever; give a step above zero"));
    }
    let loss = within(&format!("{field}.loss"), way.loss, 0.0, MOST_LOSS)?;
    let burst = within(&format!("{field}.burst"), way.burst, 1.0, 1_000.0)?;
    // A channel that goes bad at each chance is good for one packet between two bursts.
    let most = burst / (burst + 1.0);
    if burst > 1.0 && loss > most {
        return Err(format!(
            "`{field}.loss` is {loss}, and bursts of {burst} packets lose at most {most:.3} of all; \
             give less loss or a longer `{field}.burst`"
        ));
    }
    let jitter = within(&format!("{field}.jitter-ms"), way.jitter_ms, 0.0, SLOWEST)?;
    within(&format!("{field}.queue-ms"), way.queue_ms as f64, 1.0, SLOWEST)?;
    Ok(Link {
        rates: scenario::rates(&steps),
        queue: discipline(way.queue, way.queue_ms),
        loss: if loss == 0.0 {
            Loss::None
        } else if burst <= 1.0 {
            Loss::Independent(loss)
        } else {
            // The share of time in the bad state is begin / (begin + end), and a burst ends with `end`.
            Loss::Bursts { begin: loss / (1.0 - loss) / burst, end: 1.0 / burst }
        },
        jitter: milliseconds(jitter),
    })
}

fn discipline(kind: Kind, queue_ms: u64) -> Discipline {
    let limit = Limit::Delay(Duration::from_millis(queue_ms));
    let codel = |ecn: bool| Discipline::FqCoDel(FqCoDelConfig { ecn, ..FqCoDelConfig::default() });
    let pie = |ecn: bool| Discipline::Pie(PieConfig { ecn, limit, ..PieConfig::default() });
    match kind {
        Kind::DropTail => Discipline::DropTail { limit },
        Kind::FqCodel => codel(false),
        Kind::FqCodelEcn => codel(true),
        Kind::Pie => pie(false),
        Kind::PieEcn => pie(true),
        Kind::DualPi2 => Discipline::DualPi2(DualPi2Config { limit, ..DualPi2Config::default() }),
        Kind::Step => Discipline::Step { mark_above: Duration::from_millis(5), limit },
    }
}

fn milliseconds(value: f64) -> Micros {
    from_seconds(value / 1_000.0)
}

/// The start and the end of something that lasts.
fn span(field: &str, start: f64, end: Option<f64>, seconds: f64) -> Result<(Micros, Micros), String> {
    let start = within(&format!("{field}.start"), start, 0.0, seconds)?;
    let end = within(&format!("{field}.end"), end.unwrap_or(seconds), 0.0, seconds)?;
    if end <= start {
        return Err(format!("`{field}.end` is not later than its start"));
    }
    Ok((from_seconds(start), from_seconds(end)))
}

/// Pauses within a flow's time, one after another.
fn pauses(field: &str, pauses: &[(f64, f64)], start: f64, end: f64) -> Result<(), String> {
    let mut before = start;
    for (index, (from, to)) in pauses.iter().enumerate() {
        let name = format!("{field}.pauses[{index}]");
        if *from < before && index > 0 {
            return Err(format!("`{name}` begins before the pause before it ends; give pauses in order"));
        }
        within(&name, *from, start, end)?;
        within(&name, *to, *from, end)?;
        if to <= from {
            return Err(format!("`{name}` is [{from}, {to}]; give an end that is later than its begin"));
        }
        before = *to;
    }
    Ok(())
}

fn flow(field: &str, flow: &Flow, seconds: f64) -> Result<scenario::Flow, String> {
    let (start, end) = span(field, flow.start, flow.end, seconds)?;
    let delay = milliseconds(within(&format!("{field}.delay-ms"), flow.delay_ms, 0.0, SLOWEST)?);
    let (there, back) = flow.direction.links();
    pauses(field, &flow.pauses, flow.start, flow.end.unwrap_or(seconds))?;
    Ok(scenario::Flow {
        media: match flow.media {
            Media::Video => scenario::Media::Video,
            Media::Audio => scenario::Media::Audio(Ladder::Free),
            Media::Audio20 => scenario::Media::Audio(Ladder::Fixed20),
        },
        start,
        end,
        pauses: flow.pauses.iter().map(|(from, to)| (from_seconds(*from), from_seconds(*to))).collect(),
        forward: Route::through(there, 0, delay),
        backward: Route::through(back, 0, delay),
        weight: within(&format!("{field}.weight"), flow.weight, 0.125, 8.0)?,
    })
}

fn tcp_of(field: &str, one: &Tcp, seconds: f64) -> Result<scenario::Tcp, String> {
    let (start, end) = span(field, one.start, one.end, seconds)?;
    let delay = milliseconds(within(&format!("{field}.delay-ms"), one.delay_ms, 0.0, SLOWEST)?);
    let (there, back) = one.direction.links();
    let transfer = match one.bytes {
        None => Transfer::Long,
        Some((least, most)) if least == 0 || least > most => {
            return Err(format!(
                "`{field}.bytes` is [{least}, {most}]; give the least and the most, above zero"
            ));
        }
        Some(bytes) => {
            let idle = within(&format!("{field}.idle"), one.idle, 0.01, LONGEST)?;
            Transfer::Short { bytes, idle: from_seconds(idle), is_on: false }
        }
    };
    Ok(scenario::Tcp {
        algorithm: match one.algorithm {
            Algorithm::Newreno => tcp::Algorithm::NewReno,
            Algorithm::Cubic => tcp::Algorithm::Cubic,
        },
        transfer,
        start,
        end,
        forward: Route::through(there, 0, delay),
        backward: Route::through(back, 0, delay),
    })
}
