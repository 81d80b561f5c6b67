//! Customer managed policies, and reading those of AWS and the boundaries of product providers.

use crate::iam::managed::{self, ManagedPolicy as AwsPolicy};
use crate::iam::model::{
    self, ATTACHMENTS, MANAGED_POLICIES, ManagedPolicy, PARTNER_BOUNDARIES, PolicyVersion, Registered,
    attached_prefix,
};
use crate::iam::tags::{self, Tag, TagPage};
use crate::iam::{IamError, access, attach, attached::last_part, document, page::Paging, quota};
use auth::policy::PolicyKind;
use base::{AccountId, Timestamp};
use kernel::{Cx, Empty};
use store::{Direction, Key, Tx};

kernel::ops! {
    pub static OPS:
    CreatePolicy: create, "iam:CreatePolicy", access::policy::new;
    GetPolicy: get, "iam:GetPolicy", access::policy::one;
    DeletePolicy: delete, "iam:DeletePolicy", access::policy::one;
    TagPolicy: tag, "iam:TagPolicy", access::policy::one;
    UntagPolicy: untag, "iam:UntagPolicy", access::policy::one;
    ListPolicyTags: list_tags, "iam:ListPolicyTags", access::policy::one;
}

/// AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
const PER_ACCOUNT_MAX: usize = 1500;
const CHARACTERS_MAX: usize = 6144;

wire::shape! {
    #[derive(Clone, Debug)]
    pub struct CreatePolicy {
        pub policy_name: String = "PolicyName",
        pub path: Option<String> = "Path",
        pub policy_document: String = "PolicyDocument",
        pub description: Option<String> = "Description",
        pub tags: Vec<Tag> = "Tags",
    }

    #[derive(Clone, Debug)]
    pub struct OnePolicy { pub policy: Policy = "Policy" }

    #[derive(Clone, Debug)]
    pub struct Policy {
        pub policy_name: String = "PolicyName",
        pub policy_id: String = "PolicyId",
        pub arn: String = "Arn",
        pub path: String = "Path",
        pub default_version_id: String = "DefaultVersionId",
        pub attachment_count: i32 = "AttachmentCount",
        pub permissions_boundary_usage_count: i32 = "PermissionsBoundaryUsageCount",
        pub is_attachable: bool = "IsAttachable",
        pub description: Option<String> = "Description",
        pub create_date: Timestamp = "CreateDate",
        pub update_date: Timestamp = "UpdateDate",
        pub tags: Option<Vec<Tag>> = "Tags",
    }

    #[derive(Clone, Debug)]
    pub struct ByArn { pub policy_arn: String = "PolicyArn" }

    #[derive(Clone, Debug)]
    pub struct TagPolicy {
        pub policy_arn: String = "PolicyArn",
        pub tags: Vec<Tag> = "Tags",
    }

    #[derive(Clone, Debug)]
    pub struct UntagPolicy {
        pub policy_arn: String = "PolicyArn",
        pub tag_keys: Vec<String> = "TagKeys",
    }

    #[derive(Clone, Debug)]
    pub struct ListTags {
        pub policy_arn: String = "PolicyArn",
        pub marker: Option<String> = "Marker",
        pub max_items: Option<i32> = "MaxItems",
    }
}

/// A policy, whoever manages it.
#[derive(Clone, Debug)]
pub enum AnyPolicy {
    Aws(AwsPolicy),
    /// A permissions boundary of a product provider, which all customers may read and nobody changes.
    Partner(ManagedPolicy),
    Own(ManagedPolicy),
}

impl AnyPolicy {
    pub fn arn(&self, account: AccountId) -> String {
        match self {
            AnyPolicy::Aws(policy) => policy.arn(),
            AnyPolicy::Partner(policy) => {
                format!("arn:aws:iam::partner:policy{}{}", policy.path, policy.name)
            }
            AnyPolicy::Own(policy) => policy.arn(account),
        }
    }

    pub fn path(&self) -> &str {
        match self {
            AnyPolicy::Aws(policy) => policy.path(),
            AnyPolicy::Partner(policy) | AnyPolicy::Own(policy) => &policy.path,
        }
    }

