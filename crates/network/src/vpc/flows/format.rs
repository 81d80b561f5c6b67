//! What a record of a flow log says: fields in the order of its format, one space between them. Pure.
//!
//! AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html>
//!
//! Not here, and refused where they are asked for: the fields of transit gateways, of regional NAT gateways and of encryption
//! controls.

use super::path::service;
use base::{AccountId, Region, Timestamp};
use std::net::IpAddr;

pub(crate) const DEFAULT: &str = "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} ${packets} ${bytes} ${start} ${end} ${action} ${log-status}";

/// Whose flows they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) account: AccountId,
    pub(crate) region: Region,
    pub(crate) vpc: String,
    pub(crate) subnet: String,
    pub(crate) zone: String,
    pub(crate) interface: String,
    pub(crate) instance: Option<String>,
    pub(crate) is_nitro: bool,
    /// The primary addresses, by IPv4 and IPv6.
    pub(crate) primary: [Option<IpAddr>; 2],
}

/// What is one record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tuple {
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    pub(crate) source_port: u16,
    pub(crate) destination_port: u16,
    pub(crate) protocol: u8,
    pub(crate) egress: bool,
    pub(crate) accepted: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
    /// As AWS writes them.
    pub(crate) tcp_flags: u8,
    /// AWS's number of the way out ([`super::path`]), where it is told.
    pub(crate) path: Option<u8>,
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
}

/// What a record tells of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum What<'a> {
    Flow(&'a Tuple, &'a Sum),
    NoData,
    SkipData,
}

struct Told<'a> {
    place: &'a Place,
    what: What<'a>,
    window: (Timestamp, Timestamp),
    version: u8,
}

type Field = (&'static str, u8, fn(&Told<'_>) -> Option<String>);

static FIELDS: &[Field] = &[
    ("version", 2, |t| text(t.version)),
    ("account-id", 2, |t| text(t.place.account)),
    ("interface-id", 2, |t| text(&t.place.interface)),
    ("srcaddr", 2, |t| t.address(true)),
    ("dstaddr", 2, |t| t.address(false)),
    ("srcport", 2, |t| text(t.flow()?.0.source_port)),
    ("dstport", 2, |t| text(t.flow()?.0.destination_port)),
    ("protocol", 2, |t| text(t.flow()?.0.protocol)),
    ("packets", 2, |t| text(t.flow()?.1.packets)),
    ("bytes", 2, |t| text(t.flow()?.1.bytes)),
    ("start", 2, |t| text(t.flow().map_or(t.window.0, |(_, sum)| sum.first).seconds())),
    ("end", 2, |t| text(t.flow().map_or(t.window.1, |(_, sum)| sum.last).seconds())),
    ("action", 2, |t| text(if t.flow()?.0.accepted { "ACCEPT" } else { "REJECT" })),
    ("log-status", 2, |t| {
        text(match t.what {
            What::Flow(..) => "OK",
            What::NoData => "NODATA",
            What::SkipData => "SKIPDATA",
        })
    }),
    ("vpc-id", 3, |t| text(&t.place.vpc)),
    ("subnet-id", 3, |t| text(&t.place.subnet)),
    ("instance-id", 3, |t| t.place.instance.clone()),
    ("tcp-flags", 3, |t| text(t.flow()?.1.tcp_flags)),
    ("type", 3, |t| text(if t.flow()?.0.source.is_ipv4() { "IPv4" } else { "IPv6" })),
    ("pkt-srcaddr", 3, |t| text(t.flow()?.0.source)),
    ("pkt-dstaddr", 3, |t| text(t.flow()?.0.destination)),
    ("region", 4, |t| text(t.place.region.name())),
    ("az-id", 4, |t| t.place.region.zone_id(&t.place.zone)),
    // There are no zones but those of the region.
    ("sublocation-type", 4, |_| None),
    ("sublocation-id", 4, |_| None),
    ("flow-direction", 5, |t| text(if t.flow()?.0.egress { "egress" } else { "ingress" })),
    ("pkt-src-aws-service", 5, |t| t.service(true)),
    ("pkt-dst-aws-service", 5, |t| t.service(false)),
    ("traffic-path", 5, |t| text(t.flow()?.1.path?)),
    // Where no task runs, AWS has nothing there; and none does here.
    ("ecs-cluster-arn", 7, |_| None),
    ("ecs-cluster-name", 7, |_| None),
    ("ecs-container-instance-arn", 7, |_| None),
    ("ecs-container-instance-id", 7, |_| None),
    ("ecs-container-id", 7, |_| None),
    ("ecs-second-container-id", 7, |_| None),
    ("ecs-service-name", 7, |_| None),
    ("ecs-task-definition-arn", 7, |_| None),
    ("ecs-task-arn", 7, |_| None),
    ("ecs-task-id", 7, |_| None),
    // Only for what groups and ACLs have no part in, which is not here.
    ("reject-reason", 8, |_| None),
];

#[allow(
    clippy::unnecessary_wraps,
    clippy::needless_pass_by_value,
    reason = "it stands for what fields answer"
)]
fn text(value: impl ToString) -> Option<String> {
    Some(value.to_string())
}

impl Told<'_> {
    fn flow(&self) -> Option<(&Tuple, &Sum)> {
        match &self.what {
            What::Flow(tuple, sum) => Some((tuple, sum)),
            What::NoData | What::SkipData => None,
        }
    }

    /// Whose of the cloud's services the packet's address is.
    fn service(&self, is_source: bool) -> Option<String> {
        let (tuple, _) = self.flow()?;
        service(if is_source { tuple.source } else { tuple.destination }).map(str::to_owned)
    }

    /// On its own side an interface is named by its primary address, whichever was used.
    fn address(&self, is_source: bool) -> Option<String> {
        let (tuple, _) = self.flow()?;
        let said = if is_source { tuple.source } else { tuple.destination };
        let own = self.place.primary[usize::from(said.is_ipv6())].filter(|_| tuple.egress == is_source);
        text(own.unwrap_or(said))
    }
}

