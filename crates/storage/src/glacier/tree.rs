//! Tree hashes: SHA-256 of each mebibyte, and of pairs of those, up to a root.
//!
//! AWS: <https://docs.aws.amazon.com/amazonglacier/latest/dev/checksum-calculations.html>; which ranges have a hash of
//! their own is in <https://docs.aws.amazon.com/amazonglacier/latest/dev/checksum-calculations-range.html>.
//!
//! A node that has no neighbour goes up a level as it is. So the hashes of parts of equal size, a power of two of
//! mebibytes, are nodes of the whole, and the whole's hash is made of them just as of the leaves.

use aws_lc_rs::digest::{Context, SHA256, digest};
use std::ops::Range;

/// What a leaf is the hash of.
pub(super) const LEAF: u64 = 1 << 20;

pub(super) type Hash = [u8; 32];

fn finished(context: Context) -> Hash {
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// The leaves of bytes that pass.
pub(super) struct Leaves {
    open: Context,
    /// Bytes of the leaf that is not complete.
    filled: u64,
    done: Vec<Hash>,
}

impl std::fmt::Debug for Leaves {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Leaves({} and {} bytes)", self.done.len(), self.filled)
    }
}

impl Leaves {
    pub(super) fn new() -> Leaves {
        Leaves { open: Context::new(&SHA256), filled: 0, done: Vec::new() }
    }

    pub(super) fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.filled == LEAF {
                self.close();
            }
            // Below LEAF, so a slice's length holds it.
            let room = (LEAF - self.filled) as usize;
            let (now, later) = bytes.split_at(bytes.len().min(room));
            self.open.update(now);
            self.filled += now.len() as u64;
            bytes = later;
        }
    }

    fn close(&mut self) {
        let full = std::mem::replace(&mut self.open, Context::new(&SHA256));
        self.done.push(finished(full));
        self.filled = 0;
    }

    /// All of them; of no bytes at all, that of nothing.
    pub(super) fn finish(mut self) -> Vec<Hash> {
        if self.filled > 0 || self.done.is_empty() {
            self.close();
        }
        self.done
    }
}

/// The root above nodes of one level.
pub(super) fn root(nodes: &[Hash]) -> Hash {
    let mut level = nodes.to_vec();
    while level.len() > 1 {
        level = level
            .chunks(2)
            .map(|pair| match pair {
                [left, right] => {
                    let mut context = Context::new(&SHA256);
                    context.update(left);
                    context.update(right);
                    finished(context)
                }
                _ => pair[0],
            })
            .collect();
    }
    level.first().copied().unwrap_or_else(|| {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, &[]).as_ref());
        hash
    })
}

/// Whether the range begins and ends with mebibytes of the archive, or at its end.
pub(super) fn is_mebibyte_aligned(range: &Range<u64>, size: u64) -> bool {
    range.start.is_multiple_of(LEAF) && (range.end.is_multiple_of(LEAF) || range.end == size)
}

/// Whether the range is what one node of the archive's tree is the hash of.
pub(super) fn is_aligned(range: &Range<u64>, size: u64) -> bool {
    if !is_mebibyte_aligned(range, size) {
        return false;
    }
    let (first, end, count) = (range.start / LEAF, range.end.div_ceil(LEAF), size.div_ceil(LEAF));
    let mut width = 1_u64;
    while first.is_multiple_of(width) {
        if end == count.min(first + width) {
            return true;
        }
        if width >= count {
            break;
        }
        width *= 2;
    }
    false
}

/// Lower-case hexadecimal digits.
pub(super) fn text(hash: &[u8]) -> String {
    auth::md5::hex(hash)
}

/// From 64 hexadecimal digits.
pub(super) fn parse(text: &str) -> Option<Hash> {
    let digits = text.as_bytes();
    if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let mut hash = [0; 32];
    for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(hash)
}

/// Leaves as they are kept: one after the other.
pub(super) fn packed(leaves: &[Hash]) -> Vec<u8> {
    leaves.concat()
}

pub(super) fn unpacked(bytes: &[u8]) -> Vec<Hash> {
    bytes.as_chunks::<32>().0.to_vec()
}

