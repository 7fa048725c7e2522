//! Plays the tape of the first run in other ways, and tells which law a difference breaks.

use std::fmt::Debug;
use std::time::Duration;

use p2pvoip_core::Instant;

use super::play::{Moment, Player, Recorder, Recording, fail};
use super::script::{Entry, Hostile, What};
use super::{Lawful, Laws, START, SeenOf, Verdict};

/// After how many calls the outputs are taken when time may move on meanwhile.
const LATE: [usize; 2] = [2, 3];
/// After how many calls they are taken when it may not.
const BURSTS: [usize; 4] = [2, 3, 7, usize::MAX];
const LAW_1: &str = "Law 1 (nothing comes before its moment)";
const LAW_3: &str = "Law 3 (a refused input leaves the machine as it was)";
const LAW_4: &str = "Law 4 (the same seed and calls give the same outputs)";
const LAW_5: &str = "Law 5 (late draining loses nothing and keeps the order)";

/// Plays the script in all ways.
pub(super) fn check<M: Lawful>(laws: &Laws<M>) -> Vec<(Instant, SeenOf<M>)> {
    let recording = Recorder::record(laws);
    let judge = Judge { laws, tape: &recording.tape, first: &recording };
    judge.twin();
    judge.without_each_refused();
    for hostile in &laws.hostile {
        judge.with_hostile(hostile);
    }
    judge.early_timeouts();
    judge.overslept();
    for every in BURSTS {
        judge.late(every, false);
    }
    if !laws.timers_follow_draining {
        for every in LATE {
            judge.late(every, true);
        }
    }
    for at in 1..recording.tape.len() {
        judge.one_late(at);
    }
    recording.player.into_timed()
}

struct Judge<'l, M: Lawful> {
    laws: &'l Laws<M>,
    tape: &'l [Entry<M>],
    first: &'l Recording<M>,
}

