//! The directory in the network as its user holds it: commands go to a task, findings come back.

use p2pvoip_core::UnixTime;
use tokio::sync::mpsc;

use super::PeerAddress;
use super::swarm::{Role, StartError, build};
use super::worker::{Command, Worker};
use crate::{Directory, DirectoryError, Finding, MAX_SHELF_LEN, Query, Record, RecordError, Slot};

/// Questions at once that are not answered or whose finding was not polled.
pub const MAX_WAITING: usize = 64;

/// How the network is used.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Config {
    /// Nodes by which the network is entered.
    pub peers: Vec<PeerAddress>,
}

impl Config {
    /// Enters the network by these nodes.
    pub const fn new(peers: Vec<PeerAddress>) -> Self {
        Self { peers }
    }
}

/// A directory on the nodes of a network; it keeps nothing for others. Its task ends when it is dropped.
#[derive(Debug)]
pub struct KadDirectory {
    commands: mpsc::Sender<Command>,
    findings: mpsc::Receiver<Finding>,
    waiting: usize,
    asked: u64,
}

impl KadDirectory {
    /// Starts on the current tokio runtime, and enters the network.
    ///
    /// # Errors
    /// [`StartError::NoPeers`] when there is no node to begin with; [`StartError::Transport`] when the system gives no keys.
    ///
    /// # Panics
    /// Outside a tokio runtime with its timer and IO.
    pub fn start(config: Config) -> Result<Self, StartError> {
        if config.peers.is_empty() {
            return Err(StartError::NoPeers);
        }
        let (commands, for_worker) = mpsc::channel(MAX_WAITING);
        let (to_owner, findings) = mpsc::channel(MAX_WAITING);
        // Who writes is another peer than who reads: a node that keeps a record for its writer's peer id alone is found out,
        // and no peer id links what is published with what is looked up. Both have one IP address, which does.
        let (writer, reader) = (build(Role::Client)?, build(Role::Client)?);
        tokio::spawn(Worker::new(writer, reader, config.peers, for_worker, to_owner).run());
        Ok(Self { commands, findings, waiting: 0, asked: 0 })
    }

    /// Waits for the next finding; none when the task has ended. May be dropped at any time.
    pub async fn next(&mut self) -> Option<Finding> {
        let finding = self.findings.recv().await?;
        self.waiting = self.waiting.saturating_sub(1);
        Some(finding)
    }

    fn ask(&mut self, command: impl FnOnce(Query) -> Command) -> Result<Query, DirectoryError> {
        if self.waiting >= MAX_WAITING {
            return Err(DirectoryError::Busy);
        }
        let query = Query(self.asked);
        self.commands.try_send(command(query)).map_err(|_| DirectoryError::Busy)?;
        self.asked += 1;
        self.waiting += 1;
        Ok(query)
    }
}

impl Directory for KadDirectory {
    fn publish(&mut self, record: Record, now: UnixTime) -> Result<Query, DirectoryError> {
        record.check_time(now)?;
        let bytes = record.emit().map_err(RecordError::from)?;
        if bytes.len() > MAX_SHELF_LEN {
            let why = p2pvoip_core::wire::Malformed::Invalid("record length");
            return Err(RecordError::from(why).into());
        }
        self.ask(|query| Command::Publish { query, record, bytes })
    }

    fn lookup(&mut self, slot: Slot, _now: UnixTime) -> Result<Query, DirectoryError> {
        self.ask(|query| Command::Lookup { query, slot })
    }

    fn poll(&mut self) -> Option<Finding> {
        let finding = self.findings.try_recv().ok()?;
        self.waiting = self.waiting.saturating_sub(1);
        Some(finding)
    }
}
