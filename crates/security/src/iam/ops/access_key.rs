//! Access keys of users and of root.
//!
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html>

use super::status;
use crate::iam::directory::SECRET_PURPOSE;
use crate::iam::holder;
use crate::iam::model::{ACCESS_KEYS, AccessKey, Account};
use crate::iam::page::Paging;
use crate::iam::subject::{self, Subject};
use crate::iam::{IamError, access::credential as access, quota};
use base::{AccountId, Rng, Timestamp};
use kernel::{Cx, Empty};
use store::Key;

const KEYS_PER_USER_MAX: usize = 2;

kernel::ops! {
    pub static OPS:
    CreateAccessKey: create_access_key, "iam:CreateAccessKey", subject::access;
    ListAccessKeys: list_access_keys, "iam:ListAccessKeys", subject::access;
    UpdateAccessKey: update_access_key, "iam:UpdateAccessKey", subject::access;
    DeleteAccessKey: delete_access_key, "iam:DeleteAccessKey", subject::access;
    GetAccessKeyLastUsed: get_last_used, "iam:GetAccessKeyLastUsed", access::key_owner;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub struct CreateAccessKey {
        pub user_name: Option<String> = "UserName",
    }

    #[derive(Clone, Debug)]
    pub struct NewKey {
        pub user_name: Option<String> = "UserName",
        pub id: String = "AccessKeyId",
        pub status: String = "Status",
        pub secret: String = "SecretAccessKey",
        pub create_date: Timestamp = "CreateDate",
    }

    #[derive(Clone, Debug)]
    pub struct Created {
        pub access_key: NewKey = "AccessKey",
    }

    #[derive(Clone, Debug)]
    pub struct ListAccessKeys {
        pub user_name: Option<String> = "UserName",
        pub marker: Option<String> = "Marker",
        pub max_items: Option<i32> = "MaxItems",
    }

    #[derive(Clone, Debug)]
    pub struct KeyShown {
        pub user_name: Option<String> = "UserName",
        pub id: String = "AccessKeyId",
        pub status: String = "Status",
        pub create_date: Timestamp = "CreateDate",
    }

    #[derive(Clone, Debug)]
    pub struct KeyPage {
        pub keys: Vec<KeyShown> = "AccessKeyMetadata",
        pub is_truncated: bool = "IsTruncated",
        pub marker: Option<String> = "Marker",
    }

    #[derive(Clone, Debug)]
    pub struct UpdateAccessKey {
        pub user_name: Option<String> = "UserName",
        pub id: String = "AccessKeyId",
        pub status: String = "Status",
    }

    #[derive(Clone, Debug)]
    pub struct DeleteAccessKey {
        pub user_name: Option<String> = "UserName",
        pub id: String = "AccessKeyId",
    }

    #[derive(Clone, Debug)]
    pub struct GetLastUsed {
        pub id: String = "AccessKeyId",
    }

    #[derive(Clone, Debug)]
    pub struct Use {
        pub date: Option<Timestamp> = "LastUsedDate",
        pub service: String = "ServiceName",
        pub region: String = "Region",
    }

    #[derive(Clone, Debug)]
    pub struct LastUsed {
        pub user_name: Option<String> = "UserName",
        pub last_used: Use = "AccessKeyLastUsed",
    }
}

/// A new key id of an account: `AKIA` and sixteen of base 32, in which AWS's ids hold their account's number.
///
/// The first 48 of the 80 bits are a set bit, the account in 40 bits, and seven more that are chance like the rest.
pub(crate) fn key_id(rng: &Rng, prefix: &str, account: AccountId) -> String {
    const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let chance = u128::from(rng.u64());
    let bits: u128 = 1 << 79 | u128::from(account.number()) << 39 | chance & ((1 << 39) - 1);
    let text = (0..16).rev().map(|i| char::from(BASE32[(bits >> (5 * i)) as usize & 31]));
    prefix.chars().chain(text).collect()
}

fn ids(cx: &Cx<'_>, subject: &Subject) -> Result<Vec<String>, IamError> {
    Ok(match subject {
        Subject::Root => Account::of(cx.tx, cx.account)?.access_keys,
        Subject::User(user) => user.access_keys.clone(),
    })
}

fn set_ids(cx: &mut Cx<'_>, subject: Subject, ids: Vec<String>) -> Result<(), IamError> {
    match subject {
        Subject::Root => {
            let mut account = Account::of(cx.tx, cx.account)?;
            account.access_keys = ids;
            account.save(cx.tx, cx.account);
        }
        Subject::User(mut user) => {
            user.access_keys = ids;
            holder::save(cx.tx, cx.account, &*user);
        }
    }
    Ok(())
}

