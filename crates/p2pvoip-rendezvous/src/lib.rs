//! The p2pvoip rendezvous server: mailboxes over WebSocket.
