//! Tables that lie in the program compressed: unpacked once, then read in place.
//!
//! What they have in common: counts of four bytes after a magic of eight, the first two of them of strings and of their
//! bytes; after the counts an offset for each string and one more, and then the strings.

use std::io::Read;

/// A table as it was before it was compressed.
#[derive(Default, Debug)]
pub struct Packed {
    bytes: Vec<u8>,
    /// Where the offsets of the strings begin, the strings themselves, and what comes behind them.
    offsets: usize,
    strings: usize,
    rest: usize,
}

// The readers index a constant of this program with offsets from that same constant, all of which its tests walk; no
// input reaches them.
impl Packed {
    /// `counts`: how many there are.
    pub fn unpack(packed: &[u8], counts: usize) -> Packed {
        let mut own = Packed::default();
        // INVARIANT: a constant of this program, which its tests unpack, too.
        if flate2::read::ZlibDecoder::new(packed).read_to_end(&mut own.bytes).is_ok() {
            own.offsets = 8 + 4 * counts;
            own.strings = own.offsets + 4 * (own.count(0) + 1);
            own.rest = own.strings + own.count(1);
        }
        own
    }

    pub fn count(&self, index: usize) -> usize {
        self.u32_at(8 + index * 4)
    }

    /// Where that begins which comes behind the strings.
    pub fn rest(&self) -> usize {
        self.rest
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub fn u32_at(&self, at: usize) -> usize {
        let bytes = &self.bytes;
        u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]) as usize
    }

    pub fn u16_at(&self, at: usize) -> u16 {
        u16::from_le_bytes([self.bytes[at], self.bytes[at + 1]])
    }

    pub fn string(&self, number: usize) -> &str {
        let at = self.offsets + number * 4;
        let range = self.strings + self.u32_at(at)..self.strings + self.u32_at(at + 4);
        self.bytes.get(range).and_then(|b| std::str::from_utf8(b).ok()).unwrap_or_default()
    }
}
