//! What Lambda keeps: functions, their versions, aliases and policies, and the events that wait to be handled.

use super::errors::LambdaError;
use super::name::{LATEST, Named, function_arn};
use base::tag::Tags;
use base::{AccountId, Region, Timestamp};
use blob::ContentId;
use feed::Progress;
use std::collections::BTreeMap;
use store::{Key, Read, Table, Tx};

store::record! {
    /// What all versions of a function share.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Function {
        1 => pub account: AccountId,
        2 => pub region: Region,
        3 => pub name: String,
        4 => pub tags: Tags,
        /// The number of the last version that was published.
        5 => pub published: u64,
        6 => pub reserved: Option<u32>,
        /// Distinguishes it from one of the same name that was before.
        7 => pub id: String,
        /// It may be a consequence of itself without end.
        8 => pub loops: bool,
    }

    /// A version: the one that changes, or one that was published.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Version {
        /// 0 is the one that changes.
        1 => pub number: u64,
        2 => pub runtime: String,
        3 => pub role: String,
        4 => pub handler: String,
        5 => pub description: String,
        6 => pub timeout: u32,
        7 => pub memory: u32,
        /// In MB.
        8 => pub storage: u32,
        /// Environment variables as JSON, sealed.
        9 => pub environment: Option<Vec<u8>>,
        10 => pub code: ContentId,
        11 => pub code_size: u64,
        /// Base64 of SHA-256.
        12 => pub code_hash: String,
        13 => pub modified: Timestamp,
        14 => pub revision: String,
        15 => pub dead_letters: Option<String>,
        16 => pub layers: Vec<UsedLayer>,
        /// Of its code, in bytes; 0 of versions that are older than this field.
        17 => pub unzipped: u64,
        /// Where it sends from, if not from the sandbox's own door.
        18 => pub network: Option<Network>,
        /// What it is made of, if not of an archive.
        19 => pub image: Option<Image>,
        /// What runs until that has been unpacked.
        20 => pub before: Option<Image>,
        21 => pub started: Started,
        /// Where on this machine its code is, and changes, if not in its archive.
        22 => pub folder: Option<String>,
        /// The key of KMS for its environment variables, as it was named.
        23 => pub key: Option<String>,
        /// What seals them, as that key has encrypted it; `None`: the cloud's own key.
        24 => pub data_key: Option<Vec<u8>>,
        /// Where its logs go, if not to the group that is called after its function.
        25 => pub log_group: Option<String>,
        /// How its logs are told, if not as text.
        26 => pub json_logs: Option<JsonLogs>,
    }

    /// Logs in JSON: from which level on a function's own lines and Lambda's are kept.
    #[derive(Clone, PartialEq, Eq, Debug)]
    pub struct JsonLogs {
        1 => pub application: String,
        2 => pub system: String,
    }

    /// A container image, as it was when a function was told to be of it.
    #[derive(Clone, PartialEq, Eq, Debug)]
    pub struct Image {
        /// As it was asked for.
        1 => pub uri: String,
        /// The same by its digest.
        2 => pub resolved: String,
        /// `sha256:` and 64 digits.
        3 => pub digest: String,
        /// What its configuration says.
        4 => pub entry: Vec<String>,
        5 => pub command: Vec<String>,
        6 => pub folder: String,
        7 => pub env: Vec<(String, String)>,
    }

    /// How an image's program is started, where that is not as the image says.
    #[derive(Clone, PartialEq, Eq, Debug)]
    pub struct Started {
        1 => pub entry: Option<Vec<String>>,
        2 => pub command: Option<Vec<String>>,
        3 => pub folder: Option<String>,
    }

    /// The root of an image, unpacked once for all who use it.
    #[derive(Clone, PartialEq, Eq, Debug)]
    pub struct Root {
        1 => pub digest: String,
        2 => pub layers: Vec<Packed>,
        /// The function for whose sake it is read.
        3 => pub account: AccountId,
        4 => pub region: Region,
        5 => pub function: String,
        /// Where it is read from.
        6 => pub registry: AccountId,
        7 => pub repository: String,
        /// How many versions are of it.
        8 => pub users: u64,
        9 => pub unpacked: Unpacked,
        /// Why it could not be unpacked: a code of AWS's, and words.
        10 => pub code: String,
        11 => pub reason: String,
    }

    /// A layer of an image.
    #[derive(Clone, PartialEq, Eq, Debug)]
    pub struct Packed {
        1 => pub digest: String,
        2 => pub gzip: bool,
        /// The digest of what is in it.
        3 => pub content: String,
    }

    /// Where in a VPC a function is.
    #[derive(Clone, PartialEq, Eq, Debug)]
    pub struct Network {
        1 => pub vpc: String,
        2 => pub subnets: Vec<String>,
        3 => pub groups: Vec<String>,
    }

    /// The interface that all functions of a subnet with the same groups share.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Link {
        1 => pub interface: String,
        2 => pub zone: String,
    }

    /// A version of a layer, as a function keeps it.
    #[derive(Clone, PartialEq, Debug)]
    pub struct UsedLayer {
        1 => pub arn: String,
        2 => pub content: ContentId,
        3 => pub size: u64,
        4 => pub unzipped: u64,
    }

    /// What all versions of a layer share.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Layer {
        1 => pub name: String,
        /// The number of the last version that was published.
        2 => pub published: u64,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub struct LayerVersion {
        1 => pub number: u64,
        2 => pub description: String,
        3 => pub license: Option<String>,
        4 => pub runtimes: Vec<String>,
        5 => pub architectures: Vec<String>,
        6 => pub content: ContentId,
        /// In bytes, zipped.
        7 => pub size: u64,
        8 => pub unzipped: u64,
        /// Base64 of SHA-256.
        9 => pub hash: String,
        10 => pub created: Timestamp,
    }

    /// A name for a version, or for two.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Alias {
        1 => pub name: String,
        2 => pub version: String,
        3 => pub description: String,
        /// Which other version gets which part of the calls, in parts of 10,000.
        4 => pub weights: BTreeMap<String, u32>,
        5 => pub revision: String,
    }

    /// How many environments of a version, or of the versions of an alias, are kept ready.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Provision {
        1 => pub account: AccountId,
        2 => pub region: Region,
        3 => pub function: String,
        /// A version's number or an alias's name.
        4 => pub qualifier: String,
        5 => pub requested: u32,
        6 => pub modified: Timestamp,
        /// Another one each time that it is asked for.
        7 => pub id: String,
    }

    /// The resource policy of a function, a version or an alias.
    #[derive(Clone, PartialEq, Debug)]
    pub struct PolicyOf {
        /// Statement ids and statements.
        1 => pub statements: Vec<(String, String)>,
        2 => pub revision: String,
    }

    /// How the events of a function, a version or an alias are handled.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Handling {
        1 => pub retries: Option<u32>,
        /// In seconds.
        2 => pub age: Option<u32>,
        3 => pub on_success: Option<String>,
        4 => pub on_failure: Option<String>,
        5 => pub modified: Timestamp,
    }

    /// What a browser may be told of a function URL across origins.
    #[derive(Clone, PartialEq, Debug)]
    pub struct UrlCors {
        1 => pub credentials: Option<bool>,
        2 => pub headers: Vec<String>,
        3 => pub methods: Vec<String>,
        4 => pub origins: Vec<String>,
        5 => pub exposed: Vec<String>,
        /// In seconds.
        6 => pub age: Option<u32>,
    }

    /// The URL of a function or an alias.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Url {
        /// The first label of its host name.
        1 => pub id: String,
        2 => pub account: AccountId,
        3 => pub region: Region,
        4 => pub function: String,
        5 => pub alias: Option<String>,
        /// Nobody is asked who it is.
        6 => pub is_open: bool,
        7 => pub streams: bool,
        8 => pub cors: Option<UrlCors>,
        9 => pub created: Timestamp,
        10 => pub modified: Timestamp,
    }

    /// An invocation that nobody waits for.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Event {
        1 => pub account: AccountId,
        2 => pub region: Region,
        3 => pub name: String,
        4 => pub qualifier: Option<String>,
        5 => pub payload: Vec<u8>,
        6 => pub request_id: String,
        7 => pub accepted: Timestamp,
        /// How often it has failed.
        8 => pub attempts: u32,
        9 => pub not_before: Timestamp,
        10 => pub client_context: Option<String>,
        /// How often it could not be tried.
        11 => pub throttled: u32,
        /// The chain of requests that it belongs to.
        12 => pub chain: Option<String>,
    }
}

