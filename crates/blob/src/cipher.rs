//! [`Cipher`]: encryption in blocks, so that a range is read by opening the blocks that it touches.
//!
//! ```text
//! content = block 0 · block 1 · ... · last block          block = up to 64 KiB of ciphertext · tag (16)
//! ```
//!
//! Each content has a key of its own: HMAC-SHA256 of its id under the key that the service gives, so nonces are plain
//! counters. The nonce says which block it is and whether it is the last one, so blocks that are swapped, missing or
//! cut off do not open. AES-256-GCM. Where two layers are wanted, what that makes, tags and all, is encrypted once more
//! under a key that is of another root: AES-256 in counter mode, so that nothing grows, each block with counters of its own.

use crate::ContentId;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::cipher::{AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::hmac;
use std::fmt;
use std::sync::{Arc, Weak};

/// The plaintext of every block but the last.
pub const BLOCK: usize = 64 << 10;
/// What encryption adds to a block.
pub const TAG: usize = 16;

/// The bytes do not open: changed, cut off, or under another key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Damaged;

impl fmt::Display for Damaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the content does not open: changed or missing bytes, or another key")
    }
}

impl std::error::Error for Damaged {}

/// Seals and opens the blocks of one content.
pub struct Cipher {
    key: LessSafeKey,
    /// The second layer.
    outer: Option<EncryptingKey>,
}

impl fmt::Debug for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cipher(..)")
    }
}

/// A key under which any number of contents lie.
#[derive(Clone)]
pub struct Root(Arc<Keys>);

/// A [`Root`] that may be gone.
pub(crate) struct WeakRoot(Weak<Keys>);

impl fmt::Debug for WeakRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WeakRoot(..)")
    }
}

impl WeakRoot {
    pub(crate) fn is(&self, root: &Root) -> bool {
        self.0.upgrade().is_some_and(|keys| Arc::ptr_eq(&keys, &root.0))
    }
}

struct Keys {
    key: hmac::Key,
    /// Of the second layer.
    outer: Option<hmac::Key>,
}

impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Root(..)")
    }
}

impl Root {
    /// Whether it is this very root, and not only one of the same key.
    pub(crate) fn is(&self, other: &Root) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(crate) fn weak(&self) -> WeakRoot {
        WeakRoot(Arc::downgrade(&self.0))
    }

    pub fn new(key: &[u8; 32]) -> Root {
        Root(Arc::new(Keys { key: hmac::Key::new(hmac::HMAC_SHA256, key), outer: None }))
    }

    /// The same with a second layer, under a key of its own.
    #[must_use]
    pub fn within(self, outer: &[u8; 32]) -> Root {
        let outer = Some(hmac::Key::new(hmac::HMAC_SHA256, outer));
        Root(Arc::new(Keys { key: self.0.key.clone(), outer }))
    }

    pub fn cipher(&self, id: ContentId) -> Cipher {
        let key = derived(&self.0.key, b"virga content 1", id);
        let key = UnboundKey::new(&AES_256_GCM, key.as_ref()).expect("any 32 bytes are an AES-256 key");
        let outer = self.0.outer.as_ref().map(|outer| {
            let key = derived(outer, b"virga content, second layer 1", id);
            UnboundCipherKey::new(&AES_256, key.as_ref())
                .and_then(EncryptingKey::ctr)
                .expect("any 32 bytes are an AES-256 key")
        });
        Cipher { key: LessSafeKey::new(key), outer }
    }

    /// What a content is called among those who have the key to it.
    pub(crate) fn name(&self, id: ContentId) -> [u8; 16] {
        let mut name = [0; 16];
        name.copy_from_slice(&derived(&self.0.key, b"virga content name 1", id).as_ref()[..16]);
        name
    }
}

fn derived(key: &hmac::Key, what: &[u8], id: ContentId) -> hmac::Tag {
    let mut context = hmac::Context::with_key(key);
    context.update(what);
    context.update(id.as_bytes());
    context.sign()
}

fn nonce(index: u64, last: bool) -> Nonce {
    let mut nonce = [0; NONCE_LEN];
    nonce[0] = u8::from(last);
    nonce[4..].copy_from_slice(&index.to_be_bytes());
    Nonce::assume_unique_for_key(nonce)
}

impl Cipher {
    /// Encrypts a block where it stands, and appends its tag.
    pub fn seal(&self, index: u64, last: bool, block: &mut Vec<u8>) {
        let tag = self
            .key
            .seal_in_place_separate_tag(nonce(index, last), Aad::empty(), block)
            .expect("AES-GCM seals a block");
        block.extend_from_slice(tag.as_ref());
        if let Some(outer) = &self.outer {
            count_over(outer, index, block);
        }
    }

    /// Decrypts a block with its tag into `out`, which has the plaintext's length.
    ///
    /// # Errors
    /// [`Damaged`].
    pub fn open(&self, index: u64, last: bool, block: &[u8], out: &mut [u8]) -> Result<(), Damaged> {
        let bared = self.outer.as_ref().map(|outer| {
            let mut block = block.to_vec();
            count_over(outer, index, &mut block);
            block
        });
        let block = bared.as_deref().unwrap_or(block);
        let (text, tag) = block.split_at_checked(out.len()).ok_or(Damaged)?;
        self.key.open_separate_gather(nonce(index, last), Aad::empty(), text, tag, out).map_err(|_| Damaged)
    }
}

