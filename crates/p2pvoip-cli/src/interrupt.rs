//! What asks the program to end: Ctrl-C, a polite kill, or (for children of the demo) the end of standard input.
//!
//! The first asks for an orderly end, which hangs up and tells the other side; a second Ctrl-C ends at once.

use std::io::{self, Read as _};

use tokio::sync::{mpsc, watch};

use crate::exit::Failure;
use crate::view;

/// Keys that wait: the first asks for an end, the second for one at once.
const KEYS: usize = 2;

/// Whether an end was asked for; clones see the same.
#[derive(Clone, Debug)]
pub(crate) struct Interrupt {
    asked: watch::Receiver<bool>,
    keys: mpsc::Sender<()>,
}

impl Interrupt {
    /// Starts to watch; needs the runtime.
    pub(crate) fn watch(with_parent: bool) -> Result<Self, Failure> {
        let (tell, told) = watch::channel(false);
        let mut signals = Signals::new().map_err(|error| {
            Failure::Internal(format!("Ctrl-C cannot be watched for ({error}); try again"))
        })?;
        let (keys, mut pressed) = mpsc::channel(KEYS);
        let mut parent = with_parent.then(end_of_input);
        tokio::spawn(async move {
            let orphaned = async {
                match parent.as_mut() {
                    Some(parent) => parent.recv().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = signals.next() => {}
                _ = orphaned => {}
                Some(()) = pressed.recv() => {}
            }
            // Nobody listens any more when the program is ending anyway.
            let _ = tell.send(true);
            tokio::select! {
                () = signals.next() => {}
                Some(()) = pressed.recv() => {}
            }
            view::restore();
            std::process::exit(i32::from(Failure::Interrupted.code()));
        });
        Ok(Self { asked: told, keys })
    }

    /// Asks for an end as Ctrl-C does, for the view: where keys come one by one, Ctrl-C is no signal.
    pub(crate) fn trigger(&self) -> mpsc::Sender<()> {
        self.keys.clone()
    }

    /// Waits until an end is asked for; at once when it was already.
    pub(crate) async fn asked(&mut self) {
        if self.asked.wait_for(|asked| *asked).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// A channel that closes when standard input ends. A thread reads it, since a runtime cannot end while it waits for
/// standard input, and a process can.
pub(crate) fn end_of_input() -> mpsc::Receiver<()> {
    let (hold, ended) = mpsc::channel(1);
    std::thread::spawn(move || {
        let mut sink = [0; 256];
        while matches!(io::stdin().read(&mut sink), Ok(1..)) {}
        drop(hold);
    });
    ended
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
