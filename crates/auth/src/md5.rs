//! MD5, where a format wants it as a name for something and not as a proof (entity tags, `Content-MD5`).
//!
//! The library under aws-lc-rs has it and aws-lc-rs does not show it. The only unsafe code of this crate.

use aws_lc_sys as sys;
use std::fmt;
use std::ptr::{NonNull, null_mut};

/// An MD5 in the making.
pub struct Md5(NonNull<sys::EVP_MD_CTX>);

// SAFETY: the context is owned by one value and the library keeps nothing of it elsewhere.
unsafe impl Send for Md5 {}
// SAFETY: nothing is done to it by a shared reference.
unsafe impl Sync for Md5 {}

impl fmt::Debug for Md5 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Md5(..)")
    }
}

impl Default for Md5 {
    fn default() -> Md5 {
        Md5::new()
    }
}

impl Md5 {
    /// # Panics
    /// When there is no memory for a context of some hundred bytes.
    pub fn new() -> Md5 {
        // SAFETY: a fresh context, set to MD5 without an engine; it lives until it is dropped.
        unsafe {
            let context = NonNull::new(sys::EVP_MD_CTX_new()).expect("memory for a hash");
            let ok = sys::EVP_DigestInit_ex(context.as_ptr(), sys::EVP_md5(), null_mut());
            assert!(ok == 1, "MD5 begins");
            Md5(context)
        }
    }

    pub fn update(&mut self, bytes: &[u8]) {
        // SAFETY: the context was initialized, the input has its own length, nothing is kept.
        unsafe { sys::EVP_DigestUpdate(self.0.as_ptr(), bytes.as_ptr().cast(), bytes.len()) };
    }

    pub fn finish(self) -> [u8; 16] {
        let mut out = [0; 16];
        // SAFETY: the context was initialized; the output has the 16 bytes of an MD5, whose length is not asked for.
        unsafe { sys::EVP_DigestFinal_ex(self.0.as_ptr(), out.as_mut_ptr(), null_mut()) };
        out
    }

    /// Of a whole text at once.
    pub fn of(bytes: &[u8]) -> [u8; 16] {
        let mut md5 = Md5::new();
        md5.update(bytes);
        md5.finish()
    }
}

impl Drop for Md5 {
    fn drop(&mut self) {
        // SAFETY: the context is ours alone.
        unsafe { sys::EVP_MD_CTX_free(self.0.as_ptr()) }
    }
}

/// Lower-case hexadecimal digits, as entity tags have them.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let pair = |byte: &u8| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
    bytes.iter().flat_map(pair).map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::{Md5, hex};

    #[test]
    fn the_vectors_of_rfc_1321() {
        for (text, digest) in [
            ("", "d41d8cd98f00b204e9800998ecf8427e"),
            ("abc", "900150983cd24fb0d6963f7d28e17f72"),
            ("message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
        ] {
            assert_eq!(hex(&Md5::of(text.as_bytes())), digest);
            let mut md5 = Md5::new();
            text.as_bytes().chunks(2).for_each(|part| md5.update(part));
            assert_eq!(hex(&md5.finish()), digest);
        }
    }
}
