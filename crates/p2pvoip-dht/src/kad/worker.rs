//! The task behind a directory: puts records with one swarm, reads with another, and judges what came of it.
//!
//! A put says nothing: libp2p acknowledges one that every node refused. So a record counts as published when the reader, which
//! stores nothing itself, is given it by nodes. Each lookup hears out all nodes that it asks, since one may give an
//! old record.

use futures_util::StreamExt as _;
use libp2p_identity::PeerId;
use libp2p_kad as kad;
use libp2p_swarm::{ConnectionId, Swarm, SwarmEvent};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use super::reach::Reach;
use super::swarm::{Behaviour, BehaviourEvent, dial_all, ip_of, knows_somebody, on_identified};
use super::{ATTEMPTS, ENTRY_WAIT, MAX_FOUND, PeerAddress, READ_BACK};
use crate::{Finding, MAX_SHELF_LEN, Outcome, Query, Record, Slot};

/// How often it is looked whether waiting work can begin.
const TICK: Duration = Duration::from_millis(100);
/// For how many of these a node is waited for that can be asked.
const ENTRY_TICKS: u128 = ENTRY_WAIT.as_millis() / TICK.as_millis();

/// What the owner asks for.
#[derive(Debug)]
pub(super) enum Command {
    Publish { query: Query, record: Record, bytes: Vec<u8> },
    Lookup { query: Query, slot: Slot },
}

/// One of the two swarms, and where its connections lead.
struct Side {
    swarm: Swarm<Behaviour>,
    reach: Reach,
    connections: BTreeMap<ConnectionId, IpAddr>,
}

/// Which of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Which {
    Writer,
    Reader,
}

/// What a question is about.
enum Task {
    Publish { record: Record, bytes: Vec<u8>, attempt: u32 },
    Lookup { slot: Slot },
}

/// How far it is.
enum Step {
    /// For a node to ask, so many ticks more.
    Entering {
        ticks: u128,
    },
    Putting {
        id: kad::QueryId,
    },
    Reading {
        id: kad::QueryId,
        found: Vec<Record>,
        holders: BTreeSet<PeerId>,
    },
}

struct Job {
    query: Query,
    task: Task,
    step: Step,
}

pub(super) struct Worker {
    writer: Side,
    reader: Side,
    peers: Vec<PeerAddress>,
    /// The addresses of those, once they were looked up.
    known: Vec<SocketAddr>,
    commands: mpsc::Receiver<Command>,
    findings: mpsc::Sender<Finding>,
    jobs: Vec<Job>,
}

impl Side {
    fn new((swarm, reach): (Swarm<Behaviour>, Reach)) -> Self {
        Self { swarm, reach, connections: BTreeMap::new() }
    }

    /// Takes note of what concerns the swarm alone; gives what concerns its queries.
    fn on_event(
        &mut self,
        event: SwarmEvent<BehaviourEvent>,
    ) -> Option<(kad::QueryId, kad::QueryResult, u32, bool)> {
        match event {
            SwarmEvent::ConnectionEstablished { connection_id, endpoint, .. } => {
                if let Some(ip) = ip_of(endpoint.get_remote_address()) {
                    self.connections.insert(connection_id, ip);
                }
            }
            SwarmEvent::ConnectionClosed { connection_id, .. } => {
                self.connections.remove(&connection_id);
            }
            SwarmEvent::Behaviour(BehaviourEvent::Identify(libp2p_identify::Event::Received {
                connection_id,
                peer_id,
                info,
            })) => {
                let from = self.connections.get(&connection_id).copied();
                on_identified(&mut self.swarm, peer_id, from, &info);
            }
            SwarmEvent::Behaviour(BehaviourEvent::Kad(kad::Event::OutboundQueryProgressed {
                id,
                result,
                stats,
                step,
            })) => return Some((id, result, stats.num_successes(), step.last)),
            _ => {}
        }
        None
    }

    /// Enters the network when no node is connected.
    fn enter(&mut self, known: &[SocketAddr]) {
        if self.swarm.connected_peers().next().is_none() {
            dial_all(&mut self.swarm, &self.reach, known);
        }
    }
}

impl Worker {
    pub(super) fn new(
        writer: (Swarm<Behaviour>, Reach),
        reader: (Swarm<Behaviour>, Reach),
        peers: Vec<PeerAddress>,
        commands: mpsc::Receiver<Command>,
        findings: mpsc::Sender<Finding>,
    ) -> Self {
        let (writer, reader) = (Side::new(writer), Side::new(reader));
        Self { writer, reader, peers, known: Vec::new(), commands, findings, jobs: Vec::new() }
    }

