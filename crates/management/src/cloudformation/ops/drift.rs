//! Drift: looked for, and told of.

use super::{changeable, existing, in_stead};
use crate::cloudformation::access;
use crate::cloudformation::drift::{
    CHECKS, Check, DETECTIONS, DRIFTED, DRIFTS, Detection, Difference, Drift, of,
};
use crate::cloudformation::errors::{CfnError, invalid};
use crate::cloudformation::kinds::{On, kind};
use crate::cloudformation::model::{Job, RESOURCES, Resource, SERVICE, Stack, open};
use crate::cloudformation::news;
use crate::cloudformation::work::inspect::{drift, expected};
use crate::cloudformation::work::plan::known;
use base::Timestamp;
use kernel::{As, Cx};
use store::Key;
use wire::Value;

kernel::ops! { pub(crate) static OPS:
    DetectStackDrift: detect, "cloudformation:DetectStackDrift", access::stack_drift;
    DescribeStackDriftDetectionStatus: status, "cloudformation:DescribeStackDriftDetectionStatus", access::any;
    DetectStackResourceDrift: detect_one, "cloudformation:DetectStackResourceDrift", access::stack;
    DescribeStackResourceDrifts: describe, "cloudformation:DescribeStackResourceDrifts", access::stack;
}

const PAGE_MAX: usize = 100;

/// AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-drift.html#what-is-drift>; after
/// an import it is recommended.
const FIT: &[&str] = &[
    "CREATE_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE",
    "UPDATE_ROLLBACK_FAILED",
    "IMPORT_COMPLETE",
    "IMPORT_ROLLBACK_COMPLETE",
];

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct Detect {
        stack: String = "StackName",
        names: Vec<String> = "LogicalResourceIds",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Begun { id: String = "StackDriftDetectionId" }

    #[derive(Clone, Debug)]
    pub(crate) struct Status {
        stack: String = "StackId",
        id: String = "StackDriftDetectionId",
        stack_status: Option<String> = "StackDriftStatus",
        status: String = "DetectionStatus",
        reason: Option<String> = "DetectionStatusReason",
        drifted: Option<i64> = "DriftedStackResourceCount",
        time: Timestamp = "Timestamp",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct DetectOne {
        stack: String = "StackName",
        name: String = "LogicalResourceId",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct One { drift: View = "StackResourceDrift" }

    #[derive(Clone, Debug)]
    pub(crate) struct Describe {
        stack: String = "StackName",
        statuses: Vec<String> = "StackResourceDriftStatusFilters",
        token: Option<String> = "NextToken",
        most: Option<i64> = "MaxResults",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Described {
        drifts: Vec<View> = "StackResourceDrifts",
        token: Option<String> = "NextToken",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct View {
        stack: String = "StackId",
        name: String = "LogicalResourceId",
        physical: Option<String> = "PhysicalResourceId",
        kind: String = "ResourceType",
        expected: Option<String> = "ExpectedProperties",
        actual: Option<String> = "ActualProperties",
        differences: Option<Vec<DifferenceView>> = "PropertyDifferences",
        status: String = "StackResourceDriftStatus",
        reason: Option<String> = "DriftStatusReason",
        time: Timestamp = "Timestamp",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct DifferenceView {
        path: String = "PropertyPath",
        expected: String = "ExpectedValue",
        actual: String = "ActualValue",
        kind: String = "DifferenceType",
    }
}

/// A stack that may be looked at.
fn fit(cx: &Cx<'_>, named: &str) -> Result<Stack, CfnError> {
    let stack = changeable(cx, named)?;
    if FIT.contains(&stack.status.as_str()) {
        return Ok(stack);
    }
    Err(invalid(format!(
        "Drift detection cannot be performed on the stack [{}] while it is in the {} state.",
        stack.arn(),
        stack.status
    )))
}

/// What may be looked at is there.
fn is_there(resource: &Resource) -> bool {
    resource.is_live() && !resource.physical.is_empty()
}

fn detect(cx: &mut Cx<'_>, req: Detect) -> Result<Begun, CfnError> {
    let mut stack = fit(cx, &req.stack)?;
    let key = Key::global().str(&stack.id);
    if CHECKS.contains(cx.tx, &key)? {
        return Err(invalid(format!("Drift detection is already in progress for stack [{}]", stack.arn())));
    }
    let resources = known(cx.tx, &stack)?;
    let there = |name: &String| resources.get(name).is_some_and(is_there);
    if let Some(name) = req.names.iter().find(|name| !there(name)) {
        return Err(invalid(format!("Resource {name} does not exist for stack {}", stack.name)));
    }
    let asked = |name: &&String| req.names.is_empty() || req.names.contains(name);
    let left = resources.keys().filter(asked).cloned().collect();
    let detection = Detection {
        id: base::id::uuid(cx.rng()),
        stack: stack.arn(),
        started: cx.now,
        status: "DETECTION_IN_PROGRESS".into(),
        reason: Some("User Initiated".into()),
        ..Detection::default()
    };
    DETECTIONS.put(cx.tx, &Key::regional(cx.account, cx.region).str(&detection.id), &detection);
    news::looked(&std::sync::Arc::clone(cx.cloud()), cx.tx, &stack, &detection, None);
    let check = Check {
        account: stack.account,
        region: stack.region,
        stack: stack.id.clone(),
        detection: detection.id.clone(),
        left,
        failures: Vec::new(),
        job: in_stead(cx, &stack, Job::default())?,
    };
    CHECKS.put(cx.tx, &key, &check);
    stack.drift_checked = Some(cx.now);
    stack.save(cx.tx);
    Ok(Begun { id: detection.id })
}

fn status(cx: &mut Cx<'_>, req: Begun) -> Result<Status, CfnError> {
    let found = DETECTIONS.get(cx.tx, &Key::regional(cx.account, cx.region).str(&req.id))?;
    let found = found.ok_or_else(|| invalid(format!("Drift detection with id {} does not exist", req.id)))?;
    Ok(Status {
        stack: found.stack,
        id: found.id,
        stack_status: found.stack_status,
        status: found.status,
        reason: found.reason,
        drifted: found.drifted.map(i64::from),
        time: found.started,
    })
}

fn detect_one(cx: &mut Cx<'_>, req: DetectOne) -> Result<One, CfnError> {
    let mut stack = fit(cx, &req.stack)?;
    let missing = || invalid(format!("Resource {} does not exist for stack {}", req.name, stack.name));
    let resource = RESOURCES.get(cx.tx, &stack.key().str(&req.name))?.filter(is_there).ok_or_else(missing)?;
    let Some(look) = kind(&resource.kind).and_then(|kind| kind.look) else {
        return Err(invalid("Drift detection is not supported for the specified ResourceType"));
    };
    let cloud = std::sync::Arc::clone(cx.cloud());
    let expected = expected(&cloud, cx.tx, &stack, &resource).map_err(|_| CfnError::Internal)?;
    let (nothing, known) = (Value::Map(Vec::new()), open(&cloud, &resource.attributes));
    let seen = (look.read)(&mut On {
        cx,
        who: As::CallerVia(SERVICE),
        whole: &stack,
        job: &Job::default(),
        stack: &stack.name,
        logical: &resource.name,
        wanted: &expected.properties,
        before: &nothing,
        physical: &resource.physical,
        known: &known,
        told: None,
        misfit: Default::default(),
    });
    let drift = drift(&cloud, &resource, look, &expected, seen);
    DRIFTS.put(cx.tx, &resource.key(&stack), &drift);
    // A stack has drifted as soon as one of its resources has.
    if drift.has_drifted() {
        stack.drift = Some(DRIFTED.to_owned());
    }
    stack.drift_checked = Some(cx.now);
    stack.save(cx.tx);
    Ok(One { drift: view(cx, &stack, drift) })
}

fn describe(cx: &mut Cx<'_>, req: Describe) -> Result<Described, CfnError> {
    let stack = existing(cx, &req.stack)?;
    let list = format!("cloudformation:DescribeStackResourceDrifts {} {}", stack.id, req.statuses.join(","));
    let after = match &req.token {
        None => None,
        Some(token) => {
            let position =
                cx.pager().position(&list, token).map_err(|_| invalid("The NextToken is not valid."))?;
            Some(String::from_utf8_lossy(&position).into_owned())
        }
    };
    let most = req.most.and_then(|most| usize::try_from(most).ok()).unwrap_or(PAGE_MAX);
    let found = drifts(cx, &stack, &req.statuses)?;
    let skip = after.map_or(0, |after| found.iter().take_while(|drift| drift.name <= after).count());
    let more = found.len() > skip + most;
    let page: Vec<Drift> = found.into_iter().skip(skip).take(most).collect();
    let token = page.last().filter(|_| more).map(|last| cx.pager().token(&list, last.name.as_bytes()));
    Ok(Described { drifts: page.into_iter().map(|drift| view(cx, &stack, drift)).collect(), token })
}

/// What was found of the resources of a stack, by name: of these statuses, or of all.
pub(super) fn drifts(cx: &Cx<'_>, stack: &Stack, statuses: &[String]) -> Result<Vec<Drift>, CfnError> {
    let mut found = Vec::new();
    for resource in known(cx.tx, stack)?.values().filter(|resource| resource.is_live()) {
        let drift = of(cx.tx, stack, resource)?;
        found.extend(drift.filter(|drift| statuses.is_empty() || statuses.contains(&drift.status)));
    }
    Ok(found)
}

/// `None` where there are none.
pub(super) fn differences(cx: &Cx<'_>, drift: &Drift) -> Option<Vec<DifferenceView>> {
    let one = |found: Difference| DifferenceView {
        path: found.path,
        expected: found.expected,
        actual: found.actual,
        kind: found.kind,
    };
    let all: Vec<DifferenceView> = drift.differences(cx.cloud()).into_iter().map(one).collect();
    (!all.is_empty()).then_some(all)
}

fn view(cx: &Cx<'_>, stack: &Stack, drift: Drift) -> View {
    let cloud = cx.cloud();
    View {
        stack: stack.arn(),
        expected: drift.expected(cloud),
        actual: drift.actual(cloud),
        differences: differences(cx, &drift),
        name: drift.name,
        physical: Some(drift.physical),
        kind: drift.kind,
        status: drift.status,
        reason: drift.reason,
        time: drift.time,
    }
}
