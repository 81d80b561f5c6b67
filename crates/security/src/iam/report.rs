//! The credential report: a row for root and one for each user.
//!
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_getting-report.html>
//!
//! Not here: when the account was created, which this cloud does not record (`N/A`).

use super::IamError;
use super::mfa;
use super::model::{
    ACCESS_KEYS, AccessKey, Account, LOGIN_PROFILES, PasswordPolicy, SIGNING_CERTIFICATES, USERS, User,
    of_user,
};
use base::{AccountId, Timestamp};
use std::time::Duration;
use store::{Direction, Key, Tx};

const HEADER: &str = "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,\
                      password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,\
                      access_key_1_last_used_date,access_key_1_last_used_region,access_key_1_last_used_service,\
                      access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,\
                      access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,\
                      cert_1_last_rotated,cert_2_active,cert_2_last_rotated";
const NONE: &str = "N/A";
const UNSUPPORTED: &str = "not_supported";

/// # Errors
/// The store's own.
pub(crate) fn csv(tx: &Tx, account: AccountId) -> Result<String, IamError> {
    let root = Account::of(tx, account)?;
    let mut out = String::from(HEADER);
    let mut row = vec!["<root_account>".to_owned(), format!("arn:aws:iam::{account}:root"), NONE.into()];
    row.extend([UNSUPPORTED, "no_information", UNSUPPORTED, UNSUPPORTED].map(str::to_owned));
    row.push((!mfa::of_root(tx, account)?.is_empty()).to_string());
    keys(tx, &root.access_keys, &mut row)?;
    row.extend(["false", NONE, "false", NONE].map(str::to_owned));
    add(&mut out, &row);
    for user in USERS.scan(tx, &Key::account(account), Direction::Forward) {
        add(&mut out, &of(tx, account, &user?.1, root.password_policy.as_ref())?);
    }
    Ok(out)
}

/// No field can hold a comma: names may, and are quoted.
fn add(out: &mut String, row: &[String]) {
    out.push('\n');
    let fields: Vec<String> = row.iter().map(|field| quoted(field)).collect();
    out.push_str(&fields.join(","));
}

fn quoted(field: &str) -> String {
    if field.contains(',') { format!("\"{field}\"") } else { field.to_owned() }
}

fn of(
    tx: &Tx,
    account: AccountId,
    user: &User,
    policy: Option<&PasswordPolicy>,
) -> Result<Vec<String>, IamError> {
    let own = of_user(account, &user.id);
    let profile = LOGIN_PROFILES.get(tx, &own)?;
    let mut row = vec![user.name.clone(), user.arn(account), date(Some(user.created))];
    row.push(profile.is_some().to_string());
    match &profile {
        None => row.extend([NONE, NONE, NONE].map(str::to_owned)),
        Some(profile) => {
            row.push(user.password_last_used.map_or("no_information".into(), |at| date(Some(at))));
            row.push(date(Some(profile.changed)));
            let days = policy.and_then(|policy| policy.age_days_max);
            row.push(date(
                days.map(|days| profile.changed.plus(Duration::from_secs(86_400 * u64::from(days)))),
            ));
        }
    }
    row.push((!user.mfa_devices.is_empty()).to_string());
    keys(tx, &user.access_keys, &mut row)?;
    let mut certificates = SIGNING_CERTIFICATES.scan(tx, &own, Direction::Forward);
    for _ in 0..2 {
        let certificate = certificates.next().transpose()?.map(|(_, certificate)| certificate);
        row.push(certificate.as_ref().is_some_and(|c| c.active).to_string());
        row.push(date(certificate.filter(|c| c.active).map(|c| c.uploaded)));
    }
    Ok(row)
}

/// The fields of two access keys, which may not be there.
fn keys(tx: &Tx, ids: &[String], row: &mut Vec<String>) -> Result<(), IamError> {
    for at in 0..2 {
        let key: Option<AccessKey> = match ids.get(at) {
            Some(id) => ACCESS_KEYS.get(tx, &Key::global().str(id))?,
            None => None,
        };
        let active = key.as_ref().filter(|key| key.active);
        row.push(active.is_some().to_string());
        row.push(date(active.map(|key| key.created)));
        row.push(date(key.as_ref().and_then(|key| key.last_used)));
        let text = |value: Option<String>| value.unwrap_or_else(|| NONE.into());
        row.push(text(key.as_ref().and_then(|key| key.last_used_region.clone())));
        row.push(text(key.and_then(|key| key.last_used_service)));
    }
    Ok(())
}

/// `2026-01-15T12:00:00+00:00`.
fn date(at: Option<Timestamp>) -> String {
    at.map_or(NONE.into(), |at| at.whole_seconds().iso8601().replace('Z', "+00:00"))
}
