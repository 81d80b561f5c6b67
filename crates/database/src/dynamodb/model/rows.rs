//! How an item lies in its row: its size as AWS counts it (4 bytes, so that a page need not compute it again), then
//! its attributes as [`crate::dynamodb::codec`] has them. Entries of indexes lie so too, with what is projected.

use crate::dynamodb::codec::Corrupt;
use crate::dynamodb::item::Item;

const SIZE: usize = 4;

/// The row of an item whose size is known.
pub fn encode(item: &Item, size: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(SIZE + size + 8 * item.len() + 16);
    out.extend(u32::try_from(size).unwrap_or(u32::MAX).to_be_bytes());
    item.encode_into(&mut out);
    out
}

/// # Errors
/// [`Corrupt`] for bytes that are no row.
pub fn size(row: &[u8]) -> Result<usize, Corrupt> {
    let (size, _) = row.split_first_chunk::<SIZE>().ok_or(Corrupt)?;
    Ok(u32::from_be_bytes(*size) as usize)
}

/// The item's own encoding.
///
/// # Errors
/// [`Corrupt`] for bytes that are no row.
pub fn body(row: &[u8]) -> Result<&[u8], Corrupt> {
    row.get(SIZE..).ok_or(Corrupt)
}

/// # Errors
/// [`Corrupt`] for bytes that are no row.
pub fn decode(row: &[u8]) -> Result<Item, Corrupt> {
    Item::decode(body(row)?)
}
