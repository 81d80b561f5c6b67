//! [`Key`]: keys made of components, which sort as their components do.
//!
//! A stored key is `table id (2 bytes) · scope · components`. The table comes first, so a table is one range; the
//! scope of everything that belongs to an account begins with the same bytes in every table, so "everything of an
//! account" is one short range per table, however large the others are:
//!
//! | scope | bytes |
//! |---|---|
//! | global | `00` |
//! | account | `01` · partition (1) · account number (5) |
//! | account and region | the same · region (string) |
//!
//! Numbers have a fixed width; strings escape their zero bytes and end with a pair that no content can hold, so no
//! component bleeds into the next and none is a prefix of another. Which components follow is the table's own
//! contract: they carry no type.

use base::{AccountId, Region, Timestamp};
use std::fmt;

/// Ends a string: sorts below every continuation of it.
const END: [u8; 2] = [0x00, 0x01];
/// A zero byte within a string.
const ESCAPED_ZERO: [u8; 2] = [0x00, 0xFF];

const GLOBAL: u8 = 0;
const ACCOUNT: u8 = 1;

/// Which of AWS's partitions an account is of.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub enum Partition {
    #[default]
    Aws = 1,
    AwsCn = 2,
    AwsUsGov = 3,
}

impl Partition {
    fn from_code(code: u8) -> Option<Partition> {
        [Partition::Aws, Partition::AwsCn, Partition::AwsUsGov].into_iter().find(|p| *p as u8 == code)
    }
}

/// A key within a table, built from left to right. A shorter one serves as the prefix of a scan.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(Vec<u8>);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

impl Key {
    /// Of the cloud as a whole.
    pub fn global() -> Key {
        Key::beginning(&[GLOBAL])
    }

    /// With room for most keys: one that grows part by part is copied each time.
    fn beginning(first: &[u8]) -> Key {
        let mut bytes = Vec::with_capacity(192);
        bytes.extend(first);
        Key(bytes)
    }

    /// Of an account of the `aws` partition.
    pub fn account(account: AccountId) -> Key {
        Key::account_in(Partition::Aws, account)
    }

    pub fn account_in(partition: Partition, account: AccountId) -> Key {
        Key::beginning(&[ACCOUNT, partition as u8]).account_number(account)
    }

    /// Of an account of the `aws` partition in a region.
    pub fn regional(account: AccountId, region: Region) -> Key {
        Key::account(account).region(region)
    }

    /// Nothing: the prefix of a whole table.
    pub fn empty() -> Key {
        Key(Vec::new())
    }

    /// Of the bytes that follow a table in a stored key.
    pub fn of_stored(bytes: &[u8]) -> Key {
        Key(bytes.to_vec())
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    #[must_use]
    pub fn bytes(mut self, bytes: &[u8]) -> Key {
        self = self.bytes_prefix(bytes);
        self.0.extend(END);
        self
    }

    #[must_use]
    pub fn str(self, text: &str) -> Key {
        self.bytes(text.as_bytes())
    }

    /// The beginning of a string, for a scan of all strings that begin so. Nothing may follow it.
    #[must_use]
    pub fn str_prefix(self, text: &str) -> Key {
        self.bytes_prefix(text.as_bytes())
    }

    fn bytes_prefix(mut self, bytes: &[u8]) -> Key {
        if !bytes.contains(&0) {
            self.0.extend(bytes);
            return self;
        }
        let mut parts = bytes.split(|byte| *byte == 0);
        self.0.extend(parts.next().unwrap_or_default());
        for part in parts {
            self.0.extend(ESCAPED_ZERO);
            self.0.extend(part);
        }
        self
    }

    #[must_use]
    pub fn u64(mut self, number: u64) -> Key {
        self.0.extend(number.to_be_bytes());
        self
    }

    #[must_use]
    pub fn u32(mut self, number: u32) -> Key {
        self.0.extend(number.to_be_bytes());
        self
    }

    #[must_use]
    pub fn i64(self, number: i64) -> Key {
        // With the sign bit flipped the order of the bytes is the order of the numbers.
        self.u64((number as u64) ^ (1 << 63))
    }

    #[must_use]
    pub fn time(self, time: Timestamp) -> Key {
        self.i64(time.micros())
    }

    /// Latest first.
    #[must_use]
    pub fn time_descending(self, time: Timestamp) -> Key {
        self.i64(!time.micros())
    }

    /// An account as a component; [`Key::account`] begins a key.
    #[must_use]
    pub fn account_number(mut self, account: AccountId) -> Key {
        self.0.extend(&account.number().to_be_bytes()[3..]);
        self
    }

    #[must_use]
    pub fn region(self, region: Region) -> Key {
        self.str(region.name())
    }

    /// Reads the components back, from the left.
    pub fn reader(&self) -> KeyReader<'_> {
        KeyReader(&self.0)
    }
}

/// Reads a key's components in the order in which they were written; `None` where the key holds something else.
#[derive(Clone, Debug)]
pub struct KeyReader<'a>(&'a [u8]);

/// What a key begins with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    Global,
    Account(Partition, AccountId),
}

impl<'a> KeyReader<'a> {
    /// Reads the end of a key whose beginning is known, as a scan of the store gives it.
    pub fn over(rest: &'a [u8]) -> KeyReader<'a> {
        KeyReader(rest)
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    pub fn scope(&mut self) -> Option<Scope> {
        match self.take()? {
            [GLOBAL] => Some(Scope::Global),
            [ACCOUNT] => {
                let [code] = self.take()?;
                Some(Scope::Account(Partition::from_code(code)?, self.account_number()?))
            }
            _ => None,
        }
    }

    pub fn bytes(&mut self) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        loop {
            let zero = self.0.iter().position(|byte| *byte == 0)?;
            out.extend(&self.0[..zero]);
            self.0 = &self.0[zero..];
            match self.take::<2>()? {
                END => return Some(out),
                ESCAPED_ZERO => out.push(0),
                _ => return None,
            }
        }
    }

    pub fn str(&mut self) -> Option<String> {
        String::from_utf8(self.bytes()?).ok()
    }

    pub fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_be_bytes)
    }

    pub fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_be_bytes)
    }

    pub fn i64(&mut self) -> Option<i64> {
        self.u64().map(|n| (n ^ (1 << 63)) as i64)
    }

    pub fn time(&mut self) -> Option<Timestamp> {
        self.i64().map(Timestamp::from_micros)
    }

    pub fn time_descending(&mut self) -> Option<Timestamp> {
        self.i64().map(|n| Timestamp::from_micros(!n))
    }

    pub fn account_number(&mut self) -> Option<AccountId> {
        let [a, b, c, d, e] = self.take()?;
        let number = u64::from_be_bytes([0, 0, 0, a, b, c, d, e]);
        (number < 1_000_000_000_000).then(|| AccountId::from_number(number))
    }

    pub fn region(&mut self) -> Option<Region> {
        Region::parse(&self.str()?)
    }

    /// What [`Key::regional`] wrote.
    pub fn regional(&mut self) -> Option<(AccountId, Region)> {
        match self.scope()? {
            Scope::Account(_, account) => Some((account, self.region()?)),
            Scope::Global => None,
        }
    }

    /// What has not been read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.0
    }
}
