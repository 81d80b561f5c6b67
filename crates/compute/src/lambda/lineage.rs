//! The chain of requests that an invocation belongs to, and how often each function has run in it. Pure.
//!
//! `X-Amzn-Trace-Id` follows a request: a runtime is given it, AWS's SDKs send it along, queues, topics and buckets keep it.
//! Behind `Lineage` it says which functions ran how often, so a function that is a consequence of itself is noticed.
//!
//! Not here: segments, which are X-Ray's.
//!
//! AWS: <https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html>,
//! <https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader>

use aws_lc_rs::digest::{SHA256, digest};
use base::Timestamp;

/// AWS: a function runs about so often in one chain, and not once more.
pub(crate) const RUNS_MAX: u32 = 16;
/// What is longer says nothing.
const HEADER_MAX: usize = 1024;
/// Those that ran first are forgotten first.
const FUNCTIONS_MAX: usize = 32;

/// What a header says.
#[derive(Debug, Default)]
pub(crate) struct Chain<'h> {
    /// All but the lineage, in order.
    parts: Vec<(&'h str, &'h str)>,
    lineage: Vec<(&'h str, u32)>,
}

/// How a lineage calls a function.
fn mark(arn: &str) -> String {
    digest(&SHA256, arn.as_bytes()).as_ref()[..4].iter().map(|byte| format!("{byte:02x}")).collect()
}

impl<'h> Chain<'h> {
    pub(crate) fn read(header: Option<&'h str>) -> Chain<'h> {
        let mut chain = Chain::default();
        let is_text =
            |header: &&str| header.len() <= HEADER_MAX && header.bytes().all(|b| (32..127).contains(&b));
        for part in header.filter(is_text).unwrap_or_default().split(';') {
            match part.trim().split_once('=') {
                Some(("Lineage", all)) => {
                    let one = |one: &'h str| {
                        let (mark, runs) = one.split_once(':')?;
                        Some((mark, runs.parse().ok()?))
                    };
                    chain.lineage = all.split('|').filter_map(one).collect();
                }
                Some(part) => chain.parts.push(part),
                None => {}
            }
        }
        chain
    }

    /// How often a function has run in it.
    pub(crate) fn runs(&self, arn: &str) -> u32 {
        let mark = mark(arn);
        self.lineage.iter().find(|(name, _)| *name == mark).map_or(0, |(_, runs)| *runs)
    }

    /// The header for a function that runs now. Where the chain begins with it, it is called after the request.
    pub(crate) fn with(&self, arn: &str, request_id: &str, now: Timestamp) -> String {
        let digits: String = format!("{}{:0>32}", request_id.replace('-', ""), "");
        let mut parts: Vec<String> =
            self.parts.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !self.parts.iter().any(|(name, _)| *name == "Root") {
            let seconds = now.micros() / 1_000_000;
            parts.insert(0, format!("Root=1-{seconds:08x}-{}", &digits[..24]));
        }
        if !self.parts.iter().any(|(name, _)| *name == "Parent") {
            parts.push(format!("Parent={}", &digits[16..32]));
        }
        if !self.parts.iter().any(|(name, _)| *name == "Sampled") {
            parts.push("Sampled=0".to_owned());
        }
        let (mark, runs) = (mark(arn), self.runs(arn) + 1);
        let others = self.lineage.iter().filter(|(name, _)| *name != mark);
        let mut lineage: Vec<String> = others.map(|(name, runs)| format!("{name}:{runs}")).collect();
        lineage.push(format!("{mark}:{runs}"));
        let forgotten = lineage.len().saturating_sub(FUNCTIONS_MAX);
        parts.push(format!("Lineage={}", lineage[forgotten..].join("|")));
        parts.join(";")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01234567-89ab-cdef-0123-456789abcdef";

    #[test]
    fn a_chain_begins_and_goes_on() {
        let now = Timestamp::from_seconds(0x5759_e988);
        let first = Chain::read(None).with("a", ID, now);
        let wanted = "Root=1-5759e988-0123456789abcdef01234567;Parent=0123456789abcdef;Sampled=0;Lineage=";
        assert_eq!(first, format!("{wanted}{}:1", mark("a")));
        let second = Chain::read(Some(&first)).with("b", "another", now);
        assert_eq!(second, format!("{first}|{}:1", mark("b")));
        let third = Chain::read(Some(&second)).with("a", "third", now);
        assert_eq!((Chain::read(Some(&third)).runs("a"), Chain::read(Some(&third)).runs("b")), (2, 1));
        assert!(third.starts_with(wanted), "it is the same chain");
    }

    #[test]
    fn what_a_client_says_is_kept() {
        let said = "Root=1-a-b;Self=x; Sampled=1";
        let header = Chain::read(Some(said)).with("a", ID, Timestamp::default());
        assert!(header.starts_with("Root=1-a-b;Self=x;Sampled=1;Parent="), "{header}");
        for wrong in ["Lineage=x|y:z", "\n", &"Root=1;".repeat(200)] {
            assert_eq!(Chain::read(Some(wrong)).runs("a"), 0, "{wrong}");
        }
    }

    #[test]
    fn the_first_of_many_are_forgotten() {
        let mut header = String::new();
        for n in 0..100 {
            header = Chain::read(Some(&header)).with(&n.to_string(), ID, Timestamp::default());
        }
        assert!(header.len() < HEADER_MAX);
        assert_eq!((Chain::read(Some(&header)).runs("0"), Chain::read(Some(&header)).runs("99")), (0, 1));
    }
}
