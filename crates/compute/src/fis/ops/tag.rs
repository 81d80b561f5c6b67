//! Tags of templates and experiments.

use crate::fis::access::tagged;
use crate::fis::errors::{FisError, invalid};
use crate::fis::model::{EXPERIMENTS, Experiment, TEMPLATES, Template, arn, key};
use base::Arn;
use base::tag::{PER_RESOURCE_MAX, TagError, Tags, is_reserved, lay, take};
use kernel::{Cx, Empty};
use wire::Pairs;

kernel::ops! {
    /// Tags.
    pub(crate) static OPS:
        TagResource: tag, "fis:TagResource", tagged;
        UntagResource: untag, "fis:UntagResource", tagged;
        ListTagsForResource: list, "fis:ListTagsForResource", tagged;
}

wire::shape! {
    #[derive(Debug)]
    struct TagResource {
        arn: String = "resourceArn",
        tags: Pairs<String> = "tags",
    }

    #[derive(Debug)]
    struct UntagResource {
        arn: String = "resourceArn",
        keys: Vec<String> = "tagKeys",
    }

    #[derive(Debug)]
    struct OneResource { arn: String = "resourceArn" }

    #[derive(Debug)]
    struct TagList { tags: Pairs<String> = "tags" }
}

enum Found {
    Template(Template),
    Experiment(Experiment),
}

impl Found {
    fn tags(&mut self) -> &mut Tags {
        match self {
            Found::Template(template) => &mut template.tags,
            Found::Experiment(experiment) => &mut experiment.tags,
        }
    }

    fn keep(&self, cx: &mut Cx<'_>) {
        match self {
            Found::Template(one) => TEMPLATES.put(cx.tx, &key(cx.account, cx.region, &one.id), one),
            Found::Experiment(one) => EXPERIMENTS.put(cx.tx, &key(cx.account, cx.region, &one.id), one),
        }
    }
}

/// What an ARN of the caller's names.
fn find(cx: &Cx<'_>, text: &str) -> Result<Found, FisError> {
    let gone = || FisError::NotFound(format!("Resource {text}"));
    let parsed = Arn::parse(text).ok_or_else(gone)?;
    let (noun, id) = parsed.resource.split_once('/').ok_or_else(gone)?;
    let place = key(cx.account, cx.region, id);
    let found = match noun {
        "experiment-template" => TEMPLATES.get(cx.tx, &place)?.map(Found::Template),
        "experiment" => EXPERIMENTS.get(cx.tx, &place)?.map(Found::Experiment),
        _ => None,
    };
    found.filter(|_| arn(cx.account, cx.region, noun, id) == text).ok_or_else(gone)
}

/// # Errors
/// `ResourceNotFoundException`.
pub(crate) fn tags(cx: &Cx<'_>, text: &str) -> Result<Tags, FisError> {
    Ok(std::mem::take(find(cx, text)?.tags()))
}

fn tag(cx: &mut Cx<'_>, req: TagResource) -> Result<Empty, FisError> {
    let mut found = find(cx, &req.arn)?;
    lay(found.tags(), req.tags.0, cx.caller.service_id()).map_err(worded)?;
    found.keep(cx);
    Ok(Empty)
}

fn worded(error: TagError) -> FisError {
    match error {
        TagError::TooMany(_) => invalid(format!("A resource can have at most {PER_RESOURCE_MAX} tags.")),
        error => invalid(format!("The tags are not valid: {error:?}.")),
    }
}

/// AWS: where no key is said, all go.
fn untag(cx: &mut Cx<'_>, req: UntagResource) -> Result<Empty, FisError> {
    let mut found = find(cx, &req.arn)?;
    match req.keys.is_empty() {
        true => found.tags().retain(|key, _| is_reserved(key)),
        false => take(found.tags(), &req.keys).map_err(worded)?,
    }
    found.keep(cx);
    Ok(Empty)
}

fn list(cx: &mut Cx<'_>, req: OneResource) -> Result<TagList, FisError> {
    Ok(TagList { tags: Pairs::from(&tags(cx, &req.arn)?) })
}
