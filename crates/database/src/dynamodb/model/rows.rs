//! How an item lies in its row: its size as AWS counts it (4 bytes, so that a page need not compute it again), then
//! its attributes as [`crate::dynamodb::codec`] has them, or, of a table with a KMS key, the same sealed:
//!
//! ```text
//! row     size (4) · item
//! sealed  size (4) · 2 · number of the table's key (8) · sealed item
//! ```
//!
//! Entries of indexes lie so too, with what is projected. What orders rows, the key attributes, lies in the row's key
//! as it is.

use super::vault::{Locked, Vault};
use crate::dynamodb::codec::Corrupt;
use crate::dynamodb::item::Item;
use std::borrow::Cow;

const SIZE: usize = 4;
/// In the place of the item's version.
const SEALED: u8 = 2;
const PLAIN: u8 = 1;

/// Why a row cannot be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unreadable {
    Corrupt,
    /// The table's key is not unlocked.
    Locked,
}

impl From<Corrupt> for Unreadable {
    fn from(_: Corrupt) -> Unreadable {
        Unreadable::Corrupt
    }
}

impl From<Locked> for Unreadable {
    fn from(_: Locked) -> Unreadable {
        Unreadable::Locked
    }
}

/// The row of an item whose size is known.
///
/// # Errors
/// [`Locked`].
pub fn encode(vault: &Vault, item: &Item, size: usize) -> Result<Vec<u8>, Locked> {
    let mut out = Vec::with_capacity(SIZE + size + 8 * item.len() + 16);
    out.extend(u32::try_from(size).unwrap_or(u32::MAX).to_be_bytes());
    item.encode_into(&mut out);
    if let Some(sealed) = vault.seal(&out[SIZE..])? {
        out.truncate(SIZE);
        out.push(SEALED);
        out.extend(sealed);
    }
    Ok(out)
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
/// [`Unreadable`].
pub fn body<'r>(vault: &Vault, row: &'r [u8]) -> Result<Cow<'r, [u8]>, Unreadable> {
    let body = row.get(SIZE..).ok_or(Corrupt)?;
    let Some((&SEALED, rest)) = body.split_first() else { return Ok(Cow::Borrowed(body)) };
    Ok(Cow::Owned(vault.open(rest)?.ok_or(Corrupt)?))
}

/// # Errors
/// [`Unreadable`].
pub fn decode(vault: &Vault, row: &[u8]) -> Result<Item, Unreadable> {
    Ok(Item::decode(&body(vault, row)?)?)
}

/// Something else that is kept of a table's items, sealed as its rows are: behind a byte that says whether it is.
///
/// # Errors
/// [`Locked`].
pub fn wrap(vault: &Vault, body: &[u8]) -> Result<Vec<u8>, Locked> {
    Ok(match vault.seal(body)? {
        Some(sealed) => [&[SEALED], &sealed[..]].concat(),
        None => [&[PLAIN], body].concat(),
    })
}

/// What was wrapped so.
///
/// # Errors
/// [`Unreadable`].
pub fn unwrap<'r>(vault: &Vault, wrapped: &'r [u8]) -> Result<Cow<'r, [u8]>, Unreadable> {
    match wrapped.split_first() {
        Some((&SEALED, sealed)) => Ok(Cow::Owned(vault.open(sealed)?.ok_or(Corrupt)?)),
        Some((&PLAIN, body)) => Ok(Cow::Borrowed(body)),
        _ => Err(Unreadable::Corrupt),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dynamodb::model::table::{Encryption, NextEncryption, TableRecord};
    use crate::dynamodb::value::AttributeValue;
    use base::Rng;

    fn encryption(id: u64) -> Encryption {
        Encryption { key_arn: format!("arn:{id}"), sealed: vec![1], id, inaccessible: None }
    }

    fn open(table: &TableRecord) -> Vault {
        let vault = Vault::of(table);
        for lock in vault.locks() {
            lock.unlock(&[lock.encryption.id as u8; 32], Rng::seeded(lock.encryption.id));
        }
        vault
    }

    #[test]
    fn rows_are_read_under_the_key_they_were_written_with() {
        let item = Item::from_pairs(vec![("secret".into(), AttributeValue::s("in clear"))]);
        let plain = TableRecord::default();
        let first = TableRecord { encryption: Some(encryption(1)), ..TableRecord::default() };
        let moving = TableRecord {
            next_encryption: Some(NextEncryption { to: Some(encryption(2)), asked: None }),
            ..first.clone()
        };
        let leaving =
            TableRecord { next_encryption: Some(NextEncryption { to: None, asked: None }), ..first.clone() };
        let written: Vec<Vec<u8>> =
            [&plain, &first, &moving, &leaving].map(|table| encode(&open(table), &item, 14).unwrap()).into();
        let clear = |row: &[u8]| row.windows(8).any(|w| w == b"in clear");
        assert_eq!(written.iter().map(|row| clear(row)).collect::<Vec<_>>(), [true, false, false, true]);
        let moving = open(&moving);
        for row in &written {
            assert_eq!((size(row), decode(&moving, row)), (Ok(14), Ok(item.clone())));
        }
        assert_eq!(decode(&Vault::of(&first), &written[1]), Err(Unreadable::Locked));
        assert_eq!(decode(&open(&first), &written[2]), Err(Unreadable::Locked), "another key's row");
        let mut changed = written[1].clone();
        *changed.last_mut().unwrap() ^= 1;
        assert_eq!(decode(&open(&first), &changed), Err(Unreadable::Corrupt));
        assert_eq!(encode(&Vault::of(&first), &item, 14), Err(Locked));
    }
}
