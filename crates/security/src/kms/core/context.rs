//! The encryption context in canonical form: what is authenticated beside the plaintext.
//!
//! KMS compares contexts as maps: order does not matter, case and every byte do, and an empty context equals none.
//! The canonical form sorts by key and puts a length before each text, so no two contexts share one form.
//!
//! Not here: limits on count and size, and the condition keys `kms:EncryptionContext:*`. Those are the service's.

/// ```text
/// count (u32) | for each pair, sorted by key: len (u32) key len (u32) value        all numbers big-endian
/// ```
///
/// Pairs with the same key cannot come from a JSON object; if they do come, they are kept, ordered by value too, so
/// that the form stays a function of the set.
pub fn canonical(pairs: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    append(&mut out, pairs);
    out
}

pub(super) fn append(out: &mut Vec<u8>, pairs: &[(&str, &str)]) {
    let mut sorted = pairs.to_vec();
    sorted.sort_unstable();
    out.reserve(4 + pairs.iter().map(|(k, v)| 8 + k.len() + v.len()).sum::<usize>());
    out.extend_from_slice(&len32(sorted.len()));
    for (key, value) in sorted {
        for text in [key, value] {
            out.extend_from_slice(&len32(text.len()));
            out.extend_from_slice(text.as_bytes());
        }
    }
}

/// A request is capped far below 4 GiB before it becomes a context.
fn len32(len: usize) -> [u8; 4] {
    u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::canonical;

    #[test]
    fn order_does_not_matter() {
        assert_eq!(canonical(&[("b", "2"), ("a", "1")]), canonical(&[("a", "1"), ("b", "2")]));
    }

    #[test]
    fn no_two_contexts_share_a_form() {
        let contexts: [&[(&str, &str)]; 9] = [
            &[],
            &[("", "")],
            &[("a", "")],
            &[("", "a")],
            &[("ab", "c")],
            &[("a", "bc")],
            &[("A", "bc")],
            &[("a", "b"), ("c", "")],
            &[("a", "b"), ("c", "d")],
        ];
        for (i, left) in contexts.iter().enumerate() {
            for (j, right) in contexts.iter().enumerate() {
                assert_eq!(canonical(left) == canonical(right), i == j, "{left:?} {right:?}");
            }
        }
    }

    /// Ciphertexts already written authenticate this form; it must not change.
    #[test]
    fn the_form_is_pinned() {
        assert_eq!(
            canonical(&[("k2", "v"), ("k", "")]),
            b"\0\0\0\x02\0\0\0\x01k\0\0\0\0\0\0\0\x02k2\0\0\0\x01v".to_vec()
        );
    }
}