#[cfg(test)]
mod tests {
    use super::{LEAF, Leaves, is_aligned, is_mebibyte_aligned, parse, root, text};
    use proptest::prelude::*;

    fn of(bytes: &[u8]) -> String {
        let mut leaves = Leaves::new();
        bytes.chunks(300_007).for_each(|piece| leaves.update(piece));
        text(&root(&leaves.finish()))
    }

    /// Up to a mebibyte the tree hash is the plain one; the last vector is what AWS's SDK for Python computes.
    #[test]
    fn known_vectors() {
        let mib = LEAF as usize;
        for (bytes, expected) in [
            (vec![], "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (b"hello world".to_vec(), "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9"),
            (vec![0; mib], "30e14955ebf1352266dc2ff8067e68104607e750abb9d3b36582b8af909fcb58"),
            (vec![0; 5 * mib / 2], "17dd1b431bc97038ee8e6160ad6da476fbc1c59b5e4e89c8b90a909fbac370b7"),
        ] {
            assert_eq!(of(&bytes), expected);
        }
    }

    #[test]
    fn a_lone_node_goes_up() {
        let nodes = [[1; 32], [2; 32], [3; 32]];
        let pair = root(&nodes[..2]);
        assert_eq!(root(&nodes), root(&[pair, nodes[2]]));
        assert_eq!(root(&nodes[..1]), nodes[0]);
    }

    /// AWS's own example: of 6.5 MB two megabytes from an even one on have a hash, those from an odd one on have none.
    #[test]
    fn which_ranges_have_a_hash() {
        let size = 6 * LEAF + LEAF / 2;
        let mib = |from: u64, to: u64| from * LEAF..(to * LEAF).min(size);
        for (range, is_node) in [
            (mib(0, 1), true),
            (mib(0, 2), true),
            (mib(1, 3), false),
            (mib(2, 4), true),
            (mib(0, 4), true),
            (mib(0, 3), false),
            (mib(3, 4), true),
            (mib(4, 6), true),
            (mib(4, 7), true),
            (mib(6, 7), true),
            (mib(5, 7), false),
            (mib(0, 7), true),
            (0..LEAF / 2, false),
            (1..LEAF, false),
        ] {
            assert_eq!(is_aligned(&range, size), is_node, "{range:?}");
        }
        assert!(is_mebibyte_aligned(&mib(1, 3), size) && is_mebibyte_aligned(&mib(5, 7), size));
        assert!(!is_mebibyte_aligned(&(0..LEAF + 1), size));
    }

    #[test]
    fn digits() {
        let hash = [0xAB; 32];
        assert_eq!(parse(&text(&hash)), Some(hash));
        assert_eq!(parse(&text(&hash).to_uppercase()), Some(hash));
        assert_eq!(parse("ab"), None);
        assert_eq!(parse(&"g".repeat(64)), None);
    }

    proptest! {
        /// The hashes of parts are nodes of the whole's tree, whatever the part's size.
        #[test]
        fn parts_make_the_whole(count in 1_usize..40, exponent in 0_u32..5) {
            let leaves: Vec<_> = (0..count).map(|n| [n as u8; 32]).collect();
            let parts: Vec<_> = leaves.chunks(1 << exponent).map(root).collect();
            prop_assert_eq!(root(&parts), root(&leaves));
        }

        /// A range that is aligned has the hash of a node: of those of its level.
        #[test]
        fn an_aligned_range_is_a_node(count in 1_u64..40, first in 0_u64..40, len in 1_u64..40) {
            let end = (first + len).min(count);
            prop_assume!(first < end);
            let leaves: Vec<_> = (0..count).map(|n| [n as u8; 32]).collect();
            let mut nodes = std::collections::HashSet::new();
            let mut level = leaves.clone();
            nodes.extend(level.iter().copied());
            while level.len() > 1 {
                level = level.chunks(2).map(root).collect();
                nodes.extend(level.iter().copied());
            }
            let range = first * LEAF..end * LEAF;
            let own = root(&leaves[first as usize..end as usize]);
            prop_assert_eq!(is_aligned(&range, count * LEAF), nodes.contains(&own));
        }
    }
}
