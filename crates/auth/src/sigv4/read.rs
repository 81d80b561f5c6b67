//! Finding the signature in a request, before anything is known of its caller.

use super::asymmetric;
use super::cause::{Cause, ExpiresFault};
use super::encode::decode_text;
use super::head::{Payload, RequestHead, Scope, Via};
use super::{AUTHORIZATION_BYTES_MAX, PRESIGN_SECONDS_MAX, TARGET_BYTES_MAX};
use base::Timestamp;
use http::header::{DATE, HeaderName};
use memchr::{memchr2, memchr3};
use std::borrow::Cow;

const AMZ_CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");
const AMZ_DATE: HeaderName = HeaderName::from_static("x-amz-date");
const AMZ_REGION_SET: HeaderName = HeaderName::from_static("x-amz-region-set");
const AMZ_SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// `AWS4-HMAC-SHA256`
    Hmac,
    /// `AWS4-ECDSA-P256-SHA256`
    Ecdsa,
}

impl Algorithm {
    pub(super) fn parse(text: &str) -> Option<Algorithm> {
        match text {
            "AWS4-HMAC-SHA256" => Some(Algorithm::Hmac),
            asymmetric::ALGORITHM => Some(Algorithm::Ecdsa),
            _ => None,
        }
    }

    pub fn text(self) -> &'static str {
        match self {
            Algorithm::Hmac => "AWS4-HMAC-SHA256",
            Algorithm::Ecdsa => asymmetric::ALGORITHM,
        }
    }
}

/// A signature as presented, not yet verified: nothing in here is to be believed before [`Presented::verify`].
#[derive(Debug, Clone)]
pub struct Presented<'a> {
    pub(super) via: Via,
    pub(super) algorithm: Algorithm,
    pub(super) access_key: Cow<'a, str>,
    pub(super) scope: Scope,
    pub(super) signed_headers: Cow<'a, str>,
    pub(super) signature: Cow<'a, str>,
    pub(super) token: Option<Cow<'a, str>>,
    pub(super) timestamp: Timestamp,
    pub(super) expires_seconds: Option<u32>,
    /// The value of `x-amz-content-sha256`, a header or (presigned) a parameter.
    pub(super) content_sha256: Option<Cow<'a, str>>,
    pub(super) region_set: Option<Cow<'a, str>>,
}

impl Presented<'_> {
    pub fn via(&self) -> Via {
        self.via
    }

    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub fn access_key(&self) -> &str {
        &self.access_key
    }

    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// `X-Amz-Security-Token`: the session that the key belongs to.
    pub fn session_token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// When it says that it was signed.
    pub fn timestamp(&self) -> Timestamp {
        self.timestamp
    }

    /// `X-Amz-Expires` of a presigned URL.
    pub fn expires_seconds(&self) -> Option<u32> {
        self.expires_seconds
    }

    /// What is said about the body; `None` when nothing is, or nothing that can be understood.
    pub fn payload(&self) -> Option<Payload> {
        self.content_sha256.as_deref().and_then(Payload::parse)
    }

    /// `X-Amz-Region-Set` of a SigV4A signature.
    pub fn region_set(&self) -> Option<&str> {
        self.region_set.as_deref()
    }

    /// Lower-case names, in the order of the signature.
    pub fn signed_headers(&self) -> impl Iterator<Item = &str> {
        self.signed_headers.split(';').filter(|name| !name.is_empty())
    }

    /// Whether a header (in lower case) is covered by the signature.
    pub fn signs(&self, header: &str) -> bool {
        self.signed_headers.as_bytes().split(|byte| *byte == b';').any(|name| name == header.as_bytes())
    }

    fn into_owned(self) -> Presented<'static> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        Presented {
            via: self.via,
            algorithm: self.algorithm,
            access_key: owned(self.access_key),
            scope: self.scope,
            signed_headers: owned(self.signed_headers),
            signature: owned(self.signature),
            token: self.token.map(owned),
            timestamp: self.timestamp,
            expires_seconds: self.expires_seconds,
            content_sha256: self.content_sha256.map(owned),
            region_set: self.region_set.map(owned),
        }
    }
}

