//! A bottleneck between senders and receivers: TCP transfers and streams of packets at a steady pace.

use std::collections::BTreeMap;
use std::time::Duration;

use p2pvoip_core::{Bitrate, DataSize, Ecn, Instant, Seed};
use p2pvoip_sim::bottleneck::BottleneckStats;
use p2pvoip_sim::tcp::{Ack, Segment, TcpConfig, TcpReceiver, TcpSender, TcpStats};
use p2pvoip_sim::{Bottleneck, BottleneckConfig, Discipline, Out, START};

pub(crate) const MS: Duration = Duration::from_millis(1);
pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// Packets of one size at one pace that answer to nothing.
#[derive(Clone, Copy)]
pub(crate) struct Steady {
    pub(crate) size: u64,
    pub(crate) every: Duration,
    pub(crate) ecn: Ecn,
}

enum Source {
    Tcp(Box<TcpSender>, TcpReceiver),
    Steady(Steady),
}

#[derive(Clone, Copy)]
enum Event {
    Emit(u32),
    Arrive(u32, Segment),
    Ack(u32, Ack),
}

/// What became of a packet: whose it was, and when.
pub(crate) type Record = Out<()>;

pub(crate) struct Net {
    bottleneck: Bottleneck<Option<Segment>>,
    one_way: Duration,
    sources: Vec<Source>,
    agenda: BTreeMap<(Instant, u64), Event>,
    planned: u64,
    pub(crate) now: Instant,
    pub(crate) outs: Vec<Record>,
}

impl Net {
    pub(crate) fn new(rates: &[(u32, u64)], queue: Discipline, one_way: Duration) -> Self {
        let rates = rates.iter().map(|&(ms, kbps)| (MS * ms, Bitrate::from_kbps(kbps))).collect();
        Self {
            bottleneck: Bottleneck::new(BottleneckConfig { rates, queue }, &Seed::from_u64(5), START),
            one_way,
            sources: Vec::new(),
            agenda: BTreeMap::new(),
            planned: 0,
            now: START,
            outs: Vec::new(),
        }
    }

    /// A transfer that begins now; its number is that of its flow.
    pub(crate) fn tcp(&mut self, config: TcpConfig) -> u32 {
        let flow = self.flow(Source::Tcp(Box::new(TcpSender::new(config, self.now)), TcpReceiver::new()));
        self.flush(flow);
        flow
    }

    pub(crate) fn steady(&mut self, steady: Steady) -> u32 {
        let flow = self.flow(Source::Steady(steady));
        self.plan(self.now, Event::Emit(flow));
        flow
    }

    pub(crate) fn run(&mut self, length: Duration) {
        let end = self.now + length;
        while let Some(at) = self.next_at().filter(|at| *at <= end) {
            self.now = at;
            while let Some(out) = self.bottleneck.pull(at) {
                self.on_out(&out);
            }
            while let Some(entry) = self.agenda.first_entry().filter(|entry| entry.key().0 <= at) {
                let event = entry.remove();
                self.happen(event);
            }
            self.fire();
        }
        self.now = end;
    }

    pub(crate) fn sender(&self, flow: u32) -> TcpStats {
        let transfer = match &self.sources[flow as usize] {
            Source::Tcp(sender, _) => Some(sender.stats()),
            Source::Steady(_) => None,
        };
        assert!(transfer.is_some(), "flow {flow} is no transfer");
        transfer.unwrap_or_default()
    }

    pub(crate) fn is_done(&self, flow: u32) -> bool {
        matches!(&self.sources[flow as usize], Source::Tcp(sender, _) if sender.is_done())
    }

    pub(crate) fn stats(&self) -> BottleneckStats {
        *self.bottleneck.stats()
    }

    /// What left between two moments after the start.
    pub(crate) fn between(&self, from: Duration, until: Duration) -> impl Iterator<Item = &Record> {
        let span = START + from..START + until;
        self.outs.iter().filter(move |out| span.contains(&out.left))
    }

    /// Bits a second of a flow that left between two moments.
    pub(crate) fn rate(&self, flow: u32, from: Duration, until: Duration) -> Bitrate {
        let outs = self.between(from, until).filter(|out| out.flow == flow);
        outs.fold(DataSize::default(), |sum, out| sum + out.size) / until.saturating_sub(from)
    }

    fn flow(&mut self, source: Source) -> u32 {
        self.sources.push(source);
        self.flows().last().unwrap_or_default()
    }

    fn flows(&self) -> impl Iterator<Item = u32> + use<> {
        (0..).take(self.sources.len())
    }

    fn plan(&mut self, at: Instant, event: Event) {
        self.planned += 1;
        self.agenda.insert((at, self.planned), event);
    }

    fn next_at(&self) -> Option<Instant> {
        let timers = self.sources.iter().flat_map(|source| match source {
            Source::Tcp(sender, receiver) => [sender.next_at(), receiver.next_at()],
            Source::Steady(_) => [None, None],
        });
        let planned = self.agenda.first_key_value().map(|((at, _), _)| *at);
        timers.chain([planned, self.bottleneck.next_at()]).flatten().min()
    }

    fn on_out(&mut self, out: &Out<Option<Segment>>) {
        let Out { payload, flow, size, ecn, entered, began, left } = *out;
        self.outs.push(Out { payload: (), flow, size, ecn, entered, began, left });
        if let Some(segment) = payload {
            self.plan(left + self.one_way, Event::Arrive(flow, segment));
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Emit(flow) => self.emit(flow),
            Event::Arrive(flow, segment) => {
                if let Source::Tcp(_, receiver) = &mut self.sources[flow as usize]
                    && let Some(ack) = receiver.on_segment(segment, self.now)
                {
                    self.plan(self.now + self.one_way, Event::Ack(flow, ack));
                }
            }
            Event::Ack(flow, ack) => {
                if let Source::Tcp(sender, _) = &mut self.sources[flow as usize] {
                    sender.on_ack(ack, self.now);
                }
                self.flush(flow);
            }
        }
    }

    fn emit(&mut self, flow: u32) {
        let Source::Steady(steady) = self.sources[flow as usize] else { return };
        let _ = self.bottleneck.push(flow, DataSize::from_bytes(steady.size), steady.ecn, None, self.now);
        self.plan(self.now + steady.every, Event::Emit(flow));
    }

    fn fire(&mut self) {
        for flow in self.flows() {
            if let Source::Tcp(sender, receiver) = &mut self.sources[flow as usize] {
                sender.on_time(self.now);
                if let Some(ack) = receiver.on_time(self.now) {
                    self.plan(self.now + self.one_way, Event::Ack(flow, ack));
                }
            }
            self.flush(flow);
        }
    }

    fn flush(&mut self, flow: u32) {
        if let Source::Tcp(sender, _) = &mut self.sources[flow as usize] {
            while let Some(segment) = sender.poll_transmit(self.now) {
                let _ = self.bottleneck.push(flow, segment.size(), Ecn::NotEct, Some(segment), self.now);
            }
        }
        while self.bottleneck.pull_dropped().is_some() {}
    }
}
