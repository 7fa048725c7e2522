//! The DHT on the command line: by which nodes it is entered, and the command `dht-node`.

use crate::exit::Failure;

/// The nodes that the command line names, or else the environment; each with the words for who gave it.
fn named(given: &[String], environment: Option<String>) -> Vec<(&'static str, String)> {
    if !given.is_empty() {
        return given.iter().map(|peer| ("--dht-peer", peer.clone())).collect();
    }
    let parts = environment.unwrap_or_default();
    let parts = parts.split([',', ' ', '\t', '\n']).filter(|part| !part.is_empty());
    parts.map(|part| ("P2PVOIP_DHT in the environment", part.to_owned())).collect()
}

/// What the environment says of the DHT.
fn environment() -> Option<String> {
    std::env::var(crate::environment::DHT).ok()
}

#[cfg(feature = "dht")]
mod built {
    use p2pvoip::dht::kad::{Config, Node, PeerAddress, StartError};

    use super::{Failure, environment, named};
    use crate::args;
    use crate::events::Printer;
    use crate::interrupt::Interrupt;

    /// The nodes by which the DHT is entered; none when it is not wanted.
    fn peers(given: &[String], environment: Option<String>) -> Result<Vec<PeerAddress>, Failure> {
        let read = |(who, text): (&str, String)| {
            text.parse().map_err(|error| Failure::Usage(format!("{who}: {text}: {error}")))
        };
        named(given, environment).into_iter().map(read).collect()
    }

    /// Has the endpoint use the DHT, when the command line or the environment names nodes of it.
    pub(crate) fn configure(config: &mut p2pvoip::Config, given: &[String]) -> Result<(), Failure> {
        let peers = peers(given, environment())?;
        config.dht = (!peers.is_empty()).then(|| Config::new(peers));
        Ok(())
    }

    /// Keeps records of others until it is asked to end, which is how it ends well.
    pub(crate) async fn run(common: &args::Common, node: &args::DhtNode) -> Result<(), Failure> {
        let config = p2pvoip::dht_node(node.bind, peers(&node.dht_peers, environment())?);
        let mut interrupt = Interrupt::watch(common.with_parent)?;
        let node = Node::bind(config).await.map_err(|error| {
            if matches!(error, StartError::Listen { .. }) {
                Failure::Usage(format!("--bind: {error}"))
            } else {
                Failure::Internal(error.to_string())
            }
        })?;
        Printer::new(common.json, false).serving_dht(node.local_addr());
        node.run(interrupt.asked()).await;
        Ok(())
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn the_environment_names_nodes_where_the_command_line_does_not() {
            let environment = || Some("127.0.0.1:1, dht.example:2\n".to_owned());
            let shown = |given: &[String]| -> Vec<String> {
                peers(given, environment()).unwrap().iter().map(ToString::to_string).collect()
            };
            assert_eq!(shown(&[]), ["127.0.0.1:1", "dht.example:2"]);
            assert_eq!(shown(&["127.0.0.1:3".to_owned()]), ["127.0.0.1:3"]);
            assert!(peers(&[], Some(String::new())).unwrap().is_empty(), "empty is unset");
        }

        #[test]
        fn who_named_what_is_no_node_is_told() {
            let told = |given: &[String], environment: &str| {
                peers(given, Some(environment.to_owned())).unwrap_err().to_string()
            };
            assert!(told(&["nonsense".to_owned()], "").starts_with("--dht-peer: nonsense: "));
            assert!(told(&[], "nonsense").starts_with("P2PVOIP_DHT in the environment: nonsense: "));
        }
    }
}

#[cfg(not(feature = "dht"))]
mod built {
    use super::{Failure, environment, named};
    use crate::args;

    const WITHOUT: &str = "this program was built without the DHT; build it with `--features dht`";

    /// Refuses to call without the DHT that is wanted.
    pub(crate) fn configure(_: &mut p2pvoip::Config, given: &[String]) -> Result<(), Failure> {
        match named(given, environment()).first() {
            Some((who, _)) => Err(Failure::Usage(format!("{who}: {WITHOUT}"))),
            None => Ok(()),
        }
    }

    /// Refuses.
    pub(crate) async fn run(_: &args::Common, _: &args::DhtNode) -> Result<(), Failure> {
        Err(Failure::Usage(format!("dht-node: {WITHOUT}")))
    }
}

pub(crate) use built::{configure, run};

/// Whether a DHT is used.
pub(crate) fn is_wanted(given: &[String]) -> bool {
    !named(given, environment()).is_empty()
}
