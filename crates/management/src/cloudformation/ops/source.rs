//! Where the text of a template comes from: the request itself, or an object in this cloud's S3 that the caller may
//! read.

use crate::cloudformation::errors::{CfnError, invalid};
use crate::cloudformation::model::SERVICE;
use crate::cloudformation::stack_policy::StackPolicy;
use crate::cloudformation::template::{BODY_BYTES_MAX, URL_BYTES_MAX};
use kernel::{Body, Call, Dx};
use wire::{Fault, Struct, Value};

/// The text; `None` where the request names none.
///
/// # Errors
/// What is too long, and what S3 refuses.
pub(super) async fn text(
    dx: &Dx,
    body: Option<String>,
    url: Option<String>,
) -> Result<Option<String>, Fault> {
    match (body, url) {
        (Some(_), Some(_)) => {
            Err(invalid("Only one of Template URL and Template Body may be specified.").into())
        }
        (Some(body), None) if body.len() > BODY_BYTES_MAX => Err(invalid(format!(
            "1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must have length less than or equal to {BODY_BYTES_MAX}"
        ))
        .into()),
        (Some(body), None) => Ok(Some(body)),
        (None, Some(url)) => fetch(dx, &url).await.map(Some),
        (None, None) => Ok(None),
    }
}

/// The text of a stack policy; `None` where the request has none.
///
/// # Errors
/// What is no policy, and what S3 refuses.
pub(super) async fn policy(
    dx: &Dx,
    body: Option<String>,
    url: Option<String>,
) -> Result<Option<String>, Fault> {
    let text = match (body, url) {
        (Some(_), Some(_)) => {
            return Err(invalid("You cannot specify both StackPolicyURL and StackPolicyBody.").into());
        }
        (Some(body), None) => body,
        (None, Some(url)) => fetch(dx, &url).await?,
        (None, None) => return Ok(None),
    };
    Ok(checked(Some(text))?)
}

/// The text of a stack policy, if it is one.
fn checked(text: Option<String>) -> Result<Option<String>, CfnError> {
    if let Some(text) = &text {
        StackPolicy::read(text).map_err(invalid)?;
    }
    Ok(text)
}

/// As [`policy`], within the transaction of another: there, nothing is fetched.
///
/// # Errors
/// What is no policy, and an address.
pub(super) fn policy_within(
    body: Option<String>,
    url: Option<String>,
    member: &str,
) -> Result<Option<String>, CfnError> {
    no_url(url.as_ref(), member)?;
    checked(body)
}

/// As [`text`], within the transaction of another.
///
/// # Errors
/// An address.
pub(super) fn text_within(body: Option<String>, url: Option<String>) -> Result<Option<String>, CfnError> {
    no_url(url.as_ref(), "TemplateURL")?;
    Ok(body)
}

fn no_url(url: Option<&String>, member: &str) -> Result<(), CfnError> {
    match url {
        Some(_) => Err(CfnError::NotBuilt(format!("{member} in a call that a service makes"))),
        None => Ok(()),
    }
}

/// What is needed and not there.
pub(super) fn missing() -> CfnError {
    invalid("Either Template URL or Template Body must be specified.")
}

/// An object, as its address names it.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Place {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) version: Option<String>,
}

impl Place {
    /// What S3 is asked for.
    pub(crate) fn asked(self) -> impl Iterator<Item = (&'static str, Value)> {
        let own = [("Bucket", self.bucket), ("Key", self.key)].into_iter();
        let all = own.chain(self.version.map(|version| ("VersionId", version)));
        all.map(|(name, text)| (name, Value::Str(text)))
    }
}

/// The text of what S3 has answered within a transaction; `None` where it is none.
pub(crate) fn text_of(answer: &Value) -> Option<String> {
    match answer.member("Body") {
        Some(Value::Blob(bytes)) => String::from_utf8(bytes.to_vec()).ok(),
        _ => Some(String::new()),
    }
}

async fn fetch(dx: &Dx, url: &str) -> Result<String, Fault> {
    let own = dx.request().host.as_deref();
    let place = place(url, own).ok_or_else(|| invalid("TemplateURL must be a supported URL."))?;
    let input: Struct = place.asked().collect();
    let call = Call { service: "s3", operation: "GetObject", value: Value::Struct(input) };
    let answer = dx.call(SERVICE, call, Body::empty()).await.map_err(|fault| {
        invalid(format!(
            "S3 error: {}\nFor more information check http://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html",
            fault.message
        ))
    })?;
    let length = answer.value.member("ContentLength").and_then(Value::as_int).unwrap_or_default();
    if usize::try_from(length).is_ok_and(|length| length > URL_BYTES_MAX) {
        return Err(invalid(format!("Template may not exceed {URL_BYTES_MAX} bytes in size.")).into());
    }
    let bytes = match answer.content {
        Some(content) => content.whole().await.map_err(|cut| cut.fault(URL_BYTES_MAX))?,
        None => bytes::Bytes::new(),
    };
    String::from_utf8(bytes.to_vec())
        .map_err(|_| invalid("Template format error: unsupported structure.").into())
}

/// The object of an address: S3's own forms, or under the name by which the caller found this cloud.
pub(crate) fn place(url: &str, own: Option<&str>) -> Option<Place> {
    let (_, rest) = url.split_once("://").filter(|(scheme, _)| matches!(*scheme, "https" | "http"))?;
    let (host, path) = rest.split_once('/')?;
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let named = wire::route::host::read(host);
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let is_here = own == Some(host) || matches!(name, "localhost" | "127.0.0.1");
    let (bucket, key) = match named.bucket {
        Some(bucket) => (bucket, path),
        None if named.endpoint_prefix == Some("s3") || is_here => path.split_once('/')?,
        None => return None,
    };
    let version = query.split('&').find_map(|pair| pair.strip_prefix("versionId="));
    let key = decoded(key)?;
    (!bucket.is_empty() && !key.is_empty()).then(|| Place {
        bucket: bucket.to_owned(),
        key,
        version: version.map(str::to_owned),
    })
}

fn decoded(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        if *first != b'%' {
            out.push(*first);
            rest = tail;
            continue;
        }
        let digits = std::str::from_utf8(tail.get(..2)?).ok()?;
        out.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &tail[2..];
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn addresses_of_objects() {
        let rows = [
            ("https://s3.amazonaws.com/b/a/k.yaml", Some("b a/k.yaml")),
            ("https://b.s3.eu-west-1.amazonaws.com/k%20x", Some("b k x")),
            ("https://s3.eu-west-1.amazonaws.com/b/k?versionId=7", Some("b k 7")),
            ("http://127.0.0.1:4566/b/k", Some("b k")),
            ("http://cloud:1/b/k", Some("b k")),
            ("https://example.com/b/k", None),
            ("https://s3.amazonaws.com/b", None),
            ("ftp://s3.amazonaws.com/b/k", None),
        ];
        for (url, wanted) in rows {
            let told = place(url, Some("cloud:1"));
            let told = told.map(|p| {
                [Some(p.bucket), Some(p.key), p.version].into_iter().flatten().collect::<Vec<_>>().join(" ")
            });
            assert_eq!(told.as_deref(), wanted, "{url}");
        }
    }
}
