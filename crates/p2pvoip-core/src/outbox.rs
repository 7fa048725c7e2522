//! A bounded queue of intents: what a machine means to say, made into bytes only when it is polled.

/// Stage: a first-in, first-out queue of at most `N` entries, without allocation.
///
/// A machine calls [`require`](Outbox::require) for the worst case before it changes anything, so that a full outbox
/// refuses an input instead of losing half of its consequences.
#[derive(Clone, Debug)]
pub struct Outbox<T, const N: usize> {
    entries: [Option<T>; N],
    first: usize,
    len: usize,
}

/// The outbox has no room now: drain it and offer the input again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Full;

impl core::fmt::Display for Full {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the outbox is full; poll its outputs and offer the input again")
    }
}

impl core::error::Error for Full {}

impl<T, const N: usize> Outbox<T, N> {
    /// How many entries fit.
    pub const CAPACITY: usize = N;

    /// An empty outbox.
    pub const fn new() -> Self {
        const { assert!(N > 0, "an outbox holds at least one entry") };
        Self { entries: [const { None }; N], first: 0, len: 0 }
    }

    /// Whether `n` more entries fit.
    ///
    /// # Errors
    /// [`Full`] when they do not.
    pub const fn require(&self, n: usize) -> Result<(), Full> {
        if n <= self.room() { Ok(()) } else { Err(Full) }
    }

    /// How many more entries fit.
    pub const fn room(&self) -> usize {
        N - self.len
    }

    /// Adds an entry at the end.
    ///
    /// # Errors
    /// [`Full`] when there is no room; the entry is dropped. After a successful [`require`](Outbox::require) that is
    /// a bug of the machine.
    pub fn push(&mut self, entry: T) -> Result<(), Full> {
        self.require(1)?;
        if let Some(place) = self.entries.get_mut((self.first + self.len) % N) {
            *place = Some(entry);
            self.len += 1;
        }
        Ok(())
    }

    /// Takes the oldest entry.
    pub fn pop(&mut self) -> Option<T> {
        let entry = self.entries.get_mut(self.first)?.take()?;
        self.first = (self.first + 1) % N;
        self.len -= 1;
        Some(entry)
    }

    /// The oldest entry, left in its place.
    pub fn peek(&self) -> Option<&T> {
        self.entries.get(self.first)?.as_ref()
    }

    /// How many entries wait.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing waits.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl<T, const N: usize> Default for Outbox<T, N> {
    fn default() -> Self {
        Self::new()
    }
}
