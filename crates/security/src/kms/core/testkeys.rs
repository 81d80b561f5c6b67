//! Key material for this engine's tests: made once per spec and process, because RSA generation is slow.

use super::material::KeyMaterial;
use super::spec::KeySpec;
use base::Rng;
use std::sync::{Mutex, PoisonError};

static MADE: Mutex<Vec<KeyMaterial>> = Mutex::new(Vec::new());

pub(super) fn material(spec: KeySpec) -> KeyMaterial {
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = made.iter().find(|key| key.spec() == spec) {
        return found.clone();
    }
    let new = KeyMaterial::generate(spec, &Rng::seeded(u64::from(spec.code()))).unwrap();
    made.push(new.clone());
    new
}

pub(super) fn hex(text: &str) -> Vec<u8> {
    assert_eq!(text.len() % 2, 0);
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}
