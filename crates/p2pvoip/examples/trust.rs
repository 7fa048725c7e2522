//! Who is on the line: a contact book, a call, the code that both people read to each other, and what is known ever after.

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use p2pvoip::contacts::Book;
use p2pvoip::core::UnixTime;
use p2pvoip::{Call, CallEvent, Config, Endpoint, How, Sas, Trust, new_identity};
use p2pvoip_rendezvous::Server;

const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// The way to an endpoint: an identity, whom it knows, the server where it is found, and the addresses that it may use.
async fn endpoint(contacts: Book, server: Option<String>) -> Result<Endpoint, Box<dyn Error>> {
    let mut config = Config::new(new_identity()?);
    (config.contacts, config.server, config.bind) = (contacts, server, vec![LOCAL]);
    Ok(Endpoint::start(config).await?)
}

/// Waits for the code of a call.
async fn code(call: &mut Call) -> Result<Sas, Box<dyn Error>> {
    while let Some(event) = call.next_event().await {
        if let CallEvent::Sas(code) = event {
            return Ok(code);
        }
    }
    Err("the call ended before there was a code".into())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    // Somebody runs a server; here it ends with this program. Bob listens there, and Alice has his card.
    let server = Server::bind(p2pvoip_rendezvous::Config::new(SocketAddr::new(LOCAL, 0))).await?;
    let url = format!("ws://{}", server.local_addr());
    tokio::spawn(server.run(std::future::pending()));
    let mut bob = endpoint(Book::default(), Some(url)).await?;
    bob.online().await?;
    let card = bob.card().ok_or("who has a server has a card")?.clone();
    let answering =
        tokio::spawn(async move { bob.incoming().await.ok_or("open")?.accept().await.map_err(|_| "gone") });

    // Alice calls Bob for the first time: nobody between the two knows that it is Bob who made the card.
    let now = UnixTime::from_secs(std::time::UNIX_EPOCH.elapsed()?.as_secs());
    let mut book = Book::default();
    book.add("Bob", card.clone(), now)?;
    let alice = endpoint(book.clone(), None).await?;
    let mut call = alice.dial(&card).await?;
    call.connected().await?;
    let mut taken = answering.await??;
    assert_eq!(call.trust(), Some(Trust::FirstContact));

    // They read the code to each other, hear that it is the same, and say so.
    let (hers, his) = (code(&mut call).await?, code(&mut taken).await?);
    println!("{}", hers.words().join(" "));
    assert_eq!(hers, his, "nobody sits in between");
    call.confirm_sas(true).await;
    while let Some(event) = call.next_event().await {
        if event == CallEvent::Trust(Trust::Verified(How::Sas)) {
            break;
        }
    }
    assert_eq!(call.trust(), Some(Trust::Verified(How::Sas)));
    println!("Bob is {}", Trust::Verified(How::Sas).word());

    // What the call taught is written down, for the next one.
    let peer = call.encryption().ok_or("it is encrypted")?;
    book.note_call(&peer.identity, peer.version, now)?;
    book.verify("Bob", &peer.peer, How::Sas)?;
    assert_eq!(book.named("Bob")?.trust(), Trust::Verified(How::Sas), "the next call begins with it");
    call.hang_up().await;
    taken.ended().await;
    Ok(())
}
