//! What SNS keeps: topics, subscriptions, what is still to be delivered, and the mailbox.

use base::tag::Tags;
use base::{AccountId, Arn, Region, Timestamp};
use kernel::Cx;
use std::collections::BTreeMap;
use store::{Index, Key, Table};

use super::delivery_policy::{Policy, Retry};
use super::errors::{SnsError, invalid};

/// What ends the name of a FIFO topic.
pub(crate) const FIFO: &str = ".fifo";

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub struct Topic {
        1 => pub account: AccountId,
        2 => pub region: Region,
        3 => pub name: String,
        4 => pub display_name: String,
        /// None where it is the default one.
        5 => pub policy: Option<String>,
        6 => pub delivery_policy: Option<String>,
        /// 0 where none was set.
        7 => pub signature_version: u32,
        8 => pub content_deduplication: bool,
        9 => pub deduplicates_by_group: bool,
        10 => pub tags: Tags,
        /// Subscriptions that were ended.
        11 => pub ended: u32,
        /// Passed on to queues, if it is `Active`.
        12 => pub tracing: Option<String>,
        /// As it was given; None where nothing is archived.
        13 => pub archive: Option<String>,
        14 => pub archive_days: u32,
        15 => pub archive_since: Timestamp,
        /// As it was named.
        16 => pub kms_key: Option<String>,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub struct Subscription {
        1 => pub id: String,
        2 => pub account: AccountId,
        3 => pub region: Region,
        4 => pub topic: String,
        5 => pub owner: AccountId,
        6 => pub protocol: String,
        7 => pub endpoint: String,
        8 => pub confirmed: bool,
        /// By which it is confirmed, and until when.
        9 => pub token: Option<String>,
        10 => pub token_ends: Timestamp,
        11 => pub raw: bool,
        12 => pub filter: Option<String>,
        13 => pub filters_body: bool,
        14 => pub redrive: Option<String>,
        15 => pub delivery_policy: Option<String>,
        16 => pub principal: String,
        17 => pub authenticated: bool,
        /// Only who signs may end it.
        18 => pub ends_authenticated: bool,
        /// As it was given.
        19 => pub replay: Option<String>,
        20 => pub replay_status: String,
        /// What is published later than the end of its replay is not for it.
        21 => pub replay_ends: bool,
    }

    /// A message attribute's value.
    #[derive(Clone, PartialEq, Eq, Debug)]
    pub struct Attribute {
        1 => pub data_type: String,
        2 => pub text: Option<String>,
        3 => pub binary: Option<Vec<u8>>,
    }

    /// A message on its way to one subscription.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Delivery {
        1 => pub subscription: String,
        2 => pub account: AccountId,
        3 => pub region: Region,
        4 => pub topic: String,
        5 => pub protocol: String,
        6 => pub endpoint: String,
        7 => pub message_id: String,
        8 => pub message: String,
        9 => pub subject: Option<String>,
        10 => pub attributes: BTreeMap<String, Attribute>,
        11 => pub time: Timestamp,
        12 => pub group: Option<String>,
        13 => pub deduplication: Option<String>,
        /// Of a FIFO topic.
        14 => pub number: Option<u64>,
        15 => pub raw: bool,
        16 => pub dead_letters: Option<String>,
        17 => pub signature_version: u32,
        /// What URLs begin with.
        18 => pub origin: String,
        19 => pub attempts: u32,
        20 => pub not_before: Timestamp,
        /// It asks for confirmation with this token, and is no notification.
        21 => pub token: Option<String>,
        /// How often and after how many seconds one is tried again that was accepted before 24 was kept.
        22 => pub retries: u32,
        23 => pub retry_seconds: u32,
        /// Of HTTP endpoints.
        24 => pub policy: Option<Policy>,
        /// What its token would restore is over.
        25 => pub ends: bool,
        /// The chain of requests that it belongs to.
        26 => pub chain: Option<String>,
        /// Out of the archive.
        27 => pub replayed: bool,
        /// The message where its topic has a key, and what seals it, as KMS has encrypted that.
        28 => pub sealed: Option<Vec<u8>>,
        29 => pub data_key: Vec<u8>,
    }

    /// A message in a topic's archive.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Archived {
        1 => pub message_id: String,
        2 => pub time: Timestamp,
        /// What each protocol gets.
        3 => pub bodies: BTreeMap<String, String>,
        4 => pub subject: Option<String>,
        5 => pub attributes: BTreeMap<String, Attribute>,
        6 => pub group: Option<String>,
        7 => pub deduplication: Option<String>,
        /// What URLs begin with.
        8 => pub origin: String,
        /// The bodies where the topic had a key, and what seals them, as KMS has encrypted that.
        9 => pub sealed: Option<Vec<u8>>,
        10 => pub data_key: Vec<u8>,
    }

    /// A topic that has an archive, or had one that is not yet removed.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Archiving {
        1 => pub account: AccountId,
        2 => pub region: Region,
        3 => pub topic: String,
    }

    /// A replay that is not over.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Replay {
        1 => pub account: AccountId,
        2 => pub region: Region,
        3 => pub topic: String,
        4 => pub subscription: String,
        5 => pub from: Timestamp,
        6 => pub to: Option<Timestamp>,
        /// The number of the last message that was looked at.
        7 => pub position: u64,
    }

    /// The position of a FIFO topic's last message.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Counter {
        1 => pub last: u64,
    }

    /// A deduplication id that was used.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Used {
        1 => pub at: Timestamp,
        2 => pub message_id: String,
        3 => pub number: u64,
    }

    /// What would have left the cloud: an e-mail or a text message.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Letter {
        1 => pub account: AccountId,
        2 => pub region: Region,
        /// `email`, `email-json`, `sms`.
        3 => pub protocol: String,
        4 => pub to: String,
        5 => pub subject: Option<String>,
        6 => pub body: String,
        7 => pub time: Timestamp,
        8 => pub topic_arn: Option<String>,
        9 => pub message_id: String,
        /// Of a text message: as whom it is sent, and whether as `Promotional` or `Transactional`.
        10 => pub sender: Option<String>,
        11 => pub kind: Option<String>,
    }

    /// An application that gets notifications on mobile devices.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Application {
        1 => pub account: AccountId,
        2 => pub region: Region,
        /// `GCM`
        3 => pub platform: String,
        4 => pub name: String,
        /// Those that are shown. Its credentials are not kept: nothing leaves that they were needed for.
        5 => pub attributes: BTreeMap<String, String>,
    }

    /// An application on one device.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Endpoint {
        1 => pub id: String,
        /// `Enabled`, `Token` and `CustomUserData`.
        2 => pub attributes: BTreeMap<String, String>,
    }

    /// What an account says about its text messages.
    #[derive(Clone, PartialEq, Debug)]
    pub struct TextSettings {
        1 => pub attributes: BTreeMap<String, String>,
    }

    /// A number that wants no text messages.
    #[derive(Clone, PartialEq, Debug)]
    pub struct OptedOut {
        1 => pub number: String,
    }

    /// A number of the sandbox.
    #[derive(Clone, PartialEq, Debug)]
    pub struct SandboxNumber {
        1 => pub number: String,
        2 => pub password: String,
        3 => pub verified_at: Option<Timestamp>,
    }

    /// The key under which notifications are signed, and its certificate.
    #[derive(Clone, PartialEq, Debug)]
    pub struct SigningKey {
        /// PKCS #8, sealed.
        1 => pub sealed: Vec<u8>,
        2 => pub certificate: Vec<u8>,
        3 => pub id: String,
    }
}

