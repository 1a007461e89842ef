//! A ring of bytes that would rather say "full" than lose one.
//!
//! What a person types waits here until a Guest wants it. When the ring is
//! full the rest stays in the UART, and the sender's buffers behind it.
//!
//! Invariants: bytes come out in the order they went in
//! (`bytes_keep_their_order_around_the_end`); a full ring refuses
//! (`a_full_ring_refuses_and_keeps_what_it_has`).
//!
//! Next on the tour: [`super::transmit`].

/// A ring of at most `N` bytes.
#[derive(Debug)]
pub struct ByteRing<const N: usize> {
    bytes: [u8; N],
    first: usize,
    len: usize,
}

impl<const N: usize> ByteRing<N> {
    /// An empty ring.
    pub const fn new() -> Self {
        Self { bytes: [0; N], first: 0, len: 0 }
    }

    /// Whether the next [`push`](Self::push) would be refused.
    pub const fn is_full(&self) -> bool {
        self.len == N
    }

    /// How many more bytes fit.
    pub const fn room(&self) -> usize {
        N - self.len
    }

    /// Whether there is nothing to pop.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a byte at the end; `false` if the ring is full and the byte was not taken.
    pub fn push(&mut self, byte: u8) -> bool {
        if self.is_full() {
            return false;
        }
        self.bytes[(self.first + self.len) % N] = byte;
        self.len += 1;
        true
    }

    /// Takes the oldest byte.
    pub fn pop(&mut self) -> Option<u8> {
        if self.is_empty() {
            return None;
        }
        let byte = self.bytes[self.first];
        self.first = (self.first + 1) % N;
        self.len -= 1;
        Some(byte)
    }

    /// The oldest bytes, as many as lie in one piece.
    pub fn first_run(&self) -> &[u8] {
        &self.bytes[self.first..N.min(self.first + self.len)]
    }

    /// Takes the oldest `count` bytes, or all.
    pub fn skip(&mut self, count: usize) {
        let count = count.min(self.len);
        self.first = (self.first + count) % N;
        self.len -= count;
    }
}

impl<const N: usize> Default for ByteRing<N> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_keep_their_order_around_the_end() {
        let mut ring = ByteRing::<3>::new();
        for byte in 0..20 {
            assert!(ring.push(byte) && ring.push(byte + 100));
            assert_eq!((ring.pop(), ring.pop(), ring.pop()), (Some(byte), Some(byte + 100), None));
        }
    }

    #[test]
    fn a_full_ring_refuses_and_keeps_what_it_has() {
        let mut ring = ByteRing::<2>::new();
        assert!(ring.push(1) && ring.room() == 1 && ring.push(2) && ring.is_full());
        assert!(!ring.push(3));
        assert_eq!((ring.pop(), ring.pop(), ring.is_empty()), (Some(1), Some(2), true));
    }

    #[test]
    fn pieces_come_out_like_single_bytes() {
        let mut ring = ByteRing::<4>::new();
        b"abcd".iter().for_each(|&byte| assert!(ring.push(byte)));
        assert_eq!(ring.first_run(), b"abcd");
        ring.skip(3);
        b"ef".iter().for_each(|&byte| assert!(ring.push(byte)));
        assert_eq!(ring.first_run(), b"d");
        ring.skip(1);
        assert_eq!(ring.first_run(), b"ef");
        ring.skip(9);
        assert_eq!((ring.first_run(), ring.is_empty()), (b"".as_slice(), true));
    }
}
