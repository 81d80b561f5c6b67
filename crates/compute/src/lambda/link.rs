//! Links by which the code of functions and layers is got: whoever has one may, for ten minutes.
//!
//! AWS's lead to a bucket of its own. These lead back to where the cloud was asked, and carry, sealed, what they are for.
//!
//! AWS: <https://docs.aws.amazon.com/lambda/latest/api/API_FunctionCodeLocation.html>

use super::code;
use base::Timestamp;
use blob::ContentId;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderValue, Method};
use kernel::site::Site;
use kernel::{Cloud, Cx, Incoming, Peer, Reply, Running};
use std::sync::Arc;
use std::time::Duration;

const PATH: &str = "/_lambda-code/";
const TOKEN: &str = "token=";
const PURPOSE: &str = "lambda code link";
const LASTS: Duration = Duration::from_secs(600);

/// What a link is for.
#[derive(Debug, PartialEq, Eq)]
struct Link {
    content: ContentId,
    size: u64,
    until: Timestamp,
}

impl Link {
    fn write(&self) -> String {
        format!("{} {} {}", self.content, self.size, self.until.micros())
    }

    fn read(text: &str) -> Option<Link> {
        let mut words = text.split(' ');
        let content = ContentId::parse(words.next()?)?;
        let (size, until) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        Some(Link { content, size, until: Timestamp::from_micros(until) })
    }
}

/// A link to an archive, for whoever asks now; none where nobody has come by a name of the cloud.
pub(super) fn to(cx: &Cx<'_>, name: &str, content: ContentId, size: u64) -> Option<String> {
    let host = cx.request.host.as_deref()?;
    let scheme = cx.request.scheme();
    let link = Link { content, size, until: cx.now.plus(LASTS) }.write();
    let token = cx.sealer().seal_compact(cx.rng(), PURPOSE, link.as_bytes());
    Some(format!("{scheme}://{host}{PATH}{name}?{TOKEN}{token}"))
}

/// All links.
#[derive(Debug)]
pub struct Links;

impl Site for Links {
    fn name(&self) -> &'static str {
        "code of functions"
    }

    fn claims(&self, parts: &Parts) -> bool {
        let token = parts.uri.query().is_some_and(|query| query.starts_with(TOKEN));
        parts.uri.path().starts_with(PATH) && token && matches!(parts.method, Method::GET | Method::HEAD)
    }

    fn answer<'a>(
        &'a self,
        cloud: &'a Arc<Cloud>,
        parts: &'a Parts,
        _: Incoming,
        _: Peer,
    ) -> Running<'a, Reply> {
        Box::pin(async move {
            let Some(link) = opened(cloud, parts.uri.query().unwrap_or_default()) else {
                return plain(403, "The link has ended, or is none.");
            };
            let (reading, size) = (Arc::clone(cloud), link.size);
            let read =
                tokio::task::spawn_blocking(move || code::read(&reading, link.content, link.size)).await;
            let Ok(Ok(bytes)) = read else { return plain(404, "The code is gone.") };
            let mut reply = plain(200, "");
            reply.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/zip"));
            reply.headers.insert(CONTENT_LENGTH, HeaderValue::from(size));
            if parts.method == Method::GET {
                reply.content = Bytes::from(bytes).into();
            }
            reply
        })
    }
}

fn opened(cloud: &Cloud, query: &str) -> Option<Link> {
    let token = query.strip_prefix(TOKEN)?.split('&').next()?;
    let text = cloud.sealer().open_compact(PURPOSE, token).ok()?;
    let link = Link::read(std::str::from_utf8(&text).ok()?)?;
    (link.until > cloud.clock().now()).then_some(link)
}

fn plain(status: u16, text: &'static str) -> Reply {
    let mut reply =
        Reply { status, headers: Default::default(), content: Bytes::from_static(text.as_bytes()).into() };
    reply.headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    reply
}
