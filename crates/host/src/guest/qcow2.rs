//! An empty disk over another, in QEMU's form: what is not in it is read from the one below.
//!
//! Which that is is said where it is opened, not in the file, so that folders may be moved.
//!
//! Specification: QEMU's `docs/interop/qcow2.txt`, version 3.

const CLUSTER_BITS: u32 = 16;
const CLUSTER: usize = 1 << CLUSTER_BITS;
/// What one table of the second level maps: a cluster of entries of eight bytes.
const MAPPED: u64 = (CLUSTER as u64 / 8) << CLUSTER_BITS;
const HEADER: u32 = 104;
/// The clusters of the file: its header, the table of counts, the counts, the table of the first level.
const CLUSTERS: u64 = 4;
/// More than the first table has room for.
const SIZE_MAX: u64 = MAPPED * (CLUSTER as u64 / 8);

/// A disk of so many bytes; `None` where that is too much.
pub(crate) fn empty(size: u64) -> Option<Vec<u8>> {
    if size > SIZE_MAX {
        return None;
    }
    let at = |cluster: u64| cluster << CLUSTER_BITS;
    let first_level = u32::try_from(size.div_ceil(MAPPED)).ok()?;
    let mut out = Vec::with_capacity(CLUSTER * 4);
    out.extend_from_slice(b"QFI\xfb");
    out.extend_from_slice(&3_u32.to_be_bytes());
    out.extend_from_slice(&0_u64.to_be_bytes()); // no name of the one below
    out.extend_from_slice(&0_u32.to_be_bytes());
    out.extend_from_slice(&CLUSTER_BITS.to_be_bytes());
    out.extend_from_slice(&size.to_be_bytes());
    out.extend_from_slice(&0_u32.to_be_bytes()); // not encrypted
    out.extend_from_slice(&first_level.to_be_bytes());
    out.extend_from_slice(&at(3).to_be_bytes());
    out.extend_from_slice(&at(1).to_be_bytes());
    out.extend_from_slice(&1_u32.to_be_bytes());
    out.extend_from_slice(&0_u32.to_be_bytes()); // no snapshots
    out.extend_from_slice(&[0; 8 + 3 * 8]); // where those would be; no features
    out.extend_from_slice(&4_u32.to_be_bytes()); // counts of 16 bits
    out.extend_from_slice(&HEADER.to_be_bytes());
    out.resize(CLUSTER, 0);
    out.extend_from_slice(&at(2).to_be_bytes());
    out.resize(2 * CLUSTER, 0);
    for _ in 0..CLUSTERS {
        out.extend_from_slice(&1_u16.to_be_bytes());
    }
    out.resize(4 * CLUSTER, 0);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_says_where_everything_is() {
        let disk = empty(3 << 30).unwrap();
        assert_eq!(disk.len(), 4 * CLUSTER);
        let word = |at: usize| u32::from_be_bytes(disk[at..at + 4].try_into().unwrap());
        let long = |at: usize| u64::from_be_bytes(disk[at..at + 8].try_into().unwrap());
        assert_eq!((&disk[..4], word(4), long(24)), (&b"QFI\xfb"[..], 3, 3 << 30));
        assert_eq!((word(36), long(40), long(48), word(56)), (6, 3 << 16, 1 << 16, 1));
        assert_eq!((word(96), word(100)), (4, HEADER));
        assert_eq!(long(CLUSTER), 2 << 16);
        assert_eq!(disk[2 * CLUSTER..2 * CLUSTER + 10], [0, 1, 0, 1, 0, 1, 0, 1, 0, 0]);
        assert!(empty(SIZE_MAX).is_some() && empty(SIZE_MAX + 1).is_none());
    }
}
