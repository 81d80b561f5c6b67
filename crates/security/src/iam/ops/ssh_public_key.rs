//! SSH public keys of users.
//!
//! AWS: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_SSHPublicKey.html>
//!
//! Not here: CodeCommit, which takes such keys.

use super::{active, status};
use crate::iam::holder;
use crate::iam::model::{SSH_PUBLIC_KEYS, SshPublicKey, User, of_user};
use crate::iam::page::Paging;
use crate::iam::subject::{self, Subject};
use crate::iam::{IamError, access::user as access, quota, ssh};
use base::Timestamp;
use kernel::{Cx, Empty};
use store::{Direction, Key};

const PER_USER_MAX: usize = 5;

kernel::ops! {
    pub static OPS:
    UploadSSHPublicKey: upload, "iam:UploadSSHPublicKey", access::one;
    GetSSHPublicKey: get, "iam:GetSSHPublicKey", access::one;
    ListSSHPublicKeys: list, "iam:ListSSHPublicKeys", subject::access;
    UpdateSSHPublicKey: update, "iam:UpdateSSHPublicKey", access::one;
    DeleteSSHPublicKey: delete, "iam:DeleteSSHPublicKey", access::one;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub struct Upload {
        pub user_name: String = "UserName",
        pub body: String = "SSHPublicKeyBody",
    }

    #[derive(Clone, Debug)]
    pub struct Shown {
        pub user_name: String = "UserName",
        pub id: String = "SSHPublicKeyId",
        pub fingerprint: String = "Fingerprint",
        pub body: String = "SSHPublicKeyBody",
        pub status: String = "Status",
        pub uploaded: Timestamp = "UploadDate",
    }

    #[derive(Clone, Debug)]
    pub struct One {
        pub key: Shown = "SSHPublicKey",
    }

    #[derive(Clone, Debug)]
    pub struct Get {
        pub user_name: String = "UserName",
        pub id: String = "SSHPublicKeyId",
        pub encoding: String = "Encoding",
    }

    #[derive(Clone, Debug)]
    pub struct List {
        pub user_name: Option<String> = "UserName",
        pub marker: Option<String> = "Marker",
        pub max_items: Option<i32> = "MaxItems",
    }

    #[derive(Clone, Debug)]
    pub struct Brief {
        pub user_name: String = "UserName",
        pub id: String = "SSHPublicKeyId",
        pub status: String = "Status",
        pub uploaded: Timestamp = "UploadDate",
    }

    #[derive(Clone, Debug)]
    pub struct Listed {
        pub keys: Vec<Brief> = "SSHPublicKeys",
        pub is_truncated: bool = "IsTruncated",
        pub marker: Option<String> = "Marker",
    }

    #[derive(Clone, Debug)]
    pub struct Update {
        pub user_name: String = "UserName",
        pub id: String = "SSHPublicKeyId",
        pub status: String = "Status",
    }

    #[derive(Clone, Debug)]
    pub struct Delete {
        pub user_name: String = "UserName",
        pub id: String = "SSHPublicKeyId",
    }
}

fn shown(user: &User, key: SshPublicKey) -> One {
    One {
        key: Shown {
            user_name: user.name.clone(),
            id: key.id,
            fingerprint: key.fingerprint,
            body: key.body,
            status: status(key.active),
            uploaded: key.uploaded,
        },
    }
}

fn all(cx: &Cx<'_>, user: &User) -> Result<Vec<SshPublicKey>, IamError> {
    let own = of_user(cx.account, &user.id);
    let list: Result<Vec<_>, _> = SSH_PUBLIC_KEYS.scan(cx.tx, &own, Direction::Forward).collect();
    Ok(list?.into_iter().map(|(_, key)| key).collect())
}

fn find(cx: &Cx<'_>, user: &User, id: &str) -> Result<(Key, SshPublicKey), IamError> {
    let key = of_user(cx.account, &user.id).str(id);
    match SSH_PUBLIC_KEYS.get(cx.tx, &key)? {
        Some(found) => Ok((key, found)),
        None => Err(IamError::NoSuchEntity(format!("The SSH Public Key with id {id} cannot be found."))),
    }
}

fn upload(cx: &mut Cx<'_>, req: Upload) -> Result<One, IamError> {
    let user: User = holder::find(cx.tx, cx.account, &req.user_name)?;
    let read = ssh::read(&req.body).ok_or_else(|| {
        IamError::InvalidPublicKey(
            "The public key must be an RSA key of at least 2048 bits, as ssh-rsa or PEM.".into(),
        )
    })?;
    let blob = read.blob();
    let held = all(cx, &user)?;
    if held.iter().any(|key| key.blob == blob) {
        let words = "The SSH public key is associated with this user already.";
        return Err(IamError::DuplicateSshPublicKey(words.into()));
    }
    if held.len() >= PER_USER_MAX {
        return Err(quota("SSHPublicKeysPerUser", PER_USER_MAX));
    }
    let key = SshPublicKey {
        id: base::id::iam_unique_id(cx.rng(), "APKA"),
        fingerprint: read.fingerprint(),
        body: req.body,
        active: true,
        uploaded: cx.now.whole_seconds(),
        blob,
    };
    SSH_PUBLIC_KEYS.put(cx.tx, &of_user(cx.account, &user.id).str(&key.id), &key);
    Ok(shown(&user, key))
}

/// The key in the encoding that is asked for, whatever it was given in.
fn get(cx: &mut Cx<'_>, req: Get) -> Result<One, IamError> {
    let user: User = holder::find(cx.tx, cx.account, &req.user_name)?;
    let (_, mut key) = find(cx, &user, &req.id)?;
    let read = ssh::from_blob(&key.blob).ok_or(IamError::Unreadable)?;
    key.body = if req.encoding == "PEM" { read.pem() } else { read.line() };
    Ok(shown(&user, key))
}

fn list(cx: &mut Cx<'_>, req: List) -> Result<Listed, IamError> {
    let user = Subject::of(cx, req.user_name.as_deref())?.user()?;
    let paging = Paging::of(cx, &[&user.id], req.marker.as_deref(), req.max_items)?;
    let page = paging.slice(cx, all(cx, &user)?, |key| key.id.clone());
    let brief = |key: SshPublicKey| Brief {
        user_name: user.name.clone(),
        id: key.id,
        status: status(key.active),
        uploaded: key.uploaded,
    };
    let (keys, is_truncated, marker) = page.map(brief).parts();
    Ok(Listed { keys, is_truncated, marker })
}

fn update(cx: &mut Cx<'_>, req: Update) -> Result<Empty, IamError> {
    let user: User = holder::find(cx.tx, cx.account, &req.user_name)?;
    let (key, mut found) = find(cx, &user, &req.id)?;
    found.active = active(&req.status)?;
    SSH_PUBLIC_KEYS.put(cx.tx, &key, &found);
    Ok(Empty)
}

fn delete(cx: &mut Cx<'_>, req: Delete) -> Result<Empty, IamError> {
    let user: User = holder::find(cx.tx, cx.account, &req.user_name)?;
    let (key, _) = find(cx, &user, &req.id)?;
    SSH_PUBLIC_KEYS.delete(cx.tx, &key);
    Ok(Empty)
}
