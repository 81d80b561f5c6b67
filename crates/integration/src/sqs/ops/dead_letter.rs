//! Which queues have this one for their dead letters.

use super::queue::{Paging, page, url};
use crate::sqs::access;
use crate::sqs::errors::SqsError;
use crate::sqs::model::known;
use crate::sqs::model::redrive;
use kernel::Cx;

kernel::ops! { pub(crate) static OPS:
    ListDeadLetterSourceQueues: list, "sqs:ListDeadLetterSourceQueues", access::queue;
}

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct ListSources {
        url: String = "QueueUrl",
        token: Option<String> = "NextToken",
        max: Option<i64> = "MaxResults",
    }

    #[derive(Debug)]
    pub(crate) struct Sources {
        urls: Vec<String> = "queueUrls",
        token: Option<String> = "NextToken",
    }
}

fn list(cx: &mut Cx<'_>, req: ListSources) -> Result<Sources, SqsError> {
    let known = known::by_url(cx, &req.url)?;
    let list = format!("sqs:ListDeadLetterSourceQueues {}", known.arn);
    let paging = Paging { list, prefix: "", token: req.token.as_deref(), max: req.max };
    let leads_here = |text: &String| redrive::read_policy(text).is_ok_and(|target| target.arn == known.arn);
    let (names, token) = page(cx, &paging, |queue| queue.redrive.as_ref().is_some_and(leads_here))?;
    Ok(Sources { urls: names.iter().map(|name| url(cx, known.account, name)).collect(), token })
}
