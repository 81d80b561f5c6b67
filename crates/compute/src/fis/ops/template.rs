//! Templates of experiments: what is done to what, in which order, and what stops it.

use super::{checked, id, is_same, page, token};
use crate::fis::access::{any, changed_template, new_template, template as named};
use crate::fis::errors::{FisError, invalid};
use crate::fis::model::action::{INSTANCE, SPOT, kind, known};
use crate::fis::model::choice::Mode;
use crate::fis::model::{Action, Filter, Plan, TEMPLATES, Target, Template, arn, key};
use base::{Arn, Timestamp};
use kernel::Cx;
use std::collections::BTreeMap;
use store::{Direction, Key};
use wire::{Pairs, Value};

kernel::ops! {
    /// Templates.
    pub(crate) static OPS:
        CreateExperimentTemplate: create, "fis:CreateExperimentTemplate", new_template;
        GetExperimentTemplate: get, "fis:GetExperimentTemplate", named;
        ListExperimentTemplates: list, "fis:ListExperimentTemplates", any;
        UpdateExperimentTemplate: update, "fis:UpdateExperimentTemplate", changed_template;
        DeleteExperimentTemplate: delete, "fis:DeleteExperimentTemplate", named;
}

/// AWS: templates of an account in a region, and of one template actions, alarms and ARNs of a target.
const TEMPLATES_MAX: usize = 500;
const ACTIONS_MAX: usize = 20;
const STOPS_MAX: usize = 5;

wire::shape! {
    #[derive(Debug)]
    struct Create {
        token: String = "clientToken",
        description: String = "description",
        stops: Vec<StopShape> = "stopConditions",
        targets: Pairs<TargetShape> = "targets",
        actions: Pairs<ActionShape> = "actions",
        role: String = "roleArn",
        tags: Option<Pairs<String>> = "tags",
        options: Option<OptionsShape> = "experimentOptions",
        log: Option<Value> = "logConfiguration",
        report: Option<Value> = "experimentReportConfiguration",
    }

    #[derive(Debug)]
    struct Update {
        id: String = "id",
        description: Option<String> = "description",
        stops: Option<Vec<StopShape>> = "stopConditions",
        targets: Option<Pairs<TargetShape>> = "targets",
        actions: Option<Pairs<ActionShape>> = "actions",
        role: Option<String> = "roleArn",
        options: Option<EmptyShape> = "experimentOptions",
        log: Option<Value> = "logConfiguration",
        report: Option<Value> = "experimentReportConfiguration",
    }

    #[derive(Clone, Debug)]
    pub(super) struct StopShape {
        source: String = "source",
        value: Option<String> = "value",
    }

    #[derive(Clone, Debug)]
    pub(super) struct TargetShape {
        kind: String = "resourceType",
        arns: Vec<String> = "resourceArns",
        tags: Option<Pairs<String>> = "resourceTags",
        filters: Vec<FilterShape> = "filters",
        mode: String = "selectionMode",
        parameters: Option<Pairs<String>> = "parameters",
    }

    #[derive(Clone, Debug)]
    struct FilterShape {
        path: String = "path",
        values: Vec<String> = "values",
    }

    #[derive(Clone, Debug)]
    struct ActionShape {
        id: Option<String> = "actionId",
        description: Option<String> = "description",
        parameters: Option<Pairs<String>> = "parameters",
        targets: Option<Pairs<String>> = "targets",
        after: Vec<String> = "startAfter",
    }

    #[derive(Clone, Debug)]
    struct OptionsShape {
        accounts: Option<String> = "accountTargeting",
        empty: Option<String> = "emptyTargetResolutionMode",
    }

    #[derive(Clone, Debug)]
    struct EmptyShape { empty: Option<String> = "emptyTargetResolutionMode" }

    #[derive(Debug)]
    struct One { template: View = "experimentTemplate" }

    #[derive(Debug)]
    struct Named { id: String = "id" }

    #[derive(Debug)]
    struct View {
        id: String = "id",
        arn: String = "arn",
        description: String = "description",
        targets: Pairs<TargetShape> = "targets",
        actions: Pairs<ActionShape> = "actions",
        stops: Vec<StopShape> = "stopConditions",
        created: Timestamp = "creationTime",
        updated: Timestamp = "lastUpdateTime",
        role: String = "roleArn",
        tags: Pairs<String> = "tags",
        options: OptionsShape = "experimentOptions",
    }

    #[derive(Debug)]
    struct List {
        max: Option<i64> = "maxResults",
        next: Option<String> = "nextToken",
    }

    #[derive(Debug)]
    struct Listed {
        templates: Vec<Summary> = "experimentTemplates",
        next: Option<String> = "nextToken",
    }

    #[derive(Debug)]
    struct Summary {
        id: String = "id",
        arn: String = "arn",
        description: String = "description",
        created: Timestamp = "creationTime",
        updated: Timestamp = "lastUpdateTime",
        tags: Pairs<String> = "tags",
    }
}

