//! Netlink: messages to the kernel and what comes back. Lengths and alignment are here; meanings are in [`route`] and
//! [`filter`].

pub(super) mod connections;
mod expression;
pub(super) mod filter;
pub(super) mod route;

use std::io;

const HEADER: usize = 16;
const FLAG_REQUEST: u16 = 1;
const FLAG_DUMP: u16 = 0x300;
pub(super) const FLAG_REPLACE: u16 = 0x100;
pub(super) const FLAG_CREATE: u16 = 0x400;
pub(super) const FLAG_EXCL: u16 = 0x200;
pub(super) const FLAG_APPEND: u16 = 0x800;
const NESTED: u16 = 0x8000;
const ERROR: u16 = 2;

/// Messages that go out together, with what each is, for when the kernel refuses it.
#[derive(Debug, Default)]
pub(super) struct Messages {
    pub(super) bytes: Vec<u8>,
    pub(super) dump: bool,
    steps: Vec<String>,
    /// Where the message that is being written begins.
    start: usize,
}

impl Messages {
    pub(super) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Begins a message; `fixed` is what stands before its attributes.
    pub(super) fn begin(&mut self, kind: u16, flags: u16, fixed: &[u8], step: impl Into<String>) {
        self.start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 4]);
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        self.bytes.extend_from_slice(&(FLAG_REQUEST | flags).to_ne_bytes());
        let sequence = u32::try_from(self.steps.len()).unwrap_or(u32::MAX);
        self.bytes.extend_from_slice(&sequence.to_ne_bytes());
        self.bytes.extend_from_slice(&[0; 4]);
        self.bytes.extend_from_slice(fixed);
        self.steps.push(step.into());
    }

    pub(super) fn begin_dump(&mut self, kind: u16, fixed: &[u8], step: &str) {
        self.dump = true;
        self.begin(kind, FLAG_DUMP, fixed, step);
    }

    /// Ends the message that was begun.
    pub(super) fn end(&mut self) {
        let length = u32::try_from(self.bytes.len() - self.start).unwrap_or(u32::MAX);
        self.bytes[self.start..self.start + 4].copy_from_slice(&length.to_ne_bytes());
    }

    pub(super) fn attribute(&mut self, kind: u16, value: &[u8]) {
        let length = u16::try_from(value.len() + 4).unwrap_or(u16::MAX);
        self.bytes.extend_from_slice(&length.to_ne_bytes());
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        self.bytes.extend_from_slice(value);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    pub(super) fn text(&mut self, kind: u16, value: &str) {
        let mut bytes = value.as_bytes().to_vec();
        bytes.push(0);
        self.attribute(kind, &bytes);
    }

    /// In the machine's byte order, as the routing family has it.
    pub(super) fn u32(&mut self, kind: u16, value: u32) {
        self.attribute(kind, &value.to_ne_bytes());
    }

    /// In the network's byte order, as netfilter has it.
    pub(super) fn be32(&mut self, kind: u16, value: u32) {
        self.attribute(kind, &value.to_be_bytes());
    }

    pub(super) fn nest(&mut self, kind: u16, inside: impl FnOnce(&mut Messages)) {
        let at = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 2]);
        self.bytes.extend_from_slice(&(kind | NESTED).to_ne_bytes());
        inside(self);
        // A nest longer than its length can say is cut by the kernel as malformed; callers keep theirs short.
        let length = u16::try_from(self.bytes.len() - at).unwrap_or(u16::MAX);
        self.bytes[at..at + 2].copy_from_slice(&length.to_ne_bytes());
    }

    /// Bytes as they are, between attributes.
    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The first thing that the kernel refused, by its answers.
    pub(super) fn refused(&self, answers: &[u8]) -> Option<(String, io::Error)> {
        messages(answers).filter(|message| message.kind == ERROR).find_map(|message| {
            let code = i32::from_ne_bytes(message.body.get(..4)?.try_into().ok()?);
            let step = self.steps.get(message.sequence as usize).map_or("a step", String::as_str);
            (code != 0).then(|| (step.to_owned(), io::Error::from_raw_os_error(-code)))
        })
    }
}

/// The first error in what came, whatever it is about.
pub(super) fn error(answers: &[u8]) -> Option<io::Error> {
    messages(answers).filter(|message| message.kind == ERROR).find_map(|message| {
        let code = i32::from_ne_bytes(message.body.get(..4)?.try_into().ok()?);
        (code != 0).then(|| io::Error::from_raw_os_error(-code))
    })
}

/// A message that came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message<'a> {
    pub(super) kind: u16,
    sequence: u32,
    pub(super) body: &'a [u8],
}

/// The messages in what came.
pub(super) fn messages(mut bytes: &[u8]) -> impl Iterator<Item = Message<'_>> {
    std::iter::from_fn(move || {
        let head = bytes.get(..HEADER)?;
        let length = u32::from_ne_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let body = bytes.get(HEADER..length)?;
        let message = Message {
            kind: u16::from_ne_bytes([head[4], head[5]]),
            sequence: u32::from_ne_bytes([head[8], head[9], head[10], head[11]]),
            body,
        };
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or(&[]);
        Some(message)
    })
}

/// The attributes in a message's body or in a nest, with their kinds.
pub(super) fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let head = bytes.get(..4)?;
        let length = usize::from(u16::from_ne_bytes([head[0], head[1]]));
        let value = bytes.get(4..length)?;
        let kind = u16::from_ne_bytes([head[2], head[3]]) & !NESTED;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or(&[]);
        Some((kind, value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read() {
        let mut out = Messages::default();
        out.begin(7, FLAG_CREATE, &[1, 2, 3, 4], "first");
        out.text(1, "ab");
        out.nest(2, |out| out.be32(3, 0x0102_0304));
        out.end();
        out.begin(8, 0, &[], "second");
        out.end();
        let read: Vec<Message<'_>> = messages(&out.bytes).collect();
        assert_eq!(read.iter().map(|m| (m.kind, m.sequence)).collect::<Vec<_>>(), [(7, 0), (8, 1)]);
        let inside: Vec<(u16, &[u8])> = attributes(&read[0].body[4..]).collect();
        assert_eq!(inside[0], (1, &b"ab\0"[..]));
        assert_eq!(attributes(inside[1].1).next(), Some((3, &[1, 2, 3, 4][..])));
    }

    #[test]
    fn a_refusal_names_its_step() {
        let mut out = Messages::default();
        out.begin(7, 0, &[], "make a");
        out.end();
        out.begin(7, 0, &[], "make b");
        out.end();
        let mut answer = Messages { steps: vec![String::new()], ..Messages::default() };
        answer.begin(ERROR, 0, &(-17i32).to_ne_bytes(), "");
        answer.end();
        let (step, why) = out.refused(&answer.bytes).unwrap();
        assert_eq!((step.as_str(), why.raw_os_error()), ("make b", Some(17)));
        assert!(out.refused(&[]).is_none());
    }
}
