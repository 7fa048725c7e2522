//! A whole call in ten lines, on the loopback interface: the server is in this program, and a tone goes from one to the other.

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use p2pvoip::{Config, EndReason, Endpoint, Frame, new_identity};
use p2pvoip_rendezvous::Server;

const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// The way to an endpoint: an identity, the server where it is found, and the addresses that it may use.
async fn endpoint(server: Option<String>) -> Result<Endpoint, Box<dyn Error>> {
    let mut config = Config::new(new_identity()?);
    config.server = server;
    config.bind = vec![LOCAL];
    Ok(Endpoint::start(config).await?)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    // Somebody runs a server; here it ends with this program.
    let server = Server::bind(p2pvoip_rendezvous::Config::new(SocketAddr::new(LOCAL, 0))).await?;
    let url = format!("ws://{}", server.local_addr());
    tokio::spawn(server.run(std::future::pending()));

    // Bob can be called while he is online; Alice needs his card and nothing else.
    let (alice, mut bob) = (endpoint(None).await?, endpoint(Some(url)).await?);
    bob.online().await?;
    let card = bob.card().ok_or("who has a server has a card")?.clone();
    let mut out = alice.dial(&card).await?;
    let ringing = bob.incoming().await.ok_or("the endpoint is open")?;
    let mut taken = ringing.accept().await?;
    out.connected().await?;
    taken.connected().await?;
    assert_eq!(out.peer(), Some(*card.fingerprint()), "who answers is who was called");
    println!("{:?}", out.encryption().ok_or("a call is encrypted from its first packet on")?);

    // Sound goes in and comes out as frames of 10 ms.
    let (microphone, _) = out.take_audio().ok_or("it is taken once")?;
    let (_, mut speaker) = taken.take_audio().ok_or("it is taken once")?;
    let tone = Frame(std::array::from_fn(|n| if (n / 60) % 2 == 0 { 8_000 } else { -8_000 }));
    tokio::spawn(async move { while microphone.send(tone).await.is_ok() {} });
    while let Some(frame) = speaker.recv().await {
        if frame.0.iter().any(|sample| sample.unsigned_abs() > 3_000) {
            break;
        }
    }
    println!("the tone is heard");

    out.hang_up().await;
    assert_eq!(taken.ended().await, EndReason::PeerHungUp);
    Ok(())
}
