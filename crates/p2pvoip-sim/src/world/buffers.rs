//! Bytes that are used again, so that a datagram costs no allocation.

/// How many are kept.
const MOST_KEPT: usize = 1_024;

/// Stage: lends owned buffers.
#[derive(Debug)]
pub(super) struct Buffers {
    free: Vec<Vec<u8>>,
    /// The one that nodes write to.
    scratch: Vec<u8>,
}

impl Buffers {
    pub(super) fn new() -> Self {
        Self { free: Vec::new(), scratch: vec![0; super::MAX_BYTES] }
    }

    pub(super) fn copy(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut copy = self.free.pop().unwrap_or_default();
        copy.clear();
        copy.extend_from_slice(bytes);
        copy
    }

    pub(super) fn give_back(&mut self, bytes: Vec<u8>) {
        if self.free.len() < MOST_KEPT {
            self.free.push(bytes);
        }
    }

    /// Takes the buffer that nodes write to, until it is returned.
    pub(super) fn take_scratch(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.scratch)
    }

    pub(super) fn return_scratch(&mut self, scratch: Vec<u8>) {
        self.scratch = scratch;
    }
}
