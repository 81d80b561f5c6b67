//! Known answers and interoperation: this engine against OpenSSL, RFCs and NIST, by committed data.

use super::agree::{AgreementKey, BadPublicKey};
use super::import::ImportToken;
use super::lc;
use super::material::{KeyMaterial, MaterialError};
use super::oaep::RsaKey;
use super::sign::SigningKey;
use super::spec::{EncryptionAlgorithm, KeySpec, MessageType, SigningAlgorithm, WrappingAlgorithm};
use super::testkeys::{hex, material};
use aws_lc_rs::hkdf;

const MESSAGE: &[u8] = b"a message for KMS";

fn openssl(name: &str) -> Vec<u8> {
    let line = include_str!("testdata/openssl.txt")
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    hex(line.unwrap_or_else(|| panic!("no vector {name}")))
}

const CURVES: [(KeySpec, &str, SigningAlgorithm); 4] = [
    (KeySpec::P256, "prime256v1", SigningAlgorithm::EcdsaSha256),
    (KeySpec::P384, "secp384r1", SigningAlgorithm::EcdsaSha384),
    (KeySpec::P521, "secp521r1", SigningAlgorithm::EcdsaSha512),
    (KeySpec::P256k1, "secp256k1", SigningAlgorithm::EcdsaSha256),
];

/// Keys of OpenSSL come in, their public halves and PKCS#8 go out as OpenSSL writes them.
#[test]
fn keys_have_the_encoding_of_openssl() {
    let mut keys = vec![
        (KeySpec::Rsa2048, "rsa2048"),
        (KeySpec::Rsa3072, "rsa3072"),
        (KeySpec::Rsa4096, "rsa4096"),
        (KeySpec::Ed25519, "ed25519"),
    ];
    keys.extend(CURVES.map(|(spec, name, _)| (spec, name)));
    for (spec, name) in keys {
        let pkcs8 = openssl(&format!("{name}_pkcs8"));
        let key = KeyMaterial::import(spec, &pkcs8).unwrap();
        assert_eq!(key.public_key().unwrap().unwrap(), openssl(&format!("{name}_spki")), "{spec}");
        assert_eq!(*key.private_key().unwrap(), pkcs8, "{spec}");
    }
}

/// AWS: developer guide, "Requirements for imported key material": PKCS#8, named curves, points of any form.
#[test]
fn other_forms_of_private_keys_are_told_apart() {
    let key = KeyMaterial::import(KeySpec::P256, &openssl("prime256v1_pkcs8")).unwrap();
    assert_eq!(KeyMaterial::import(KeySpec::P256, &openssl("compressed_pkcs8")), Ok(key));
    for (spec, name) in [
        (KeySpec::P256, "explicit_pkcs8"),
        (KeySpec::P256, "prime256v1_traditional"),
        (KeySpec::Rsa2048, "rsa2048_traditional"),
        (KeySpec::Rsa2048, "rsa1024_pkcs8"),
    ] {
        assert_eq!(KeyMaterial::import(spec, &openssl(name)), Err(MaterialError::Malformed(spec)), "{name}");
    }
}

#[test]
fn signatures_of_openssl_verify() {
    use SigningAlgorithm::*;
    let mut cases = vec![
        (KeySpec::Rsa2048, "rsa2048_pkcs8", PssSha256, "rsa2048_pss_sha256".to_owned()),
        (KeySpec::Rsa2048, "rsa2048_pkcs8", PssSha384, "rsa2048_pss_sha384".to_owned()),
        (KeySpec::Rsa2048, "rsa2048_pkcs8", PssSha512, "rsa2048_pss_sha512".to_owned()),
        (KeySpec::Rsa2048, "rsa2048_pkcs8", Pkcs1Sha256, "rsa2048_pkcs1_sha256".to_owned()),
        (KeySpec::Rsa2048, "rsa2048_pkcs8", Pkcs1Sha384, "rsa2048_pkcs1_sha384".to_owned()),
        (KeySpec::Rsa2048, "rsa2048_pkcs8", Pkcs1Sha512, "rsa2048_pkcs1_sha512".to_owned()),
        (KeySpec::Ed25519, "ed25519_pkcs8", Ed25519Sha512, "ed25519_signature".to_owned()),
    ];
    let names = CURVES.map(|(_, name, _)| format!("{name}_pkcs8"));
    for ((spec, name, algorithm), pkcs8) in CURVES.iter().zip(&names) {
        cases.push((*spec, pkcs8, *algorithm, format!("{name}_ecdsa")));
    }
    for (spec, pkcs8, algorithm, signature) in cases {
        let key = SigningKey::new(&KeyMaterial::import(spec, &openssl(pkcs8)).unwrap()).unwrap();
        let signature = openssl(&signature);
        assert_eq!(
            key.verify(algorithm, MessageType::Raw, MESSAGE, &signature),
            Ok(()),
            "{spec} {algorithm}"
        );
        if matches!(algorithm, Pkcs1Sha256 | Pkcs1Sha384 | Pkcs1Sha512 | Ed25519Sha512) {
            // Deterministic schemes: ours is the same signature.
            assert_eq!(key.sign(algorithm, MessageType::Raw, MESSAGE), Ok(signature), "{spec} {algorithm}");
        }
    }
}

