//! Texts and bytes one after the other, each behind its length (u16, big-endian): the inside of tokens.

/// `false` when the field is longer than a length can say; nothing is written then.
#[must_use]
pub(super) fn put(out: &mut Vec<u8>, field: &[u8]) -> bool {
    let Ok(len) = u16::try_from(field.len()) else { return false };
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(field);
    true
}

/// The next field; `rest` moves behind it.
pub(super) fn take<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (len, behind) = rest.split_first_chunk::<2>()?;
    let (field, behind) = behind.split_at_checked(usize::from(u16::from_be_bytes(*len)))?;
    *rest = behind;
    Some(field)
}

pub(super) fn take_text<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    std::str::from_utf8(take(rest)?).ok()
}
