//! The command `rendezvous`: runs a rendezvous server until Ctrl-C.

use p2pvoip_rendezvous::{Config, ServeError, Server, TlsFiles};

use crate::args;
use crate::events::Printer;
use crate::exit::Failure;
use crate::interrupt::Interrupt;

/// Serves until it is asked to end, which is how it ends well.
pub(crate) async fn run(common: &args::Common, rendezvous: &args::Rendezvous) -> Result<(), Failure> {
    let mut config = Config::new(rendezvous.bind);
    if let (Some(certificate_chain), Some(key)) = (rendezvous.cert.clone(), rendezvous.key.clone()) {
        config.tls = Some(TlsFiles { certificate_chain, key });
    }
    let mut interrupt = Interrupt::watch(common.with_parent)?;
    let server = Server::bind(config).await.map_err(|error| cannot_serve(&error, rendezvous))?;
    let scheme = if server.is_tls() { "wss" } else { "ws" };
    Printer::new(common.json, false).serving(&format!("{scheme}://{}", server.local_addr()));
    server.run(interrupt.asked()).await;
    Ok(())
}

/// Whose fault it is that the server does not start.
fn cannot_serve(error: &ServeError, rendezvous: &args::Rendezvous) -> Failure {
    match (error, &rendezvous.cert) {
        (ServeError::Tls(_), Some(path)) => Failure::file(path, error),
        _ => Failure::Usage(format!("--bind {}: {error}", rendezvous.bind)),
    }
}
