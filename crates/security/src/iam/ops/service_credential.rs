//! User names and passwords for single services: Git credentials of CodeCommit, logins of Keyspaces.
//!
//! AWS: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateServiceSpecificCredential.html>
//!
//! Not here: API keys (of Bedrock and CloudWatch Logs), which are refused as not supported, because nothing here would
//! take them; and CodeCommit and Keyspaces themselves.

use super::{active, status};
use crate::iam::holder;
use crate::iam::model::{SERVICE_CREDENTIALS, ServiceCredential, USERS, User, of_user};
use crate::iam::page::Paging;
use crate::iam::subject::Subject;
use crate::iam::{IamError, access::credential as access, quota};
use base::{Rng, Timestamp};
use kernel::{Cx, Empty};
use store::{Direction, Key};

const SERVICES: [&str; 2] = ["codecommit.amazonaws.com", "cassandra.amazonaws.com"];
const PER_SERVICE_MAX: usize = 2;
/// The purpose under which passwords are sealed.
const SECRET_PURPOSE: &str = "iam/service-credential";
const PASSWORD: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
const PASSWORD_LEN: usize = 44;

kernel::ops! {
    pub static OPS:
    CreateServiceSpecificCredential: create, "iam:CreateServiceSpecificCredential", access::new_service_credential;
    ListServiceSpecificCredentials: list, "iam:ListServiceSpecificCredentials", access::service_credentials;
    UpdateServiceSpecificCredential: update, "iam:UpdateServiceSpecificCredential", access::service_credential;
    ResetServiceSpecificCredential: reset, "iam:ResetServiceSpecificCredential", access::service_credential;
    DeleteServiceSpecificCredential: delete, "iam:DeleteServiceSpecificCredential", access::service_credential;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub struct Create {
        pub user_name: String = "UserName",
        pub service: String = "ServiceName",
        pub age_days: Option<u32> = "CredentialAgeDays",
    }

    #[derive(Clone, Debug)]
    pub struct Shown {
        pub created: Timestamp = "CreateDate",
        pub service: String = "ServiceName",
        pub login: String = "ServiceUserName",
        pub password: Option<String> = "ServicePassword",
        pub id: String = "ServiceSpecificCredentialId",
        pub user_name: String = "UserName",
        pub status: String = "Status",
    }

    #[derive(Clone, Debug)]
    pub struct One {
        pub credential: Shown = "ServiceSpecificCredential",
    }

    #[derive(Clone, Debug)]
    pub struct List {
        pub user_name: Option<String> = "UserName",
        pub service: Option<String> = "ServiceName",
        pub all_users: Option<bool> = "AllUsers",
        pub marker: Option<String> = "Marker",
        pub max_items: Option<i32> = "MaxItems",
    }

    #[derive(Clone, Debug)]
    pub struct Brief {
        pub created: Timestamp = "CreateDate",
        pub service: String = "ServiceName",
        pub login: String = "ServiceUserName",
        pub id: String = "ServiceSpecificCredentialId",
        pub user_name: String = "UserName",
        pub status: String = "Status",
    }

    #[derive(Clone, Debug)]
    pub struct Listed {
        pub credentials: Vec<Brief> = "ServiceSpecificCredentials",
        pub is_truncated: bool = "IsTruncated",
        pub marker: Option<String> = "Marker",
    }

    #[derive(Clone, Debug)]
    pub struct Update {
        pub user_name: Option<String> = "UserName",
        pub id: String = "ServiceSpecificCredentialId",
        pub status: String = "Status",
    }

    #[derive(Clone, Debug)]
    pub struct Named {
        pub user_name: Option<String> = "UserName",
        pub id: String = "ServiceSpecificCredentialId",
    }
}

fn shown(user: &User, of: ServiceCredential, password: String) -> One {
    One {
        credential: Shown {
            created: of.created,
            service: of.service,
            login: of.login,
            password: Some(password),
            id: of.id,
            user_name: user.name.clone(),
            status: status(of.active),
        },
    }
}

fn all(cx: &Cx<'_>, user: &User) -> Result<Vec<ServiceCredential>, IamError> {
    let own = of_user(cx.account, &user.id);
    let list: Result<Vec<_>, _> = SERVICE_CREDENTIALS.scan(cx.tx, &own, Direction::Forward).collect();
    Ok(list?.into_iter().map(|(_, of)| of).collect())
}

fn find(cx: &Cx<'_>, user: &User, id: &str) -> Result<(Key, ServiceCredential), IamError> {
    let key = of_user(cx.account, &user.id).str(id);
    match SERVICE_CREDENTIALS.get(cx.tx, &key)? {
        Some(found) => Ok((key, found)),
        None => Err(IamError::NoSuchEntity(format!("No such credential {id} exists."))),
    }
}

