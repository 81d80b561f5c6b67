//! What is asked: a principal, an action, a resource, and the context.

use super::arn::Split;
use super::context::Context;
use super::principal::Principal;

/// One authorization question.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    pub principal: &'a Principal,
    /// `s3:GetObject`; case does not matter to the decision, and denial messages repeat it as it stands.
    pub action: &'a str,
    /// The resource's ARN, or `*` for actions that are about none.
    pub resource: &'a str,
    /// The twelve digits of the account that owns the resource (an S3 bucket's ARN does not tell).
    pub resource_account: &'a str,
    /// The canonical user id of the principal's account, which S3 policies may name.
    pub canonical_id: Option<&'a str>,
    pub context: &'a Context<'a>,
}

impl Request<'_> {
    /// Whether the principal belongs to the account that owns the resource. Principals without an account (services,
    /// token bearers, anonymous callers) belong to none.
    pub fn is_same_account(&self) -> bool {
        self.principal.account().is_some_and(|account| account.as_str() == self.resource_account)
    }
}

/// A request with the work that all statements share done once.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) request: &'a Request<'a>,
    /// In lower case.
    pub(super) action: String,
    pub(super) resource: Split<'a>,
}

impl<'a> Asked<'a> {
    pub(super) fn new(request: &'a Request<'a>) -> Asked<'a> {
        let action = request.action.to_ascii_lowercase();
        Asked { request, action, resource: Split::of(request.resource) }
    }
}