fn map(pairs: Option<Pairs<String>>) -> BTreeMap<String, String> {
    pairs.map(|pairs| pairs.0.into_iter().collect()).unwrap_or_default()
}

impl StopShape {
    pub(super) fn all(plan: &Plan) -> Vec<StopShape> {
        if plan.stops.is_empty() {
            return vec![StopShape { source: "none".into(), value: None }];
        }
        let alarm =
            |arn: &String| StopShape { source: "aws:cloudwatch:alarm".into(), value: Some(arn.clone()) };
        plan.stops.iter().map(alarm).collect()
    }
}

impl TargetShape {
    pub(super) fn all(plan: &Plan) -> Pairs<TargetShape> {
        let filter =
            |filter: &Filter| FilterShape { path: filter.path.clone(), values: filter.values.clone() };
        let view = |(name, target): (&String, &Target)| {
            let view = TargetShape {
                kind: target.kind.clone(),
                arns: target.arns.clone(),
                tags: (!target.tags.is_empty()).then(|| Pairs::from(&target.tags)),
                filters: target.filters.iter().map(filter).collect(),
                mode: target.mode.clone(),
                parameters: (!target.parameters.is_empty()).then(|| Pairs::from(&target.parameters)),
            };
            (name.clone(), view)
        };
        Pairs(plan.targets.iter().map(view).collect())
    }
}

impl View {
    fn of(cx: &Cx<'_>, template: &Template) -> View {
        let plan = &template.plan;
        let action = |(name, action): (&String, &Action)| {
            let view = ActionShape {
                id: Some(action.id.clone()),
                description: action.description.clone(),
                parameters: Some(Pairs::from(&action.parameters)),
                targets: Some(Pairs::from(&action.targets)),
                after: action.after.clone(),
            };
            (name.clone(), view)
        };
        View {
            id: template.id.clone(),
            arn: arn(cx.account, cx.region, "experiment-template", &template.id),
            description: plan.description.clone(),
            targets: TargetShape::all(plan),
            actions: Pairs(plan.actions.iter().map(action).collect()),
            stops: StopShape::all(plan),
            created: template.created,
            updated: template.updated,
            role: plan.role.clone(),
            tags: Pairs::from(&template.tags),
            options: OptionsShape {
                accounts: Some("single-account".into()),
                empty: Some(if plan.skips_empty { "skip" } else { "fail" }.into()),
            },
        }
    }
}

fn stops(asked: Vec<StopShape>) -> Result<Vec<String>, FisError> {
    let mut out = Vec::new();
    for stop in asked {
        match (stop.source.as_str(), stop.value) {
            ("none", None) => {}
            ("aws:cloudwatch:alarm", Some(value)) => {
                let is_alarm = Arn::parse(&value)
                    .is_some_and(|arn| arn.service == "cloudwatch" && arn.resource.starts_with("alarm:"));
                if !is_alarm {
                    return Err(invalid(format!("The stop condition {value} is not the ARN of an alarm.")));
                }
                out.push(value);
            }
            (source, _) => {
                return Err(invalid(format!("The stop condition with the source {source} is not valid.")));
            }
        }
    }
    if out.len() > STOPS_MAX {
        return Err(FisError::Limit(format!("A template can have at most {STOPS_MAX} stop conditions.")));
    }
    Ok(out)
}