store::record_enum! {
    /// How far the root of an image is.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub enum Unpacked {
        1 => Pending,
        2 => Ready,
        3 => Failed,
    }
}

store::record_enum! {
    /// What an event source mapping is, or is becoming.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub enum Phase {
        1 => Creating,
        2 => Enabling,
        3 => Enabled,
        4 => Disabling,
        5 => Disabled,
        6 => Updating,
        7 => Deleting,
    }
}

store::record! {
    /// What brings a function the records of a queue or a stream.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Mapping {
        1 => pub id: String,
        2 => pub account: AccountId,
        3 => pub region: Region,
        4 => pub function: String,
        5 => pub qualifier: Option<String>,
        /// The ARN of the queue or the stream.
        6 => pub source: String,
        7 => pub phase: Phase,
        8 => pub enabled: bool,
        9 => pub batch: u32,
        /// How long records are gathered, in seconds.
        10 => pub window: u32,
        /// Whether the function says which records failed.
        11 => pub reports: bool,
        12 => pub concurrency: Option<u32>,
        13 => pub filters: Vec<String>,
        /// Where a stream is begun.
        14 => pub start: Option<String>,
        15 => pub bisects: bool,
        /// `None`: without end.
        16 => pub retries: Option<u32>,
        /// In seconds; `None`: however old.
        17 => pub age: Option<u32>,
        18 => pub parallel: u32,
        19 => pub on_failure: Option<String>,
        20 => pub created: Timestamp,
        21 => pub modified: Timestamp,
        /// What the last batch came to.
        22 => pub result: Option<String>,
        /// Counts the changes of what it is told to be.
        23 => pub revision: u64,
        24 => pub tags: Tags,
    }
}

