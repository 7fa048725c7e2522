//! Real nodes on the loopback interface, one of which lies.

use futures_util::StreamExt as _;
use libp2p_kad::store::RecordStore as _;
use libp2p_swarm::{Swarm, SwarmEvent};
use p2pvoip_core::UnixTime;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::address::multiaddr;
use super::reach::Reach;
use super::swarm::{Behaviour, BehaviourEvent, Role, build_with, dial_all, on_identified};
use super::*;
use crate::{Directory as _, Newest, Outcome, Record, RecordError, RecordKey, Slot};

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
const LOCAL: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

fn key(number: u8) -> RecordKey {
    RecordKey::from_secret(&[number; 32]).unwrap()
}

fn record(number: u8, sequence: u64) -> Record {
    Record::sign(&key(number), sequence, NOW + Duration::from_secs(3_600), &[7; 100]).unwrap()
}

/// A node that keeps the rules, and knows these.
async fn node(peers: &[SocketAddr]) -> SocketAddr {
    let mut config = NodeConfig::new(LOCAL, || NOW);
    config.peers = peers.iter().map(|peer| PeerAddress::from(*peer)).collect();
    let node = Node::bind(config).await.unwrap();
    let address = node.local_addr();
    tokio::spawn(node.run(std::future::pending()));
    address
}

fn directory(peers: &[SocketAddr]) -> KadDirectory {
    let peers = peers.iter().map(|peer| PeerAddress::from(*peer)).collect();
    KadDirectory::start(Config::new(peers)).unwrap()
}

async fn publish(directory: &mut KadDirectory, record: &Record) -> Outcome {
    let query = directory.publish(record.clone(), NOW).unwrap();
    let finding = timeout(PATIENCE, directory.next()).await.unwrap().unwrap();
    assert_eq!(finding.query, query);
    finding.outcome
}

/// What a reader makes of a lookup: the newest that it believes.
async fn lookup(directory: &mut KadDirectory, slot: Slot) -> Result<Option<Record>, Outcome> {
    let query = directory.lookup(slot, NOW).unwrap();
    let finding = timeout(PATIENCE, directory.next()).await.unwrap().unwrap();
    assert_eq!(finding.query, query);
    let Outcome::Found(records) = finding.outcome else { return Err(finding.outcome) };
    let mut newest = Newest::new(slot);
    for record in records {
        newest.offer(record, &|_: &Record, _| true, NOW).unwrap();
    }
    Ok(newest.best().cloned())
}

/// What a liar answers from now on to who asks for that slot.
type Lie = (Slot, Vec<u8>);

/// What holds a liar: tells it what to say, and knows how often it was asked for that.
struct Liar {
    tell: mpsc::UnboundedSender<Lie>,
    asked: Arc<AtomicU32>,
}

/// A node that acknowledges every record and keeps none, and answers lookups with lies.
async fn liar(peers: &[SocketAddr]) -> (SocketAddr, Liar) {
    let (mut swarm, reach) = build_with(Role::Server { max_records: 100 }, 65_536).unwrap();
    swarm.listen_on(multiaddr(LOCAL)).unwrap();
    let address = loop {
        if let SwarmEvent::NewListenAddr { address, .. } = swarm.select_next_some().await {
            break super::address::socket_of(&address).unwrap();
        }
    };
    dial_all(&mut swarm, &reach, peers);
    let (tell, mut told) = mpsc::unbounded_channel::<Lie>();
    let asked = Arc::new(AtomicU32::new(0));
    let liar = Liar { tell, asked: Arc::clone(&asked) };
    tokio::spawn(async move {
        loop {
            tokio::select! {
                event = swarm.select_next_some() => {
                    if let SwarmEvent::Behaviour(BehaviourEvent::Identify(
                        libp2p_identify::Event::Received { peer_id, info, .. },
                    )) = event
                    {
                        on_identified(&mut swarm, peer_id, Some(LOCAL.ip()), &info);
                    } else if let SwarmEvent::Behaviour(BehaviourEvent::Kad(libp2p_kad::Event::InboundRequest {
                        request: libp2p_kad::InboundRequest::GetRecord { present_locally: true, .. },
                    })) = event
                    {
                        asked.fetch_add(1, Ordering::Relaxed);
                    }
                }
                lie = told.recv() => match lie {
                    Some((slot, value)) => {
                        let lie = libp2p_kad::Record::new(slot.as_bytes().to_vec(), value);
                        swarm.behaviour_mut().kad.store_mut().put(lie).unwrap();
                    }
                    None => return,
                },
            }
        }
    });
    (address, liar)
}