    /// Works until the owner is gone.
    pub(super) async fn run(mut self) {
        self.look_up_peers().await;
        self.enter();
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(command) => self.begin(command).await,
                    None => return,
                },
                event = self.writer.swarm.select_next_some() => {
                    if let Some((id, result, answered, last)) = self.writer.on_event(event) {
                        self.on_progress(Which::Writer, id, result, answered, last).await;
                    }
                }
                event = self.reader.swarm.select_next_some() => {
                    if let Some((id, result, answered, last)) = self.reader.on_event(event) {
                        self.on_progress(Which::Reader, id, result, answered, last).await;
                    }
                }
                _ = tick.tick() => self.start_ready(1),
            }
        }
    }

    async fn look_up_peers(&mut self) {
        self.known.clear();
        for peer in &self.peers {
            self.known.extend(peer.resolve().await);
        }
    }

    fn enter(&mut self) {
        self.writer.enter(&self.known);
        self.reader.enter(&self.known);
    }

    async fn begin(&mut self, command: Command) {
        let (query, task) = match command {
            Command::Publish { query, record, bytes } => (query, Task::Publish { record, bytes, attempt: 1 }),
            Command::Lookup { query, slot } => (query, Task::Lookup { slot }),
        };
        if self.known.is_empty() {
            self.look_up_peers().await;
        }
        self.enter();
        self.jobs.push(Job { query, task, step: Step::Entering { ticks: ENTRY_TICKS } });
        self.start_ready(0);
    }

    /// Begins what waited for a node to ask; after enough ticks it begins, and fails, without one.
    fn start_ready(&mut self, passed: u128) {
        let (may_write, may_read) =
            (knows_somebody(&mut self.writer.swarm), knows_somebody(&mut self.reader.swarm));
        for job in &mut self.jobs {
            let Step::Entering { ticks } = &mut job.step else { continue };
            *ticks = ticks.saturating_sub(passed);
            let ready = match job.task {
                Task::Publish { .. } => may_write && may_read,
                Task::Lookup { .. } => may_read,
            };
            if !ready && *ticks > 0 {
                continue;
            }
            job.step = match &job.task {
                Task::Publish { record, bytes, .. } => put(&mut self.writer, record, bytes)
                    .unwrap_or_else(|| read(&mut self.reader, &record.slot())),
                Task::Lookup { slot } => read(&mut self.reader, slot),
            };
        }
    }

    async fn on_progress(
        &mut self,
        which: Which,
        id: kad::QueryId,
        result: kad::QueryResult,
        answered: u32,
        last: bool,
    ) {
        let concerns = |job: &Job| match &job.step {
            Step::Putting { id: own } => which == Which::Writer && *own == id,
            Step::Reading { id: own, .. } => which == Which::Reader && *own == id,
            Step::Entering { .. } => false,
        };
        let Some(index) = self.jobs.iter().position(concerns) else { return };
        let Some(job) = self.jobs.get_mut(index) else { return };
        if let kad::QueryResult::GetRecord(Ok(kad::GetRecordOk::FoundRecord(found))) = result {
            job.note(found);
        }
        if !last {
            return;
        }
        let next = match (&mut job.task, &job.step) {
            (Task::Publish { record, .. }, Step::Putting { .. }) => {
                // What is put for others to keep is not kept here.
                let key = kad::RecordKey::new(record.slot().as_bytes());
                self.writer.swarm.behaviour_mut().kad.remove_record(&key);
                Some(read(&mut self.reader, &record.slot()))
            }
            (Task::Publish { record, bytes, attempt }, Step::Reading { found, holders, .. }) => {
                let done = judge(record, found, holders.len(), answered);
                let again = done == Outcome::Failed && *attempt < ATTEMPTS;
                if again {
                    tracing::debug!(
                        attempt,
                        holders = holders.len(),
                        answered,
                        "a record was not found again"
                    );
                    *attempt += 1;
                    let again = put(&mut self.writer, record, bytes);
                    Some(again.unwrap_or_else(|| read(&mut self.reader, &record.slot())))
                } else {
                    return self.finish(index, done).await;
                }
            }
            (Task::Lookup { .. }, Step::Reading { found, .. }) => {
                let nobody = answered == 0 && found.is_empty();
                let done = if nobody { Outcome::Failed } else { Outcome::Found(found.clone()) };
                return self.finish(index, done).await;
            }
            (Task::Lookup { .. }, Step::Putting { .. }) | (_, Step::Entering { .. }) => None,
        };
        if let (Some(job), Some(next)) = (self.jobs.get_mut(index), next) {
            job.step = next;
        }
    }

    async fn finish(&mut self, index: usize, outcome: Outcome) {
        let job = self.jobs.remove(index);
        // An owner that is gone needs no finding.
        let _gone = self.findings.send(Finding { query: job.query, outcome }).await;
    }
}