fn target(name: &str, asked: TargetShape) -> Result<Target, FisError> {
    let Some(known) = kind(&asked.kind) else {
        return Err(FisError::NotBuilt(format!("The target resource type {}", asked.kind)));
    };
    if Mode::read(&asked.mode).is_none() {
        return Err(invalid(format!("The selection mode {} of the target {name} is not valid.", asked.mode)));
    }
    let (tags, parameters) = (map(asked.tags), map(asked.parameters));
    let chooses = !tags.is_empty() || !asked.filters.is_empty() || !parameters.is_empty();
    if asked.arns.is_empty() && !chooses {
        return Err(invalid(format!("The target {name} must have resource ARNs, resource tags or filters.")));
    }
    if !asked.arns.is_empty() && chooses {
        return Err(invalid(format!(
            "The target {name} may have resource ARNs or tags, filters and parameters, not both."
        )));
    }
    if chooses && !known.chosen {
        return Err(invalid(format!("The target {name} of the type {} must have resource ARNs.", known.id)));
    }
    let has = |name: &&String| known.parameters.iter().any(|(own, _)| own == name);
    if let Some(other) = parameters.keys().find(|name| !has(name)) {
        return Err(invalid(format!("The target resource type {} has no parameter {other}.", known.id)));
    }
    let (service, noun) = known.named;
    let is_one = |arn: &&String| {
        Arn::parse(arn).is_some_and(|arn| arn.service == service && arn.resource.starts_with(noun))
    };
    if let Some(other) = asked.arns.iter().find(|arn| !is_one(arn)) {
        return Err(invalid(format!(
            "The resource {other} of the target {name} is not of its resource type."
        )));
    }
    let filters =
        asked.filters.into_iter().map(|one| Filter { path: one.path, values: one.values }).collect();
    Ok(Target { kind: asked.kind, arns: asked.arns, tags, filters, mode: asked.mode, parameters })
}

fn targets(asked: Pairs<TargetShape>) -> Result<BTreeMap<String, Target>, FisError> {
    asked.0.into_iter().map(|(name, one)| Ok((name.clone(), target(&name, one)?))).collect()
}

fn actions(asked: Pairs<ActionShape>) -> Result<BTreeMap<String, Action>, FisError> {
    let action = |(name, asked): (String, ActionShape)| {
        let id = asked.id.ok_or_else(|| invalid(format!("The action {name} must have an actionId.")))?;
        let action = Action {
            id,
            description: asked.description,
            parameters: map(asked.parameters),
            targets: map(asked.targets),
            after: asked.after,
        };
        Ok((name, action))
    };
    asked.0.into_iter().map(action).collect()
}

/// Whether the parts of a plan fit together.
fn check(plan: &Plan) -> Result<(), FisError> {
    if plan.actions.is_empty() {
        return Err(invalid("A template must have at least one action."));
    }
    if plan.actions.len() > ACTIONS_MAX {
        return Err(FisError::Limit(format!("A template can have at most {ACTIONS_MAX} actions.")));
    }
    for (name, action) in &plan.actions {
        let Some(known) = known(&action.id) else {
            return Err(FisError::NotBuilt(format!("The action {}", action.id)));
        };
        if let Some(flaw) = action.flaw(known) {
            return Err(invalid(flaw));
        }
        let wanted = known.target.map(|(own, _)| own);
        if let Some(other) = action.targets.keys().find(|own| wanted != Some(own.as_str())) {
            return Err(invalid(format!("The action {name} has no target {other}.")));
        }
        if let Some((own, kind)) = known.target {
            let of_plan = action.targets.get(own).and_then(|of_plan| plan.targets.get(of_plan));
            let of_plan = of_plan.ok_or_else(|| {
                invalid(format!("The action {name} must have a target {own} of the template's."))
            })?;
            // A spot instance is an instance as well.
            let is_instance = of_plan.kind == SPOT && kind == INSTANCE;
            if of_plan.kind != kind && !is_instance {
                return Err(invalid(format!(
                    "The target {own} of the action {name} is not of the type {kind}."
                )));
            }
        }
        if let Some(other) = action.after.iter().find(|other| !plan.actions.contains_key(*other)) {
            return Err(invalid(format!(
                "The action {name} starts after {other}, which the template does not have."
            )));
        }
    }
    if waits_for_itself(plan) {
        return Err(invalid("The actions of a template may not start after each other in a circle."));
    }
    Ok(())
}

fn waits_for_itself(plan: &Plan) -> bool {
    let mut open: Vec<&String> = plan.actions.keys().collect();
    loop {
        let before = open.len();
        let blocked = open.clone();
        open.retain(|name| {
            plan.actions
                .get(*name)
                .is_some_and(|action| action.after.iter().any(|other| blocked.contains(&other)))
        });
        if open.len() == before {
            return !open.is_empty();
        }
    }
}

