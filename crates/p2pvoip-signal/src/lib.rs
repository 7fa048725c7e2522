//! Agreeing to talk: envelopes, call state, and the rendezvous client protocol, without IO.
