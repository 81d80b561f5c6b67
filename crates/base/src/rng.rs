//! The one source of chance. Seeded from the operating system, or from a number for a reproducible run.

use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};
use std::sync::{Mutex, PoisonError};

/// A ChaCha20 generator behind a lock: strong enough for keys, reproducible when seeded. Shared by reference.
#[derive(Debug)]
pub struct Rng(Mutex<ChaCha20Rng>);

impl Rng {
    /// Seeded by the operating system's generator.
    ///
    /// # Errors
    /// The operating system's own, where it has no generator to give.
    pub fn from_os() -> std::io::Result<Rng> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(std::io::Error::other)?;
        Ok(Rng(Mutex::new(ChaCha20Rng::from_seed(seed))))
    }

    /// The same number gives the same sequence, for ever.
    pub fn seeded(seed: u64) -> Rng {
        Rng(Mutex::new(ChaCha20Rng::seed_from_u64(seed)))
    }

    /// A source of its own, for whoever must not wait for the others or outlives them.
    #[must_use]
    pub fn split(&self) -> Rng {
        Rng(Mutex::new(ChaCha20Rng::from_seed(self.bytes())))
    }

    pub fn fill(&self, out: &mut [u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(out);
    }

    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut out = [0; N];
        self.fill(&mut out);
        out
    }

    pub fn u64(&self) -> u64 {
        u64::from_le_bytes(self.bytes())
    }

    /// Uniform in `0..bound`.
    ///
    /// # Panics
    /// When `bound` is zero.
    pub fn below(&self, bound: u64) -> u64 {
        assert!(bound > 0, "an empty range has no member to choose");
        // Rejection sampling: a plain remainder would favour the small numbers.
        let zone = u64::MAX - u64::MAX % bound;
        loop {
            let n = self.u64();
            if n < zone {
                return n % bound;
            }
        }
    }

    /// `len` characters, each chosen uniformly from the ASCII `alphabet`.
    pub fn text(&self, alphabet: &[u8], len: usize) -> String {
        (0..len).map(|_| char::from(alphabet[self.below(alphabet.len() as u64) as usize])).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Rng;

    #[test]
    fn the_same_seed_gives_the_same_sequence() {
        let (a, b) = (Rng::seeded(7), Rng::seeded(7));
        assert_eq!(a.bytes::<40>(), b.bytes::<40>());
        assert_ne!(a.u64(), Rng::seeded(8).u64());
        let split = a.split();
        assert_ne!(split.u64(), a.u64());
    }

    #[test]
    fn below_reaches_every_value() {
        let rng = Rng::seeded(1);
        let mut seen = [false; 5];
        for _ in 0..500 {
            seen[rng.below(5) as usize] = true;
        }
        assert_eq!(seen, [true; 5]);
    }
}