fn must_be_supported(service: &str) -> Result<(), IamError> {
    if SERVICES.contains(&service) {
        return Ok(());
    }
    Err(IamError::ServiceNotSupported(format!("{service} has no service-specific credentials here.")))
}

fn password(rng: &Rng) -> String {
    rng.text(PASSWORD, PASSWORD_LEN)
}

fn create(cx: &mut Cx<'_>, req: Create) -> Result<One, IamError> {
    let user: User = holder::find(cx.tx, cx.account, &req.user_name)?;
    must_be_supported(&req.service)?;
    if req.age_days.is_some() {
        let words = format!("CredentialAgeDays is not supported for {}.", req.service);
        return Err(IamError::ValidationError(words));
    }
    let held = all(cx, &user)?;
    let same = held.iter().filter(|of| of.service == req.service).count();
    if same >= PER_SERVICE_MAX {
        return Err(quota("ServiceSpecificCredentialsPerUser", PER_SERVICE_MAX));
    }
    // The second credential of a service has a user name of its own.
    let (name, account) = (&user.name, cx.account);
    let first = format!("{name}-at-{account}");
    let is_taken = held.iter().any(|of| of.service == req.service && of.login == first);
    let login = if is_taken { format!("{name}+1-at-{account}") } else { first };
    let password = password(cx.rng());
    let credential = ServiceCredential {
        id: base::id::iam_unique_id(cx.rng(), "ACCA"),
        service: req.service,
        login,
        sealed_secret: cx.sealer().seal(cx.rng(), SECRET_PURPOSE, password.as_bytes()),
        active: true,
        created: cx.now.whole_seconds(),
    };
    SERVICE_CREDENTIALS.put(cx.tx, &of_user(cx.account, &user.id).str(&credential.id), &credential);
    Ok(shown(&user, credential, password))
}

fn list(cx: &mut Cx<'_>, req: List) -> Result<Listed, IamError> {
    let everyone = req.all_users.unwrap_or(false);
    if everyone && req.user_name.is_some() {
        let words = "AllUsers cannot be specified together with UserName.";
        return Err(IamError::ValidationError(words.into()));
    }
    if let Some(service) = &req.service {
        must_be_supported(service)?;
    }
    let users = if everyone {
        let scan = USERS.scan(cx.tx, &Key::account(cx.account), Direction::Forward);
        scan.map(|pair| Ok(pair?.1)).collect::<Result<Vec<User>, IamError>>()?
    } else {
        vec![Subject::of(cx, req.user_name.as_deref())?.user()?]
    };
    let mut found = Vec::new();
    for user in users {
        let own = all(cx, &user)?.into_iter();
        let own = own.filter(|of| req.service.as_ref().is_none_or(|service| of.service == *service));
        found.extend(own.map(|of| Brief {
            created: of.created,
            service: of.service,
            login: of.login,
            id: of.id,
            user_name: user.name.clone(),
            status: status(of.active),
        }));
    }
    let whose = if everyone { "*".into() } else { req.user_name.unwrap_or_default().to_lowercase() };
    let filters = [whose.as_str(), req.service.as_deref().unwrap_or_default()];
    let paging = Paging::of(cx, &filters, req.marker.as_deref(), req.max_items)?;
    let (credentials, is_truncated, marker) = paging.slice(cx, found, |of| of.id.clone()).parts();
    Ok(Listed { credentials, is_truncated, marker })
}

fn update(cx: &mut Cx<'_>, req: Update) -> Result<Empty, IamError> {
    let user = Subject::of(cx, req.user_name.as_deref())?.user()?;
    let (key, mut found) = find(cx, &user, &req.id)?;
    found.active = active(&req.status)?;
    SERVICE_CREDENTIALS.put(cx.tx, &key, &found);
    Ok(Empty)
}

/// The old password is good no longer.
fn reset(cx: &mut Cx<'_>, req: Named) -> Result<One, IamError> {
    let user = Subject::of(cx, req.user_name.as_deref())?.user()?;
    let (key, mut found) = find(cx, &user, &req.id)?;
    let password = password(cx.rng());
    found.sealed_secret = cx.sealer().seal(cx.rng(), SECRET_PURPOSE, password.as_bytes());
    SERVICE_CREDENTIALS.put(cx.tx, &key, &found);
    Ok(shown(&user, found, password))
}

fn delete(cx: &mut Cx<'_>, req: Named) -> Result<Empty, IamError> {
    let user = Subject::of(cx, req.user_name.as_deref())?.user()?;
    let (key, _) = find(cx, &user, &req.id)?;
    SERVICE_CREDENTIALS.delete(cx.tx, &key);
    Ok(Empty)
}
