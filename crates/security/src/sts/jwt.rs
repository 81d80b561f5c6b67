//! JSON Web Tokens of OpenID Connect issuers: read, and verified against the issuer's keys.
//!
//! The six algorithms that AWS takes, and nothing that a token could talk its way around with: the algorithm must fit
//! the type of the key, `none` and the symmetric ones are unknown.
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html>; RFC 7515, 7517, 7518.

use super::errors::StsError;
use aws_lc_rs::signature::{
    self, EcdsaVerificationAlgorithm, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey,
};
use base::Timestamp;
use base::tag::Tags;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use serde_json::Value;

/// Claims in which an issuer gives session tags and a source identity.
const TAGS_CLAIM: &str = "https://aws.amazon.com/tags";
const SOURCE_IDENTITY_CLAIM: &str = "https://aws.amazon.com/source_identity";

/// AWS documents it of the subject, of client ids and of issuers.
const TEXT_BYTES_MAX: usize = 255;

/// A token as it was sent; nothing in it is to be believed yet.
#[derive(Clone, PartialEq, Debug)]
pub struct Unverified<'t> {
    /// What is signed: header and payload, with the dot between.
    signed: &'t str,
    signature: Vec<u8>,
    algorithm: String,
    pub key_id: Option<String>,
    pub claims: Claims,
}

/// What a token says.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Claims {
    pub issuer: String,
    pub subject: String,
    pub audiences: Vec<String>,
    /// `azp`, which takes the place of the audience where there is one.
    pub authorized_party: Option<String>,
    pub methods: Vec<String>,
    pub expires: i64,
    pub not_before: Option<i64>,
    pub tags: Tags,
    pub transitive: Vec<String>,
    pub source_identity: Option<String>,
}

fn invalid(what: &str) -> StsError {
    StsError::InvalidIdentityToken(what.to_owned())
}

fn part(text: &str) -> Option<Value> {
    serde_json::from_slice(&B64.decode(text).ok()?).ok()
}

impl<'t> Unverified<'t> {
    /// # Errors
    /// `InvalidIdentityToken`.
    pub fn read(token: &'t str) -> Result<Unverified<'t>, StsError> {
        read(token).ok_or_else(|| invalid("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"))
    }

    /// The claims, once the signature is the issuer's.
    ///
    /// # Errors
    /// `InvalidIdentityToken`.
    pub fn verify(&self, keys: &Keys) -> Result<&Claims, StsError> {
        let mut keys = keys.candidates(self.key_id.as_deref()).peekable();
        if keys.peek().is_none() {
            return Err(invalid("No key of the identity provider has the key id of the token."));
        }
        if keys.any(|key| self.is_signed_by(key)) {
            Ok(&self.claims)
        } else {
            Err(invalid("The signature of the token is not valid."))
        }
    }

    fn is_signed_by(&self, key: &Value) -> bool {
        let text = |name: &str| key.get(name).and_then(Value::as_str);
        let number = |name: &str| text(name).and_then(|text| B64.decode(text).ok());
        if text("alg").is_some_and(|alg| alg != self.algorithm)
            || text("use").is_some_and(|usage| usage != "sig")
        {
            return false;
        }
        let message = self.signed.as_bytes();
        match (text("kty"), algorithm(&self.algorithm)) {
            (Some("RSA"), Some(Algorithm::Rsa(parameters))) => {
                let (Some(n), Some(e)) = (number("n"), number("e")) else { return false };
                RsaPublicKeyComponents { n, e }.verify(parameters, message, &self.signature).is_ok()
            }
            (Some("EC"), Some(Algorithm::Ecdsa(curve, parameters))) if text("crv") == Some(curve) => {
                let (Some(x), Some(y)) = (number("x"), number("y")) else { return false };
                let point = [&[4], x.as_slice(), y.as_slice()].concat();
                UnparsedPublicKey::new(parameters, point).verify(message, &self.signature).is_ok()
            }
            _ => false,
        }
    }
}

fn read(token: &str) -> Option<Unverified<'_>> {
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, payload) = signed.split_once('.')?;
    let (header, payload) = (part(header)?, part(payload)?);
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let claims = Claims {
        issuer: text(&payload, "iss")?,
        subject: text(&payload, "sub")?,
        audiences: texts(payload.get("aud")?)?,
        authorized_party: text(&payload, "azp"),
        methods: payload.get("amr").and_then(texts).unwrap_or_default(),
        expires: seconds(payload.get("exp")?)?,
        not_before: payload.get("nbf").and_then(seconds),
        tags: principal_tags(&payload),
        transitive: payload
            .get(TAGS_CLAIM)
            .and_then(|t| texts(t.get("transitive_tag_keys")?))
            .unwrap_or_default(),
        source_identity: text(&payload, SOURCE_IDENTITY_CLAIM),
    };
    Some(Unverified {
        signed,
        signature: B64.decode(signature).ok()?,
        algorithm: text(&header, "alg")?,
        key_id: text(&header, "kid"),
        claims,
    })
}

/// A text, or a list of them.
fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Array(items) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}

/// RFC 7519 allows fractions.
fn seconds(value: &Value) -> Option<i64> {
    Timestamp::from_seconds_f64(value.as_f64()?).map(Timestamp::seconds)
}

/// `{"principal_tags": {"team": ["blue"]}}`
fn principal_tags(payload: &Value) -> Tags {
    let tags = payload.get(TAGS_CLAIM).and_then(|tags| tags.get("principal_tags")).and_then(Value::as_object);
    let first = |value: &Value| texts(value).and_then(|values| values.into_iter().next());
    tags.into_iter().flatten().filter_map(|(key, value)| Some((key.clone(), first(value)?))).collect()
}

