//! How images are called. Pure.

use crate::ecr::manifest::is_digest;
use crate::ecr::site::Registry;
use base::{AccountId, Region};

/// Where an image is.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Located {
    pub(crate) account: AccountId,
    pub(crate) region: Region,
    pub(crate) repository: String,
    /// Its name without what distinguishes it from others of the repository.
    pub(crate) base: String,
    pub(crate) reference: Reference,
}

#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Reference {
    Tag(String),
    Digest(String),
}

impl Located {
    /// `123456789012.dkr.ecr.us-east-1.amazonaws.com/team/app:v1`, or with `@sha256:…`; this cloud's registries have other
    /// domains behind the region, too, and its own address, which is the registry of whoever asks.
    pub(crate) fn read(uri: &str, home: (AccountId, Region)) -> Option<Located> {
        let (host, rest) = uri.split_once('/')?;
        let registry = match Registry::of(host) {
            Some(registry) => registry,
            None if is_own(host) => Registry { account: home.0, region: home.1 },
            None => return None,
        };
        let (name, reference) = match rest.split_once('@') {
            // A tag beside a digest tells nothing more.
            Some((name, digest)) => {
                let name = name.rsplit_once(':').map_or(name, |(name, _)| name);
                (name, Reference::Digest(Some(digest).filter(|digest| is_digest(digest))?.to_owned()))
            }
            None => {
                let (name, tag) = rest.rsplit_once(':')?;
                (name, Reference::Tag(Some(tag).filter(|tag| is_tag(tag))?.to_owned()))
            }
        };
        let is_name = !name.is_empty() && !name.contains(':');
        is_name.then(|| Located {
            account: registry.account,
            region: registry.region,
            repository: name.to_owned(),
            base: format!("{host}/{name}"),
            reference,
        })
    }
}

fn is_own(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    matches!(name, "localhost" | "127.0.0.1" | "[::1]")
}

fn is_tag(tag: &str) -> bool {
    !tag.is_empty() && tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_images() {
        let own = AccountId::parse("111111111111").unwrap();
        let digest = format!("sha256:{}", "a".repeat(64));
        let read = |uri: &str| {
            let found = Located::read(uri, (own, Region::US_EAST_1))?;
            let reference = match found.reference {
                Reference::Tag(tag) => tag,
                Reference::Digest(digest) => digest,
            };
            Some((found.account.to_string(), found.region.name(), found.repository, reference))
        };
        let is = |account: &str, region, name: &str, reference: &str| {
            Some((account.to_owned(), region, name.to_owned(), reference.to_owned()))
        };
        let aws = "222222222222.dkr.ecr.eu-west-1.amazonaws.com/team/app";
        assert_eq!(read(&format!("{aws}:v1")), is("222222222222", "eu-west-1", "team/app", "v1"));
        assert_eq!(read(&format!("{aws}@{digest}")), is("222222222222", "eu-west-1", "team/app", &digest));
        assert_eq!(read(&format!("{aws}:v1@{digest}")), is("222222222222", "eu-west-1", "team/app", &digest));
        let here = "222222222222.dkr.ecr.us-east-1.localhost:4566/a:b";
        assert_eq!(read(here), is("222222222222", "us-east-1", "a", "b"));
        assert_eq!(read("localhost:4566/a:b"), is("111111111111", "us-east-1", "a", "b"));
        for none in [
            aws,
            "a:b",
            "public.ecr.aws/lambda/python:3.12",
            "222222222222.dkr.ecr-fips.us-east-1.amazonaws.com/a:b",
            &format!("{aws}@sha256:1"),
            &format!("{aws}:"),
        ] {
            assert_eq!(read(none), None, "{none}");
        }
    }
}
