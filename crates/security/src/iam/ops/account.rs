//! The account's alias, its summary, its credential report, and its preference for session tokens.
//!
//! The version of the global endpoint's tokens is kept and shown. Every token of this cloud holds in all regions, which
//! is what AWS says of version 2 and of those of its regional endpoints.
//!
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_getting-report.html>

use crate::iam::model::{
    ALIASES, Account, Alias, GROUPS, INSTANCE_PROFILES, MANAGED_POLICIES, MFA_DEVICES, OIDC_PROVIDERS,
    REPORTS, ROLES, Report, SAML_PROVIDERS, SERVER_CERTIFICATES, USERS,
};
use crate::iam::{IamError, report};
use base::Timestamp;
use bytes::Bytes;
use kernel::{Cx, Empty, Nothing, access::any};
use std::time::Duration;
use store::{Direction, Key};
use wire::shape::Pairs;

/// AWS makes a new report at most every four hours, and an older one has expired.
const REPORT_LIFE: Duration = Duration::from_secs(4 * 3600);

kernel::ops! {
    pub static OPS:
    CreateAccountAlias: create_alias, "iam:CreateAccountAlias", any;
    DeleteAccountAlias: delete_alias, "iam:DeleteAccountAlias", any;
    ListAccountAliases: list_aliases, "iam:ListAccountAliases", any;
    SetSecurityTokenServicePreferences:
        set_token_preferences, "iam:SetSecurityTokenServicePreferences", any;
    GetAccountSummary: get_summary, "iam:GetAccountSummary", any;
    GenerateCredentialReport: generate_report, "iam:GenerateCredentialReport", any;
    GetCredentialReport: get_report, "iam:GetCredentialReport", any;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub struct OneAlias {
        pub alias: String = "AccountAlias",
    }

    #[derive(Clone, Debug)]
    pub struct TokenPreferences { pub version: String = "GlobalEndpointTokenVersion" }

    /// Of at most one alias there is only one page.
    #[derive(Clone, Debug)]
    pub struct ListAliases {
        pub marker: Option<String> = "Marker",
        pub max_items: Option<i32> = "MaxItems",
    }

    #[derive(Clone, Debug)]
    pub struct AliasPage {
        pub aliases: Vec<String> = "AccountAliases",
        pub is_truncated: bool = "IsTruncated",
        pub marker: Option<String> = "Marker",
    }

    #[derive(Clone, Debug)]
    pub struct Summary {
        pub map: Pairs<i64> = "SummaryMap",
    }

    #[derive(Clone, Debug)]
    pub struct ReportState {
        pub state: String = "State",
        pub description: Option<String> = "Description",
    }

    #[derive(Clone, Debug)]
    pub struct ReportShown {
        pub content: Bytes = "Content",
        pub format: String = "ReportFormat",
        pub generated: Timestamp = "GeneratedTime",
    }
}

/// Takes the place of an earlier alias, as AWS has it; the name must be nobody's, this account's included.
fn create_alias(cx: &mut Cx<'_>, req: OneAlias) -> Result<Empty, IamError> {
    let alias = req.alias;
    if ALIASES.contains(cx.tx, &Key::global().str(&alias))? {
        return Err(IamError::EntityAlreadyExists(format!("The account alias {alias} already exists.")));
    }
    let mut account = Account::of(cx.tx, cx.account)?;
    if let Some(earlier) = account.alias.replace(alias.clone()) {
        ALIASES.delete(cx.tx, &Key::global().str(&earlier));
    }
    account.save(cx.tx, cx.account);
    ALIASES.put(cx.tx, &Key::global().str(&alias), &Alias { account: cx.account });
    Ok(Empty)
}

fn delete_alias(cx: &mut Cx<'_>, req: OneAlias) -> Result<Empty, IamError> {
    let mut account = Account::of(cx.tx, cx.account)?;
    let alias = req.alias;
    if account.alias.as_ref() != Some(&alias) {
        let words = format!("The account alias with name {alias} cannot be found.");
        return Err(IamError::NoSuchEntity(words));
    }
    account.alias = None;
    account.save(cx.tx, cx.account);
    ALIASES.delete(cx.tx, &Key::global().str(&alias));
    Ok(Empty)
}

fn list_aliases(cx: &mut Cx<'_>, req: ListAliases) -> Result<AliasPage, IamError> {
    let paging = crate::iam::page::Paging::of(cx, &[], req.marker.as_deref(), req.max_items)?;
    let aliases = Account::of(cx.tx, cx.account)?.alias.into_iter().collect();
    let (aliases, is_truncated, marker) = paging.slice(cx, aliases, String::clone).parts();
    Ok(AliasPage { aliases, is_truncated, marker })
}

fn set_token_preferences(cx: &mut Cx<'_>, req: TokenPreferences) -> Result<Empty, IamError> {
    let mut account = Account::of(cx.tx, cx.account)?;
    account.token_version_2 = req.version == "v2Token";
    account.save(cx.tx, cx.account);
    Ok(Empty)
}

