//! Exports: what is written into a bucket.

use base::{AccountId, Region, Timestamp};
use store::{Key, Table, Tx};

/// By account, region, id.
pub(crate) const EXPORTS: Table<Export> = Table::new(0x150E, "logs/exports");

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Export {
        1 => pub(crate) account: AccountId,
        2 => pub(crate) region: Region,
        3 => pub(crate) id: String,
        4 => pub(crate) name: Option<String>,
        5 => pub(crate) group: String,
        /// Of streams.
        6 => pub(crate) streams: Option<String>,
        /// Milliseconds, both included.
        7 => pub(crate) since: i64,
        8 => pub(crate) until: i64,
        9 => pub(crate) bucket: String,
        /// Of keys.
        10 => pub(crate) prefix: String,
        /// `PENDING`, `RUNNING`, `PENDING_CANCEL`, `COMPLETED`, `CANCELLED`, `FAILED`
        11 => pub(crate) code: String,
        12 => pub(crate) message: Option<String>,
        13 => pub(crate) created: Timestamp,
        14 => pub(crate) ended: Option<Timestamp>,
    }
}

impl Export {
    pub(crate) fn key(account: AccountId, region: Region, id: &str) -> Key {
        Key::regional(account, region).str(id)
    }

    pub(crate) fn save(&self, tx: &mut Tx) {
        EXPORTS.put(tx, &Export::key(self.account, self.region, &self.id), self);
    }

    /// It is still to end.
    pub(crate) fn is_active(&self) -> bool {
        matches!(self.code.as_str(), "PENDING" | "RUNNING" | "PENDING_CANCEL")
    }

    /// The group, as bucket policies may ask about it.
    pub(crate) fn source(&self) -> String {
        format!("arn:aws:logs:{}:{}:log-group:{}:*", self.region.name(), self.account, self.group)
    }

    /// Where the files of a stream go.
    pub(crate) fn file(&self, stream: &str, number: usize) -> String {
        let stream = stream.replace('/', "-");
        format!("{}/{}/{stream}/{number:06}.gz", self.prefix, self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::Export;

    #[test]
    fn files_have_places() {
        let export = Export { prefix: "exportedlogs".into(), id: "i".into(), ..Export::default() };
        assert_eq!(export.file("2026/01/[$LATEST]a", 3), "exportedlogs/i/2026-01-[$LATEST]a/000003.gz");
    }
}
