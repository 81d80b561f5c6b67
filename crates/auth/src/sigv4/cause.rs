//! Why a request's authentication fails, and how each [`Dialect`] tells it.
//!
//! One enum, so that a denial can be explained with its real cause even where the service's own words are vague
//! (EC2). Messages follow the answers of the services themselves, down to a trailing blank.

use super::dialect::{Dialect, SigError};
use super::encode::spaced_hex;
use super::head::Via;
use super::{PRESIGN_SECONDS_MAX, SKEW_MINUTES_MAX};
use base::Timestamp;
use std::time::Duration;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// Not signed at all, where a signature is needed.
    Anonymous,
    /// Both an `Authorization` header and a presigned query.
    TwoMechanisms {
        authorization: String,
    },
    /// An `Authorization` header of another scheme (`Bearer`, `Basic`).
    NotAws {
        authorization: String,
    },
    /// Signature Version 2 (or S3's old `AWS key:signature`), which new regions never took.
    SignatureV2,
    NotKeyValue {
        part: String,
        authorization: String,
    },
    HeaderLacks {
        missing: Vec<&'static str>,
        date: bool,
        authorization: String,
    },
    QueryLacks {
        missing: Vec<&'static str>,
    },
    /// A POST upload without this field.
    FormLacks {
        field: &'static str,
    },
    BadDate {
        via: Via,
        value: String,
    },
    BadAlgorithm {
        via: Via,
        value: String,
    },
    BadCredential {
        via: Via,
        value: String,
        asymmetric: bool,
    },
    BadExpires(ExpiresFault),
    HostNotSigned,
    /// S3 wants every `x-amz-*` header signed.
    HeadersNotSigned(Vec<String>),
    Scope(Box<ScopeFault>),
    /// The request is older than the window allows.
    Late {
        via: Via,
        at: Timestamp,
        window_minutes: u64,
        now: Timestamp,
    },
    /// The request is from the future.
    Early {
        via: Via,
        at: Timestamp,
        now: Timestamp,
        expires_seconds: u32,
    },
    /// A presigned URL of S3 after its time.
    UrlExpired {
        at: Timestamp,
        expires_seconds: u32,
        now: Timestamp,
    },
    Mismatch(Box<Mismatch>),
    /// S3 wants `x-amz-content-sha256` with header signatures.
    NoPayloadHash,
    BadPayloadHash {
        value: String,
    },
    BodyHash {
        claimed: String,
        computed: String,
    },
    UnknownKey {
        access_key: String,
    },
    InvalidToken {
        token: String,
    },
    ExpiredToken {
        token: String,
    },
    /// Longer than the limits at the top of this module's page.
    HeadTooLarge,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpiresFault {
    NotANumber,
    Negative,
    TooLarge,
}

/// Which parts of the credential scope are wrong; pairs are (given, wanted).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopeFault {
    pub via: Via,
    pub date_format: Option<String>,
    pub region: Option<(String, String)>,
    pub service: Option<(String, String)>,
    pub terminal: Option<String>,
    pub date: Option<(String, String)>,
    /// `20150830T123600Z`
    pub stamp: String,
}

/// What we computed, for the caller to compare with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    pub access_key: String,
    pub signature: String,
    pub string_to_sign: Vec<u8>,
    /// Empty where there is none (chunks, POST policies).
    pub canonical_request: Vec<u8>,
}

/// The five answers into which the families other than S3 sort every cause.
#[derive(Clone, Copy)]
enum Kind {
    Missing,
    Incomplete,
    Mismatch,
    UnknownKey,
    Expired,
}

/// Credential, SignedHeaders and Signature.
const COMPONENTS: usize = 3;
const ONE_SPACE: &str = "Authorization header is invalid -- one and only one ' ' (space) required.";
const NOT_MATCHING: &str = "The request signature we calculated does not match the signature you provided. \
    Check your AWS Secret Access Key and signing method. Consult the service documentation for details.";
const TOKEN_INVALID: &str = "The security token included in the request is invalid.";
const TOKEN_EXPIRED: &str = "The security token included in the request is expired";