/// Six nodes, the last of which lies; waits until they know one another.
async fn six() -> (Vec<SocketAddr>, Liar) {
    let mut nodes = vec![node(&[]).await];
    for _ in 0..4 {
        nodes.push(node(&nodes[..1]).await);
    }
    let (address, liar) = liar(&nodes[..1]).await;
    nodes.push(address);
    sleep(Duration::from_millis(1_500)).await;
    (nodes, liar)
}

#[tokio::test]
async fn what_is_published_is_found_and_a_liar_changes_nothing() {
    let (nodes, liar) = six().await;
    let mut owner = directory(&nodes[..1]);
    let mut contact = directory(&nodes[3..4]);
    let slot = key(1).slot();
    assert_eq!(lookup(&mut contact, slot).await, Ok(None), "nobody has published");
    assert_eq!(publish(&mut owner, &record(1, 5)).await, Outcome::Published);
    assert_eq!(publish(&mut owner, &record(1, 6)).await, Outcome::Published);
    assert_eq!(lookup(&mut contact, slot).await, Ok(Some(record(1, 6))));
    assert_eq!(publish(&mut owner, &record(1, 4)).await, Outcome::Older);

    let mut forged = record(1, 9).emit().unwrap();
    *forged.last_mut().unwrap() ^= 1;
    let oversized = [record(1, 9).emit().unwrap(), vec![0; 300]].concat();
    let elsewhere = record(2, 9).emit().unwrap();
    let old = record(1, 5).emit().unwrap();
    for (name, lie) in [("forged", forged), ("oversized", oversized), ("another's", elsewhere), ("old", old)]
    {
        liar.tell.send((slot, lie)).unwrap();
        sleep(Duration::from_millis(20)).await;
        let before = liar.asked.load(Ordering::Relaxed);
        assert_eq!(lookup(&mut contact, slot).await, Ok(Some(record(1, 6))), "{name}");
        assert!(liar.asked.load(Ordering::Relaxed) > before, "the lie was told: {name}");
        let again = publish(&mut owner, &record(1, 6)).await;
        assert_eq!(again, Outcome::Published, "{name}");
    }
    // Entered by way of the liar it is no different.
    let mut misled = directory(&nodes[5..]);
    assert_eq!(lookup(&mut misled, slot).await, Ok(Some(record(1, 6))));
}

#[tokio::test]
async fn a_put_that_everybody_acknowledges_and_nobody_keeps_is_not_published() {
    let (address, _liar) = liar(&[]).await;
    let mut owner = directory(&[address]);
    assert_eq!(publish(&mut owner, &record(1, 5)).await, Outcome::Failed);
}

#[tokio::test]
async fn without_a_node_that_answers_everything_fails() {
    // A port at which nobody listens.
    let nobody = std::net::TcpListener::bind(LOCAL).unwrap().local_addr().unwrap();
    let mut lonely = directory(&[nobody]);
    let (looked, published) = {
        let looked = lookup(&mut lonely, key(1).slot()).await;
        (looked, publish(&mut lonely, &record(1, 5)).await)
    };
    assert_eq!(looked, Err(Outcome::Failed));
    assert_eq!(published, Outcome::Failed);
    assert!(matches!(KadDirectory::start(Config::default()), Err(StartError::NoPeers)));
}

#[tokio::test]
async fn a_single_node_is_a_network_and_refuses_what_is_no_record() {
    let first = node(&[]).await;
    let mut owner = directory(&[first]);
    assert_eq!(publish(&mut owner, &record(1, 5)).await, Outcome::Published);
    let mut contact = directory(&[first]);
    assert_eq!(lookup(&mut contact, key(1).slot()).await, Ok(Some(record(1, 5))));
    // The owner of a slot cannot be made to lie elsewhere, nor anybody store what is too long.
    let long = Record::sign(&key(3), 1, NOW + Duration::from_secs(60), &[1; 600]).unwrap();
    assert!(owner.publish(long, NOW).is_err());
    let ended = record(1, 5);
    let later = NOW + Duration::from_secs(2 * 3_600);
    assert_eq!(owner.publish(ended, later), Err(RecordError::Expired.into()));
}

