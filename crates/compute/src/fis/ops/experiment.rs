//! Experiments begun, stopped and told. [`crate::fis::work`] carries them out.

use super::template::{StopShape, TargetShape, find as template};
use super::{checked, cut, id, is_same, page, token};
use crate::fis::access::{any, experiment as named, new_experiment};
use crate::fis::errors::{FisError, invalid};
use crate::fis::model::action::kind as kind_of;
use crate::fis::model::{
    Action, EXPERIMENTS, Experiment, INITIATING, PENDING, RUNNING, Run, STOPPING, State, arn, key,
};
use crate::fis::work::enter;
use base::Timestamp;
use kernel::Cx;
use store::{Direction, Key};
use wire::Pairs;

kernel::ops! {
    /// Experiments.
    pub(crate) static OPS:
        StartExperiment: start, "fis:StartExperiment", new_experiment;
        StopExperiment: stop, "fis:StopExperiment", named;
        GetExperiment: get, "fis:GetExperiment", named;
        ListExperiments: list, "fis:ListExperiments", any;
        ListExperimentResolvedTargets: resolved, "fis:ListExperimentResolvedTargets", named;
}

/// AWS: at one time, of an account in a region.
const RUNNING_MAX: usize = 5;

wire::shape! {
    #[derive(Debug)]
    struct Start {
        token: String = "clientToken",
        template: String = "experimentTemplateId",
        options: Option<Options> = "experimentOptions",
        tags: Option<Pairs<String>> = "tags",
    }

    #[derive(Debug)]
    struct Options { mode: Option<String> = "actionsMode" }

    #[derive(Debug)]
    struct Named { id: String = "id" }

    #[derive(Debug)]
    struct One { experiment: View = "experiment" }

    #[derive(Debug)]
    struct View {
        id: String = "id",
        arn: String = "arn",
        template: String = "experimentTemplateId",
        role: String = "roleArn",
        state: StateView = "state",
        targets: Pairs<TargetShape> = "targets",
        actions: Pairs<ActionView> = "actions",
        stops: Vec<StopShape> = "stopConditions",
        created: Timestamp = "creationTime",
        start: Option<Timestamp> = "startTime",
        end: Option<Timestamp> = "endTime",
        tags: Pairs<String> = "tags",
        options: OptionsView = "experimentOptions",
    }

    #[derive(Debug)]
    struct OptionsView {
        accounts: String = "accountTargeting",
        empty: String = "emptyTargetResolutionMode",
        mode: String = "actionsMode",
    }

    #[derive(Debug)]
    struct StateView {
        status: String = "status",
        reason: String = "reason",
    }

    #[derive(Debug)]
    struct ActionView {
        id: String = "actionId",
        description: Option<String> = "description",
        parameters: Pairs<String> = "parameters",
        targets: Pairs<String> = "targets",
        after: Vec<String> = "startAfter",
        state: StateView = "state",
        start: Option<Timestamp> = "startTime",
        end: Option<Timestamp> = "endTime",
    }

    #[derive(Debug)]
    struct List {
        max: Option<i64> = "maxResults",
        next: Option<String> = "nextToken",
        template: Option<String> = "experimentTemplateId",
    }

    #[derive(Debug)]
    struct Listed {
        experiments: Vec<Summary> = "experiments",
        next: Option<String> = "nextToken",
    }

    #[derive(Debug)]
    struct Summary {
        id: String = "id",
        arn: String = "arn",
        template: String = "experimentTemplateId",
        state: StateView = "state",
        created: Timestamp = "creationTime",
        tags: Pairs<String> = "tags",
    }

    #[derive(Debug)]
    struct Resolved {
        id: String = "experimentId",
        max: Option<i64> = "maxResults",
        next: Option<String> = "nextToken",
        target: Option<String> = "targetName",
    }

    #[derive(Debug)]
    struct Targets {
        targets: Vec<TargetView> = "resolvedTargets",
        next: Option<String> = "nextToken",
    }

    #[derive(Debug)]
    struct TargetView {
        kind: String = "resourceType",
        name: String = "targetName",
        what: Pairs<String> = "targetInformation",
    }
}

impl StateView {
    fn of(state: &State) -> StateView {
        StateView { status: state.status.clone(), reason: state.reason.clone() }
    }
}

impl View {
    fn of(cx: &Cx<'_>, experiment: &Experiment) -> View {
        let plan = &experiment.plan;
        let action = |(name, action): (&String, &Action)| {
            let run = experiment.runs.get(name).cloned().unwrap_or_default();
            let view = ActionView {
                id: action.id.clone(),
                description: action.description.clone(),
                parameters: Pairs::from(&action.parameters),
                targets: Pairs::from(&action.targets),
                after: action.after.clone(),
                state: StateView::of(&run.state),
                start: run.start,
                end: run.end,
            };
            (name.clone(), view)
        };
        View {
            id: experiment.id.clone(),
            arn: arn(cx.account, cx.region, "experiment", &experiment.id),
            template: experiment.template.clone(),
            role: plan.role.clone(),
            state: StateView::of(&experiment.state),
            targets: TargetShape::all(plan),
            actions: Pairs(plan.actions.iter().map(action).collect()),
            stops: StopShape::all(plan),
            created: experiment.created,
            start: experiment.start,
            end: experiment.end,
            tags: Pairs::from(&experiment.tags),
            options: OptionsView {
                accounts: "single-account".into(),
                empty: if plan.skips_empty { "skip" } else { "fail" }.into(),
                mode: if experiment.skips_all { "skip-all" } else { "run-all" }.into(),
            },
        }
    }
}

