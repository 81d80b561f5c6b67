//! What is kept of a parameter: its latest version with what belongs to the name, and the versions before it.

use base::tag::Tags;
use base::{AccountId, Region, Timestamp};
use store::{Key, Read, StoreError, Table, Tx};

/// By account, region, name.
pub(super) const PARAMETERS: Table<Parameter> = Table::new(0x1801, "ssm/parameters");
/// Those before the latest. By account, region, name, version.
pub(super) const HISTORY: Table<Version> = Table::new(0x1802, "ssm/history");

/// AWS: <https://docs.aws.amazon.com/general/latest/gr/ssm.html> (Parameter Store), as for both of the next.
pub(super) const PARAMETERS_MAX: usize = 10_000 + 100_000;
pub(super) const VERSIONS_MAX: u64 = 100;
pub(super) const LABELS_MAX: usize = 10;

pub(super) const STRING: &str = "String";
pub(super) const STRING_LIST: &str = "StringList";
pub(super) const SECURE: &str = "SecureString";
pub(super) const STANDARD: &str = "Standard";
pub(super) const ADVANCED: &str = "Advanced";

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct Parameter {
        1 => pub(super) name: String,
        2 => pub(super) latest: Version,
        3 => pub(super) tags: Tags,
        4 => pub(super) labels: Vec<Label>,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct Version {
        1 => pub(super) number: u64,
        /// `String`, `StringList`, `SecureString`
        2 => pub(super) kind: String,
        /// As it is, or sealed and in base64 for a `SecureString`.
        3 => pub(super) value: String,
        /// As the caller named it; only a `SecureString` has one.
        4 => pub(super) key: Option<String>,
        5 => pub(super) description: Option<String>,
        6 => pub(super) allowed_pattern: Option<String>,
        /// `Standard`, `Advanced`
        7 => pub(super) tier: String,
        /// `text`, `aws:ec2:image`
        8 => pub(super) data_type: String,
        9 => pub(super) modified: Timestamp,
        /// The ARN of who wrote it.
        10 => pub(super) modified_by: String,
    }

    /// A name for a version.
    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct Label {
        1 => pub(super) name: String,
        2 => pub(super) version: u64,
    }
}

/// A place of parameters: an account's, in one region.
pub(super) type Home = (AccountId, Region);

impl Parameter {
    pub(super) fn key((account, region): Home, name: &str) -> Key {
        Key::regional(account, region).str(name)
    }

    pub(super) fn load(from: &dyn Read, home: Home, name: &str) -> Result<Option<Parameter>, StoreError> {
        PARAMETERS.get(from, &Parameter::key(home, name))
    }

    pub(super) fn save(&self, tx: &mut Tx, home: Home) {
        PARAMETERS.put(tx, &Parameter::key(home, &self.name), self);
    }

    /// One of its versions, the latest or one before.
    pub(super) fn version(
        &self,
        from: &dyn Read,
        home: Home,
        number: u64,
    ) -> Result<Option<Version>, StoreError> {
        if number == self.latest.number {
            return Ok(Some(self.latest.clone()));
        }
        HISTORY.get(from, &Parameter::key(home, &self.name).u64(number))
    }

    pub(super) fn labels_of(&self, version: u64) -> Vec<String> {
        self.labels.iter().filter(|label| label.version == version).map(|label| label.name.clone()).collect()
    }
}

/// `arn:aws:ssm:us-east-1:123456789012:parameter/a/b`, for `/a/b`; a name without a slash gets one.
pub(super) fn arn((account, region): Home, name: &str) -> String {
    format!("arn:aws:ssm:{}:{account}:parameter/{}", region.name(), name.trim_start_matches('/'))
}