impl Cause {
    /// The answer to give in this family's words.
    pub fn tell(&self, dialect: Dialect) -> SigError {
        let (kind, message) = match dialect {
            Dialect::S3 => return self.s3(),
            _ => self.plain(),
        };
        let message = match (self, dialect) {
            (Cause::Anonymous, Dialect::RestJson) => "Missing Authentication Token".to_owned(),
            _ => message,
        };
        let status = if dialect == Dialect::RestJson { 403 } else { 400 };
        match (dialect, kind) {
            (Dialect::Ec2, _) => self.ec2(kind, message),
            (Dialect::Query, Kind::Missing) => SigError::new("MissingAuthenticationToken", 403, message),
            (Dialect::Query, Kind::Incomplete) => SigError::new("IncompleteSignature", 400, message),
            (Dialect::Query, Kind::Mismatch) => SigError::new("SignatureDoesNotMatch", 403, message),
            (Dialect::Query, Kind::UnknownKey) => SigError::new("InvalidClientTokenId", 403, message),
            (Dialect::Query, Kind::Expired) => SigError::new("ExpiredToken", 403, message),
            (_, Kind::Missing) => SigError::new("MissingAuthenticationTokenException", status, message),
            (_, Kind::Incomplete) => SigError::new("IncompleteSignatureException", status, message),
            (_, Kind::Mismatch) => SigError::new("InvalidSignatureException", status, message),
            (_, Kind::UnknownKey) => SigError::new("UnrecognizedClientException", status, message),
            (_, Kind::Expired) => SigError::new("ExpiredTokenException", status, message),
        }
    }

    /// EC2 names only what is missing or too old; all else is `AuthFailure`.
    fn ec2(&self, kind: Kind, message: String) -> SigError {
        match (self, kind) {
            (Cause::Late { .. } | Cause::Early { .. } | Cause::UrlExpired { .. }, _) | (_, Kind::Expired) => {
                SigError::new("RequestExpired", 400, "Request has expired.")
            }
            (_, Kind::Missing) => SigError::new(
                "MissingParameter",
                400,
                "The request must contain the parameter AWSAccessKeyId",
            ),
            (_, Kind::Incomplete) => SigError::new("IncompleteSignature", 400, message),
            _ => {
                let message = "AWS was not able to validate the provided access credentials";
                SigError::new("AuthFailure", 401, message)
            }
        }
    }

    fn plain(&self) -> (Kind, String) {
        match self {
            Cause::Anonymous | Cause::NotAws { .. } => {
                (Kind::Missing, "Request is missing Authentication Token".to_owned())
            }
            Cause::TwoMechanisms { .. } => {
                let text = "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.";
                (Kind::Mismatch, text.to_owned())
            }
            Cause::HostNotSigned | Cause::HeadersNotSigned(_) => (Kind::Mismatch, self.unsigned_text()),
            Cause::Scope(fault) => (Kind::Mismatch, fault.sentences()),
            Cause::Late { .. } | Cause::Early { .. } | Cause::UrlExpired { .. } => {
                (Kind::Mismatch, self.time_text())
            }
            Cause::Mismatch(mismatch) => (Kind::Mismatch, mismatch.text()),
            Cause::BodyHash { .. } => (Kind::Mismatch, NOT_MATCHING.to_owned()),
            Cause::UnknownKey { .. } | Cause::InvalidToken { .. } => {
                (Kind::UnknownKey, TOKEN_INVALID.to_owned())
            }
            Cause::ExpiredToken { .. } => (Kind::Expired, TOKEN_EXPIRED.to_owned()),
            _ => (Kind::Incomplete, self.incomplete_text()),
        }
    }

    fn unsigned_text(&self) -> String {
        match self {
            Cause::HeadersNotSigned(names) => {
                format!("'{}' must be a 'SignedHeader' in the AWS Authorization.", names.join("', '"))
            }
            _ => "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.".to_owned(),
        }
    }

