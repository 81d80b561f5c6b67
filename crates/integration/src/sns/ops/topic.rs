//! Topics: they are made, listed and deleted.

use super::page;
use super::tag::{Tag, checked};
use super::topic_attributes;
use crate::sns::access;
use crate::sns::archive;
use crate::sns::errors::{SnsError, invalid};
use crate::sns::model::{COUNTERS, ENDED, FIFO, SUBSCRIPTIONS, TOPICS, Topic, topic_arn, topic_key};
use crate::sns::policy;
use base::tag::is_reserved;
use kernel::{Cx, Empty};
use store::{Direction, Key};
use wire::Pairs;

kernel::ops! { pub(crate) static OPS:
    CreateTopic: create, "sns:CreateTopic", access::new_topic;
    DeleteTopic: delete, "sns:DeleteTopic", access::topic;
    ListTopics: list, "sns:ListTopics", access::any;
}

const NAME_CHARS_MAX: usize = 256;

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct CreateTopic {
        name: String = "Name",
        attributes: Pairs<String> = "Attributes",
        tags: Vec<Tag> = "Tags",
    }

    #[derive(Debug)]
    pub(crate) struct DeleteTopic { arn: String = "TopicArn" }

    #[derive(Debug)]
    pub(crate) struct ListTopics { token: Option<String> = "NextToken" }

    #[derive(Debug)]
    pub(crate) struct TopicArn { arn: String = "TopicArn" }

    #[derive(Debug)]
    pub(crate) struct Topics {
        topics: Vec<TopicArn> = "Topics",
        token: Option<String> = "NextToken",
    }
}

fn create(cx: &mut Cx<'_>, req: CreateTopic) -> Result<TopicArn, SnsError> {
    let tags = checked(req.tags)?;
    let is_fifo = req.attributes.0.iter().any(|(name, text)| name == "FifoTopic" && text == "true");
    check_name(&req.name, is_fifo)?;
    let mut topic =
        Topic { account: cx.account, region: cx.region, name: req.name, tags, ..Topic::default() };
    let known = TOPICS.get(cx.tx, &topic.key())?;
    for (name, text) in &req.attributes.0 {
        topic_attributes::set(&mut topic, name, text).map_err(|error| within_attributes(error, name))?;
    }
    policy::check_principals(cx, &topic).map_err(|error| within_attributes(error, "Policy"))?;
    let answer = TopicArn { arn: topic.arn() };
    if let Some(known) = known {
        let tagged = known.tags.iter().filter(|(key, _)| !is_reserved(key));
        if !topic.tags.is_empty() && topic.tags.iter().ne(tagged) {
            return Err(invalid("Tags Reason: Topic already exists with different tags"));
        }
        let differs =
            |name: &str| topic_attributes::value(&known, name) != topic_attributes::value(&topic, name);
        if req.attributes.0.iter().any(|(name, _)| differs(name)) {
            return Err(invalid("Attributes Reason: Topic already exists with different attributes"));
        }
        return Ok(answer);
    }
    archive::settle(cx.tx, 0, &mut topic, cx.now);
    TOPICS.put(cx.tx, &topic.key(), &topic);
    Ok(answer)
}

/// Of an attribute that is set with its topic AWS says where it stood.
fn within_attributes(error: SnsError, name: &str) -> SnsError {
    match error {
        SnsError::Invalid(what) if what == "AttributeName" => {
            invalid(format!("Attributes Reason: Unknown attribute: {name}"))
        }
        SnsError::Invalid(what) => invalid(format!("Attributes Reason: {what}")),
        other => other,
    }
}

fn check_name(name: &str, fifo: bool) -> Result<(), SnsError> {
    let stem = if fifo { name.strip_suffix(FIFO) } else { Some(name) };
    let Some(stem) = stem else {
        return Err(invalid(
            "Topic Name Reason: Fifo Topic names must end with .fifo and must be made up of only uppercase and lowercase ASCII letters, numbers, underscores, and hyphens, and must be between 1 and 256 characters long.",
        ));
    };
    let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    if stem.is_empty() || name.len() > NAME_CHARS_MAX || !stem.bytes().all(good) {
        return Err(invalid("Topic Name"));
    }
    Ok(())
}

/// AWS: deleting a topic that is not there succeeds.
fn delete(cx: &mut Cx<'_>, req: DeleteTopic) -> Result<Empty, SnsError> {
    let place = crate::sns::model::Place::read(&req.arn, "TopicArn")?;
    if TOPICS.get(cx.tx, &place.key())?.is_some_and(|topic| topic.archive_days > 0) {
        return Err(SnsError::Archived);
    }
    TOPICS.delete(cx.tx, &place.key());
    COUNTERS.delete(cx.tx, &place.key());
    let all = topic_key(place.account, place.region, &place.name);
    for table in [SUBSCRIPTIONS, ENDED] {
        let entries = table.scan(cx.tx, &all, Direction::Forward);
        let keys: Result<Vec<Key>, _> = entries.map(|entry| entry.map(|(key, _)| key)).collect();
        keys?.iter().for_each(|key| table.delete(cx.tx, key));
    }
    Ok(Empty)
}

fn list(cx: &mut Cx<'_>, req: ListTopics) -> Result<Topics, SnsError> {
    let prefix = Key::regional(cx.account, cx.region);
    let name = format!("sns:ListTopics {} {}", cx.account, cx.region.name());
    let (topics, token) =
        page(cx, &TOPICS, &prefix, (&name, req.token.as_deref()), |t| vec![t.name.clone()])?;
    let arn = |topic: Topic| TopicArn { arn: topic_arn(topic.account, topic.region, &topic.name) };
    Ok(Topics { topics: topics.into_iter().map(arn).collect(), token })
}