pub(crate) const TOPICS: Table<Topic> = Table::new(0x1301, "sns/topics");
pub(crate) const SUBSCRIPTIONS: Table<Subscription> = Table::new(0x1302, "sns/subscriptions");
pub(crate) const COUNTERS: Table<Counter> = Table::new(0x1303, "sns/counters");
pub(crate) const USED: Table<Used> = Table::new(0x1304, "sns/deduplication ids");
/// To queues and the mailbox.
pub(crate) const DELIVERIES: Table<Delivery> = Table::new(0x1305, "sns/deliveries");
/// To HTTP endpoints, which may be slow.
pub(crate) const CALLS: Table<Delivery> = Table::new(0x1306, "sns/calls");
pub(crate) const MAILBOX: Table<Letter> = Table::new(0x1307, "sns/mailbox");
/// Subscriptions of HTTP endpoints that were ended, for as long as their tokens restore them.
pub(crate) const ENDED: Table<Subscription> = Table::new(0x1309, "sns/ended subscriptions");
pub(crate) const SIGNING_KEY: Table<SigningKey> = Table::new(0x1308, "sns/signing key");

/// By topic and number.
pub(crate) const ARCHIVE: Table<Archived> = Table::new(0x130A, "sns/archive");
pub(crate) const ARCHIVING: Table<Archiving> = Table::new(0x130B, "sns/archiving topics");
pub(crate) const REPLAYS: Table<Replay> = Table::new(0x130C, "sns/replays");

/// By account, region, platform and name.
pub(crate) const APPLICATIONS: Table<Application> = Table::new(0x130D, "sns/platform applications");
/// By their application and their id.
pub(crate) const ENDPOINTS: Table<Endpoint> = Table::new(0x130E, "sns/platform endpoints");
/// By application and token.
pub(crate) const TOKENS: Index = Index::new(0x130F, "sns/tokens of endpoints");
pub(crate) const TEXT_SETTINGS: Table<TextSettings> = Table::new(0x1310, "sns/settings of text messages");
pub(crate) const OPTED_OUT: Table<OptedOut> = Table::new(0x1311, "sns/numbers that opted out");
pub(crate) const SANDBOX: Table<SandboxNumber> = Table::new(0x1312, "sns/numbers of the sandbox");

pub(crate) fn topic_arn(account: AccountId, region: Region, name: &str) -> String {
    Arn::new("sns", region.name(), account.as_str(), name).to_string()
}