    fn incomplete_text(&self) -> String {
        match self {
            Cause::SignatureV2 => {
                "Signature Version 2 is not supported. Please use AWS4-HMAC-SHA256.".to_owned()
            }
            Cause::NotKeyValue { part, authorization } => format!(
                "'{part}' not a valid key=value pair (missing equal-sign) in Authorization header: '{authorization}'."
            ),
            Cause::HeaderLacks { missing, date, authorization } => {
                let mut text = String::new();
                for name in missing {
                    text += &format!("Authorization header requires '{name}' parameter. ");
                }
                if *date {
                    text += "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ";
                }
                text + "Authorization=" + authorization
            }
            Cause::QueryLacks { missing } => {
                let each = |name| format!("AWS query-string parameters must include '{name}'. ");
                missing.iter().map(each).collect::<String>() + "Re-examine the query-string parameters."
            }
            Cause::BadDate { value, .. } => format!(
                "Date must be in ISO-8601 'basic format'. Got '{value}'. See http://en.wikipedia.org/wiki/ISO_8601"
            ),
            Cause::BadAlgorithm { value, .. } => {
                format!("Unsupported AWS 'algorithm': '{value}' (only AWS4-HMAC-SHA256 for now). ")
            }
            Cause::BadCredential { value, asymmetric: false, .. } => format!(
                "Credential must have exactly 5 slash-delimited elements, \
                 e.g. keyid/date/region/service/term, got '{value}'"
            ),
            Cause::BadCredential { value, .. } => format!(
                "Credential must have exactly 4 slash-delimited elements, e.g. keyid/date/service/term, got '{value}'"
            ),
            Cause::BadExpires(fault) => fault.text(),
            Cause::HeadTooLarge => "Your request header section exceeds the maximum allowed size.".to_owned(),
            Cause::FormLacks { field } => format!("The form must contain a field named '{field}'."),
            _ => "The value of 'x-amz-content-sha256' is not valid.".to_owned(),
        }
    }

    /// The other families know one sentence for both ends of the window.
    fn time_text(&self) -> String {
        match self {
            Cause::Late { at, window_minutes, now, .. } => {
                let edge = now.minus(Duration::from_secs(window_minutes * 60));
                let (at, edge, now) = (at.sigv4(), edge.sigv4(), now.sigv4());
                format!("Signature expired: {at} is now earlier than {edge} ({now} - {window_minutes} min.)")
            }
            Cause::Early { at, now, .. } => {
                let edge = now.plus(Duration::from_secs(SKEW_MINUTES_MAX * 60));
                let (at, edge, now) = (at.sigv4(), edge.sigv4(), now.sigv4());
                format!(
                    "Signature not yet current: {at} is still later than {edge} ({now} + {SKEW_MINUTES_MAX} min.)"
                )
            }
            _ => "Request has expired".to_owned(),
        }
    }

    fn s3(&self) -> SigError {
        match self {
            Cause::Anonymous => SigError::new("AccessDenied", 403, "Access Denied"),
            Cause::TwoMechanisms { authorization } => argument(
                "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string \
                 parameter or the Authorization header should be specified",
                "Authorization",
                authorization,
            ),
            Cause::NotAws { authorization } if !authorization.trim().contains([' ', '\t']) => {
                argument(ONE_SPACE, "Authorization", authorization)
            }
            Cause::NotAws { authorization } => {
                argument("Unsupported Authorization Type", "Authorization", authorization)
            }
            Cause::SignatureV2 => SigError::new(
                "InvalidRequest",
                400,
                "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
            ),
            Cause::Scope(fault) => fault.s3(),
            Cause::Late { .. } | Cause::Early { .. } | Cause::UrlExpired { .. } => self.s3_time(),
            Cause::Mismatch(mismatch) => mismatch.s3(),
            Cause::HostNotSigned => s3_unsigned("host"),
            Cause::HeadersNotSigned(names) => s3_unsigned(&names.join(", ")),
            Cause::NoPayloadHash | Cause::BadPayloadHash { .. } | Cause::BodyHash { .. } => self.s3_body(),
            Cause::UnknownKey { access_key } => {
                let text = "The AWS Access Key Id you provided does not exist in our records.";
                SigError::new("InvalidAccessKeyId", 403, text).with("AWSAccessKeyId", access_key)
            }
            Cause::InvalidToken { token } => {
                let text = "The provided token is malformed or otherwise invalid.";
                SigError::new("InvalidToken", 400, text).with("Token-0", token)
            }
            Cause::ExpiredToken { token } => {
                SigError::new("ExpiredToken", 400, "The provided token has expired.").with("Token-0", token)
            }
            _ => self.s3_form(),
        }
    }

