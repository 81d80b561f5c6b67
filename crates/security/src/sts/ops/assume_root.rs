//! AssumeRoot: a session of a member account's root user, for one task of five, on behalf of its organization.
//!
//! AWS: <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoot.html>. The words of refusals are ours: AWS
//! does not document them.

use super::{Credentials, Issued, lifetime};
use crate::iam::ops::root_access;
use crate::organizations::tree;
use crate::sts::errors::StsError;
use crate::sts::policies::PolicyDescriptor;
use crate::sts::token::{Holder, Token};
use auth::policy::Principal;
use base::AccountId;
use kernel::{Cx, Target};
use wire::{Fault, Struct};

kernel::ops! {
    pub static OPS:
        AssumeRoot: assume_root, "sts:AssumeRoot", access;
}

const SECONDS_DEFAULT: i64 = 900;

/// The policies of AWS that each limit a session to one task. Those that are about credentials need the feature
/// `RootCredentialsManagement`, the others `RootSessions`.
const TASKS: [(&str, bool); 5] = [
    ("arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials", true),
    ("arn:aws:iam::aws:policy/root-task/IAMCreateRootUserPassword", true),
    ("arn:aws:iam::aws:policy/root-task/IAMDeleteRootUserCredentials", true),
    ("arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy", false),
    ("arn:aws:iam::aws:policy/root-task/SQSUnlockQueuePolicy", false),
];

wire::shape! {
    pub struct AssumeRoot {
        pub target: String = "TargetPrincipal",
        pub task: PolicyDescriptor = "TaskPolicyArn",
        pub duration_seconds: Option<i64> = "DurationSeconds",
        pub token_bytes_min: Option<i64> = "MinimumSessionTokenSize",
    }

    pub struct AssumeRootResult {
        pub credentials: Credentials = "Credentials",
        pub source_identity: Option<String> = "SourceIdentity",
        pub token_utilization: i64 = "SessionTokenUtilization",
        pub token_size: i64 = "SessionTokenSize",
    }
}

fn denied(what: &str) -> StsError {
    StsError::AccessDenied(what.to_owned())
}

/// The account that a request names by its id or by its root user's ARN.
fn account(text: &str) -> Result<AccountId, StsError> {
    let of_arn = text.strip_prefix("arn:aws:iam::").and_then(|rest| rest.strip_suffix(":root"));
    let invalid = || StsError::ValidationError(format!("{text} is invalid"));
    AccountId::parse(of_arn.unwrap_or(text)).ok_or_else(invalid)
}

fn access(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    if let Principal::Root { .. } = cx.caller.principal {
        return Err(denied("Root users may not assume root sessions.").into());
    }
    let account = account(request.str("TargetPrincipal").unwrap_or_default())?;
    let target =
        Target::on(format!("arn:aws:iam::{account}:root")).key("aws:ResourceAccount", account.as_str());
    let task = request.get("TaskPolicyArn").and_then(|task| task.member("arn")?.as_str());
    Ok(vec![match task {
        Some(task) => target.key("sts:TaskPolicyArn", task),
        None => target,
    }])
}

fn assume_root(cx: &mut Cx<'_>, req: AssumeRoot) -> Result<AssumeRootResult, StsError> {
    let account = account(&req.target)?;
    let task = TASKS.iter().find(|(arn, _)| req.task.arn.as_deref() == Some(*arn));
    let Some((task, is_about_credentials)) = task else {
        let what = "TaskPolicyArn must be one of AWS's managed policies for root tasks.";
        return Err(StsError::ValidationError(what.into()));
    };
    let (organization, _) = root_access::led(cx).map_err(|error| denied(&Fault::from(error).message))?;
    let features = root_access::of(cx, &organization)?;
    if !(if *is_about_credentials { features.credentials } else { features.sessions }) {
        return Err(denied("Centralized root access for this task is not enabled in your organization."));
    }
    let member = tree::member(cx.tx, &organization, account)?;
    if member.is_none_or(|member| member.account == organization.management) {
        return Err(denied("The target is not a member account of your organization."));
    }
    let (issued, expires) = lifetime(cx, req.duration_seconds.unwrap_or(SECONDS_DEFAULT));
    let source_identity = cx.caller.session.as_ref().and_then(|session| session.source_identity.clone());
    let token = Token {
        source_identity: source_identity.clone(),
        policy_arns: vec![(*task).to_owned()],
        keys: vec![("aws:AssumedRoot".to_owned(), "true".to_owned())],
        ..Token::new(cx.rng(), account, Holder::RootTask, issued, expires)
    };
    let given = Issued::of(cx, &token, req.token_bytes_min);
    Ok(AssumeRootResult {
        credentials: given.credentials,
        source_identity,
        token_utilization: given.utilization,
        token_size: given.size,
    })
}