impl<M: Lawful> Judge<'_, M> {
    /// A machine that has been constructed and drained.
    fn begin(&self) -> Player<M> {
        let mut player = Player::new(self.laws, 0x55);
        player.drain(START, "construction");
        player
    }

    /// Makes a call of the tape without taking outputs.
    fn make(player: &mut Player<M>, entry: &Entry<M>) -> Verdict {
        match &entry.what {
            What::Timeout => {
                player.timeout(entry.now);
                Verdict::Accepted
            }
            What::Call { call, .. } => player.call(&**call, entry.now),
        }
    }

    /// Makes a call of the tape and takes its outputs.
    fn make_and_drain(player: &mut Player<M>, entry: &Entry<M>) {
        let _ = Self::make(player, entry);
        player.drain(entry.now, entry.name());
    }

    /// Compares one draining of another run with that of the first run.
    fn same(&self, law: &str, player: &Player<M>, index: usize) {
        let (Some(expected), Some(found)) = (self.first.player.moments.get(index), player.moments.last())
        else {
            return;
        };
        let after = index.checked_sub(1).and_then(|i| self.tape.get(i)).map_or("construction", Entry::name);
        let (outputs, others) = (self.first.player.outputs_of(expected), player.outputs_of(found));
        if let Some(difference) = difference(outputs, others) {
            fail(law, &format!("after {after} at {:?}, {difference}", expected.now));
        }
        if expected.wake != found.wake {
            fail(law, &format!("after {after}, it waited for {:?}, now for {:?}", expected.wake, found.wake));
        }
    }

    fn twin(&self) {
        let mut player = self.begin();
        self.same(LAW_4, &player, 0);
        for (index, entry) in self.tape.iter().enumerate() {
            Self::make_and_drain(&mut player, entry);
            self.same(LAW_4, &player, index + 1);
        }
    }

    fn without_each_refused(&self) {
        for (skipped, refused) in self.tape.iter().enumerate() {
            if !matches!(refused.what, What::Call { verdict: Verdict::Refused, .. }) {
                continue;
            }
            let law = format!("{LAW_3}, {}", refused.name());
            self.was_silent(&law, skipped);
            let mut player = self.begin();
            for (index, entry) in self.tape.iter().enumerate() {
                if index != skipped {
                    Self::make_and_drain(&mut player, entry);
                    self.same(&law, &player, index + 1);
                }
            }
        }
    }

    /// The refused call at `index` of the first run gave nothing and moved no timer.
    fn was_silent(&self, law: &str, index: usize) {
        let moments = &self.first.player.moments;
        if let (Some(before), Some(after)) = (moments.get(index), moments.get(index + 1)) {
            silent(law, &self.first.player, before, after);
        }
    }

    fn with_hostile(&self, hostile: &Hostile<M>) {
        for place in 0..=self.tape.len() {
            let mut player = self.begin();
            for (index, entry) in self.tape.iter().enumerate() {
                if index == place {
                    Self::intrude(&mut player, hostile, entry.name());
                }
                Self::make_and_drain(&mut player, entry);
                if index >= place {
                    let law = format!("{LAW_3}, hostile input `{}` at call {place}", hostile.name);
                    self.same(&law, &player, index + 1);
                }
            }
            if place == self.tape.len() {
                Self::intrude(&mut player, hostile, "the end");
            }
        }
    }

    fn intrude(player: &mut Player<M>, hostile: &Hostile<M>, before: &str) {
        let law = format!("{LAW_3}, hostile input `{}` before {before}", hostile.name);
        let Some(last) = player.moments.last().copied() else { return };
        let verdict = player.call(&*hostile.call, last.now);
        if verdict != Verdict::Refused {
            fail(&law, &format!("it must be refused, but was {verdict:?}"));
        }
        player.drain(last.now, &hostile.name);
        if let Some(after) = player.moments.last() {
            silent(&law, player, &last, after);
        }
    }

    /// Calls `handle_timeout` between every two calls: nothing may come of it.
    fn early_timeouts(&self) {
        let mut player = self.begin();
        let mut now = START;
        for (index, entry) in self.tape.iter().enumerate() {
            let early = now + entry.now.saturating_since(now) / 2;
            if early > now && early < entry.now {
                let before = player.moments.last().copied();
                player.timeout_and_drain(early, "a timeout before its moment");
                if let (Some(before), Some(after)) = (before, player.moments.last()) {
                    silent(&format!("{LAW_1}, before {}", entry.name()), &player, &before, after);
                }
            }
            Self::make_and_drain(&mut player, entry);
            self.same(LAW_1, &player, index + 1);
            now = entry.now;
        }
    }

    /// The owner sleeps through all timeouts but the last before each call, and through that one too by 10 ms.
    fn overslept(&self) {
        for late in [Duration::ZERO, Duration::from_millis(10)] {
            let mut player = self.begin();
            let mut tape = self.tape.iter().peekable();
            while let Some(entry) = tape.next() {
                let next_is_timeout = tape.peek().is_some_and(|next| matches!(next.what, What::Timeout));
                if matches!(entry.what, What::Timeout) {
                    if !next_is_timeout {
                        player.timeout_and_drain(entry.now + late, "an overslept timeout");
                    }
                    continue;
                }
                let now = player.moments.last().map_or(entry.now, |moment| moment.now.max(entry.now));
                let What::Call { call, .. } = &entry.what else { continue };
                let _ = player.call(&**call, now);
                player.drain(now, entry.name());
                if player.wake().is_some_and(|wake| wake.at <= now) {
                    player.timeout_and_drain(now, entry.name());
                }
            }
        }
    }

    /// Takes the outputs only after `every` calls; before time moves on, unless it may.
    fn late(&self, every: usize, across_time: bool) {
        let mut player = self.begin();
        let (mut waiting, mut now) = (0, START);
        for entry in self.tape {
            let time_moves = entry.now > now && !across_time;
            if waiting >= every || time_moves || entry.needs_draining() {
                player.drain(now, "late draining");
                waiting = 0;
            }
            now = entry.now;
            let mut verdict = Self::make(&mut player, entry);
            if verdict == Verdict::Full {
                player.drain(now, "late draining");
                waiting = 0;
                verdict = Self::make(&mut player, entry);
            }
            Self::same_verdict(entry, verdict);
            waiting += 1;
        }
        player.drain(now, "late draining");
        let how = if across_time { "calls" } else { "calls of one moment" };
        let law = format!("{LAW_5}, drained every {every} {how}");
        let (expected, found) = (self.lanes(&self.first.player.outputs), self.lanes(&player.outputs));
        for lane in 0..expected.len().max(found.len()) {
            let of = |lanes: &[Vec<_>]| lanes.get(lane).cloned().unwrap_or_default();
            if let Some(difference) = difference(&of(&expected), &of(&found)) {
                fail(&law, &format!("in lane {lane}, {difference}"));
            }
        }
    }

    fn same_verdict(entry: &Entry<M>, found: Verdict) {
        if let What::Call { name, verdict, .. } = &entry.what
            && *verdict != found
        {
            fail(
                LAW_5,
                &format!("{name} was {verdict:?} when drained at once, but {found:?} when drained late"),
            );
        }
    }

    /// Skips the draining before call `at` alone: what could have been polled there must still come.
    fn one_late(&self, at: usize) {
        let (Some(before), Some(entry)) = (at.checked_sub(1), self.tape.get(at)) else { return };
        if entry.needs_draining() {
            return;
        }
        let mut player = self.begin();
        for earlier in self.tape.iter().take(before) {
            Self::make_and_drain(&mut player, earlier);
        }
        if let Some(previous) = self.tape.get(before) {
            let _ = Self::make(&mut player, previous);
        }
        if Self::make(&mut player, entry) == Verdict::Full {
            return;
        }
        player.drain(entry.now, entry.name());
        let moments = &self.first.player.moments;
        let (Some(due), Some(found)) = (moments.get(at), player.moments.last()) else { return };
        let due = self.lanes(self.first.player.outputs_of(due));
        for (due, found) in due.iter().zip(self.lanes(player.outputs_of(found))) {
            let mut rest = found.iter();
            if let Some(lost) = due.iter().find(|seen| !rest.any(|other| other == *seen)) {
                fail(
                    LAW_5,
                    &format!(
                        "{lost:?} waited to be taken when {} came, and was lost or overtaken; then came {found:?}",
                        entry.name()
                    ),
                );
            }
        }
    }

    /// The outputs by lane.
    fn lanes<'o>(&self, outputs: &'o [SeenOf<M>]) -> Vec<Vec<&'o SeenOf<M>>> {
        let mut lanes: Vec<Vec<_>> = Vec::new();
        // Every run shows as many lanes, even if its last ones are empty.
        let all = self.first.player.outputs.iter().chain(outputs).map(|seen| (self.laws.lane)(seen));
        lanes.resize_with(all.max().map_or(1, |most| most + 1), Vec::new);
        for seen in outputs {
            if let Some(lane) = lanes.get_mut((self.laws.lane)(seen)) {
                lane.push(seen);
            }
        }
        lanes
    }
}

/// The second draining gave nothing, and left the wait as the first did.
fn silent<M: Lawful>(law: &str, player: &Player<M>, before: &Moment, after: &Moment) {
    if let Some(seen) = player.outputs_of(after).first() {
        fail(law, &format!("it gave {seen:?}"));
    }
    if before.wake != after.wake {
        fail(law, &format!("it moved the wait from {:?} to {:?}", before.wake, after.wake));
    }
}

/// Where two lists of outputs differ first.
fn difference<S: PartialEq + Debug>(expected: &[S], found: &[S]) -> Option<String> {
    let place = expected.iter().zip(found).position(|(a, b)| a != b);
    let place = place.or((expected.len() != found.len()).then_some(expected.len().min(found.len())))?;
    let show = |seen: Option<&S>| seen.map_or_else(|| "nothing".to_owned(), |seen| format!("{seen:?}"));
    Some(format!(
        "output {place} of {} was {}, but is {}, of {}",
        expected.len(),
        show(expected.get(place)),
        show(found.get(place)),
        found.len()
    ))
}
