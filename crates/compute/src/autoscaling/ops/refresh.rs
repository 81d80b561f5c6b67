//! Instance refreshes: begun, broken off, turned round, and told. [`crate::autoscaling::work`] carries them out.

use super::group::{TemplateSpecification, of_one_type, template};
use super::mixed::{self, MixedShape};
use super::{find, keep, of_group, page, size};
use crate::autoscaling::access::{any, group as named};
use crate::autoscaling::errors::{AutoScalingError, invalid};
use crate::autoscaling::model::mixed::{Mixed, Override};
use crate::autoscaling::model::refresh::{
    BAKING, CANCELLING, IN_PROGRESS, Preferences, REFRESHES, ROLLING_BACK, Refresh, WAITING,
};
use crate::autoscaling::model::{Group, Member, Template, key};
use crate::autoscaling::work::instance::data;
use crate::autoscaling::work::refresh::{event, tell};
use crate::requirements::Requirements;
use base::Timestamp;
use kernel::Cx;
use std::collections::BTreeSet;
use wire::{Struct, Value};

kernel::ops! {
    /// Instance refreshes.
    pub static OPS:
        StartInstanceRefresh: start, "autoscaling:StartInstanceRefresh", named;
        CancelInstanceRefresh: cancel, "autoscaling:CancelInstanceRefresh", named;
        RollbackInstanceRefresh: roll_back, "autoscaling:RollbackInstanceRefresh", named;
        DescribeInstanceRefreshes: describe, "autoscaling:DescribeInstanceRefreshes", any;
}

/// AWS's defaults.
const MIN_HEALTHY: i64 = 90;
const DELAY: i64 = 3600;

