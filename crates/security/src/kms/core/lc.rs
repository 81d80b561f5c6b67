//! Four primitives that aws-lc has and aws-lc-rs does not show: Ed25519ph, ML-DSA over an external mu, ML-KEM key
//! pairs from their seed, and MD5. The only unsafe code of this crate.
//!
//! `aws-lc-sys` is the library that aws-lc-rs itself links, so nothing is added to the binary. Its version in the
//! root manifest must be the one that aws-lc-rs asks for: with another one, the build would carry two copies.

use super::spec::KeySpec;
use aws_lc_sys as sys;
use std::mem::MaybeUninit;
use std::ptr::{null, null_mut};
use zeroize::Zeroizing;

pub(super) const ED25519_SIGNATURE_LEN: usize = 64;
pub(super) const MU_LEN: usize = 64;
pub(super) const ML_KEM_SEED_LEN: usize = 64;

/// An owned `EVP_PKEY`.
struct Key(*mut sys::EVP_PKEY);

impl Drop for Key {
    fn drop(&mut self) {
        // SAFETY: the pointer came from aws-lc with one reference, which is ours; null is allowed.
        unsafe { sys::EVP_PKEY_free(self.0) }
    }
}

/// An owned `EVP_PKEY_CTX`.
struct Context(*mut sys::EVP_PKEY_CTX);

impl Context {
    fn new(key: &Key) -> Option<Context> {
        // SAFETY: the key is live; the context takes its own reference to it. No engine.
        let ctx = unsafe { sys::EVP_PKEY_CTX_new(key.0, null_mut()) };
        (!ctx.is_null()).then_some(Context(ctx))
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: the pointer came from aws-lc and is ours alone; null is allowed.
        unsafe { sys::EVP_PKEY_CTX_free(self.0) }
    }
}

/// MD5, where a format wants it as a name for something and not as a proof.
pub(crate) fn md5(bytes: &[u8]) -> [u8; 16] {
    let mut out = [0; 16];
    // SAFETY: the input has its own length, the output the 16 bytes of MD5; the length is not asked for, no engine,
    // nothing is kept.
    let ok = unsafe {
        sys::EVP_Digest(
            bytes.as_ptr().cast(),
            bytes.len(),
            out.as_mut_ptr(),
            null_mut(),
            sys::EVP_md5(),
            null_mut(),
        )
    };
    assert!(ok == 1, "MD5 fails only where memory for its context does");
    out
}

/// Signs with Ed25519ph (RFC 8032 section 5.1, empty context); the message is hashed here.
pub(super) fn ed25519ph_sign(seed: &[u8; 32], message: &[u8]) -> Option<[u8; ED25519_SIGNATURE_LEN]> {
    let mut public = [0; 32];
    let mut private = Zeroizing::new([0; 64]);
    let mut signature = [0; ED25519_SIGNATURE_LEN];
    // SAFETY: the arrays have the lengths that the C prototypes fix (32, 64, 32); nothing is kept.
    unsafe { sys::ED25519_keypair_from_seed(public.as_mut_ptr(), private.as_mut_ptr(), seed.as_ptr()) };
    // SAFETY: `signature` has 64 bytes, `private` 64, the message its own length; the empty context is null and 0.
    let ok = unsafe {
        sys::ED25519ph_sign(
            signature.as_mut_ptr(),
            message.as_ptr(),
            message.len(),
            private.as_ptr(),
            null(),
            0,
        )
    };
    (ok == 1).then_some(signature)
}

pub(super) fn ed25519ph_verify(public: &[u8; 32], message: &[u8], signature: &[u8]) -> bool {
    let Ok(signature) = <&[u8; ED25519_SIGNATURE_LEN]>::try_from(signature) else { return false };
    // SAFETY: `signature` has 64 bytes, `public` 32, the message its own length; the empty context is null and 0.
    let ok = unsafe {
        sys::ED25519ph_verify(message.as_ptr(), message.len(), signature.as_ptr(), public.as_ptr(), null(), 0)
    };
    ok == 1
}

