//! What a machine is called: by its address or by its id, and which names of its id its VPC's resolver knows.
//!
//! A launch says it, or the subnet does, and [`super::ops::names`] changes it.
//! AWS: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/hostname-types.html>

use super::model::{Instance, Names};
use super::ops::describe::private_dns;
use ec2::Ec2Error;
use kernel::Cx;
use wire::Value;

const BY_ADDRESS: &str = "ip-name";
const BY_ID: &str = "resource-name";

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct Wanted {
        pub(crate) kind: Option<String> = "HostnameType",
        pub(crate) ipv4: Option<bool> = "EnableResourceNameDnsARecord",
        pub(crate) ipv6: Option<bool> = "EnableResourceNameDnsAAAARecord",
    }

    #[derive(Debug)]
    pub(crate) struct View {
        pub(crate) kind: String = "HostnameType",
        pub(crate) ipv4: bool = "EnableResourceNameDnsARecord",
        pub(crate) ipv6: bool = "EnableResourceNameDnsAAAARecord",
    }
}

impl Names {
    /// As a launch wants it; what it leaves open is as its subnet says. AWS: where there is no address of IPv4, the id is all
    /// that there is to be called by, and leads to the address of IPv6.
    ///
    /// # Errors
    /// `InvalidParameterValue` for a name by an address that there is not.
    pub(crate) fn of(wanted: Option<&Wanted>, subnet: &Value) -> Result<Names, Ec2Error> {
        let is_native = subnet.member("Ipv6Native").and_then(Value::as_bool) == Some(true);
        if is_native {
            wanted.map_or(Ok(()), Wanted::check_native)?;
        }
        let options = subnet.member("PrivateDnsNameOptionsOnLaunch");
        let option = |name: &str| options.and_then(|options| options.member(name));
        let flag = |given: Option<bool>, name: &str| {
            given.or_else(|| option(name).and_then(Value::as_bool)).unwrap_or(false)
        };
        let kind = wanted.and_then(|wanted| wanted.kind.as_deref());
        let ipv6 = wanted.and_then(|wanted| wanted.ipv6).or(is_native.then_some(true));
        Ok(Names {
            by_id: kind.or_else(|| option("HostnameType").and_then(Value::as_str)) == Some(BY_ID),
            ipv4: flag(wanted.and_then(|wanted| wanted.ipv4), "EnableResourceNameDnsARecord"),
            ipv6: flag(ipv6, "EnableResourceNameDnsAAAARecord"),
        })
    }

    /// As they become when that is wanted; what it leaves open stays.
    pub(crate) fn changed(&self, wanted: &Wanted) -> Names {
        Names {
            by_id: wanted.kind.as_deref().map_or(self.by_id, |kind| kind == BY_ID),
            ipv4: wanted.ipv4.unwrap_or(self.ipv4),
            ipv6: wanted.ipv6.unwrap_or(self.ipv6),
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
    /// What there may be without an address of IPv4.
    ///
    /// # Errors
    /// `InvalidParameterValue`
    pub(crate) fn check_native(&self) -> Result<(), Ec2Error> {
        let why = "An instance in an IPv6-only subnet is named by its ID, which has no A record.";
        if self.kind.as_deref() == Some(BY_ADDRESS) {
            return Err(Ec2Error::value(BY_ADDRESS, "hostnameType", why));
        }
        if self.ipv4 == Some(true) {
            return Err(Ec2Error::value(true, "enableResourceNameDnsARecord", why));
        }
        Ok(())
    }

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