/// A topic's entry; subscriptions, deliveries and the like begin with it.
pub(crate) fn topic_key(account: AccountId, region: Region, name: &str) -> Key {
    Key::regional(account, region).str(name)
}

impl Topic {
    pub(crate) fn key(&self) -> Key {
        topic_key(self.account, self.region, &self.name)
    }

    pub(crate) fn arn(&self) -> String {
        topic_arn(self.account, self.region, &self.name)
    }

    pub(crate) fn is_fifo(&self) -> bool {
        self.name.ends_with(FIFO)
    }
}

impl Subscription {
    pub(crate) fn key(&self) -> Key {
        topic_key(self.account, self.region, &self.topic).str(&self.id)
    }

    pub(crate) fn topic_arn(&self) -> String {
        topic_arn(self.account, self.region, &self.topic)
    }

    pub(crate) fn arn(&self) -> String {
        format!("{}:{}", self.topic_arn(), self.id)
    }
}

impl Subscription {
    /// Whether what is published now is for it: a replay brings it everything else, in its order.
    pub(crate) fn is_live(&self) -> bool {
        self.confirmed
            && match self.replay_status.as_str() {
                "" => true,
                "Completed" => !self.replay_ends,
                _ => false,
            }
    }
}

impl Delivery {
    pub(crate) fn topic_arn(&self) -> String {
        topic_arn(self.account, self.region, &self.topic)
    }

    pub(crate) fn subscription_arn(&self) -> String {
        format!("{}:{}", self.topic_arn(), self.subscription)
    }

    /// By what it is made.
    pub(crate) fn policy(&self) -> Policy {
        let before = || {
            let (retries, seconds) = (self.retries, self.retry_seconds);
            Policy {
                retry: Retry { retries, shortest: seconds, longest: seconds, ..Retry::default() },
                ..Policy::default()
            }
        };
        self.policy.clone().unwrap_or_else(before)
    }
}

/// A topic, whether it exists or not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Place {
    pub(crate) account: AccountId,
    pub(crate) region: Region,
    pub(crate) name: String,
    /// Of a subscription's ARN.
    pub(crate) subscription: Option<String>,
}

impl Place {
    /// Reads an ARN of a topic, or of one of its subscriptions.
    ///
    /// # Errors
    /// `InvalidParameter`, with AWS's reason.
    pub(crate) fn read(text: &str, parameter: &str) -> Result<Place, SnsError> {
        let parts: Vec<&str> = text.split(':').collect();
        if parts.len() < 6 {
            let count = parts.len();
            return Err(invalid(format!(
                "{parameter} Reason: An ARN must have at least 6 elements, not {count}"
            )));
        }
        let bad = || invalid(parameter);
        let [_, _, "sns", region, account, rest @ ..] = parts.as_slice() else { return Err(bad()) };
        let (name, subscription) = match rest {
            [name] => (*name, None),
            [name, id] => (*name, Some((*id).to_owned())),
            _ => return Err(bad()),
        };
        if name.is_empty() || parts.first() != Some(&"arn") {
            return Err(bad());
        }
        Ok(Place {
            account: AccountId::parse(account).ok_or_else(bad)?,
            region: Region::parse(region).ok_or_else(bad)?,
            name: name.to_owned(),
            subscription,
        })
    }

    pub(crate) fn key(&self) -> Key {
        topic_key(self.account, self.region, &self.name)
    }

    pub(crate) fn arn(&self) -> String {
        topic_arn(self.account, self.region, &self.name)
    }
}

/// The topic that a request names.
///
/// # Errors
/// `InvalidParameter` for what is no topic's ARN, `NotFound`.
pub(crate) fn topic(cx: &Cx<'_>, arn: &str) -> Result<Topic, SnsError> {
    let place = Place::read(arn, "TopicArn")?;
    if place.subscription.is_some() || place.region != cx.region {
        return Err(invalid("TopicArn"));
    }
    TOPICS.get(cx.tx, &place.key())?.ok_or(SnsError::NoTopic)
}

/// The subscription that a request names.
///
/// # Errors
/// `InvalidParameter`, `NotFound`.
pub(crate) fn subscription(cx: &Cx<'_>, arn: &str) -> Result<Subscription, SnsError> {
    let place = Place::read(arn, "SubscriptionArn")?;
    let Some(id) = &place.subscription else { return Err(invalid("SubscriptionArn")) };
    SUBSCRIPTIONS.get(cx.tx, &place.key().str(id))?.ok_or(SnsError::NoSubscription)
}

#[cfg(test)]
mod tests {
    use super::Delivery;
    use std::time::Duration;

    #[test]
    fn what_was_accepted_before_policies_were_kept_is_tried_again_as_it_was() {
        let delivery = Delivery { retries: 2, retry_seconds: 7, ..Delivery::default() };
        let retry = delivery.policy().retry;
        let seven = Some(Duration::from_secs(7));
        assert_eq!((0..3).map(|number| retry.delay(number)).collect::<Vec<_>>(), [seven, seven, None]);
    }
}