#[tokio::test]
async fn no_more_questions_wait_than_there_is_room_for() {
    let nobody = std::net::TcpListener::bind(LOCAL).unwrap().local_addr().unwrap();
    let mut directory = directory(&[nobody]);
    for _ in 0..MAX_WAITING {
        directory.lookup(key(1).slot(), NOW).unwrap();
    }
    assert_eq!(directory.lookup(key(1).slot(), NOW), Err(crate::DirectoryError::Busy));
}

#[tokio::test]
async fn an_address_in_use_is_told() {
    let taken = std::net::TcpListener::bind(LOCAL).unwrap();
    let address = taken.local_addr().unwrap();
    let bound = timeout(PATIENCE, Node::bind(NodeConfig::new(address, || NOW))).await.unwrap();
    assert!(matches!(bound, Err(StartError::Listen { address: at, .. }) if at == address));
}

/// A swarm at a free port; it dials the internet alone unless it is told of more.
async fn listening() -> (Swarm<Behaviour>, Reach, SocketAddr) {
    let (mut swarm, reach) = build_with(Role::Server { max_records: 100 }, 65_536).unwrap();
    swarm.listen_on(multiaddr(LOCAL)).unwrap();
    loop {
        if let SwarmEvent::NewListenAddr { address, .. } = swarm.select_next_some().await {
            return (swarm, reach, super::address::socket_of(&address).unwrap());
        }
    }
}

/// Asks a liar that came to us, and names somebody at that address, who is near; whether that address was dialled.
async fn is_dialled_on_a_liars_word(opened: Option<IpAddr>) -> bool {
    let trap = tokio::net::TcpListener::bind(LOCAL).await.unwrap();
    let named = multiaddr(trap.local_addr().unwrap());
    let (mut liar, liars_reach, _) = listening().await;
    let victim = libp2p_identity::Keypair::generate_ed25519().public().to_peer_id();
    liar.behaviour_mut().kad.add_address(&victim, named);
    let (mut asker, reach, address) = listening().await;
    if let Some(ip) = opened {
        reach.open(ip);
    }
    dial_all(&mut liar, &liars_reach, &[address]);
    tokio::spawn(async move {
        loop {
            liar.select_next_some().await;
        }
    });
    let asked = async {
        loop {
            match asker.select_next_some().await {
                SwarmEvent::Behaviour(BehaviourEvent::Identify(libp2p_identify::Event::Received {
                    peer_id,
                    info,
                    ..
                })) => {
                    on_identified(&mut asker, peer_id, Some(LOCAL.ip()), &info);
                    asker.behaviour_mut().kad.get_closest_peers(victim);
                }
                SwarmEvent::Behaviour(BehaviourEvent::Kad(libp2p_kad::Event::OutboundQueryProgressed {
                    result: libp2p_kad::QueryResult::GetClosestPeers(_),
                    stats,
                    ..
                })) => {
                    assert!(stats.num_requests() >= 2, "the lie was believed and its victim sought");
                    return;
                }
                _ => {}
            }
        }
    };
    tokio::select! {
        () = asked => false,
        accepted = trap.accept() => accepted.is_ok(),
        () = sleep(PATIENCE) => panic!("the query neither ended nor led anywhere"),
    }
}

#[tokio::test]
async fn a_liar_cannot_have_an_asker_from_the_internet_dial_its_own_network() {
    assert!(!is_dialled_on_a_liars_word(None).await);
    assert!(is_dialled_on_a_liars_word(Some(LOCAL.ip())).await, "a network on this machine is one");
}

#[tokio::test]
async fn a_full_node_takes_a_newcomer_for_the_oldest_of_the_network_with_the_most() {
    let mut config = NodeConfig::new(LOCAL, || NOW);
    config.max_records = 2;
    let node = Node::bind(config).await.unwrap();
    let address = node.local_addr();
    tokio::spawn(node.run(std::future::pending()));
    let mut owner = directory(&[address]);
    for number in 1..=3 {
        assert_eq!(publish(&mut owner, &record(number, 5)).await, Outcome::Published, "{number}");
    }
    assert_eq!(publish(&mut owner, &record(3, 6)).await, Outcome::Published, "a newer one needs no room");
    for (number, held) in [(1, None), (2, Some(record(2, 5))), (3, Some(record(3, 6)))] {
        assert_eq!(lookup(&mut owner, key(number).slot()).await, Ok(held), "{number}");
    }
}