fn find(cx: &Cx<'_>, id: &str) -> Result<Experiment, FisError> {
    let found = EXPERIMENTS.get(cx.tx, &key(cx.account, cx.region, id))?;
    found.ok_or_else(|| FisError::NotFound(format!("Experiment {id}")))
}

/// Writes an experiment.
pub(crate) fn keep(cx: &mut Cx<'_>, experiment: &Experiment) {
    EXPERIMENTS.put(cx.tx, &key(cx.account, cx.region, &experiment.id), experiment);
}

fn start(cx: &mut Cx<'_>, req: Start) -> Result<One, FisError> {
    let made_by = token(&req.token, &req);
    let all = EXPERIMENTS.scan(cx.tx, &Key::regional(cx.account, cx.region), Direction::Forward);
    let all: Vec<Experiment> = all.map(|pair| pair.map(|(_, one)| one)).collect::<Result<_, _>>()?;
    for experiment in &all {
        if is_same(&experiment.made_by, &made_by)? {
            return Ok(One { experiment: View::of(cx, experiment) });
        }
    }
    let found = template(cx, &req.template)?;
    if all.iter().filter(|experiment| !experiment.is_over()).count() >= RUNNING_MAX {
        return Err(FisError::Limit(format!("At most {RUNNING_MAX} experiments can run at one time.")));
    }
    let run =
        |name: &String| (name.clone(), Run { state: State::new(PENDING, "Initial state"), ..Run::default() });
    let mut experiment = Experiment {
        id: id(cx, "EXP"),
        template: found.id,
        state: State::new(PENDING, "Experiment is pending."),
        created: cx.now,
        tags: checked(req.tags)?,
        runs: found.plan.actions.keys().map(run).collect(),
        plan: found.plan,
        skips_all: req.options.and_then(|options| options.mode).as_deref() == Some("skip-all"),
        made_by,
        ..Experiment::default()
    };
    enter(cx, &mut experiment, INITIATING, "Experiment is initiating.");
    keep(cx, &experiment);
    Ok(One { experiment: View::of(cx, &experiment) })
}

fn stop(cx: &mut Cx<'_>, req: Named) -> Result<One, FisError> {
    let mut experiment = find(cx, &req.id)?;
    match experiment.state.status.as_str() {
        STOPPING => {}
        INITIATING | RUNNING => {
            experiment.stopping = Some("Experiment stopped by user.".into());
            enter(cx, &mut experiment, STOPPING, "Experiment is stopping.");
            keep(cx, &experiment);
        }
        other => return Err(invalid(format!("The experiment {} is {other} and cannot be stopped.", req.id))),
    }
    Ok(One { experiment: View::of(cx, &experiment) })
}

fn get(cx: &mut Cx<'_>, req: Named) -> Result<One, FisError> {
    let experiment = find(cx, &req.id)?;
    Ok(One { experiment: View::of(cx, &experiment) })
}

fn list(cx: &mut Cx<'_>, req: List) -> Result<Listed, FisError> {
    let wanted = |one: &Experiment| req.template.as_ref().is_none_or(|template| *template == one.template);
    let narrowed = req.template.clone().unwrap_or_default();
    let (found, next) = page(cx, &EXPERIMENTS, &narrowed, req.max, req.next.as_deref(), wanted)?;
    let view = |one: Experiment| Summary {
        arn: arn(cx.account, cx.region, "experiment", &one.id),
        state: StateView::of(&one.state),
        id: one.id,
        template: one.template,
        created: one.created,
        tags: Pairs::from(&one.tags),
    };
    Ok(Listed { experiments: found.into_iter().map(view).collect(), next })
}

fn resolved(cx: &mut Cx<'_>, req: Resolved) -> Result<Targets, FisError> {
    let experiment = find(cx, &req.id)?;
    let mut all = Vec::new();
    for (name, ids) in &experiment.resolved {
        if req.target.as_ref().is_some_and(|target| target != name) {
            continue;
        }
        let kind = experiment.plan.targets.get(name).map(|target| target.kind.clone()).unwrap_or_default();
        all.extend(ids.iter().map(|id| {
            let (service, noun) = kind_of(&kind).map(|kind| kind.named).unwrap_or_default();
            let arn = match id.starts_with("arn:") {
                true => id.clone(),
                false => cx.arn(service, &format!("{noun}{id}")).to_string(),
            };
            let what = Pairs(vec![("arn".to_owned(), arn)]);
            TargetView { kind: kind.clone(), name: name.clone(), what }
        }));
    }
    let narrowed = format!("{}/{}", req.id, req.target.unwrap_or_default());
    let (targets, next) = cut(cx, all, &narrowed, req.max, req.next.as_deref())?;
    Ok(Targets { targets, next })
}
