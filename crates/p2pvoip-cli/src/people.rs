//! The contact book during calls: names for who is there, and what a call teaches, written while the call runs.

use std::sync::{Arc, Mutex, PoisonError};

use p2pvoip::contacts::{Book, Contact};
use p2pvoip::crypto::{How, PeerIdentity};
use p2pvoip::store::Opened;
use p2pvoip::{CallEvent, CallState, Encryption, EndReason, Fingerprint, Trust};

use crate::clock;
use crate::exit::Failure;
use crate::identity_file;

/// Whom the owner of the identity knows; nobody with a throwaway one.
#[derive(Clone, Debug, Default)]
pub(crate) struct People(Option<Arc<Known>>);

#[derive(Debug)]
struct Known {
    store: Mutex<Opened>,
    /// As it was when the program began: it names people.
    book: Book,
    /// Who is at the other end of the call, and in which version.
    peer: Mutex<Option<(PeerIdentity, u8)>>,
    /// Of whom a call has shown since that the codes differ, whatever `book` says: as many as have contacts at most.
    doubted: Mutex<Vec<Fingerprint>>,
}

impl People {
    /// Those of this store.
    pub(crate) fn of(store: Option<Opened>) -> Result<Self, Failure> {
        let known = store.map(|store| {
            let book = identity_file::contacts(&store)?;
            let (peer, doubted) = (Mutex::new(None), Mutex::default());
            Ok(Arc::new(Known { store: Mutex::new(store), book, peer, doubted }))
        });
        known.transpose().map(Self)
    }

    /// All of them, for the endpoint.
    pub(crate) fn book(&self) -> Book {
        self.0.as_ref().map(|known| known.book.clone()).unwrap_or_default()
    }

    /// Does something with the store; with a throwaway identity there is none.
    pub(crate) fn with_store<T>(&self, act: impl FnOnce(&mut Opened) -> T) -> Option<T> {
        Some(act(&mut self.0.as_ref()?.store()))
    }

    /// What the owner calls them.
    pub(crate) fn name(&self, fingerprint: &Fingerprint) -> Option<&str> {
        Some(self.0.as_ref()?.book.find(fingerprint)?.name())
    }

    /// Writes what a call teaches of somebody in the book: that there was one, and that the words were the same, or were not.
    pub(crate) fn note(&self, event: &CallEvent) -> Result<(), Failure> {
        let Some(known) = &self.0 else { return Ok(()) };
        if let CallEvent::Encrypted(Encryption { identity, version, .. }) = event {
            *known.peer() = Some((*identity, *version));
            return known.write_devices(identity);
        }
        if let CallEvent::Devices(identity) = event {
            return known.write_devices(identity);
        }
        let is_connected = matches!(event, CallEvent::State(CallState::Connected));
        let is_verified = matches!(event, CallEvent::Trust(Trust::Verified(How::Sas)));
        let differs = matches!(event, CallEvent::State(CallState::Ended(EndReason::CodeDiffers)));
        let peer = *known.peer();
        match peer {
            Some((peer, _)) if differs => known.take_back(&peer.fingerprint),
            Some((peer, version)) if is_connected || is_verified => known.write(&peer, version, is_verified),
            _ => Ok(()),
        }
    }
}

impl Known {
    fn store(&self) -> std::sync::MutexGuard<'_, Opened> {
        // What is done to it is done whole or not at all.
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn peer(&self) -> std::sync::MutexGuard<'_, Option<(PeerIdentity, u8)>> {
        // Who was noted is noted whole.
        self.peer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A newer list of devices than was pinned when the program began.
    fn write_devices(&self, peer: &PeerIdentity) -> Result<(), Failure> {
        let pin = self.book.find(&peer.fingerprint).and_then(Contact::pin);
        if pin.is_none_or(|pin| pin.roster_sequence() >= peer.roster.sequence) {
            return Ok(());
        }
        self.store().update_contacts(|book| book.note_devices(peer).map(drop)).map_err(identity_file::failure)
    }

    fn doubted(&self) -> std::sync::MutexGuard<'_, Vec<Fingerprint>> {
        // Whoever was pushed is in it whole.
        self.doubted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing of somebody counts as verified any more; the key stays known.
    fn take_back(&self, peer: &Fingerprint) -> Result<(), Failure> {
        if self.book.find(peer).is_none() {
            return Ok(());
        }
        let mut doubted = self.doubted();
        if !doubted.contains(peer) {
            doubted.push(*peer);
        }
        let noted = self.store().update_contacts(|book| {
            // The name may have been changed since, and the contact may be gone.
            let name = book.find(peer).map(|contact| contact.name().to_owned());
            name.map_or(Ok(()), |name| book.unverify(&name).map(|_| ()))
        });
        noted.map_err(identity_file::failure)
    }

    fn write(&self, peer: &PeerIdentity, version: u8, is_verified: bool) -> Result<(), Failure> {
        let Some(contact) = self.book.find(&peer.fingerprint) else { return Ok(()) };
        // A call with somebody whose words were compared before tells so at once; that is written already.
        let is_doubted = self.doubted().contains(&peer.fingerprint);
        if is_verified && contact.verified() == Some(How::Sas) && !is_doubted {
            return Ok(());
        }
        let noted = self.store().update_contacts(|book| {
            if is_verified {
                book.note_same_code(peer, None, version, clock::unix())
            } else {
                book.note_call(peer, version, clock::unix())
            }
        });
        noted.map(drop).map_err(identity_file::failure)
    }
}