fn create_access_key(cx: &mut Cx<'_>, req: CreateAccessKey) -> Result<Created, IamError> {
    let subject = Subject::of(cx, req.user_name.as_deref())?;
    let mut held = ids(cx, &subject)?;
    if held.len() >= KEYS_PER_USER_MAX {
        return Err(quota("AccessKeysPerUser", KEYS_PER_USER_MAX));
    }
    let secret = base::id::secret_access_key(cx.rng());
    let key = AccessKey {
        id: key_id(cx.rng(), "AKIA", cx.account),
        account: cx.account,
        user: match &subject {
            Subject::Root => None,
            Subject::User(user) => Some(user.name.clone()),
        },
        sealed_secret: cx.sealer().seal(cx.rng(), SECRET_PURPOSE, secret.as_bytes()),
        active: true,
        created: cx.now.whole_seconds(),
        last_used: None,
        last_used_service: None,
        last_used_region: None,
    };
    held.push(key.id.clone());
    set_ids(cx, subject, held)?;
    ACCESS_KEYS.put(cx.tx, &Key::global().str(&key.id), &key);
    Ok(Created {
        access_key: NewKey {
            user_name: key.user,
            id: key.id,
            status: status(true),
            secret,
            create_date: key.created,
        },
    })
}

fn list_access_keys(cx: &mut Cx<'_>, req: ListAccessKeys) -> Result<KeyPage, IamError> {
    let subject = Subject::of(cx, req.user_name.as_deref())?;
    let filter = req.user_name.unwrap_or_default().to_lowercase();
    let paging = Paging::of(cx, &[&filter], req.marker.as_deref(), req.max_items)?;
    let (ids, is_truncated, marker) = paging.slice(cx, ids(cx, &subject)?, String::clone).parts();
    let mut keys = Vec::with_capacity(ids.len());
    for id in ids {
        let key = ACCESS_KEYS.get(cx.tx, &Key::global().str(&id))?;
        keys.extend(key.map(|key| KeyShown {
            user_name: key.user,
            id: key.id,
            status: status(key.active),
            create_date: key.created,
        }));
    }
    Ok(KeyPage { keys, is_truncated, marker })
}

/// The key, where it is one of the subject's.
fn find(cx: &Cx<'_>, subject: &Subject, id: &str) -> Result<AccessKey, IamError> {
    let missing = || IamError::NoSuchEntity(format!("The Access Key with id {id} cannot be found."));
    if !ids(cx, subject)?.iter().any(|held| held == id) {
        return Err(missing());
    }
    ACCESS_KEYS.get(cx.tx, &Key::global().str(id))?.ok_or_else(missing)
}

fn update_access_key(cx: &mut Cx<'_>, req: UpdateAccessKey) -> Result<Empty, IamError> {
    let subject = Subject::of(cx, req.user_name.as_deref())?;
    let mut key = find(cx, &subject, &req.id)?;
    key.active = super::active(&req.status)?;
    ACCESS_KEYS.put(cx.tx, &Key::global().str(&key.id), &key);
    Ok(Empty)
}

fn delete_access_key(cx: &mut Cx<'_>, req: DeleteAccessKey) -> Result<Empty, IamError> {
    let subject = Subject::of(cx, req.user_name.as_deref())?;
    let key = find(cx, &subject, &req.id)?;
    let mut held = ids(cx, &subject)?;
    held.retain(|id| *id != key.id);
    set_ids(cx, subject, held)?;
    ACCESS_KEYS.delete(cx.tx, &Key::global().str(&key.id));
    Ok(Empty)
}

/// A key that is not the account's is refused like one that the caller may not see.
fn get_last_used(cx: &mut Cx<'_>, req: GetLastUsed) -> Result<LastUsed, IamError> {
    let key = ACCESS_KEYS.get(cx.tx, &Key::global().str(&req.id))?;
    let Some(key) = key.filter(|key| key.account == cx.account) else {
        let (caller, id) = (cx.caller.arn(), req.id);
        return Err(IamError::AccessDenied(format!(
            "User: {caller} is not authorized to perform: iam:GetAccessKeyLastUsed on resource: access key {id}"
        )));
    };
    let unknown = || "N/A".to_owned();
    Ok(LastUsed {
        user_name: key.user,
        last_used: Use {
            date: key.last_used,
            service: key.last_used_service.unwrap_or_else(unknown),
            region: key.last_used_region.unwrap_or_else(unknown),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::key_id;
    use base::{AccountId, Rng};

    /// The arithmetic that AWS's users know: bits 46 to 7 of the first six bytes.
    fn account_of(id: &str) -> u64 {
        const BASE32: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let bits = id[4..].chars().fold(0u128, |n, c| n << 5 | BASE32.find(c).unwrap() as u128);
        ((bits >> 32) as u64 & 0x7fff_ffff_ff80) >> 7
    }

    #[test]
    fn an_id_tells_its_account() {
        let rng = Rng::seeded(1);
        for number in [0, 42, 123_456_789_012, 999_999_999_999] {
            let id = key_id(&rng, "AKIA", AccountId::from_number(number));
            assert_eq!((id.len(), account_of(&id)), (20, number), "{id}");
        }
        // A published key and the account that it is known to be of.
        assert_eq!(account_of("ASIAQNZGKIQY56JQ7WML"), 29_608_264_753);
    }
}
