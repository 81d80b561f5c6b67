//! A request to the metadata service and what it is allowed: pure.
//!
//! AWS: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-v2-how-it-works.html>

use crate::ec2::model::MetadataOptions;

/// Larger heads are refused. Tokens are the longest that is sent.
pub(super) const HEAD_BYTES_MAX: usize = 8 << 10;
const HEADERS_MAX: usize = 64;
/// How long a token may be asked to last, in seconds.
const TTL_MAX: i64 = 21600;

const TOKEN_PATH: &str = "/latest/api/token";
const TOKEN: &str = "x-aws-ec2-metadata-token";
const TTL: &str = "x-aws-ec2-metadata-token-ttl-seconds";
/// A request that came through a proxy gets no token.
const FORWARDED: &str = "x-forwarded-for";

/// The head of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    /// Names in lower case.
    headers: Vec<(String, String)>,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A new token for so many seconds.
    Token(i64),
    /// What is at the path; with the seconds that the token still lasts, if one came.
    Read(Option<i64>),
    Refuse(u16),
}

impl Request {
    /// Reads a head up to its empty line; `None` for what is no HTTP/1.
    pub(super) fn parse(head: &[u8]) -> Option<Request> {
        let text = std::str::from_utf8(head).ok()?;
        let mut lines =
            text.trim_end_matches(['\r', '\n']).split('\n').map(|line| line.trim_end_matches('\r'));
        let mut first = lines.next()?.split(' ');
        let (method, target, version) = (first.next()?, first.next()?, first.next()?);
        if !version.starts_with("HTTP/1.") || first.next().is_some() || !target.starts_with('/') {
            return None;
        }
        let path = target.split('?').next().unwrap_or(target).to_owned();
        let mut headers = Vec::new();
        for line in lines {
            let (name, value) = line.split_once(':')?;
            if headers.len() == HEADERS_MAX || name.is_empty() || name.contains(' ') {
                return None;
            }
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        Some(Request { method: method.to_owned(), path, headers })
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// What the instance's options say to it; `lasts` knows how many seconds a token still has.
    pub(super) fn judge(&self, options: &MetadataOptions, lasts: impl Fn(&str) -> Option<i64>) -> Step {
        if options.disabled {
            return Step::Refuse(403);
        }
        match self.method.as_str() {
            "PUT" if self.path == TOKEN_PATH => self.token(),
            "GET" | "HEAD" => match self.header(TOKEN) {
                Some(token) => lasts(token).map_or(Step::Refuse(401), |left| Step::Read(Some(left))),
                None if options.tokens_required => Step::Refuse(401),
                None => Step::Read(None),
            },
            _ => Step::Refuse(405),
        }
    }

    fn token(&self) -> Step {
        if self.header(FORWARDED).is_some() {
            return Step::Refuse(403);
        }
        let seconds = self.header(TTL).and_then(|text| text.parse().ok());
        seconds.filter(|seconds| (1..=TTL_MAX).contains(seconds)).map_or(Step::Refuse(400), Step::Token)
    }
}

#[cfg(test)]
mod tests {
    use super::{Request, Step};
    use crate::ec2::model::MetadataOptions;

    fn request(head: &str) -> Request {
        Request::parse(format!("{head}\r\n\r\n").as_bytes()).expect(head)
    }

    #[test]
    fn heads_are_read_or_refused() {
        let read = request("GET /latest/meta-data/?x=1 HTTP/1.1\r\nHost: a\r\nX-Aws-EC2-Metadata-Token:  t ");
        assert_eq!((read.method.as_str(), read.path.as_str()), ("GET", "/latest/meta-data/"));
        assert_eq!(read.header("x-aws-ec2-metadata-token"), Some("t"));
        for bad in [
            "",
            "GET /",
            "GET / HTTP/2",
            "GET a HTTP/1.1",
            "GET / HTTP/1.1 x",
            "GET / HTTP/1.1\r\nno",
            "\x16\x03",
        ] {
            assert_eq!(Request::parse(bad.as_bytes()), None, "{bad:?}");
        }
        let many = format!("GET / HTTP/1.1{}", "\r\na: b".repeat(65));
        assert_eq!(Request::parse(many.as_bytes()), None);
    }

    #[test]
    fn options_decide() {
        let optional = MetadataOptions::default();
        let required = MetadataOptions { tokens_required: true, ..MetadataOptions::default() };
        let disabled = MetadataOptions { disabled: true, ..MetadataOptions::default() };
        let put = "PUT /latest/api/token HTTP/1.1\r\nX-aws-ec2-metadata-token-ttl-seconds: ";
        let rows = [
            ("GET / HTTP/1.1".to_owned(), &optional, Step::Read(None)),
            ("HEAD / HTTP/1.1".to_owned(), &optional, Step::Read(None)),
            ("GET / HTTP/1.1".to_owned(), &required, Step::Refuse(401)),
            ("GET / HTTP/1.1\r\nX-aws-ec2-metadata-token: good".to_owned(), &required, Step::Read(Some(9))),
            // A bad token is worse than none.
            ("GET / HTTP/1.1\r\nX-aws-ec2-metadata-token: bad".to_owned(), &optional, Step::Refuse(401)),
            ("GET / HTTP/1.1\r\nX-aws-ec2-metadata-token: good".to_owned(), &disabled, Step::Refuse(403)),
            ("POST / HTTP/1.1".to_owned(), &optional, Step::Refuse(405)),
            ("PUT /latest/user-data HTTP/1.1".to_owned(), &optional, Step::Refuse(405)),
            ("PUT /latest/api/token HTTP/1.1".to_owned(), &optional, Step::Refuse(400)),
            (format!("{put}0"), &optional, Step::Refuse(400)),
            (format!("{put}21601"), &optional, Step::Refuse(400)),
            (format!("{put}an hour"), &optional, Step::Refuse(400)),
            (format!("{put}21600"), &required, Step::Token(21600)),
            (format!("{put}60\r\nX-Forwarded-For: 10.0.0.1"), &optional, Step::Refuse(403)),
            (format!("{put}60"), &disabled, Step::Refuse(403)),
        ];
        let lasts = |token: &str| (token == "good").then_some(9);
        for (head, options, step) in rows {
            assert_eq!(request(&head).judge(options, lasts), step, "{head}");
        }
    }
}
