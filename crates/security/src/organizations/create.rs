//! Making an account: the record, the role by which the management account enters, and the outcome.
//!
//! ```text
//! IN_PROGRESS --join, role, finish--> SUCCEEDED
//!      \-- any step fails, undone --> FAILED
//! ```

use super::model::{
    ACCOUNTS_MAX, CREATIONS, Creation, MEMBERS_OF, Member, ORGANIZATIONS, Organization, all, within,
};
use super::tree;
use base::Region;
use kernel::saga::{Run, Saga, Step};
use kernel::{Call, Cloud};
use std::sync::Arc;
use store::{Direction, Key, Tx};
use wire::{Struct, Value};

/// As whom Organizations works in the new account.
const PRINCIPAL: &str = "organizations.amazonaws.com";
const ADMINISTRATOR: &str = "arn:aws:iam::aws:policy/AdministratorAccess";
/// Failures that AWS has names for; everything else is `INTERNAL_FAILURE`.
const FAILURES: [&str; 2] = ["EMAIL_ALREADY_EXISTS", "ACCOUNT_LIMIT_EXCEEDED"];

/// Input: the organization's id and the request's.
pub static CREATE_ACCOUNT: Saga = Saga {
    name: "organizations/create-account",
    steps: &[
        Step { name: "request", act: nothing, undo: fail },
        Step { name: "join", act: join, undo: unjoin },
        Step { name: "role", act: role, undo: nothing },
        Step { name: "finish", act: finish, undo: nothing },
    ],
};

fn nothing(_: &Arc<Cloud>, _: &mut Tx, _: &Run) -> Result<(), String> {
    Ok(())
}

fn found(tx: &Tx, run: &Run) -> Result<(Organization, Creation, Key), String> {
    let [organization, request] = run.input.as_slice() else {
        return Err("the run's input is damaged".into());
    };
    let key = within(organization, request);
    let missing = || "the organization or the request is gone".to_owned();
    let creation = CREATIONS.get(tx, &key).map_err(|e| e.to_string())?.ok_or_else(missing)?;
    let organization = ORGANIZATIONS.get(tx, &Key::global().str(organization)).map_err(|e| e.to_string())?;
    Ok((organization.ok_or_else(missing)?, creation, key))
}

fn join(cloud: &Arc<Cloud>, tx: &mut Tx, run: &Run) -> Result<(), String> {
    let (organization, creation, _) = found(tx, run)?;
    let others = tree::members(tx, &all(&organization.id)).map_err(|e| e.to_string())?;
    if others.iter().any(|member| member.email.eq_ignore_ascii_case(&creation.email)) {
        return Err("EMAIL_ALREADY_EXISTS".into());
    }
    if MEMBERS_OF.scan(tx, &all(&organization.id), Direction::Forward).count() >= ACCOUNTS_MAX {
        return Err("ACCOUNT_LIMIT_EXCEEDED".into());
    }
    let member = Member {
        account: creation.account,
        organization: organization.id.clone(),
        email: creation.email,
        name: creation.name,
        joined: cloud.clock().now(),
        created_here: true,
        parent: organization.root.clone(),
        closed: None,
        tags: creation.tags,
    };
    tree::join(tx, &organization, &member);
    Ok(())
}

fn unjoin(_: &Arc<Cloud>, tx: &mut Tx, run: &Run) -> Result<(), String> {
    let (organization, creation, _) = found(tx, run)?;
    if let Some(member) = tree::member(tx, &organization, creation.account).map_err(|e| e.to_string())? {
        tree::leave(tx, &member);
    }
    Ok(())
}

/// The role that the management account may assume, with every permission.
fn role(cloud: &Arc<Cloud>, tx: &mut Tx, run: &Run) -> Result<(), String> {
    let (organization, creation, _) = found(tx, run)?;
    let management = organization.management;
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{management}:root"}},"Action":"sts:AssumeRole"}}]}}"#
    );
    let mut call = |operation: &str, members: [(&'static str, &str); 2]| {
        let value = members.into_iter().map(|(name, text)| (name, Value::str(text))).collect::<Struct>();
        let call = Call { service: "iam", operation, value: Value::Struct(value) };
        cloud
            .call(tx, PRINCIPAL, creation.account, Region::US_EAST_1, call)
            .map_err(|fault| fault.to_string())
    };
    call("CreateRole", [("RoleName", &creation.role), ("AssumeRolePolicyDocument", &trust)])?;
    call("AttachRolePolicy", [("RoleName", &creation.role), ("PolicyArn", ADMINISTRATOR)])?;
    Ok(())
}

fn finish(cloud: &Arc<Cloud>, tx: &mut Tx, run: &Run) -> Result<(), String> {
    let (_, mut creation, key) = found(tx, run)?;
    creation.completed = Some(cloud.clock().now());
    CREATIONS.put(tx, &key, &creation);
    Ok(())
}

fn fail(cloud: &Arc<Cloud>, tx: &mut Tx, run: &Run) -> Result<(), String> {
    let (_, mut creation, key) = found(tx, run)?;
    let failure = run.failure.as_deref().filter(|failure| FAILURES.contains(failure));
    creation.failure = Some(failure.unwrap_or("INTERNAL_FAILURE").to_owned());
    creation.completed = Some(cloud.clock().now());
    CREATIONS.put(tx, &key, &creation);
    Ok(())
}
