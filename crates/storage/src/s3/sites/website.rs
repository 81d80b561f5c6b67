//! Websites: a bucket under `<bucket>.s3-website.<region>.<domain>`, for everybody whom policies and ACLs let read.
//!
//! Each look at an object goes through the API as an anonymous request, so it is authorized, counted and recorded like
//! any other.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/WebsiteEndpoints.html>

use super::page::Problem;
use super::{empty, find, set};
use crate::s3::configs::WEBSITE;
use crate::s3::website::WebsiteConfiguration;
use crate::s3::website::route::{Address, Moved, Route};
use bytes::Bytes;
use http::request::Parts;
use kernel::site::{Site, host_of};
use kernel::witness::Trace;
use kernel::{Cloud, Incoming, Peer, Reply, Running};
use std::sync::Arc;
use wire::route::host::read;

#[derive(Debug)]
pub struct Website;

/// Headers of the visitor that go on to the object.
const PASSED: [&str; 6] =
    ["range", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "user-agent"];

impl Site for Website {
    fn name(&self) -> &'static str {
        "s3 websites"
    }

    fn claims(&self, parts: &Parts) -> bool {
        let name = read(host_of(parts));
        name.website && name.bucket.is_some()
    }

    fn answer<'a>(
        &'a self,
        cloud: &'a Arc<Cloud>,
        parts: &'a Parts,
        _: Incoming,
        peer: Peer,
    ) -> Running<'a, Reply> {
        Box::pin(async move {
            let name = read(host_of(parts));
            let (bucket, region) = (name.bucket.unwrap_or_default(), name.region.unwrap_or("us-east-1"));
            let visit = Visit { cloud, parts, peer, bucket, region };
            let reply = visit.answer().await;
            if parts.method == http::Method::HEAD { without_body(reply) } else { reply }
        })
    }
}

fn without_body(mut reply: Reply) -> Reply {
    reply.content = Bytes::new().into();
    reply
}

/// One request to a website.
struct Visit<'a> {
    cloud: &'a Arc<Cloud>,
    parts: &'a Parts,
    peer: Peer,
    bucket: &'a str,
    region: &'a str,
}

fn moved(to: &Moved) -> Reply {
    let mut reply = empty(to.status);
    set(&mut reply, "location", &to.location);
    reply
}

/// Where an object leads instead of being shown.
fn redirected(object: &Reply) -> Option<Moved> {
    let to = object.headers.get("x-amz-website-redirect-location")?;
    Some(Moved { status: 301, location: to.to_str().unwrap_or_default().to_owned() })
}

impl Visit<'_> {
    async fn answer(&self) -> Reply {
        let problem = |status, code: &str, message: &str, about| Problem {
            status,
            code: code.to_owned(),
            message: message.to_owned(),
            about,
            request_id: base::id::uuid(self.cloud.rng()),
            instead_of: None,
        };
        let method = &self.parts.method;
        if method != http::Method::GET && method != http::Method::HEAD {
            let message = "The specified method is not allowed against this resource.";
            let about = vec![("Method", method.to_string()), ("ResourceType", "OBJECT".to_owned())];
            return written(&problem(405, "MethodNotAllowed", message, about));
        }
        let about = vec![("BucketName", self.bucket.to_owned())];
        let Ok(Some(bucket)) = find(self.cloud, self.bucket) else {
            return written(&problem(404, "NoSuchBucket", "The specified bucket does not exist", about));
        };
        let Ok(Some(site)) = WEBSITE.get(&self.cloud.store().snapshot(), &bucket.scope) else {
            let message = "The specified bucket does not have a website configuration";
            return written(&problem(404, "NoSuchWebsiteConfiguration", message, about));
        };
        let path = self.parts.uri.path();
        let key = wire::head::percent_decoded(path.strip_prefix('/').unwrap_or(path)).unwrap_or_default();
        self.page(&site, &key).await
    }

    async fn page(&self, site: &WebsiteConfiguration, key: &str) -> Reply {
        let protocol = if self.peer.tls.is_some() { "https" } else { "http" };
        let address = Address { protocol, host: host_of(self.parts), key };
        let object = match site.route(&address) {
            Route::Moved(to) => return moved(&to),
            Route::Object(object) => object,
        };
        let reply = self.get(&object, true).await;
        if let Some(to) = redirected(&reply) {
            return moved(&to);
        }
        if reply.status < 400 {
            return reply;
        }
        if let Some(index) = site.index_below(key)
            && self.get(&index, false).await.status == 200
        {
            return moved(&Moved { status: 302, location: ["/", key, "/"].concat() });
        }
        if let Some(to) = site.after_error(&address, reply.status) {
            return moved(&to);
        }
        self.error(site, &object, reply).await
    }

    /// The website's own error document, or S3's page.
    async fn error(&self, site: &WebsiteConfiguration, key: &str, reply: Reply) -> Reply {
        let mut instead_of = None;
        if let Some(document) = site.error.as_ref().filter(|_| (400..500).contains(&reply.status)) {
            let mut page = self.get(&document.key, false).await;
            if let Some(to) = redirected(&page) {
                return moved(&to);
            }
            if page.status == 200 {
                page.status = reply.status;
                return page;
            }
            instead_of = Some(Box::new(self.problem(&document.key, page).await));
        }
        written(&Problem { instead_of, ..self.problem(key, reply).await })
    }

    /// What an answer about a key says.
    async fn problem(&self, key: &str, reply: Reply) -> Problem {
        let status = reply.status;
        let body = reply.content.whole().await.unwrap_or_default();
        let about = (status == 404).then(|| ("Key", key.to_owned())).into_iter().collect();
        let id = base::id::uuid(self.cloud.rng());
        Problem::of_document(status, &String::from_utf8_lossy(&body), about, &id)
    }

    /// An object, asked for as anybody may; `visitor`: with the visitor's own conditions and range.
    async fn get(&self, key: &str, visitor: bool) -> Reply {
        let uri = ["/", self.bucket, "/", &encoded(key)].concat();
        let mut request =
            http::Request::get(uri).header("host", ["s3.", self.region, ".amazonaws.com"].concat());
        for name in PASSED.iter().filter(|_| visitor) {
            if let Some(value) = self.parts.headers.get(*name) {
                request = request.header(*name, value);
            }
        }
        let Ok(request) = request.body(()) else { return empty(400) };
        let (mut parts, ()) = request.into_parts();
        if let Some(trace) = Trace::of(self.parts) {
            trace.pass(&mut parts);
        }
        self.cloud.serve_api(&parts, Incoming::Whole(Bytes::new()), self.peer.clone()).await
    }
}

fn written(problem: &Problem) -> Reply {
    let mut reply = empty(problem.status);
    set(&mut reply, "content-type", "text/html; charset=utf-8");
    set(&mut reply, "x-amz-error-code", &problem.code);
    set(&mut reply, "x-amz-error-message", &problem.message);
    reply.content = Bytes::from(problem.page()).into();
    reply
}

fn encoded(key: &str) -> String {
    crate::s3::listing::url_encoded(key)
}
