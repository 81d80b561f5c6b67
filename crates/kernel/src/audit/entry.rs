//! One call's record: as it is read ([`Entry`]) and as it is written ([`Note`]).
//!
//! Every request pays for writing, so a note borrows all that it tells and goes straight into its stored form, in one
//! allocation; what is the same for all calls of a session is encoded once ([`caller_fields`]).

use super::{WAITING_BYTES_MAX, identity};
use crate::access;
use crate::cx::Request;
use crate::identity::Caller;
use base::{AccountId, Timestamp};
use std::io::Write;
use store::field::{Field, Malformed, write_nested, write_varint};
use wire::Fault;

store::record! {
    /// One call.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Entry {
        1 => pub request_id: String,
        2 => pub event_id: String,
        3 => pub time: Timestamp,
        /// The model's id of the service: `iam`.
        4 => pub service: String,
        5 => pub operation: String,
        6 => pub region: String,
        /// CloudTrail's `userIdentity`, as JSON.
        7 => pub identity: String,
        8 => pub principal: String,
        9 => pub username: String,
        10 => pub access_key: String,
        11 => pub source_address: String,
        12 => pub user_agent: String,
        /// JSON; empty where there is nothing to show.
        13 => pub request: String,
        14 => pub response: String,
        /// As the caller saw it; empty for a success.
        15 => pub error_code: String,
        16 => pub error_message: String,
        18 => pub resources: Vec<String>,
        19 => pub decisions: Vec<Decided>,
        20 => pub account: AccountId,
        /// Tells calls of the same instant apart, and puts them in order.
        21 => pub number: u64,
        /// The service that made the call with the caller's permissions, or in its own name.
        22 => pub invoked_by: String,
        /// Made within another call.
        23 => pub nested: bool,
        /// The VPC endpoint that it came through.
        24 => pub endpoint: String,
    }

    /// One authorization decision of a call.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Decided {
        1 => pub action: String,
        2 => pub resource: String,
        3 => pub allowed: bool,
        4 => pub cause: String,
        5 => pub reasons: Vec<String>,
    }

    /// Calls that were written together.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Block {
        /// The entries, each with its length before it: the form of a list, read one by one.
        1 => entries: Vec<u8>,
        /// In place of them where that is smaller: the same, compressed, behind their length (LZ4's block format).
        2 => packed: Vec<u8>,
    }

    /// What is known of a block without reading it.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Age {
        /// Its stored key.
        1 => pub(crate) block: Vec<u8>,
        /// Of its record, in bytes.
        2 => pub(crate) size: u64,
    }
}

impl Block {
    /// A block of these entries, as small as it can be kept: calls of a load are much alike.
    pub(crate) fn of(entries: &[u8]) -> Block {
        if entries.len() >= PACKED_BYTES_MIN {
            let packed = lz4_flex::compress_prepend_size(entries);
            if packed.len() < entries.len() {
                return Block { entries: Vec::new(), packed };
            }
        }
        Block { entries: entries.to_vec(), packed: Vec::new() }
    }

    pub(crate) fn into_entries(self) -> Result<Vec<u8>, Malformed> {
        if self.packed.is_empty() {
            return Ok(self.entries);
        }
        let (length, _) =
            lz4_flex::block::uncompressed_size(&self.packed).map_err(|_| Malformed::new("is not packed"))?;
        // Nothing longer was ever put together in memory, so it is not allocated for a damaged length either.
        if length > WAITING_BYTES_MAX {
            return Err(Malformed::new("is too long"));
        }
        lz4_flex::decompress_size_prepended(&self.packed)
            .map_err(|_| Malformed::new("is not what was packed"))
    }
}

/// Below this a block is a call or a few, and is kept as it is.
const PACKED_BYTES_MIN: usize = 4 << 10;

/// Longer parameters and answers are left out.
/// AWS: <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html>
const PARAMETERS_BYTES_MAX: usize = 100 << 10;
/// Longer messages and user agents are cut. AWS: as above.
const TEXT_BYTES_MAX: usize = 1 << 10;

