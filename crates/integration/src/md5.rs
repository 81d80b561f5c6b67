//! MD5, by which SQS lets its clients check that a message arrived as it was sent. A checksum, no proof of anything.

/// The digest in hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut digest = [0u8; 16];
    // SAFETY: the input has its own length, the output the 16 bytes of an MD5 digest; its length is not asked for, and
    // no engine is named.
    let ok = unsafe {
        aws_lc_sys::EVP_Digest(
            bytes.as_ptr().cast(),
            bytes.len(),
            digest.as_mut_ptr(),
            std::ptr::null_mut(),
            aws_lc_sys::EVP_md5(),
            std::ptr::null_mut(),
        )
    };
    assert!(ok == 1, "MD5 fails only where memory for its context does");
    let mut out = String::with_capacity(32);
    for byte in digest {
        for nibble in [byte >> 4, byte & 15] {
            out.extend(char::from_digit(nibble.into(), 16));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn vectors_of_rfc_1321() {
        assert_eq!(super::hex(b""), "d41d8cd98f00b204e9800998ecf8427e");
        assert_eq!(super::hex(b"message digest"), "f96b697d7cb7938d525a2f31aaf161d0");
    }
}
