use super::*;
use crate::sample;
use crate::topology::Peer;
use proptest::prelude::*;

/// What applying a delta does, on data.
fn apply(mut p: Program, delta: Delta) -> Program {
    p.links.retain(|name, _| !delta.links_removed.contains(name));
    let gone = |hop: &Hop| match hop {
        Hop::Link { name, .. } => {
            delta.links_removed.contains(name) || delta.links_switched.get(name) == Some(&false)
        }
        _ => false,
    };
    p.routes.retain(|at, hop| !delta.routes_removed.contains(at) && !gone(hop));
    p.routes.extend(delta.routes_set);
    for (name, up) in delta.links_switched {
        p.links.get_mut(&name).unwrap().up = up;
    }
    p.links.extend(delta.links_added);
    p.addresses.retain(|a| !delta.addresses_removed.contains(a));
    p.addresses.extend(delta.addresses_added);
    p.public.retain(|a| !delta.public_removed.contains(a));
    p.public.extend(delta.public_added);
    p.nat_gateways.extend(delta.nat_gateways_added);
    let f = delta.filter;
    p.filter.sets.retain(|name, _| !f.sets_removed.contains(name));
    p.filter.sets.extend(f.sets_added);
    for (name, keys) in f.elements_removed {
        for key in keys {
            assert!(p.filter.sets.get_mut(&name).unwrap().elements.remove(&key).is_some());
        }
    }
    for (name, elements) in f.elements_added {
        for (key, datum) in elements {
            assert!(p.filter.sets.get_mut(&name).unwrap().elements.insert(key, datum).is_none());
        }
    }
    for name in &f.allowed_removed {
        assert!(p.filter.allowed.remove(name).is_some());
    }
    for (name, allowed) in f.allowed_added {
        assert!(p.filter.allowed.insert(name, allowed).is_none());
    }
    p.filter.chains.retain(|name, _| !f.chains_removed.contains(name));
    p.filter.chains.extend(f.chains_added);
    p.filter.chains.extend(f.chains_changed);
    p
}

/// Every chain, set and link that is named is there; the names fit the kernel.
fn check_whole(p: &Program) {
    let chains: BTreeSet<&String> = p.filter.chains.keys().collect();
    let target = |v: &Verdict| match v {
        Verdict::Jump(chain) | Verdict::Goto(chain) => assert!(chains.contains(chain), "{chain}\n{p}"),
        _ => {}
    };
    for set in p.filter.sets.values() {
        for datum in set.elements.values().flatten() {
            if let Datum::Verdict(v) = datum {
                target(v);
            }
        }
    }
    for rule in p.filter.chains.values().flat_map(|chain| &chain.rules) {
        for m in &rule.matches {
            if let Match::Member { set, .. } = m {
                let there = p.filter.sets.contains_key(set) || p.filter.allowed.contains_key(set);
                assert!(there, "{set}\n{p}");
            }
        }
        match &rule.action {
            Action::Do(v) => target(v),
            Action::Map { map, .. } | Action::Translate { map, .. } => {
                assert!(p.filter.sets.contains_key(map), "{map}\n{p}");
            }
            _ => {}
        }
    }
    for name in p.links.keys() {
        assert!(!name.is_empty() && name.len() < 16, "{name}");
    }
    for hop in p.routes.values() {
        if let Hop::Link { name, .. } = hop {
            assert!(p.links.get(name).is_some_and(|link| link.up), "{name}\n{p}");
        }
    }
}

#[test]
fn a_two_tier_vpc_in_rules() {
    let t = sample::two_tier();
    let p = Program::compile(&t, "vpc-1");
    check_whole(&p);
    assert_eq!(p.links.len(), 5);
    assert_eq!(p.public.len(), 3);
    let text = p.to_string();
    for line in ["link igw", "chain sg-db/in", "# acl-private/ingress/100", "# eni-db/ingress/none"] {
        assert!(text.contains(line), "no {line} in\n{text}");
    }
    let private =
        p.links.values().find(|l| matches!(&l.to, Far::Machine(plug) if plug.interface == "eni-db"));
    let table = private.unwrap().group;
    let nat = Hop::Link { name: names::link('e', "eni-nat-1"), via: Via::Machine(sample::ip("10.0.1.50")) };
    assert_eq!(p.routes[&(table, Cidr::ALL_V4)], nat);
    assert_eq!(p.routes[&(table, sample::cidr("10.0.0.0/16"))], Hop::Throw);
    assert_eq!(p.routes[&(TABLE_MAIN, sample::cidr("10.0.0.0/16"))], Hop::Nowhere);
}

