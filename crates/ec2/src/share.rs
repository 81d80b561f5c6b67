//! With whom a snapshot or an image is shared, as their requests and answers say it.

use crate::{Ec2Error, Plain};

wire::shape! {
    #[derive(Debug)]
    pub struct Change {
        pub add: Vec<Permission> = "Add",
        pub remove: Vec<Permission> = "Remove",
    }

    #[derive(Debug)]
    pub struct Permission {
        pub user: Option<String> = "UserId",
        pub group: Option<String> = "Group",
    }
}

/// Both ways of saying it, as one list: whether to add, and whom.
///
/// # Errors
/// `InvalidParameterValue` for another type of operation, `MissingParameter` where it has none.
pub fn changes(
    change: Option<Change>,
    kind: Option<&str>,
    users: Vec<String>,
    groups: Vec<String>,
) -> Result<Vec<(bool, Permission)>, Ec2Error> {
    let mut out = Vec::new();
    if let Some(change) = change {
        out.extend(change.add.into_iter().map(|permission| (true, permission)));
        out.extend(change.remove.into_iter().map(|permission| (false, permission)));
    }
    let adds = match kind {
        Some("add") => true,
        Some("remove") => false,
        Some(other) => return Err(Ec2Error::value(other, "operationType", "Valid values: add, remove.")),
        None if users.is_empty() && groups.is_empty() => true,
        None => return Err(Plain::MissingParameter("operationType".into()).into()),
    };
    out.extend(users.into_iter().map(|user| (adds, Permission { user: Some(user), group: None })));
    out.extend(groups.into_iter().map(|group| (adds, Permission { user: None, group: Some(group) })));
    Ok(out)
}

/// All of them: everybody, where it is public, and each account.
pub fn all(is_public: bool, users: impl IntoIterator<Item = String>) -> Vec<Permission> {
    let everybody = is_public.then(|| Permission { user: None, group: Some("all".into()) });
    let users = users.into_iter().map(|user| Permission { user: Some(user), group: None });
    everybody.into_iter().chain(users).collect()
}
