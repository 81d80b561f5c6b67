//! [`VersionId`]: which version of an object, and where it stands among the others.
//!
//! An id is 32 characters of 24 bytes: the version's order (8 bytes, hidden under a mask made of what is behind it), 12
//! bytes of chance and 4 that both must fit. So an id that a caller brings leads to its row without a search, nobody
//! guesses one, and what never was an id is told from that of a version that has gone. (Ids of older data folders have 16
//! bytes of chance. They are found as others are.)

use base::Rng;
use base64::Engine;
use base64::alphabet::Alphabet;
use base64::engine::{GeneralPurpose, general_purpose::NO_PAD};
use std::sync::LazyLock;

/// Letters, digits, and the two that S3's ids have.
static ENGINE: LazyLock<GeneralPurpose> = LazyLock::new(|| {
    let alphabet = Alphabet::new("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._")
        .expect("64 letters");
    GeneralPurpose::new(&alphabet, NO_PAD)
});

/// The id of versions that were put while versions were not kept.
pub const NULL: &str = "null";

/// So many of the 16 bytes are chance.
const CHANCE: usize = 12;

/// An order and 16 bytes that make it unguessable; the null version has none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VersionId {
    pub order: u64,
    pub chance: [u8; 16],
}

impl VersionId {
    pub fn new(order: u64, rng: &Rng) -> VersionId {
        let mut id = VersionId { order, chance: rng.bytes() };
        let check = id.check();
        id.chance[CHANCE..].copy_from_slice(&check);
        id
    }

    /// Whether the id can be one that was given out.
    pub fn is_genuine(&self) -> bool {
        self.chance[CHANCE..] == self.check()
    }

    fn check(&self) -> [u8; 4] {
        let mut bytes = [0; 8 + CHANCE];
        bytes[..8].copy_from_slice(&self.order.to_be_bytes());
        bytes[8..].copy_from_slice(&self.chance[..CHANCE]);
        let sum = bytes.iter().fold(0xCBF2_9CE4_8422_2325, |sum: u64, byte| {
            (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3).rotate_left(17)
        });
        ((sum ^ (sum >> 32)) as u32).to_be_bytes()
    }

    pub fn text(&self) -> String {
        let mut bytes = [0; 24];
        bytes[..8].copy_from_slice(&(self.order ^ self.mask()).to_be_bytes());
        bytes[8..].copy_from_slice(&self.chance);
        ENGINE.encode(bytes)
    }

    /// `None` for what is no id of ours.
    pub fn parse(text: &str) -> Option<VersionId> {
        let bytes: [u8; 24] = ENGINE.decode(text).ok()?.try_into().ok()?;
        let (order, chance) = bytes.split_first_chunk::<8>()?;
        let mut id = VersionId { order: u64::from_be_bytes(*order), chance: chance.try_into().ok()? };
        id.order ^= id.mask();
        Some(id)
    }

    fn mask(&self) -> u64 {
        self.chance.iter().fold(0x9E37_79B9_7F4A_7C15, |mask: u64, byte| {
            (mask ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3).rotate_left(23)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::VersionId;
    use base::Rng;

    #[test]
    fn an_id_leads_back_to_its_order() {
        let rng = Rng::seeded(5);
        for order in [0, 1, 1_768_478_400_000_000, u64::MAX] {
            let id = VersionId::new(order, &rng);
            assert_eq!(id.text().len(), 32);
            assert_eq!(VersionId::parse(&id.text()), Some(id));
            assert!(id.is_genuine());
        }
        // The length and the letters of an id, and nothing more.
        assert!(!VersionId::parse("HPniJFCxqTsMuIH9KX8K8wEjNUgmABCD").unwrap().is_genuine());
        for bad in ["", "null", "UIORUnfndfiufdisojhr398493jfdkj-", "short"] {
            assert_eq!(VersionId::parse(bad), None, "{bad}");
        }
    }
}
