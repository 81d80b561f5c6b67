//! Trusted access to an organization, for stack sets that its management account spreads over its accounts.

use super::stack_set::as_self;
use crate::cloudformation::access;
use crate::cloudformation::errors::CfnError;
use crate::cloudformation::sets::organization::{MEMBER, admit_administrator, has_access, must_manage};
use kernel::{As, Cx, Empty, Nothing};
use wire::{Fault, Value};

kernel::ops! { pub(crate) static OPS:
    ActivateOrganizationsAccess: activate, "cloudformation:ActivateOrganizationsAccess", access::any;
    DeactivateOrganizationsAccess: deactivate, "cloudformation:DeactivateOrganizationsAccess", access::any;
    DescribeOrganizationsAccess: describe, "cloudformation:DescribeOrganizationsAccess", access::any;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct Described { status: String = "Status" }

    #[derive(Clone, Debug)]
    pub(crate) struct Describe { call_as: Option<String> = "CallAs" }
}

/// The model knows no other error of these operations.
fn refused(fault: Fault) -> CfnError {
    CfnError::Operation(fault.message)
}

fn switch(cx: &mut Cx<'_>, operation: &str) -> Result<(), CfnError> {
    let asked = [("ServicePrincipal", Value::str(MEMBER))].into_iter().collect();
    cx.call("organizations", operation, Value::Struct(asked), As::Caller).map(drop).map_err(refused)
}

fn activate(cx: &mut Cx<'_>, _: Nothing) -> Result<Empty, CfnError> {
    switch(cx, "EnableAWSServiceAccess")?;
    admit_administrator(cx).map_err(refused)?;
    Ok(Empty)
}

fn deactivate(cx: &mut Cx<'_>, _: Nothing) -> Result<Empty, CfnError> {
    switch(cx, "DisableAWSServiceAccess")?;
    Ok(Empty)
}

fn describe(cx: &mut Cx<'_>, req: Describe) -> Result<Described, CfnError> {
    as_self(req.call_as.as_deref())?;
    let enabled = must_manage(cx).is_ok() && has_access(cx).map_err(refused)?;
    Ok(Described { status: if enabled { "ENABLED" } else { "DISABLED" }.to_owned() })
}
