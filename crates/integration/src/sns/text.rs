//! Text messages: they stay in the mailbox, as what an account says about them has it, and who has replied `STOP` gets
//! none any more.
//!
//! AWS: <https://docs.aws.amazon.com/sns/latest/dg/sms_manage.html>

use super::errors::{SnsError, invalid};
use super::mailbox;
use super::model::{Attribute, Letter, MAILBOX, OPTED_OUT, OptedOut, TEXT_SETTINGS};
use base::{AccountId, Region};
use kernel::Cloud;
use std::collections::{BTreeMap, HashSet};
use store::{CommitError, Direction, Key, Tx};

pub(crate) const SENDER: &str = "DefaultSenderID";
pub(crate) const KIND: &str = "DefaultSMSType";
/// What is meant for one message alone, among its attributes.
const OWN_SENDER: &str = "AWS.SNS.SMS.SenderID";
const OWN_KIND: &str = "AWS.SNS.SMS.SMSType";

/// AWS: what a recipient replies to get no more.
const WORDS: [&str; 10] =
    ["ARRET", "CANCEL", "END", "OPT-OUT", "OPTOUT", "QUIT", "REMOVE", "STOP", "TD", "UNSUBSCRIBE"];

pub(crate) fn settings_key(account: AccountId, region: Region) -> Key {
    Key::regional(account, region)
}

pub(crate) fn opted_out_key(account: AccountId, region: Region, number: &str) -> Key {
    Key::regional(account, region).str(number)
}

/// A number as it is called, in the form of E.164.
///
/// # Errors
/// `InvalidParameter`.
pub(crate) fn number(text: &str) -> Result<&str, SnsError> {
    let digits = text.strip_prefix('+').unwrap_or_default();
    let good = (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    if good { Ok(text) } else { Err(invalid("PhoneNumber Reason: input incorrectly formatted")) }
}

/// Puts a text message into the mailbox, unless its recipient wants none.
///
/// # Errors
/// The store's.
pub(crate) fn deliver(
    tx: &mut Tx,
    mut letter: Letter,
    attributes: &BTreeMap<String, Attribute>,
    subscription: &str,
) -> Result<(), SnsError> {
    if OPTED_OUT.contains(tx, &opted_out_key(letter.account, letter.region, &letter.to))? {
        let problem = "the phone number has opted out";
        kernel::log::warn(
            "a text message was not sent",
            &[("message", &letter.message_id), ("problem", problem)],
        );
        return Ok(());
    }
    let settings = TEXT_SETTINGS.get(tx, &settings_key(letter.account, letter.region))?.unwrap_or_default();
    let find = |own: &str, default: &str| {
        let own = attributes.get(own).and_then(|attribute| attribute.text.clone());
        own.or_else(|| settings.attributes.get(default).cloned())
    };
    letter.sender = find(OWN_SENDER, SENDER);
    letter.kind = find(OWN_KIND, KIND).or_else(|| Some("Promotional".to_owned()));
    mailbox::put(tx, &letter, subscription);
    Ok(())
}

/// What a recipient replies: by some words it opts out, in every account and region that has sent it a text message.
/// How many these are.
///
/// # Errors
/// The store's.
pub fn reply(cloud: &Cloud, number: &str, words: &str) -> Result<usize, String> {
    let word = words.trim().to_uppercase();
    if !WORDS.contains(&word.as_str()) {
        return Ok(0);
    }
    let mut senders = HashSet::new();
    for entry in MAILBOX.scan(&cloud.store().snapshot(), &Key::empty(), Direction::Forward) {
        let (_, letter) = entry.map_err(|error| error.to_string())?;
        if letter.protocol == "sms" && letter.to == number {
            senders.insert((letter.account, letter.region));
        }
    }
    loop {
        let mut tx = cloud.store().begin();
        for (account, region) in &senders {
            let out = OptedOut { number: number.to_owned() };
            OPTED_OUT.put(&mut tx, &opted_out_key(*account, *region, number), &out);
        }
        match tx.commit().wait() {
            Ok(_) => return Ok(senders.len()),
            Err(CommitError::Conflict) => {}
            Err(error) => return Err(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers() {
        for good in ["+4915112345678", "+1234567"] {
            assert_eq!(number(good).ok(), Some(good));
        }
        for bad in ["4915112345678", "+12345", "+49a5112345678", ""] {
            assert!(number(bad).is_err(), "{bad}");
        }
    }
}
