//! The names that a VPC's resolver knows. Pure.
//!
//! AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/AmazonDNS-concepts.html>

use super::message::{Answer, Kind, Question};
use base::Region;
use ec2::kind::INSTANCE;
use std::net::Ipv4Addr;

/// What there is to be named.
#[derive(Clone, Debug)]
pub(super) struct Zone {
    pub(super) region: Region,
    /// Private addresses in the VPC and those that it is peered with.
    pub(super) private: Vec<Ipv4Addr>,
    /// Public addresses in the VPC, with the private ones that stand behind them; none where it has no such names.
    pub(super) public: Vec<(Ipv4Addr, Ipv4Addr)>,
}

const METADATA: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);

impl Zone {
    fn private_suffix(&self) -> String {
        private_suffix(self.region)
    }

    fn public_suffix(&self) -> String {
        match self.region.name() {
            "us-east-1" => "compute-1.amazonaws.com".to_owned(),
            region => format!("{region}.compute.amazonaws.com"),
        }
    }

    /// Whether what a name leads to is told by the addresses that there are.
    pub(super) fn goes_by_addresses(&self, name: &str) -> bool {
        name.ends_with(".in-addr.arpa")
            || [self.private_suffix(), self.public_suffix()]
                .iter()
                .any(|suffix| below(name, suffix).is_some())
    }

    pub(super) fn answer(&self, question: &Question) -> Answer {
        let name = question.name.as_str();
        if let Some(reversed) = name.strip_suffix(".in-addr.arpa") {
            return self.reverse(question.kind, reversed);
        }
        let found = if name.ends_with(".vpce.amazonaws.com") {
            Err(Answer::NoSuchName)
        } else if let Some(host) = below(name, &self.private_suffix()) {
            let own = dashed(host, "ip-").filter(|address| self.private.contains(address));
            let found = own.or((host == "instance-data").then_some(METADATA));
            // All that could be there is known here.
            found.ok_or(Answer::NoSuchName)
        } else if let Some(host) = below(name, &self.public_suffix()) {
            let address = dashed(host, "ec2-");
            let own = self.public.iter().find(|(public, _)| Some(*public) == address);
            own.map(|(_, private)| *private).ok_or(Answer::Refused)
        } else {
            // The cloud's own names.
            ec2::front::address_of(name, self.region).ok_or(Answer::Refused)
        };
        match (found, question.kind) {
            (Ok(address), Kind::A) => Answer::Addresses(vec![address]),
            (Ok(_), _) => Answer::Nothing,
            (Err(answer), _) => answer,
        }
    }

    fn reverse(&self, kind: Kind, reversed: &str) -> Answer {
        let Ok(backwards) = reversed.parse::<Ipv4Addr>() else { return Answer::Refused };
        let [a, b, c, d] = backwards.octets();
        let address = Ipv4Addr::from([d, c, b, a]);
        if !self.private.contains(&address) {
            return Answer::Refused;
        }
        let name = format!("ip-{d}-{c}-{b}-{a}.{}", self.private_suffix());
        if kind == Kind::Ptr { Answer::Name(name) } else { Answer::Nothing }
    }
}

fn private_suffix(region: Region) -> String {
    match region.name() {
        "us-east-1" => "ec2.internal".to_owned(),
        region => format!("{region}.compute.internal"),
    }
}

/// The instance that is asked for by its id.
pub(super) fn instance(name: &str, region: Region) -> Option<&str> {
    below(name, &private_suffix(region)).filter(|host| INSTANCE.fits(host))
}

/// The one label before a suffix.
fn below<'a>(name: &'a str, suffix: &str) -> Option<&'a str> {
    name.strip_suffix(suffix)?.strip_suffix('.').filter(|host| !host.contains('.'))
}

/// `ip-10-0-0-5`
fn dashed(host: &str, prefix: &str) -> Option<Ipv4Addr> {
    host.strip_prefix(prefix)?.replace('-', ".").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::Zone;
    use crate::vpc::resolver::message::{Answer, Question};
    use base::Region;

    fn ask(zone: &Zone, name: &str, kind: u16) -> Answer {
        let mut message = vec![0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in name.split('.') {
            message.push(u8::try_from(label.len()).unwrap());
            message.extend(label.as_bytes());
        }
        message.extend([0, 0, u8::try_from(kind).unwrap(), 0, 1]);
        zone.answer(&Question::parse(&message).unwrap())
    }

    #[test]
    fn names_and_addresses() {
        let own = [10, 0, 0, 5].into();
        let zone = Zone {
            region: Region::US_EAST_1,
            private: vec![own],
            public: vec![([198, 18, 0, 7].into(), own)],
        };
        let none = Zone { region: zone.region, private: Vec::new(), public: Vec::new() };
        assert!(!zone.goes_by_addresses("sqs.us-east-1.amazonaws.com"));
        let address = Answer::Addresses(vec![own]);
        for (name, kind, expected) in [
            ("ip-10-0-0-5.ec2.internal", 1, address.clone()),
            ("IP-10-0-0-5.EC2.internal", 1, address.clone()),
            ("ip-10-0-0-5.ec2.internal", 28, Answer::Nothing),
            ("ip-10-0-0-6.ec2.internal", 1, Answer::NoSuchName),
            ("x.ip-10-0-0-5.ec2.internal", 1, Answer::Refused),
            ("instance-data.ec2.internal", 1, Answer::Addresses(vec![[169, 254, 169, 254].into()])),
            ("ec2-198-18-0-7.compute-1.amazonaws.com", 1, address),
            ("ec2-198-18-0-8.compute-1.amazonaws.com", 1, Answer::Refused),
            ("5.0.0.10.in-addr.arpa", 12, Answer::Name("ip-10-0-0-5.ec2.internal".into())),
            ("5.0.0.10.in-addr.arpa", 1, Answer::Nothing),
            ("6.0.0.10.in-addr.arpa", 12, Answer::Refused),
            ("example.com", 1, Answer::Refused),
            ("sqs.us-east-1.amazonaws.com", 1, Answer::Addresses(vec![[203, 0, 113, 1].into()])),
            ("vpce-0a1b-abcdefgh.sqs.us-east-1.vpce.amazonaws.com", 1, Answer::NoSuchName),
        ] {
            assert_eq!(ask(&zone, name, kind), expected, "{name} {kind}");
            // What is told without addresses is told the same with none.
            if !zone.goes_by_addresses(&name.to_ascii_lowercase()) {
                assert_eq!(ask(&none, name, kind), expected, "{name} {kind}");
            }
        }
        let elsewhere = Zone { region: Region::parse("eu-west-1").unwrap(), ..zone };
        assert_eq!(
            ask(&elsewhere, "ip-10-0-0-5.eu-west-1.compute.internal", 1),
            Answer::Addresses(vec![own])
        );
        assert_eq!(ask(&elsewhere, "ip-10-0-0-5.ec2.internal", 1), Answer::Refused);
    }
}