enum Algorithm {
    Rsa(&'static RsaParameters),
    Ecdsa(&'static str, &'static EcdsaVerificationAlgorithm),
}

fn algorithm(name: &str) -> Option<Algorithm> {
    Some(match name {
        "RS256" => Algorithm::Rsa(&signature::RSA_PKCS1_2048_8192_SHA256),
        "RS384" => Algorithm::Rsa(&signature::RSA_PKCS1_2048_8192_SHA384),
        "RS512" => Algorithm::Rsa(&signature::RSA_PKCS1_2048_8192_SHA512),
        "ES256" => Algorithm::Ecdsa("P-256", &signature::ECDSA_P256_SHA256_FIXED),
        "ES384" => Algorithm::Ecdsa("P-384", &signature::ECDSA_P384_SHA384_FIXED),
        "ES512" => Algorithm::Ecdsa("P-521", &signature::ECDSA_P521_SHA512_FIXED),
        _ => return None,
    })
}

/// An issuer's key set.
#[derive(Clone, PartialEq, Debug)]
pub struct Keys(Vec<Value>);

impl Keys {
    /// AWS: at most a hundred RSA and a hundred elliptic keys.
    const MAX: usize = 200;

    /// `None` where the text is no key set.
    pub fn read(text: &str) -> Option<Keys> {
        let mut set: Value = serde_json::from_str(text).ok()?;
        match set.get_mut("keys")?.take() {
            Value::Array(keys) if keys.len() <= Keys::MAX => Some(Keys(keys)),
            _ => None,
        }
    }

    pub fn has(&self, key_id: Option<&str>) -> bool {
        self.candidates(key_id).next().is_some()
    }

    /// The key of this id; all where the token names none.
    fn candidates<'k>(&'k self, key_id: Option<&'k str>) -> impl Iterator<Item = &'k Value> {
        let is =
            move |key: &&Value| key_id.is_none_or(|id| key.get("kid").and_then(Value::as_str) == Some(id));
        self.0.iter().filter(is)
    }
}

impl Claims {
    /// What becomes part of a session must fit into its token.
    ///
    /// # Errors
    /// `InvalidIdentityToken`.
    pub fn check_size(&self) -> Result<(), StsError> {
        let long = |text: &String| text.len() > TEXT_BYTES_MAX;
        let kept =
            [&self.subject, &self.issuer].into_iter().chain(&self.audiences).chain(&self.authorized_party);
        if kept.chain(&self.methods).any(long) {
            return Err(invalid("A claim of the token is longer than 255 characters."));
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
        match &self.source_identity {
            Some(identity) if !(2..=64).contains(&identity.len()) || !identity.chars().all(allowed) => Err(
                invalid("The source identity of the token does not have 2 to 64 of the allowed characters."),
            ),
            _ => Ok(()),
        }
    }

    /// # Errors
    /// `ExpiredTokenException`, `InvalidIdentityToken`.
    pub fn check_time(&self, now: Timestamp) -> Result<(), StsError> {
        let now = now.seconds();
        if self.expires <= now {
            return Err(StsError::ExpiredToken(format!(
                "Token expired: current date/time {now} must be before the expiration date/time {}",
                self.expires
            )));
        }
        match self.not_before {
            Some(from) if from > now => Err(invalid("The token is not valid yet.")),
            _ => Ok(()),
        }
    }

    /// The audience by which AWS knows the token.
    pub fn audience(&self) -> &str {
        self.authorized_party
            .as_deref()
            .or_else(|| self.audiences.first().map(String::as_str))
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::{Claims, Keys, Unverified};
    use crate::sts::errors::StsError;
    use base::Timestamp;

    /// RFC 7515, appendix A.3: ES256.
    const RFC_TOKEN: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    const RFC_KEY: &str = r#"{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;

    /// The RFC's example has no subject, so only its signature can be tried.
    #[test]
    fn the_signature_of_the_standard_holds_and_others_do_not() {
        let (signed, signature) = RFC_TOKEN.rsplit_once('.').unwrap();
        let decode = |text: &str| base64::Engine::decode(&super::B64, text).unwrap();
        let token = |algorithm: &str, signature: Vec<u8>| Unverified {
            signed,
            signature,
            algorithm: algorithm.into(),
            key_id: None,
            claims: Claims::default(),
        };
        let keys = Keys::read(RFC_KEY).unwrap();
        assert!(token("ES256", decode(signature)).verify(&keys).is_ok());
        let mut spoiled = decode(signature);
        spoiled[9] ^= 1;
        for bad in [
            token("ES256", spoiled),
            token("RS256", decode(signature)),
            token("none", Vec::new()),
            token("HS256", vec![0; 32]),
        ] {
            assert_eq!(
                bad.verify(&keys),
                Err(StsError::InvalidIdentityToken("The signature of the token is not valid.".into()))
            );
        }
    }

    #[test]
    fn what_is_no_token_is_refused() {
        for bad in ["", "a.b", "a.b.c", "..", "eyJhbGciOiJub25lIn0.e30.", RFC_TOKEN] {
            assert!(matches!(Unverified::read(bad), Err(StsError::InvalidIdentityToken(_))), "{bad}");
        }
    }

    #[test]
    fn times() {
        let claims = Claims { expires: 100, not_before: Some(50), ..Claims::default() };
        let at = |seconds| claims.check_time(Timestamp::from_seconds(seconds));
        assert_eq!(at(50), Ok(()));
        assert!(matches!(at(49), Err(StsError::InvalidIdentityToken(_))));
        let words = "Token expired: current date/time 100 must be before the expiration date/time 100";
        assert_eq!(at(100), Err(StsError::ExpiredToken(words.into())));
    }
}
