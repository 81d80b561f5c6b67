//! How fast machines are: what goes beyond is dropped at the router, where a machine's root changes nothing.
//!
//! What a machine sends is measured before anything else is asked, and what it is sent after everything else, also what
//! the router itself answers. All interfaces of a machine go by one measure.
//!
//! Nothing waits its turn: senders that are too fast learn of it by what is lost, as they do where a queue is full.

use super::filter::{Action, Data, Datum, Field, Filter, Hook, Key, Match, Rule, Set, Value, Verdict};
use super::filters::map;
use super::{Plan, names};

/// What may come at once: as much as comes in this part of a second at full speed. A sender that has lost too much waits
/// 200 ms before it tries again; with less it would never make up for that.
const AT_ONCE: u64 = 4;
/// In bytes, at least: packets are handed over by the 64 KiB.
const AT_ONCE_MIN: u64 = 4 << 16;

impl Plan<'_> {
    pub(super) fn bandwidths(&self, filter: &mut Filter) {
        let held: Vec<_> = self
            .plugged
            .iter()
            .filter_map(|(interface, _, link)| {
                let machine = &interface.attachment.as_ref()?.machine;
                Some((machine, link, self.vpc.bandwidths.get(machine)?))
            })
            .collect();
        if held.is_empty() {
            return;
        }
        let ways = [
            (true, "bandwidth-out", Hook::Prerouting, -310, Key::In),
            (false, "bandwidth-in", Hook::Postrouting, 200, Key::Out),
        ];
        for (egress, name, hook, priority, by) in ways {
            filter.set(name, Set::map(&[Field::Link], Data::Verdict));
            filter.base(name, hook, priority, true);
            filter.rule(name, map(&[by], name));
            for (machine, link, bandwidth) in &held {
                let chain = names::bandwidth(machine, egress);
                let rate = if egress { bandwidth.sends } else { bandwidth.receives };
                let burst = u32::try_from((rate / AT_ONCE).max(AT_ONCE_MIN)).unwrap_or(u32::MAX);
                let beyond = vec![Match::Beyond { rate, burst }];
                let drop = Rule::new(chain.clone(), beyond, Action::Do(Verdict::Drop));
                // Once for all its interfaces: the rule is the measure.
                filter.chains.entry(chain.clone()).or_default().rules = vec![drop];
                let jump = Some(Datum::Verdict(Verdict::Jump(chain)));
                filter.element(name, vec![Value::Link((*link).clone())], jump);
            }
        }
    }
}

/// A rule that measures and leads nowhere: whether a kernel can.
pub fn measure() -> Filter {
    let mut filter = Filter::default();
    let beyond = vec![Match::Beyond { rate: AT_ONCE_MIN, burst: 1 << 16 }];
    filter.rule("measure", Rule::new("", beyond, Action::Do(Verdict::Drop)));
    filter
}

#[cfg(test)]
mod tests {
    use crate::program::{Action, Match, Program, Verdict};
    use crate::sample;
    use crate::topology::Bandwidth;

    #[test]
    fn a_machine_has_one_measure_each_way_for_all_its_interfaces() {
        let mut topology = sample::two_tier();
        let free = Program::compile(&topology, "vpc-1");
        assert!(!free.filter.chains.contains_key("bandwidth-out"));
        let vpc = topology.vpcs.get_mut("vpc-1").unwrap();
        sample::interface(vpc, "second", "subnet-public", "10.0.1.99", None, &["sg-web"]);
        let second = vpc.interfaces.get_mut("eni-second").unwrap();
        second.attachment.as_mut().unwrap().machine = "web".into();
        vpc.bandwidths.insert("web".into(), Bandwidth { receives: 1_000, sends: 1 << 30 });
        let filter = Program::compile(&topology, "vpc-1").filter;
        for (way, rate, burst) in [("ingress", 1_000, 4 << 16), ("egress", 1 << 30, 1 << 28)] {
            let chain = &filter.chains[&format!("web/{way}/bandwidth")];
            let [rule] = chain.rules.as_slice() else { panic!("{chain:?}") };
            assert_eq!(rule.matches, [Match::Beyond { rate, burst }]);
            assert_eq!(rule.action, Action::Do(Verdict::Drop));
        }
        assert_eq!(filter.sets["bandwidth-out"].elements.len(), 2);
        assert_eq!(filter.sets["bandwidth-in"].elements.len(), 2);
    }

    #[test]
    fn another_speed_changes_two_chains_and_nothing_else() {
        let mut topology = sample::two_tier();
        let mut at = |rate| {
            let vpc = topology.vpcs.get_mut("vpc-1").unwrap();
            vpc.bandwidths.insert("web".into(), Bandwidth { receives: rate, sends: rate });
            Program::compile(&topology, "vpc-1")
        };
        let (slow, fast) = (at(1_000), at(2_000));
        let delta = fast.since(&slow);
        let chains: Vec<&str> = delta.filter.chains_changed.keys().map(String::as_str).collect();
        assert_eq!(chains, ["web/egress/bandwidth", "web/ingress/bandwidth"]);
        assert!(delta.links_removed.is_empty() && delta.filter.sets_added.is_empty());
    }
}
