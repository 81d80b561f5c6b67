//! DescribeLimits and DescribeEndpoints.

use crate::dynamodb::access;
use crate::dynamodb::errors::Error;
use crate::dynamodb::throughput::TABLE_UNITS;
use kernel::Cx;
use kernel::op::Nothing;

kernel::ops! { pub(crate) static OPS:
    DescribeLimits: describe_limits, "dynamodb:DescribeLimits", access::any;
    DescribeEndpoints: describe_endpoints, "dynamodb:DescribeEndpoints", access::any;
}

/// AWS: the service's default quotas.
const ACCOUNT_UNITS: i64 = 80_000;
const CACHE_MINUTES: i64 = 1_440;

wire::shape! {
    #[derive(Clone, Copy, Debug)]
    pub(crate) struct Limits {
        account_read: i64 = "AccountMaxReadCapacityUnits",
        account_write: i64 = "AccountMaxWriteCapacityUnits",
        table_read: i64 = "TableMaxReadCapacityUnits",
        table_write: i64 = "TableMaxWriteCapacityUnits",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Endpoints { endpoints: Vec<Endpoint> = "Endpoints" }

    #[derive(Clone, Debug)]
    pub(crate) struct Endpoint {
        address: String = "Address",
        cache_minutes: i64 = "CachePeriodInMinutes",
    }
}

fn describe_limits(_: &mut Cx<'_>, _: Nothing) -> Result<Limits, Error> {
    Ok(Limits {
        account_read: ACCOUNT_UNITS,
        account_write: ACCOUNT_UNITS,
        table_read: TABLE_UNITS,
        table_write: TABLE_UNITS,
    })
}

fn describe_endpoints(cx: &mut Cx<'_>, _: Nothing) -> Result<Endpoints, Error> {
    let address = format!("dynamodb.{}.amazonaws.com", cx.region.name());
    Ok(Endpoints { endpoints: vec![Endpoint { address, cache_minutes: CACHE_MINUTES }] })
}
