//! What Organizations refuses. Two of its errors carry a reason beside their message.

use wire::{Fault, Value};

wire::errors! {
    /// AWS: <https://docs.aws.amazon.com/organizations/latest/APIReference/CommonErrors.html> and each operation's page.
    pub enum Plain {
        NotInUse = 400, "AWSOrganizationsNotInUseException", "Your account is not a member of an organization.";
        AccessDenied = 400, "AccessDeniedException", "You don't have permissions to access this resource.";
        AlreadyInOrganization = 400, "AlreadyInOrganizationException", "The provided account is already a member of an organization.";
        NotEmpty = 400, "OrganizationNotEmptyException", "To delete an organization you must first remove all member accounts (except the master).";
        AccountNotFound = 400, "AccountNotFoundException", "You specified an account that doesn't exist.";
        AccountAlreadyClosed = 400, "AccountAlreadyClosedException", "The provided account is already closed.";
        MasterCannotLeave = 400, "MasterCannotLeaveOrganizationException", "The management account cannot leave the organization.";
        ParentNotFound = 400, "ParentNotFoundException", "You specified parent that doesn't exist.";
        SourceParentNotFound = 400, "SourceParentNotFoundException", "You specified a source parent that doesn't contain the account.";
        DestinationParentNotFound = 400, "DestinationParentNotFoundException", "You specified a destination parent that doesn't exist.";
        DuplicateAccount = 400, "DuplicateAccountException", "The account is already present in the specified destination.";
        ChildNotFound = 400, "ChildNotFoundException", "You specified a child that doesn't exist.";
        RootNotFound = 400, "RootNotFoundException", "You specified a root that doesn't exist.";
        UnitNotFound = 400, "OrganizationalUnitNotFoundException", "You specified an organizational unit that doesn't exist.";
        UnitNotEmpty = 400, "OrganizationalUnitNotEmptyException", "The specified organizational unit is not empty.";
        DuplicateUnit = 400, "DuplicateOrganizationalUnitException", "An OU with the same name already exists.";
        StatusNotFound = 400, "CreateAccountStatusNotFoundException", "You specified a create account request that doesn't exist.";
        PolicyNotFound = 400, "PolicyNotFoundException", "You specified a policy that doesn't exist.";
        PolicyInUse = 400, "PolicyInUseException", "The policy is attached to one or more entities.";
        PolicyNotAttached = 400, "PolicyNotAttachedException", "The policy isn't attached to the specified target.";
        DuplicatePolicy = 400, "DuplicatePolicyException", "A policy with the same name already exists.";
        DuplicateAttachment = 400, "DuplicatePolicyAttachmentException", "The selected policy is already attached to the specified target.";
        MalformedPolicy(what: String) = 400, "MalformedPolicyDocumentException", "{what}";
        TypeNotEnabled = 400, "PolicyTypeNotEnabledException", "This operation can be performed only for enabled policy types.";
        TypeAlreadyEnabled = 400, "PolicyTypeAlreadyEnabledException", "The specified policy type is already enabled.";
        TypeNotAvailable = 400, "PolicyTypeNotAvailableForOrganizationException", "This policy type is not available in an organization without all features.";
        HandshakeNotFound = 400, "HandshakeNotFoundException", "You specified a handshake that doesn't exist.";
        HandshakeAlreadyInState = 400, "HandshakeAlreadyInStateException", "The specified handshake is already in the requested state.";
        InvalidTransition = 400, "InvalidHandshakeTransitionException", "You can't perform that operation on the current handshake in its current state.";
        DuplicateHandshake = 400, "DuplicateHandshakeException", "A handshake with the same action and target already exists.";
        TargetNotFound = 400, "TargetNotFoundException", "You specified a target that doesn't exist.";
        AlreadyRegistered = 400, "AccountAlreadyRegisteredException", "The provided account is already a delegated administrator for your organization.";
        NotRegistered = 400, "AccountNotRegisteredException", "The provided account is not a registered delegated administrator for your organization.";
        TypeNotBuilt(name: String) = 501, "NotImplemented", "Policies of the type {name} are not built in this version of Virga.";
        Unreadable = 500, "ServiceException", "Organizations can't complete your request because of an internal service error. Try again later.";
    }
}

/// An error on its way to the caller.
#[derive(Clone, PartialEq, Debug)]
pub struct OrgError(Box<Fault>);

impl OrgError {
    /// `ConstraintViolationException` with its reason.
    pub fn constraint(reason: &'static str, message: &str) -> OrgError {
        OrgError::with_reason("ConstraintViolationException", reason, message)
    }

    /// `InvalidInputException` with its reason.
    pub fn input(reason: &'static str, message: &str) -> OrgError {
        OrgError::with_reason("InvalidInputException", reason, message)
    }

    /// `HandshakeConstraintViolationException` with its reason.
    pub fn handshake(reason: &'static str, message: &str) -> OrgError {
        OrgError::with_reason("HandshakeConstraintViolationException", reason, message)
    }

    fn with_reason(code: &str, reason: &'static str, message: &str) -> OrgError {
        OrgError(Box::new(Fault::new(400, code, message).with("Reason", Value::str(reason))))
    }
}

impl From<Plain> for OrgError {
    fn from(plain: Plain) -> OrgError {
        OrgError(Box::new(plain.into()))
    }
}

impl From<OrgError> for Fault {
    fn from(error: OrgError) -> Fault {
        *error.0
    }
}

impl From<kernel::Failure> for OrgError {
    fn from(_: kernel::Failure) -> OrgError {
        Plain::Unreadable.into()
    }
}

impl From<store::StoreError> for OrgError {
    fn from(error: store::StoreError) -> OrgError {
        kernel::Failure::from(error).into()
    }
}
