//! Whom an operation is about when its request may leave the name out: the user who calls, or root.

use super::holder::{self, Holder};
use super::model::{self, User};
use super::{IamError, attached::last_part};
use auth::policy::Principal;
use kernel::Cx;
use kernel::access::Target;
use wire::{Fault, Struct};

/// A user, or root of the caller's account.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Subject {
    Root,
    User(Box<User>),
}

impl Subject {
    /// The user of this name, or the caller.
    ///
    /// # Errors
    /// `NoSuchEntity`; `ValidationError` when a caller that is neither a user nor root names nobody.
    pub(crate) fn of(cx: &Cx<'_>, name: Option<&str>) -> Result<Subject, IamError> {
        let name = match (name, &cx.caller.principal) {
            (Some(name), _) => name,
            (None, Principal::User { arn, .. }) => last_part(arn),
            (None, Principal::Root { .. }) => return Ok(Subject::Root),
            (None, _) => {
                let words = "Must specify userName when calling with non-User credentials";
                return Err(IamError::ValidationError(words.into()));
            }
        };
        holder::find(cx.tx, cx.account, name).map(|user| Subject::User(Box::new(user)))
    }

    /// # Errors
    /// `ValidationError` for root, which has none of what is asked for.
    pub(crate) fn user(self) -> Result<User, IamError> {
        match self {
            Subject::User(user) => Ok(*user),
            Subject::Root => Err(IamError::ValidationError(
                "Must specify userName when calling with non-User credentials".into(),
            )),
        }
    }
}

/// The target of operations whose `UserName` may be left out.
///
/// # Errors
/// When the store cannot be read.
pub(crate) fn access(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    if let Some(name) = request.str("UserName") {
        return Ok(vec![super::access::holder::<User>(cx, name)?.0]);
    }
    Ok(vec![match &cx.caller.principal {
        Principal::User { arn, .. } => super::access::holder::<User>(cx, last_part(arn))?.0,
        Principal::Root { .. } => Target::on(format!("arn:aws:iam::{}:root", cx.account)),
        other => Target::on(model::arn(cx.account, User::NOUN, "/", last_part(&other.arn()))),
    }])
}