#[test]
fn ciphertexts_of_openssl_decrypt() {
    let key =
        RsaKey::new(&KeyMaterial::import(KeySpec::Rsa2048, &openssl("rsa2048_pkcs8")).unwrap()).unwrap();
    for (algorithm, name) in [
        (EncryptionAlgorithm::OaepSha1, "rsa2048_oaep_sha1"),
        (EncryptionAlgorithm::OaepSha256, "rsa2048_oaep_sha256"),
    ] {
        assert_eq!(key.decrypt(algorithm, &openssl(name)).unwrap().as_slice(), MESSAGE);
    }
}

#[test]
fn secrets_agree_with_openssl() {
    for (spec, name, _) in CURVES {
        let key = KeyMaterial::import(spec, &openssl(&format!("{name}_pkcs8"))).unwrap();
        let Ok(key) = AgreementKey::new(&key) else {
            assert_eq!(spec, KeySpec::P256k1);
            continue;
        };
        let shared = key.derive(&openssl(&format!("{name}_peer_spki"))).unwrap();
        assert_eq!(*shared, openssl(&format!("{name}_shared")), "{spec}");
    }
}

#[test]
fn public_keys_must_name_their_curve() {
    let key = AgreementKey::new(&material(KeySpec::P256)).unwrap();
    assert_eq!(key.derive(&openssl("explicit_spki")), Err(BadPublicKey::Malformed));
    let whole = key.derive(&openssl("prime256v1_spki")).unwrap();
    assert_eq!(key.derive(&openssl("compressed_spki")), Ok(whole));
}

#[test]
fn keys_wrapped_by_openssl_are_imported() {
    let wrapping = KeyMaterial::import(KeySpec::Rsa2048, &openssl("rsa2048_pkcs8")).unwrap();
    let expected = KeyMaterial::import(KeySpec::P521, &openssl("secp521r1_pkcs8")).unwrap();
    for (algorithm, name) in [
        (WrappingAlgorithm::AesKeyWrapSha1, "wrapped_p521_sha1"),
        (WrappingAlgorithm::AesKeyWrapSha256, "wrapped_p521_sha256"),
    ] {
        let token = ImportToken::for_test(algorithm, &wrapping);
        assert_eq!(token.unwrap(KeySpec::P521, &openssl(name)).as_ref(), Ok(&expected));
    }
}

/// RFC 6979 section A.2.5: P-256, SHA-256, "sample".
#[test]
fn ecdsa_of_rfc_6979_verifies() {
    let private = "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721";
    let pkcs8 = format!("3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420{private}");
    let key = KeyMaterial::import(KeySpec::P256, &hex(&pkcs8)).unwrap();
    let public = "60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6\
                  7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299";
    assert!(key.public_key().unwrap().unwrap().ends_with(&hex(public)));
    let signature = "3046022100EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716\
                     022100F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8";
    let key = SigningKey::new(&key).unwrap();
    let verify = |text: &[u8]| {
        key.verify(SigningAlgorithm::EcdsaSha256, MessageType::Raw, text, &hex(signature)).is_ok()
    };
    assert!(verify(b"sample"));
    assert!(!verify(b"sampled"));
}

