//! Messages of the domain name system: one question in, its answer out. Pure.
//!
//! RFC 1035. Not here: compression in questions (nobody sends it), EDNS (what is answered is short).

use std::net::{Ipv4Addr, Ipv6Addr};

/// Longer questions are none.
pub(super) const MESSAGE_BYTES_MAX: usize = 512;
const HEADER_BYTES: usize = 12;
/// So that an answer is no longer than a message may be.
const ADDRESSES_MAX: usize = 8;
const NAME_BYTES_MAX: usize = 255;
const INTERNET: u16 = 1;
const QUERY_BITS: u16 = 0xF800;
const RECURSION_DESIRED: u16 = 0x0100;
/// It is an answer, and this server can recurse, which is what stubs look for.
const ANSWER_BITS: u16 = 0x8080;
/// How long an answer may be kept, in seconds.
const TTL: u32 = 60;
/// The name of the question, as a pointer to it.
const SAME_NAME: u16 = 0xC00C;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    A,
    Aaaa,
    Ptr,
    Other,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    /// Lower case, without the last dot.
    pub(super) name: String,
    pub(super) kind: Kind,
    id: u16,
    recursion: u16,
    /// As it came, to be sent back.
    raw: Vec<u8>,
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// None before the others for long.
    Addresses(Vec<Ipv4Addr>),
    AddressV6(Ipv6Addr),
    Name(String),
    /// The name is there, with nothing of this kind.
    Nothing,
    NoSuchName,
    /// The name is somebody else's to know.
    Refused,
    /// It could not be found out.
    Failed,
}

impl Question {
    /// `None` for what is no question that can be answered.
    pub(super) fn parse(message: &[u8]) -> Option<Question> {
        let word = |at: usize| Some(u16::from_be_bytes([*message.get(at)?, *message.get(at + 1)?]));
        let flags = word(2)?;
        if flags & QUERY_BITS != 0 || word(4)? != 1 {
            return None;
        }
        let (mut at, mut labels) = (HEADER_BYTES, Vec::new());
        loop {
            let length = usize::from(*message.get(at)?);
            at += 1;
            match length {
                0 => break,
                1..=63 => labels.push(std::str::from_utf8(message.get(at..at + length)?).ok()?),
                _ => return None,
            }
            at += length;
            if at - HEADER_BYTES > NAME_BYTES_MAX {
                return None;
            }
        }
        if word(at + 2)? != INTERNET {
            return None;
        }
        let kind = match word(at)? {
            1 => Kind::A,
            28 => Kind::Aaaa,
            12 => Kind::Ptr,
            _ => Kind::Other,
        };
        let raw = message.get(HEADER_BYTES..at + 4)?.to_vec();
        let name = labels.join(".").to_ascii_lowercase();
        Some(Question { name, kind, id: word(0)?, recursion: flags & RECURSION_DESIRED, raw })
    }

    pub(super) fn answered(&self, answer: &Answer) -> Vec<u8> {
        let data = match answer {
            Answer::Addresses(addresses) => {
                let mut turned: Vec<_> =
                    addresses.iter().take(ADDRESSES_MAX).map(|a| (1u16, a.octets().to_vec())).collect();
                // Whoever asks draws the number of the question by chance.
                let by = usize::from(self.id) % turned.len().max(1);
                turned.rotate_left(by);
                turned
            }
            Answer::AddressV6(address) => vec![(28, address.octets().to_vec())],
            Answer::Name(name) => vec![(12, written(name))],
            _ => Vec::new(),
        };
        let code = match answer {
            Answer::Failed => 2,
            Answer::NoSuchName => 3,
            Answer::Refused => 5,
            _ => 0,
        };
        let mut out = Vec::with_capacity(MESSAGE_BYTES_MAX);
        let count = u16::try_from(data.len()).unwrap_or(0);
        for word in [self.id, ANSWER_BITS | self.recursion | code, 1, count, 0, 0] {
            out.extend(word.to_be_bytes());
        }
        out.extend(&self.raw);
        for (kind, data) in data {
            for word in [SAME_NAME, kind, INTERNET] {
                out.extend(word.to_be_bytes());
            }
            out.extend(TTL.to_be_bytes());
            out.extend(u16::try_from(data.len()).unwrap_or(0).to_be_bytes());
            out.extend(data);
        }
        out
    }
}

fn written(name: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for label in name.split('.') {
        out.push(u8::try_from(label.len()).unwrap_or(0));
        out.extend(label.as_bytes());
    }
    out.push(0);
    out
}

#[cfg(test)]
mod tests {
    use super::{Answer, Kind, Question, written};

    fn message(name: &str, kind: u16) -> Vec<u8> {
        let mut out = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        out.extend(written(name));
        out.extend([kind.to_be_bytes(), 1u16.to_be_bytes()].concat());
        out
    }

    #[test]
    fn a_question_is_read_and_answered() {
        let asked = message("IP-10-0-0-5.ec2.internal", 1);
        let question = Question::parse(&asked).unwrap();
        assert_eq!((question.name.as_str(), question.kind), ("ip-10-0-0-5.ec2.internal", Kind::A));
        let told = question.answered(&Answer::Addresses(vec![[10, 0, 0, 5].into()]));
        assert_eq!(told[..12], [0x12, 0x34, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
        assert_eq!(told[12..asked.len()], asked[12..]);
        assert_eq!(told[asked.len()..], [0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 0, 0, 5]);
        let two = Answer::Addresses(vec![[10, 0, 0, 5].into(), [10, 0, 1, 5].into()]);
        let told = question.answered(&two);
        assert_eq!(told[7], 2);
        assert_eq!(told[asked.len() + 12..][..4], [10, 0, 0, 5]);
        assert_eq!(told[asked.len() + 28..], [10, 0, 1, 5]);
        for (answer, code) in [
            (Answer::Nothing, 0x80),
            (Answer::NoSuchName, 0x83),
            (Answer::Refused, 0x85),
            (Answer::Failed, 0x82),
        ] {
            let told = question.answered(&answer);
            assert_eq!((told[3], told[7], told.len()), (code, 0, asked.len()), "{answer:?}");
        }
        let v6 = Question::parse(&message("i-1.ec2.internal", 28)).unwrap();
        let own = "fd00::5".parse().unwrap();
        assert_eq!(v6.kind, Kind::Aaaa);
        assert!(
            v6.answered(&Answer::AddressV6(own))
                .ends_with(&[&[0, 28, 0, 1, 0, 0, 0, 60, 0, 16][..], &own.octets()].concat())
        );
        let pointer = Question::parse(&message("5.0.0.10.in-addr.arpa", 12)).unwrap();
        assert!(pointer.answered(&Answer::Name("a.b".into())).ends_with(&[0, 5, 1, b'a', 1, b'b', 0]));
    }

    #[test]
    fn what_is_no_question_is_not_answered() {
        let good = message("a.b", 1);
        for length in 0..good.len() {
            assert_eq!(Question::parse(&good[..length]), None, "{length}");
        }
        let changed = |at: usize, to: u8| {
            let mut bad = good.clone();
            bad[at] = to;
            Question::parse(&bad)
        };
        // An answer; another operation; two questions; a pointer; another class.
        for (at, to) in [(2, 0x80), (2, 0x08), (5, 2), (12, 0xC0), (good.len() - 1, 3)] {
            assert_eq!(changed(at, to), None, "{at}");
        }
        let long = message(&vec!["abcdefghi"; 30].join("."), 1);
        assert_eq!(Question::parse(&long), None);
    }
}
