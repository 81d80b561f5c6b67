//! What has happened to a stack, the latest first.

use super::find;
use crate::cloudformation::access;
use crate::cloudformation::errors::{CfnError, invalid};
use crate::cloudformation::model::{EVENTS, Event, Stack};
use base::Timestamp;
use kernel::Cx;
use store::Key;

kernel::ops! { pub(crate) static OPS:
    DescribeStackEvents: describe, "cloudformation:DescribeStackEvents", access::stack;
}

const PAGE_MAX: usize = 100;

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
    }
}

fn describe(cx: &mut Cx<'_>, req: DescribeStackEvents) -> Result<Events, CfnError> {
    let missing = || invalid(format!("Stack [{}] does not exist", req.name));
    let stack = find(cx, &req.name)?.ok_or_else(missing)?;
    let list = format!("cloudformation:DescribeStackEvents {}", stack.id);
    let after = match &req.token {
        None => None,
        Some(token) => {
            let position =
                cx.pager().position(&list, token).map_err(|_| invalid("The NextToken is not valid."))?;
            Some(Key::of_stored(&position))
        }
    };
    let page = EVENTS.page(cx.tx, &stack.key(), after.as_ref(), PAGE_MAX)?;
    let token = page.next.map(|next| cx.pager().token(&list, next.as_bytes()));
    Ok(Events { events: page.items.into_iter().map(|(_, event)| view(&stack, event)).collect(), token })
}
