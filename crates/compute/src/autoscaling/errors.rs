//! What Auto Scaling refuses.

wire::errors! {
    /// AWS: <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/CommonErrors.html> and each operation's page.
    pub enum AutoScalingError {
        AccessDenied(what: String) = 403, "AccessDenied", "{what}";
        AlreadyExists(name: String) = 400, "AlreadyExists", "AutoScalingGroup by this name already exists - A group with the name {name} already exists";
        InProgress(name: String) = 400, "ScalingActivityInProgress", "Scaling activity is in progress and blocks this action for the group {name}";
        InvalidNextToken = 400, "InvalidNextToken", "The NextToken value is not valid.";
        Limit(what: String) = 400, "LimitExceeded", "{what}";
        NoGroup(name: String) = 400, "ValidationError", "AutoScalingGroup name not found - AutoScalingGroup {name} not found";
        NoInstance(id: String) = 400, "ValidationError", "Instance Id not found - No managed instance found for instance ID: {id}";
        NoAction(name: String) = 400, "ValidationError", "Scheduled action name not found - Scheduled action '{name}' not found";
        NoPolicy(name: String) = 400, "ValidationError", "No scaling policy found - Policy '{name}' not found";
        SameTime(name: String) = 400, "AlreadyExists", "The scheduled action {name} is due at the same time.";
        Overridden = 400, "ScalingActivityInProgress", "Auto Scaling Policy not executed because its effect does not override in-progress scaling actions";
        ResourceInUse = 400, "ResourceInUse", "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance request(s) still in the group.";
        RefreshInProgress = 400, "InstanceRefreshInProgress", "An Instance Refresh is already in progress and blocks the execution of this Instance Refresh.";
        NoneToCancel(name: String) = 400, "ActiveInstanceRefreshNotFound", "No in progress, baking, pending, or cancelling Instance Refresh found for Auto Scaling group {name}.";
        NoneToRollBack(name: String) = 400, "ActiveInstanceRefreshNotFound", "No in progress or baking Instance Refresh found for Auto Scaling group {name}.";
        Irreversible(what: String) = 400, "IrreversibleInstanceRefresh", "The instance refresh cannot be rolled back: {what}";
        Validation(what: String) = 400, "ValidationError", "{what}";
        Internal = 500, "InternalFailure", "The request processing has failed because of an unknown error, exception or failure.";
    }
}

impl From<kernel::Failure> for AutoScalingError {
    fn from(_: kernel::Failure) -> AutoScalingError {
        AutoScalingError::Internal
    }
}

impl From<store::StoreError> for AutoScalingError {
    fn from(error: store::StoreError) -> AutoScalingError {
        kernel::Failure::from(error).into()
    }
}

/// `ValidationError`
pub(crate) fn invalid(what: impl Into<String>) -> AutoScalingError {
    AutoScalingError::Validation(what.into())
}
