//! Centralized root access for the member accounts of an organization. `sts:AssumeRoot` goes by it.
//!
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_root-enable-root-access.html>

use crate::iam::IamError;
use crate::iam::model::{ROOT_ACCESS, RootAccess, root_access_key};
use crate::organizations::model::Organization;
use crate::organizations::trust::{self, Standing};
use kernel::access::any;
use kernel::{Cx, Nothing};

kernel::ops! {
    pub static OPS:
    EnableOrganizationsRootCredentialsManagement: enable_credentials, "iam:EnableOrganizationsRootCredentialsManagement", any;
    EnableOrganizationsRootSessions: enable_sessions, "iam:EnableOrganizationsRootSessions", any;
    DisableOrganizationsRootCredentialsManagement: disable_credentials, "iam:DisableOrganizationsRootCredentialsManagement", any;
    DisableOrganizationsRootSessions: disable_sessions, "iam:DisableOrganizationsRootSessions", any;
    ListOrganizationsFeatures: list, "iam:ListOrganizationsFeatures", any;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub struct Features {
        pub organization: String = "OrganizationId",
        pub enabled: Vec<String> = "EnabledFeatures",
    }
}

/// The organization for whose root users the caller's account may speak.
///
/// # Errors
/// `OrganizationNotFoundException`, `AccountNotManagementOrDelegatedAdministratorException`,
/// `OrganizationNotInAllFeaturesModeException`, `ServiceAccessNotEnabledException`.
pub(crate) fn led(cx: &Cx<'_>) -> Result<(Organization, Standing), IamError> {
    let (organization, standing) = trust::standing(cx, trust::IAM)?.ok_or(IamError::NoOrganization)?;
    if standing == Standing::Member {
        return Err(IamError::NotManagementOrAdministrator);
    }
    if !organization.all_features {
        return Err(IamError::NotAllFeatures);
    }
    if !trust::is_trusted(cx.tx, &organization, trust::IAM)? {
        return Err(IamError::ServiceAccessNotEnabled);
    }
    Ok((organization, standing))
}

/// # Errors
/// The store's own.
pub(crate) fn of(cx: &Cx<'_>, organization: &Organization) -> Result<RootAccess, store::StoreError> {
    Ok(ROOT_ACCESS.get(cx.tx, &root_access_key(&organization.id))?.unwrap_or_default())
}

fn shown(organization: Organization, access: &RootAccess) -> Features {
    let features = [("RootCredentialsManagement", access.credentials), ("RootSessions", access.sessions)];
    let enabled = features.into_iter().filter(|(_, on)| *on).map(|(name, _)| name.to_owned());
    Features { organization: organization.id, enabled: enabled.collect() }
}

/// Switches features on or off. A delegated administrator may use them, and not switch them on.
fn change(cx: &mut Cx<'_>, on: bool, set: impl Fn(&mut RootAccess, bool)) -> Result<Features, IamError> {
    let (organization, standing) = led(cx)?;
    if on && standing != Standing::Management {
        return Err(IamError::NotManagement);
    }
    let mut access = of(cx, &organization)?;
    set(&mut access, on);
    ROOT_ACCESS.put(cx.tx, &root_access_key(&organization.id), &access);
    Ok(shown(organization, &access))
}

fn enable_credentials(cx: &mut Cx<'_>, _: Nothing) -> Result<Features, IamError> {
    change(cx, true, |access, on| access.credentials = on)
}

fn enable_sessions(cx: &mut Cx<'_>, _: Nothing) -> Result<Features, IamError> {
    change(cx, true, |access, on| access.sessions = on)
}

fn disable_credentials(cx: &mut Cx<'_>, _: Nothing) -> Result<Features, IamError> {
    change(cx, false, |access, on| access.credentials = on)
}

fn disable_sessions(cx: &mut Cx<'_>, _: Nothing) -> Result<Features, IamError> {
    change(cx, false, |access, on| access.sessions = on)
}

fn list(cx: &mut Cx<'_>, _: Nothing) -> Result<Features, IamError> {
    let (organization, _) = led(cx)?;
    let access = of(cx, &organization)?;
    Ok(shown(organization, &access))
}
