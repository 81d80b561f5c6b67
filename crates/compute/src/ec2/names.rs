//! What a machine is called: by its address or by its id, and which names of its id its VPC's resolver knows.
//!
//! A launch says it, or the subnet does. AWS: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/hostname-types.html>
//!
//! Not here: to change it later (`ModifyPrivateDnsNameOptions`).

use super::model::{Instance, Names};
use super::ops::describe::private_dns;
use kernel::Cx;
use wire::Value;

const BY_ADDRESS: &str = "ip-name";
const BY_ID: &str = "resource-name";

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct Wanted {
        kind: Option<String> = "HostnameType",
        ipv4: Option<bool> = "EnableResourceNameDnsARecord",
        ipv6: Option<bool> = "EnableResourceNameDnsAAAARecord",
    }

    #[derive(Debug)]
    pub(crate) struct View {
        pub(crate) kind: String = "HostnameType",
        pub(crate) ipv4: bool = "EnableResourceNameDnsARecord",
        pub(crate) ipv6: bool = "EnableResourceNameDnsAAAARecord",
    }
}

impl Names {
    /// As a launch wants it; what it leaves open is as its subnet says.
    pub(crate) fn of(wanted: Option<&Wanted>, subnet: &Value) -> Names {
        let options = subnet.member("PrivateDnsNameOptionsOnLaunch");
        let option = |name: &str| options.and_then(|options| options.member(name));
        let flag = |given: Option<bool>, name: &str| {
            given.or_else(|| option(name).and_then(Value::as_bool)).unwrap_or(false)
        };
        let kind = wanted.and_then(|wanted| wanted.kind.as_deref());
        Names {
            by_id: kind.or_else(|| option("HostnameType").and_then(Value::as_str)) == Some(BY_ID),
            ipv4: flag(wanted.and_then(|wanted| wanted.ipv4), "EnableResourceNameDnsARecord"),
            ipv6: flag(wanted.and_then(|wanted| wanted.ipv6), "EnableResourceNameDnsAAAARecord"),
        }
    }
}

impl View {
    pub(crate) fn of(names: &Names) -> View {
        let kind = if names.by_id { BY_ID } else { BY_ADDRESS };
        View { kind: kind.into(), ipv4: names.ipv4, ipv6: names.ipv6 }
    }
}

impl Wanted {
    /// As an instance has it.
    pub(crate) fn like(names: &Names) -> Wanted {
        let View { kind, ipv4, ipv6 } = View::of(names);
        Wanted { kind: Some(kind), ipv4: Some(ipv4), ipv6: Some(ipv6) }
    }
}

/// `ip-10-0-1-5`, or `i-0123456789abcdef0`.
pub(crate) fn label(instance: &Instance) -> String {
    if instance.names.by_id {
        return instance.id.clone();
    }
    format!("ip-{}", instance.address.replace('.', "-"))
}

/// `ip-10-0-1-5.ec2.internal`, or `i-0123456789abcdef0.ec2.internal`.
pub(crate) fn host_name(cx: &Cx<'_>, instance: &Instance) -> String {
    let by_address = private_dns(cx, &instance.address);
    let suffix = by_address.split_once('.').map_or("", |(_, suffix)| suffix);
    format!("{}.{suffix}", label(instance))
}
