//! A small TURN server over UDP (RFC 8656) on virtual time: long-term credentials, nonces that grow old, allocations,
//! permissions, channels, and a Binding answer. It shares no code with the client but the codec.
//!
//! The tests of the facade use it too.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use p2pvoip_core::Instant;
use p2pvoip_nat::stun;
use stun_rs::attributes::stun::{
    ErrorCode, Fingerprint, MessageIntegrity, Nonce, Realm, UserName, XorMappedAddress,
};
use stun_rs::attributes::turn::{ChannelNumber, Data, LifeTime, XorPeerAddress, XorRelayedAddress};
use stun_rs::methods::{ALLOCATE, CHANNEL_BIND, CREATE_PERMMISSION, DATA, REFRESH, SEND};
use stun_rs::{
    Algorithm, AlgorithmId, DecoderContextBuilder, HMACKey, MessageClass, MessageDecoderBuilder,
    MessageEncoderBuilder, MessageMethod, StunMessage, StunMessageBuilder,
};

/// The port of TURN and STUN.
pub const PORT: u16 = 3478;
pub const USER: &str = "alice";
pub const PASSWORD: &str = "the password of alice";
const REALM: &str = "example.org";
const PERMISSION: Duration = Duration::from_secs(300);
const CHANNEL: Duration = Duration::from_secs(600);

struct Allocation {
    client: SocketAddr,
    relayed: SocketAddr,
    made_by: [u8; 12],
    ends: Instant,
    permissions: Vec<(IpAddr, Instant)>,
    channels: Vec<(u16, SocketAddr, Instant)>,
}

/// The server.
pub struct Relay {
    address: IpAddr,
    next_port: u16,
    allocations: Vec<Allocation>,
    outgoing: VecDeque<(SocketAddr, SocketAddr, Vec<u8>)>,
    /// How long an allocation lasts.
    pub lifetime: Duration,
    /// How long a nonce is good for.
    pub nonce_lasts: Duration,
    /// Refuses every allocation with this code.
    pub refuses: Option<u16>,
    /// Payloads passed on, both ways.
    pub passed_on: u64,
    /// Payloads that had no permission.
    pub dropped: u64,
}

impl Relay {
    pub fn new(address: IpAddr) -> Self {
        Self {
            address,
            next_port: 50_000,
            allocations: Vec::new(),
            outgoing: VecDeque::new(),
            lifetime: Duration::from_secs(600),
            nonce_lasts: Duration::from_secs(3_600),
            refuses: None,
            passed_on: 0,
            dropped: 0,
        }
    }

    /// How many allocations there are.
    pub fn allocations(&self) -> usize {
        self.allocations.len()
    }

    /// Loses everything, as by a restart.
    pub fn forget(&mut self) {
        self.allocations.clear();
    }

    /// The next datagram to send: from, to, bytes.
    pub fn poll(&mut self) -> Option<(SocketAddr, SocketAddr, Vec<u8>)> {
        self.outgoing.pop_front()
    }

    pub fn handle(&mut self, from: SocketAddr, to: SocketAddr, bytes: &[u8], now: Instant) {
        self.allocations.retain(|allocation| allocation.ends > now);
        for allocation in &mut self.allocations {
            allocation.permissions.retain(|(_, ends)| *ends > now);
            allocation.channels.retain(|(_, _, ends)| *ends > now);
        }
        if to.port() != PORT {
            return self.pass_in(from, to, bytes);
        }
        match bytes.first() {
            Some(64..=79) => self.channel_data(from, bytes),
            Some(0..=3) => self.stun(from, bytes, now),
            _ => {}
        }
    }

    fn of(&mut self, client: SocketAddr) -> Option<&mut Allocation> {
        self.allocations.iter_mut().find(|allocation| allocation.client == client)
    }

    fn channel_data(&mut self, client: SocketAddr, bytes: &[u8]) {
        let Some(allocation) = self.of(client) else { return };
        let number = u16::from_be_bytes([bytes[0], bytes[1]]);
        let len = usize::from(u16::from_be_bytes([bytes[2], bytes[3]]));
        let channel = allocation.channels.iter().find(|(known, ..)| *known == number);
        if let (Some((_, peer, _)), Some(payload)) = (channel.copied(), bytes.get(4..4 + len)) {
            self.pass_out(client, peer, payload);
        }
    }

