//! Queues: they are made, found, listed and deleted.

use super::tag::checked;
use crate::sqs::access;
use crate::sqs::desk;
use crate::sqs::dispatch::Seq;
use crate::sqs::errors::SqsError;
use crate::sqs::model::attributes;
use crate::sqs::model::known;
use crate::sqs::model::place::Place;
use crate::sqs::model::queue::{FIFO, GRAVES, Grave, QUEUES, Queue};
use crate::sqs::model::redrive::{self, Allowed};
use base::AccountId;
use kernel::{Cx, Empty};
use std::sync::Arc;
use std::time::Duration;
use store::Key;
use wire::Pairs;

kernel::ops! { pub(crate) static OPS:
    CreateQueue: create, "sqs:CreateQueue", access::new_queue;
    DeleteQueue: delete, "sqs:DeleteQueue", access::own_queue;
    GetQueueUrl: get_url, "sqs:GetQueueUrl", access::named_queue;
    ListQueues: list, "sqs:ListQueues", access::any;
}

const NAME_CHARS_MAX: usize = 80;
/// AWS: `CreateQueue`: for so long a name is not free after its queue was deleted.
const GRAVE_LIFE: Duration = Duration::from_secs(60);
/// AWS: `ListQueues`: the longest page, and what comes without asking for pages.
pub(super) const PAGE_MAX: i64 = 1000;

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct CreateQueue {
        name: String = "QueueName",
        attributes: Pairs<String> = "Attributes",
        tags: Pairs<String> = "tags",
    }

    #[derive(Debug)]
    pub(crate) struct DeleteQueue { url: String = "QueueUrl" }

    #[derive(Debug)]
    pub(crate) struct GetQueueUrl {
        name: String = "QueueName",
        owner: Option<String> = "QueueOwnerAWSAccountId",
    }

    #[derive(Debug)]
    pub(crate) struct ListQueues {
        prefix: Option<String> = "QueueNamePrefix",
        token: Option<String> = "NextToken",
        max: Option<i64> = "MaxResults",
    }

    #[derive(Debug)]
    pub(crate) struct QueueUrl { url: String = "QueueUrl" }

    #[derive(Debug)]
    pub(crate) struct QueueUrls {
        urls: Option<Vec<String>> = "QueueUrls",
        token: Option<String> = "NextToken",
    }
}

/// The URL of a queue, at the address by which this caller came.
pub(super) fn url(cx: &Cx<'_>, account: AccountId, name: &str) -> String {
    format!("{}/{account}/{name}", cx.request.origin())
}

fn check_name(name: &str, fifo: bool) -> Result<(), SqsError> {
    let stem = if fifo { name.strip_suffix(FIFO).unwrap_or(name) } else { name };
    let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    if !stem.is_empty() && name.len() <= NAME_CHARS_MAX && stem.bytes().all(good) {
        return Ok(());
    }
    Err(SqsError::Invalid(
        "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length".into(),
    ))
}

fn create(cx: &mut Cx<'_>, req: CreateQueue) -> Result<QueueUrl, SqsError> {
    let place = Place::own(cx, &req.name);
    let answer = |cx: &Cx<'_>| Ok(QueueUrl { url: url(cx, cx.account, &req.name) });
    if let Some(known) = known::find(cx, &place)? {
        // Unknown names and bad values are refused before they are compared.
        attributes::apply(&mut known.queue.clone(), &req.attributes.0, true)?;
        return match attributes::first_difference(&known, &req.attributes.0) {
            None => answer(cx),
            Some(attribute) => Err(SqsError::Exists(attribute)),
        };
    }
    let is_fifo = req.attributes.0.iter().any(|(name, text)| name == "FifoQueue" && text == "true");
    check_name(&req.name, is_fifo)?;
    if let Some(grave) = GRAVES.get(cx.tx, &place.key())? {
        if grave.deleted.plus(GRAVE_LIFE) > cx.now {
            return Err(SqsError::DeletedRecently);
        }
        GRAVES.delete(cx.tx, &place.key());
    }
    let mut queue = Queue {
        uid: cx.rng().u64(),
        account: place.account,
        region: place.region,
        name: place.name,
        created: cx.now,
        modified: cx.now,
        tags: checked(req.tags)?,
        ..Queue::default()
    };
    attributes::defaults(&mut queue);
    attributes::apply(&mut queue, &req.attributes.0, true)?;
    check_principals(cx, &queue)?;
    check_dead_letters(cx, &queue)?;
    queue.save(cx.tx);
    answer(cx)
}

/// Whether there are the users and roles that the queue's policy names.
///
/// # Errors
/// `InvalidAttributeValue`.
pub(super) fn check_principals(cx: &Cx<'_>, queue: &Queue) -> Result<(), SqsError> {
    let Some(text) = &queue.policy else { return Ok(()) };
    let nobody = |_| SqsError::AttributeValue("Invalid value for the parameter Policy.".into());
    cx.bind(text)?.map(drop).map_err(nobody)
}

