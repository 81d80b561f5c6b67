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
    UpdateCustomKeyStore: update, "kms:UpdateCustomKeyStore", kernel::access::any;
    DeleteCustomKeyStore: one, "kms:DeleteCustomKeyStore", kernel::access::any;
    ConnectCustomKeyStore: one, "kms:ConnectCustomKeyStore", kernel::access::any;
    DisconnectCustomKeyStore: one, "kms:DisconnectCustomKeyStore", kernel::access::any;
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

/// Declares requests of which nothing is looked at: the refusal answers for every member.
macro_rules! refused {
    ($($name:ident { $($member:literal)+ })+) => { $(
        #[derive(Debug)]
        pub(crate) struct $name;

        impl FromValue for $name {
            const MEMBERS: Option<&'static [Member]> =
                Some(&[ $( Member { name: $member, inner: || None } ),+ ]);

            fn from_value(_: Value) -> Result<$name, Mismatch> {
                Ok($name)
            }
        }
    )+ };
}

refused! {
    Create {
        "CustomKeyStoreName" "CloudHsmClusterId" "TrustAnchorCertificate" "KeyStorePassword" "CustomKeyStoreType"
        "XksProxyUriEndpoint" "XksProxyUriPath" "XksProxyVpcEndpointServiceName" "XksProxyVpcEndpointServiceOwner"
        "XksProxyAuthenticationCredential" "XksProxyConnectivity"
    }
    Update {
        "CustomKeyStoreId" "NewCustomKeyStoreName" "KeyStorePassword" "CloudHsmClusterId" "XksProxyUriEndpoint"
        "XksProxyUriPath" "XksProxyVpcEndpointServiceName" "XksProxyVpcEndpointServiceOwner"
        "XksProxyAuthenticationCredential" "XksProxyConnectivity"
    }
    OneStore { "CustomKeyStoreId" }
}

fn create(_: &mut Cx<'_>, _: Create) -> Result<Empty, KmsError> {
    Err(KmsError::Unsupported("Custom key stores are not supported by this cloud.".into()))
}

fn update(_: &mut Cx<'_>, _: Update) -> Result<Empty, KmsError> {
    Err(KmsError::CustomKeyStoreNotFound)
}

fn one(_: &mut Cx<'_>, _: OneStore) -> Result<Empty, KmsError> {
    Err(KmsError::CustomKeyStoreNotFound)
}
