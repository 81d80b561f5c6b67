//! Which entries a network ACL has while connectivity is disrupted: those that deny, and then those of the ACL in whose
//! place it stands. Pure.
//!
//! AWS: <https://docs.aws.amazon.com/fis/latest/userguide/fis-actions-reference.html#disrupt-connectivity>

use net::Cidr;

/// What traffic is denied.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Scope {
    /// All that enters or leaves the subnet.
    All,
    /// To and from subnets of the VPC in other zones.
    Zone,
    /// What enters or leaves the VPC.
    Vpc,
    /// The addresses of a service of the region, by its last name.
    Service(&'static str),
    /// The addresses of a prefix list of the customer's.
    List,
}

impl Scope {
    pub(crate) fn named(name: &str) -> Option<Scope> {
        Some(match name {
            "all" => Scope::All,
            "availability-zone" => Scope::Zone,
            "vpc" => Scope::Vpc,
            "s3" => Scope::Service("s3"),
            "dynamodb" => Scope::Service("dynamodb"),
            "prefix-list" => Scope::List,
            _ => return None,
        })
    }
}

/// An entry; what it says beside its block and direction is `T`.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Entry<T> {
    pub(crate) egress: bool,
    pub(crate) cidr: Cidr,
    /// None: it denies everything.
    pub(crate) rest: Option<T>,
}

/// Denies some blocks, both ways, before the entries that there were.
pub(crate) fn denying<T: Clone>(blocks: &[Cidr], before: &[Entry<T>]) -> Vec<Entry<T>> {
    let deny = |egress: bool| blocks.iter().map(move |cidr| Entry { egress, cidr: *cidr, rest: None });
    deny(false).chain(deny(true)).chain(before.iter().cloned()).collect()
}

/// Keeps the entries that there were, as far as they are about some blocks: everything else is then denied.
pub(crate) fn within<T: Clone>(blocks: &[Cidr], before: &[Entry<T>]) -> Vec<Entry<T>> {
    let narrowed = |entry: &Entry<T>| {
        let about =
            blocks.iter().filter_map(|block| match (block.covers(entry.cidr), entry.cidr.covers(*block)) {
                (true, _) => Some(entry.cidr),
                (_, true) => Some(*block),
                _ => None,
            });
        about.map(|cidr| Entry { cidr, ..entry.clone() }).collect::<Vec<_>>()
    };
    before.iter().flat_map(narrowed).collect()
}

#[cfg(test)]
mod tests {
    use super::{Entry, Scope, denying, within};
    use net::Cidr;

    fn cidr(text: &str) -> Cidr {
        text.parse().unwrap()
    }

    fn entry(egress: bool, block: &str, rest: u8) -> Entry<u8> {
        Entry { egress, cidr: cidr(block), rest: Some(rest) }
    }

    #[test]
    fn denials_come_first_and_both_ways() {
        let before = [entry(false, "0.0.0.0/0", 1), entry(true, "0.0.0.0/0", 2)];
        let all = denying(&[cidr("10.0.1.0/24"), cidr("10.0.2.0/24")], &before);
        let shown: Vec<_> =
            all.iter().map(|entry| (entry.egress, entry.cidr.to_string(), entry.rest)).collect();
        let deny = |egress: bool, block: &str| (egress, block.to_owned(), None);
        assert_eq!(
            shown[..4],
            [
                deny(false, "10.0.1.0/24"),
                deny(false, "10.0.2.0/24"),
                deny(true, "10.0.1.0/24"),
                deny(true, "10.0.2.0/24")
            ]
        );
        assert_eq!(all[4..], before);
    }

    #[test]
    fn what_is_within_is_as_it_was() {
        let blocks = [cidr("10.0.0.0/16"), cidr("10.1.0.0/16")];
        let before = [
            entry(false, "0.0.0.0/0", 1),
            entry(false, "10.0.3.0/24", 2),
            entry(true, "192.0.2.0/24", 3),
            entry(true, "::/0", 4),
        ];
        let kept = within(&blocks, &before);
        assert_eq!(
            kept,
            [entry(false, "10.0.0.0/16", 1), entry(false, "10.1.0.0/16", 1), entry(false, "10.0.3.0/24", 2)]
        );
    }

    #[test]
    fn scopes_have_names() {
        assert_eq!(Scope::named("s3"), Some(Scope::Service("s3")));
        assert_eq!(Scope::named("some"), None);
    }
}