    /// Faults in how the credentials are written down.
    fn s3_form(&self) -> SigError {
        match self {
            Cause::NotKeyValue { part, .. } => {
                malformed(Via::Header, &format!("the authorization component \"{part}\" is malformed."))
            }
            Cause::HeaderLacks { missing, authorization, .. } => match missing.as_slice() {
                [] => SigError::new(
                    "AccessDenied",
                    403,
                    "AWS authentication requires a valid Date or x-amz-date header",
                ),
                _ if !authorization.contains(' ') => argument(ONE_SPACE, "Authorization", authorization),
                // One of three under another name.
                [one] if authorization.matches('=').count() >= COMPONENTS => {
                    malformed(Via::Header, &format!("missing {one}."))
                }
                _ => malformed(
                    Via::Header,
                    "the authorization header requires three components: Credential, SignedHeaders, and Signature.",
                ),
            },
            Cause::QueryLacks { .. } => query_fault(
                "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, \
                 X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
            ),
            Cause::FormLacks { field } => SigError::new(
                "InvalidArgument",
                400,
                format!(
                    "Bucket POST must contain a field named '{field}'.  \
                     If it is specified, please check the order of the fields."
                ),
            )
            .with("ArgumentName", (*field).to_owned())
            .with("ArgumentValue", String::new()),
            Cause::BadDate { via: Via::Query, .. } => {
                query_fault("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
            }
            Cause::BadDate { via: Via::Form, value } => {
                argument("X-Amz-Date must be formated via ISO8601 Long format", "X-Amz-Date", value)
            }
            Cause::BadDate { .. } => SigError::new(
                "AccessDenied",
                403,
                "AWS authentication requires a valid Date or x-amz-date header",
            ),
            Cause::BadAlgorithm { via: Via::Query, .. } => {
                query_fault("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256\"")
            }
            Cause::BadAlgorithm { via: Via::Form, value } => {
                argument("Only AWS4-HMAC-SHA256 is supported", "X-Amz-Algorithm", value)
            }
            Cause::BadAlgorithm { value, .. } => {
                argument("Unsupported Authorization Type", "Authorization", value)
            }
            Cause::BadCredential { via, .. } => malformed(
                *via,
                "the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".",
            ),
            Cause::BadExpires(fault) => query_fault(&fault.text()),
            _ => {
                let text = "Your request header section exceeds the maximum allowed size.";
                SigError::new("RequestHeaderSectionTooLarge", 400, text)
            }
        }
    }

    fn s3_body(&self) -> SigError {
        match self {
            Cause::BodyHash { claimed, computed } => {
                let text = "The provided 'x-amz-content-sha256' header does not match what was computed.";
                SigError::new("XAmzContentSHA256Mismatch", 400, text)
                    .with("ClientComputedContentSHA256", claimed)
                    .with("S3ComputedContentSHA256", computed)
            }
            Cause::BadPayloadHash { value } => argument(
                "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, \
                 STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, \
                 STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD, STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER \
                 or a valid sha256 value.",
                "x-amz-content-sha256",
                value,
            ),
            _ => {
                let text = "Missing required header for this request: x-amz-content-sha256";
                SigError::new("InvalidRequest", 400, text)
            }
        }
    }

    fn s3_time(&self) -> SigError {
        match self {
            Cause::Early { via: Via::Query, at, now, expires_seconds } => {
                SigError::new("AccessDenied", 403, "Request is not yet valid")
                    .with("X-Amz-Date", (at.seconds() * 1000).to_string())
                    .with("Expires", at.plus(Duration::from_secs(u64::from(*expires_seconds))).iso8601())
                    .with("ServerTime", now.whole_seconds().iso8601())
            }
            Cause::UrlExpired { at, expires_seconds, now } => {
                SigError::new("AccessDenied", 403, "Request has expired")
                    .with("X-Amz-Expires", expires_seconds.to_string())
                    .with("Expires", at.plus(Duration::from_secs(u64::from(*expires_seconds))).iso8601())
                    .with("ServerTime", now.whole_seconds().iso8601())
            }
            Cause::Late { at, now, .. } | Cause::Early { at, now, .. } => {
                let text = "The difference between the request time and the current time is too large.";
                SigError::new("RequestTimeTooSkewed", 403, text)
                    .with("RequestTime", at.sigv4())
                    .with("ServerTime", now.whole_seconds().iso8601())
                    .with("MaxAllowedSkewMilliseconds", (SKEW_MINUTES_MAX * 60_000).to_string())
            }
            _ => SigError::new("AccessDenied", 403, "Access Denied"),
        }
    }
}

impl ExpiresFault {
    fn text(self) -> String {
        match self {
            ExpiresFault::NotANumber => "X-Amz-Expires should be a number".to_owned(),
            ExpiresFault::Negative => "X-Amz-Expires must be non-negative".to_owned(),
            ExpiresFault::TooLarge => format!(
                "X-Amz-Expires must be less than a week (in seconds); \
                 that is, the given X-Amz-Expires must be less than {PRESIGN_SECONDS_MAX} seconds"
            ),
        }
    }
}

impl ScopeFault {
    /// All wrong parts in one message.
    fn sentences(&self) -> String {
        let mut text = String::new();
        if let Some((given, _)) = &self.region {
            text += &format!("Credential should be scoped to a valid region, not '{given}'. ");
        }
        if let Some((_, wanted)) = &self.service {
            text += &format!("Credential should be scoped to correct service: '{wanted}'. ");
        }
        if let Some(given) = &self.terminal {
            text += &format!(
                "Credential should be scoped with a valid terminator: 'aws4_request', not '{given}'. "
            );
        }
        if let Some((given, wanted)) = &self.date {
            let stamp = &self.stamp;
            text += &format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: \
                 '{given}' != '{wanted}', from '{stamp}'."
            );
        }
        text
    }

