//! How long KMS's computations take: nanoseconds per call, the median of several rounds.
//!
//! `cargo bench -p security --bench kms_core`. The aim for a 1 KiB Encrypt is 3 microseconds or less.
#![allow(clippy::print_stdout, reason = "a benchmark prints")]

use base::{AccountId, Rng};
use kernel::seal::Sealer;
use security::kms::core::agree::AgreementKey;
use security::kms::core::kem::KemKey;
use security::kms::core::mac::MacKey;
use security::kms::core::material::KeyMaterial;
use security::kms::core::oaep::RsaKey;
use security::kms::core::sign::SigningKey;
use security::kms::core::spec::{EncryptionAlgorithm, KeySpec, KeyUsage, MacAlgorithm, MessageType};
use security::kms::core::symmetric::{Blob, SymmetricKey};
use std::hint::black_box;
use std::time::{Duration, Instant};

const ROUNDS: usize = 7;
const ROUND: Duration = Duration::from_millis(40);

fn measure<T>(name: &str, mut work: impl FnMut() -> T) {
    let start = Instant::now();
    black_box(work());
    let calls = (ROUND.as_nanos() / start.elapsed().as_nanos().max(1)).clamp(1, 100_000) as u32;
    let mut rounds = [Duration::ZERO; ROUNDS];
    for round in &mut rounds {
        let start = Instant::now();
        for _ in 0..calls {
            black_box(work());
        }
        *round = start.elapsed() / calls;
    }
    rounds.sort();
    println!("{name:<44} {:>12} ns", rounds[ROUNDS / 2].as_nanos());
}

fn make(spec: KeySpec, rng: &Rng) -> KeyMaterial {
    KeyMaterial::generate(spec, rng).expect("the spec is supported")
}

fn main() {
    let rng = Rng::seeded(1);
    symmetric(&rng);
    asymmetric(&rng);
    for spec in [KeySpec::P256, KeySpec::P521, KeySpec::Ed25519, KeySpec::MlDsa65, KeySpec::MlKem768] {
        measure(&format!("generate {spec}"), || make(spec, &rng));
    }
    for spec in [KeySpec::Rsa2048, KeySpec::Rsa4096] {
        measure(&format!("generate {spec}"), || make(spec, &rng));
    }
}

fn symmetric(rng: &Rng) {
    let material = make(KeySpec::Symmetric, rng);
    let id = "1234abcd-12ab-34cd-56ef-1234567890ab";
    let key = SymmetricKey::new(&material, AccountId::DEFAULT, id).expect("a symmetric key");
    let context = [("aws:s3:arn", "arn:aws:s3:::bucket/key")];
    for len in [32, 1024, 4096] {
        let text = vec![7; len];
        let blob = key.encrypt(rng, &context, &text);
        measure(&format!("Encrypt {len} bytes"), || key.encrypt(rng, &context, &text));
        measure(&format!("Decrypt {len} bytes"), || {
            key.decrypt(&Blob::parse(&blob).expect("a blob"), &context).expect("it decrypts")
        });
    }
    let sealer = Sealer::new(&[1; 32]);
    let sealed = sealer.seal_compact(rng, "session", &[7; 300]);
    measure("seal a session token of 300 bytes", || sealer.seal_compact(rng, "session", &[7; 300]));
    measure("open a session token of 300 bytes", || {
        sealer.open_compact("session", &sealed).expect("it opens")
    });
    let mac = MacKey::new(&make(KeySpec::Hmac256, rng)).expect("an HMAC key");
    measure("GenerateMac HMAC_SHA_256, 1024 bytes", || mac.generate(MacAlgorithm::HmacSha256, &[7; 1024]));
}

fn asymmetric(rng: &Rng) {
    for &spec in KeySpec::ALL.iter().filter(|spec| spec.allows(KeyUsage::SignVerify)) {
        let material = make(spec, rng);
        let key = SigningKey::new(&material).expect("a signing key");
        let algorithm = spec.signing_algorithms()[0];
        let signature = key.sign(algorithm, MessageType::Raw, b"message").expect("it signs");
        measure(&format!("prepare {spec}"), || SigningKey::new(&material));
        measure(&format!("Sign {spec} {algorithm}"), || key.sign(algorithm, MessageType::Raw, b"message"));
        measure(&format!("Verify {spec} {algorithm}"), || {
            key.verify(algorithm, MessageType::Raw, b"message", &signature).expect("it verifies");
        });
    }
    let rsa = RsaKey::new(&make(KeySpec::Rsa2048, rng)).expect("an RSA key");
    let blob = rsa.encrypt(EncryptionAlgorithm::OaepSha256, b"secret").expect("it encrypts");
    measure("Encrypt RSA_2048 OAEP", || rsa.encrypt(EncryptionAlgorithm::OaepSha256, b"secret"));
    measure("Decrypt RSA_2048 OAEP", || rsa.decrypt(EncryptionAlgorithm::OaepSha256, &blob));
    let ours = make(KeySpec::P256, rng);
    let peer = ours.public_key().expect("sound").expect("asymmetric");
    let key = AgreementKey::new(&ours).expect("an agreement key");
    measure("DeriveSharedSecret P-256", || key.derive(&peer));
    let kem = KemKey::new(&make(KeySpec::MlKem768, rng)).expect("a KEM key");
    let (_, ciphertext) = kem.encapsulate().expect("it encapsulates");
    measure("Encapsulate ML_KEM_768", || kem.encapsulate());
    measure("Decapsulate ML_KEM_768", || kem.decapsulate(&ciphertext));
}