/// Finds how the request is signed; `None` when it is not signed at all.
///
/// # Errors
/// A [`Cause`] when it is signed in a way that cannot be understood; which service was meant, and so which
/// [`Dialect`](super::Dialect) to tell it in, the caller knows.
pub fn read<'a>(head: &RequestHead<'a>) -> Result<Option<Presented<'a>>, Cause> {
    // An empty header says as little as none.
    let authorization = head.headers.get(http::header::AUTHORIZATION);
    let authorization = authorization.filter(|value| !value.as_bytes().trim_ascii().is_empty());
    if head.path.len() + head.query.len() > TARGET_BYTES_MAX
        || authorization.is_some_and(|value| value.len() > AUTHORIZATION_BYTES_MAX)
    {
        return Err(Cause::HeadTooLarge);
    }
    let query = Query::find(head.query);
    match authorization {
        Some(value) => {
            let text = text_of(value);
            if query.algorithm.is_some() || query.is_v2() {
                return Err(Cause::TwoMechanisms { authorization: text.into_owned() });
            }
            match text {
                Cow::Borrowed(text) => from_header(head, text).map(Some),
                Cow::Owned(text) => from_header(head, &text).map(Presented::into_owned).map(Some),
            }
        }
        None if query.algorithm.is_some() => from_query(head, query).map(Some),
        None if query.is_v2() => Err(Cause::SignatureV2),
        None => Ok(None),
    }
}

fn header<'a>(head: &RequestHead<'a>, name: HeaderName) -> Option<Cow<'a, str>> {
    head.headers.get(name).map(text_of)
}

/// Nearly every header is text; what mends those that are none looks at each byte by itself.
fn text_of(value: &http::HeaderValue) -> Cow<'_, str> {
    let bytes = value.as_bytes();
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

fn lower_case(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Cow::Owned(text.to_ascii_lowercase());
    }
    Cow::Borrowed(text)
}

fn parts(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        match memchr3(b',', b' ', b'\t', text.as_bytes()) {
            Some(at) => {
                rest = Some(&text[at + 1..]);
                Some(&text[..at])
            }
            None => rest.take(),
        }
    })
}

fn from_header<'a>(head: &RequestHead<'a>, authorization: &'a str) -> Result<Presented<'a>, Cause> {
    let text = authorization.trim();
    let whole = || authorization.to_owned();
    let (algorithm, rest) = match memchr2(b' ', b'\t', text.as_bytes()) {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, ""),
    };
    if algorithm == "AWS" || algorithm.starts_with("AWS3") {
        return Err(Cause::SignatureV2);
    }
    if !algorithm.starts_with("AWS4-") {
        return Err(Cause::NotAws { authorization: whole() });
    }
    let (mut credential, mut signed_headers, mut signature) = (None, None, None);
    // Blanks part as well as commas: `Credential= x` is answered with "'x' not a valid key=value pair".
    for part in parts(rest).filter(|part| !part.is_empty()) {
        let Some((name, value)) = part.split_once('=') else {
            return Err(Cause::NotKeyValue { part: part.to_owned(), authorization: whole() });
        };
        match name {
            "Credential" => credential = Some(value),
            "SignedHeaders" => signed_headers = Some(value),
            "Signature" => signature = Some(value),
            _ => {}
        }
    }
    let date = header(head, AMZ_DATE).or_else(|| header(head, DATE));
    let (Some(credential), Some(signature), Some(signed_headers), Some(date)) =
        (credential, signature, signed_headers, &date)
    else {
        let found = [("Credential", credential), ("Signature", signature), ("SignedHeaders", signed_headers)];
        let missing = found.iter().filter(|(_, value)| value.is_none()).map(|(name, _)| *name).collect();
        return Err(Cause::HeaderLacks { missing, date: date.is_none(), authorization: whole() });
    };
    let timestamp =
        parse_date(date).ok_or_else(|| Cause::BadDate { via: Via::Header, value: date.to_string() })?;
    let algorithm = Algorithm::parse(algorithm)
        .ok_or_else(|| Cause::BadAlgorithm { via: Via::Header, value: algorithm.to_owned() })?;
    let (access_key, scope) = parse_credential(credential, algorithm, Via::Header)?;
    Ok(Presented {
        via: Via::Header,
        algorithm,
        access_key: Cow::Borrowed(access_key),
        scope,
        signed_headers: lower_case(signed_headers),
        signature: Cow::Borrowed(signature),
        token: header(head, AMZ_SECURITY_TOKEN),
        timestamp,
        expires_seconds: None,
        content_sha256: header(head, AMZ_CONTENT_SHA256),
        region_set: header(head, AMZ_REGION_SET),
    })
}

/// The parameters of a presigned URL, the first of each name.
#[derive(Default)]
struct Query<'a> {
    algorithm: Option<Cow<'a, str>>,
    credential: Option<Cow<'a, str>>,
    date: Option<Cow<'a, str>>,
    expires: Option<Cow<'a, str>>,
    signed_headers: Option<Cow<'a, str>>,
    signature: Option<Cow<'a, str>>,
    token: Option<Cow<'a, str>>,
    content_sha256: Option<Cow<'a, str>>,
    region_set: Option<Cow<'a, str>>,
    v2_key: bool,
    v2_signature: bool,
}