    /// S3 tells only the first.
    fn s3(&self) -> SigError {
        if let Some(given) = &self.date_format {
            let text = format!(
                "incorrect date format \"{given}\". This date in the credential must be in the format \"yyyyMMdd\"."
            );
            return malformed(self.via, &text);
        }
        if let Some(given) = &self.terminal {
            return malformed(
                self.via,
                &format!("incorrect terminal \"{given}\". This endpoint uses \"aws4_request\"."),
            );
        }
        if let Some((given, wanted)) = &self.service {
            let text = format!("incorrect service \"{given}\". This endpoint belongs to \"{wanted}\".");
            return malformed(self.via, &text);
        }
        if let Some((given, wanted)) = &self.region {
            return malformed(self.via, &format!("the region '{given}' is wrong; expecting '{wanted}'"))
                .with("Region", wanted);
        }
        let (given, wanted) = self.date.clone().unwrap_or_default();
        let text = format!(
            "Invalid credential date \"{given}\". This date is not the same as X-Amz-Date: \"{wanted}\"."
        );
        match self.via {
            Via::Query => query_fault(&text),
            via => malformed(via, &text),
        }
    }
}

impl Mismatch {
    fn text(&self) -> String {
        if self.canonical_request.is_empty() {
            return NOT_MATCHING.to_owned();
        }
        let canonical = String::from_utf8_lossy(&self.canonical_request);
        let string_to_sign = String::from_utf8_lossy(&self.string_to_sign);
        format!(
            "{NOT_MATCHING}\n\nThe Canonical String for this request should have been\n'{canonical}'\n\n\
             The String-to-Sign should have been\n'{string_to_sign}'\n"
        )
    }

    fn s3(&self) -> SigError {
        let text = "The request signature we calculated does not match the signature you provided. \
                    Check your key and signing method.";
        let error = SigError::new("SignatureDoesNotMatch", 403, text)
            .with("AWSAccessKeyId", &self.access_key)
            .with("StringToSign", String::from_utf8_lossy(&self.string_to_sign))
            .with("SignatureProvided", &self.signature)
            .with("StringToSignBytes", spaced_hex(&self.string_to_sign));
        if self.canonical_request.is_empty() {
            return error;
        }
        error
            .with("CanonicalRequest", String::from_utf8_lossy(&self.canonical_request))
            .with("CanonicalRequestBytes", spaced_hex(&self.canonical_request))
    }
}

fn argument(text: &str, name: &str, value: &str) -> SigError {
    SigError::new("InvalidArgument", 400, text).with("ArgumentName", name).with("ArgumentValue", value)
}

fn query_fault(text: &str) -> SigError {
    SigError::new("AuthorizationQueryParametersError", 400, text)
}

fn s3_unsigned(names: &str) -> SigError {
    let text = "There were headers present in the request which were not signed";
    SigError::new("AccessDenied", 403, text).with("HeadersNotSigned", names)
}

fn malformed(via: Via, text: &str) -> SigError {
    match via {
        Via::Header => SigError::new(
            "AuthorizationHeaderMalformed",
            400,
            format!("The authorization header is malformed; {text}"),
        ),
        Via::Query => query_fault(&format!("Error parsing the X-Amz-Credential parameter; {text}")),
        Via::Form => SigError::new("InvalidArgument", 400, text),
    }
}
