//! The resources of stacks.

use super::{PAGE_MAX, after, existing, find};
use crate::cloudformation::access;
use crate::cloudformation::drift::{self, NOT_CHECKED};
use crate::cloudformation::errors::{CfnError, invalid};
use crate::cloudformation::model::{RESOURCES, Resource, STACKS, Stack};
use crate::cloudformation::work::plan::known;
use base::Timestamp;
use kernel::Cx;
use store::{Direction, Key};

kernel::ops! { pub(crate) static OPS:
    DescribeStackResource: one, "cloudformation:DescribeStackResource", access::stack;
    DescribeStackResources: several, "cloudformation:DescribeStackResources", access::stack_or_any;
    ListStackResources: list, "cloudformation:ListStackResources", access::stack;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct DescribeStackResource {
        stack: String = "StackName",
        name: String = "LogicalResourceId",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Detailed { detail: Detail = "StackResourceDetail" }

    #[derive(Clone, Debug)]
    pub(crate) struct Detail {
        stack: String = "StackName",
        stack_id: String = "StackId",
        name: String = "LogicalResourceId",
        physical: Option<String> = "PhysicalResourceId",
        kind: String = "ResourceType",
        time: Timestamp = "LastUpdatedTimestamp",
        status: String = "ResourceStatus",
        reason: Option<String> = "ResourceStatusReason",
        metadata: Option<String> = "Metadata",
        drift: Drift = "DriftInformation",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Drift {
        status: String = "StackResourceDriftStatus",
        checked: Option<Timestamp> = "LastCheckTimestamp",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct DescribeStackResources {
        stack: Option<String> = "StackName",
        name: Option<String> = "LogicalResourceId",
        physical: Option<String> = "PhysicalResourceId",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Described { resources: Vec<View> = "StackResources" }

    #[derive(Clone, Debug)]
    pub(crate) struct View {
        stack: String = "StackName",
        stack_id: String = "StackId",
        name: String = "LogicalResourceId",
        physical: Option<String> = "PhysicalResourceId",
        kind: String = "ResourceType",
        time: Timestamp = "Timestamp",
        status: String = "ResourceStatus",
        reason: Option<String> = "ResourceStatusReason",
        drift: Drift = "DriftInformation",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct ListStackResources {
        stack: String = "StackName",
        token: Option<String> = "NextToken",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Listed {
        resources: Vec<Summary> = "StackResourceSummaries",
        token: Option<String> = "NextToken",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Summary {
        name: String = "LogicalResourceId",
        physical: Option<String> = "PhysicalResourceId",
        kind: String = "ResourceType",
        time: Timestamp = "LastUpdatedTimestamp",
        status: String = "ResourceStatus",
        reason: Option<String> = "ResourceStatusReason",
        drift: Drift = "DriftInformation",
    }
}

/// What is known of its drift; a kind that is not looked at is not checked.
fn drift(cx: &Cx<'_>, stack: &Stack, resource: &Resource) -> Result<Drift, CfnError> {
    let known = drift::of(cx.tx, stack, resource)?;
    let checked = known.as_ref().map(|drift| drift.time);
    Ok(Drift { status: known.map_or_else(|| NOT_CHECKED.into(), |drift| drift.status), checked })
}

fn physical(resource: &Resource) -> Option<String> {
    Some(resource.physical.clone()).filter(|physical| !physical.is_empty())
}

fn one(cx: &mut Cx<'_>, req: DescribeStackResource) -> Result<Detailed, CfnError> {
    let stack =
        find(cx, &req.stack)?.ok_or_else(|| invalid(format!("Stack '{}' does not exist", req.stack)))?;
    let missing = || invalid(format!("Resource {} does not exist for stack {}", req.name, stack.name));
    let resource = RESOURCES.get(cx.tx, &stack.key().str(&req.name))?.ok_or_else(missing)?;
    let drift = drift(cx, &stack, &resource)?;
    Ok(Detailed {
        detail: Detail {
            stack: stack.name.clone(),
            stack_id: stack.arn(),
            physical: physical(&resource),
            name: resource.name,
            kind: resource.kind,
            time: resource.time,
            status: resource.status,
            reason: resource.reason,
            // Recorded: of a resource without any it says so.
            metadata: resource.metadata.or_else(|| Some("{}".to_owned())),
            drift,
        },
    })
}

fn view(cx: &Cx<'_>, stack: &Stack, resource: Resource) -> Result<View, CfnError> {
    let drift = drift(cx, stack, &resource)?;
    Ok(View {
        stack: stack.name.clone(),
        stack_id: stack.arn(),
        physical: physical(&resource),
        name: resource.name,
        kind: resource.kind,
        time: resource.time,
        status: resource.status,
        reason: resource.reason,
        drift,
    })
}

fn several(cx: &mut Cx<'_>, req: DescribeStackResources) -> Result<Described, CfnError> {
    let stack = match (&req.stack, &req.physical) {
        (Some(_), Some(_)) | (None, None) => {
            return Err(invalid("You must specify either StackName or PhysicalResourceId, but not both."));
        }
        (Some(stack), None) => existing(cx, stack)?,
        (None, Some(physical)) => holder(cx, physical)?,
    };
    let resources = known(cx.tx, &stack)?.into_values();
    let named = resources.filter(|resource| req.name.as_ref().is_none_or(|name| *name == resource.name));
    let views = named.take(PAGE_MAX).map(|resource| view(cx, &stack, resource));
    Ok(Described { resources: views.collect::<Result<_, _>>()? })
}

/// The stack that has a resource of this physical id.
fn holder(cx: &Cx<'_>, physical: &str) -> Result<Stack, CfnError> {
    let all = STACKS.scan(cx.tx, &Key::regional(cx.account, cx.region), Direction::Forward);
    for entry in all {
        let (_, stack) = entry?;
        if !stack.is_deleted() && known(cx.tx, &stack)?.values().any(|resource| resource.physical == physical)
        {
            return Ok(stack);
        }
    }
    Err(invalid(format!("Stack for {physical} does not exist")))
}

fn list(cx: &mut Cx<'_>, req: ListStackResources) -> Result<Listed, CfnError> {
    let stack = existing(cx, &req.stack)?;
    let list = format!("cloudformation:ListStackResources {}", stack.id);
    let after = after(cx, &list, req.token.as_deref())?;
    let page = RESOURCES.page(cx.tx, &stack.key(), after.as_ref(), PAGE_MAX)?;
    let token = page.next.map(|next| cx.pager().token(&list, next.as_bytes()));
    let summary = |resource: Resource| -> Result<Summary, CfnError> {
        Ok(Summary {
            physical: physical(&resource),
            drift: drift(cx, &stack, &resource)?,
            name: resource.name,
            kind: resource.kind,
            time: resource.time,
            status: resource.status,
            reason: resource.reason,
        })
    };
    let resources =
        page.items.into_iter().map(|(_, resource)| summary(resource)).collect::<Result<_, _>>()?;
    Ok(Listed { resources, token })
}
