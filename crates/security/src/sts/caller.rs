//! From a session token to a caller: what the token says, and what its role or user may do today.

use super::tags::overlay;
use super::token::{Holder, Token};
use crate::iam::directory::IamDirectory;
use auth::policy::{FederatingUser, PolicyForm, PolicyKind, PolicySource, Principal};
use auth::sigv4::Secret;
use base::Timestamp;
use kernel::identity::{Attached, Caller, Directory, Known, Session, SessionToken, Unknown};
use store::{StoreError, Tx};

/// Finds who holds temporary credentials.
///
/// # Errors
/// As `kernel::identity::Directory::look_up`; [`Unknown::BadToken`] also once the role or user is gone.
pub(crate) fn look_up(
    directory: &IamDirectory,
    tx: &Tx,
    access_key: &str,
    sealed: &str,
    now: Timestamp,
) -> Result<Known, Unknown> {
    let token = Token::open(directory.sealer(), sealed).map_err(|_| Unknown::BadToken)?;
    if token.access_key != access_key {
        return Err(Unknown::BadToken);
    }
    if token.expires <= now {
        return Err(Unknown::ExpiredToken);
    }
    let mut caller = match &token.holder {
        Holder::Root | Holder::FederatedByRoot | Holder::RootTask => {
            directory.root(token.account, &token.access_key).map_err(unreadable)?
        }
        Holder::User(user) | Holder::FederatedByUser(user) => user_of(directory, tx, &token, user)?,
        Holder::Role((name, id)) => role(directory, tx, &token, name, id)?,
    };
    if matches!(token.holder, Holder::FederatedByRoot | Holder::FederatedByUser(_)) {
        federate(&token, &mut caller);
    }
    caller.tags = overlay(caller.tags, &token.tags);
    caller.policies.session = session_policies(directory, tx, &token).map_err(unreadable)?;
    let secret = Some(Secret::new(token.secret.clone()));
    caller.session = Some(session(token, sealed));
    Ok(Known { caller, secret })
}

/// The user, unless another one has taken its name meanwhile.
fn user_of(
    directory: &IamDirectory,
    tx: &Tx,
    token: &Token,
    user: &(String, String),
) -> Result<Caller, Unknown> {
    let (name, id) = user;
    let caller = directory.user(tx, token.account, name, &token.access_key);
    let caller =
        caller.map_err(|unknown| if unknown == Unknown::NoSuchKey { Unknown::BadToken } else { unknown })?;
    if caller.user_id == *id { Ok(caller) } else { Err(Unknown::BadToken) }
}

fn role(directory: &IamDirectory, tx: &Tx, token: &Token, name: &str, id: &str) -> Result<Caller, Unknown> {
    let account = token.account;
    let found = directory.role_policies(tx, account, name).map_err(unreadable)?;
    let (role, policies) = found.filter(|(role, _)| role.id == id).ok_or(Unknown::BadToken)?;
    Ok(Caller {
        principal: Principal::AssumedRole {
            account,
            role_arn: role.arn(account),
            session_arn: format!("arn:aws:sts::{account}:assumed-role/{}/{}", role.name, token.name),
            service_linked: role.linked_service.is_some(),
            role_id: role.id.clone(),
        },
        account,
        access_key: token.access_key.clone(),
        user_id: format!("{}:{}", role.id, token.name),
        tags: role.tags,
        session: None,
        policies,
        marks: false,
    })
}

/// A federated user has the policies of who asked for it, under a name of its own.
fn federate(token: &Token, caller: &mut Caller) {
    let account = token.account;
    let user = match &caller.principal {
        Principal::User { arn, id, .. } => Some(FederatingUser { arn: arn.clone(), id: id.clone() }),
        _ => None,
    };
    let arn = format!("arn:aws:sts::{account}:federated-user/{}", token.name);
    caller.principal = Principal::FederatedUser { account, arn, user };
    caller.user_id = format!("{account}:{}", token.name);
}

const EVERYTHING: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;

/// `None` where none was passed. A managed one that is gone since allows nothing.
fn session_policies(
    directory: &IamDirectory,
    tx: &Tx,
    token: &Token,
) -> Result<Option<Vec<Attached>>, StoreError> {
    if token.policy.is_none() && token.policy_arns.is_empty() {
        return Ok(None);
    }
    let mut out = Vec::new();
    if let Some(policy) =
        token.policy.as_ref().and_then(|text| directory.compiled().policy(text, PolicyKind::Session))
    {
        let source = PolicySource {
            id: "session policy".into(),
            attached_to: token.access_key.clone(),
            form: PolicyForm::Input,
        };
        out.push((source, policy));
    }
    for arn in &token.policy_arns {
        out.extend(directory.compiled().managed(tx, token.account, arn, &token.access_key)?);
    }
    // The policies of root tasks deny all that is not part of the task, and leave the allowing to the root user.
    if token.holder == Holder::RootTask
        && let Some(all) = directory.compiled().policy(EVERYTHING, PolicyKind::Session)
    {
        let (id, attached_to) = ("root".to_owned(), token.access_key.clone());
        out.push((PolicySource { id, attached_to, form: PolicyForm::Input }, all));
    }
    Ok(Some(out))
}

fn session(token: Token, sealed: &str) -> Session {
    let reaches = match token.holder {
        // What is delegated is delegated whole: the session's policy alone limits it.
        _ if token.delegate.is_some() => None,
        Holder::Role(_) | Holder::RootTask => None,
        Holder::Root | Holder::User(_) if token.mfa.is_some() => Some(reach::with_mfa as _),
        Holder::Root | Holder::User(_) => Some(reach::without_mfa as _),
        Holder::FederatedByRoot | Holder::FederatedByUser(_) => Some(reach::federated as _),
    };
    Session {
        issued: token.issued,
        expires: token.expires,
        mfa: token.mfa,
        source_identity: token.source_identity,
        transitive_tags: token.transitive,
        chained: matches!(token.holder, Holder::Role(_)),
        keys: token.keys,
        delegate: token.delegate,
        reaches,
        token: SessionToken(sealed.to_owned()),
    }
}

/// What sessions without a role may call at all, whatever their policies.
///
/// AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_request.html#stsapi_comparison>
mod reach {
    pub(super) fn with_mfa(service: &str, operation: &str) -> bool {
        service != "sts" || sts_of_users(operation)
    }

    pub(super) fn without_mfa(service: &str, operation: &str) -> bool {
        service != "iam" && with_mfa(service, operation)
    }

    pub(super) fn federated(service: &str, operation: &str) -> bool {
        service != "iam" && (service != "sts" || operation == "GetCallerIdentity")
    }

    /// The two that are refused in words of their own are let through to where the words are.
    fn sts_of_users(operation: &str) -> bool {
        matches!(operation, "AssumeRole" | "GetCallerIdentity" | "GetSessionToken" | "GetFederationToken")
    }
}

fn unreadable(error: StoreError) -> Unknown {
    Unknown::Unreadable(error.to_string())
}
