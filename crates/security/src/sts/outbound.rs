//! Outbound identity federation: what an account is to services outside. Its issuer has an address, published keys, and
//! private ones by which GetWebIdentityToken signs.
//!
//! The keys are made when the feature is first enabled and stay, so that a token holds for as long as it says, whatever
//! is switched off meanwhile. They are not replaced: AWS replaces its own, and does not say when.
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_outbound.html>; RFC 7515, 7517, 7518.

use super::errors::StsError;
use crate::kms::core::der::{take, whole};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256};
use base::Rng;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use kernel::Request;
use kernel::seal::Sealer;
use store::Table;
use wire::Value;

store::record! {
    /// Key: the account.
    #[derive(Clone, PartialEq)]
    pub struct Outbound {
        1 => pub id: String,
        2 => pub url: String,
        3 => pub enabled: bool,
        /// The ids of the keys, and the keys as PKCS #8, sealed.
        4 => pub elliptic_id: String,
        5 => pub elliptic: Vec<u8>,
        6 => pub rsa_id: String,
        7 => pub rsa: Vec<u8>,
    }

    /// What everybody may know. Key: global, the id in the issuer's host name.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Published {
        1 => pub url: String,
        /// A JSON Web Key Set.
        2 => pub jwks: String,
    }
}

pub const OUTBOUND: Table<Outbound> = Table::new(0x0202, "sts/outbound-issuers");
pub const PUBLISHED: Table<Published> = Table::new(0x0203, "sts/outbound-published");

const LABEL: &str = ".tokens.sts.global.";
const PURPOSE: &str = "sts/outbound-key";
const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;

impl std::fmt::Debug for Outbound {
    /// Without the keys.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outbound").field("url", &self.url).finish_non_exhaustive()
    }
}

/// The id of an issuer, of `<id>.tokens.sts.global.localhost:4566`, whatever the domain behind the label.
pub(crate) fn id_in(host: &str) -> Option<&str> {
    host.split_once(LABEL).map(|(id, _)| id)
}

/// An address that leads back here by the port by which the caller found the cloud.
fn address(request: &Request, id: &str) -> String {
    let scheme = request.scheme();
    match request.host.as_deref().map(|host| host.rsplit_once(':').map_or("", |(_, port)| port)) {
        Some("") => format!("{scheme}://{id}{LABEL}localhost"),
        Some(port) => format!("{scheme}://{id}{LABEL}localhost:{port}"),
        None => format!("https://{id}{LABEL}api.aws"),
    }
}

/// What the law of probability keeps from happening: aws-lc fails, or a key of this cloud cannot be read.
fn broken<E>(_: E) -> StsError {
    StsError::Unreadable
}

impl Outbound {
    /// A new issuer and what is published of it.
    ///
    /// # Errors
    /// `InternalFailure` when no keys can be made.
    pub(crate) fn make(
        request: &Request,
        sealer: &Sealer,
        rng: &Rng,
    ) -> Result<(Outbound, Published), StsError> {
        let elliptic = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).map_err(broken)?;
        let rsa = RsaKeyPair::generate(KeySize::Rsa2048).map_err(broken)?;
        let (id, elliptic_id, rsa_id) = (base::id::uuid(rng), base::id::uuid(rng), base::id::uuid(rng));
        let keys =
            [elliptic_jwk(&elliptic, &elliptic_id), rsa_jwk(&rsa, &rsa_id).ok_or(StsError::Unreadable)?];
        let secret: Pkcs8V1Der<'_> = rsa.as_der().map_err(broken)?;
        let url = address(request, &id);
        let published = Published {
            url: url.clone(),
            jwks: wire::json::text(&Value::map(vec![("keys", Value::List(keys.to_vec()))])),
        };
        let elliptic = sealer.seal(rng, PURPOSE, elliptic.to_pkcs8v1().map_err(broken)?.as_ref());
        let rsa = sealer.seal(rng, PURPOSE, secret.as_ref());
        Ok((Outbound { id, url, enabled: true, elliptic_id, elliptic, rsa_id, rsa }, published))
    }

    /// A token with these claims.
    ///
    /// # Errors
    /// `InternalFailure` when the key cannot be read.
    pub(crate) fn sign(
        &self,
        sealer: &Sealer,
        algorithm: Algorithm,
        claims: &Value,
    ) -> Result<String, StsError> {
        let (name, id, sealed) = match algorithm {
            Algorithm::Es384 => ("ES384", &self.elliptic_id, &self.elliptic),
            Algorithm::Rs256 => ("RS256", &self.rsa_id, &self.rsa),
        };
        let header = object(&[("alg", name), ("kid", id), ("typ", "JWT")]);
        let text = |value: &Value| B64.encode(wire::json::text(value));
        let signed = format!("{}.{}", text(&header), text(claims));
        let key = sealer.open(PURPOSE, sealed).map_err(broken)?;
        let (message, random) = (signed.as_bytes(), SystemRandom::new());
        let signature = match algorithm {
            Algorithm::Es384 => {
                let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, &key).map_err(broken)?;
                key.sign(&random, message).map_err(broken)?.as_ref().to_vec()
            }
            Algorithm::Rs256 => {
                let key = RsaKeyPair::from_pkcs8(&key).map_err(broken)?;
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).map_err(broken)?;
                signature
            }
        };
        Ok(format!("{signed}.{}", B64.encode(signature)))
    }
}

/// The two that AWS signs tokens by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Algorithm {
    Es384,
    Rs256,
}

impl Algorithm {
    pub(crate) fn parse(name: &str) -> Option<Algorithm> {
        match name {
            "ES384" => Some(Algorithm::Es384),
            "RS256" => Some(Algorithm::Rs256),
            _ => None,
        }
    }
}

fn object(members: &[(&'static str, &str)]) -> Value {
    Value::map(members.iter().map(|(name, text)| (*name, Value::str(*text))))
}

fn elliptic_jwk(key: &EcdsaKeyPair, id: &str) -> Value {
    // An uncompressed point: 4, then the two halves.
    let point = key.public_key().as_ref().get(1..).unwrap_or_default();
    let (x, y) = point.split_at(point.len() / 2);
    let (x, y) = (B64.encode(x), B64.encode(y));
    object(&[
        ("kty", "EC"),
        ("crv", "P-384"),
        ("use", "sig"),
        ("alg", "ES384"),
        ("kid", id),
        ("x", &x),
        ("y", &y),
    ])
}

/// `None` never: the library writes the key as RFC 8017 has it, a sequence of two numbers.
fn rsa_jwk(key: &RsaKeyPair, id: &str) -> Option<Value> {
    let (tag, modulus, rest) = take(whole(SEQUENCE, key.public_key().as_ref())?)?;
    let exponent = whole(INTEGER, rest)?;
    // Without the zero that makes it positive.
    let number = |bytes: &[u8]| B64.encode(bytes.strip_prefix(&[0]).unwrap_or(bytes));
    let (n, e) = (number(modulus), number(exponent));
    let key = object(&[("kty", "RSA"), ("use", "sig"), ("alg", "RS256"), ("kid", id), ("n", &n), ("e", &e)]);
    (tag == INTEGER).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::id_in;

    #[test]
    fn hosts() {
        for host in ["a-b.tokens.sts.global.localhost:4566", "a-b.tokens.sts.global.api.aws"] {
            assert_eq!(id_in(host), Some("a-b"), "{host}");
        }
        for host in ["localhost:4566", "sts.us-east-1.amazonaws.com", "tokens.sts.global.api.aws"] {
            assert_eq!(id_in(host), None, "{host}");
        }
    }
}
