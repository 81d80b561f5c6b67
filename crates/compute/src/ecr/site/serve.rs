//! What the registry answers.

use super::place::{Asked, Registry};
use super::{With, answered, refusal, refused};
use crate::ecr::login::Login;
use crate::ecr::manifest::is_digest;
use crate::ecr::model::PART_BYTES_MAX;
use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, LOCATION, RANGE};
use http::request::Parts;
use http::{HeaderName, Method};
use kernel::site::host_of;
use kernel::{As, Body, Cloud, Incoming, Reply, Whom};
use std::sync::Arc;
use store::CommitError;
use wire::input::percent;
use wire::{Fault, Struct, Value};

const SERVICE: &str = "ecr.amazonaws.com";
/// AWS: the largest manifest that `PutImage` takes.
const MANIFEST_BYTES_MAX: usize = 4_194_304;
/// How often an operation is tried that meets another's changes.
const CONFLICTS_MAX: u32 = 32;
const DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
const UPLOAD: HeaderName = HeaderName::from_static("docker-upload-uuid");

/// The one who asks, and of whom.
struct Session<'a> {
    cloud: &'a Arc<Cloud>,
    parts: &'a Parts,
    registry: &'a Registry,
    login: &'a Login,
    name: &'a str,
    secure: bool,
}

pub(super) async fn serve(
    cloud: &Arc<Cloud>,
    parts: &Parts,
    incoming: Incoming,
    registry: &Registry,
    login: &Login,
    secure: bool,
) -> Reply {
    let Some(asked) = Asked::read(parts.uri.path()) else {
        return refused(404, "UNSUPPORTED", "The registry has no such path.");
    };
    let name = match asked {
        Asked::Base => return answered(200, Bytes::new()),
        Asked::Manifest { name, .. }
        | Asked::Blob { name, .. }
        | Asked::NewUpload { name }
        | Asked::Upload { name, .. }
        | Asked::Tags { name } => name,
    };
    let session = Session { cloud, parts, registry, login, name, secure };
    let body = Body::of(incoming, None);
    let is_head = parts.method == Method::HEAD;
    let outcome = match (&parts.method, asked) {
        (&Method::GET | &Method::HEAD, Asked::Manifest { reference, .. }) => {
            session.manifest(reference, is_head).await
        }
        (&Method::PUT, Asked::Manifest { reference, .. }) => session.put_manifest(reference, body).await,
        (&Method::HEAD, Asked::Blob { digest, .. }) => session.has_blob(digest).await,
        (&Method::GET, Asked::Blob { digest, .. }) => session.blob(digest).await,
        (&Method::POST, Asked::NewUpload { .. }) => session.begin(body).await,
        (&Method::PATCH, Asked::Upload { id, .. }) => session.go_on(id, body).await,
        (&Method::PUT, Asked::Upload { id, .. }) => session.end(id, body).await,
        (&Method::GET, Asked::Tags { .. }) => session.tags().await,
        _ => Ok(refused(405, "UNSUPPORTED", "The operation is unsupported.")),
    };
    outcome.unwrap_or_else(|fault| refusal(&fault))
}