/// What does not depend on the account.
///
/// AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
const QUOTAS: [(&str, i64); 19] = [
    ("UsersQuota", 5000),
    ("GroupsQuota", 300),
    ("RolesQuota", 1000),
    ("InstanceProfilesQuota", 1000),
    ("ServerCertificatesQuota", 20),
    ("PoliciesQuota", 1500),
    ("PolicySizeQuota", 6144),
    ("PolicyVersionsInUseQuota", 10_000),
    ("VersionsPerPolicyQuota", 5),
    ("UserPolicySizeQuota", 2048),
    ("GroupPolicySizeQuota", 5120),
    ("RolePolicySizeQuota", 10_240),
    ("AssumeRolePolicySizeQuota", 2048),
    ("GroupsPerUserQuota", 10),
    ("AccessKeysPerUserQuota", 2),
    ("SigningCertificatesPerUserQuota", 2),
    ("AttachedPoliciesPerUserQuota", 10),
    ("AttachedPoliciesPerGroupQuota", 10),
    ("AttachedPoliciesPerRoleQuota", 10),
];

fn get_summary(cx: &mut Cx<'_>, _: Nothing) -> Result<Summary, IamError> {
    let prefix = Key::account(cx.account);
    let (mut policies, mut versions) = (0, 0);
    for policy in MANAGED_POLICIES.scan(cx.tx, &prefix, Direction::Forward) {
        policies += 1;
        versions += policy?.1.versions.len();
    }
    let (mut devices, mut in_use, mut roots) = (0, 0, 0);
    for device in MFA_DEVICES.scan(cx.tx, &prefix, Direction::Forward) {
        let (_, device) = device?;
        devices += 1;
        in_use += usize::from(device.enabled.is_some());
        roots += usize::from(device.is_roots());
    }
    let root = Account::of(cx.tx, cx.account)?;
    let counts = [
        ("Users", USERS.count(cx.tx, &prefix)?),
        ("Groups", GROUPS.count(cx.tx, &prefix)?),
        ("Roles", ROLES.count(cx.tx, &prefix)?),
        ("InstanceProfiles", INSTANCE_PROFILES.count(cx.tx, &prefix)?),
        ("ServerCertificates", SERVER_CERTIFICATES.count(cx.tx, &prefix)?),
        ("Policies", policies),
        ("PolicyVersionsInUse", versions),
        ("Providers", OIDC_PROVIDERS.count(cx.tx, &prefix)? + SAML_PROVIDERS.count(cx.tx, &prefix)?),
        ("MFADevices", devices),
        ("MFADevicesInUse", in_use),
        ("AccountAccessKeysPresent", usize::from(!root.access_keys.is_empty())),
        ("AccountMFAEnabled", roots.min(1)),
        // Root has neither password nor certificate here.
        ("AccountPasswordPresent", 0),
        ("AccountSigningCertificatesPresent", 0),
        ("GlobalEndpointTokenVersion", 1 + usize::from(root.token_version_2)),
    ];
    let counts = counts.into_iter().map(|(name, n)| (name, i64::try_from(n).unwrap_or(i64::MAX)));
    let map = counts.chain(QUOTAS).map(|(name, n)| (name.to_owned(), n)).collect();
    Ok(Summary { map: Pairs(map) })
}

/// Makes the report at once; the first answer says `STARTED` all the same, as clients expect.
fn generate_report(cx: &mut Cx<'_>, _: Nothing) -> Result<ReportState, IamError> {
    let key = Key::account(cx.account);
    let earlier = REPORTS.get(cx.tx, &key)?;
    if earlier.as_ref().is_some_and(|report| cx.now.since(report.generated) < REPORT_LIFE) {
        return Ok(ReportState { state: "COMPLETE".into(), description: None });
    }
    let csv = report::csv(cx.tx, cx.account)?;
    REPORTS.put(cx.tx, &key, &Report { csv, generated: cx.now.whole_seconds() });
    let description = match earlier {
        None => "No report exists. Starting a new report generation task",
        Some(_) => "The report has expired. Starting a new report generation task",
    };
    Ok(ReportState { state: "STARTED".into(), description: Some(description.into()) })
}

fn get_report(cx: &mut Cx<'_>, _: Nothing) -> Result<ReportShown, IamError> {
    let report = REPORTS.get(cx.tx, &Key::account(cx.account))?;
    let report = report.ok_or_else(|| {
        IamError::ReportNotPresent("No report exists. Use GenerateCredentialReport to make one.".into())
    })?;
    if cx.now.since(report.generated) >= REPORT_LIFE {
        let words = "The report has expired. Use GenerateCredentialReport to make a new one.";
        return Err(IamError::ReportExpired(words.into()));
    }
    Ok(ReportShown { content: report.csv.into(), format: "text/csv".into(), generated: report.generated })
}