/// A call that is to be recorded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Note<'a> {
    pub(crate) request: &'a Request,
    pub(crate) event_id: &'a str,
    pub(crate) time: Timestamp,
    pub(crate) region: &'static str,
    pub(crate) account: AccountId,
    /// From [`caller_fields`].
    pub(crate) caller: &'a [u8],
    pub(crate) parameters: &'a str,
    pub(crate) response: &'a str,
    pub(crate) fault: Option<&'a Fault>,
    pub(crate) resources: &'a [String],
    pub(crate) decisions: &'a [Decided],
    pub(crate) nested: bool,
}

/// The fields of an [`Entry`] that are the same for all calls of one caller, encoded.
pub(crate) fn caller_fields(caller: &Caller) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    text(&mut out, 7, &identity::json(caller));
    text(&mut out, 8, &caller.arn());
    text(&mut out, 9, access::user_name(caller));
    text(&mut out, 10, &caller.access_key);
    out
}

impl Note<'_> {
    /// The stored form of the entry. Fields that searches look at come first.
    pub(crate) fn encode(&self, number: u64) -> Vec<u8> {
        let texts = self.parameters.len() + self.response.len() + self.caller.len();
        let mut out = Vec::with_capacity(512 + texts);
        text(&mut out, 1, &self.request.id);
        field(&mut out, 3, &self.time);
        field(&mut out, 21, &number);
        text(&mut out, 2, self.event_id);
        text(&mut out, 4, self.request.service);
        text(&mut out, 5, self.request.operation);
        text(&mut out, 6, self.region);
        out.extend_from_slice(self.caller);
        self.origin(&mut out);
        text(&mut out, 13, bounded(self.parameters));
        text(&mut out, 14, bounded(self.response));
        if let Some(fault) = self.fault {
            text(&mut out, 15, cut(&fault.code));
            text(&mut out, 16, cut(&fault.message));
        }
        list(&mut out, 18, self.resources);
        list(&mut out, 19, self.decisions);
        field(&mut out, 20, &self.account);
        field(&mut out, 23, &self.nested);
        out
    }

    /// Where the call came from. Of a call that a service makes, AWS shows the service in place of address and agent.
    fn origin(&self, out: &mut Vec<u8>) {
        let request = self.request;
        if let Some(service) = request.via.last() {
            text(out, 11, service);
            text(out, 12, service);
            return text(out, 22, service);
        }
        let Some(peer) = &request.peer else {
            text(out, 11, &request.user_agent);
            text(out, 12, &request.user_agent);
            return text(out, 22, &request.user_agent);
        };
        out.extend([11, 0]);
        let at = out.len();
        // Neither can a write to memory fail, nor is an address as long as the 127 that one byte of length can say.
        let _ = write!(out, "{}", peer.address.to_canonical());
        out[at - 1] = (out.len() - at) as u8;
        text(out, 12, cut(&request.user_agent));
        if let Some(way) = request.way() {
            text(out, 24, &way.endpoint);
        }
    }
}

fn text(out: &mut Vec<u8>, number: u64, text: &str) {
    if !text.is_empty() {
        write_varint(number, out);
        write_varint(text.len() as u64, out);
        out.extend_from_slice(text.as_bytes());
    }
}

fn field<T: Field>(out: &mut Vec<u8>, number: u64, value: &T) {
    if !value.is_absent() {
        write_varint(number, out);
        write_nested(value, out);
    }
}

fn list<T: Field>(out: &mut Vec<u8>, number: u64, items: &[T]) {
    if items.is_empty() {
        return;
    }
    let mut inner = Vec::with_capacity(256);
    items.iter().for_each(|item| write_nested(item, &mut inner));
    write_varint(number, out);
    write_varint(inner.len() as u64, out);
    out.extend_from_slice(&inner);
}

fn bounded(json: &str) -> &str {
    if json.len() > PARAMETERS_BYTES_MAX { "" } else { json }
}

