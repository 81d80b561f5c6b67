//! What is kept of repositories, their images and layers.

use super::errors::EcrError;
use base::tag::Tags;
use base::{AccountId, Region, Timestamp};
use blob::ContentId;
use store::{Key, Read, Table, Tx};

/// By account, region, name; all others have the repository's key before their own.
pub(super) const REPOSITORIES: Table<Repository> = Table::new(0x2601, "ecr/repositories");
/// By digest.
pub(super) const IMAGES: Table<Image> = Table::new(0x2602, "ecr/images");
/// By tag: which image has it.
pub(super) const TAGS: Table<Tagged> = Table::new(0x2603, "ecr/tags");
/// By digest.
pub(super) const LAYERS: Table<Layer> = Table::new(0x2604, "ecr/layers");
/// By upload id.
pub(super) const UPLOADS: Table<Upload> = Table::new(0x2605, "ecr/uploads");

/// AWS: <https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html>, as for the others.
pub(super) const REPOSITORIES_MAX: usize = 100_000;
pub(super) const IMAGES_MAX: usize = 100_000;
pub(super) const TAGS_MAX: usize = 1_000;
pub(super) const PARTS_MAX: usize = 4_200;
pub(super) const PART_BYTES_MAX: usize = 20 << 20;
/// But for the last one.
pub(super) const PART_BYTES_MIN: u64 = 5 << 20;

pub(super) const MUTABLE: &str = "MUTABLE";

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct Repository {
        1 => pub(super) account: AccountId,
        2 => pub(super) region: Region,
        3 => pub(super) name: String,
        4 => pub(super) created: Timestamp,
        /// `MUTABLE`, `IMMUTABLE`, and each `_WITH_EXCLUSION`.
        5 => pub(super) mutability: String,
        /// Wildcards of the tags for which the opposite holds.
        6 => pub(super) exclusions: Vec<String>,
        7 => pub(super) tags: Tags,
        8 => pub(super) policy: Option<String>,
        9 => pub(super) lifecycle: Option<String>,
        /// When the lifecycle policy was last applied.
        10 => pub(super) evaluated: Option<Timestamp>,
        /// The policy of which a preview was asked.
        11 => pub(super) preview: Option<String>,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct Image {
        1 => pub(super) digest: String,
        2 => pub(super) manifest: String,
        3 => pub(super) media_type: String,
        /// Of all that it needs, in bytes.
        4 => pub(super) size: u64,
        5 => pub(super) pushed: Timestamp,
        6 => pub(super) tags: Vec<String>,
        7 => pub(super) artifact: Option<String>,
        8 => pub(super) subject: Option<String>,
        9 => pub(super) pulled: Option<Timestamp>,
        /// The digests of its configuration and layers.
        10 => pub(super) layers: Vec<String>,
        /// The digests of the images that a list of images names.
        11 => pub(super) members: Vec<String>,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct Tagged {
        1 => pub(super) digest: String,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct Layer {
        1 => pub(super) digest: String,
        2 => pub(super) size: u64,
        3 => pub(super) parts: Vec<Part>,
        /// Known once an image names it.
        4 => pub(super) media_type: Option<String>,
        /// How many images name it.
        5 => pub(super) users: u64,
    }

    /// Some bytes of a layer.
    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct Part {
        1 => pub(super) content: ContentId,
        2 => pub(super) size: u64,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct Upload {
        1 => pub(super) id: String,
        2 => pub(super) started: Timestamp,
        3 => pub(super) parts: Vec<Part>,
    }
}

impl Repository {
    pub(super) fn key_of(account: AccountId, region: Region, name: &str) -> Key {
        Key::regional(account, region).str(name)
    }

    pub(super) fn key(&self) -> Key {
        Repository::key_of(self.account, self.region, &self.name)
    }

    pub(super) fn arn(&self) -> String {
        arn(self.account, self.region, &self.name)
    }

    /// Its name and its registry's id, which most refusals tell.
    pub(super) fn said(&self) -> (String, String) {
        (self.name.clone(), self.account.to_string())
    }

    pub(super) fn save(&self, tx: &mut Tx) {
        REPOSITORIES.put(tx, &self.key(), self);
    }

    /// Whether a tag that stands must not be moved.
    pub(super) fn keeps(&self, tag: &str) -> bool {
        let excluded = self.exclusions.iter().any(|pattern| matches(pattern, tag));
        self.mutability.starts_with("IMMUTABLE") != excluded
    }

    pub(super) fn image(&self, from: &dyn Read, digest: &str) -> Result<Option<Image>, EcrError> {
        Ok(IMAGES.get(from, &self.key().str(digest))?)
    }

    /// The image that has a tag.
    pub(super) fn tagged(&self, from: &dyn Read, tag: &str) -> Result<Option<Image>, EcrError> {
        match TAGS.get(from, &self.key().str(tag))? {
            Some(tagged) => self.image(from, &tagged.digest),
            None => Ok(None),
        }
    }

    pub(super) fn layer(&self, from: &dyn Read, digest: &str) -> Result<Option<Layer>, EcrError> {
        Ok(LAYERS.get(from, &self.key().str(digest))?)
    }
}

impl Upload {
    pub(super) fn size(&self) -> u64 {
        self.parts.iter().map(|part| part.size).sum()
    }
}

/// `arn:aws:ecr:us-east-1:123456789012:repository/team/app`
pub(super) fn arn(account: AccountId, region: Region, name: &str) -> String {
    format!("arn:aws:ecr:{}:{account}:repository/{name}", region.name())
}

/// Whether a wildcard pattern (`*` for any characters) is this text's.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut pieces: Vec<&str> = pieces.collect();
    let Some(last) = pieces.pop() else { return rest.is_empty() };
    for piece in pieces {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn wildcards() {
        for (pattern, text, is_match) in [
            ("prod", "prod", true),
            ("prod", "prod1", false),
            ("prod*", "prod1", true),
            ("*test*1*2", "my-test-1-2", true),
            ("*test*1*2", "my-test-2-1", false),
            ("a*a", "a", false),
            ("*", "", true),
        ] {
            assert_eq!(matches(pattern, text), is_match, "{pattern} {text}");
        }
    }
}
