//! ListPipes.

use crate::pipes::access;
use crate::pipes::errors::{PipesError, invalid};
use crate::pipes::model::{PIPES, Pipe};
use base::Timestamp;
use kernel::Cx;
use kernel::listing::NoPage;
use store::Key;

kernel::ops! { pub(crate) static OPS:
    ListPipes: list, "pipes:ListPipes", access::any;
}

/// AWS: no list has longer pages.
const PAGE_MAX: i64 = 100;

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct ListPipes {
        prefix: Option<String> = "NamePrefix",
        desired: Option<String> = "DesiredState",
        current: Option<String> = "CurrentState",
        source: Option<String> = "SourcePrefix",
        target: Option<String> = "TargetPrefix",
        token: Option<String> = "NextToken",
        limit: Option<i64> = "Limit",
    }

    #[derive(Debug)]
    pub(crate) struct Pipes {
        pipes: Vec<Summary> = "Pipes",
        token: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    pub(crate) struct Summary {
        name: String = "Name",
        arn: String = "Arn",
        desired: String = "DesiredState",
        current: String = "CurrentState",
        reason: Option<String> = "StateReason",
        created: Timestamp = "CreationTime",
        modified: Timestamp = "LastModifiedTime",
        source: String = "Source",
        target: String = "Target",
        enrichment: Option<String> = "Enrichment",
    }
}

fn summary(pipe: Pipe) -> Summary {
    Summary {
        arn: pipe.arn(),
        desired: pipe.desired().to_owned(),
        current: pipe.phase.label().to_owned(),
        name: pipe.name,
        reason: pipe.reason,
        created: pipe.created,
        modified: pipe.modified,
        source: pipe.source.arn,
        target: pipe.target.arn,
        enrichment: pipe.enrichment.map(|enrichment| enrichment.arn),
    }
}

fn list(cx: &mut Cx<'_>, req: ListPipes) -> Result<Pipes, PipesError> {
    let prefix = req.prefix.unwrap_or_default();
    let all = Key::regional(cx.account, cx.region).str_prefix(&prefix);
    let begins = |text: &str, with: &Option<String>| with.as_ref().is_none_or(|with| text.starts_with(with));
    let is = |text: &str, wanted: &Option<String>| wanted.as_ref().is_none_or(|wanted| wanted == text);
    let wanted = |pipe: &Pipe| {
        is(pipe.desired(), &req.desired)
            && is(pipe.phase.label(), &req.current)
            && begins(&pipe.source.arn, &req.source)
            && begins(&pipe.target.arn, &req.target)
    };
    let asked = (&prefix, &req.desired, &req.current, &req.source, &req.target);
    let list = format!("pipes:ListPipes {} {} {asked:?}", cx.account, cx.region.name());
    let limit = req.limit.unwrap_or(PAGE_MAX) as usize;
    let found = cx.list(&PIPES, &all, &list, req.token.as_deref(), limit, wanted);
    let (found, token) = found.map_err(|none| match none {
        NoPage::Token => invalid("The specified token is not valid."),
        NoPage::Store(error) => error.into(),
    })?;
    Ok(Pipes { pipes: found.into_iter().map(summary).collect(), token })
}
