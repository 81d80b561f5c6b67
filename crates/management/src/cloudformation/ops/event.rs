//! What has happened to a stack, the latest first.

use super::{PAGE_MAX, after, find};
use crate::cloudformation::access;
use crate::cloudformation::errors::{CfnError, invalid};
use crate::cloudformation::model::{EVENTS, Event, Operation, STACK, Stack};
use crate::cloudformation::operation::OPERATIONS;
use base::Timestamp;
use kernel::Cx;
use store::Key;

kernel::ops! { pub(crate) static OPS:
    DescribeStackEvents: describe, "cloudformation:DescribeStackEvents", access::stack;
    DescribeEvents: of_operations, "cloudformation:DescribeEvents", access::operation;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct DescribeStackEvents {
        name: String = "StackName",
        token: Option<String> = "NextToken",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Events {
        events: Vec<View> = "StackEvents",
        token: Option<String> = "NextToken",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct View {
        stack_id: String = "StackId",
        id: String = "EventId",
        stack: String = "StackName",
        name: String = "LogicalResourceId",
        physical: String = "PhysicalResourceId",
        kind: String = "ResourceType",
        time: Timestamp = "Timestamp",
        status: String = "ResourceStatus",
        reason: Option<String> = "ResourceStatusReason",
        properties: Option<String> = "ResourceProperties",
        token: Option<String> = "ClientRequestToken",
        operation: Option<String> = "OperationId",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct DescribeEvents {
        name: Option<String> = "StackName",
        set: Option<String> = "ChangeSetName",
        operation: Option<String> = "OperationId",
        filter: Option<Filter> = "Filters",
        token: Option<String> = "NextToken",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Filter { failed: Option<bool> = "FailedEvents" }

    #[derive(Clone, Debug)]
    pub(crate) struct OperationEvents {
        events: Vec<OperationView> = "OperationEvents",
        token: Option<String> = "NextToken",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct OperationView {
        id: String = "EventId",
        stack_id: String = "StackId",
        operation: Option<String> = "OperationId",
        operation_kind: Option<String> = "OperationType",
        operation_status: Option<String> = "OperationStatus",
        event_kind: String = "EventType",
        name: String = "LogicalResourceId",
        physical: String = "PhysicalResourceId",
        kind: String = "ResourceType",
        time: Timestamp = "Timestamp",
        started: Option<Timestamp> = "StartTime",
        ended: Option<Timestamp> = "EndTime",
        status: String = "ResourceStatus",
        reason: Option<String> = "ResourceStatusReason",
        properties: Option<String> = "ResourceProperties",
        token: Option<String> = "ClientRequestToken",
    }
}

fn view(stack: &Stack, event: Event) -> View {
    View {
        stack_id: stack.arn(),
        id: event.id,
        stack: stack.name.clone(),
        name: event.name,
        physical: event.physical,
        kind: event.kind,
        time: event.time,
        status: event.status,
        reason: event.reason,
        properties: event.properties,
        token: event.token,
        operation: event.operation,
    }
}

/// A stack, also one that is deleted: what happened to it is told for a while.
fn known(cx: &Cx<'_>, named: &str) -> Result<Stack, CfnError> {
    find(cx, named)?.ok_or_else(|| invalid(format!("Stack [{named}] does not exist")))
}

fn describe(cx: &mut Cx<'_>, req: DescribeStackEvents) -> Result<Events, CfnError> {
    let stack = known(cx, &req.name)?;
    let list = format!("cloudformation:DescribeStackEvents {}", stack.id);
    let after = after(cx, &list, req.token.as_deref())?;
    let page = EVENTS.page(cx.tx, &stack.key(), after.as_ref(), PAGE_MAX)?;
    let token = page.next.map(|next| cx.pager().token(&list, next.as_bytes()));
    Ok(Events { events: page.items.into_iter().map(|(_, event)| view(&stack, event)).collect(), token })
}

/// An event with the operation that it belongs to, as that is by now.
fn operation_view(stack: &Stack, event: Event, operation: Option<&Operation>) -> OperationView {
    let of_stack = event.kind == STACK && event.name == stack.name;
    let event_kind = match of_stack {
        true => "STACK_EVENT",
        false if event.status.ends_with("_FAILED") => "PROVISIONING_ERROR",
        false => "PROGRESS_EVENT",
    };
    let whole = operation.filter(|_| of_stack);
    OperationView {
        id: event.id,
        stack_id: stack.arn(),
        operation: event.operation,
        operation_kind: operation.map(|own| own.kind.clone()),
        operation_status: operation.map(|own| own.status.clone()),
        event_kind: event_kind.to_owned(),
        name: event.name,
        physical: event.physical,
        kind: event.kind,
        time: event.time,
        started: whole.map(|own| own.started),
        ended: whole.and_then(|own| own.ended),
        status: event.status,
        reason: event.reason,
        properties: event.properties,
        token: event.token,
    }
}

/// The events of a stack, or of one operation, with what they are part of.
fn of_operations(cx: &mut Cx<'_>, req: DescribeEvents) -> Result<OperationEvents, CfnError> {
    if req.set.is_some() {
        return Err(CfnError::NotBuilt("DescribeEvents of a change set".into()));
    }
    let region = Key::regional(cx.account, cx.region);
    let asked = match &req.operation {
        None => None,
        Some(id) => {
            let found = OPERATIONS.get(cx.tx, &region.clone().str(id))?;
            Some(found.ok_or_else(|| CfnError::NoOperationOf(id.clone()))?)
        }
    };
    let named = match (&req.name, &asked) {
        (None, None) => {
            return Err(invalid("One of ChangeSetName, OperationId or StackName must be specified."));
        }
        (Some(name), _) => known(cx, name)?,
        (None, Some(operation)) => super::live(cx, &operation.stack)?.ok_or(CfnError::Internal)?,
    };
    if let Some(operation) = asked.as_ref().filter(|operation| operation.stack != named.id) {
        return Err(CfnError::NoOperationOf(operation.id.clone()));
    }
    let only_failed = req.filter.and_then(|filter| filter.failed) == Some(true);
    let of = asked.map(|operation| operation.id);
    let told = of.as_deref().unwrap_or_default();
    let list = format!("cloudformation:DescribeEvents {} {told} {only_failed}", named.id);
    let mut after = after(cx, &list, req.token.as_deref())?;
    let mut events = Vec::new();
    loop {
        let page = EVENTS.page(cx.tx, &named.key(), after.as_ref(), PAGE_MAX)?;
        for (_, event) in page.items {
            let fits = of.is_none() || event.operation == of;
            if !fits || only_failed && !event.status.ends_with("_FAILED") {
                continue;
            }
            let operation = match &event.operation {
                Some(id) => OPERATIONS.get(cx.tx, &region.clone().str(id))?,
                None => None,
            };
            events.push(operation_view(&named, event, operation.as_ref()));
        }
        after = page.next;
        if after.is_none() || events.len() >= PAGE_MAX {
            let token = after.map(|next| cx.pager().token(&list, next.as_bytes()));
            return Ok(OperationEvents { events, token });
        }
    }
}