/// How AWS writes TCP's flags: an ACK is told only with a SYN.
pub(crate) fn flags(seen: u8) -> u8 {
    const SYN: u8 = 2;
    const ACK: u8 = 16;
    if seen & SYN == 0 { seen & !ACK } else { seen }
}

/// A format that is understood.
#[derive(Clone, Debug)]
pub(crate) struct Format(Vec<&'static Field>);

impl Format {
    /// # Errors
    /// What in it is no field, or none that this cloud knows.
    pub(crate) fn parse(format: &str) -> Result<Format, String> {
        let field = |word: &str| {
            let name = word.strip_prefix("${").and_then(|word| word.strip_suffix('}'));
            let found = name.and_then(|name| FIELDS.iter().find(|(known, ..)| *known == name));
            found.ok_or_else(|| word.to_owned())
        };
        format.split_ascii_whitespace().map(field).collect::<Result<_, _>>().map(Format)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names of the fields, as a file begins.
    pub(crate) fn head(&self) -> String {
        let names: Vec<&str> = self.0.iter().map(|(name, ..)| *name).collect();
        names.join(" ")
    }

    /// A record.
    pub(crate) fn line(&self, place: &Place, what: What<'_>, window: (Timestamp, Timestamp)) -> String {
        let version = self.0.iter().map(|(_, version, _)| *version).max().unwrap_or(2);
        let told = Told { place, what, window, version };
        let words = self.0.iter().map(|(.., read)| read(&told).unwrap_or_else(|| "-".to_owned()));
        words.collect::<Vec<String>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Place {
        let ip = |text: &str| Some(text.parse().unwrap());
        Place {
            account: AccountId::parse("123456789010").unwrap(),
            region: Region::parse("us-east-1").unwrap(),
            vpc: "vpc-1".into(),
            subnet: "subnet-1".into(),
            zone: "us-east-1a".into(),
            interface: "eni-1".into(),
            instance: None,
            is_nitro: false,
            primary: [ip("172.31.16.21"), None],
        }
    }

    fn window() -> (Timestamp, Timestamp) {
        (Timestamp::from_seconds(1_418_530_000), Timestamp::from_seconds(1_418_530_060))
    }

    fn flow(egress: bool) -> (Tuple, Sum) {
        let tuple = Tuple {
            source: "172.31.16.139".parse().unwrap(),
            destination: "172.31.16.22".parse().unwrap(),
            source_port: 20641,
            destination_port: 22,
            protocol: 6,
            egress,
            accepted: true,
        };
        let (first, last) = (Timestamp::from_seconds(1_418_530_010), Timestamp::from_seconds(1_418_530_050));
        (tuple, Sum { packets: 20, bytes: 4249, tcp_flags: 3, path: None, first, last })
    }

    #[test]
    fn records_in_the_default_format() {
        let format = Format::parse(DEFAULT).unwrap();
        let (tuple, sum) = flow(false);
        // It came to another of the interface's addresses than its primary one.
        assert_eq!(
            format.line(&place(), What::Flow(&tuple, &sum), window()),
            "2 123456789010 eni-1 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530050 ACCEPT OK"
        );
        for (what, word) in [(What::NoData, "NODATA"), (What::SkipData, "SKIPDATA")] {
            assert_eq!(
                format.line(&place(), what, window()),
                format!("2 123456789010 eni-1 - - - - - - - 1418530000 1418530060 - {word}")
            );
        }
        assert!(format.head().starts_with("version account-id interface-id srcaddr "));
    }

    #[test]
    fn a_format_of_ones_own_has_the_version_of_its_newest_field() {
        let own = "${vpc-id} ${subnet-id} ${instance-id} ${tcp-flags} ${type} ${srcaddr} ${pkt-srcaddr} ${pkt-dstaddr} ${az-id} ${region} ${flow-direction} ${sublocation-id} ${version}";
        let format = Format::parse(own).unwrap();
        let (tuple, sum) = flow(true);
        assert_eq!(
            format.line(&place(), What::Flow(&tuple, &sum), window()),
            "vpc-1 subnet-1 - 3 IPv4 172.31.16.21 172.31.16.139 172.31.16.22 use1-az1 us-east-1 egress - 5"
        );
        for (format, wrong) in [
            ("${version} ${tgw-id}", "${tgw-id}"),
            ("version", "version"),
            ("${version}${start}", "${version}${start}"),
            ("${resource-id}", "${resource-id}"),
        ] {
            assert_eq!(Format::parse(format).unwrap_err(), wrong);
        }
        assert!(Format::parse(" ").unwrap().is_empty());
        let (mut tuple, mut sum) = flow(true);
        tuple.destination = "198.51.100.1".parse().unwrap();
        let ways = "${version} ${traffic-path} ${pkt-src-aws-service} ${pkt-dst-aws-service} ${ecs-task-id} ${reject-reason}";
        let format = Format::parse(ways).unwrap();
        for (path, told) in [(Some(8), "8 8 - S3 - -"), (None, "8 - - S3 - -")] {
            sum.path = path;
            assert_eq!(format.line(&place(), What::Flow(&tuple, &sum), window()), told);
        }
        assert_eq!(format.line(&place(), What::NoData, window()), "8 - - - - -");
    }

    #[test]
    fn flags_as_aws_writes_them() {
        assert_eq!([2, 18, 16, 17, 20, 3].map(flags), [2, 18, 0, 1, 4, 3]);
    }
}
