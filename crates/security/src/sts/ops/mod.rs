//! STS's handlers, one file for each family.

pub mod access_key_info;
pub mod assume_role;
pub mod assume_root;
pub mod decode_message;
pub mod delegated_access;
pub mod federation_token;
pub mod identity;
pub mod identity_token;
pub mod saml;
pub mod session_token;
pub mod web_identity;

use super::errors::StsError;
use super::token::Token;
use auth::policy::Principal;
use base::Timestamp;
use kernel::Cx;
use kernel::identity::{Caller, Proof};
use std::time::Duration;

wire::shape! {
    pub struct Credentials {
        pub access_key_id: String = "AccessKeyId",
        pub secret_access_key: String = "SecretAccessKey",
        pub session_token: String = "SessionToken",
        pub expiration: Timestamp = "Expiration",
    }

    #[derive(Clone, Debug)]
    pub struct Tag {
        pub key: String = "Key",
        pub value: String = "Value",
    }
}

/// AWS: the longest session token that can be asked for.
const TOKEN_BYTES_MAX: usize = 4096;

/// Credentials, and how long their session token came out.
pub(crate) struct Issued {
    pub(crate) credentials: Credentials,
    /// `SessionTokenSize`, in bytes.
    pub(crate) size: i64,
    /// `SessionTokenUtilization`, in per cent.
    pub(crate) utilization: i64,
}

impl Issued {
    /// `minimum` is the request's `MinimumSessionTokenSize`.
    pub(crate) fn of(cx: &Cx<'_>, token: &Token, minimum: Option<i64>) -> Issued {
        let mut sealed = token.seal(cx.sealer(), cx.rng());
        let wanted = minimum.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or_default();
        if let Some(missing) = wanted.checked_sub(sealed.len()).filter(|missing| *missing > 0) {
            // Three bytes are four characters of the token.
            let padding = vec![0; (missing * 3).div_ceil(4)];
            sealed = Token { padding, ..token.clone() }.seal(cx.sealer(), cx.rng());
        }
        let length = |bytes: usize| i64::try_from(bytes).unwrap_or(i64::MAX);
        Issued {
            size: length(sealed.len()),
            utilization: length((sealed.len() * 100).div_ceil(TOKEN_BYTES_MAX).min(100)),
            credentials: Credentials {
                access_key_id: token.access_key.clone(),
                secret_access_key: token.secret.clone(),
                session_token: sealed,
                expiration: token.expires,
            },
        }
    }
}

fn pairs(tags: Vec<Tag>) -> Vec<(String, String)> {
    tags.into_iter().map(|tag| (tag.key, tag.value)).collect()
}

/// Credentials begin and end at whole seconds, as AWS's do.
fn lifetime(cx: &Cx<'_>, seconds: i64) -> (Timestamp, Timestamp) {
    let from = cx.now.whole_seconds();
    (from, from.plus(Duration::from_secs(u64::try_from(seconds).unwrap_or(0))))
}

/// Whether the caller holds long-term keys.
fn is_long_term(caller: &Caller) -> bool {
    caller.session.is_none()
}

/// AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_request.html>
fn not_with_session(caller: &Caller, operation: &str) -> Result<(), StsError> {
    if is_long_term(caller) {
        return Ok(());
    }
    Err(StsError::AccessDenied(format!("Cannot call {operation} with session credentials")))
}

/// The name at the end of a user's ARN.
fn user_name(caller: &Caller) -> String {
    crate::iam::last_part(&caller.arn()).to_owned()
}

/// Checks the MFA code of a request. `None` where it has none.
///
/// # Errors
/// `AccessDenied` for half a proof, and for one that does not hold.
fn mfa(cx: &mut Cx<'_>, serial: Option<&str>, code: Option<&str>) -> Result<Option<Timestamp>, StsError> {
    let (serial, code) = match (serial, code) {
        (None, None) => return Ok(None),
        (Some(serial), Some(code)) => (serial, code),
        _ => {
            let what = "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.";
            return Err(StsError::AccessDenied(what.into()));
        }
    };
    let proof = match &cx.caller.principal {
        Principal::User { .. } | Principal::Root { .. } if is_long_term(cx.caller) => {
            cx.prove(serial, code)?
        }
        _ => Proof::NotTheirs,
    };
    match proof {
        Proof::Held => Ok(Some(cx.now)),
        Proof::WrongCode => {
            let what = "MultiFactorAuthentication failed with invalid MFA one time pass code. ";
            Err(StsError::AccessDenied(what.into()))
        }
        Proof::NotTheirs => {
            let what = "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial \
                        number is valid and associated with this user.";
            Err(StsError::AccessDenied(what.into()))
        }
    }
}
