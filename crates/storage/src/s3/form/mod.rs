//! Browser uploads: a form that puts an object, as its signer's policy allows.
//!
//! ```text
//! fields ──▶ who signed? ──▶ does the policy hold? ──▶ PutObject, the file as its body ──▶ 204, 201, 200 or 303
//! ```
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html>. Signed with version 4 or, as old pages
//! still are, with version 2 in the regions that know it. The order of refusals is S3's: fields, signature, policy, conditions.

mod body;
mod fields;
mod multipart;
mod policy;

use self::body::{FileBody, Source};
use self::fields::Fields;
use self::multipart::{Front, Malformed, Reader};
use self::policy::Policy;
use super::buckets;
use super::errors::{FormRefusal, Refusal, S3Error};
use base::Region;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::HeaderValue;
use http::request::Parts;
use kernel::form::Form;
use kernel::site::Site;
use kernel::witness::Trace;
use kernel::{Answer, Body, Cloud, Content, Incoming, Peer, Reply, Running};
use std::sync::Arc;
use wire::model::Protocol;
use wire::route::host;
use wire::{Fault, Value};

/// What comes in the place of a form with a file, and is told so.
const OTHERS: [&str; 2] = ["application/x-www-form-urlencoded", "text/html"];

/// Takes forms that are posted to a bucket.
#[derive(Debug)]
pub struct Forms;

/// What an upload has made, for the answer.
struct Made {
    bucket: String,
    region: Region,
    fields: Fields,
    answer: Answer<Value>,
}

impl Site for Forms {
    fn name(&self) -> &'static str {
        "s3 forms"
    }

    fn claims(&self, parts: &Parts) -> bool {
        if parts.method != http::Method::POST || !parts.uri.query().is_none_or(str::is_empty) {
            return false;
        }
        let is_form = || {
            let kind = header(parts, "content-type");
            kind.and_then(|kind| kind.get(..19))
                .is_some_and(|start| start.eq_ignore_ascii_case("multipart/form-data"))
        };
        bucket(parts).is_some_and(|(_, virtual_host)| virtual_host || is_form() || is_other_form(parts))
    }

    fn answer<'a>(
        &'a self,
        cloud: &'a Arc<Cloud>,
        parts: &'a Parts,
        incoming: Incoming,
        peer: Peer,
    ) -> Running<'a, Reply> {
        Box::pin(async move {
            let id = base::id::uuid(cloud.rng());
            if let Some(trace) = Trace::of(parts) {
                trace.note(|facts| facts.id.clone_from(&id));
            }
            match upload(cloud, parts, incoming, peer, &id).await {
                Ok(made) => reply(made, &id),
                Err(error) => {
                    if let Some(trace) = Trace::of(parts) {
                        trace.note(|facts| facts.error = Some(error.code().to_owned()));
                    }
                    let s3 = wire::catalog::service("s3");
                    wire::output::fault(s3, None, Protocol::RestXml, &Fault::from(error), &id).into()
                }
            }
        })
    }
}

/// A form of the kind that cannot carry a file, or a page, which nobody has signed as a request: that of another service
/// would say which.
fn is_other_form(parts: &Parts) -> bool {
    let signed = ["authorization", "x-amz-target"].iter().any(|name| parts.headers.contains_key(*name));
    !signed
        && header(parts, "content-type")
            .is_some_and(|kind| OTHERS.iter().any(|other| kind.starts_with(other)))
}

fn header<'p>(parts: &'p Parts, name: &str) -> Option<&'p str> {
    parts.headers.get(name)?.to_str().ok()
}

/// The bucket that a form is posted to, and whether the host name says so.
pub(super) fn bucket(parts: &Parts) -> Option<(String, bool)> {
    let name = header(parts, "host").map(host::read).unwrap_or_default();
    let path = parts.uri.path().trim_matches('/');
    match (name.bucket, path) {
        (Some(bucket), "") => Some((bucket.to_owned(), true)),
        (None, path)
            if !path.is_empty() && !path.contains('/') && name.endpoint_prefix.is_none_or(|p| p == "s3") =>
        {
            Some((wire::head::percent_decoded(path)?, false))
        }
        _ => None,
    }
}

