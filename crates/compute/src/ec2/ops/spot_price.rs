//! DescribeSpotPriceHistory.

use super::run::check_kind;
use crate::ec2::kinds::{InstanceType, TYPES};
use crate::ec2::spot::price;
use crate::ec2::spot::terms::{pool, product};
use base::Timestamp;
use ec2::access::list;
use ec2::describe::{self, Ask};
use ec2::filter::{self, Filter, Known};
use ec2::{Ec2Error, Plain};
use kernel::Cx;
use std::time::Duration;

kernel::ops! {
    /// Prices of spot machines.
    pub static OPS:
        DescribeSpotPriceHistory: history, "ec2:DescribeSpotPriceHistory", list;
}

/// AWS: 90 days are told, and a thousand prices at once.
const TOLD: Duration = Duration::from_secs(90 * 24 * 3600);
const PAGE: i64 = 1000;

wire::shape! {
    #[derive(Debug)]
    struct History {
        zone: Option<String> = "AvailabilityZone",
        zone_id: Option<String> = "AvailabilityZoneId",
        from: Option<Timestamp> = "StartTime",
        to: Option<Timestamp> = "EndTime",
        kinds: Vec<String> = "InstanceTypes",
        products: Vec<String> = "ProductDescriptions",
        filters: Vec<Filter> = "Filters",
        max: Option<i64> = "MaxResults",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct Told {
        prices: Vec<View> = "SpotPriceHistory",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct View {
        zone: String = "AvailabilityZone",
        zone_id: Option<String> = "AvailabilityZoneId",
        kind: String = "InstanceType",
        product: String = "ProductDescription",
        price: String = "SpotPrice",
        at: Timestamp = "Timestamp",
    }
}

static FILTERS: &Known<View> = &[
    ("availability-zone", |v| vec![v.zone.clone()]),
    ("availability-zone-id", |v| v.zone_id.iter().cloned().collect()),
    ("instance-type", |v| vec![v.kind.clone()]),
    ("product-description", |v| vec![v.product.clone()]),
    ("spot-price", |v| vec![v.price.clone()]),
    ("timestamp", |v| vec![v.at.iso8601()]),
];

/// The zones that are asked about.
fn zones(cx: &Cx<'_>, req: &History) -> Result<Vec<String>, Ec2Error> {
    let all: Vec<String> = cx.region.zones().collect();
    let id = |zone: &String| cx.region.zone_id(zone);
    match (&req.zone, &req.zone_id) {
        (Some(_), Some(_)) => {
            let what = "Specify either AvailabilityZone or AvailabilityZoneId, not both.";
            Err(Plain::InvalidParameterCombination(what.into()).into())
        }
        (None, None) => Ok(all),
        (Some(zone), None) if all.contains(zone) => Ok(vec![zone.clone()]),
        (Some(zone), None) => {
            Err(Plain::InvalidParameterValue(format!("Invalid availability zone: [{zone}]")).into())
        }
        (None, Some(wanted)) => {
            let found: Vec<String> =
                all.into_iter().filter(|zone| id(zone).as_ref() == Some(wanted)).collect();
            let unknown =
                || Plain::InvalidParameterValue(format!("Invalid availability zone ID: [{wanted}]"));
            if found.is_empty() { Err(unknown().into()) } else { Ok(found) }
        }
    }
}

/// The newest first. What holds at the beginning of the time is told with when it began to.
fn history(cx: &mut Cx<'_>, req: History) -> Result<Told, Ec2Error> {
    filter::check(&req.filters, FILTERS)?;
    let oldest = cx.now.minus(TOLD);
    let to = req.to.unwrap_or(cx.now).min(cx.now);
    let from = req.from.unwrap_or(oldest).max(oldest).min(to);
    let kinds: Vec<&InstanceType> = match req.kinds.as_slice() {
        [] => TYPES.iter().collect(),
        names => names.iter().map(|name| check_kind(name)).collect::<Result<_, _>>()?,
    };
    let zones = zones(cx, &req)?;
    let mut prices = Vec::new();
    if req.products.is_empty() || req.products.contains(&product()) {
        for kind in kinds {
            for zone in &zones {
                let view = |(at, price): (Timestamp, i64)| View {
                    zone: zone.clone(),
                    zone_id: cx.region.zone_id(zone),
                    kind: kind.name.into(),
                    product: product(),
                    price: price::text(price),
                    at,
                };
                prices.extend(pool(cx, kind, zone).changes(from, to).into_iter().map(view));
            }
        }
    }
    prices.retain(|price| filter::passes(price, &[], &req.filters, FILTERS));
    let max = req.max.filter(|max| (1..=PAGE).contains(max)).unwrap_or(PAGE);
    let newest_first =
        |view: &View| format!("{:020} {} {}", i64::MAX - view.at.seconds(), view.kind, view.zone);
    let ask = Ask::new(&req.filters, Some(max), req.next.as_ref());
    let (prices, next) = describe::cut(cx, prices, ask, newest_first)?;
    Ok(Told { prices, next })
}
