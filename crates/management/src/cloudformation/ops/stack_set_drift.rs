//! Drift of stack sets: looked for in each of their stacks, and told of.

use super::drift::{DifferenceView, differences, drifts};
use super::stack_instance::{Asked, Begun, Place, begin};
use super::stack_set::{as_self, existing_set, idle_set};
use super::stack_set_operation::{Preferred, page};
use crate::cloudformation::access;
use crate::cloudformation::drift::Drift;
use crate::cloudformation::errors::{CfnError, invalid};
use crate::cloudformation::model::{STACKS, Stack};
use crate::cloudformation::sets::model::{DETECT_DRIFT, OPERATIONS, SetDrift};
use base::Timestamp;
use kernel::Cx;

kernel::ops! { pub(crate) static OPS:
    DetectStackSetDrift: detect, "cloudformation:DetectStackSetDrift", access::stack_set;
    ListStackInstanceResourceDrifts: list, "cloudformation:ListStackInstanceResourceDrifts", access::stack_set;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct Detect {
        name: String = "StackSetName",
        preferences: Option<Preferred> = "OperationPreferences",
        operation: Option<String> = "OperationId",
        call_as: Option<String> = "CallAs",
    }

    /// Of a set, and of an operation on it.
    #[derive(Clone, Debug)]
    pub(crate) struct Details {
        status: String = "DriftStatus",
        detection: String = "DriftDetectionStatus",
        checked: Timestamp = "LastDriftCheckTimestamp",
        total: i64 = "TotalStackInstancesCount",
        drifted: i64 = "DriftedStackInstancesCount",
        in_sync: i64 = "InSyncStackInstancesCount",
        in_progress: i64 = "InProgressStackInstancesCount",
        failed: i64 = "FailedStackInstancesCount",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct List {
        name: String = "StackSetName",
        token: Option<String> = "NextToken",
        most: Option<i64> = "MaxResults",
        statuses: Vec<String> = "StackInstanceResourceDriftStatuses",
        account: String = "StackInstanceAccount",
        region: String = "StackInstanceRegion",
        operation: String = "OperationId",
        call_as: Option<String> = "CallAs",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Drifts {
        drifts: Vec<View> = "Summaries",
        token: Option<String> = "NextToken",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct View {
        stack: String = "StackId",
        name: String = "LogicalResourceId",
        physical: String = "PhysicalResourceId",
        kind: String = "ResourceType",
        differences: Option<Vec<DifferenceView>> = "PropertyDifferences",
        status: String = "StackResourceDriftStatus",
        time: Timestamp = "Timestamp",
    }
}

impl From<SetDrift> for Details {
    fn from(own: SetDrift) -> Details {
        Details {
            status: own.status,
            detection: own.detection,
            checked: own.checked,
            total: own.total.into(),
            drifted: own.drifted.into(),
            in_sync: own.in_sync.into(),
            in_progress: 0,
            failed: own.failed.into(),
        }
    }
}

fn detect(cx: &mut Cx<'_>, req: Detect) -> Result<Begun, CfnError> {
    as_self(req.call_as.as_deref())?;
    let set = idle_set(cx, &req.name)?;
    let mut asked = Asked::new(DETECT_DRIFT, req.operation, req.preferences)?;
    asked.places = set.instances(cx.tx)?.into_iter().map(Place::of).collect();
    begin(cx, &set, asked)
}

fn list(cx: &mut Cx<'_>, req: List) -> Result<Drifts, CfnError> {
    as_self(req.call_as.as_deref())?;
    let set = existing_set(cx, &req.name)?;
    let operation = OPERATIONS.get(cx.tx, &set.operation_key(&req.operation))?;
    let operation = operation.ok_or_else(|| CfnError::NoOperation(req.operation.clone()))?;
    if !operation.looks() {
        return Err(invalid(format!("Operation {} did not detect drift", req.operation)));
    }
    let missing = || CfnError::NoInstance(set.full_id(), req.account.clone(), req.region.clone());
    let instance = set.instance(cx.tx, &req.account, &req.region)?.ok_or_else(missing)?;
    let key = instance.stack.as_deref().and_then(Stack::key_of_arn).ok_or_else(missing)?;
    let stack = STACKS.get(cx.tx, &key)?.ok_or_else(missing)?;
    let all = drifts(cx, &stack, &req.statuses)?;
    let list = format!(
        "cloudformation:ListStackInstanceResourceDrifts {} {} {}",
        stack.id,
        operation.id,
        req.statuses.join(",")
    );
    let (page, token) = page(cx, &list, req.token.as_deref(), req.most, all, |own| own.name.clone())?;
    let view = |own: Drift| View {
        stack: stack.arn(),
        differences: differences(cx, &own),
        name: own.name,
        physical: own.physical,
        kind: own.kind,
        status: own.status,
        time: own.time,
    };
    Ok(Drifts { drifts: page.into_iter().map(view).collect(), token })
}
