//! Rules: put, describe, list, switch, delete.

use super::page;
use super::tag::{self, Tag};
use crate::events::errors::{EventsError, invalid};
use crate::events::model::{Bus, DEFAULT, RULES, Rule, own_bus, own_rule};
use crate::events::{access, work};
use crate::schedule::Schedule;
use base::Timestamp;
use kernel::pattern::Pattern;
use kernel::{Cx, Empty};

kernel::ops! { pub(crate) static OPS:
    PutRule: put, "events:PutRule", access::put_rule;
    DescribeRule: describe, "events:DescribeRule", access::rule;
    ListRules: list, "events:ListRules", access::rules;
    ListRuleNamesByTarget: by_target, "events:ListRuleNamesByTarget", access::rules;
    EnableRule: enable, "events:EnableRule", access::rule;
    DisableRule: disable, "events:DisableRule", access::rule;
    DeleteRule: delete, "events:DeleteRule", access::rule;
}

/// AWS: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html>
const PER_BUS_MAX: usize = 300;

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct PutRule {
        name: String = "Name",
        schedule: Option<String> = "ScheduleExpression",
        pattern: Option<String> = "EventPattern",
        state: Option<String> = "State",
        description: Option<String> = "Description",
        role: Option<String> = "RoleArn",
        tags: Vec<Tag> = "Tags",
        bus: Option<String> = "EventBusName",
    }

    #[derive(Debug)]
    pub(crate) struct Put { arn: String = "RuleArn" }

    #[derive(Debug)]
    pub(crate) struct OneRule {
        name: String = "Name",
        bus: Option<String> = "EventBusName",
    }

    #[derive(Debug)]
    pub(crate) struct Described {
        name: String = "Name",
        arn: String = "Arn",
        pattern: Option<String> = "EventPattern",
        schedule: Option<String> = "ScheduleExpression",
        state: String = "State",
        description: Option<String> = "Description",
        role: Option<String> = "RoleArn",
        bus: String = "EventBusName",
        by: String = "CreatedBy",
    }

    #[derive(Debug)]
    pub(crate) struct Listed {
        name: String = "Name",
        arn: String = "Arn",
        pattern: Option<String> = "EventPattern",
        schedule: Option<String> = "ScheduleExpression",
        state: String = "State",
        description: Option<String> = "Description",
        role: Option<String> = "RoleArn",
        bus: String = "EventBusName",
    }

    #[derive(Debug)]
    pub(crate) struct ListRules {
        prefix: Option<String> = "NamePrefix",
        bus: Option<String> = "EventBusName",
        token: Option<String> = "NextToken",
        limit: Option<i64> = "Limit",
    }

    #[derive(Debug)]
    pub(crate) struct Rules {
        rules: Vec<Listed> = "Rules",
        token: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    pub(crate) struct ByTarget {
        target: String = "TargetArn",
        bus: Option<String> = "EventBusName",
        token: Option<String> = "NextToken",
        limit: Option<i64> = "Limit",
    }

    #[derive(Debug)]
    pub(crate) struct Names {
        names: Vec<String> = "RuleNames",
        token: Option<String> = "NextToken",
    }
}

fn check(req: &PutRule, bus: &str) -> Result<(), EventsError> {
    if let Some(pattern) = &req.pattern {
        Pattern::read(pattern).map_err(|malformed| EventsError::Pattern(malformed.0))?;
    }
    match &req.schedule {
        Some(_) if bus != DEFAULT => {
            Err(invalid("ScheduleExpression is supported only on the default event bus."))
        }
        Some(schedule) if Schedule::read(schedule).is_none() => {
            Err(invalid("Parameter ScheduleExpression is not valid."))
        }
        None if req.pattern.is_none() => {
            Err(invalid("Parameter(s) EventPattern or ScheduleExpression must be specified."))
        }
        _ => Ok(()),
    }
}

