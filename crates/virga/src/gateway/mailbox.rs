//! `/_virga/mailbox`: what would have left the cloud, for programs as JSON and for a browser as a page.

use super::internal::{Refusal, aside};
use super::{Answered, response};
use http::header::{self, HeaderName};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response};
use integration::sns::mailbox::letters;
use integration::sns::model::Letter;
use kernel::Cloud;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::sync::Arc;

pub(super) const PATH: &str = "/_virga/mailbox";

/// Nothing of a letter may run or be fetched in the browser that shows it.
const HEADERS: [(HeaderName, &str); 5] = [
    (header::CONTENT_TYPE, "text/html; charset=utf-8"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
];

const HEAD: &str = "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width\">
<title>Mailbox - Virga</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color-scheme: light dark }
article { border-top: 1px solid #8888; padding: 1rem 0 }
h2 { font-size: 1rem; margin: 0 }
p { margin: 0; opacity: .7 }
pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: .5rem 0 0 }
</style>
<h1>Mailbox</h1>
";

const EMPTY: &str = "<p>Nothing has left the cloud yet.</p>\n";

/// Whether a browser asks, which is shown a page.
pub(super) fn wants_page(parts: &Parts) -> bool {
    let accepts = parts.headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    parts.method == Method::GET
        && parts.uri.path() == PATH
        && accepts.is_some_and(|accept| accept.split(',').any(|kind| kind.trim().starts_with("text/html")))
}

async fn read(cloud: &Arc<Cloud>) -> Result<Vec<Letter>, Refusal> {
    let cloud = Arc::clone(cloud);
    aside(move || letters(&cloud).map_err(|e| e.to_string())).await
}

/// The letters, oldest first.
pub(super) async fn list(cloud: &Arc<Cloud>) -> Result<Value, Refusal> {
    let shown = read(cloud).await?.into_iter().map(|letter| {
        json!({
            "account": letter.account.to_string(),
            "region": letter.region.name(),
            "protocol": letter.protocol,
            "to": letter.to,
            "subject": letter.subject,
            "body": letter.body,
            "time": letter.time.iso8601(),
            "topicArn": letter.topic_arn,
            "messageId": letter.message_id,
            "sender": letter.sender,
            "kind": letter.kind,
        })
    });
    Ok(json!({ "letters": shown.collect::<Vec<_>>() }))
}

/// The letters for a person, newest first; their links can be followed, as that which confirms a subscription.
pub(super) async fn page(cloud: &Arc<Cloud>) -> Result<Response<Answered>, Refusal> {
    let mut out = HEAD.to_owned();
    let letters = read(cloud).await?;
    if letters.is_empty() {
        out.push_str(EMPTY);
    }
    letters.iter().rev().for_each(|letter| write_letter(&mut out, letter));
    let headers = HEADERS.map(|(name, value)| (name, HeaderValue::from_static(value)));
    Ok(response(200, HeaderMap::from_iter(headers), bytes::Bytes::from(out).into()))
}

fn write_letter(out: &mut String, letter: &Letter) {
    let subject = letter.subject.as_deref().unwrap_or(letter.protocol.as_str());
    let _ = write!(
        out,
        "<article>\n<h2>{}</h2>\n<p>{} to {}, {}, {}</p>\n<pre>{}</pre>\n</article>\n",
        escaped(subject),
        escaped(&letter.protocol),
        escaped(&letter.to),
        letter.time.iso8601(),
        escaped(letter.topic_arn.as_deref().unwrap_or(letter.region.name())),
        linked(&letter.body),
    );
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// A text whose words that are links can be followed.
fn linked(text: &str) -> String {
    let words = text.split_inclusive(|c: char| c.is_whitespace() || c == '"');
    let mut out = String::with_capacity(text.len());
    for word in words {
        let link = word.trim_end_matches(|c: char| c.is_whitespace() || c == '"');
        if link.starts_with("http://") || link.starts_with("https://") {
            let (shown, rest) = (escaped(link), escaped(&word[link.len()..]));
            let _ = write!(out, "<a href=\"{shown}\" rel=\"noreferrer\">{shown}</a>{rest}");
        } else {
            out.push_str(&escaped(word));
        }
    }
    out
}

/// `{"from": "+4915112345678", "words": "STOP"}`: what the recipient of a text message replies.
pub(super) async fn reply(cloud: &Arc<Cloud>, order: &[u8]) -> Result<Value, Refusal> {
    let order: Value = serde_json::from_slice(order).unwrap_or_default();
    let text = |name: &str| order.get(name).and_then(Value::as_str).map(str::to_owned);
    let (Some(from), Some(words)) = (text("from"), text("words")) else {
        return Err(Refusal(400, "the body must say from whom and with which words".into()));
    };
    let cloud = Arc::clone(cloud);
    let count = aside(move || integration::sns::text::reply(&cloud, &from, &words)).await?;
    Ok(json!({ "optedOut": count }))
}

#[cfg(test)]
mod tests {
    use super::{escaped, linked};

    #[test]
    fn letters_are_text_and_links_are_links() {
        assert_eq!(escaped("<b a='\"'>&"), "&lt;b a=&#39;&quot;&#39;&gt;&amp;");
        assert_eq!(
            linked("see http://a/?b=1&c=2\n<script> \"https://x\""),
            "see <a href=\"http://a/?b=1&amp;c=2\" rel=\"noreferrer\">http://a/?b=1&amp;c=2</a>\n&lt;script&gt; \
             &quot;<a href=\"https://x\" rel=\"noreferrer\">https://x</a>&quot;"
        );
        assert_eq!(linked("javascript:alert(1)"), "javascript:alert(1)");
    }
}