pub const FUNCTIONS: Table<Function> = Table::new(0x2501, "lambda/functions");
pub const VERSIONS: Table<Version> = Table::new(0x2502, "lambda/versions");
pub const ALIASES: Table<Alias> = Table::new(0x2503, "lambda/aliases");
pub const POLICIES: Table<PolicyOf> = Table::new(0x2504, "lambda/policies");
/// By the time of their acceptance.
pub const EVENTS: Table<Event> = Table::new(0x2505, "lambda/events");

pub const MAPPINGS: Table<Mapping> = Table::new(0x2506, "lambda/mappings");
/// By mapping and shard.
pub static PROGRESS: Table<Progress> = Table::new(0x2507, "lambda/progress");

/// By function and qualifier.
pub const HANDLING: Table<Handling> = Table::new(0x2508, "lambda/handling");

/// By function and alias; of a function as a whole the alias is empty.
pub const URLS: Table<Url> = Table::new(0x2509, "lambda/urls");
/// The same by their ids, for whoever knows nothing but a host name.
pub const URLS_BY_ID: Table<Url> = Table::new(0x250a, "lambda/urls by id");

pub const LAYERS: Table<Layer> = Table::new(0x250b, "lambda/layers");
/// By layer and number.
pub const LAYER_VERSIONS: Table<LayerVersion> = Table::new(0x250c, "lambda/layer versions");
/// By subnet and groups.
pub const LINKS: Table<Link> = Table::new(0x250e, "lambda/links");
pub const LAYER_POLICIES: Table<PolicyOf> = Table::new(0x250d, "lambda/layer policies");
/// By digest.
pub const ROOTS: Table<Root> = Table::new(0x2510, "lambda/roots of images");
/// By function and qualifier.
pub const PROVISIONS: Table<Provision> = Table::new(0x250f, "lambda/provisions");

impl Url {
    pub fn key(&self) -> Key {
        let function = Key::regional(self.account, self.region).str(&self.function);
        function.str(self.alias.as_deref().unwrap_or_default())
    }

    /// What it calls.
    pub(crate) fn named(&self) -> Named {
        let (account, region) = (self.account, self.region);
        Named { account, region, name: self.function.clone(), qualifier: self.alias.clone() }
    }

    pub fn put(&self, tx: &mut Tx) {
        URLS.put(tx, &self.key(), self);
        URLS_BY_ID.put(tx, &Key::global().str(&self.id), self);
    }

