//! DHCP option sets.

use super::{item, one};
use crate::vpc::access::{list, on};
use crate::vpc::find;
use crate::vpc::model::{DHCP_OPTIONS, DhcpOptions, VPCS};
use ec2::describe::{self, Ask, all, get, ids_or_pages};
use ec2::filter::{Filter, Known};
use ec2::kind::{DHCP_OPTIONS as KIND, VPC};
use ec2::tags::{self, Tag, TagSpecification};
use ec2::{Ec2Error, Plain, register};
use kernel::{Cx, Empty};
use std::ops::RangeInclusive;

kernel::ops! {
    pub(crate) static OPS:
        CreateDhcpOptions: create, "ec2:CreateDhcpOptions", |cx, r| on(cx, r)?.new(&KIND).done();
        DeleteDhcpOptions: delete, "ec2:DeleteDhcpOptions", |cx, r| on(cx, r)?.one(&KIND, "DhcpOptionsId").done();
        DescribeDhcpOptions: describe, "ec2:DescribeDhcpOptions", list;
        AssociateDhcpOptions: associate, "ec2:AssociateDhcpOptions", |cx, r| on(cx, r)?.one(&KIND, "DhcpOptionsId").one(&VPC, "VpcId").done();
}

/// AWS: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateDhcpOptions.html>
const KNOWN: [&str; 6] = [
    "domain-name-servers",
    "domain-name",
    "ntp-servers",
    "netbios-name-servers",
    NODE_TYPE,
    "ipv6-address-preferred-lease-time",
];
const SERVERS_MAX: usize = 4;
const NODE_TYPE: &str = "netbios-node-type";

wire::shape! {
    #[derive(Debug)]
    struct Create {
        options: Vec<Configuration> = "DhcpConfigurations",
        tags: Vec<TagSpecification> = "TagSpecifications",
    }

    #[derive(Debug)]
    struct Configuration {
        key: Option<String> = "Key",
        values: Vec<String> = "Values",
    }

    #[derive(Debug)]
    struct Made { options: View = "DhcpOptions" }

    #[derive(Debug)]
    struct View {
        owner: String = "OwnerId",
        tags: Vec<Tag> = "Tags",
        id: String = "DhcpOptionsId",
        options: Vec<ConfigurationView> = "DhcpConfigurations",
    }

    #[derive(Debug)]
    struct ConfigurationView {
        key: String = "Key",
        values: Vec<ValueView> = "Values",
    }

    #[derive(Debug)]
    struct ValueView { value: String = "Value" }

    #[derive(Debug)]
    struct OneSet { id: String = "DhcpOptionsId" }

    #[derive(Debug)]
    struct Describe {
        ids: Vec<String> = "DhcpOptionsIds",
        next: Option<String> = "NextToken",
        max: Option<i64> = "MaxResults",
        filters: Vec<Filter> = "Filters",
    }

    #[derive(Debug)]
    struct Sets {
        next: Option<String> = "NextToken",
        sets: Vec<View> = "DhcpOptions",
    }

    #[derive(Debug)]
    struct Associate {
        id: String = "DhcpOptionsId",
        vpc: String = "VpcId",
    }
}

item!(View, id);

fn view(cx: &Cx<'_>, options: &DhcpOptions) -> Result<View, Ec2Error> {
    let value = |value: &String| ValueView { value: value.clone() };
    let configuration = |(key, values): &(String, Vec<String>)| ConfigurationView {
        key: key.clone(),
        values: values.iter().map(value).collect(),
    };
    Ok(View {
        owner: cx.account.to_string(),
        tags: tags::view(&register::tags(cx, &options.id)?),
        id: options.id.clone(),
        options: options.options.iter().map(configuration).collect(),
    })
}

/// What AWS says of each value that an option does not take.
const WRONG: &str = "Invalid DHCP option value.";
/// In seconds.
const LEASE: RangeInclusive<u32> = 140..=2_147_483_647;

