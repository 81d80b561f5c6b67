//! Custom key stores (CloudHSM clusters and external key managers), of which this cloud has none.
//!
//! Listing them is real: there are none. Making one is refused, and every operation on one answers that it is not
//! there.

use crate::kms::KmsError;
use crate::kms::page;
use kernel::{Cx, Empty};
use wire::{FromValue, Member, Mismatch, Value};

kernel::ops! { pub(crate) static OPS:
    DescribeCustomKeyStores: describe, "kms:DescribeCustomKeyStores", kernel::access::any;
    CreateCustomKeyStore: create, "kms:CreateCustomKeyStore", kernel::access::any;
    UpdateCustomKeyStore: not_there, "kms:UpdateCustomKeyStore", kernel::access::any;
    DeleteCustomKeyStore: not_there, "kms:DeleteCustomKeyStore", kernel::access::any;
    ConnectCustomKeyStore: not_there, "kms:ConnectCustomKeyStore", kernel::access::any;
    DisconnectCustomKeyStore: not_there, "kms:DisconnectCustomKeyStore", kernel::access::any;
}

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct Describe {
        id: Option<String> = "CustomKeyStoreId",
        name: Option<String> = "CustomKeyStoreName",
        limit: Option<u32> = "Limit",
        marker: Option<String> = "Marker",
    }

    #[derive(Debug)]
    pub(crate) struct Stores {
        stores: Vec<Value> = "CustomKeyStores",
        truncated: bool = "Truncated",
    }

}

fn describe(cx: &mut Cx<'_>, request: Describe) -> Result<Stores, KmsError> {
    if request.id.is_some() || request.name.is_some() {
        return Err(KmsError::CustomKeyStoreNotFound);
    }
    // Checks the marker; there is nothing to be on a page.
    page::read(cx, "kms:DescribeCustomKeyStores", request.limit, request.marker.as_deref(), page::DEFAULT)?;
    Ok(Stores { stores: Vec::new(), truncated: false })
}

/// Whatever is asked of a store that cannot be: the refusal answers for every member.
#[derive(Debug)]
pub(crate) struct Refused;

const fn refused(name: &'static str) -> Member {
    Member { name, inner: || None }
}

impl FromValue for Refused {
    const MEMBERS: Option<&'static [Member]> = Some(&[
        refused("CustomKeyStoreId"),
        refused("CustomKeyStoreName"),
        refused("NewCustomKeyStoreName"),
        refused("CloudHsmClusterId"),
        refused("TrustAnchorCertificate"),
        refused("KeyStorePassword"),
        refused("CustomKeyStoreType"),
        refused("XksProxyUriEndpoint"),
        refused("XksProxyUriPath"),
        refused("XksProxyVpcEndpointServiceName"),
        refused("XksProxyVpcEndpointServiceOwner"),
        refused("XksProxyAuthenticationCredential"),
        refused("XksProxyConnectivity"),
    ]);

    fn from_value(_: Value) -> Result<Refused, Mismatch> {
        Ok(Refused)
    }
}

fn create(_: &mut Cx<'_>, _: Refused) -> Result<Empty, KmsError> {
    Err(KmsError::Unsupported("Custom key stores are not supported by this cloud.".into()))
}

fn not_there(_: &mut Cx<'_>, _: Refused) -> Result<Empty, KmsError> {
    Err(KmsError::CustomKeyStoreNotFound)
}