fn text(value: &Value, path: &[&str]) -> String {
    value.at(path).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn bad_request(message: &str) -> Fault {
    Fault::from(crate::ecr::errors::EcrError::Invalid(message.to_owned()))
}

impl Session<'_> {
    /// Calls an operation on the repository, with the rights of whoever logged in.
    async fn call(
        &self,
        operation: &'static str,
        members: Vec<(&'static str, Value)>,
    ) -> Result<Value, Fault> {
        let mut request: Struct = members.into_iter().collect();
        request.set("registryId", Value::Str(self.registry.account.to_string()));
        request.set("repositoryName", Value::str(self.name));
        let request = Value::Struct(request);
        let whom = Whom::Caller { access_key: &self.login.access_key, token: self.login.token.as_deref() };
        for _ in 0..CONFLICTS_MAX {
            let (answer, commit) = {
                let mut tx = self.cloud.store().begin();
                let region = self.registry.region;
                let host = Some((host_of(self.parts), self.secure));
                let answer = self.cloud.act_for(&mut tx, SERVICE, whom, region, host, |cx| {
                    cx.call("ecr", operation, request.clone(), As::Caller)
                })??;
                (answer, tx.commit())
            };
            match commit.await {
                Ok(_) => return Ok(answer),
                Err(CommitError::Conflict) => {}
                Err(_) => break,
            }
        }
        Err(crate::ecr::errors::EcrError::Server.into())
    }

    /// An image by its digest or its tag.
    async fn manifest(&self, reference: &str, is_head: bool) -> Result<Reply, Fault> {
        let id = if is_digest(reference) { ("imageDigest", reference) } else { ("imageTag", reference) };
        let id: Struct = [(id.0, Value::str(id.1))].into_iter().collect();
        let ids = Value::List(vec![Value::Struct(id)]);
        let got = self.call("BatchGetImage", vec![("imageIds", ids)]).await?;
        let Some(image) = got.at(&["images"]).and_then(Value::as_list).and_then(|images| images.first())
        else {
            return Ok(refused(404, "MANIFEST_UNKNOWN", "Requested image not found"));
        };
        let media_type = text(image, &["imageManifestMediaType"]);
        if !self.accepts(&media_type) {
            let message = format!("The image is of the media type {media_type}, which is not accepted.");
            return Ok(refused(404, "MANIFEST_UNKNOWN", &message));
        }
        let manifest = text(image, &["imageManifest"]);
        let len = manifest.len();
        let reply = answered(200, if is_head { String::new() } else { manifest });
        let reply = if is_head { reply.with(CONTENT_LENGTH, &len.to_string()) } else { reply };
        let digest = text(image, &["imageId", "imageDigest"]);
        Ok(reply.with(CONTENT_TYPE, &media_type).with(DIGEST, &digest))
    }

    fn accepts(&self, media_type: &str) -> bool {
        let mut accepted = self.parts.headers.get_all(ACCEPT).iter().peekable();
        if accepted.peek().is_none() {
            return true;
        }
        let kinds = accepted.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
        let mut kinds = kinds.map(|kind| kind.split(';').next().unwrap_or_default().trim());
        kinds.any(|kind| kind == "*/*" || kind == media_type)
    }

    async fn put_manifest(&self, reference: &str, mut body: Body) -> Result<Reply, Fault> {
        let manifest = body.whole(MANIFEST_BYTES_MAX).await.map_err(|fault| match fault.status {
            413 => bad_request("The manifest is too large."),
            _ => fault,
        })?;
        let manifest = String::from_utf8(manifest.into()).map_err(|_| bad_request("A manifest is text."))?;
        let mut members = vec![("imageManifest", Value::Str(manifest.clone()))];
        let kind = self.parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        members.extend(kind.map(|kind| ("imageManifestMediaType", Value::str(kind))));
        let tag = if is_digest(reference) { "imageDigest" } else { "imageTag" };
        members.push((tag, Value::str(reference)));
        let digest = crate::ecr::manifest::digest_of(manifest.as_bytes());
        match self.call("PutImage", members).await {
            Ok(_) => {}
            // AWS: who pushes what is there already is content.
            Err(fault) if crate::ecr::errors::is_image_there(&fault) => {}
            Err(fault) => return Err(fault),
        }
        let reply = answered(201, Bytes::new());
        let location = format!("/v2/{}/manifests/{digest}", self.name);
        Ok(reply.with(LOCATION, &location).with(DIGEST, &digest))
    }

    async fn has_blob(&self, digest: &str) -> Result<Reply, Fault> {
        let digests = Value::List(vec![Value::str(digest)]);
        let found = self.call("BatchCheckLayerAvailability", vec![("layerDigests", digests)]).await?;
        let layer = found.at(&["layers"]).and_then(Value::as_list).and_then(|layers| layers.first());
        let size = layer.and_then(|layer| layer.at(&["layerSize"])).and_then(Value::as_int);
        Ok(match size {
            Some(size) => {
                let reply = answered(200, Bytes::new()).with(CONTENT_LENGTH, &size.to_string());
                reply.with(CONTENT_TYPE, "application/octet-stream").with(DIGEST, digest)
            }
            None => refused(404, "BLOB_UNKNOWN", "The layer is not there."),
        })
    }

    async fn blob(&self, digest: &str) -> Result<Reply, Fault> {
        let found = self.call("GetDownloadUrlForLayer", vec![("layerDigest", Value::str(digest))]).await?;
        // The link's path: so it is followed by whichever name and scheme the client uses.
        let url = text(&found, &["downloadUrl"]);
        let path = url.find(super::LINK_PATH).map_or("", |at| &url[at..]);
        Ok(answered(307, Bytes::new()).with(LOCATION, path))
    }

    async fn begin(&self, body: Body) -> Result<Reply, Fault> {
        let begun = self.call("InitiateLayerUpload", Vec::new()).await?;
        let id = text(&begun, &["uploadId"]);
        if self.query("digest").is_some() {
            return self.end(&id, body).await;
        }
        Ok(self.under_way(&id, 0))
    }

    fn under_way(&self, id: &str, received: u64) -> Reply {
        let reply = answered(202, Bytes::new()).with(UPLOAD, id);
        let reply = reply.with(LOCATION, &format!("/v2/{}/blobs/uploads/{id}", self.name));
        reply.with(RANGE, &format!("0-{}", received.saturating_sub(1)))
    }

    /// Where the bytes of this request begin in their layer, if it says so.
    fn start(&self) -> Option<u64> {
        let range = self.parts.headers.get(http::header::CONTENT_RANGE)?.to_str().ok()?;
        range.trim_start_matches("bytes ").split_once('-')?.0.parse().ok()
    }

    async fn go_on(&self, id: &str, body: Body) -> Result<Reply, Fault> {
        let received = self.upload(id, self.start().unwrap_or(0), body).await?;
        Ok(self.under_way(id, received))
    }

    /// Uploads what comes, in parts as large as the API takes. Answers how many bytes the layer has now.
    async fn upload(&self, id: &str, start: u64, mut body: Body) -> Result<u64, Fault> {
        let mut at = start;
        let mut part = BytesMut::new();
        loop {
            let piece = body.next().await?;
            let ended = piece.is_none();
            part.extend_from_slice(&piece.unwrap_or_default());
            while part.len() >= PART_BYTES_MAX || (ended && !part.is_empty()) {
                let bytes = part.split_to(part.len().min(PART_BYTES_MAX)).freeze();
                let next = at + bytes.len() as u64;
                let members = vec![
                    ("uploadId", Value::str(id)),
                    ("partFirstByte", Value::Int(at as i64)),
                    ("partLastByte", Value::Int(next as i64 - 1)),
                    ("layerPartBlob", Value::Blob(bytes)),
                ];
                self.call("UploadLayerPart", members).await?;
                at = next;
            }
            if ended {
                return Ok(at);
            }
        }
    }

    async fn end(&self, id: &str, body: Body) -> Result<Reply, Fault> {
        let digest = self.query("digest").ok_or_else(|| bad_request("The digest is missing."))?;
        // What comes with the end follows what came before; a client that sends all at once has sent nothing before.
        self.upload(id, self.start().unwrap_or(0), body).await?;
        let digests = Value::List(vec![Value::str(&digest)]);
        let members = vec![("uploadId", Value::str(id)), ("layerDigests", digests)];
        match self.call("CompleteLayerUpload", members).await {
            Ok(_) => {}
            Err(fault) if crate::ecr::errors::is_layer_there(&fault) => {}
            Err(fault) => return Err(fault),
        }
        let reply = answered(201, Bytes::new()).with(DIGEST, &digest);
        Ok(reply.with(LOCATION, &format!("/v2/{}/blobs/{digest}", self.name)))
    }

    async fn tags(&self) -> Result<Reply, Fault> {
        let mut tags = Vec::new();
        let mut token: Option<Value> = None;
        loop {
            let mut members = vec![("maxResults", Value::Int(1_000))];
            members.extend(token.take().map(|token| ("nextToken", token)));
            let listed = self.call("ListImages", members).await?;
            let ids = listed.at(&["imageIds"]).and_then(Value::as_list).unwrap_or_default();
            tags.extend(ids.iter().map(|id| text(id, &["imageTag"])).filter(|tag| !tag.is_empty()));
            token = listed.at(&["nextToken"]).cloned();
            if token.is_none() {
                break;
            }
        }
        tags.sort();
        let tags = Value::List(tags.into_iter().map(Value::Str).collect());
        let body = Value::Map(vec![("name".into(), Value::str(self.name)), ("tags".into(), tags)]);
        Ok(answered(200, wire::json::text(&body)).with(CONTENT_TYPE, "application/json"))
    }

    fn query(&self, name: &str) -> Option<String> {
        let mut pairs = self.parts.uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).and_then(|(_, value)| Some(percent::form(value)?.into_owned()))
    }
}
