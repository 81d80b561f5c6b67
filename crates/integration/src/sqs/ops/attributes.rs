//! Attributes of queues.

use super::queue::{check_dead_letters, check_principals};
use crate::sqs::access;
use crate::sqs::desk;
use crate::sqs::dispatch::Counts;
use crate::sqs::errors::SqsError;
use crate::sqs::model::attributes;
use crate::sqs::model::known;
use kernel::{Cx, Empty};
use wire::Pairs;

kernel::ops! { pub(crate) static OPS:
    GetQueueAttributes: get, "sqs:GetQueueAttributes", access::queue;
    SetQueueAttributes: set, "sqs:SetQueueAttributes", access::own_queue;
}

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct GetQueueAttributes {
        url: String = "QueueUrl",
        names: Vec<String> = "AttributeNames",
    }

    #[derive(Debug)]
    pub(crate) struct SetQueueAttributes {
        url: String = "QueueUrl",
        attributes: Pairs<String> = "Attributes",
    }

    #[derive(Debug)]
    pub(crate) struct Attributes { attributes: Option<Pairs<String>> = "Attributes" }
}

fn get(cx: &mut Cx<'_>, req: GetQueueAttributes) -> Result<Attributes, SqsError> {
    let known = known::by_url(cx, &req.url)?;
    if let Some(unknown) = req.names.iter().find(|name| !attributes::NAMES.contains(&name.as_str())) {
        return Err(SqsError::UnknownAttribute(unknown.clone()));
    }
    if req.names.is_empty() {
        return Ok(Attributes { attributes: None });
    }
    let is_wanted = |name: &str| req.names.iter().any(|n| n == "All" || n == name);
    let counted = req.names.iter().any(|n| n == "All" || n.starts_with("ApproximateNumber"));
    let counts = if counted {
        let desk = desk::of(cx.cloud(), &known)?;
        desk.expire(cx.now.minus(known.retention()));
        desk.with(|dispatcher| dispatcher.counts(cx.now))
    } else {
        Counts::default()
    };
    let all = attributes::all(&known, || counts).into_iter();
    let pairs = all.filter(|(name, _)| is_wanted(name)).map(|(name, text)| (name.to_owned(), text));
    Ok(Attributes { attributes: Some(Pairs(pairs.collect())) })
}

fn set(cx: &mut Cx<'_>, req: SetQueueAttributes) -> Result<Empty, SqsError> {
    let known = known::by_url(cx, &req.url)?;
    let mut queue = known.queue.clone();
    attributes::apply(&mut queue, &req.attributes.0, false)?;
    if queue.policy != known.queue.policy {
        check_principals(cx, &queue)?;
    }
    if queue.redrive != known.redrive {
        check_dead_letters(cx, &queue)?;
    }
    queue.modified = cx.now;
    queue.save(cx.tx);
    Ok(Empty)
}
