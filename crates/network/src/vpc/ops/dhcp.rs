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
    "netbios-node-type",
    "ipv6-address-preferred-lease-time",
];
const SERVERS_MAX: usize = 4;

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

fn check(key: &str, values: &[String]) -> Result<(), Ec2Error> {
    if !KNOWN.contains(&key) {
        return Err(Ec2Error::value(key, "name", "Unknown DHCP option"));
    }
    if values.is_empty() {
        return Err(Plain::MissingParameter("value".into()).into());
    }
    if key.ends_with("-servers") && values.len() > SERVERS_MAX {
        let why = format!("At most {SERVERS_MAX} servers can be specified.");
        return Err(Ec2Error::value(values.join(","), "value", &why));
    }
    for value in values {
        let is_address = value.parse::<std::net::IpAddr>().is_ok();
        let good = match key {
            "domain-name-servers" => is_address || value == "AmazonProvidedDNS",
            "ntp-servers" => is_address,
            "netbios-name-servers" => value.parse::<std::net::Ipv4Addr>().is_ok(),
            "netbios-node-type" => matches!(value.as_str(), "1" | "2" | "4" | "8"),
            "ipv6-address-preferred-lease-time" => {
                value.parse::<u32>().is_ok_and(|seconds| (140..=2_147_483_647).contains(&seconds))
            }
            _ => !value.is_empty(),
        };
        if !good {
            return Err(Ec2Error::value(value, "value", &format!("It is no value of {key}.")));
        }
    }
    Ok(())
}

fn create(cx: &mut Cx<'_>, req: Create) -> Result<Made, Ec2Error> {
    let tags = tags::of_new(cx.caller, &req.tags, &KIND, &[&KIND])?;
    let mut options: Vec<(String, Vec<String>)> = Vec::new();
    for configuration in req.options {
        let key = super::needed(configuration.key.as_ref(), "key")?;
        check(key, &configuration.values)?;
        if options.iter().any(|(other, _)| other == key) {
            return Err(Ec2Error::value(key, "name", "It is given twice."));
        }
        options.push((key.to_owned(), configuration.values));
    }
    if options.is_empty() {
        return Err(Plain::MissingParameter("dhcpConfiguration".into()).into());
    }
    let set = DhcpOptions { id: KIND.id(cx.rng()), options };
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
    let found = describe::some(cx, &DHCP_OPTIONS, &KIND, &req.ids)?;
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