#[test]
fn one_rule_more_is_one_chain_changed() {
    let mut t = sample::two_tier();
    let before = Program::compile(&t, "vpc-1");
    let vpc = t.vpcs.get_mut("vpc-1").unwrap();
    let mut rule = vpc.security_groups["sg-app"].ingress[0].clone();
    rule.id = "sgr-new".into();
    vpc.security_groups.get_mut("sg-app").unwrap().ingress.push(rule);
    let delta = Program::compile(&t, "vpc-1").since(&before);
    let changed: Vec<&String> = delta.filter.chains_changed.keys().collect();
    assert_eq!(changed, ["sg-app/in"]);
    let only = Delta {
        filter: FilterDelta { chains_changed: delta.filter.chains_changed.clone(), ..FilterDelta::default() },
        ..Delta::default()
    };
    assert_eq!(delta, only);
}

/// A group that takes what comes to these ports from so many groups, of which two have members.
fn named(groups: usize, ports: &[u16]) -> Program {
    let mut t = sample::two_tier();
    let vpc = t.vpcs.get_mut("vpc-1").unwrap();
    let mut rule = vpc.security_groups["sg-db"].ingress[0].clone();
    assert!(matches!(rule.peer, Peer::Group(_)));
    let of = |n: usize| ["sg-app", "sg-db"].get(n).map_or_else(|| format!("sg-{n}"), |id| (*id).to_owned());
    let mut rules = Vec::new();
    for (group, port) in (0..groups).flat_map(|group| ports.iter().map(move |port| (group, *port))) {
        (rule.id, rule.peer) = (format!("sgr-{group}-{port}"), Peer::Group(of(group)));
        rule.traffic = sample::tcp(port);
        rules.push(rule.clone());
    }
    vpc.security_groups.get_mut("sg-db").unwrap().ingress = rules;
    let p = Program::compile(&t, "vpc-1");
    check_whole(&p);
    p
}

#[test]
fn however_many_groups_are_named_a_packet_is_looked_at_as_often() {
    let looks = |p: &Program| p.filter.chains["sg-db/in"].rules.len();
    // By both families each.
    assert_eq!(looks(&named(4, &[1])), 8);
    // Each member is asked for, where they are few; else all in one go.
    assert_eq!(looks(&named(500, &[1])), 2);
    let (some, many) = (named(5, &[1, 2, 3]), named(500, &[1, 2, 3]));
    assert_eq!((looks(&some), looks(&many)), (1, 1));
    assert!(!many.filter.sets.contains_key("sg-app/4"));
    let t = sample::two_tier();
    let members = t.all_members(&t.vpcs["vpc-1"]);
    let allowed = many.filter.allowed.values().find(|allowed| allowed.v4).unwrap();
    let blocks: BTreeSet<Cidr> = allowed.spans().map(|(_, block)| block).collect();
    let both = members["sg-app"].union(&members["sg-db"]);
    assert_eq!(blocks, both.map(|address| Cidr::host(*address)).collect());
    for (group, addresses) in &members {
        assert_eq!(*addresses, t.members(&t.vpcs["vpc-1"], group));
    }
}

#[test]
fn names_of_links_come_from_the_end_of_ids() {
    assert_eq!(names::link('e', "eni-0123456789abcdef0"), "e3456789abcdef0");
    assert_eq!(names::link('p', "pcx-1"), "ppcx1");
    assert_eq!(names::link('e', "eni-0123456789abcdef0").len(), 15);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn programs_are_whole_and_deltas_lead_from_one_to_the_other(a in any::<u64>(), b in any::<u64>()) {
        let (ta, tb) = (sample::random(a), sample::random(b));
        for vpc in ["vpc-a", "vpc-b", "vpc-c"] {
            let (before, after) = (Program::compile(&ta, vpc), Program::compile(&tb, vpc));
            check_whole(&before);
            let delta = after.since(&before);
            let nat_gateways = after.nat_gateways.clone();
            let mut applied = apply(before.clone(), delta);
            applied.nat_gateways = nat_gateways;
            prop_assert_eq!(&applied, &after);
            prop_assert!(after.since(&after).is_empty());
        }
    }
}
