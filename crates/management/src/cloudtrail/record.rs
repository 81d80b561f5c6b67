//! The `CloudTrailEvent` of an event: its record, as JSON text.
//!
//! AWS: <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html>

use super::{facts, resource};
use kernel::audit::Entry;
use std::borrow::Cow;
use wire::Value;
use wire::model::Service;

/// The version of the record's format, which says which fields there may be.
const EVENT_VERSION: &str = "1.11";

/// S3's operations on accounts, which are a service of their own to clients and a part of S3 in the trail.
const ACCOUNTS: &str = "s3control";

/// The service's name in events: `iam.amazonaws.com`.
pub(super) fn source(entry: &Entry, model: Option<&Service>) -> String {
    if entry.service == ACCOUNTS {
        return "s3.amazonaws.com".to_owned();
    }
    format!("{}.amazonaws.com", model.map_or(entry.service.as_str(), |model| model.endpoint_prefix))
}

/// The event's name: the operation's, which says of S3's settings of an account that they are that.
pub(super) fn name(entry: &Entry) -> Cow<'_, str> {
    if entry.service == ACCOUNTS {
        return entry.operation.replace("PublicAccessBlock", "AccountPublicAccessBlock").into();
    }
    Cow::Borrowed(&entry.operation)
}

/// The record. Parameters and answers are in the trail as JSON already, and go in as they are.
pub(super) fn json(entry: &Entry, model: Option<&Service>) -> String {
    let mut out = Object::new();
    out.text("eventVersion", EVENT_VERSION);
    out.raw("userIdentity", &identity(entry));
    out.text("eventTime", &entry.time.whole_seconds().iso8601());
    out.text("eventSource", &source(entry, model));
    out.text("eventName", &name(entry));
    out.text("awsRegion", &entry.region);
    out.text("sourceIPAddress", &entry.source_address);
    out.text("userAgent", &entry.user_agent);
    if !entry.error_code.is_empty() {
        out.text("errorCode", &facts::error_code(entry, model));
        out.text("errorMessage", &entry.error_message);
    }
    out.raw("requestParameters", or_null(&entry.request));
    let answer = if facts::hides_answer(entry) { "" } else { &entry.response };
    out.raw("responseElements", or_null(answer));
    out.text("requestID", &entry.request_id);
    out.text("eventID", &entry.event_id);
    out.raw("readOnly", if facts::read_only(entry, model) { "true" } else { "false" });
    if let Some(resources) = resources(entry) {
        out.raw("resources", &resources);
    }
    out.text("eventType", "AwsApiCall");
    out.raw("managementEvent", "true");
    out.text("recipientAccountId", entry.account.as_str());
    if !entry.endpoint.is_empty() {
        out.text("vpcEndpointId", &entry.endpoint);
    }
    out.text("eventCategory", "Management");
    out.end()
}

fn or_null(json: &str) -> &str {
    if json.is_empty() { "null" } else { json }
}

/// `userIdentity`, with the service that used the caller's permissions.
fn identity(entry: &Entry) -> String {
    let service = &entry.invoked_by;
    match entry.identity.strip_suffix('}') {
        Some(open) if !service.is_empty() && !entry.identity.contains("\"invokedBy\":") => {
            format!("{open},\"invokedBy\":{}}}", quoted(service))
        }
        _ => entry.identity.clone(),
    }
}

/// KMS and STS name their resources in the record; most services leave that to the parameters.
fn resources(entry: &Entry) -> Option<String> {
    let found = resource::of(entry);
    if found.is_empty() || !matches!(entry.service.as_str(), "kms" | "sts") {
        return None;
    }
    let items = found.iter().map(|resource| {
        let mut out = Object::new();
        out.text("accountId", &resource.account);
        if let Some(kind) = resource.kind {
            out.text("type", kind);
        }
        out.text("ARN", &resource.arn);
        out.end()
    });
    Some(format!("[{}]", items.collect::<Vec<_>>().join(",")))
}

/// A JSON object in the order in which it is written.
struct Object(String);

impl Object {
    fn new() -> Object {
        Object("{".into())
    }

    fn raw(&mut self, name: &str, json: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push_str(&quoted(name));
        self.0.push(':');
        self.0.push_str(json);
    }

    fn text(&mut self, name: &str, text: &str) {
        self.raw(name, &quoted(text));
    }

    fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

fn quoted(text: &str) -> String {
    wire::json::text(&Value::str(text))
}
