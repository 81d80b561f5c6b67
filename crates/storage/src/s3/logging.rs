//! Server access logs: the configuration of a bucket, and a line of the log.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html>

use super::acl::document::GrantView;
use super::stored::stored;
use base::Timestamp;

/// Who delivers the logs.
pub const SERVICE: &str = "logging.s3.amazonaws.com";

wire::shape! {
    #[derive(Clone, Debug)]
    pub struct BucketLoggingStatus {
        pub enabled: Option<LoggingEnabled> = "LoggingEnabled",
    }

    #[derive(Clone, Debug)]
    pub struct LoggingEnabled {
        pub bucket: String = "TargetBucket",
        pub prefix: String = "TargetPrefix",
        pub grants: Option<Vec<GrantView>> = "TargetGrants",
        pub format: Option<KeyFormat> = "TargetObjectKeyFormat",
    }
}

stored! {
    pub struct KeyFormat {
        1 => simple: Option<SimplePrefix> = "SimplePrefix",
        2 => partitioned: Option<PartitionedPrefix> = "PartitionedPrefix",
    }

    pub struct SimplePrefix {}

    pub struct PartitionedPrefix {
        1 => source: Option<String> = "PartitionDateSource",
    }
}

/// What a line tells of one request.
#[derive(Clone, Default, Debug)]
pub struct Line {
    pub owner: String,
    pub bucket: String,
    pub time: Timestamp,
    pub address: Option<String>,
    pub requester: Option<String>,
    pub request_id: String,
    /// `REST.GET.OBJECT`
    pub operation: String,
    pub key: Option<String>,
    /// `GET /bucket/key HTTP/1.1`
    pub request_uri: Option<String>,
    pub status: u16,
    pub error: Option<String>,
    pub bytes: Option<u64>,
    pub size: Option<u64>,
    pub user_agent: Option<String>,
    pub version: Option<String>,
    pub host: Option<String>,
}

impl Line {
    /// The line with the newline at its end. What is not known is a hyphen.
    pub fn text(&self) -> String {
        let or_hyphen =
            |text: &Option<String>| text.clone().filter(|t| !t.is_empty()).unwrap_or_else(|| "-".into());
        let quoted = |text: &Option<String>| match text.as_deref().filter(|t| !t.is_empty()) {
            Some(text) => format!("\"{}\"", text.replace('"', "%22")),
            None => "\"-\"".to_owned(),
        };
        let number = |n: Option<u64>| n.filter(|n| *n > 0).map_or_else(|| "-".into(), |n| n.to_string());
        let key = self.key.as_deref().map_or_else(|| "-".into(), super::listing::url_encoded);
        let fields = [
            self.owner.clone(),
            self.bucket.clone(),
            format!("[{}]", log_time(self.time)),
            or_hyphen(&self.address),
            or_hyphen(&self.requester),
            self.request_id.clone(),
            self.operation.clone(),
            key,
            quoted(&self.request_uri),
            self.status.to_string(),
            or_hyphen(&self.error),
            number(self.bytes),
            number(self.size),
            "-".into(),
            "-".into(),
            quoted(&None),
            quoted(&self.user_agent),
            or_hyphen(&self.version),
            "-".into(),
            "SigV4".into(),
            "-".into(),
            "AuthHeader".into(),
            or_hyphen(&self.host),
            "-".into(),
            "-".into(),
            "-".into(),
        ];
        fields.join(" ") + "\n"
    }
}

/// `06/Feb/2019:00:00:38 +0000`, from HTTP's form of the same.
fn log_time(time: Timestamp) -> String {
    let http = time.http_date();
    let parts: Vec<&str> = http.split(' ').collect();
    match parts[..] {
        [_, day, month, year, clock, _] => format!("{day}/{month}/{year}:{clock} +0000"),
        _ => http,
    }
}

/// The key of a delivered log: `TargetPrefixYYYY-mm-DD-HH-MM-SS-UniqueString`.
pub fn object_key(prefix: &str, time: Timestamp, unique: &str) -> String {
    let iso = time.iso8601();
    let stamp: String = iso.chars().map(|c| if matches!(c, 'T' | ':') { '-' } else { c }).collect();
    format!("{prefix}{}-{unique}", stamp.trim_end_matches('Z'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_every_field() {
        let line = Line {
            owner: "79a5".into(),
            bucket: "b".into(),
            time: Timestamp::parse_iso8601("2019-02-06T00:00:38Z").unwrap(),
            address: Some("192.0.2.3".into()),
            request_id: "3E57".into(),
            operation: "REST.GET.VERSIONING".into(),
            request_uri: Some("GET /b?versioning HTTP/1.1".into()),
            status: 200,
            bytes: Some(113),
            ..Line::default()
        };
        assert_eq!(
            line.text(),
            "79a5 b [06/Feb/2019:00:00:38 +0000] 192.0.2.3 - 3E57 REST.GET.VERSIONING - \"GET /b?versioning HTTP/1.1\" 200 - 113 - - - \"-\" \"-\" - - SigV4 - AuthHeader - - - -\n"
        );
        assert_eq!(object_key("logs/", line.time, "AB"), "logs/2019-02-06-00-00-38-AB");
    }
}
