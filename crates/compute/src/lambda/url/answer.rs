//! What the client is answered, by what a function has said: the payload format 2.0. Pure.
//!
//! AWS: <https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html>

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue};
use wire::Value;

/// The head of an answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Head {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
}

/// Headers of the connection are not a function's to say.
const OWN: [HeaderName; 5] = [
    CONTENT_LENGTH,
    http::header::CONNECTION,
    http::header::TRANSFER_ENCODING,
    http::header::UPGRADE,
    http::header::TRAILER,
];

fn spelled(value: &Value) -> Option<String> {
    match value {
        Value::Str(text) => Some(text.clone()),
        Value::Int(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        Value::Bool(yes) => Some(yes.to_string()),
        _ => None,
    }
}

impl Head {
    /// 200, of this type.
    pub(super) fn plain(kind: &str) -> Head {
        let mut headers = HeaderMap::new();
        if let Ok(kind) = HeaderValue::from_str(kind) {
            headers.insert(CONTENT_TYPE, kind);
        }
        Head { status: 200, headers }
    }

    /// Status, headers and cookies that a function names; `None` where they are none.
    pub(super) fn read(said: &Value, kind: &str) -> Option<Head> {
        let status = match said.entry("statusCode") {
            Some(Value::Int(status)) => u16::try_from(*status).ok().filter(|s| (100..=599).contains(s))?,
            Some(_) => return None,
            None => 200,
        };
        let mut head = Head { status, ..Head::plain(kind) };
        match said.entry("headers") {
            Some(Value::Map(headers)) => {
                for (name, value) in headers {
                    let name = HeaderName::try_from(name.as_str()).ok()?;
                    let value = HeaderValue::try_from(spelled(value)?).ok()?;
                    if !OWN.contains(&name) {
                        head.headers.insert(name, value);
                    }
                }
            }
            None | Some(Value::Null) => {}
            Some(_) => return None,
        }
        match said.entry("cookies") {
            Some(Value::List(cookies)) => {
                for cookie in cookies {
                    head.headers.append(SET_COOKIE, HeaderValue::from_str(cookie.as_str()?).ok()?);
                }
            }
            None | Some(Value::Null) => {}
            Some(_) => return None,
        }
        Some(head)
    }
}

/// A whole response; `None` where it is none that AWS could pass on.
pub(super) fn whole(payload: &Bytes) -> Option<(Head, Bytes)> {
    let text = std::str::from_utf8(payload).ok()?;
    let said = wire::json::read(text)?;
    if said.entry("statusCode").is_none() {
        return Some((Head::plain("application/json"), payload.clone()));
    }
    let head = Head::read(&said, "application/json")?;
    let encoded = matches!(said.entry("isBase64Encoded"), Some(Value::Bool(true)));
    let body = match said.entry("body") {
        Some(Value::Str(body)) if encoded => STANDARD.decode(body).ok()?.into(),
        Some(Value::Str(body)) => body.clone().into(),
        None | Some(Value::Null) => Bytes::new(),
        Some(_) => return None,
    };
    Some((head, body))
}

/// What stands between the head and the body of a stream that has a head.
const DELIMITER: [u8; 8] = [0; 8];

/// Takes the head off what has come of a stream; `None` while it is not all there.
pub(super) fn prelude(come: &[u8]) -> Option<(&[u8], usize)> {
    let at = come.windows(DELIMITER.len()).position(|window| window == DELIMITER)?;
    Some((&come[..at], at + DELIMITER.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(payload: &'static str) -> Option<(u16, String, Bytes)> {
        let (head, body) = whole(&Bytes::from_static(payload.as_bytes()))?;
        Some((head.status, head.headers[CONTENT_TYPE].to_str().unwrap().to_owned(), body))
    }

    #[test]
    fn what_functions_say() {
        let json = || "application/json".to_owned();
        assert_eq!(said("\"hi\""), Some((200, json(), "\"hi\"".into())));
        assert_eq!(said(r#"{"a":1}"#), Some((200, json(), r#"{"a":1}"#.into())));
        assert_eq!(said(r#"{"statusCode":201,"body":"x"}"#), Some((201, json(), "x".into())));
        let html = r#"{"statusCode":200,"headers":{"Content-Type":"text/html","content-length":9},"body":"PGI+","isBase64Encoded":true}"#;
        assert_eq!(said(html), Some((200, "text/html".into(), "<b>".into())));
        for bad in [
            "no json",
            r#"{"statusCode":"x"}"#,
            r#"{"statusCode":99}"#,
            r#"{"statusCode":200,"body":{}}"#,
            r#"{"statusCode":200,"body":"?","isBase64Encoded":true}"#,
            r#"{"statusCode":200,"headers":{"a b":"c"}}"#,
            r#"{"statusCode":200,"headers":{"a":"b\nc"}}"#,
        ] {
            assert_eq!(said(bad), None, "{bad}");
        }
        let (head, _) =
            whole(&Bytes::from_static(br#"{"statusCode":204,"cookies":["a=1; Path=/","b=2"]}"#)).unwrap();
        let cookies: Vec<_> = head.headers.get_all(SET_COOKIE).iter().collect();
        assert_eq!(cookies, ["a=1; Path=/", "b=2"]);
    }

    #[test]
    fn where_a_head_ends() {
        assert_eq!(prelude(b"{}\0\0\0"), None);
        assert_eq!(prelude(b"{}\0\0\0\0\0\0\0\0rest"), Some((&b"{}"[..], 10)));
    }
}
