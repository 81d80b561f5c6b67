//! Page tokens: opaque, signed, bound to the list that gave them. A token that was altered, cut or taken from
//! another list is refused, never read as "from the start".

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;

const TAG_LEN: usize = 16;

/// Makes and reads page tokens with a key of this cloud.
pub struct Pager(hmac::Key);

impl std::fmt::Debug for Pager {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pager")
    }
}

/// The token is not one that this list gave.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BadToken;

impl Pager {
    pub fn new(key: &[u8; 32]) -> Pager {
        Pager(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    fn tag(&self, list: &str, position: &[u8]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(&(list.len() as u64).to_be_bytes());
        context.update(list.as_bytes());
        context.update(position);
        context.sign()
    }

    /// A token for `position` within `list`; `list` names the operation, the account and all filters.
    pub fn token(&self, list: &str, position: &[u8]) -> String {
        let tag = self.tag(list, position);
        let mut raw = Vec::with_capacity(TAG_LEN + position.len());
        raw.extend_from_slice(&tag.as_ref()[..TAG_LEN]);
        raw.extend_from_slice(position);
        B64.encode(raw)
    }

    /// # Errors
    /// [`BadToken`] for anything that [`Pager::token`] did not give for the same `list`.
    pub fn position(&self, list: &str, token: &str) -> Result<Vec<u8>, BadToken> {
        let raw = B64.decode(token).map_err(|_| BadToken)?;
        let (tag, position) = raw.split_at_checked(TAG_LEN).ok_or(BadToken)?;
        let expected = self.tag(list, position);
        aws_lc_rs::constant_time::verify_slices_are_equal(tag, &expected.as_ref()[..TAG_LEN])
            .map_err(|_| BadToken)?;
        Ok(position.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::{BadToken, Pager};

    #[test]
    fn a_token_comes_back_only_to_its_own_list() {
        let pager = Pager::new(&[7; 32]);
        let token = pager.token("ListUsers/1", b"alice");
        assert_eq!(pager.position("ListUsers/1", &token).unwrap(), b"alice");
        assert_eq!(pager.position("ListUsers/2", &token), Err(BadToken));
        assert_eq!(Pager::new(&[8; 32]).position("ListUsers/1", &token), Err(BadToken));
    }

    #[test]
    fn garbage_is_refused() {
        let pager = Pager::new(&[7; 32]);
        for bad in ["", "!!!", "AAAA", "bm90IGEgdG9rZW4gYXQgYWxsIGJ1dCBsb25n"] {
            assert_eq!(pager.position("L", bad), Err(BadToken), "{bad}");
        }
    }
}