async fn upload(
    cloud: &Arc<Cloud>,
    parts: &Parts,
    incoming: Incoming,
    peer: Peer,
    id: &str,
) -> Result<Made, S3Error> {
    let (name, _) = bucket(parts).ok_or(Refusal::Internal)?;
    let boundary = match header(parts, "content-type") {
        Some(kind) if kind.to_ascii_lowercase().starts_with("multipart/form-data") => {
            multipart::boundary(kind).ok_or(FormRefusal::Malformed)?
        }
        _ => return Err(FormRefusal::NoForm.into()),
    };
    let mut source = Source::from(incoming);
    let (front, reader) = front(&mut source, Reader::new(&boundary)).await?;
    // Who sends it is looked at first, with whatever there is: only they learn that there is no such bucket.
    let found = {
        let snapshot = cloud.store().snapshot();
        buckets::load(cloud, &snapshot, &name).map(|bucket| bucket.record.region)
    };
    let fields = Fields::new(front);
    fields.need("key")?;
    let policy_text = fields.get("policy");
    let form = Form {
        v4: auth::sigv4::post::PostFields {
            policy: policy_text,
            algorithm: fields.get("x-amz-algorithm"),
            credential: fields.get("x-amz-credential"),
            date: fields.get("x-amz-date"),
            signature: fields.get("x-amz-signature"),
        },
        old_key: fields.get("awsaccesskeyid"),
        old_signature: fields.get("signature"),
        token: fields.get("x-amz-security-token"),
    };
    if (form.old_key.is_some() || form.old_signature.is_some())
        && !found.as_ref().is_ok_and(|region| takes_old_signatures(*region))
    {
        found?;
        return Err(FormRefusal::OldSignature.into());
    }
    let who = cloud.uploader(&form, peer, id, parts)?.traced(Trace::of(parts));
    let policy = match policy_text.filter(|_| who.is_signed()) {
        None => None,
        Some(text) => {
            let json = STANDARD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            let json =
                json.ok_or_else(|| FormRefusal::PolicyDocument("invalid Base64 encoding.".to_owned()))?;
            let policy = Policy::read(&json)?;
            policy.check(fields.pairs(), &name, cloud.wall_now())?;
            Some(policy)
        }
    };
    let region = found?;
    let expected = expected_size(parts, &reader, &boundary);
    let sizes = policy.and_then(|policy| policy.sizes);
    let (file, verdict) = FileBody::new(source, reader.file(), sizes, expected);
    let request = fields.request(&name)?;
    let outcome = cloud.upload(&who, region, request, Body::of(file.boxed(), None)).await;
    match outcome {
        Ok(answer) => Ok(Made { bucket: name, region, fields, answer }),
        // What is wrong with the file itself comes first.
        Err(fault) => Err(verdict.take().unwrap_or_else(|| fault.into())),
    }
}

/// AWS: regions that began after January 2014 never knew Signature Version 2.
fn takes_old_signatures(region: Region) -> bool {
    const OLD: [&str; 8] = [
        "us-east-1",
        "us-west-1",
        "us-west-2",
        "eu-west-1",
        "ap-southeast-1",
        "ap-southeast-2",
        "ap-northeast-1",
        "sa-east-1",
    ];
    OLD.contains(&region.name())
}

/// Reads up to the file.
async fn front(source: &mut Source, mut reader: Reader) -> Result<(Front, Reader), S3Error> {
    loop {
        let piece = source.next().await.map_err(|cut| S3Error::from(cut.fault(0)))?;
        let Some(piece) = piece else { return Err(FormRefusal::Malformed.into()) };
        match reader.push(&piece) {
            Ok(Some(front)) => return Ok((front, reader)),
            Ok(None) => {}
            Err(Malformed::Form) => return Err(FormRefusal::Malformed.into()),
            Err(Malformed::FieldsTooLarge) => return Err(FormRefusal::FieldsTooLarge.into()),
            Err(Malformed::NoFile) => return Err(FormRefusal::NoFile.into()),
        }
    }
}

/// The file's size where it is the last field: what the form has beside what came before it and its last delimiter.
fn expected_size(parts: &Parts, reader: &Reader, boundary: &str) -> Option<u64> {
    let whole: u64 = header(parts, "content-length")?.parse().ok()?;
    whole.checked_sub(reader.before_file() + boundary.len() as u64 + 8)
}

fn reply(made: Made, id: &str) -> Reply {
    let Made { bucket, region, fields, answer } = made;
    let s3 = wire::catalog::service("s3");
    let operation = s3.and_then(|s3| s3.operation("PutObject"));
    let (Some(s3), Some(operation)) = (s3, operation) else {
        return Reply { status: 500, headers: http::HeaderMap::new(), content: Bytes::new().into() };
    };
    let mut head = wire::output::success_head(s3, operation, Protocol::RestXml, &answer.value, id);
    head.headers.remove(http::header::CONTENT_TYPE);
    let etag = answer.value.member("ETag").and_then(Value::as_str).unwrap_or_default();
    let key = fields.key();
    let host = match region {
        region if region == Region::US_EAST_1 => format!("{bucket}.s3.amazonaws.com"),
        region => format!("{bucket}.s3.{}.amazonaws.com", region.name()),
    };
    let escaped = super::listing::url_encoded(key).replace('/', "%2F");
    let location = format!("https://{host}/{escaped}");
    let mut content = Content::Whole(Bytes::new());
    let redirect = fields.redirect().map(|url| {
        let joint = if url.contains('?') { '&' } else { '?' };
        let key = escaped.replace("%20", "+");
        format!("{url}{joint}bucket={bucket}&key={key}&etag={}", etag.replace('"', "%22"))
    });
    let to = match (&redirect, fields.get("success_action_status")) {
        (Some(url), _) => {
            head.status = 303;
            url
        }
        (None, Some("201")) => {
            head.status = 201;
            let members =
                [("Location", location.as_str()), ("Bucket", &bucket), ("Key", key), ("ETag", etag)];
            content = wire::output::plain_document("PostResponse", &members).into();
            head.headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
            &location
        }
        (None, Some("200")) => &location,
        (None, _) => {
            head.status = 204;
            &location
        }
    };
    if let Ok(value) = HeaderValue::from_str(to) {
        head.headers.insert(http::header::LOCATION, value);
    }
    Reply { status: head.status, headers: head.headers, content }
}