    fn pass_out(&mut self, client: SocketAddr, peer: SocketAddr, payload: &[u8]) {
        let Some(allocation) = self.of(client) else { return };
        let from = allocation.relayed;
        if !allocation.permissions.iter().any(|(ip, _)| *ip == peer.ip()) {
            self.dropped += 1;
            return;
        }
        self.passed_on += 1;
        if peer.ip() == self.address && peer.port() != PORT {
            return self.pass_in(from, peer, payload);
        }
        self.outgoing.push_back((from, peer, payload.to_vec()));
    }

    fn pass_in(&mut self, from: SocketAddr, relayed: SocketAddr, payload: &[u8]) {
        let server = SocketAddr::new(self.address, PORT);
        let Some(allocation) = self.allocations.iter().find(|a| a.relayed == relayed) else { return };
        if !allocation.permissions.iter().any(|(ip, _)| *ip == from.ip()) {
            self.dropped += 1;
            return;
        }
        self.passed_on += 1;
        let channel = allocation.channels.iter().find(|(_, peer, _)| *peer == from);
        let bytes = if let Some((number, ..)) = channel {
            let len = u16::try_from(payload.len()).unwrap();
            [&number.to_be_bytes()[..], &len.to_be_bytes(), payload].concat()
        } else {
            let message = StunMessageBuilder::new(DATA, MessageClass::Indication)
                .with_transaction_id([9; 12].into())
                .with_attribute(XorPeerAddress::from(from))
                .with_attribute(Data::new(payload));
            encoded(&message.build())
        };
        self.outgoing.push_back((server, allocation.client, bytes));
    }

    fn stun(&mut self, client: SocketAddr, bytes: &[u8], now: Instant) {
        let server = SocketAddr::new(self.address, PORT);
        let mut answer = vec![0; stun::ANSWER_LEN];
        if let Some(len) = stun::answer_binding(bytes, client, &mut answer) {
            answer.truncate(len);
            return self.outgoing.push_back((server, client, answer));
        }
        let context = DecoderContextBuilder::default().with_validation().with_key(key()).build();
        let decoded = MessageDecoderBuilder::default().with_context(context).build().decode(bytes);
        let Ok((request, _)) = decoded else {
            // What is signed by another password is challenged as what is not signed.
            let plain = MessageDecoderBuilder::default().build().decode(bytes);
            if let Ok((request, _)) = plain {
                self.challenge(client, &request, 401, now);
            }
            return;
        };
        if request.class() == MessageClass::Indication {
            let peer = request.get::<XorPeerAddress>().map(|a| *a.expect_xor_peer_address().socket_address());
            let data = request.get::<Data>().map(|a| a.expect_data().as_bytes().to_vec());
            if let (true, Some(peer), Some(data)) = (request.method() == SEND, peer, data) {
                self.pass_out(client, peer, &data);
            }
            return;
        }
        let user = request.get::<UserName>().map(|a| a.expect_user_name().as_str() == USER);
        if request.get::<MessageIntegrity>().is_none() || user != Some(true) {
            return self.challenge(client, &request, 401, now);
        }
        let nonce = request.get::<Nonce>().map(|a| a.expect_nonce().as_str().to_owned());
        if nonce != Some(self.nonce(now)) {
            return self.challenge(client, &request, 438, now);
        }
        self.authentic(client, &request, now);
    }