fn check(key: &str, values: &[String]) -> Result<(), Ec2Error> {
    let wrong = |given: String| Err(Ec2Error::value(given, "value", WRONG));
    if values.is_empty() {
        return Err(Plain::MissingParameter("value".into()).into());
    }
    if key.ends_with("-servers") && values.len() > SERVERS_MAX || key == NODE_TYPE && values.len() > 1 {
        return wrong(values.join(","));
    }
    for value in values {
        let is_address = value.parse::<std::net::IpAddr>().is_ok();
        let good = match key {
            _ if value.is_empty() => return wrong(format!("empty string for '{key}' is not allowed")),
            "domain-name-servers" => is_address || value == "AmazonProvidedDNS",
            "ntp-servers" => is_address,
            "netbios-name-servers" => value.parse::<std::net::Ipv4Addr>().is_ok(),
            NODE_TYPE => value.parse::<u8>().is_ok(),
            "ipv6-address-preferred-lease-time" => match value.parse::<u32>() {
                Ok(seconds) if LEASE.contains(&seconds) => true,
                Ok(_) => return wrong(format!("'{value}' for '{key}' is out of bounds")),
                Err(_) => return wrong(format!("'{value}' for '{key}' is not allowed")),
            },
            _ => true,
        };
        if !good {
            return wrong(value.clone());
        }
    }
    Ok(())
}

/// The options of a request. AWS: what is given in several parts is one list, and servers may stand in one value.
fn options(req: Vec<Configuration>) -> Result<Vec<(String, Vec<String>)>, Ec2Error> {
    let mut all: Vec<(String, Vec<String>)> = Vec::new();
    for configuration in req {
        let key = super::needed(configuration.key.as_ref(), "key")?;
        if !KNOWN.contains(&key) {
            return Err(Ec2Error::value(key, "name", "Unknown DHCP option"));
        }
        let mut values = configuration.values;
        if key.ends_with("-servers") {
            values =
                values.iter().flat_map(|value| value.split(',')).map(|one| one.trim().to_owned()).collect();
        }
        match all.iter_mut().find(|(other, _)| other == key) {
            Some((_, there)) => there.append(&mut values),
            None => all.push((key.to_owned(), values)),
        }
    }
    if all.is_empty() {
        return Err(Plain::MissingParameter("dhcpConfiguration".into()).into());
    }
    all.iter().try_for_each(|(key, values)| check(key, values))?;
    Ok(all)
}

fn create(cx: &mut Cx<'_>, req: Create) -> Result<Made, Ec2Error> {
    let tags = tags::of_new(cx.caller, &req.tags, &KIND, &[&KIND])?;
    let set = DhcpOptions { id: KIND.id(cx.rng()), options: options(req.options)? };
    DHCP_OPTIONS.put(cx.tx, &register::key(cx.account, cx.region, &set.id), &set);
    register::enter(cx, &KIND, &set.id, &tags, &[]);
    Ok(Made { options: view(cx, &set)? })
}

fn delete(cx: &mut Cx<'_>, req: OneSet) -> Result<Empty, Ec2Error> {
    let set = get(cx, &DHCP_OPTIONS, &KIND, &req.id)?;
    if all(cx, &VPCS)?.iter().any(|vpc| vpc.dhcp_options == set.id) {
        let what = format!("The dhcpOptions '{}' has dependencies and cannot be deleted.", set.id);
        return Err(Plain::DependencyViolation(what).into());
    }
    DHCP_OPTIONS.delete(cx.tx, &register::key(cx.account, cx.region, &set.id));
    register::strike(cx.tx, cx.account, cx.region, &set.id);
    Ok(Empty)
}

static FILTERS: &Known<View> = &[
    ("dhcp-options-id", |o| one(&o.id)),
    ("key", |o| o.options.iter().map(|c| c.key.clone()).collect()),
    ("owner-id", |o| one(&o.owner)),
    ("value", |o| o.options.iter().flat_map(|c| &c.values).map(|v| v.value.clone()).collect()),
];

fn describe(cx: &mut Cx<'_>, req: Describe) -> Result<Sets, Ec2Error> {
    ids_or_pages(&req.ids, "dhcpOptionsIds", req.max)?;
    let found = describe::some_of_any(cx, &DHCP_OPTIONS, &KIND, &req.ids)?;
    let items = found.iter().map(|set| view(cx, set)).collect::<Result<Vec<_>, _>>()?;
    let ask = Ask::new(&req.filters, req.max, req.next.as_ref());
    let (sets, next) = describe::page(cx, items, ask, FILTERS)?;
    Ok(Sets { next, sets })
}

/// `default` for none.
fn associate(cx: &mut Cx<'_>, req: Associate) -> Result<Empty, Ec2Error> {
    let mut vpc = find::vpc(cx, &req.vpc)?;
    vpc.dhcp_options = match req.id.as_str() {
        "default" => String::new(),
        id => get(cx, &DHCP_OPTIONS, &KIND, id)?.id,
    };
    VPCS.put(cx.tx, &register::key(cx.account, cx.region, &vpc.id), &vpc);
    Ok(Empty)
}
