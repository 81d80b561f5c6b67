//! The tree's cache of blocks, emptied.
//!
//! It has a size and no way to be made smaller for a while: what it gives up it gives up for something else. So it is given
//! blocks that claim to be large, and are nothing; these it is told to like, until they have taken the place of all
//! others, and then that they are small.

use lsm_tree::table::block::{BlockType, Header};
use lsm_tree::table::{Block, BlockOffset};
use lsm_tree::{Cache, Checksum, GlobalTableId, Slice, TreeId};

/// What one of them claims. The cache is in parts, by the number of processors; of each this is small enough to be let in,
/// also where there are many.
const CLAIM: u32 = 64 << 10;
/// In each round as much as the cache holds: parts are chosen by chance, so that some get less than others.
const ROUNDS: u64 = 4;
/// No tree has this number.
const NOBODY: TreeId = TreeId::MAX;
/// Caches that hold less are left as they are.
const WORTH: u64 = 1 << 20;

/// Lets go of all that the cache holds.
pub(crate) fn empty(cache: &Cache) {
    if cache.size() < WORTH {
        return;
    }
    let blocks = cache.capacity() / u64::from(CLAIM) + 1;
    let at = |place: u64| (GlobalTableId::from((NOBODY, place)), BlockOffset(0));
    let block = |claim| {
        let header = Header {
            block_type: BlockType::Data,
            checksum: Checksum::from_raw(0),
            data_length: 0,
            uncompressed_length: claim,
        };
        Block { header, data: Slice::new(b"") }
    };
    for place in 0..blocks * ROUNDS {
        let (id, offset) = at(place);
        cache.insert_block(id, offset, block(CLAIM));
        // What was asked for goes where the cache keeps what it likes, in the place of others.
        let _ = cache.get_block(id, offset);
    }
    for place in 0..blocks * ROUNDS {
        let (id, offset) = at(place);
        cache.insert_block(id, offset, block(0));
    }
}

#[cfg(test)]
mod tests {
    use super::{Block, BlockOffset, BlockType, Cache, Checksum, GlobalTableId, Header, Slice, WORTH, empty};

    #[test]
    fn nothing_is_left_and_there_is_room_again() {
        let cache = Cache::with_capacity_bytes(16 << 20);
        let header = Header {
            block_type: BlockType::Data,
            checksum: Checksum::from_raw(1),
            data_length: 4096,
            uncompressed_length: 4096,
        };
        let at = |n: u64| (GlobalTableId::from((0, n)), BlockOffset(n * 4096));
        let held = || (0..8192).filter(|n| cache.get_block(at(*n).0, at(*n).1).is_some()).count();
        for _ in 0..3 {
            for n in 0..8192 {
                cache.insert_block(at(n).0, at(n).1, Block { header, data: Slice::new(&[7; 4096]) });
                // Some are liked.
                (0..n % 4).for_each(|_| drop(cache.get_block(at(n).0, at(n).1)));
            }
            assert!(held() > 3000, "{}", held());
            empty(&cache);
            assert_eq!(held(), 0);
            assert!(cache.size() < WORTH, "{}", cache.size());
        }
    }
}
