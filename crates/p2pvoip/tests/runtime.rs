//! The facade on real sockets: two endpoints and a rendezvous server on the loopback interface.
#![cfg(all(feature = "tokio", feature = "opus"))]
#![expect(clippy::unwrap_used, reason = "a call that goes wrong fails its test")]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use p2pvoip::core::UnixTime;
use p2pvoip::{
    CallEvent, CallState, Config, ContactCard, EndReason, Endpoint, Frame, Identity, IdentityError,
    RejectReason, new_identity,
};
use p2pvoip_rendezvous::Server;
use tokio::sync::oneshot;
use tokio::time::timeout;

const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server; it ends when the sender is dropped.
async fn server() -> (String, oneshot::Sender<()>) {
    let config = p2pvoip_rendezvous::Config::new(SocketAddr::new(LOCAL, 0));
    let server = Server::bind(config).await.unwrap();
    let url = format!("ws://{}", server.local_addr());
    let (stop, stopped) = oneshot::channel::<()>();
    tokio::spawn(server.run(async move {
        let _dropped = stopped.await;
    }));
    (url, stop)
}

async fn endpoint(url: Option<&str>) -> Endpoint {
    let mut config = Config::new(new_identity().unwrap());
    config.server = url.map(str::to_owned);
    config.bind = vec![LOCAL];
    let endpoint = Endpoint::start(config).await.unwrap();
    if url.is_some() {
        timeout(PATIENCE, endpoint.online()).await.unwrap().unwrap();
    }
    endpoint
}

#[tokio::test]
async fn two_endpoints_call_hear_each_other_and_hang_up() {
    let (url, _server) = server().await;
    let (caller, mut callee) = (endpoint(None).await, endpoint(Some(&url)).await);
    let mut out = caller.dial(callee.card().unwrap()).await.unwrap();
    let ringing = timeout(PATIENCE, callee.incoming()).await.unwrap().unwrap();
    let mut taken = ringing.accept().await.unwrap();
    timeout(PATIENCE, out.connected()).await.unwrap().unwrap();
    timeout(PATIENCE, taken.connected()).await.unwrap().unwrap();
    assert_eq!(out.encryption().unwrap().version, 0x11);
    assert_eq!(out.peer(), Some(*callee.card().unwrap().fingerprint()));

    let (microphone, _) = out.take_audio().unwrap();
    let (_, mut speaker) = taken.take_audio().unwrap();
    let tone = Frame(std::array::from_fn(|i| if (i / 60) % 2 == 0 { 8_000 } else { -8_000 }));
    tokio::spawn(async move { while microphone.send(tone).await.is_ok() {} });
    let loud = async {
        while let Some(frame) = speaker.recv().await {
            if frame.0.iter().any(|sample| sample.unsigned_abs() > 3_000) {
                return true;
            }
        }
        false
    };
    assert!(timeout(PATIENCE, loud).await.unwrap(), "the tone is heard");

    out.hang_up().await;
    assert_eq!(timeout(PATIENCE, out.ended()).await.unwrap(), EndReason::HungUp);
    assert_eq!(timeout(PATIENCE, taken.ended()).await.unwrap(), EndReason::PeerHungUp);
    let mut states = Vec::new();
    while let Some(event) = out.next_event().await {
        if let CallEvent::State(state) = event {
            states.push(state.as_str());
        }
    }
    assert_eq!(states, ["dialing", "ringing", "connecting", "connected", "ended"]);
    timeout(PATIENCE, caller.close()).await.unwrap();
}

/// Listens until what is heard is loud, or is not; false when the call ends before.
async fn hears(speaker: &mut p2pvoip::AudioReceiver, loud: bool) -> bool {
    // A fifth of a second of the same, so that neither a pause nor a late packet decides.
    let mut alike = 0;
    while let Some(frame) = speaker.recv().await {
        let is_loud = frame.0.iter().any(|sample| sample.unsigned_abs() > 3_000);
        alike = if is_loud == loud { alike + 1 } else { 0 };
        if alike == 20 {
            return true;
        }
    }
    false
}

#[tokio::test]
async fn who_is_muted_is_not_heard_until_unmuted_and_says_nothing_of_it_later() {
    let (url, _server) = server().await;
    let (caller, mut callee) = (endpoint(None).await, endpoint(Some(&url)).await);
    let mut out = caller.dial(callee.card().unwrap()).await.unwrap();
    let mut taken = timeout(PATIENCE, callee.incoming()).await.unwrap().unwrap().accept().await.unwrap();
    timeout(PATIENCE, out.connected()).await.unwrap().unwrap();
    let (microphone, _) = out.take_audio().unwrap();
    let (_, mut speaker) = taken.take_audio().unwrap();
    let tone = Frame(std::array::from_fn(|i| if (i / 60) % 2 == 0 { 8_000 } else { -8_000 }));
    tokio::spawn(async move { while microphone.send(tone).await.is_ok() {} });
    assert!(!out.is_muted());
    assert!(timeout(PATIENCE, hears(&mut speaker, true)).await.unwrap(), "the tone is heard");
    out.set_muted(true);
    assert!(out.is_muted());
    assert!(timeout(PATIENCE, hears(&mut speaker, false)).await.unwrap(), "silence is heard");
    assert_eq!(taken.state(), CallState::Connected);
    out.set_muted(false);
    assert!(timeout(PATIENCE, hears(&mut speaker, true)).await.unwrap(), "the tone is heard again");
}

