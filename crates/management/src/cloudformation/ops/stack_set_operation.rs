//! Operations on stack sets: what they are to do, what they have come to, and how they are stopped.

use super::stack_set::{as_self, existing_set};
use super::stack_set_drift::Details as DriftDetails;
use crate::cloudformation::access;
use crate::cloudformation::errors::{CfnError, invalid};
use crate::cloudformation::news;
use crate::cloudformation::sets::model::{OPERATIONS, Operation, Outcome, Preferences, StackSet};
use base::Timestamp;
use kernel::{Cx, Empty};
use store::Direction;

kernel::ops! { pub(crate) static OPS:
    DescribeStackSetOperation: describe, "cloudformation:DescribeStackSetOperation", access::stack_set;
    ListStackSetOperations: list, "cloudformation:ListStackSetOperations", access::stack_set;
    ListStackSetOperationResults: results, "cloudformation:ListStackSetOperationResults", access::stack_set;
    StopStackSetOperation: stop, "cloudformation:StopStackSetOperation", access::stack_set;
}

const PAGE_MAX: usize = 100;

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct Preferred {
        regions: Option<String> = "RegionConcurrencyType",
        order: Option<Vec<String>> = "RegionOrder",
        tolerance: Option<i64> = "FailureToleranceCount",
        tolerance_percent: Option<i64> = "FailureTolerancePercentage",
        most: Option<i64> = "MaxConcurrentCount",
        most_percent: Option<i64> = "MaxConcurrentPercentage",
        mode: Option<String> = "ConcurrencyMode",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct One {
        name: String = "StackSetName",
        id: String = "OperationId",
        call_as: Option<String> = "CallAs",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Described { operation: View = "StackSetOperation" }

    #[derive(Clone, Debug)]
    pub(crate) struct Details { failed: i64 = "FailedStackInstancesCount" }

    #[derive(Clone, Debug)]
    pub(crate) struct TargetsView { units: Vec<String> = "OrganizationalUnitIds" }

    #[derive(Clone, Debug)]
    pub(crate) struct View {
        id: String = "OperationId",
        set: String = "StackSetId",
        action: String = "Action",
        status: String = "Status",
        preferences: Option<Preferred> = "OperationPreferences",
        retain: Option<bool> = "RetainStacks",
        administrator: Option<String> = "AdministrationRoleARN",
        executor: Option<String> = "ExecutionRoleName",
        targets: Option<TargetsView> = "DeploymentTargets",
        drift: Option<DriftDetails> = "StackSetDriftDetectionDetails",
        created: Timestamp = "CreationTimestamp",
        ended: Option<Timestamp> = "EndTimestamp",
        details: Details = "StatusDetails",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct List {
        name: String = "StackSetName",
        token: Option<String> = "NextToken",
        most: Option<i64> = "MaxResults",
        call_as: Option<String> = "CallAs",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Operations {
        operations: Vec<Summary> = "Summaries",
        token: Option<String> = "NextToken",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Summary {
        id: String = "OperationId",
        action: String = "Action",
        status: String = "Status",
        created: Timestamp = "CreationTimestamp",
        ended: Option<Timestamp> = "EndTimestamp",
        details: Details = "StatusDetails",
        preferences: Option<Preferred> = "OperationPreferences",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct ListResults {
        name: String = "StackSetName",
        id: String = "OperationId",
        token: Option<String> = "NextToken",
        most: Option<i64> = "MaxResults",
        call_as: Option<String> = "CallAs",
        filters: Vec<ResultFilter> = "Filters",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct ResultFilter {
        name: Option<String> = "Name",
        values: Option<String> = "Values",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Results {
        results: Vec<ResultView> = "Summaries",
        token: Option<String> = "NextToken",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct ResultView {
        account: String = "Account",
        region: String = "Region",
        status: String = "Status",
        reason: Option<String> = "StatusReason",
        unit: Option<String> = "OrganizationalUnitId",
    }
}

fn count(number: Option<i64>) -> Option<u32> {
    number.and_then(|number| u32::try_from(number).ok())
}

impl Preferred {
    /// As they are kept, if they fit together.
    pub(super) fn checked(self) -> Result<Preferences, CfnError> {
        let both = |one: Option<i64>, other: Option<i64>, names: [&str; 2]| match (one, other) {
            (Some(_), Some(_)) => {
                let [one, other] = names;
                Err(invalid(format!("You can specify either {one} or {other}, but not both.")))
            }
            _ => Ok(()),
        };
        let names = ["FailureToleranceCount", "FailureTolerancePercentage"];
        both(self.tolerance, self.tolerance_percent, names)?;
        both(self.most, self.most_percent, ["MaxConcurrentCount", "MaxConcurrentPercentage"])?;
        Ok(Preferences {
            regions: self.regions,
            order: self.order.unwrap_or_default(),
            tolerance: count(self.tolerance),
            tolerance_percent: count(self.tolerance_percent),
            most: count(self.most),
            most_percent: count(self.most_percent),
            mode: self.mode,
        })
    }

    fn of(own: Preferences) -> Preferred {
        let number = |number: Option<u32>| number.map(i64::from);
        Preferred {
            regions: own.regions,
            order: (!own.order.is_empty()).then_some(own.order),
            tolerance: number(own.tolerance),
            tolerance_percent: number(own.tolerance_percent),
            most: number(own.most),
            most_percent: number(own.most_percent),
            mode: own.mode,
        }
    }
}

/// A page of what is there, in its order. `list`: what is listed, with all that narrows it; `name`: by what an item is
/// found again.
pub(super) fn page<T>(
    cx: &Cx<'_>,
    list: &str,
    token: Option<&str>,
    most: Option<i64>,
    all: Vec<T>,
    name: impl Fn(&T) -> String,
) -> Result<(Vec<T>, Option<String>), CfnError> {
    let list = format!("{list} {} {}", cx.account, cx.region.name());
    let skip = match token {
        None => 0,
        Some(token) => {
            let position =
                cx.pager().position(&list, token).map_err(|_| invalid("The NextToken is not valid."))?;
            let last = String::from_utf8_lossy(&position).into_owned();
            all.iter().position(|item| name(item) == last).map_or(all.len(), |place| place + 1)
        }
    };
    let most = most.and_then(|most| usize::try_from(most).ok()).unwrap_or(PAGE_MAX);
    let more = all.len() > skip + most;
    let page: Vec<T> = all.into_iter().skip(skip).take(most).collect();
    let next = page.last().filter(|_| more).map(|last| cx.pager().token(&list, name(last).as_bytes()));
    Ok((page, next))
}

fn operation(cx: &Cx<'_>, set: &StackSet, id: &str) -> Result<Operation, CfnError> {
    let found = OPERATIONS.get(cx.tx, &set.operation_key(id))?;
    found.ok_or_else(|| CfnError::NoOperation(id.to_owned()))
}

fn details(cx: &Cx<'_>, set: &StackSet, id: &str) -> Result<Details, CfnError> {
    let failed = set.outcomes(cx.tx, id)?.iter().filter(|outcome| outcome.status == "FAILED").count();
    Ok(Details { failed: i64::try_from(failed).unwrap_or(i64::MAX) })
}

fn describe(cx: &mut Cx<'_>, req: One) -> Result<Described, CfnError> {
    as_self(req.call_as.as_deref())?;
    let set = existing_set(cx, &req.name)?;
    let own = operation(cx, &set, &req.id)?;
    Ok(Described {
        operation: View {
            details: details(cx, &set, &own.id)?,
            id: own.id,
            set: set.full_id(),
            action: own.action,
            status: own.status,
            preferences: own.preferences.map(Preferred::of),
            retain: own.retain,
            administrator: (!set.is_managed()).then_some(own.administrator),
            executor: (!set.is_managed()).then_some(own.executor),
            drift: own.drift.map(DriftDetails::from),
            targets: (!own.units.is_empty()).then_some(TargetsView { units: own.units }),
            created: own.created,
            ended: own.ended,
        },
    })
}

fn list(cx: &mut Cx<'_>, req: List) -> Result<Operations, CfnError> {
    as_self(req.call_as.as_deref())?;
    let set = existing_set(cx, &req.name)?;
    let all = OPERATIONS.scan(cx.tx, &set.key(), Direction::Forward);
    let all: Result<Vec<Operation>, _> = all.map(|entry| entry.map(|(_, own)| own)).collect();
    let mut all = all?;
    // The latest first.
    all.sort_by(|one, other| other.created.cmp(&one.created).then_with(|| one.id.cmp(&other.id)));
    let list = format!("cloudformation:ListStackSetOperations {}", set.id);
    let (page, token) = page(cx, &list, req.token.as_deref(), req.most, all, |own| own.id.clone())?;
    let summary = |own: Operation| {
        Ok(Summary {
            details: details(cx, &set, &own.id)?,
            id: own.id,
            action: own.action,
            status: own.status,
            created: own.created,
            ended: own.ended,
            preferences: own.preferences.map(Preferred::of),
        })
    };
    Ok(Operations { operations: page.into_iter().map(summary).collect::<Result<_, CfnError>>()?, token })
}

fn results(cx: &mut Cx<'_>, req: ListResults) -> Result<Results, CfnError> {
    as_self(req.call_as.as_deref())?;
    let set = existing_set(cx, &req.name)?;
    let own = operation(cx, &set, &req.id)?;
    let mut all = set.outcomes(cx.tx, &own.id)?;
    let of_status = |filter: &&ResultFilter| filter.name.as_deref() == Some("OPERATION_RESULT_STATUS");
    let wanted = req.filters.iter().filter(of_status).filter_map(|filter| filter.values.as_ref());
    let wanted: Vec<&String> = wanted.collect();
    all.retain(|outcome| wanted.iter().all(|wanted| **wanted == outcome.status));
    let list = format!("cloudformation:ListStackSetOperationResults {} {} {wanted:?}", set.id, own.id);
    let name = |outcome: &Outcome| format!("{} {}", outcome.account, outcome.region);
    let (page, token) = page(cx, &list, req.token.as_deref(), req.most, all, name)?;
    let view = |outcome: Outcome| ResultView {
        account: outcome.account,
        region: outcome.region,
        status: outcome.status,
        reason: outcome.reason,
        unit: outcome.unit,
    };
    Ok(Results { results: page.into_iter().map(view).collect(), token })
}

fn stop(cx: &mut Cx<'_>, req: One) -> Result<Empty, CfnError> {
    as_self(req.call_as.as_deref())?;
    let set = existing_set(cx, &req.name)?;
    let mut own = operation(cx, &set, &req.id)?;
    match own.status.as_str() {
        "RUNNING" => {}
        "STOPPING" => return Ok(Empty),
        status => {
            return Err(CfnError::Operation(format!(
                "Operation {} is in status {status} and cannot be stopped.",
                own.id
            )));
        }
    }
    own.status = "STOPPING".to_owned();
    OPERATIONS.put(cx.tx, &set.operation_key(&own.id), &own);
    news::operated(&std::sync::Arc::clone(cx.cloud()), cx.tx, &set, &own);
    Ok(Empty)
}
