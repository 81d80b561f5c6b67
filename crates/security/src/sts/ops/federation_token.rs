//! GetFederationToken.
//!
//! AWS: <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html>

use super::{Credentials, Issued, Tag, lifetime, not_with_session, pairs};
use crate::sts::errors::StsError;
use crate::sts::policies::{PolicyDescriptor, SessionPolicies};
use crate::sts::tags::SessionTags;
use crate::sts::token::{Holder, Token};
use auth::policy::Principal;
use kernel::{Cx, Target};
use wire::{Fault, Struct, Value};

kernel::ops! {
    pub static OPS:
        GetFederationToken: get_federation_token, "sts:GetFederationToken", access;
}

const DEFAULT_SECONDS: i64 = 43_200;
/// AWS: for the root user at most an hour; a longer wish is cut down.
const ROOT_SECONDS_MAX: i64 = 3600;

wire::shape! {
    #[derive(Clone, Debug)]
    pub struct GetFederationToken {
        pub name: String = "Name",
        pub policy: Option<String> = "Policy",
        pub policy_arns: Vec<PolicyDescriptor> = "PolicyArns",
        pub duration_seconds: Option<i64> = "DurationSeconds",
        pub tags: Vec<Tag> = "Tags",
        pub token_bytes_min: Option<i64> = "MinimumSessionTokenSize",
    }

    pub struct GetFederationTokenResult {
        pub credentials: Credentials = "Credentials",
        pub token_utilization: i64 = "SessionTokenUtilization",
        pub token_size: i64 = "SessionTokenSize",
        pub federated_user: FederatedUser = "FederatedUser",
        pub packed_policy_size: Option<i64> = "PackedPolicySize",
    }

    pub struct FederatedUser {
        pub federated_user_id: String = "FederatedUserId",
        pub arn: String = "Arn",
    }
}

fn arn(cx: &Cx<'_>, name: &str) -> String {
    format!("arn:aws:sts::{}:federated-user/{name}", cx.account)
}

fn access(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    not_with_session(cx.caller, "GetFederationToken")?;
    let target = Target::on(arn(cx, request.str("Name").unwrap_or_default()));
    let mut targets = vec![target.clone()];
    if request.get("Tags").and_then(Value::as_list).is_some_and(|tags| !tags.is_empty()) {
        targets.push(target.doing("sts:TagSession"));
    }
    Ok(targets)
}

fn get_federation_token(
    cx: &mut Cx<'_>,
    req: GetFederationToken,
) -> Result<GetFederationTokenResult, StsError> {
    let seconds = req.duration_seconds.unwrap_or(DEFAULT_SECONDS);
    let (holder, seconds) = match &cx.caller.principal {
        Principal::Root { .. } => (Holder::FederatedByRoot, seconds.min(ROOT_SECONDS_MAX)),
        Principal::User { id, .. } => {
            (Holder::FederatedByUser((super::user_name(cx.caller), id.clone())), seconds)
        }
        _ => {
            return Err(StsError::AccessDenied(
                "Cannot call GetFederationToken without the keys of a user".into(),
            ));
        }
    };
    let policies = SessionPolicies::checked(req.policy, req.policy_arns)?;
    let tags = SessionTags::default().with(pairs(req.tags), Vec::new())?;
    // AWS: where there is nothing to pack, this operation says so, which those that assume roles do not.
    let packed_policy_size = policies.packed_percent(&tags.tags)?.or(Some(0));
    let (issued, expires) = lifetime(cx, seconds);
    let token = Token {
        name: req.name,
        tags: tags.tags,
        policy: policies.inline,
        policy_arns: policies.arns,
        ..Token::new(cx.rng(), cx.account, holder, issued, expires)
    };
    let federated_user = FederatedUser {
        federated_user_id: format!("{}:{}", cx.account, token.name),
        arn: arn(cx, &token.name),
    };
    let given = Issued::of(cx, &token, req.token_bytes_min);
    Ok(GetFederationTokenResult {
        credentials: given.credentials,
        token_utilization: given.utilization,
        token_size: given.size,
        federated_user,
        packed_policy_size,
    })
}