/// Signs the message representative itself (FIPS 204 algorithm 7, from step 7 on). `None` for other specs.
pub(super) fn ml_dsa_sign_mu(spec: KeySpec, seed: &[u8; 32], mu: &[u8; MU_LEN]) -> Option<Vec<u8>> {
    // SAFETY: aws-lc copies the seed, whose length it is told.
    let key =
        Key(unsafe { sys::EVP_PKEY_pqdsa_new_raw_private_key(ml_dsa_nid(spec)?, seed.as_ptr(), seed.len()) });
    if key.0.is_null() {
        return None;
    }
    let ctx = Context::new(&key)?;
    let mut len = 0;
    // SAFETY: the context is live and holds a private key; a null output asks for the length only.
    let sized = unsafe {
        sys::EVP_PKEY_sign_init(ctx.0) == 1
            && sys::EVP_PKEY_sign(ctx.0, null_mut(), &mut len, mu.as_ptr(), mu.len()) == 1
    };
    if !sized {
        return None;
    }
    let mut signature = vec![0; len];
    // SAFETY: `len` is the room in `signature`, as just asked for; `mu` has 64 bytes.
    let ok = unsafe { sys::EVP_PKEY_sign(ctx.0, signature.as_mut_ptr(), &mut len, mu.as_ptr(), mu.len()) };
    signature.truncate(len);
    (ok == 1).then_some(signature)
}

pub(super) fn ml_dsa_verify_mu(spec: KeySpec, public: &[u8], mu: &[u8; MU_LEN], signature: &[u8]) -> bool {
    let Some(nid) = ml_dsa_nid(spec) else { return false };
    // SAFETY: aws-lc copies the key, whose length it is told, and refuses a wrong one.
    let key = Key(unsafe { sys::EVP_PKEY_pqdsa_new_raw_public_key(nid, public.as_ptr(), public.len()) });
    if key.0.is_null() {
        return false;
    }
    let Some(ctx) = Context::new(&key) else { return false };
    // SAFETY: the context is live and holds a public key; both inputs carry their own lengths.
    unsafe {
        sys::EVP_PKEY_verify_init(ctx.0) == 1
            && sys::EVP_PKEY_verify(ctx.0, signature.as_ptr(), signature.len(), mu.as_ptr(), mu.len()) == 1
    }
}

/// The decapsulation key (expanded, FIPS 203) and the encapsulation key of a PKCS#8 document that holds a seed.
pub(super) fn ml_kem_expand(pkcs8: &[u8]) -> Option<(Zeroizing<Vec<u8>>, Vec<u8>)> {
    let mut input = MaybeUninit::<sys::CBS>::uninit();
    // SAFETY: `CBS_init` fills the whole structure, which only points at the document; both live to the end of this
    // function. The parser stays inside the given length.
    let key = Key(unsafe {
        sys::CBS_init(input.as_mut_ptr(), pkcs8.as_ptr(), pkcs8.len());
        sys::EVP_parse_private_key(input.as_mut_ptr())
    });
    // SAFETY: the key is live; asking for its type changes nothing.
    if key.0.is_null() || unsafe { sys::EVP_PKEY_id(key.0) } != sys::EVP_PKEY_KEM {
        return None;
    }
    let private = raw_key(&key, sys::EVP_PKEY_get_raw_private_key)?;
    let public = raw_key(&key, sys::EVP_PKEY_get_raw_public_key)?;
    Some((private, public.to_vec()))
}

type RawGetter = unsafe extern "C" fn(*const sys::EVP_PKEY, *mut u8, *mut usize) -> std::ffi::c_int;

fn raw_key(key: &Key, get: RawGetter) -> Option<Zeroizing<Vec<u8>>> {
    let mut len = 0;
    // SAFETY: the key is live; a null output asks for the length only.
    if unsafe { get(key.0, null_mut(), &mut len) } != 1 {
        return None;
    }
    let mut raw = Zeroizing::new(vec![0; len]);
    // SAFETY: `len` is the room in `raw`, as just asked for.
    let ok = unsafe { get(key.0, raw.as_mut_ptr(), &mut len) };
    raw.truncate(len);
    (ok == 1).then_some(raw)
}

fn ml_dsa_nid(spec: KeySpec) -> Option<i32> {
    match spec {
        KeySpec::MlDsa44 => Some(sys::NID_MLDSA44),
        KeySpec::MlDsa65 => Some(sys::NID_MLDSA65),
        KeySpec::MlDsa87 => Some(sys::NID_MLDSA87),
        _ => None,
    }
}