fn put(cx: &mut Cx<'_>, req: PutRule) -> Result<Put, EventsError> {
    let bus = own_bus(cx, req.bus.as_deref())?;
    check(&req, &bus.name)?;
    let enabled = match req.state.as_deref() {
        None | Some("ENABLED") => true,
        Some("DISABLED") => false,
        Some(other) => return Err(invalid(format!("Rules in the state {other} are not built."))),
    };
    let key = Rule::key(bus.home(), &bus.name, &req.name);
    let old = RULES.get(cx.tx, &key)?;
    if old.is_none() && !cx.has_room(&RULES, &Bus::key(bus.home(), &bus.name), PER_BUS_MAX)? {
        return Err(EventsError::Limit);
    }
    // AWS: a rule that is put again keeps its tags and targets, and what the request leaves out is gone.
    let tags = match &old {
        Some(old) => old.tags.clone(),
        None => tag::checked(req.tags)?,
    };
    let rule = Rule {
        account: cx.account,
        region: cx.region,
        bus: bus.name,
        name: req.name,
        pattern: req.pattern,
        schedule: req.schedule,
        enabled,
        description: req.description,
        role: req.role,
        tags,
        since: cx.now,
        due: old.and_then(|old| old.due),
    };
    let arn = rule.arn();
    let due = work::next(&rule, cx.now);
    rule.save(cx.tx, due);
    Ok(Put { arn })
}

fn state(enabled: bool) -> String {
    if enabled { "ENABLED" } else { "DISABLED" }.to_owned()
}

fn describe(cx: &mut Cx<'_>, req: OneRule) -> Result<Described, EventsError> {
    let rule = own_rule(cx, req.bus.as_deref(), &req.name)?;
    Ok(Described {
        arn: rule.arn(),
        name: rule.name,
        pattern: rule.pattern,
        schedule: rule.schedule,
        state: state(rule.enabled),
        description: rule.description,
        role: rule.role,
        bus: rule.bus,
        by: rule.account.to_string(),
    })
}

fn listed(rule: Rule) -> Listed {
    Listed {
        arn: rule.arn(),
        name: rule.name,
        pattern: rule.pattern,
        schedule: rule.schedule,
        state: state(rule.enabled),
        description: rule.description,
        role: rule.role,
        bus: rule.bus,
    }
}

fn list(cx: &mut Cx<'_>, req: ListRules) -> Result<Rules, EventsError> {
    let bus = own_bus(cx, req.bus.as_deref())?;
    let prefix = req.prefix.unwrap_or_default();
    let all = Bus::key(bus.home(), &bus.name).str_prefix(&prefix);
    let list = format!("ListRules {} {prefix}", bus.name);
    let (rules, token) = page(cx, &RULES, (&all, &list), req.token.as_deref(), req.limit, |_| true)?;
    Ok(Rules { rules: rules.into_iter().map(listed).collect(), token })
}

fn by_target(cx: &mut Cx<'_>, req: ByTarget) -> Result<Names, EventsError> {
    let bus = own_bus(cx, req.bus.as_deref())?;
    let all = Bus::key(bus.home(), &bus.name);
    let list = format!("ListRuleNamesByTarget {} {}", bus.name, req.target);
    let has = |rule: &Rule| {
        rule.targets(cx.tx).is_ok_and(|targets| targets.iter().any(|target| target.arn == req.target))
    };
    let (rules, token) = page(cx, &RULES, (&all, &list), req.token.as_deref(), req.limit, has)?;
    Ok(Names { names: rules.into_iter().map(|rule| rule.name).collect(), token })
}

fn switch(cx: &mut Cx<'_>, req: OneRule, enabled: bool) -> Result<Empty, EventsError> {
    let mut rule = own_rule(cx, req.bus.as_deref(), &req.name)?;
    if enabled && !rule.enabled {
        rule.since = Timestamp::max(rule.since, cx.now);
    }
    rule.enabled = enabled;
    let due = work::next(&rule, cx.now);
    rule.save(cx.tx, due);
    Ok(Empty)
}

fn enable(cx: &mut Cx<'_>, req: OneRule) -> Result<Empty, EventsError> {
    switch(cx, req, true)
}

fn disable(cx: &mut Cx<'_>, req: OneRule) -> Result<Empty, EventsError> {
    switch(cx, req, false)
}

fn delete(cx: &mut Cx<'_>, req: OneRule) -> Result<Empty, EventsError> {
    let rule = match own_rule(cx, req.bus.as_deref(), &req.name) {
        // AWS: one that is not there is no error.
        Err(EventsError::NoRule(..)) => return Ok(Empty),
        found => found?,
    };
    if !rule.targets(cx.tx)?.is_empty() {
        return Err(invalid("Rule can't be deleted since it has targets."));
    }
    rule.delete(cx.tx);
    Ok(Empty)
}