fn cut(text: &str) -> &str {
    let end = (0..=TEXT_BYTES_MAX.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    &text[..end.unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cx::Peer;
    use store::Record;
    use store::field::Input;

    #[test]
    fn what_is_written_is_what_is_read() {
        let account = AccountId::parse("123456789012").unwrap();
        let request = Request {
            id: "r".into(),
            service: "iam",
            operation: "GetUser",
            peer: Some(Peer::at("::ffff:192.0.2.1".parse().unwrap(), None)),
            user_agent: "é".repeat(600),
            referer: None,
            chain: None,
            host: None,
            secure: false,
            via: Vec::new(),
            source: None,
            session_keys: Vec::new(),
            signed: None,
            form: false,
            trace: None,
        };
        let decided = Decided { action: "iam:GetUser".into(), allowed: true, ..Decided::default() };
        let caller = caller_fields(&Caller::root(account, "AKID"));
        let fault = Fault::new(404, "NoSuchEntity", "gone");
        let note = Note {
            request: &request,
            event_id: "e",
            time: Timestamp::from_seconds(7),
            region: "us-east-1",
            account,
            caller: &caller,
            parameters: "{\"userName\":\"eva\"}",
            response: &"x".repeat(PARAMETERS_BYTES_MAX + 1),
            fault: Some(&fault),
            resources: &["a".to_owned(), "b".to_owned()],
            decisions: std::slice::from_ref(&decided),
            nested: false,
        };
        let entry = Entry::read(Input::new(&note.encode(9))).unwrap();
        let expected = Entry {
            request_id: "r".into(),
            event_id: "e".into(),
            time: Timestamp::from_seconds(7),
            service: "iam".into(),
            operation: "GetUser".into(),
            region: "us-east-1".into(),
            identity: identity::json(&Caller::root(account, "AKID")),
            principal: "arn:aws:iam::123456789012:root".into(),
            username: "root".into(),
            access_key: "AKID".into(),
            source_address: "192.0.2.1".into(),
            user_agent: "é".repeat(512),
            request: "{\"userName\":\"eva\"}".into(),
            error_code: "NoSuchEntity".into(),
            error_message: "gone".into(),
            resources: vec!["a".into(), "b".into()],
            decisions: vec![decided.clone()],
            account,
            number: 9,
            ..Entry::default()
        };
        assert_eq!(entry, expected);
        let inner = Request { via: vec!["s3.amazonaws.com"], ..request.clone() };
        let entry =
            Entry::read(Input::new(&Note { request: &inner, nested: true, ..note }.encode(1))).unwrap();
        assert_eq!(
            (
                entry.source_address.as_str(),
                entry.user_agent.as_str(),
                entry.invoked_by.as_str(),
                entry.nested
            ),
            ("s3.amazonaws.com", "s3.amazonaws.com", "s3.amazonaws.com", true)
        );
    }

    #[test]
    fn a_block_is_kept_small_and_read_back() {
        let alike = b"dynamodb GetItem by arn:aws:iam::123456789012:user/eva".repeat(2_000);
        let block = Block::of(&alike);
        assert!(block.to_bytes().len() < alike.len() / 50);
        assert_eq!(Block::from_bytes(&block.to_bytes()).unwrap().into_entries().unwrap(), alike);
        // A few calls, and what cannot be made smaller, are kept as they are; so were all blocks once.
        for plain in [&alike[..PACKED_BYTES_MIN - 1], &base::Rng::seeded(1).bytes::<8192>()] {
            let block = Block::of(plain);
            assert_eq!(block, Block { entries: plain.to_vec(), packed: Vec::new() });
            assert_eq!(block.into_entries().unwrap(), plain);
        }
        let damaged = |packed: &[u8], what| {
            let block = Block { entries: Vec::new(), packed: packed.to_vec() };
            assert_eq!(block.into_entries(), Err(Malformed::new(what)));
        };
        damaged(&[1], "is not packed");
        damaged(&[0xFF; 40], "is too long");
        damaged(&block.packed[..block.packed.len() - 1], "is not what was packed");
    }
}
