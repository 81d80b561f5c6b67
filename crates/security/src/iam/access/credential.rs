//! What the operations on credentials touch: mostly the user who has them.

use super::super::model::{
    ACCESS_KEYS, MFA_DEVICES, SERVER_CERTIFICATES, SERVICE_CREDENTIALS, User, mfa_key, of_user,
};
use super::super::{model, subject};
use super::{holder, listing, new};
use auth::policy::{Policy, PolicyForm, PolicyKind, PolicySource, Principal, ResourceMode};
use kernel::{Cx, Failure, access::Target};
use std::sync::Arc;
use store::Key;
use wire::{Fault, Struct};

/// The owner of the access key; a key that nobody of the account has is asked for as it is.
///
/// # Errors
/// When the store cannot be read; so all of them.
pub fn key_owner(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let id = request.str("AccessKeyId").unwrap_or_default();
    let key = ACCESS_KEYS.get(cx.tx, &Key::global().str(id)).map_err(Failure::from)?;
    let owner = key.filter(|key| key.account == cx.account).and_then(|key| key.user);
    Ok(vec![match owner {
        Some(user) => holder::<User>(cx, &user)?.0,
        None => Target::on(format!("access key {id}")),
    }])
}

/// A user's own password: allowed to every user where the account's password policy says so, unless a policy denies.
pub fn own_password(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let targets = subject::access(cx, request)?;
    let Principal::User { arn, .. } = &cx.caller.principal else { return Ok(targets) };
    let account = model::Account::of(cx.tx, cx.account).map_err(Failure::from)?;
    if !account.password_policy.is_some_and(|policy| policy.users_may_change) {
        return Ok(targets);
    }
    let text = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{arn}"}},"Action":"iam:ChangePassword","Resource":"*"}}]}}"#
    );
    let Ok(policy) = Policy::parse(&text, PolicyKind::Resource("iam")) else { return Ok(targets) };
    let source = PolicySource {
        id: "account password policy".into(),
        attached_to: cx.account.to_string(),
        form: PolicyForm::Managed,
    };
    let guarded = (source, Arc::new(policy));
    Ok(targets.into_iter().map(|target| target.guarded(guarded.clone(), ResourceMode::Optional)).collect())
}

/// An MFA device by its serial number, which is its ARN.
pub fn mfa(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let serial = request.str("SerialNumber").unwrap_or_default();
    let found = MFA_DEVICES.get(cx.tx, &mfa_key(cx.account, serial)).map_err(Failure::from)?;
    let target = if serial.starts_with("arn:") {
        Target::on(serial)
    } else {
        Target::on(model::arn(cx.account, "mfa", "/", serial))
    };
    Ok(vec![match found {
        Some(device) => target.tagged(device.tags),
        None => target,
    }])
}

pub fn new_mfa(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    new(cx, request, "mfa", "VirtualMFADeviceName")
}

pub fn all_mfa(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    listing(cx, request, "mfa")
}

pub fn certificate(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let name = request.str("ServerCertificateName").unwrap_or_default();
    let found = SERVER_CERTIFICATES.get(cx.tx, &model::named(cx.account, name)).map_err(Failure::from)?;
    Ok(vec![match found {
        Some(certificate) => Target::on(certificate.arn(cx.account)).tagged(certificate.tags),
        None => Target::on(model::arn(cx.account, "server-certificate", "/", name)),
    }])
}

pub fn new_certificate(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    new(cx, request, "server-certificate", "ServerCertificateName")
}

pub fn all_certificates(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    listing(cx, request, "server-certificate")
}

/// A rename needs the permission on the certificate as it is and as it will be.
pub fn update_certificate(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let mut targets = certificate(cx, request)?;
    let name = request.str("ServerCertificateName").unwrap_or_default();
    let found = SERVER_CERTIFICATES.get(cx.tx, &model::named(cx.account, name)).map_err(Failure::from)?;
    let path = request.str("NewPath").or(found.as_ref().map(|c| c.path.as_str())).unwrap_or("/");
    let new_name = request.str("NewServerCertificateName").unwrap_or(name);
    let mut renamed = targets[0].clone();
    renamed.arn = model::arn(cx.account, "server-certificate", path, new_name);
    if renamed.arn != targets[0].arn {
        targets.push(renamed);
    }
    Ok(targets)
}

const SERVICE_NAME: &str = "iam:ServiceSpecificCredentialServiceName";

pub fn new_service_credential(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let days = request.get("CredentialAgeDays").and_then(wire::Value::as_int);
    let service = request.str("ServiceName").unwrap_or_default();
    let keyed = |target: Target| match days {
        Some(days) => {
            target.key(SERVICE_NAME, service).key("iam:ServiceSpecificCredentialAgeDays", days.to_string())
        }
        None => target.key(SERVICE_NAME, service),
    };
    Ok(subject::access(cx, request)?.into_iter().map(keyed).collect())
}

/// Those of one user, or of all.
pub fn service_credentials(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    if request.get("AllUsers").and_then(wire::Value::as_bool) == Some(true) {
        return listing(cx, request, "user");
    }
    subject::access(cx, request)
}

/// One that is there tells its service.
pub fn service_credential(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let targets = subject::access(cx, request)?;
    let id = request.str("ServiceSpecificCredentialId").unwrap_or_default();
    let subject = subject::Subject::of(cx, request.str("UserName"));
    let Ok(subject::Subject::User(user)) = subject else { return Ok(targets) };
    let key = of_user(cx.account, &user.id).str(id);
    let found = SERVICE_CREDENTIALS.get(cx.tx, &key).map_err(Failure::from)?;
    Ok(match found {
        Some(found) => targets.into_iter().map(|target| target.key(SERVICE_NAME, &found.service)).collect(),
        None => targets,
    })
}