    /// With what it is used for in `account`; without description and tags, as lists show it.
    pub fn shown(&self, tx: &Tx, account: AccountId) -> Result<Policy, IamError> {
        let arn = self.arn(account);
        let attachment_count = uses(tx, account, &arn, false)?;
        let permissions_boundary_usage_count = uses(tx, account, &arn, true)?;
        Ok(match self {
            AnyPolicy::Aws(policy) => Policy {
                policy_name: policy.name().to_owned(),
                policy_id: policy.policy_id(),
                arn,
                path: policy.path().to_owned(),
                default_version_id: policy.version_id().to_owned(),
                attachment_count,
                permissions_boundary_usage_count,
                is_attachable: true,
                description: None,
                create_date: policy.create_date(),
                update_date: policy.update_date(),
                tags: None,
            },
            AnyPolicy::Partner(policy) | AnyPolicy::Own(policy) => Policy {
                policy_name: policy.name.clone(),
                policy_id: policy.id.clone(),
                arn,
                path: policy.path.clone(),
                default_version_id: format!("v{}", policy.default_version),
                attachment_count,
                permissions_boundary_usage_count,
                is_attachable: true,
                description: None,
                create_date: policy.created,
                update_date: policy.updated,
                tags: None,
            },
        })
    }
}

/// How many users, groups and roles of the account have the policy, as policy or as boundary.
pub fn uses(tx: &Tx, account: AccountId, arn: &str, boundary: bool) -> Result<i32, IamError> {
    let mut count = 0;
    for entry in ATTACHMENTS.scan(tx, &attached_prefix(account, arn, boundary), Direction::Forward) {
        entry?;
        count += 1;
    }
    Ok(count)
}

/// # Errors
/// `InvalidInput` for what is no policy's ARN, `NoSuchEntity`.
pub fn find(tx: &Tx, account: AccountId, arn: &str) -> Result<AnyPolicy, IamError> {
    if let Some(boundary) = PARTNER_BOUNDARIES.get(tx, &Key::global().str(arn))? {
        return Ok(AnyPolicy::Partner(of_partner(boundary)));
    }
    attach::must_be_policy_arn(arn)?;
    if let Some(policy) = managed::by_arn(arn) {
        return Ok(AnyPolicy::Aws(policy));
    }
    let found = MANAGED_POLICIES.get(tx, &model::named(account, last_part(arn)))?;
    let found = found.filter(|policy| policy.arn(account) == arn).map(AnyPolicy::Own);
    found.ok_or_else(|| IamError::NoSuchEntity(format!("Policy {arn} was not found.")))
}

/// A provider's boundary as a policy of one version.
fn of_partner(boundary: Registered) -> ManagedPolicy {
    let version = PolicyVersion { number: 1, document: boundary.document, created: boundary.created };
    ManagedPolicy {
        name: last_part(&boundary.arn).to_owned(),
        path: attach::path_of(&boundary.arn).to_owned(),
        id: boundary.policy_id,
        created: boundary.created,
        updated: boundary.created,
        default_version: 1,
        versions: vec![version],
        next_version: 2,
        ..ManagedPolicy::default()
    }
}

/// A policy that may be changed.
///
/// # Errors
/// Those of [`find`]; `AccessDenied` for the policies of AWS and of providers.
pub fn find_own(cx: &Cx<'_>, arn: &str) -> Result<ManagedPolicy, IamError> {
    match find(cx.tx, cx.account, arn)? {
        AnyPolicy::Own(policy) => Ok(policy),
        AnyPolicy::Aws(_) | AnyPolicy::Partner(_) => Err(IamError::AccessDenied(format!(
            "User: {} is not authorized to perform: iam:{} on resource: policy {arn}",
            cx.caller.arn(),
            cx.request.operation,
        ))),
    }
}

pub fn save(cx: &mut Cx<'_>, policy: &ManagedPolicy) {
    let key = model::named(cx.account, &policy.name);
    MANAGED_POLICIES.put(cx.tx, &key, policy);
}