    fn authentic(&mut self, client: SocketAddr, request: &StunMessage, now: Instant) {
        let asked = request.get::<LifeTime>().map(|a| *a.expect_life_time().as_ref());
        let peer = request.get::<XorPeerAddress>().map(|a| *a.expect_xor_peer_address().socket_address());
        let lifetime = self.lifetime;
        let made = self.of(client).map(|allocation| allocation.made_by);
        match request.method() {
            ALLOCATE if made.is_none() => {
                if let Some(code) = self.refuses {
                    return self.refuse(client, request, code);
                }
                self.next_port += 1;
                self.allocations.push(Allocation {
                    client,
                    relayed: SocketAddr::new(self.address, self.next_port),
                    made_by: *request.transaction_id().as_bytes(),
                    ends: now + lifetime,
                    permissions: Vec::new(),
                    channels: Vec::new(),
                });
                self.allocated(client, request);
            }
            ALLOCATE if made == Some(*request.transaction_id().as_bytes()) => self.allocated(client, request),
            REFRESH if made.is_some() => {
                let lifetime = if asked == Some(0) { Duration::ZERO } else { lifetime };
                self.allocations.retain_mut(|allocation| {
                    allocation.ends =
                        if allocation.client == client { now + lifetime } else { allocation.ends };
                    allocation.ends > now
                });
                let seconds = u32::try_from(lifetime.as_secs()).unwrap();
                self.succeed(client, request, |answer| answer.with_attribute(LifeTime::from(seconds)));
            }
            CREATE_PERMMISSION | CHANNEL_BIND if made.is_some() => {
                let number = request.get::<ChannelNumber>().map(|a| a.expect_channel_number().number());
                let (Some(peer), Some(allocation)) = (peer, self.of(client)) else { return };
                allocation.permissions.retain(|(ip, _)| *ip != peer.ip());
                allocation.permissions.push((peer.ip(), now + PERMISSION));
                if let Some(number) = number {
                    let clash = |(n, p, _): &(u16, SocketAddr, Instant)| (*n == number) != (*p == peer);
                    if !(0x4000..=0x4fff).contains(&number) || allocation.channels.iter().any(clash) {
                        return self.refuse(client, request, 400);
                    }
                    allocation.channels.retain(|(known, ..)| *known != number);
                    allocation.channels.push((number, peer, now + CHANNEL));
                }
                self.succeed(client, request, |answer| answer);
            }
            _ => self.refuse(client, request, 437),
        }
    }

    fn allocated(&mut self, client: SocketAddr, request: &StunMessage) {
        let relayed = self.of(client).unwrap().relayed;
        let seconds = u32::try_from(self.lifetime.as_secs()).unwrap();
        self.succeed(client, request, |answer| {
            answer
                .with_attribute(XorRelayedAddress::from(relayed))
                .with_attribute(XorMappedAddress::from(client))
                .with_attribute(LifeTime::from(seconds))
        });
    }

    /// A nonce says when it was made.
    fn nonce(&self, now: Instant) -> String {
        let lasts = self.nonce_lasts.as_micros().max(1);
        format!("nonce{}", u128::from(now.as_micros()) / lasts)
    }

    fn challenge(&mut self, client: SocketAddr, request: &StunMessage, code: u16, now: Instant) {
        let nonce = self.nonce(now);
        let answer = answer(request, MessageClass::ErrorResponse)
            .with_attribute(ErrorCode::new(stun_rs::ErrorCode::new(code, "Again").unwrap()))
            .with_attribute(Realm::new(REALM).unwrap())
            .with_attribute(Nonce::new(nonce).unwrap());
        self.send(client, answer);
    }

    fn refuse(&mut self, client: SocketAddr, request: &StunMessage, code: u16) {
        let answer = answer(request, MessageClass::ErrorResponse)
            .with_attribute(ErrorCode::new(stun_rs::ErrorCode::new(code, "No").unwrap()))
            .with_attribute(MessageIntegrity::new(key()));
        self.send(client, answer);
    }

    fn succeed(
        &mut self,
        client: SocketAddr,
        request: &StunMessage,
        with: impl FnOnce(StunMessageBuilder) -> StunMessageBuilder,
    ) {
        let answer = with(answer(request, MessageClass::SuccessResponse));
        self.send(client, answer.with_attribute(MessageIntegrity::new(key())));
    }

    fn send(&mut self, client: SocketAddr, answer: StunMessageBuilder) {
        let server = SocketAddr::new(self.address, PORT);
        let bytes = encoded(&answer.with_attribute(Fingerprint::default()).build());
        self.outgoing.push_back((server, client, bytes));
    }
}

fn key() -> HMACKey {
    HMACKey::new_long_term(USER, REALM, PASSWORD, Algorithm::from(AlgorithmId::MD5)).unwrap()
}

fn answer(request: &StunMessage, class: MessageClass) -> StunMessageBuilder {
    let method: MessageMethod = request.method();
    StunMessageBuilder::new(method, class).with_transaction_id(*request.transaction_id())
}

fn encoded(message: &StunMessage) -> Vec<u8> {
    let mut bytes = vec![0; 2_048];
    let len = MessageEncoderBuilder::default().build().encode(&mut bytes, message).unwrap();
    bytes.truncate(len);
    bytes
}