#[tokio::test]
async fn a_call_that_is_declined_or_dropped_says_so() {
    let (url, _server) = server().await;
    let (caller, mut callee) = (endpoint(None).await, endpoint(Some(&url)).await);
    let card = callee.card().unwrap().clone();
    let mut first = caller.dial(&card).await.unwrap();
    timeout(PATIENCE, callee.incoming()).await.unwrap().unwrap().reject(RejectReason::Busy).await;
    assert_eq!(timeout(PATIENCE, first.connected()).await.unwrap(), Err(EndReason::Busy));
    let mut second = caller.dial(&card).await.unwrap();
    drop(timeout(PATIENCE, callee.incoming()).await.unwrap().unwrap());
    assert_eq!(timeout(PATIENCE, second.ended()).await.unwrap(), EndReason::Rejected);
    let mut third = caller.dial(&card).await.unwrap();
    let mut ringing = timeout(PATIENCE, callee.incoming()).await.unwrap().unwrap();
    let mut watched = third.watch_state();
    timeout(PATIENCE, watched.wait_for(|state| *state == CallState::Ringing)).await.unwrap().unwrap();
    third.hang_up().await;
    assert_eq!(timeout(PATIENCE, third.ended()).await.unwrap(), EndReason::Cancelled);
    assert_eq!(timeout(PATIENCE, ringing.gone()).await.unwrap(), EndReason::PeerCancelled);
    assert_eq!(ringing.accept().await.map(|_| ()), Err(EndReason::PeerCancelled));
}

#[tokio::test]
async fn a_server_that_is_down_and_a_callee_that_is_unknown_are_told_apart() {
    let (url, stop) = server().await;
    let caller = endpoint(None).await;
    let stranger = new_identity().unwrap().card(&url).unwrap();
    let mut call = caller.dial(&stranger).await.unwrap();
    assert_eq!(timeout(PATIENCE, call.connected()).await.unwrap(), Err(EndReason::Unreachable));
    drop(stop);
    // A port at which nobody listens.
    let nobody = std::net::UdpSocket::bind((LOCAL, 0)).unwrap().local_addr().unwrap();
    let card = new_identity().unwrap().card(&format!("ws://{nobody}")).unwrap();
    let mut call = caller.dial(&card).await.unwrap();
    assert_eq!(timeout(PATIENCE, call.connected()).await.unwrap(), Err(EndReason::Offline));
}

#[tokio::test]
async fn a_card_whose_identity_is_not_the_callees_is_not_trusted() {
    let (url, _server) = server().await;
    let (caller, callee) = (endpoint(None).await, endpoint(Some(&url)).await);
    let theirs = callee.card().unwrap();
    let other = new_identity().unwrap().fingerprint();
    let forged = ContactCard::new(other, &url, theirs.mailbox().clone(), theirs.least_version()).unwrap();
    let mut call = caller.dial(&forged).await.unwrap();
    assert_eq!(timeout(PATIENCE, call.connected()).await.unwrap(), Err(EndReason::NotTrusted));
}

#[tokio::test]
async fn closing_an_endpoint_tells_the_other_side() {
    let (url, _server) = server().await;
    let (caller, mut callee) = (endpoint(None).await, endpoint(Some(&url)).await);
    let out = caller.dial(callee.card().unwrap()).await.unwrap();
    let mut taken = timeout(PATIENCE, callee.incoming()).await.unwrap().unwrap().accept().await.unwrap();
    timeout(PATIENCE, taken.connected()).await.unwrap().unwrap();
    timeout(PATIENCE, caller.close()).await.unwrap();
    assert_eq!(timeout(PATIENCE, taken.ended()).await.unwrap(), EndReason::PeerHungUp);
    drop(out);
}

#[tokio::test]
async fn an_endpoint_is_given_its_identity_anew_and_no_other() {
    let (url, _server) = server().await;
    let identity = new_identity().unwrap();
    let mut secret = identity.to_secret();
    let mut config = Config::new(identity).at(&url);
    config.bind = vec![LOCAL];
    let endpoint = Endpoint::start(config).await.unwrap();
    timeout(PATIENCE, endpoint.online()).await.unwrap().unwrap();
    assert!(secret.advance(UnixTime::from_secs(1_800_000_000)), "there are prekeys of the past");
    let advanced = Arc::new(Identity::from_secret(&secret));
    assert_eq!(endpoint.set_identity(Arc::clone(&advanced)).await, Ok(()));
    let other = Arc::new(new_identity().unwrap());
    assert_eq!(endpoint.set_identity(other).await, Err(IdentityError::Other));
    assert_eq!(Arc::strong_count(&advanced), 2, "the endpoint holds the new one");
    assert!(endpoint.watch_home().borrow().is_none(), "this is the first device itself");
}