/// # Errors
/// `MalformedPolicyDocument`, `LimitExceeded`.
pub fn check_document(text: &str) -> Result<(), IamError> {
    document::check(text, PolicyKind::Identity)?;
    if document::size(text) > CHARACTERS_MAX {
        return Err(quota("PolicySize", CHARACTERS_MAX));
    }
    Ok(())
}

fn create(cx: &mut Cx<'_>, req: CreatePolicy) -> Result<OnePolicy, IamError> {
    let key = model::named(cx.account, &req.policy_name);
    let tags = tags::checked(req.tags)?;
    if MANAGED_POLICIES.contains(cx.tx, &key)? {
        return Err(IamError::EntityAlreadyExists(format!(
            "A policy called {} already exists. Duplicate names are not allowed.",
            req.policy_name
        )));
    }
    check_document(&req.policy_document)?;
    if !cx.has_room(&MANAGED_POLICIES, &Key::account(cx.account), PER_ACCOUNT_MAX)? {
        return Err(quota("PoliciesPerAccount", PER_ACCOUNT_MAX));
    }
    let now = cx.now.whole_seconds();
    let policy = ManagedPolicy {
        name: req.policy_name,
        path: req.path.unwrap_or_else(|| "/".into()),
        id: base::id::iam_unique_id(cx.rng(), "ANPA"),
        created: now,
        updated: now,
        description: req.description,
        tags,
        default_version: 1,
        versions: vec![PolicyVersion { number: 1, document: req.policy_document, created: now }],
        next_version: 2,
    };
    MANAGED_POLICIES.put(cx.tx, &key, &policy);
    let tags = tags::shown(&policy.tags);
    let shown = AnyPolicy::Own(policy).shown(cx.tx, cx.account)?;
    Ok(OnePolicy { policy: Policy { tags, ..shown } })
}

fn get(cx: &mut Cx<'_>, req: ByArn) -> Result<OnePolicy, IamError> {
    let policy = find(cx.tx, cx.account, &req.policy_arn)?;
    let mut shown = policy.shown(cx.tx, cx.account)?;
    if let AnyPolicy::Own(policy) = policy {
        shown.tags = Some(tags::list(&policy.tags));
        shown.description = policy.description;
    }
    Ok(OnePolicy { policy: shown })
}

fn delete(cx: &mut Cx<'_>, req: ByArn) -> Result<Empty, IamError> {
    let policy = find_own(cx, &req.policy_arn)?;
    let used = |boundary| uses(cx.tx, cx.account, &req.policy_arn, boundary);
    if used(false)? + used(true)? > 0 {
        return Err(IamError::DeleteConflict("Cannot delete a policy attached to entities.".into()));
    }
    if policy.versions.len() > 1 {
        return Err(IamError::DeleteConflict(
            "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. \
             The default version is deleted with the policy."
                .into(),
        ));
    }
    MANAGED_POLICIES.delete(cx.tx, &model::named(cx.account, &policy.name));
    Ok(Empty)
}

fn tag(cx: &mut Cx<'_>, req: TagPolicy) -> Result<Empty, IamError> {
    let mut policy = find_own(cx, &req.policy_arn)?;
    tags::add(&mut policy.tags, req.tags, "TagsPerPolicy")?;
    save(cx, &policy);
    Ok(Empty)
}

fn untag(cx: &mut Cx<'_>, req: UntagPolicy) -> Result<Empty, IamError> {
    let mut policy = find_own(cx, &req.policy_arn)?;
    tags::remove(&mut policy.tags, &req.tag_keys);
    save(cx, &policy);
    Ok(Empty)
}

fn list_tags(cx: &mut Cx<'_>, req: ListTags) -> Result<TagPage, IamError> {
    let tags = match find(cx.tx, cx.account, &req.policy_arn)? {
        AnyPolicy::Own(policy) => tags::list(&policy.tags),
        AnyPolicy::Aws(_) | AnyPolicy::Partner(_) => Vec::new(),
    };
    let paging = Paging::of(cx, &[&req.policy_arn], req.marker.as_deref(), req.max_items)?;
    Ok(paging.slice(cx, tags, |tag| tag.key.clone()).into())
}
