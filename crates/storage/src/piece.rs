//! Where the bytes of an object, an archive or a part of one are.

use blob::ContentId;

store::record! {
    /// A run of bytes that was written at once: an object, or one of its parts.
    #[derive(Clone, PartialEq, Eq, Debug)]
    pub struct Piece {
        1 => pub content: ContentId,
        /// In bytes, unencrypted.
        2 => pub size: u64,
        /// In the store ([`blob::inline`]) rather than in a file.
        3 => pub inline: bool,
        /// The part's number as it was uploaded; 0 for an object that was put whole.
        4 => pub number: u32,
        /// The part's own checksum, where it was uploaded with one.
        5 => pub checksum: Vec<u8>,
    }
}
