//! What a rule's events go to: put, remove, list.

use super::page;
use crate::events::access;
use crate::events::errors::{EventsError, invalid};
use crate::events::model::{Http, Rule, TARGETS, Target, own_rule};
use crate::events::target::check;
use crate::events::transform::{self, Path};
use base::Arn;
use kernel::Cx;
use wire::shape::Pairs;

kernel::ops! { pub(crate) static OPS:
    PutTargets: put, "events:PutTargets", access::put_targets;
    RemoveTargets: remove, "events:RemoveTargets", access::of_rule;
    ListTargetsByRule: list, "events:ListTargetsByRule", access::of_rule;
}

/// AWS: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html>
const PER_RULE_MAX: usize = 5;

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct PutTargets {
        rule: String = "Rule",
        bus: Option<String> = "EventBusName",
        targets: Vec<TargetView> = "Targets",
    }

    #[derive(Debug)]
    pub(crate) struct TargetView {
        id: String = "Id",
        arn: String = "Arn",
        role: Option<String> = "RoleArn",
        input: Option<String> = "Input",
        path: Option<String> = "InputPath",
        transformer: Option<Transformer> = "InputTransformer",
        queue: Option<QueueParameters> = "SqsParameters",
        http: Option<HttpParameters> = "HttpParameters",
        retries: Option<RetryPolicy> = "RetryPolicy",
        dead_letters: Option<DeadLetters> = "DeadLetterConfig",
    }

    #[derive(Debug)]
    pub(crate) struct Transformer {
        paths: Option<Pairs<String>> = "InputPathsMap",
        template: String = "InputTemplate",
    }

    #[derive(Debug)]
    pub(crate) struct QueueParameters { group: Option<String> = "MessageGroupId" }

    #[derive(Debug)]
    pub(crate) struct HttpParameters {
        path: Option<Vec<String>> = "PathParameterValues",
        headers: Option<Pairs<String>> = "HeaderParameters",
        query: Option<Pairs<String>> = "QueryStringParameters",
    }

    #[derive(Debug)]
    pub(crate) struct RetryPolicy {
        attempts: Option<i64> = "MaximumRetryAttempts",
        age: Option<i64> = "MaximumEventAgeInSeconds",
    }

    #[derive(Debug)]
    pub(crate) struct DeadLetters { arn: Option<String> = "Arn" }

    #[derive(Debug)]
    pub(crate) struct Outcome {
        failed: i64 = "FailedEntryCount",
        entries: Vec<Failed> = "FailedEntries",
    }

    #[derive(Debug)]
    pub(crate) struct Failed {
        id: String = "TargetId",
        code: String = "ErrorCode",
        message: String = "ErrorMessage",
    }

    #[derive(Debug)]
    pub(crate) struct RemoveTargets {
        rule: String = "Rule",
        bus: Option<String> = "EventBusName",
        ids: Vec<String> = "Ids",
    }

    #[derive(Debug)]
    pub(crate) struct ListTargetsByRule {
        rule: String = "Rule",
        bus: Option<String> = "EventBusName",
        token: Option<String> = "NextToken",
        limit: Option<i64> = "Limit",
    }

    #[derive(Debug)]
    pub(crate) struct Listed {
        targets: Vec<TargetView> = "Targets",
        token: Option<String> = "NextToken",
    }
}