/// Puts the second layer over a block, or takes it off. The upper half of the counter is the block's index, so blocks of
/// one key never share any.
fn count_over(outer: &EncryptingKey, index: u64, block: &mut [u8]) {
    let mut counter = [0; 16];
    counter[..8].copy_from_slice(&index.to_be_bytes());
    outer
        .less_safe_encrypt(block, EncryptionContext::Iv128((&counter).into()))
        .expect("AES in counter mode encrypts any bytes");
}

/// How long the ciphertext of `size` bytes is.
pub fn sealed_size(size: u64) -> u64 {
    size + size.div_ceil(BLOCK as u64) * TAG as u64
}

/// The last block's index; 0 for an empty content, which has none.
pub fn last_block(size: u64) -> u64 {
    size.saturating_sub(1) / BLOCK as u64
}

/// Encrypts a small content at once.
pub fn seal_whole(cipher: &Cipher, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + bytes.len().div_ceil(BLOCK) * TAG);
    let last = last_block(bytes.len() as u64);
    for (index, block) in (0_u64..).zip(bytes.chunks(BLOCK)) {
        let start = out.len();
        out.extend_from_slice(block);
        let mut tail = out.split_off(start);
        cipher.seal(index, index == last, &mut tail);
        if start == 0 {
            out = tail;
        } else {
            out.extend_from_slice(&tail);
        }
    }
    out
}

/// Decrypts a small content of `size` bytes.
///
/// # Errors
/// [`Damaged`].
pub fn open_whole(cipher: &Cipher, sealed: &[u8], size: u64) -> Result<Vec<u8>, Damaged> {
    if sealed.len() as u64 != sealed_size(size) {
        return Err(Damaged);
    }
    let mut out = vec![0; sealed.len() - sealed.len().div_ceil(BLOCK + TAG) * TAG];
    let last = last_block(size);
    for ((index, block), out) in (0_u64..).zip(sealed.chunks(BLOCK + TAG)).zip(out.chunks_mut(BLOCK)) {
        cipher.open(index, index == last, block, out)?;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::{BLOCK, Damaged, Root, TAG, open_whole, seal_whole, sealed_size};
    use crate::ContentId;
    use base::{Rng, Timestamp};

    #[test]
    fn blocks_open_in_their_place_only() {
        let id = ContentId::new(Timestamp::from_seconds(1), &Rng::seeded(1));
        let cipher = Root::new(&[7; 32]).cipher(id);
        for size in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK] {
            let text: Vec<u8> = (0..size).map(|n| (n % 251) as u8).collect();
            let sealed = seal_whole(&cipher, &text);
            assert_eq!(sealed.len() as u64, sealed_size(size as u64));
            assert_eq!(open_whole(&cipher, &sealed, size as u64), Ok(text));
        }
        let sealed = seal_whole(&cipher, &vec![5; 2 * BLOCK]);
        let (first, second) = sealed.split_at(BLOCK + TAG);
        assert_eq!(open_whole(&cipher, &[second, first].concat(), 2 * BLOCK as u64), Err(Damaged));
        assert_eq!(open_whole(&cipher, first, BLOCK as u64), Err(Damaged), "it was not the last one");
        let other = Root::new(&[8; 32]).cipher(id);
        assert_eq!(open_whole(&other, &sealed, 2 * BLOCK as u64), Err(Damaged));
        let mut bad = sealed.clone();
        bad[BLOCK / 2] ^= 1;
        assert_eq!(open_whole(&cipher, &bad, 2 * BLOCK as u64), Err(Damaged));
    }

    #[test]
    fn two_layers_take_both_keys() {
        let id = ContentId::new(Timestamp::from_seconds(1), &Rng::seeded(1));
        let (one, other) = (Root::new(&[7; 32]), Root::new(&[8; 32]));
        let both = one.clone().within(&[9; 32]);
        for size in [0, 1, BLOCK, 3 * BLOCK - 1] {
            let text = vec![5; size];
            let sealed = seal_whole(&both.cipher(id), &text);
            assert_eq!(sealed.len() as u64, sealed_size(size as u64));
            assert_eq!(open_whole(&both.cipher(id), &sealed, size as u64), Ok(text));
            if size == 0 {
                continue;
            }
            for wrong in [&one, &other, &one.clone().within(&[8; 32]), &other.clone().within(&[9; 32])] {
                assert_eq!(open_whole(&wrong.cipher(id), &sealed, size as u64), Err(Damaged));
            }
            // The first layer is all there below the second one.
            let mut bared = sealed.clone();
            let outer = both.cipher(id).outer.unwrap();
            for (index, block) in (0..).zip(bared.chunks_mut(BLOCK + TAG)) {
                super::count_over(&outer, index, block);
            }
            assert_eq!(bared, seal_whole(&one.cipher(id), &vec![5; size]));
            assert_ne!(bared, sealed);
        }
    }
}
