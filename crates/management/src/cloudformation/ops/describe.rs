//! Stacks as they are shown.

use super::{PAGE_MAX, ParameterView, Tag, existing, views};
use crate::cloudformation::access;
use crate::cloudformation::drift::NOT_CHECKED;
use crate::cloudformation::errors::{CfnError, invalid};
use crate::cloudformation::model::{Operation, STACKS, Stack};
use crate::cloudformation::trigger::{self, Rollback};
use base::Timestamp;
use kernel::Cx;
use store::{Direction, Key};

kernel::ops! { pub(crate) static OPS:
    DescribeStacks: describe, "cloudformation:DescribeStacks", access::stack_or_any;
    ListStacks: list, "cloudformation:ListStacks", access::any;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct DescribeStacks {
        name: Option<String> = "StackName",
        token: Option<String> = "NextToken",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Stacks {
        stacks: Vec<View> = "Stacks",
        token: Option<String> = "NextToken",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct View {
        id: String = "StackId",
        name: String = "StackName",
        change_set: Option<String> = "ChangeSetId",
        description: Option<String> = "Description",
        parameters: Option<Vec<ParameterView>> = "Parameters",
        created: Timestamp = "CreationTime",
        deleted: Option<Timestamp> = "DeletionTime",
        updated: Option<Timestamp> = "LastUpdatedTime",
        status: String = "StackStatus",
        reason: Option<String> = "StackStatusReason",
        disable_rollback: bool = "DisableRollback",
        timeout: Option<i64> = "TimeoutInMinutes",
        capabilities: Option<Vec<String>> = "Capabilities",
        outputs: Option<Vec<OutputView>> = "Outputs",
        role: Option<String> = "RoleARN",
        tags: Vec<Tag> = "Tags",
        protected: bool = "EnableTerminationProtection",
        parent: Option<String> = "ParentId",
        root: Option<String> = "RootId",
        notifies: Vec<String> = "NotificationARNs",
        drift: Drift = "DriftInformation",
        rollback: Rollback = "RollbackConfiguration",
        retain: Option<bool> = "RetainExceptOnCreate",
        deletion: Option<String> = "DeletionMode",
        operations: Option<Vec<OperationEntry>> = "LastOperations",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct OperationEntry {
        kind: String = "OperationType",
        id: String = "OperationId",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct OutputView {
        key: String = "OutputKey",
        value: String = "OutputValue",
        description: Option<String> = "Description",
        export: Option<String> = "ExportName",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Drift {
        status: String = "StackDriftStatus",
        checked: Option<Timestamp> = "LastCheckTimestamp",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct ListStacks {
        token: Option<String> = "NextToken",
        statuses: Vec<String> = "StackStatusFilter",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Summaries {
        stacks: Vec<Summary> = "StackSummaries",
        token: Option<String> = "NextToken",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Summary {
        id: String = "StackId",
        name: String = "StackName",
        description: Option<String> = "TemplateDescription",
        created: Timestamp = "CreationTime",
        updated: Option<Timestamp> = "LastUpdatedTime",
        deleted: Option<Timestamp> = "DeletionTime",
        status: String = "StackStatus",
        reason: Option<String> = "StackStatusReason",
        parent: Option<String> = "ParentId",
        root: Option<String> = "RootId",
        drift: Drift = "DriftInformation",
        operations: Option<Vec<OperationEntry>> = "LastOperations",
    }
}

fn some<T>(items: Vec<T>) -> Option<Vec<T>> {
    if items.is_empty() { None } else { Some(items) }
}

fn drift(stack: &Stack) -> Drift {
    Drift { status: stack.drift.clone().unwrap_or_else(|| NOT_CHECKED.into()), checked: stack.drift_checked }
}

fn view(stack: Stack) -> View {
    let (id, drift) = (stack.arn(), drift(&stack));
    let output = |o: crate::cloudformation::model::Shown| OutputView {
        key: o.name,
        value: o.value,
        description: o.description,
        export: o.export,
    };
    View {
        id,
        name: stack.name,
        change_set: stack.change_set,
        description: stack.description,
        parameters: views(stack.parameters, &stack.resolved),
        created: stack.created,
        deleted: stack.deleted,
        updated: stack.updated,
        status: stack.status,
        reason: stack.reason,
        disable_rollback: stack.disable_rollback,
        timeout: stack.timeout_minutes.map(i64::from),
        capabilities: some(stack.capabilities),
        outputs: some(stack.outputs.into_iter().map(output).collect()),
        role: stack.role,
        tags: stack.tags.into_iter().map(|(key, value)| Tag { key, value }).collect(),
        protected: stack.protected,
        parent: stack.parent,
        root: stack.root,
        notifies: stack.notifies,
        drift,
        rollback: trigger::view(stack.watches),
        retain: stack.excepts,
        deletion: stack.deletion,
        operations: some(operations(stack.operations)),
    }
}

fn operations(operations: Vec<Operation>) -> Vec<OperationEntry> {
    operations.into_iter().map(|own| OperationEntry { kind: own.kind, id: own.id }).collect()
}

/// A page of stacks, the latest first.
fn page(
    cx: &Cx<'_>,
    list: &str,
    token: Option<&str>,
    keep: impl Fn(&Stack) -> bool,
) -> Result<(Vec<Stack>, Option<String>), CfnError> {
    let all = STACKS.scan(cx.tx, &Key::regional(cx.account, cx.region), Direction::Forward);
    let mut stacks = Vec::new();
    for entry in all {
        stacks.push(entry?.1);
    }
    stacks.retain(keep);
    stacks.sort_by(|a, b| b.created.cmp(&a.created).then_with(|| a.id.cmp(&b.id)));
    let list = format!("{list} {} {}", cx.account, cx.region.name());
    let skip = match token {
        None => 0,
        Some(token) => {
            let position =
                cx.pager().position(&list, token).map_err(|_| invalid("The NextToken is not valid."))?;
            let last = String::from_utf8_lossy(&position).into_owned();
            stacks.iter().position(|stack| stack.id == last).map_or(stacks.len(), |at| at + 1)
        }
    };
    let rest = stacks.split_off(skip.min(stacks.len()));
    let more = rest.len() > PAGE_MAX;
    let page: Vec<Stack> = rest.into_iter().take(PAGE_MAX).collect();
    let next = page.last().filter(|_| more).map(|last| cx.pager().token(&list, last.id.as_bytes()));
    Ok((page, next))
}

fn describe(cx: &mut Cx<'_>, req: DescribeStacks) -> Result<Stacks, CfnError> {
    if let Some(name) = &req.name {
        return Ok(Stacks { stacks: vec![view(existing(cx, name)?)], token: None });
    }
    let (stacks, token) =
        page(cx, "cloudformation:DescribeStacks", req.token.as_deref(), |s| !s.is_deleted())?;
    Ok(Stacks { stacks: stacks.into_iter().map(view).collect(), token })
}

fn list(cx: &mut Cx<'_>, req: ListStacks) -> Result<Summaries, CfnError> {
    let keep = |stack: &Stack| req.statuses.is_empty() || req.statuses.contains(&stack.status);
    let name = format!("cloudformation:ListStacks {}", req.statuses.join(","));
    let (stacks, token) = page(cx, &name, req.token.as_deref(), keep)?;
    let summary = |stack: Stack| Summary {
        id: stack.arn(),
        drift: drift(&stack),
        name: stack.name,
        description: stack.description,
        created: stack.created,
        updated: stack.updated,
        deleted: stack.deleted,
        status: stack.status,
        reason: stack.reason,
        parent: stack.parent,
        root: stack.root,
        operations: some(operations(stack.operations)),
    };
    Ok(Summaries { stacks: stacks.into_iter().map(summary).collect(), token })
}
