//! [`Way`]: the VPC endpoint that a request came through. Its policy is one more that must allow what is asked, and it
//! leads to one service of one region only.
//!
//! AWS: <https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html>

use crate::identity::Attached;
use crate::site::host_of;
use base::{AccountId, Region};
use http::request::Parts;
use wire::Fault;
use wire::route::Route;
use wire::route::host;

/// As it is when the request comes: the next one may find another policy, or none at all.
#[derive(Clone, Debug)]
pub struct Way {
    /// `vpce-…`
    pub endpoint: String,
    /// Whose the endpoint and its VPC are.
    pub account: AccountId,
    pub vpc: String,
    /// The endpoint prefix of the service that it leads to.
    pub service: &'static str,
    pub region: Region,
    pub policy: Attached,
}

impl Way {
    /// Whether a request uses the service's name; what uses no service's is told by its route.
    pub(crate) fn leads(&self, parts: &Parts) -> Result<bool, Fault> {
        let name = host::read(host_of(parts));
        self.is_for(name.endpoint_prefix, name.region).map(|()| name.endpoint_prefix.is_some())
    }

    /// Whether a request is for the service by where it is routed.
    pub(crate) fn leads_to(&self, route: &Route<'_>) -> Result<(), Fault> {
        self.is_for(Some(route.service.endpoint_prefix), route.region)
    }

    fn is_for(&self, service: Option<&str>, region: Option<&str>) -> Result<(), Fault> {
        let here = |name: &str| name == self.region.name();
        if service.is_none_or(|name| name == self.service) && region.is_none_or(here) {
            return Ok(());
        }
        let Way { endpoint, service, region, .. } = self;
        let message = format!("The VPC endpoint {endpoint} leads to {service} in {} only.", region.name());
        Err(Fault::new(421, "MisdirectedRequest", message))
    }
}
