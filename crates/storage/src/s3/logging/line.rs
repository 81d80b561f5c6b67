//! A line of the log.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html>

use crate::s3::listing::url_encoded;
use base::Timestamp;
use std::borrow::Cow;
use std::time::Duration;

/// What a line tells of one request. What is not known is a hyphen.
#[derive(Clone, Default, Debug)]
pub struct Line<'a> {
    /// The canonical id of the bucket's owner.
    pub owner: &'a str,
    pub bucket: &'a str,
    pub time: Timestamp,
    pub address: &'a str,
    pub requester: Option<Cow<'a, str>>,
    pub request_id: &'a str,
    /// `REST.GET.OBJECT`
    pub operation: &'a str,
    pub key: Option<&'a str>,
    /// `GET /bucket/key HTTP/1.1`
    pub uri: Option<&'a str>,
    pub status: u16,
    pub error: Option<&'a str>,
    pub sent: Option<u64>,
    pub size: Option<u64>,
    pub total: Option<Duration>,
    pub turned: Option<Duration>,
    pub referer: Option<&'a str>,
    pub user_agent: Option<&'a str>,
    pub version: Option<&'a str>,
    pub host_id: Option<&'a str>,
    /// `SigV4`
    pub signature: Option<&'a str>,
    pub cipher: Option<&'a str>,
    /// `AuthHeader`
    pub authentication: Option<&'a str>,
    pub host: Option<&'a str>,
    pub tls: Option<&'a str>,
    /// An ACL was needed to let the caller in.
    pub by_acl: bool,
}

impl Line<'_> {
    /// The line with the newline at its end.
    pub fn text(&self) -> String {
        let bare = |text: Option<&str>| text.filter(|text| !text.is_empty()).map_or_else(hyphen, word);
        let quoted = |text: Option<&str>| match text.filter(|text| !text.is_empty()) {
            Some(text) => format!("\"{}\"", text.replace('"', "%22")),
            None => "\"-\"".to_owned(),
        };
        let number = |n: Option<u64>| n.filter(|n| *n > 0).map_or_else(hyphen, |n| n.to_string());
        let millis = |t: Option<Duration>| t.map_or_else(hyphen, |t| t.as_millis().to_string());
        let fields = [
            self.owner.to_owned(),
            self.bucket.to_owned(),
            format!("[{}]", clock(self.time)),
            self.address.to_owned(),
            bare(self.requester.as_deref()),
            bare(Some(self.request_id)),
            self.operation.to_owned(),
            self.key.map_or_else(hyphen, url_encoded),
            quoted(self.uri),
            self.status.to_string(),
            bare(self.error),
            number(self.sent),
            number(self.size),
            millis(self.total),
            millis(self.turned),
            quoted(self.referer),
            quoted(self.user_agent),
            bare(self.version),
            bare(self.host_id),
            bare(self.signature),
            bare(self.cipher),
            bare(self.authentication),
            bare(self.host),
            bare(self.tls),
            // There are no access points.
            hyphen(),
            if self.by_acl { "Yes".to_owned() } else { hyphen() },
        ];
        fields.join(" ") + "\n"
    }
}

fn hyphen() -> String {
    "-".to_owned()
}

/// Fields end at spaces, and lines at newlines: what a caller sends must make neither.
fn word(text: &str) -> String {
    text.chars().map(|c| if c.is_whitespace() || c.is_control() { '_' } else { c }).collect()
}

/// `06/Feb/2019:00:00:38 +0000`, from HTTP's form of the same.
fn clock(time: Timestamp) -> String {
    let http = time.http_date();
    let parts: Vec<&str> = http.split(' ').collect();
    match parts[..] {
        [_, day, month, year, clock, _] => format!("{day}/{month}/{year}:{clock} +0000"),
        _ => http,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_every_field() {
        let line = Line {
            owner: "79a5",
            bucket: "b",
            time: Timestamp::parse_iso8601("2019-02-06T00:00:38Z").unwrap(),
            address: "192.0.2.3",
            request_id: "3E57",
            operation: "REST.GET.VERSIONING",
            uri: Some("GET /b?versioning HTTP/1.1"),
            status: 200,
            sent: Some(113),
            total: Some(Duration::from_millis(7)),
            ..Line::default()
        };
        assert_eq!(
            line.text(),
            "79a5 b [06/Feb/2019:00:00:38 +0000] 192.0.2.3 - 3E57 REST.GET.VERSIONING - \"GET /b?versioning HTTP/1.1\" 200 - 113 - 7 - \"-\" \"-\" - - - - - - - - -\n"
        );
    }

    #[test]
    fn what_callers_send_ends_no_field_and_no_line() {
        let line = Line {
            key: Some("a b\n"),
            user_agent: Some("x\" \"y"),
            version: Some("a b\nc"),
            referer: Some("here"),
            by_acl: true,
            ..Line::default()
        };
        let text = line.text();
        assert!(text.contains(" a%20b%0A \"-\" "), "{text}");
        assert!(text.contains(" \"here\" \"x%22 %22y\" a_b_c "), "{text}");
        assert!(text.ends_with(" - Yes\n") && text.matches('\n').count() == 1, "{text}");
    }
}
