//! Product providers: who may create delegation requests, from which policy templates, and which permissions boundaries the
//! roles that they make can have.
//!
//! AWS registers its partners by mail and gives them the ARNs of what they have handed in. Here whoever runs the cloud does,
//! by `virga partner`; there is no API for it. Templates and boundaries are never changed: a new one has a new name.
//!
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies-temporary-delegation-partner-guide.html>

use super::template;
use crate::iam::model::{PARTNER_BOUNDARIES, PROVIDERS, Provider, Registered, TEMPLATES};
use auth::policy::{Policy, PolicyKind};
use base::AccountId;
use kernel::Cloud;
use store::{CommitError, Direction, Key, Table, Tx};

/// AWS: of a requestor's name.
const NAME_CHARACTERS_MAX: usize = 30;
const POLICY_CHARACTERS_MAX: usize = 6144;

/// What a provider can have registered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Template,
    Boundary,
}

impl Kind {
    fn table(self) -> &'static Table<Registered> {
        match self {
            Kind::Template => &TEMPLATES,
            Kind::Boundary => &PARTNER_BOUNDARIES,
        }
    }
}

/// Registers an account as a provider, or gives it another name.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn register(cloud: &Cloud, account: AccountId, name: &str, domain: &str) -> Result<(), String> {
    let is_named = !name.is_empty() && name.chars().count() <= NAME_CHARACTERS_MAX && name.is_ascii();
    if !is_named {
        return Err(format!("the name must have one to {NAME_CHARACTERS_MAX} characters of ASCII"));
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || ".-".contains(c);
    if domain.is_empty() || domain.len() > 100 || !domain.chars().all(fits) {
        return Err("the domain must be like example.com".into());
    }
    commit(cloud, |tx| {
        let provider = Provider { account, name: name.to_owned(), domain: domain.to_owned() };
        PROVIDERS.put(tx, &Key::account(account), &provider);
        Ok(())
    })
}

/// Registers a policy template or a permissions boundary, and answers its ARN.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn add(
    cloud: &Cloud,
    account: AccountId,
    kind: Kind,
    name: &str,
    document: &str,
) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "+=,.@_-".contains(c);
    if name.is_empty() || name.len() > 128 || !name.chars().all(fits) {
        return Err("the name must have one to 128 letters, digits and +=,.@_-".into());
    }
    match kind {
        Kind::Template => template::check(document).map_err(|unfit| unfit.0)?,
        Kind::Boundary => {
            if !has_date(name) {
                return Err("the name of a boundary must end with a date: Boundary_2026_01_15".into());
            }
            if document.chars().filter(|c| !c.is_whitespace()).count() > POLICY_CHARACTERS_MAX {
                return Err(format!("the boundary exceeds {POLICY_CHARACTERS_MAX} characters"));
            }
            Policy::parse(document, PolicyKind::Identity).map_err(|malformed| malformed.message)?;
        }
    }
    commit(cloud, |tx| {
        let provider = PROVIDERS.get(tx, &Key::account(account)).map_err(|e| e.to_string())?;
        let provider = provider.ok_or_else(|| format!("account {account} is not a product provider"))?;
        let arn = match kind {
            Kind::Template => format!("arn:aws:iam:::delegation-template/{name}"),
            Kind::Boundary => {
                format!("arn:aws:iam::partner:policy/permissions-boundary/{}/{name}", provider.domain)
            }
        };
        let key = Key::global().str(&arn);
        if kind.table().contains(tx, &key).map_err(|e| e.to_string())? {
            return Err(format!("{arn} is registered already; a new version has a name of its own"));
        }
        let registered = Registered {
            arn: arn.clone(),
            provider: account,
            document: document.to_owned(),
            created: cloud.clock().now().whole_seconds(),
            policy_id: base::id::iam_unique_id(cloud.rng(), "ANPA"),
        };
        kind.table().put(tx, &key, &registered);
        Ok(arn)
    })
}

/// `_2026_01_15` or `_20260115` at the end.
fn has_date(name: &str) -> bool {
    let digits = name.rsplit(|c: char| !c.is_ascii_digit() && c != '_').next().unwrap_or_default();
    let at = digits.find('_').map_or("", |at| &digits[at..]);
    let count = at.chars().filter(char::is_ascii_digit).count();
    count == 8
}

/// A provider and the ARNs of what it has registered.
#[derive(Clone, PartialEq, Debug)]
pub struct Listed {
    pub provider: Provider,
    pub templates: Vec<String>,
    pub boundaries: Vec<String>,
}

/// All providers.
///
/// # Errors
/// The store's own.
pub fn all(cloud: &Cloud) -> Result<Vec<Listed>, store::StoreError> {
    let snapshot = cloud.store().snapshot();
    let of = |table: &Table<Registered>| {
        let found = table.scan(&snapshot, &Key::empty(), Direction::Forward);
        found.map(|pair| pair.map(|(_, one)| one)).collect::<Result<Vec<_>, _>>()
    };
    let (templates, boundaries) = (of(&TEMPLATES)?, of(&PARTNER_BOUNDARIES)?);
    let arns = |all: &[Registered], account| {
        all.iter().filter(|one| one.provider == account).map(|one| one.arn.clone()).collect()
    };
    let providers = PROVIDERS.scan(&snapshot, &Key::empty(), Direction::Forward);
    let listed = providers.map(|pair| {
        let provider = pair?.1;
        let account = provider.account;
        Ok(Listed { provider, templates: arns(&templates, account), boundaries: arns(&boundaries, account) })
    });
    listed.collect()
}

/// Runs `change` until no other transaction is in its way.
fn commit<T>(cloud: &Cloud, change: impl Fn(&mut Tx) -> Result<T, String>) -> Result<T, String> {
    loop {
        let mut tx = cloud.store().begin();
        let made = change(&mut tx)?;
        match tx.commit().wait() {
            Ok(_) => return Ok(made),
            Err(CommitError::Conflict) => {}
            Err(error) => return Err(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::has_date;

    #[test]
    fn dates_of_boundaries() {
        for good in ["Boundary_2026_01_15", "Boundary_20260115", "v2_Boundary_2026_01_15"] {
            assert!(has_date(good), "{good}");
        }
        for bad in ["Boundary", "Boundary20260115", "Boundary_2026", "Boundary_2026_01_15x"] {
            assert!(!has_date(bad), "{bad}");
        }
    }
}
