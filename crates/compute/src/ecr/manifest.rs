//! Manifests: what an image is made of. Pure.
//!
//! Specifications: <https://github.com/opencontainers/image-spec> and docker's schema 2.

use super::errors::{EcrError, invalid};
use aws_lc_rs::digest::{Digest, SHA256, digest};
use wire::Value;

const DOCKER_IMAGE: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const OCI_IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// More than any image has; each is looked up.
const ENTRIES_MAX: usize = 4_096;

#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Manifest {
    pub(crate) digest: String,
    pub(crate) media_type: String,
    /// Configuration and layers.
    pub(crate) layers: Vec<Entry>,
    /// The images of a list.
    pub(crate) members: Vec<Entry>,
    pub(super) artifact: Option<String>,
    pub(super) subject: Option<String>,
}

/// What a manifest says of something else.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Entry {
    pub(crate) digest: String,
    pub(crate) size: u64,
    pub(crate) media_type: String,
}

/// `sha256:` and 64 hexadecimal digits.
pub(super) fn digest_of(bytes: &[u8]) -> String {
    written(&digest(&SHA256, bytes))
}

/// A hash as digests are written.
pub(crate) fn written(hash: &Digest) -> String {
    hash.as_ref().iter().fold("sha256:".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

pub(crate) fn is_digest(text: &str) -> bool {
    let digits = text.strip_prefix("sha256:").unwrap_or_default();
    digits.len() == 64 && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn bad() -> EcrError {
    invalid("ImageManifest", "Invalid JSON syntax or unsupported manifest")
}

fn entry(value: &Value) -> Option<Entry> {
    let text = |name: &str| value.entry(name).and_then(Value::as_str);
    let digest = text("digest").filter(|digest| is_digest(digest))?;
    let size = u64::try_from(value.entry("size")?.as_int()?).ok()?;
    Some(Entry {
        digest: digest.to_owned(),
        size,
        media_type: text("mediaType").unwrap_or_default().to_owned(),
    })
}

fn entries(value: Option<&Value>) -> Result<Vec<Entry>, EcrError> {
    let list = value.and_then(Value::as_list).filter(|list| list.len() <= ENTRIES_MAX).ok_or_else(bad)?;
    list.iter().map(|one| entry(one).ok_or_else(bad)).collect()
}

impl Manifest {
    /// Reads a manifest; `media_type` is what its sender says that it is.
    ///
    /// # Errors
    /// `InvalidParameterException`
    pub(crate) fn read(text: &str, media_type: Option<&str>) -> Result<Manifest, EcrError> {
        let value = wire::json::read(text).ok_or_else(bad)?;
        let said = |name: &str| value.entry(name).and_then(Value::as_str).map(str::to_owned);
        if value.entry("schemaVersion").and_then(Value::as_int) != Some(2) {
            return Err(bad());
        }
        let own = said("mediaType");
        if let (Some(own), Some(sent)) = (own.as_deref(), media_type)
            && own != sent
        {
            return Err(invalid("ImageManifestMediaType", "The media type is not the manifest's own"));
        }
        let is_list = value.entry("manifests").is_some();
        let assumed = if is_list { OCI_INDEX } else { OCI_IMAGE };
        let media_type = own.or_else(|| media_type.map(str::to_owned)).unwrap_or_else(|| assumed.to_owned());
        let (layers, members) = match (media_type.as_str(), is_list) {
            (DOCKER_LIST | OCI_INDEX, true) => (Vec::new(), entries(value.entry("manifests"))?),
            (DOCKER_IMAGE | OCI_IMAGE, false) => {
                let config = value.entry("config").and_then(entry).ok_or_else(bad)?;
                let mut all = vec![config];
                all.extend(entries(value.entry("layers"))?);
                (all, Vec::new())
            }
            _ => return Err(bad()),
        };
        let config_type = layers.first().map(|config| config.media_type.clone());
        Ok(Manifest {
            digest: digest_of(text.as_bytes()),
            artifact: said("artifactType").or(config_type).filter(|kind| !kind.is_empty()),
            subject: value
                .entry("subject")
                .and_then(|subject| subject.entry("digest"))
                .and_then(Value::as_str)
                .map(str::to_owned),
            media_type,
            layers,
            members,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Manifest, OCI_IMAGE, OCI_INDEX, digest_of, is_digest};

    fn image(digest: &str) -> String {
        format!(
            r#"{{"schemaVersion":2,"config":{{"mediaType":"c","digest":"{digest}","size":2}},
                "layers":[{{"mediaType":"l","digest":"{digest}","size":3}}]}}"#
        )
    }

    #[test]
    fn manifests_are_read_and_refused() {
        let digest = digest_of(b"x");
        assert!(is_digest(&digest) && !is_digest("sha256:1") && !is_digest(&digest.to_uppercase()));
        let read = Manifest::read(&image(&digest), None).unwrap();
        assert_eq!((read.media_type.as_str(), read.layers.len(), read.layers[1].size), (OCI_IMAGE, 2, 3));
        assert_eq!(read.artifact.as_deref(), Some("c"));
        let list = format!(r#"{{"schemaVersion":2,"manifests":[{{"digest":"{digest}","size":7}}]}}"#);
        let list = Manifest::read(&list, Some(OCI_INDEX)).unwrap();
        assert_eq!((list.members[0].size, list.layers.len()), (7, 0));
        for bad in ["", "[]", r#"{"schemaVersion":1}"#, r#"{"schemaVersion":2}"#, &image("sha256:zz")] {
            assert!(Manifest::read(bad, None).is_err(), "{bad}");
        }
        assert!(Manifest::read(&image(&digest), Some(OCI_INDEX)).is_err());
        assert!(Manifest::read(&image(&digest), Some("text/plain")).is_err());
    }
}