impl<'a> Query<'a> {
    fn find(query: &'a str) -> Query<'a> {
        let mut found = Query::default();
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let slot = match decode_text(name).as_ref() {
                "X-Amz-Algorithm" => &mut found.algorithm,
                "X-Amz-Credential" => &mut found.credential,
                "X-Amz-Date" => &mut found.date,
                "X-Amz-Expires" => &mut found.expires,
                "X-Amz-SignedHeaders" => &mut found.signed_headers,
                "X-Amz-Signature" => &mut found.signature,
                "X-Amz-Security-Token" => &mut found.token,
                "X-Amz-Content-Sha256" => &mut found.content_sha256,
                "X-Amz-Region-Set" => &mut found.region_set,
                "AWSAccessKeyId" => {
                    found.v2_key = true;
                    continue;
                }
                "Signature" => {
                    found.v2_signature = true;
                    continue;
                }
                _ => continue,
            };
            if slot.is_none() {
                *slot = Some(decode_text(value));
            }
        }
        found
    }

    fn is_v2(&self) -> bool {
        self.v2_key && self.v2_signature
    }
}

fn from_query<'a>(head: &RequestHead<'a>, query: Query<'a>) -> Result<Presented<'a>, Cause> {
    let filled = |value: Option<Cow<'a, str>>| value.filter(|text| !text.is_empty());
    let found = (
        filled(query.algorithm),
        filled(query.credential),
        filled(query.signature),
        filled(query.signed_headers),
        filled(query.date),
    );
    let (Some(algorithm), Some(credential), Some(signature), Some(signed_headers), Some(date)) = found else {
        let names = [
            ("X-Amz-Algorithm", found.0.is_some()),
            ("X-Amz-Credential", found.1.is_some()),
            ("X-Amz-Signature", found.2.is_some()),
            ("X-Amz-SignedHeaders", found.3.is_some()),
            ("X-Amz-Date", found.4.is_some()),
        ];
        let missing = names.iter().filter(|(_, there)| !there).map(|(name, _)| *name).collect();
        return Err(Cause::QueryLacks { missing });
    };
    let timestamp = Timestamp::parse_sigv4(&date)
        .ok_or_else(|| Cause::BadDate { via: Via::Query, value: date.clone().into_owned() })?;
    let algorithm = Algorithm::parse(&algorithm)
        .ok_or_else(|| Cause::BadAlgorithm { via: Via::Query, value: algorithm.clone().into_owned() })?;
    let (access_key, scope) = parse_credential(&credential, algorithm, Via::Query)?;
    let expires_seconds = query.expires.as_deref().map(parse_expires).transpose()?;
    Ok(Presented {
        via: Via::Query,
        algorithm,
        access_key: Cow::Owned(access_key.to_owned()),
        scope,
        signed_headers: Cow::Owned(signed_headers.to_ascii_lowercase()),
        signature,
        token: query.token.or_else(|| header(head, AMZ_SECURITY_TOKEN)),
        timestamp,
        expires_seconds,
        content_sha256: query.content_sha256.or_else(|| header(head, AMZ_CONTENT_SHA256)),
        region_set: query.region_set.or_else(|| header(head, AMZ_REGION_SET)),
    })
}

/// SigV4's own form; the `Date` header may come in HTTP's.
fn parse_date(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    Timestamp::parse_sigv4(text).or_else(|| Timestamp::parse_http_date(text))
}

fn parse_expires(text: &str) -> Result<u32, Cause> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Cause::BadExpires(ExpiresFault::NotANumber));
    }
    if digits.len() < text.len() {
        return Err(Cause::BadExpires(ExpiresFault::Negative));
    }
    match digits.parse::<u32>() {
        Ok(seconds) if seconds <= PRESIGN_SECONDS_MAX => Ok(seconds),
        _ => Err(Cause::BadExpires(ExpiresFault::TooLarge)),
    }
}

/// `key/date/region/service/aws4_request`, without the region under SigV4A; slashes at the end are ignored.
pub(super) fn parse_credential(text: &str, algorithm: Algorithm, via: Via) -> Result<(&str, Scope), Cause> {
    let mut parts = text.trim_end_matches('/').split('/');
    let mut next = || parts.next();
    let (access_key, date) = (next(), next());
    let region = if algorithm == Algorithm::Hmac { next().map(Some) } else { Some(None) };
    let (service, terminal, more) = (next(), next(), next());
    match (access_key, date, region, service, terminal, more) {
        (Some(access_key), Some(date), Some(region), Some(service), Some(terminal), None)
            if !access_key.is_empty() =>
        {
            let region = region.map(str::to_owned);
            let [date, service, terminal] = [date, service, terminal].map(str::to_owned);
            Ok((access_key, Scope { date, region, service, terminal }))
        }
        _ => {
            let asymmetric = algorithm == Algorithm::Ecdsa;
            Err(Cause::BadCredential { via, value: text.to_owned(), asymmetric })
        }
    }
}