impl Job {
    /// A node gave a record; what is none, or another slot's, is as if it gave nothing.
    fn note(&mut self, found: kad::PeerRecord) {
        let slot = match &self.task {
            Task::Publish { record, .. } => record.slot(),
            Task::Lookup { slot } => *slot,
        };
        let Step::Reading { found: records, holders, .. } = &mut self.step else { return };
        // Without a peer it is from our own store, which says nothing.
        let Some(peer) = found.peer else { return };
        let value = found.record.value;
        let parsed = if value.len() <= MAX_SHELF_LEN { Record::parse(&value).ok() } else { None };
        let Some(record) = parsed.filter(|record| record.slot() == slot) else {
            tracing::debug!("a node of the DHT gave what is no record of the slot");
            return;
        };
        if let Task::Publish { record: own, .. } = &self.task
            && *own == record
        {
            holders.insert(peer);
        }
        if !records.contains(&record) {
            records.push(record);
        }
        keep_newest(records);
    }
}

/// Of too many records the oldest goes, so that a flood of old ones does not hide the newest.
fn keep_newest(records: &mut Vec<Record>) {
    if records.len() > MAX_FOUND {
        let oldest = records.iter().enumerate().min_by_key(|(_, record)| record.sequence());
        if let Some((at, _)) = oldest {
            records.swap_remove(at);
        }
    }
}

/// What became of a record that was put, by what was read.
fn judge(record: &Record, found: &[Record], holders: usize, answered: u32) -> Outcome {
    if found.iter().any(|other| other.sequence() > record.sequence()) {
        return Outcome::Older;
    }
    let answered = usize::try_from(answered).unwrap_or(usize::MAX);
    let enough = READ_BACK.min(answered).max(1);
    if holders >= enough { Outcome::Published } else { Outcome::Failed }
}

fn put(writer: &mut Side, record: &Record, bytes: &[u8]) -> Option<Step> {
    let record = kad::Record::new(record.slot().as_bytes().to_vec(), bytes.to_vec());
    let put = writer.swarm.behaviour_mut().kad.put_record(record, kad::Quorum::One);
    put.ok().map(|id| Step::Putting { id })
}

fn read(reader: &mut Side, slot: &Slot) -> Step {
    let key = kad::RecordKey::new(slot.as_bytes());
    let id = reader.swarm.behaviour_mut().kad.get_record(key);
    Step::Reading { id, found: Vec::new(), holders: BTreeSet::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RecordKey;
    use p2pvoip_core::UnixTime;

    fn record(sequence: u64) -> Record {
        let key = RecordKey::from_secret(&[7; 32]).unwrap();
        Record::sign(&key, sequence, UnixTime::from_secs(1_800_000_000), b"").unwrap()
    }

    #[test]
    fn a_flood_of_old_records_does_not_hide_the_newest() {
        let mut records = vec![record(1_000)];
        for sequence in 0..100 {
            records.push(record(sequence));
            keep_newest(&mut records);
        }
        assert_eq!(records.len(), MAX_FOUND);
        assert!(records.contains(&record(1_000)) && records.contains(&record(99)));
        assert!(!records.contains(&record(0)));
    }

    #[test]
    fn published_is_what_enough_nodes_give_back() {
        for (holders, answered, outcome) in [
            (0, 0, Outcome::Failed),
            (0, 3, Outcome::Failed),
            (1, 1, Outcome::Published),
            (1, 2, Outcome::Failed),
            (2, 5, Outcome::Published),
        ] {
            assert_eq!(
                judge(&record(5), &[record(5)], holders, answered),
                outcome,
                "{holders} of {answered}"
            );
        }
        assert_eq!(judge(&record(5), &[record(6)], 5, 5), Outcome::Older);
    }
}
