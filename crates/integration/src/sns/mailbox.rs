//! The mailbox: what would have left the cloud as an e-mail or a text message stays here, to be read.

use super::model::{Letter, MAILBOX};
use kernel::Cloud;
use store::{Direction, Key, StoreError, Tx};

/// Puts a letter in; `subscription` tells letters of one message apart.
pub(crate) fn put(tx: &mut Tx, letter: &Letter, subscription: &str) {
    let key = Key::regional(letter.account, letter.region)
        .time(letter.time)
        .str(&letter.message_id)
        .str(subscription);
    MAILBOX.put(tx, &key, letter);
}

/// All letters, account by account, oldest first.
///
/// # Errors
/// The store's.
pub fn letters(cloud: &Cloud) -> Result<Vec<Letter>, StoreError> {
    MAILBOX
        .scan(&cloud.store().snapshot(), &Key::empty(), Direction::Forward)
        .map(|entry| Ok(entry?.1))
        .collect()
}