fn unbuilt(
    log: Option<&Value>,
    report: Option<&Value>,
    options: Option<&OptionsShape>,
) -> Result<(), FisError> {
    if log.is_some() {
        return Err(FisError::NotBuilt("The log of experiments".into()));
    }
    if report.is_some() {
        return Err(FisError::NotBuilt("The report of experiments".into()));
    }
    if options.is_some_and(|options| options.accounts.as_deref() == Some("multi-account")) {
        return Err(FisError::NotBuilt("An experiment in several accounts".into()));
    }
    Ok(())
}

/// Whether actions without a target are passed by.
fn skips(mode: Option<&String>, before: bool) -> bool {
    mode.map_or(before, |mode| mode == "skip")
}

/// # Errors
/// `ResourceNotFoundException`.
pub(super) fn find(cx: &Cx<'_>, id: &str) -> Result<Template, FisError> {
    let found = TEMPLATES.get(cx.tx, &key(cx.account, cx.region, id))?;
    found.ok_or_else(|| FisError::NotFound(format!("Experiment template {id}")))
}

fn keep(cx: &mut Cx<'_>, template: &Template) {
    TEMPLATES.put(cx.tx, &key(cx.account, cx.region, &template.id), template);
}

fn create(cx: &mut Cx<'_>, req: Create) -> Result<One, FisError> {
    let made_by = token(&req.token, &req);
    let all = TEMPLATES.scan(cx.tx, &Key::regional(cx.account, cx.region), Direction::Forward);
    let all: Vec<Template> = all.map(|pair| pair.map(|(_, one)| one)).collect::<Result<_, _>>()?;
    for template in &all {
        if is_same(&template.made_by, &made_by)? {
            return Ok(One { template: View::of(cx, template) });
        }
    }
    if all.len() >= TEMPLATES_MAX {
        return Err(FisError::Limit(format!("An account can have at most {TEMPLATES_MAX} templates.")));
    }
    unbuilt(req.log.as_ref(), req.report.as_ref(), req.options.as_ref())?;
    let plan = Plan {
        description: req.description,
        role: req.role,
        targets: targets(req.targets)?,
        actions: actions(req.actions)?,
        stops: stops(req.stops)?,
        skips_empty: skips(req.options.as_ref().and_then(|options| options.empty.as_ref()), false),
    };
    check(&plan)?;
    let template = Template {
        id: id(cx, "EXT"),
        plan,
        created: cx.now,
        updated: cx.now,
        tags: checked(req.tags)?,
        made_by,
    };
    keep(cx, &template);
    Ok(One { template: View::of(cx, &template) })
}

fn get(cx: &mut Cx<'_>, req: Named) -> Result<One, FisError> {
    let template = find(cx, &req.id)?;
    Ok(One { template: View::of(cx, &template) })
}

fn list(cx: &mut Cx<'_>, req: List) -> Result<Listed, FisError> {
    let (found, next) = page(cx, &TEMPLATES, "", req.max, req.next.as_deref(), |_| true)?;
    let view = |template: Template| Summary {
        arn: arn(cx.account, cx.region, "experiment-template", &template.id),
        id: template.id,
        description: template.plan.description,
        created: template.created,
        updated: template.updated,
        tags: Pairs::from(&template.tags),
    };
    Ok(Listed { templates: found.into_iter().map(view).collect(), next })
}

fn update(cx: &mut Cx<'_>, req: Update) -> Result<One, FisError> {
    let mut template = find(cx, &req.id)?;
    unbuilt(req.log.as_ref(), req.report.as_ref(), None)?;
    let plan = &mut template.plan;
    plan.description = req.description.unwrap_or(std::mem::take(&mut plan.description));
    plan.role = req.role.unwrap_or(std::mem::take(&mut plan.role));
    if let Some(asked) = req.stops {
        plan.stops = stops(asked)?;
    }
    if let Some(asked) = req.targets {
        plan.targets = targets(asked)?;
    }
    if let Some(asked) = req.actions {
        plan.actions = actions(asked)?;
    }
    let empty = req.options.as_ref().and_then(|options| options.empty.as_ref());
    plan.skips_empty = skips(empty, plan.skips_empty);
    check(plan)?;
    template.updated = cx.now;
    keep(cx, &template);
    Ok(One { template: View::of(cx, &template) })
}

/// Experiments that it has begun go on.
fn delete(cx: &mut Cx<'_>, req: Named) -> Result<One, FisError> {
    let template = find(cx, &req.id)?;
    TEMPLATES.delete(cx.tx, &key(cx.account, cx.region, &req.id));
    Ok(One { template: View::of(cx, &template) })
}