/// Whether the queue's dead letters may go where its redrive policy says.
///
/// # Errors
/// `InvalidParameterValue`, with the reason.
pub(super) fn check_dead_letters(cx: &Cx<'_>, queue: &Queue) -> Result<(), SqsError> {
    let Some(text) = &queue.redrive else { return Ok(()) };
    let target = redrive::read_policy(text)?;
    let refuse = |reason: &str| Err(SqsError::value(text, "RedrivePolicy", reason));
    if target.account != queue.account {
        return refuse("Dead-letter target owner should be same as the source.");
    }
    if target.region != queue.region {
        return refuse("Dead-letter target region should be same as the source.");
    }
    let place = Place { account: target.account, region: target.region, name: target.name };
    let Some(dead) = known::find(cx, &place)? else {
        return refuse("Dead letter target does not exist.");
    };
    if dead.is_fifo() != queue.is_fifo() {
        return refuse("Dead-letter queue must be same type of queue as the source.");
    }
    let allowed = dead.redrive_allow.as_deref().map(redrive::read_allowed).transpose()?;
    if !allowed.unwrap_or(Allowed::All).allows(&queue.arn()) {
        return refuse("The redrive allow policy of the dead-letter queue does not allow this source queue.");
    }
    Ok(())
}

fn delete(cx: &mut Cx<'_>, req: DeleteQueue) -> Result<Empty, SqsError> {
    let known = known::by_url(cx, &req.url)?;
    QUEUES.delete(cx.tx, &known.key());
    GRAVES.put(cx.tx, &known.key(), &Grave { deleted: cx.now });
    known.discard(cx.tx, Seq::MAX, true);
    let (cloud, queue) = (Arc::clone(cx.cloud()), known.uid);
    cx.tx.on_end(move |commit| {
        if commit.is_some() {
            desk::close(&cloud, queue);
        }
    });
    Ok(Empty)
}

fn get_url(cx: &mut Cx<'_>, req: GetQueueUrl) -> Result<QueueUrl, SqsError> {
    if req.name.is_empty() {
        return Err(SqsError::Invalid(
            "Value for parameter QueueName is invalid. Reason: Must specify a queue name.".into(),
        ));
    }
    let mut place = Place::own(cx, &req.name);
    if let Some(owner) = req.owner {
        place.account = AccountId::parse(&owner).ok_or(SqsError::NoQueue)?;
    }
    let known = known::find(cx, &place)?.ok_or(SqsError::NoQueue)?;
    Ok(QueueUrl { url: url(cx, known.account, &known.name) })
}

/// The page that a listing of queues asks for, in the order of their names.
pub(super) struct Paging<'a> {
    /// Names the list in its tokens.
    pub(super) list: String,
    pub(super) prefix: &'a str,
    pub(super) token: Option<&'a str>,
    pub(super) max: Option<i64>,
}

/// Names of the caller's queues.
///
/// # Errors
/// `InvalidParameterValue` for a bad page size or token.
pub(super) fn page(
    cx: &Cx<'_>,
    paging: &Paging<'_>,
    wanted: impl Fn(&Queue) -> bool,
) -> Result<(Vec<String>, Option<String>), SqsError> {
    let max = paging.max.unwrap_or(PAGE_MAX);
    if !(1..=PAGE_MAX).contains(&max) {
        return Err(SqsError::value(max, "MaxResults", "MaxResults must be an integer between 1 and 1000"));
    }
    let mut after = match paging.token {
        None => None,
        Some(token) => {
            let invalid = |_| SqsError::Invalid("Invalid or expired next token.".into());
            let position = cx.pager().position(&paging.list, token).map_err(invalid)?;
            let name = String::from_utf8(position).map_err(|_| SqsError::Internal)?;
            Some(Key::regional(cx.account, cx.region).str(&name))
        }
    };
    let max = usize::try_from(max).unwrap_or(usize::MAX);
    let prefix = Key::regional(cx.account, cx.region).str_prefix(paging.prefix);
    let mut names = Vec::new();
    loop {
        let found = QUEUES.page(cx.tx, &prefix, after.as_ref(), max)?;
        for (_, queue) in found.items.into_iter().filter(|(_, queue)| wanted(queue)) {
            if names.len() == max {
                let last = names.last().map(String::as_str).unwrap_or_default();
                // Who asks for no pages gets none.
                let token = paging.max.map(|_| cx.pager().token(&paging.list, last.as_bytes()));
                return Ok((names, token));
            }
            names.push(queue.name);
        }
        after = found.next;
        if after.is_none() {
            return Ok((names, None));
        }
    }
}

fn list(cx: &mut Cx<'_>, req: ListQueues) -> Result<QueueUrls, SqsError> {
    let prefix = req.prefix.as_deref().unwrap_or_default();
    let list = format!("sqs:ListQueues {} {} {prefix}", cx.account, cx.region.name());
    let paging = Paging { list, prefix, token: req.token.as_deref(), max: req.max };
    let (names, token) = page(cx, &paging, |_| true)?;
    let urls: Vec<String> = names.iter().map(|name| url(cx, cx.account, name)).collect();
    Ok(QueueUrls { urls: Some(urls).filter(|urls| !urls.is_empty()), token })
}
