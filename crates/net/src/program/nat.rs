//! The rules of machines with one interface that send what others send as their own: NAT gateways, and relays.

use super::filter::{Action, Filter, Hook, Match, Rule, Verdict};
use crate::topology::Id;
use std::net::Ipv4Addr;

/// What the packets of a NAT gateway are counted under, beside those that begin something, which bear its id.
#[derive(Debug)]
pub struct NatCounters {
    /// From those that send by it, and on to where they send.
    pub sent: String,
    /// Answers, and back to them.
    pub answers: String,
    /// Connections of TCP that they try to make.
    pub connections: String,
}

impl NatCounters {
    pub fn of(gateway: &str) -> NatCounters {
        let named = |what: &str| format!("{gateway} {what}");
        NatCounters { sent: named("sent"), answers: named("answers"), connections: named("connections") }
    }
}

/// A chain of no rules: a rule that leads there only counts.
const GO_ON: &str = "go-on";

/// What comes in and is not for the gateway itself goes out again from its own address and a port of chance between
/// 1024 and 65535; only answers come back. Nobody can talk to the gateway itself.
/// `link` is the name of its interface's link. Of several addresses each connection gets one by chance (AWS's gateways choose
/// by a hash of the flow, which is no more predictable).
/// <https://aws.amazon.com/blogs/networking-and-content-delivery/attach-multiple-ips-to-a-nat-gateway-to-scale-your-egress-traffic-pattern/>
pub fn nat_filter(gateway: &Id, link: &str, addresses: &[Ipv4Addr]) -> Filter {
    let mut filter = shut();
    filter.chain(GO_ON);
    let counters = NatCounters::of(gateway);
    let through = vec![Match::V4, Match::In(link.into()), Match::Out(link.into())];
    let begins = [vec![Match::New, Match::Protocol(6)], through.clone()].concat();
    let go_on = || Action::Do(Verdict::Jump(GO_ON.into()));
    let accept = || Action::Do(Verdict::Accept);
    filter.rule("forward", Rule::new(counters.answers, vec![Match::Tracked, Match::Answer], accept()));
    filter.rule("forward", Rule::plain(vec![Match::Invalid], Verdict::Drop));
    filter.rule("forward", Rule::new(counters.sent, through.clone(), go_on()));
    filter.rule("forward", Rule::plain(vec![Match::Tracked], Verdict::Accept));
    filter.rule("forward", Rule::new(counters.connections, begins, go_on()));
    filter.rule("forward", Rule::new(gateway.as_str(), through, accept()));
    masquerade(&mut filter, link, addresses);
    filter
}

/// What sandboxes send goes out from the interface's own address and a port of chance; only answers come back. Nobody can
/// talk to the relay itself, nor by it to the sandboxes, nor can those to each other.
/// `link` is the name of its interface's link; the others lead to sandboxes.
pub fn relay_filter(link: &str) -> Filter {
    let mut filter = closed();
    filter.rule("forward", Rule::plain(vec![Match::In(link.into())], Verdict::Drop));
    filter.rule("forward", Rule::plain(vec![Match::V4, Match::Out(link.into())], Verdict::Accept));
    masquerade(&mut filter, link, &[]);
    filter
}

/// A namespace whose interfaces are a virtual machine's says and hears nothing by itself: who looks at its interfaces
/// before the rules do still sees all.
pub fn guest_filter() -> Filter {
    let mut filter = Filter::default();
    for (chain, hook) in [("input", Hook::Input), ("output", Hook::Output), ("forward", Hook::Forward)] {
        filter.base(chain, hook, 0, false);
    }
    filter.rule("input", Rule::plain(vec![Match::In("lo".into())], Verdict::Accept));
    filter.rule("output", Rule::plain(vec![Match::Out("lo".into())], Verdict::Accept));
    filter
}

/// Nothing passes.
fn shut() -> Filter {
    let mut filter = Filter::default();
    filter.base("input", Hook::Input, 0, false);
    filter.rule("input", Rule::plain(vec![Match::In("lo".into())], Verdict::Accept));
    filter.base("forward", Hook::Forward, 0, false);
    filter
}

/// Nothing but answers passes.
fn closed() -> Filter {
    let mut filter = shut();
    filter.rule("forward", Rule::plain(vec![Match::Tracked], Verdict::Accept));
    filter.rule("forward", Rule::plain(vec![Match::Invalid], Verdict::Drop));
    filter
}

fn masquerade(filter: &mut Filter, link: &str, addresses: &[Ipv4Addr]) {
    filter.nat("postrouting", Hook::Postrouting, 100);
    // The last one that is asked is the link's first address, for all that no other was chosen for.
    let others = addresses.get(1..).unwrap_or(&[]);
    for (protocol, ports) in [(Some(6), (1024, u16::MAX)), (Some(17), (1024, u16::MAX)), (None, (0, 0))] {
        let mut out = vec![Match::V4, Match::Out(link.into())];
        out.extend(protocol.map(Match::Protocol));
        for (left, address) in (2..=addresses.len()).rev().zip(others) {
            let chosen = Match::OneIn(u32::try_from(left).unwrap_or(1));
            let action = Action::Become { address: *address, ports };
            filter.rule("postrouting", Rule::new("", [out.clone(), vec![chosen]].concat(), action));
        }
        let action = Action::Masquerade { from: ports.0, to: ports.1 };
        filter.rule("postrouting", Rule::new("", out, action));
    }
}
