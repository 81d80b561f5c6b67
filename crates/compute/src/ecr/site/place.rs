//! Which registry a host name is, and what a path asks of it. Pure.

use base::{AccountId, Region};

/// An account's registry in one region.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Registry {
    pub(crate) account: AccountId,
    pub(crate) region: Region,
}

impl Registry {
    /// Of `123456789012.dkr.ecr.us-east-1.localhost:4566`, whatever the domain behind the region.
    pub(crate) fn of(host: &str) -> Option<Registry> {
        let (account, rest) = host.split_once(".dkr.ecr.")?;
        let (region, _) = rest.split_once('.')?;
        Some(Registry { account: AccountId::parse(account)?, region: Region::parse(region)? })
    }
}

/// What a path asks for.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Asked<'p> {
    /// Whether there is a registry at all.
    Base,
    Manifest {
        name: &'p str,
        reference: &'p str,
    },
    Blob {
        name: &'p str,
        digest: &'p str,
    },
    NewUpload {
        name: &'p str,
    },
    Upload {
        name: &'p str,
        id: &'p str,
    },
    Tags {
        name: &'p str,
    },
}

impl Asked<'_> {
    /// Names have slashes of their own, so paths are read from their ends.
    pub(super) fn read(path: &str) -> Option<Asked<'_>> {
        let rest = path.strip_prefix("/v2")?;
        if rest.is_empty() || rest == "/" {
            return Some(Asked::Base);
        }
        let rest = rest.strip_prefix('/')?;
        if let Some(name) = rest.strip_suffix("/tags/list") {
            return Some(Asked::Tags { name });
        }
        if let Some(name) =
            rest.strip_suffix("/blobs/uploads/").or_else(|| rest.strip_suffix("/blobs/uploads"))
        {
            return Some(Asked::NewUpload { name });
        }
        let (front, last) = rest.rsplit_once('/')?;
        if let Some(name) = front.strip_suffix("/blobs/uploads") {
            return Some(Asked::Upload { name, id: last });
        }
        if let Some(name) = front.strip_suffix("/manifests") {
            return Some(Asked::Manifest { name, reference: last });
        }
        front.strip_suffix("/blobs").map(|name| Asked::Blob { name, digest: last })
    }
}

#[cfg(test)]
mod tests {
    use super::{Asked, Registry};
    use base::{AccountId, Region};

    #[test]
    fn hosts_and_paths() {
        let registry = Registry::of("123456789012.dkr.ecr.eu-west-1.localhost:4566").unwrap();
        assert_eq!(registry.account, AccountId::parse("123456789012").unwrap());
        assert_eq!(registry.region, Region::parse("eu-west-1").unwrap());
        assert_eq!(Registry::of("dkr.ecr.eu-west-1.localhost"), None);
        assert_eq!(Registry::of("1.dkr.ecr.eu-west-1.localhost"), None);
        for (path, asked) in [
            ("/v2/", Asked::Base),
            ("/v2", Asked::Base),
            ("/v2/a/b/manifests/latest", Asked::Manifest { name: "a/b", reference: "latest" }),
            ("/v2/a/blobs/sha256:1", Asked::Blob { name: "a", digest: "sha256:1" }),
            ("/v2/a/blobs/uploads/", Asked::NewUpload { name: "a" }),
            ("/v2/a/blobs/uploads/7", Asked::Upload { name: "a", id: "7" }),
            ("/v2/blobs/uploads/tags/list", Asked::Tags { name: "blobs/uploads" }),
        ] {
            assert_eq!(Asked::read(path), Some(asked), "{path}");
        }
        assert_eq!(Asked::read("/v1/a"), None);
        assert_eq!(Asked::read("/v2/a"), None);
    }
}
