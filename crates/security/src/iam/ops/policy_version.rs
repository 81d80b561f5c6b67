//! The versions of managed policies: five at most, one of them in force.

use super::policy::{self, AnyPolicy};
use crate::iam::model::PolicyVersion as Version;
use crate::iam::{IamError, access, document, page::Paging};
use base::Timestamp;
use kernel::{Cx, Empty};

kernel::ops! {
    pub static OPS:
    CreatePolicyVersion: create, "iam:CreatePolicyVersion", access::policy::one;
    GetPolicyVersion: get, "iam:GetPolicyVersion", access::policy::one;
    DeletePolicyVersion: delete, "iam:DeletePolicyVersion", access::policy::one;
    ListPolicyVersions: list, "iam:ListPolicyVersions", access::policy::one;
    SetDefaultPolicyVersion: set_default, "iam:SetDefaultPolicyVersion", access::policy::one;
}

/// AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
const VERSIONS_MAX: usize = 5;

wire::shape! {
    #[derive(Clone, Debug)]
    pub struct CreatePolicyVersion {
        pub policy_arn: String = "PolicyArn",
        pub policy_document: String = "PolicyDocument",
        pub set_as_default: Option<bool> = "SetAsDefault",
    }

    #[derive(Clone, Debug)]
    pub struct OneVersion { pub policy_version: PolicyVersion = "PolicyVersion" }

    #[derive(Clone, Debug)]
    pub struct PolicyVersion {
        pub document: Option<String> = "Document",
        pub version_id: String = "VersionId",
        pub is_default_version: bool = "IsDefaultVersion",
        pub create_date: Timestamp = "CreateDate",
    }

    #[derive(Clone, Debug)]
    pub struct ByVersion {
        pub policy_arn: String = "PolicyArn",
        pub version_id: String = "VersionId",
    }

    #[derive(Clone, Debug)]
    pub struct ListVersions {
        pub policy_arn: String = "PolicyArn",
        pub marker: Option<String> = "Marker",
        pub max_items: Option<i32> = "MaxItems",
    }

    #[derive(Clone, Debug)]
    pub struct VersionPage {
        pub versions: Vec<PolicyVersion> = "Versions",
        pub is_truncated: bool = "IsTruncated",
        pub marker: Option<String> = "Marker",
    }
}

fn missing(req: &ByVersion) -> IamError {
    let (arn, version) = (&req.policy_arn, &req.version_id);
    IamError::NoSuchEntity(format!("Policy {arn} version {version} does not exist or is not attachable."))
}

/// 3 for `v3`. The model also allows `v3.x`, which no version has.
fn number(id: &str) -> Option<u32> {
    id.strip_prefix('v')?.parse().ok()
}

fn shown(version: &Version, default: u32) -> PolicyVersion {
    PolicyVersion {
        document: None,
        version_id: format!("v{}", version.number),
        is_default_version: version.number == default,
        create_date: version.created,
    }
}

/// All versions of a policy, the latest first, each with its document.
pub fn versions(policy: &AnyPolicy) -> Vec<PolicyVersion> {
    match policy {
        AnyPolicy::Aws(policy) => vec![PolicyVersion {
            document: Some(document::encoded(&policy.document())),
            version_id: policy.version_id().to_owned(),
            is_default_version: true,
            create_date: policy.update_date(),
        }],
        AnyPolicy::Partner(policy) | AnyPolicy::Own(policy) => {
            let with_document = |version: &Version| PolicyVersion {
                document: Some(document::encoded(&version.document)),
                ..shown(version, policy.default_version)
            };
            policy.versions.iter().rev().map(with_document).collect()
        }
    }
}

fn create(cx: &mut Cx<'_>, req: CreatePolicyVersion) -> Result<OneVersion, IamError> {
    let mut policy = policy::find_own(cx, &req.policy_arn)?;
    policy::check_document(&req.policy_document)?;
    if policy.versions.len() >= VERSIONS_MAX {
        return Err(IamError::LimitExceeded(
            "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing \
             version."
                .into(),
        ));
    }
    let now = cx.now.whole_seconds();
    let version = Version { number: policy.next_version, document: req.policy_document, created: now };
    policy.next_version += 1;
    policy.updated = now;
    if req.set_as_default == Some(true) {
        policy.default_version = version.number;
    }
    let answer = shown(&version, policy.default_version);
    policy.versions.push(version);
    policy::save(cx, &policy);
    Ok(OneVersion { policy_version: answer })
}

fn get(cx: &mut Cx<'_>, req: ByVersion) -> Result<OneVersion, IamError> {
    let policy = policy::find(cx.tx, cx.account, &req.policy_arn)?;
    let version = versions(&policy).into_iter().find(|version| version.version_id == req.version_id);
    version.map(|policy_version| OneVersion { policy_version }).ok_or_else(|| missing(&req))
}

fn delete(cx: &mut Cx<'_>, req: ByVersion) -> Result<Empty, IamError> {
    let mut policy = policy::find_own(cx, &req.policy_arn)?;
    let wanted = number(&req.version_id).filter(|number| policy.version(*number).is_some());
    let wanted = wanted.ok_or_else(|| missing(&req))?;
    if wanted == policy.default_version {
        return Err(IamError::DeleteConflict("Cannot delete the default version of a policy.".into()));
    }
    policy.versions.retain(|version| version.number != wanted);
    policy::save(cx, &policy);
    Ok(Empty)
}

fn list(cx: &mut Cx<'_>, req: ListVersions) -> Result<VersionPage, IamError> {
    let policy = policy::find(cx.tx, cx.account, &req.policy_arn)?;
    let paging = Paging::of(cx, &[&req.policy_arn], req.marker.as_deref(), req.max_items)?;
    let all =
        versions(&policy).into_iter().map(|version| PolicyVersion { document: None, ..version }).collect();
    let (versions, is_truncated, marker) =
        paging.slice(cx, all, |version: &PolicyVersion| version.version_id.clone()).parts();
    Ok(VersionPage { versions, is_truncated, marker })
}

fn set_default(cx: &mut Cx<'_>, req: ByVersion) -> Result<Empty, IamError> {
    let mut policy = policy::find_own(cx, &req.policy_arn)?;
    let wanted = number(&req.version_id).filter(|number| policy.version(*number).is_some());
    policy.default_version = wanted.ok_or_else(|| missing(&req))?;
    policy::save(cx, &policy);
    Ok(Empty)
}
