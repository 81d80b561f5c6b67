//! A walk in words, a line for each hop: what `virga why` prints.

use super::{Hop, Obstacle, Path, Rule, Walk};
use std::fmt;

impl fmt::Display for Walk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let back = self.back.as_ref().map(|path| ("<-", path));
        for (arrow, path) in std::iter::once(("->", &self.forward)).chain(back) {
            path.hops.iter().try_for_each(|hop| writeln!(f, "{arrow} {hop}"))?;
            path.obstacles.iter().try_for_each(|obstacle| writeln!(f, "{arrow} {obstacle}"))?;
        }
        f.write_str(if self.works() { "it works" } else { "it does not work" })
    }
}

impl Path {
    /// The first thing that stands in the way.
    pub fn first_obstacle(&self) -> Option<&Obstacle> {
        self.obstacles.first()
    }
}

impl fmt::Display for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.component.id())?;
        if let Some(rule) = &self.rule {
            write!(f, ": {rule}")?;
        }
        write!(f, "  ({})", self.packet)
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "STOP {}: {}", self.component.id(), self.code)?;
        if let Some(rule) = &self.rule {
            write!(f, ", {rule}")?;
        }
        write!(f, "  ({})", self.packet)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = |egress: &bool| if *egress { "egress" } else { "ingress" };
        match self {
            Rule::SecurityGroup { id, egress } => write!(f, "{} rule {id} allows", way(egress)),
            Rule::Tracked => f.write_str("belongs to a connection that is allowed"),
            Rule::NoGroupRule { egress } => write!(f, "no {} rule of its groups allows", way(egress)),
            Rule::SourceCheck => f.write_str("the source is not its own"),
            Rule::DestinationCheck => f.write_str("the destination is not its own"),
            Rule::Acl { number, egress, allow } => {
                let number = number.map_or_else(|| "*".to_owned(), |number| number.to_string());
                write!(f, "{} entry {number} {}", way(egress), if *allow { "allows" } else { "denies" })
            }
            Rule::Route { destination, target } => write!(f, "{destination} leads to {target}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::sample;
    use crate::walk::{Flow, Origin, Transport, walk};

    #[test]
    fn a_walk_reads_hop_by_hop() {
        let t = sample::two_tier();
        let flow = |from: &str, to: &str, port| Flow {
            from: Origin::Interface { id: format!("eni-{from}"), source: None },
            to: sample::ip(to),
            transport: Transport::tcp(port),
        };
        let text = walk(&t, &flow("web", "10.0.2.10", 5432)).to_string();
        for line in [
            "-> sg-web: egress rule sgr-sg-web-out-0 allows  (10.0.1.10 -> 10.0.2.10 tcp/5432)",
            "-> rtb-public: 10.0.0.0/16 leads to local",
            "-> acl-private: ingress entry 100 allows",
            "<- sg-db: belongs to a connection that is allowed",
        ] {
            assert!(text.contains(line), "no {line} in\n{text}");
        }
        assert!(text.ends_with("it works"));
        let text = walk(&t, &flow("app", "10.0.2.10", 5432)).to_string();
        let stop = "-> STOP eni-db: ENI_SG_RULES_MISMATCH, no ingress rule of its groups allows";
        assert!(text.contains(stop) && text.ends_with("it does not work"), "{text}");
    }
}
