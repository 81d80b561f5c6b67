//! XML signatures, as far as SAML has them: one signature within the element that it signs, in the exclusive canonical
//! form, by a key of the provider's metadata. What the signature itself carries of keys is not looked at.
//!
//! Nothing is looked up by its id: what is verified is the very element that is read afterwards.
//!
//! GAP: SHA-1 is not taken, neither for digests nor for signatures.
//! Specification: <https://www.w3.org/TR/xmldsig-core1/>

use super::xml::Element;
use crate::iam::x509;
use aws_lc_rs::digest::{self, digest};
use aws_lc_rs::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const NAMESPACE: &str = "http://www.w3.org/2000/09/xmldsig#";
const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";

/// Whether the element has a signature of its own.
pub(crate) fn is_signed(element: &Element) -> bool {
    element.all(NAMESPACE, "Signature").next().is_some()
}

/// Whether the element is signed as a whole with the key of one of these certificates (DER in base64).
pub(crate) fn is_valid(element: &Element, certificates: &[String]) -> bool {
    verify(element, certificates).is_some()
}

fn verify(element: &Element, certificates: &[String]) -> Option<()> {
    let signature = element.only(NAMESPACE, "Signature")?;
    let info = signature.only(NAMESPACE, "SignedInfo")?;
    let method = info.only(NAMESPACE, "CanonicalizationMethod")?;
    let inclusive = exclusive(method)?;
    check_reference(element, signature, info.only(NAMESPACE, "Reference")?)?;
    let signed = info.canonical(None, &inclusive);
    let algorithm = info.only(NAMESPACE, "SignatureMethod")?.attribute("Algorithm")?;
    let value = bytes(&signature.only(NAMESPACE, "SignatureValue")?.text())?;
    let verifies = |certificate: &String| {
        let key = STANDARD.decode(certificate).ok().and_then(|der| x509::certificate(&der));
        key.is_some_and(|key| is_signed_by(algorithm, &key.public_key, signed.as_bytes(), &value))
    };
    certificates.iter().any(verifies).then_some(())
}

/// The reference is to the element itself, and its digest is the element's.
fn check_reference(element: &Element, signature: &Element, reference: &Element) -> Option<()> {
    let id = element.attribute("ID").filter(|id| !id.is_empty())?;
    if reference.attribute("URI")?.strip_prefix('#') != Some(id) {
        return None;
    }
    let (mut inclusive, mut is_enveloped) = (None, false);
    for transform in reference.only(NAMESPACE, "Transforms")?.elements() {
        match transform.attribute("Algorithm")? {
            ENVELOPED if !is_enveloped && inclusive.is_none() => is_enveloped = true,
            EXCLUSIVE if inclusive.is_none() => inclusive = Some(exclusive(transform)?),
            _ => return None,
        }
    }
    let inclusive = inclusive.filter(|_| is_enveloped)?;
    let algorithm = match reference.only(NAMESPACE, "DigestMethod")?.attribute("Algorithm")? {
        "http://www.w3.org/2001/04/xmlenc#sha256" => &digest::SHA256,
        "http://www.w3.org/2001/04/xmldsig-more#sha384" => &digest::SHA384,
        "http://www.w3.org/2001/04/xmlenc#sha512" => &digest::SHA512,
        _ => return None,
    };
    let found = digest(algorithm, element.canonical(Some(signature), &inclusive).as_bytes());
    let told = bytes(&reference.only(NAMESPACE, "DigestValue")?.text())?;
    (found.as_ref() == told).then_some(())
}

/// The prefixes that an exclusive canonicalization treats as the inclusive one does.
fn exclusive(method: &Element) -> Option<Vec<&str>> {
    if method.attribute("Algorithm")? != EXCLUSIVE {
        return None;
    }
    let list = method.only(EXCLUSIVE, "InclusiveNamespaces").and_then(|list| list.attribute("PrefixList"));
    Some(list.unwrap_or_default().split_ascii_whitespace().collect())
}

fn is_signed_by(name: &str, key: &[u8], message: &[u8], value: &[u8]) -> bool {
    let algorithm: &'static dyn VerificationAlgorithm = match name {
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256" => &signature::RSA_PKCS1_2048_8192_SHA256,
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384" => &signature::RSA_PKCS1_2048_8192_SHA384,
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512" => &signature::RSA_PKCS1_2048_8192_SHA512,
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256" => &signature::ECDSA_P256_SHA256_FIXED,
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384" => &signature::ECDSA_P384_SHA384_FIXED,
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512" => &signature::ECDSA_P521_SHA512_FIXED,
        _ => return false,
    };
    UnparsedPublicKey::new(algorithm, key).verify(message, value).is_ok()
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    let text: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    STANDARD.decode(text).ok()
}
