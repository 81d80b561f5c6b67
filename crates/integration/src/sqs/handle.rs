//! Receipt handles: opaque names of one receive of one message.

use super::dispatch::Seq;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const VERSION: u8 = 1;
const BYTES: usize = 25;

/// What a receipt handle says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Handle {
    pub(crate) queue: u64,
    pub(crate) seq: Seq,
    /// Of the receive: random, so that nobody can name what was given to somebody else.
    pub(crate) nonce: u64,
}

impl Handle {
    pub(crate) fn text(&self) -> String {
        let mut bytes = Vec::with_capacity(BYTES);
        bytes.push(VERSION);
        for part in [self.queue, self.seq, self.nonce] {
            bytes.extend(part.to_be_bytes());
        }
        STANDARD.encode(bytes)
    }

    pub(crate) fn read(text: &str) -> Option<Handle> {
        let bytes: [u8; BYTES] = STANDARD.decode(text).ok()?.try_into().ok()?;
        let (version, rest) = bytes.split_first()?;
        let part = |n: usize| Some(u64::from_be_bytes(rest.get(8 * n..8 * n + 8)?.try_into().ok()?));
        (*version == VERSION).then_some(Handle { queue: part(0)?, seq: part(1)?, nonce: part(2)? })
    }
}

#[cfg(test)]
mod tests {
    use super::Handle;

    #[test]
    fn there_and_back() {
        let handle = Handle { queue: 7, seq: u64::MAX, nonce: 9 };
        assert_eq!(Handle::read(&handle.text()), Some(handle));
        for bad in ["", "garbage", "AAAA", &handle.text()[4..]] {
            assert_eq!(Handle::read(bad), None, "{bad}");
        }
    }
}
