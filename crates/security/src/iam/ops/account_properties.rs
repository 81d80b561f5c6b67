//! Properties of an account: so far there is one, whether role manager is enabled.
//!
//! Role manager gives roles to those who make resources in AWS's console. This cloud has no console, so what the property
//! does here is what the API shows of it: it is kept, and enabling it makes the service-linked role. `AcquireRole`, which
//! the console calls then, is not built: AWS publishes the names of its role templates, and not what is in them.
//!
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_role-manager.html>

use super::service_linked;
use crate::iam::model::{self, Account, ROLES};
use crate::iam::{IamError, access};
use kernel::{Cx, Empty, Nothing, Target};
use wire::shape::Pairs;
use wire::{Fault, Struct, Value};

kernel::ops! {
    pub static OPS:
    GetAccountProperties: get, "iam:GetAccountProperties", get_access;
    PutAccountProperties: put, "iam:PutAccountProperties", put_access;
}

const NAMESPACE: &str = "RoleManager";
const ENABLED: &str = "RoleManager/Enabled";
const SERVICE: &str = "role-manager.iam.amazonaws.com";
const NAMESPACES_KEY: &str = "iam:AccountPropertyNamespaces";

wire::shape! {
    #[derive(Clone, Debug)]
    pub struct Properties { pub properties: Pairs<String> = "Properties" }
}

fn get_access(_: &mut Cx<'_>, _: &Struct) -> Result<Vec<Target>, Fault> {
    Ok(vec![Target::any().key(NAMESPACES_KEY, NAMESPACE)])
}

/// Who enables role manager needs the permission to make its role, whether it is there already or not.
fn put_access(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let asked = match request.get("Properties") {
        Some(Value::Map(pairs)) => pairs.as_slice(),
        _ => &[],
    };
    let mut namespaces: Vec<String> = asked.iter().map(|(key, _)| namespace(key).to_owned()).collect();
    namespaces.sort_unstable();
    namespaces.dedup();
    let mut targets = vec![Target::any().keys(NAMESPACES_KEY, namespaces)];
    if asked.iter().any(|(key, value)| key == ENABLED && value.as_str() == Some("true")) {
        let making = access::role::linked(cx, SERVICE, None);
        targets.push(making.doing("iam:CreateServiceLinkedRole"));
    }
    Ok(targets)
}

fn namespace(key: &str) -> &str {
    key.split_once('/').map_or(key, |(namespace, _)| namespace)
}

fn get(cx: &mut Cx<'_>, _: Nothing) -> Result<Properties, IamError> {
    let enabled = Account::of(cx.tx, cx.account)?.role_manager;
    Ok(Properties { properties: Pairs(vec![(ENABLED.to_owned(), enabled.to_string())]) })
}

fn put(cx: &mut Cx<'_>, req: Properties) -> Result<Empty, IamError> {
    let enabled = checked(&req.properties.0)?;
    if enabled {
        let name = service_linked::named(SERVICE)?;
        let found = ROLES.get(cx.tx, &model::named(cx.account, &name))?;
        if found.is_none_or(|role| role.linked_service.as_deref() != Some(SERVICE)) {
            service_linked::make(cx, SERVICE)?;
        }
    }
    let mut account = Account::of(cx.tx, cx.account)?;
    account.role_manager = enabled;
    account.save(cx.tx, cx.account);
    Ok(Empty)
}

/// The one value that can be set. AWS passes over properties of the namespace that it does not know; here they are refused.
fn checked(properties: &[(String, String)]) -> Result<bool, IamError> {
    let invalid = |what: String| Err(IamError::InvalidInput(what));
    if let Some((key, _)) = properties.iter().find(|(key, _)| !is_well_formed(key)) {
        return invalid(format!("Property key must be in format Namespace/PropertyName: {key}"));
    }
    let first = properties.first().map_or("", |(key, _)| namespace(key));
    if properties.iter().any(|(key, _)| namespace(key) != first) {
        return invalid("All properties must belong to the same namespace".into());
    }
    if first != NAMESPACE {
        return invalid(format!("Unsupported namespace: {first}"));
    }
    if let Some((key, _)) = properties.iter().find(|(key, _)| key != ENABLED) {
        return invalid(match properties.iter().any(|(key, _)| key == ENABLED) {
            true => format!("Unsupported property: {key}"),
            false => "RoleManager namespace requires Enabled property".into(),
        });
    }
    match properties.iter().rev().find(|(key, _)| key == ENABLED).map(|(_, value)| value.as_str()) {
        Some("true") => Ok(true),
        Some("false") => Ok(false),
        _ => invalid("Enabled must be 'true' or 'false'".into()),
    }
}

/// AWS: exactly one slash, with something before and behind it.
fn is_well_formed(key: &str) -> bool {
    key.split_once('/')
        .is_some_and(|(space, name)| !space.is_empty() && !name.is_empty() && !name.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::checked;
    use crate::iam::IamError;

    #[test]
    fn what_can_be_set() {
        let malformed =
            |key: &str| Err(format!("Property key must be in format Namespace/PropertyName: {key}"));
        let said = |words: &str| Err(words.to_owned());
        for (given, expected) in [
            (&[("RoleManager/Enabled", "true")][..], Ok(true)),
            (&[("RoleManager/Enabled", "false")], Ok(false)),
            (&[("RoleManager/Enabled", "True")], said("Enabled must be 'true' or 'false'")),
            (&[("RoleManager", "true")], malformed("RoleManager")),
            (&[("RoleManager/", "true")], malformed("RoleManager/")),
            (&[("RoleManager/a/b", "true")], malformed("RoleManager/a/b")),
            (&[("Other/Enabled", "true")], said("Unsupported namespace: Other")),
            (
                &[("RoleManager/Enabled", "true"), ("Other/Enabled", "true")],
                said("All properties must belong to the same namespace"),
            ),
            (&[("RoleManager/Colour", "red")], said("RoleManager namespace requires Enabled property")),
            (
                &[("RoleManager/Enabled", "true"), ("RoleManager/Colour", "red")],
                said("Unsupported property: RoleManager/Colour"),
            ),
        ] {
            let pairs: Vec<_> = given.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            assert_eq!(checked(&pairs), expected.map_err(IamError::InvalidInput), "{given:?}");
        }
    }
}