fn read(given: TargetView, rule: &Rule) -> Result<Target, EventsError> {
    let id = given.id;
    let ways = [given.input.is_some(), given.path.is_some(), given.transformer.is_some()];
    if ways.into_iter().filter(|way| *way).count() > 1 {
        return Err(invalid(format!(
            "Only one of Input, InputPath, or InputTransformer must be provided for target {id}."
        )));
    }
    if given.input.as_deref().is_some_and(|input| wire::json::read(input).is_none()) {
        return Err(invalid(format!("JSON syntax error in input for target {id}.")));
    }
    let (paths, template) = match given.transformer {
        Some(transformer) => (transformer.paths.unwrap_or_default().0, Some(transformer.template)),
        None => (Vec::new(), None),
    };
    let mut all = given.path.iter().chain(paths.iter().map(|(_, path)| path));
    if let Some(wrong) = all.find(|path| Path::read(path).is_none()) {
        return Err(invalid(format!("Invalid JSONPath {wrong} for target {id}.")));
    }
    if let Some(template) = &template
        && let Some(name) = transform::unknown(template, |name| paths.iter().any(|(known, _)| known == name))
    {
        return Err(invalid(format!("InputTemplate for target {id} contains invalid placeholder {name}.")));
    }
    let dead_letters = given.dead_letters.and_then(|config| config.arn);
    if dead_letters.as_deref().is_some_and(|arn| Arn::parse(arn).is_none_or(|arn| arn.service != "sqs")) {
        return Err(invalid(format!("The dead-letter queue of target {id} must be an SQS queue.")));
    }
    let small = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
    let (retries, age_seconds) = match given.retries {
        Some(policy) => (policy.attempts.map(small), policy.age.map(small)),
        None => (None, None),
    };
    let target = Target {
        id,
        arn: given.arn,
        role: given.role,
        input: given.input,
        input_path: given.path,
        paths: paths.into_iter().collect(),
        template,
        group: given.queue.and_then(|queue| queue.group),
        retries,
        age_seconds,
        dead_letters,
        http: given.http.map(|http| Http {
            path: http.path.unwrap_or_default(),
            headers: http.headers.unwrap_or_default().0.into_iter().collect(),
            query: http.query.unwrap_or_default().0.into_iter().collect(),
        }),
    };
    check(&target, rule)?;
    Ok(target)
}

fn put(cx: &mut Cx<'_>, req: PutTargets) -> Result<Outcome, EventsError> {
    let rule = own_rule(cx, req.bus.as_deref(), &req.rule)?;
    let key = rule.own_key();
    for given in req.targets {
        let target = read(given, &rule)?;
        TARGETS.put(cx.tx, &key.clone().str(&target.id), &target);
    }
    if rule.targets(cx.tx)?.len() > PER_RULE_MAX {
        return Err(EventsError::Limit);
    }
    Ok(Outcome { failed: 0, entries: Vec::new() })
}

fn remove(cx: &mut Cx<'_>, req: RemoveTargets) -> Result<Outcome, EventsError> {
    let rule = own_rule(cx, req.bus.as_deref(), &req.rule)?;
    let mut entries = Vec::new();
    for id in req.ids {
        let key = rule.own_key().str(&id);
        if TARGETS.contains(cx.tx, &key)? {
            TARGETS.delete(cx.tx, &key);
        } else {
            let fault = wire::Fault::from(EventsError::NoTarget(id.clone(), rule.name.clone()));
            entries.push(Failed { id, code: fault.code, message: fault.message });
        }
    }
    Ok(Outcome { failed: entries.len() as i64, entries })
}

fn shown(target: Target) -> TargetView {
    let paths = (!target.paths.is_empty()).then(|| Pairs(target.paths.into_iter().collect()));
    let has_policy = target.retries.is_some() || target.age_seconds.is_some();
    TargetView {
        id: target.id,
        arn: target.arn,
        role: target.role,
        input: target.input,
        path: target.input_path,
        transformer: target.template.map(|template| Transformer { paths, template }),
        queue: target.group.map(|group| QueueParameters { group: Some(group) }),
        http: target.http.map(|http| HttpParameters {
            path: (!http.path.is_empty()).then_some(http.path),
            headers: (!http.headers.is_empty()).then(|| Pairs(http.headers.into_iter().collect())),
            query: (!http.query.is_empty()).then(|| Pairs(http.query.into_iter().collect())),
        }),
        retries: has_policy.then(|| RetryPolicy {
            attempts: target.retries.map(i64::from),
            age: target.age_seconds.map(i64::from),
        }),
        dead_letters: target.dead_letters.map(|arn| DeadLetters { arn: Some(arn) }),
    }
}

fn list(cx: &mut Cx<'_>, req: ListTargetsByRule) -> Result<Listed, EventsError> {
    let rule = own_rule(cx, req.bus.as_deref(), &req.rule)?;
    let list = format!("ListTargetsByRule {} {}", rule.bus, rule.name);
    let all = rule.own_key();
    let (targets, token) = page(cx, &TARGETS, (&all, &list), req.token.as_deref(), req.limit, |_| true)?;
    Ok(Listed { targets: targets.into_iter().map(shown).collect(), token })
}