/// NIST CAVS 14.1, ECC CDH primitive, P-256, count 0.
#[test]
fn ecdh_of_nist() {
    let private = "7d7dc5f71eb29ddaf80d6214632eeae03d9058af1fb6d22ed80badb62bc1a534";
    let pkcs8 = format!("3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420{private}");
    let peer = "3059301306072a8648ce3d020106082a8648ce3d03010703420004\
                700c48f77f56584c5cc632ca65640db91b6bacce3a4df6b42ce7cc838833d287\
                db71e509e3fd9b060ddb20ba5c51dcc5948d46fbf640dfe0441782cab85fa4ac";
    let key = KeyMaterial::import(KeySpec::P256, &hex(&pkcs8)).unwrap();
    assert_eq!(
        *AgreementKey::new(&key).unwrap().derive(&hex(peer)).unwrap(),
        hex("46fc62106420ff012e54a434fbdd2d25ccc5852060561e68040dd7778997bd7b")
    );
}

/// RFC 8032 section 7.3: Ed25519ph, "abc".
#[test]
fn ed25519ph_of_rfc_8032() {
    let seed = hex("833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42");
    let signature = hex("98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae41\
         31f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406");
    let seed: [u8; 32] = seed.try_into().unwrap();
    assert_eq!(lc::ed25519ph_sign(&seed, b"abc").unwrap().as_slice(), signature);
    let key = KeyMaterial::from_bytes(&[&[1, KeySpec::Ed25519.code()], &seed[..]].concat()).unwrap();
    let public = key.public_key().unwrap().unwrap();
    let public: [u8; 32] = public[public.len() - 32..].try_into().unwrap();
    assert_eq!(public.as_slice(), hex("ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf"));
    assert!(lc::ed25519ph_verify(&public, b"abc", &signature));
    assert!(!lc::ed25519ph_verify(&public, b"abd", &signature));
    assert!(!lc::ed25519ph_verify(&public, b"abc", &signature[1..]));
}

/// FIPS 204: a message's signature verifies over mu = SHAKE256(SHAKE256(public key, 64) || 0 || 0 || message, 64), and
/// the other way round. The mus are Python's hashlib's.
#[test]
fn ml_dsa_takes_a_message_or_its_mu() {
    let algorithm = SigningAlgorithm::MlDsaShake256;
    for (spec, mu) in [(KeySpec::MlDsa44, MU_44), (KeySpec::MlDsa65, MU_65), (KeySpec::MlDsa87, MU_87)] {
        let key = KeyMaterial::from_bytes(&[&[1, spec.code()], &[0x2a; 32][..]].concat()).unwrap();
        let key = SigningKey::new(&key).unwrap();
        let (raw, external) = (MessageType::Raw, MessageType::ExternalMu);
        let of_message = key.sign(algorithm, raw, MESSAGE).unwrap();
        assert_eq!(key.verify(algorithm, external, &hex(mu), &of_message), Ok(()), "{spec}");
        let of_mu = key.sign(algorithm, external, &hex(mu)).unwrap();
        assert_eq!(key.verify(algorithm, raw, MESSAGE, &of_mu), Ok(()), "{spec}");
    }
}

const MU_44: &str = "f519ce79dd3fda5b2394b537349020ab6b70ac4f10a165d37d25a77c346d70da\
    0ebef6ade316bb04f05a5fc6ab0604d7b92192fd3b857db31748c3bd826f2c4a";
const MU_65: &str = "1db22e858d6865f2c48bef048a003ef0cf365f60b34ecad2a71b1aed839326c9\
    c58f63ef629500535917f43a41c18c71afeb2c6928b73e282602155257db203d";
const MU_87: &str = "63512eaa8bacc905c899a010835471aa85a3d88cf075823c1dd3535064b912e6\
    205e799b5abb8c3843ba0f371aa1d6213569b22214a50c8a14629e1553558b1d";

/// RFC 5869, test case 1: the derivation under [`kernel::seal`].
#[test]
fn hkdf_of_rfc_5869() {
    struct Len;
    impl hkdf::KeyType for Len {
        fn len(&self) -> usize {
            42
        }
    }
    let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, &hex("000102030405060708090a0b0c"));
    let prk = salt.extract(&[0x0b; 22]);
    let mut out = [0; 42];
    prk.expand(&[&hex("f0f1f2f3f4f5f6f7f8f9")], Len).unwrap().fill(&mut out).unwrap();
    let expected = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865";
    assert_eq!(out.as_slice(), hex(expected));
}
