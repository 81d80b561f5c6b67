//! The service-linked role by which a group acts: AWS's own, which is made with the first group of an account, or one of the
//! caller's with a suffix of its own.
//!
//! AWS: <https://docs.aws.amazon.com/autoscaling/ec2/userguide/autoscaling-service-linked-role.html>

use super::{call, text};
use crate::autoscaling::SELF;
use crate::autoscaling::access::pass;
use crate::autoscaling::errors::{AutoScalingError, invalid};
use kernel::access::allowed;
use kernel::{As, Cx};
use wire::{Struct, Value};

const DEFAULT: &str = "AWSServiceRoleForAutoScaling";

fn arn(cx: &Cx<'_>, name: &str) -> String {
    format!("arn:aws:iam::{}:role/aws-service-role/{SELF}/{name}", cx.account)
}

fn is_there(cx: &mut Cx<'_>, name: &str) -> Result<Option<String>, AutoScalingError> {
    match call(cx, "iam", "GetRole", [("RoleName", Value::str(name))]) {
        Ok(found) => Ok(found.member("Role").map(|role| text(role, "Arn"))),
        Err(fault) if fault.status >= 500 => Err(AutoScalingError::Internal),
        Err(_) => Ok(None),
    }
}

/// The role of a group that names none: made with the permissions of whoever asks for the first one.
///
/// # Errors
/// `AccessDenied`.
pub(super) fn default(cx: &mut Cx<'_>) -> Result<String, AutoScalingError> {
    if is_there(cx, DEFAULT)?.is_none() {
        let asked = Value::Struct([("AWSServiceName", Value::str(SELF))].into_iter().collect());
        cx.call("iam", "CreateServiceLinkedRole", asked, As::CallerVia(SELF)).map_err(|fault| {
            AutoScalingError::AccessDenied(format!(
                "The default Service-Linked Role for Auto Scaling could not be created. {}",
                fault.message
            ))
        })?;
    }
    Ok(arn(cx, DEFAULT))
}

/// The role that a group names. AWS: whoever hands over one with a suffix needs `iam:PassRole` for it.
///
/// # Errors
/// `ValidationError` for what is no such role, `AccessDenied`.
pub(super) fn named(cx: &mut Cx<'_>, asked: &str) -> Result<String, AutoScalingError> {
    let none = || invalid("ARN specified for Service-Linked Role does not exist.");
    let name = asked.rsplit('/').next().unwrap_or_default();
    if asked != arn(cx, name) {
        return Err(none());
    }
    if name == DEFAULT {
        return default(cx);
    }
    is_there(cx, name)?.filter(|found| found == asked).ok_or_else(none)?;
    if !allowed(cx, "iam:PassRole", &pass(asked), &Struct::new())? {
        let what = format!("You are not authorized to pass the role {asked}");
        return Err(AutoScalingError::AccessDenied(what));
    }
    Ok(asked.to_owned())
}
