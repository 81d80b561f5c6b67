//! Regions, availability zones and attributes of the account.

use super::{maybe, one};
use crate::vpc::access::list;
use crate::vpc::find;
use base::Region;
use ec2::filter::{self, Filter, Known};
use ec2::{Ec2Error, Plain, zone};
use kernel::Cx;

kernel::ops! {
    pub(crate) static OPS:
        DescribeRegions: describe_regions, "ec2:DescribeRegions", ec2::access::list;
        DescribeAvailabilityZones: describe_zones, "ec2:DescribeAvailabilityZones", ec2::access::list;
        DescribeAccountAttributes: describe_attributes, "ec2:DescribeAccountAttributes", list;
}

wire::shape! {
    #[derive(Debug)]
    struct DescribeRegions {
        names: Vec<String> = "RegionNames",
        /// All regions are enabled, so that this adds nothing.
        _all: Option<bool> = "AllRegions",
        filters: Vec<Filter> = "Filters",
    }

    #[derive(Debug)]
    struct Regions { regions: Vec<RegionView> = "Regions" }

    #[derive(Debug)]
    struct RegionView {
        opt_in: String = "OptInStatus",
        name: String = "RegionName",
        endpoint: String = "Endpoint",
    }

    #[derive(Debug)]
    struct DescribeZones {
        names: Vec<String> = "ZoneNames",
        ids: Vec<String> = "ZoneIds",
        _all: Option<bool> = "AllAvailabilityZones",
        filters: Vec<Filter> = "Filters",
    }

    #[derive(Debug)]
    struct Zones { zones: Vec<ZoneView> = "AvailabilityZones" }

    #[derive(Debug)]
    struct ZoneView {
        opt_in: String = "OptInStatus",
        messages: Vec<ZoneMessage> = "Messages",
        region: String = "RegionName",
        name: String = "ZoneName",
        id: Option<String> = "ZoneId",
        group: String = "GroupName",
        border: String = "NetworkBorderGroup",
        kind: String = "ZoneType",
        group_words: String = "GroupLongName",
        state: String = "State",
    }

    #[derive(Debug)]
    struct ZoneMessage { text: String = "Message" }

    #[derive(Debug)]
    struct DescribeAttributes { names: Vec<String> = "AttributeNames" }

    #[derive(Debug)]
    struct Attributes { attributes: Vec<Attribute> = "AccountAttributes" }

    #[derive(Debug)]
    struct Attribute {
        name: String = "AttributeName",
        values: Vec<AttributeValue> = "AttributeValues",
    }

    #[derive(Debug)]
    struct AttributeValue { value: String = "AttributeValue" }
}

static REGION_FILTERS: &Known<RegionView> = &[
    ("endpoint", |r| one(&r.endpoint)),
    ("opt-in-status", |r| one(&r.opt_in)),
    ("region-name", |r| one(&r.name)),
];

fn describe_regions(_: &mut Cx<'_>, req: DescribeRegions) -> Result<Regions, Ec2Error> {
    filter::check(&req.filters, REGION_FILTERS)?;
    if let Some(unknown) = req.names.iter().find(|name| Region::parse(name).is_none()) {
        return Err(Plain::InvalidParameterValue(format!("Invalid region names: [{unknown}]")).into());
    }
    let mut regions: Vec<RegionView> = Region::all()
        .filter(|region| req.names.is_empty() || req.names.iter().any(|name| name == region.name()))
        .map(|region| RegionView {
            opt_in: "opt-in-not-required".into(),
            name: region.name().into(),
            endpoint: format!("ec2.{}.amazonaws.com", region.name()),
        })
        .collect();
    regions.retain(|region| filter::passes(region, &[], &req.filters, REGION_FILTERS));
    Ok(Regions { regions })
}

static ZONE_FILTERS: &Known<ZoneView> = &[
    ("group-long-name", |z| one(&z.group_words)),
    ("group-name", |z| one(&z.group)),
    ("message", |z| z.messages.iter().map(|message| message.text.clone()).collect()),
    ("opt-in-status", |z| one(&z.opt_in)),
    // Only Local Zones and their like have one.
    ("parent-zone-id", |_| Vec::new()),
    ("parent-zone-name", |_| Vec::new()),
    ("region-name", |z| one(&z.region)),
    ("state", |z| one(&z.state)),
    ("zone-id", |z| maybe(&z.id)),
    ("zone-name", |z| one(&z.name)),
    ("zone-type", |z| one(&z.kind)),
];

fn describe_zones(cx: &mut Cx<'_>, req: DescribeZones) -> Result<Zones, Ec2Error> {
    filter::check(&req.filters, ZONE_FILTERS)?;
    let region = cx.region;
    let down = zone::down(cx.tx)?;
    let failed = |name: &String| ZoneMessage { text: format!("The Availability Zone {name} has failed.") };
    let view = |name: String| ZoneView {
        opt_in: "opt-in-not-required".into(),
        messages: down.get(&name).map(failed).into_iter().collect(),
        state: if down.contains(&name) { "unavailable" } else { "available" }.into(),
        region: region.name().into(),
        id: region.zone_id(&name),
        name,
        group: format!("{}-zg-1", region.name()),
        border: region.name().into(),
        kind: "availability-zone".into(),
        // Here AWS writes Europe out.
        group_words: format!("{} 1", region.words().replace("EU (", "Europe (")),
    };
    let mut zones: Vec<ZoneView> = region.zones().map(view).collect();
    if let Some(unknown) = req.names.iter().find(|name| zones.iter().all(|zone| zone.name != **name)) {
        return Err(Plain::InvalidParameterValue(format!("Invalid availability zone: [{unknown}]")).into());
    }
    let has_id = |zone: &ZoneView, id: &String| zone.id.as_ref() == Some(id);
    if let Some(unknown) = req.ids.iter().find(|id| !zones.iter().any(|zone| has_id(zone, id))) {
        return Err(Plain::InvalidParameterValue(format!("Invalid availability zone-id: [{unknown}]")).into());
    }
    zones.retain(|zone| {
        (req.names.is_empty() || req.names.contains(&zone.name))
            && (req.ids.is_empty() || req.ids.iter().any(|id| has_id(zone, id)))
            && filter::passes(zone, &[], &req.filters, ZONE_FILTERS)
    });
    Ok(Zones { zones })
}

/// AWS: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeAccountAttributes.html>
fn describe_attributes(cx: &mut Cx<'_>, req: DescribeAttributes) -> Result<Attributes, Ec2Error> {
    let default = find::default_vpc(cx)?.map_or_else(|| "none".to_owned(), |vpc| vpc.id);
    let all = [
        ("supported-platforms", "VPC".to_owned()),
        ("default-vpc", default),
        ("vpc-max-security-groups-per-interface", super::interface::GROUPS_MAX.to_string()),
        ("max-elastic-ips", super::address::ADDRESSES_MAX.to_string()),
        ("vpc-max-elastic-ips", super::address::ADDRESSES_MAX.to_string()),
    ];
    let wanted =
        all.into_iter().filter(|(name, _)| req.names.is_empty() || req.names.iter().any(|n| n == name));
    let attribute = |(name, value): (&str, String)| Attribute {
        name: name.to_owned(),
        values: vec![AttributeValue { value }],
    };
    Ok(Attributes { attributes: wanted.map(attribute).collect() })
}
