//! The fields of a form, and the request that they make.

use super::multipart::Front;
use crate::s3::errors::{Refusal, S3Error, argument};
use base::Timestamp;
use wire::model::{Kind, Location, Structure};
use wire::{Struct, Value, octets};

const FILE_NAME: &str = "${filename}";
const METADATA: &str = "x-amz-meta-";
/// The fields that the object keeps as its headers.
const KEPT: [&str; 5] =
    ["cache-control", "content-disposition", "content-encoding", "content-language", "content-type"];

/// Fields by their names in lower case, variables replaced.
#[derive(Debug)]
pub(super) struct Fields {
    pairs: Vec<(String, String)>,
}

impl Fields {
    pub(super) fn new(front: Front) -> Fields {
        let Front { fields, file_name, .. } = front;
        let expand = |value: String| match &file_name {
            Some(name) => value.replace(FILE_NAME, name),
            // As S3 does, without a name the variable stays as it is.
            None => value,
        };
        let pairs = fields.into_iter().map(|field| (field.name.to_ascii_lowercase(), expand(field.value)));
        Fields { pairs: pairs.collect() }
    }

    pub(super) fn pairs(&self) -> &[(String, String)] {
        &self.pairs
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn key(&self) -> &str {
        self.get("key").unwrap_or_default()
    }

    /// # Errors
    /// `InvalidArgument`.
    pub(super) fn need(&self, name: &str) -> Result<(), S3Error> {
        if self.get(name).is_some_and(|value| !value.is_empty()) {
            return Ok(());
        }
        let message = format!(
            "Bucket POST must contain a field named '{name}'.  If it is specified, please check the order of the fields."
        );
        Err(argument(message, name, ""))
    }

    /// Where the browser goes next: a whole URL, or nowhere.
    pub(super) fn redirect(&self) -> Option<&str> {
        let url = self.get("success_action_redirect").or_else(|| self.get("redirect"))?;
        let is_url = url.starts_with("http://") || url.starts_with("https://");
        (is_url && http::HeaderValue::from_str(url).is_ok()).then_some(url)
    }

    /// The input of `PutObject` that the fields stand for: each field is the header of its name.
    ///
    /// # Errors
    /// `InvalidArgument`, `MalformedXML`.
    pub(super) fn request(&self, bucket: &str) -> Result<Value, S3Error> {
        let s3 = wire::catalog::service("s3").ok_or(Refusal::Internal)?;
        let input = s3.operation("PutObject").and_then(|op| op.input).and_then(|id| s3.structure(id));
        let input: &Structure = input.ok_or(Refusal::Internal)?;
        let mut members = Struct::new();
        members.push("Bucket", Value::str(bucket));
        members.push("Key", Value::str(self.key()));
        for member in input.members.iter().filter(|member| member.location == Location::Header) {
            let name = member.target.wire_name.to_ascii_lowercase();
            let Some(text) = self.get(if name == "x-amz-acl" { "acl" } else { &name }) else { continue };
            let value = match &s3.shape(member.target.shape).kind {
                Kind::Boolean => Value::Bool(text == "true"),
                Kind::Timestamp { .. } => match Timestamp::parse_iso8601(text) {
                    Some(time) => Value::Time(time),
                    None => return Err(argument("The date is not valid.", &name, text)),
                },
                // AWS: recorded answers: these headers carry Latin-1, and a blank for what is not of it.
                Kind::String { .. } if KEPT.contains(&name.as_str()) => {
                    let latin = text.chars().map(|c| u8::try_from(c).map_or(' ', octets::held));
                    Value::Str(latin.collect())
                }
                Kind::String { .. } => Value::str(text),
                _ => continue,
            };
            members.set(member.name, value);
        }
        let metadata: Vec<(String, Value)> = self
            .pairs
            .iter()
            .filter_map(|(name, value)| {
                Some((name.strip_prefix(METADATA)?.to_owned(), Value::str(value.as_str())))
            })
            .collect();
        if !metadata.is_empty() {
            members.set("Metadata", Value::Map(metadata));
        }
        if let Some(document) = self.get("tagging") {
            members.set("Tagging", Value::Str(tags(document)?));
        }
        Ok(Value::Struct(members))
    }
}

/// The tags of a document, as the header has them.
fn tags(document: &str) -> Result<String, S3Error> {
    let s3 = wire::catalog::service("s3").ok_or(Refusal::Internal)?;
    let members =
        wire::input::xml_members(s3, "Tagging", document.as_bytes()).ok_or(Refusal::MalformedXml)?;
    let set = members.get("TagSet").and_then(Value::as_list).unwrap_or_default();
    let text = |tag: &Value, name: &str| {
        let text = tag.member(name).and_then(Value::as_str).unwrap_or_default();
        crate::s3::listing::url_encoded(text)
    };
    let pairs: Vec<String> = set.iter().map(|tag| [text(tag, "Key"), text(tag, "Value")].join("=")).collect();
    Ok(pairs.join("&"))
}