wire::shape! {
    #[derive(Debug)]
    struct Start {
        name: String = "AutoScalingGroupName",
        strategy: Option<String> = "Strategy",
        wanted: Option<Wanted> = "DesiredConfiguration",
        preferences: Option<Wishes> = "Preferences",
    }

    #[derive(Debug)]
    struct Wanted {
        template: Option<TemplateSpecification> = "LaunchTemplate",
        mixed: Option<MixedShape> = "MixedInstancesPolicy",
    }

    #[derive(Debug)]
    struct Wishes {
        min: Option<i64> = "MinHealthyPercentage",
        max: Option<i64> = "MaxHealthyPercentage",
        warmup: Option<i64> = "InstanceWarmup",
        checkpoints: Vec<i64> = "CheckpointPercentages",
        delay: Option<i64> = "CheckpointDelay",
        skips: Option<bool> = "SkipMatching",
        rolls_back: Option<bool> = "AutoRollback",
        protected: Option<String> = "ScaleInProtectedInstances",
        standby: Option<String> = "StandbyInstances",
        alarms: Option<Value> = "AlarmSpecification",
        bake: Option<i64> = "BakeTime",
    }

    #[derive(Debug)]
    struct Started { id: String = "InstanceRefreshId" }

    #[derive(Debug)]
    struct Cancel {
        name: String = "AutoScalingGroupName",
        waits: Option<bool> = "WaitForTransitioningInstances",
    }

    #[derive(Debug)]
    struct RollBack { name: String = "AutoScalingGroupName" }

    #[derive(Debug)]
    struct Describe {
        name: String = "AutoScalingGroupName",
        ids: Vec<String> = "InstanceRefreshIds",
        max: Option<i64> = "MaxRecords",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct Described {
        refreshes: Vec<View> = "InstanceRefreshes",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct View {
        id: String = "InstanceRefreshId",
        group: String = "AutoScalingGroupName",
        status: String = "Status",
        reason: Option<String> = "StatusReason",
        start: Option<Timestamp> = "StartTime",
        end: Option<Timestamp> = "EndTime",
        percent: Option<i64> = "PercentageComplete",
        left: Option<i64> = "InstancesToUpdate",
        /// AWS: of a group with a warm pool.
        details: Option<Details> = "ProgressDetails",
        preferences: WishesView = "Preferences",
        wanted: Option<WantedView> = "DesiredConfiguration",
        rollback: Option<RollbackView> = "RollbackDetails",
        strategy: String = "Strategy",
    }

    #[derive(Debug)]
    struct Details {
        live: Part = "LivePoolProgress",
        warm: Part = "WarmPoolProgress",
    }

    #[derive(Debug)]
    struct Part {
        percent: i64 = "PercentageComplete",
        left: i64 = "InstancesToUpdate",
    }

    #[derive(Debug)]
    struct WantedView {
        template: Option<TemplateSpecification> = "LaunchTemplate",
        mixed: Option<MixedShape> = "MixedInstancesPolicy",
    }

    #[derive(Debug)]
    struct WishesView {
        min: i64 = "MinHealthyPercentage",
        max: Option<i64> = "MaxHealthyPercentage",
        warmup: i64 = "InstanceWarmup",
        checkpoints: Option<Vec<i64>> = "CheckpointPercentages",
        delay: Option<i64> = "CheckpointDelay",
        skips: bool = "SkipMatching",
        rolls_back: bool = "AutoRollback",
        protected: Option<String> = "ScaleInProtectedInstances",
        standby: Option<String> = "StandbyInstances",
        /// No alarms are watched.
        alarms: Struct = "AlarmSpecification",
        bake: Option<i64> = "BakeTime",
    }

    #[derive(Debug)]
    struct RollbackView {
        reason: String = "RollbackReason",
        start: Timestamp = "RollbackStartTime",
        percent: i64 = "PercentageCompleteOnRollback",
        left: i64 = "InstancesToUpdateOnRollback",
    }
}

/// AWS's names of the preferences that are told where they were said, and no others.
const DELAY_SAID: &str = "CheckpointDelay";
const PROTECTED_SAID: &str = "ScaleInProtectedInstances";
const STANDBY_SAID: &str = "StandbyInstances";
const BAKE_SAID: &str = "BakeTime";

impl WishesView {
    fn of(preferences: Preferences) -> WishesView {
        let said = |name: &str| preferences.said.contains(name);
        WishesView {
            min: preferences.min,
            max: preferences.max,
            warmup: preferences.warmup,
            delay: said(DELAY_SAID).then_some(preferences.delay),
            skips: preferences.skips,
            rolls_back: preferences.rolls_back,
            protected: said(PROTECTED_SAID).then(|| preferences.protected.clone()),
            standby: said(STANDBY_SAID).then(|| preferences.standby.clone()),
            alarms: Struct::new(),
            bake: said(BAKE_SAID).then_some(preferences.bake),
            checkpoints: Some(preferences.checkpoints).filter(|all| !all.is_empty()),
        }
    }
}

impl View {
    fn of(refresh: Refresh) -> View {
        let start = refresh.started().map(Timestamp::whole_seconds);
        // Who waits has not counted yet.
        let (percent, left) = start.map(|_| refresh.progress()).unzip();
        let details = refresh.pool.as_ref().filter(|_| start.is_some()).map(|pool| {
            let to_do = pool.total - pool.ready;
            let done = if pool.total == 0 { 100 } else { pool.ready * 100 / pool.total };
            Details {
                live: Part { percent: refresh.percent, left: refresh.left },
                warm: Part { percent: done, left: to_do },
            }
        });
        let wanted = refresh.wanted.map(|template| WantedView {
            mixed: refresh.wanted_mixed.as_ref().map(|mixed| MixedShape::of(&template, mixed)),
            template: refresh.wanted_mixed.is_none().then(|| TemplateSpecification::from(template)),
        });
        View {
            id: refresh.id,
            group: refresh.group,
            status: refresh.status,
            reason: refresh.reason,
            start,
            end: refresh.end.map(Timestamp::whole_seconds),
            percent,
            left,
            details,
            preferences: WishesView::of(refresh.preferences),
            wanted,
            rollback: refresh.rollback.map(|rollback| RollbackView {
                reason: rollback.reason,
                start: rollback.start,
                percent: rollback.percent,
                left: rollback.left,
            }),
            strategy: ROLLING.into(),
        }
    }
}

const ROLLING: &str = "Rolling";
const CANCELLED_BY_USER: &str = "Cancelled due to user request.";
const CANCELLED_AT_ONCE: &str =
    "Cancelled without waiting for ongoing instance launches and terminations due to user request.";

fn unbuilt(what: &str) -> AutoScalingError {
    invalid(format!("{what} is not built in this version of Virga."))
}

fn preferences(group: &Group, asked: Option<Wishes>) -> Result<Preferences, AutoScalingError> {
    let warmup = group.warmup.unwrap_or(group.grace);
    let wait = || "Wait".to_owned();
    let Some(asked) = asked else {
        let (protected, standby) = (wait(), wait());
        return Ok(Preferences { min: MIN_HEALTHY, warmup, protected, standby, ..Preferences::default() });
    };
    if asked.alarms.is_some() {
        return Err(unbuilt("AlarmSpecification"));
    }
    match (asked.min, asked.max) {
        (None, Some(_)) => {
            return Err(invalid("MinHealthyPercentage must be specified with MaxHealthyPercentage."));
        }
        (Some(min), Some(max)) if max - min > 100 => {
            return Err(invalid(
                "The difference between MaxHealthyPercentage and MinHealthyPercentage must be less than or equal to 100.",
            ));
        }
        _ => {}
    }
    if asked.checkpoints.windows(2).any(|two| two[0] >= two[1]) {
        return Err(invalid("Checkpoint percentages must be sorted in ascending order with no duplicates."));
    }
    if asked.delay.is_some() && asked.checkpoints.is_empty() {
        return Err(invalid("CheckpointDelay needs CheckpointPercentages."));
    }
    let said = [
        (DELAY_SAID, asked.delay.is_some()),
        (PROTECTED_SAID, asked.protected.is_some()),
        (STANDBY_SAID, asked.standby.is_some()),
        (BAKE_SAID, asked.bake.is_some()),
    ];
    Ok(Preferences {
        said: said.into_iter().filter(|(_, is_said)| *is_said).map(|(name, _)| name.to_owned()).collect(),
        min: asked.min.unwrap_or(MIN_HEALTHY),
        max: asked.max,
        warmup: asked.warmup.unwrap_or(warmup),
        checkpoints: asked.checkpoints,
        delay: asked.delay.unwrap_or(DELAY),
        skips: asked.skips.unwrap_or(false),
        rolls_back: asked.rolls_back.unwrap_or(false),
        protected: asked.protected.unwrap_or_else(wait),
        standby: asked.standby.unwrap_or_else(wait),
        bake: asked.bake.unwrap_or(0),
    })
}

/// Why a group cannot go back to what it is launched by.
fn irreversible(group: &Group, wanted: Option<&Template>) -> Option<&'static str> {
    if wanted.is_none() {
        return Some("no desired configuration was specified for the instance refresh.");
    }
    let overrides = group.mixed.iter().flat_map(|mixed| &mixed.overrides);
    let mut used =
        std::iter::once(&group.template).chain(overrides.filter_map(|over| over.template.as_ref()));
    let moves =
        |template: &Template| matches!(template.version.as_deref(), None | Some("$Default" | "$Latest"));
    used.any(moves)
        .then_some("the Auto Scaling group uses the $Latest or $Default version of its launch template.")
}

/// An instance that is launched by a configuration: by which version of which template, and as which types, where it says.
struct Form {
    template: String,
    version: String,
    kinds: Option<Vec<String>>,
}

impl Form {
    fn is_of(&self, member: &Member) -> bool {
        let kinds = self.kinds.as_ref();
        self.template == member.template
            && self.version == member.version
            && kinds.is_none_or(|kinds| kinds.contains(&member.kind))
    }
}

fn forms(cx: &mut Cx<'_>, by: &Template, mixed: Option<&Mixed>) -> Result<Vec<Form>, AutoScalingError> {
    let alone = [Override::default()];
    let overrides = mixed.map(|mixed| &mixed.overrides[..]).filter(|all| !all.is_empty());
    let mut out = Vec::new();
    for over in overrides.unwrap_or(&alone) {
        let template = over.template.as_ref().unwrap_or(by);
        let (_, version) = data(cx, template).map_err(|fault| invalid(fault.message))?;
        let asked = over.requirements.as_deref().and_then(Requirements::read);
        let by_attributes =
            asked.map(|asked| asked.matching().iter().map(|kind| kind.name.to_owned()).collect());
        let kinds = over.kind.clone().map(|kind| vec![kind]).or(by_attributes);
        out.push(Form { template: template.id.clone(), version, kinds });
    }
    Ok(out)
}

/// The refresh of a group that is not over.
pub(crate) fn current(cx: &Cx<'_>, group: &Group) -> Result<Option<Refresh>, AutoScalingError> {
    if !group.refreshes {
        return Ok(None);
    }
    Ok(of_group(cx, &REFRESHES, Some(&group.name))?.into_iter().rfind(|refresh| !refresh.is_over()))
}

/// Writes a refresh.
pub(crate) fn keep_refresh(cx: &mut Cx<'_>, refresh: &Refresh) {
    let place = key(cx.account, cx.region, &refresh.group).time(refresh.start).str(&refresh.id);
    REFRESHES.put(cx.tx, &place, refresh);
}

/// What the group shall be launched by from now on, and as which types, where that is said.
fn wanted(
    cx: &mut Cx<'_>,
    group: &Group,
    asked: Option<Wanted>,
) -> Result<(Option<Template>, Option<Mixed>), AutoScalingError> {
    Ok(match asked {
        Some(Wanted { template: Some(_), mixed: Some(_) }) => {
            return Err(invalid("LaunchTemplate and MixedInstancesPolicy may not be specified together."));
        }
        Some(Wanted { mixed: Some(asked), .. }) => {
            let (template, mixed) = mixed::policy(cx, &asked, Some(group))?;
            (Some(template), Some(mixed))
        }
        // Of a group of several types it takes its policy away, as an update does.
        Some(Wanted { template: Some(asked), .. }) if group.mixed.is_some() => {
            (Some(of_one_type(cx, &asked)?), None)
        }
        Some(Wanted { template: Some(asked), .. }) => (Some(template(cx, &asked)?), None),
        _ => (None, None),
    })
}

fn start(cx: &mut Cx<'_>, req: Start) -> Result<Started, AutoScalingError> {
    let mut group = find(cx, &req.name)?;
    if req.strategy.as_deref().is_some_and(|strategy| strategy != ROLLING) {
        if req.wanted.is_none() {
            return Err(invalid(
                "The request isn't valid. The DesiredConfiguration parameter must be specified when using ReplaceRootVolume. Add the DesiredConfiguration parameter and try again.",
            ));
        }
        return Err(unbuilt("The strategy ReplaceRootVolume"));
    }
    if current(cx, &group)?.is_some() {
        return Err(AutoScalingError::RefreshInProgress);
    }
    let preferences = preferences(&group, req.preferences)?;
    let (wanted, wanted_mixed) = wanted(cx, &group, req.wanted)?;
    if preferences.rolls_back && wanted.is_none() {
        return Err(invalid(
            "The request isn’t valid. The AutoRollback parameter cannot be set to true when the DesiredConfiguration parameter is empty. Set AutoRollback to false or specify a desired configuration and try again.",
        ));
    }
    if preferences.rolls_back
        && let Some(why) = irreversible(&group, wanted.as_ref())
    {
        return Err(invalid(format!("AutoRollback is not supported: {why}")));
    }
    if group.pool.is_some() && wanted_mixed.is_some() {
        return Err(invalid("A group that has a warm pool may not have a mixed instances policy."));
    }
    // AWS: a group has the one or the other.
    let wants_one = wanted.is_some() && wanted_mixed.is_none() && group.mixed.is_some();
    let by = wanted.as_ref().unwrap_or(&group.template).clone();
    let own = group.mixed.as_ref().filter(|_| !wants_one);
    let forms = forms(cx, &by, wanted_mixed.as_ref().or(own))?;
    let matches = |member: &Member| preferences.skips && forms.iter().any(|form| form.is_of(member));
    let there = || group.members.iter().filter(|member| !member.is_going());
    let ids = |skipped: bool| {
        let those = there().filter(|member| matches(member) == skipped);
        those.map(|member| member.id.clone()).collect::<BTreeSet<String>>()
    };
    let warm: Vec<bool> = group.warmed.iter().map(|member| !matches(member)).collect();
    let kept = group.warmed.iter().zip(&warm).filter(|(_, stale)| !**stale);
    let spared = ids(true).into_iter().chain(kept.map(|(member, _)| member.id.clone())).collect();
    let mut refresh = Refresh {
        id: base::id::uuid(cx.rng()),
        group: group.name.clone(),
        status: WAITING.into(),
        start: cx.now,
        moved: cx.now,
        old: ids(false),
        spared,
        wanted,
        wanted_mixed,
        wants_one,
        preferences,
        ..Refresh::default()
    };
    for (member, stale) in group.warmed.iter_mut().zip(warm) {
        member.stale = stale;
    }
    refresh.observe(&group, cx.now);
    group.refreshes = true;
    group.launches_one = wants_one;
    group.launches.clone_from(&refresh.wanted);
    group.launches_mixed.clone_from(&refresh.wanted_mixed);
    keep_refresh(cx, &refresh);
    keep(cx, &group);
    Ok(Started { id: refresh.id })
}

/// The refresh of a group, if it is in one of some states.
fn active(cx: &Cx<'_>, group: &Group, states: &[&str]) -> Result<Option<Refresh>, AutoScalingError> {
    Ok(current(cx, group)?.filter(|refresh| states.contains(&refresh.status.as_str())))
}

fn cancel(cx: &mut Cx<'_>, req: Cancel) -> Result<Started, AutoScalingError> {
    let mut group = find(cx, &req.name)?;
    let found = active(cx, &group, &[WAITING, IN_PROGRESS, BAKING, ROLLING_BACK, CANCELLING])?;
    let mut refresh = found.ok_or(AutoScalingError::NoneToCancel(req.name))?;
    refresh.status = CANCELLING.into();
    refresh.waits = req.waits != Some(false);
    refresh.reason = Some(if refresh.waits { CANCELLED_BY_USER } else { CANCELLED_AT_ONCE }.into());
    refresh.rests = None;
    // AWS: what it has changed stays, and the group is what it was.
    group.launch_as_ever();
    keep_refresh(cx, &refresh);
    keep(cx, &group);
    Ok(Started { id: refresh.id })
}

fn roll_back(cx: &mut Cx<'_>, req: RollBack) -> Result<Started, AutoScalingError> {
    let mut group = find(cx, &req.name)?;
    let found = active(cx, &group, &[WAITING, IN_PROGRESS, BAKING])?;
    let mut refresh = found.ok_or(AutoScalingError::NoneToRollBack(req.name))?;
    if let Some(why) = irreversible(&group, refresh.wanted.as_ref()) {
        return Err(AutoScalingError::Irreversible(why.into()));
    }
    refresh.observe(&group, cx.now);
    refresh.roll_back(&mut group, "Rollback triggered due to user request.", cx.now);
    group.launch_as_ever();
    tell(cx, &group, &refresh, event::ROLLBACK_STARTED, Vec::new());
    keep_refresh(cx, &refresh);
    keep(cx, &group);
    Ok(Started { id: refresh.id })
}

/// AWS: the newest first.
fn describe(cx: &mut Cx<'_>, req: Describe) -> Result<Described, AutoScalingError> {
    let group = find(cx, &req.name)?;
    let mut found = of_group(cx, &REFRESHES, Some(&group.name))?;
    found.retain(|refresh| req.ids.is_empty() || req.ids.contains(&refresh.id));
    found.sort_by(|a, b| (b.start, &b.id).cmp(&(a.start, &a.id)));
    let (found, next) = page(cx, found, size(req.max, 50, 100)?, req.next.as_ref())?;
    Ok(Described { refreshes: found.into_iter().map(View::of).collect(), next })
}