    pub fn delete(&self, tx: &mut Tx) {
        URLS.delete(tx, &self.key());
        URLS_BY_ID.delete(tx, &Key::global().str(&self.id));
    }

    /// How policies and requests call who may come.
    pub fn auth_type(&self) -> &'static str {
        auth_type(self.is_open)
    }
}

pub(crate) fn auth_type(is_open: bool) -> &'static str {
    if is_open { "NONE" } else { "AWS_IAM" }
}

impl Mapping {
    pub fn key(&self) -> Key {
        Key::regional(self.account, self.region).str(&self.id)
    }

    pub fn arn(&self) -> String {
        let resource = format!("event-source-mapping:{}", self.id);
        base::Arn::new("lambda", self.region.name(), self.account.as_str(), &resource).to_string()
    }

    /// What it calls.
    pub(crate) fn named(&self) -> Named {
        let (account, region) = (self.account, self.region);
        Named { account, region, name: self.function.clone(), qualifier: self.qualifier.clone() }
    }

    pub fn is_queue(&self) -> bool {
        base::Arn::parse(&self.source).is_some_and(|arn| arn.service == "sqs")
    }

    /// Whether it is to bring records.
    pub fn works(&self) -> bool {
        self.enabled && self.phase != Phase::Deleting
    }
}

impl Function {
    pub fn key(&self) -> Key {
        Key::regional(self.account, self.region).str(&self.name)
    }

    pub fn arn(&self) -> String {
        function_arn(self.account, self.region, &self.name)
    }
}

impl Version {
    /// Where the logs go of a function of that name.
    pub(crate) fn log_group(&self, function: &str) -> String {
        self.log_group.clone().unwrap_or_else(|| format!("/aws/lambda/{function}"))
    }

    pub fn label(&self) -> String {
        if self.number == 0 { LATEST.to_owned() } else { self.number.to_string() }
    }
}

pub(crate) fn number_of(label: &str) -> Option<u64> {
    if label == LATEST { Some(0) } else { label.parse().ok().filter(|n| *n > 0) }
}

/// A function that must be there.
///
/// # Errors
/// `ResourceNotFoundException`
pub(crate) fn function(from: &dyn Read, named: &Named) -> Result<Function, LambdaError> {
    FUNCTIONS.get(from, &named.key())?.ok_or_else(|| named.not_found())
}

/// A version that must be there, by its label.
///
/// # Errors
/// `ResourceNotFoundException`
pub(crate) fn version(from: &dyn Read, named: &Named, label: &str) -> Result<Version, LambdaError> {
    let number = number_of(label).ok_or_else(|| named.not_found())?;
    VERSIONS.get(from, &named.key().u64(number))?.ok_or_else(|| named.not_found())
}

/// The alias of that name, if there is one.
///
/// # Errors
/// The store's.
pub(crate) fn alias(from: &dyn Read, named: &Named, name: &str) -> Result<Option<Alias>, LambdaError> {
    Ok(ALIASES.get(from, &named.key().str(name))?)
}

/// The version that a name and its qualifier lead to; of an alias with weights, `draw` (below 10,000) decides.
///
/// # Errors
/// `ResourceNotFoundException`
pub(crate) fn resolve(from: &dyn Read, named: &Named, draw: u32) -> Result<Version, LambdaError> {
    let qualifier = named.qualifier.as_deref().unwrap_or(LATEST);
    if number_of(qualifier).is_some() {
        return version(from, named, qualifier);
    }
    let alias = alias(from, named, qualifier)?.ok_or_else(|| named.not_found())?;
    version(from, named, alias.picked(draw))
}

impl Alias {
    /// Which of its versions a draw below 10,000 picks.
    pub(crate) fn picked(&self, draw: u32) -> &str {
        let mut below = 0;
        for (version, weight) in &self.weights {
            below += weight;
            if draw < below {
                return version;
            }
        }
        &self.version
    }
}

#[cfg(test)]
mod tests {
    use super::Alias;

    #[test]
    fn weights() {
        let weights = [("2".to_owned(), 2_500)].into();
        let alias = Alias { version: "1".into(), weights, ..Alias::default() };
        let twos = (0..10_000).filter(|draw| alias.picked(*draw) == "2").count();
        assert_eq!(twos, 2_500);
    }
}
