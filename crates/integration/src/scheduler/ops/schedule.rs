//! Schedules: create, get, list, change, delete.

use super::{group, page};
use crate::scheduler::errors::{SchedulerError, invalid};
use crate::scheduler::model::{self, DEFAULT, Group, SCHEDULES, Schedule};
use crate::scheduler::{access, target, token, work};
use base::Timestamp;
use base::zone::Zone;
use kernel::{Cx, Empty};
use std::time::Duration;
use store::Key;

kernel::ops! { pub(crate) static OPS:
    CreateSchedule: create, "scheduler:CreateSchedule", access::put_schedule;
    GetSchedule: get, "scheduler:GetSchedule", access::schedule;
    ListSchedules: list, "scheduler:ListSchedules", access::any;
    UpdateSchedule: update, "scheduler:UpdateSchedule", access::put_schedule;
    DeleteSchedule: delete, "scheduler:DeleteSchedule", access::schedule;
}

/// AWS: <https://docs.aws.amazon.com/scheduler/latest/APIReference/API_RetryPolicy.html>
const RETRIES: i64 = 185;
const AGE_SECONDS: i64 = 86_400;
/// A schedule may start this long ago.
const PAST_MAX: Duration = Duration::from_secs(300);
const UTC: &str = "UTC";

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct PutSchedule {
        name: String = "Name",
        group: Option<String> = "GroupName",
        expression: String = "ScheduleExpression",
        zone: Option<String> = "ScheduleExpressionTimezone",
        description: Option<String> = "Description",
        start: Option<Timestamp> = "StartDate",
        end: Option<Timestamp> = "EndDate",
        state: Option<String> = "State",
        key: Option<String> = "KmsKeyArn",
        target: TargetView = "Target",
        window: Window = "FlexibleTimeWindow",
        completion: Option<String> = "ActionAfterCompletion",
        token: Option<String> = "ClientToken",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Window {
        mode: String = "Mode",
        minutes: Option<i64> = "MaximumWindowInMinutes",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct TargetView {
        arn: String = "Arn",
        role: String = "RoleArn",
        input: Option<String> = "Input",
        queue: Option<QueueParameters> = "SqsParameters",
        bus: Option<BusParameters> = "EventBridgeParameters",
        retries: Option<RetryPolicy> = "RetryPolicy",
        dead_letters: Option<DeadLetters> = "DeadLetterConfig",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct QueueParameters { group: Option<String> = "MessageGroupId" }

    #[derive(Clone, Debug)]
    pub(crate) struct BusParameters {
        detail_type: String = "DetailType",
        source: String = "Source",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct RetryPolicy {
        age: Option<i64> = "MaximumEventAgeInSeconds",
        attempts: Option<i64> = "MaximumRetryAttempts",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct DeadLetters { arn: Option<String> = "Arn" }

    #[derive(Debug)]
    pub(crate) struct Put { arn: String = "ScheduleArn" }

    #[derive(Debug)]
    pub(crate) struct OneSchedule {
        name: String = "Name",
        group: Option<String> = "GroupName",
    }

    #[derive(Debug)]
    pub(crate) struct DeleteSchedule {
        name: String = "Name",
        group: Option<String> = "GroupName",
        token: Option<String> = "ClientToken",
    }

    #[derive(Debug)]
    pub(crate) struct ScheduleView {
        arn: String = "Arn",
        group: String = "GroupName",
        name: String = "Name",
        expression: String = "ScheduleExpression",
        zone: String = "ScheduleExpressionTimezone",
        description: Option<String> = "Description",
        start: Option<Timestamp> = "StartDate",
        end: Option<Timestamp> = "EndDate",
        state: String = "State",
        created: Timestamp = "CreationDate",
        modified: Timestamp = "LastModificationDate",
        target: TargetView = "Target",
        window: Window = "FlexibleTimeWindow",
        completion: String = "ActionAfterCompletion",
    }

    #[derive(Debug)]
    pub(crate) struct ListSchedules {
        group: Option<String> = "GroupName",
        prefix: Option<String> = "NamePrefix",
        state: Option<String> = "State",
        token: Option<String> = "NextToken",
        limit: Option<i64> = "MaxResults",
    }

    #[derive(Debug)]
    pub(crate) struct Schedules {
        schedules: Vec<Summary> = "Schedules",
        token: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    pub(crate) struct Summary {
        arn: String = "Arn",
        group: String = "GroupName",
        name: String = "Name",
        state: String = "State",
        created: Timestamp = "CreationDate",
        modified: Timestamp = "LastModificationDate",
        target: TargetSummary = "Target",
    }

    #[derive(Debug)]
    pub(crate) struct TargetSummary { arn: String = "Arn" }
}

fn read_target(given: TargetView) -> model::Target {
    let small =
        |number: Option<i64>, otherwise: i64| u32::try_from(number.unwrap_or(otherwise)).unwrap_or(u32::MAX);
    let (age, attempts) = given.retries.map_or((None, None), |policy| (policy.age, policy.attempts));
    let (detail_type, source) = given.bus.map(|bus| (bus.detail_type, bus.source)).unzip();
    model::Target {
        arn: given.arn,
        role: given.role,
        input: given.input,
        message_group: given.queue.and_then(|queue| queue.group),
        detail_type,
        source,
        retries: small(attempts, RETRIES),
        age_seconds: small(age, AGE_SECONDS),
        dead_letters: given.dead_letters.and_then(|config| config.arn),
    }
}

fn read_window(window: &Window) -> Result<Option<u32>, SchedulerError> {
    match (window.mode.as_str(), window.minutes) {
        ("FLEXIBLE", Some(minutes)) => Ok(u32::try_from(minutes).ok()),
        ("FLEXIBLE", None) => Err(invalid(
            "MaximumWindowInMinutes must be provided when the flexible time window mode is FLEXIBLE.",
        )),
        (_, Some(_)) => Err(invalid(
            "MaximumWindowInMinutes must not be provided when the flexible time window mode is OFF.",
        )),
        (_, None) => Ok(None),
    }
}

/// The schedule that a request asks for, made anew, in a group that takes it.
fn read(cx: &mut Cx<'_>, req: PutSchedule) -> Result<Schedule, SchedulerError> {
    if req.key.is_some() {
        return Err(SchedulerError::NotBuilt("Encryption of schedules with keys of one's own".into()));
    }
    let group = group::open(cx, req.group.as_deref().unwrap_or(DEFAULT))?.name;
    let zone = req.zone.unwrap_or_else(|| UTC.to_owned());
    if Zone::named(&zone).is_none() {
        return Err(invalid(format!("Invalid Schedule Expression Timezone {zone}.")));
    }
    let target = read_target(req.target);
    let schedule = Schedule {
        account: cx.account,
        region: cx.region,
        group,
        name: req.name,
        expression: req.expression,
        zone,
        description: req.description,
        start: req.start,
        end: req.end,
        enabled: req.state.as_deref() != Some("DISABLED"),
        window_minutes: read_window(&req.window)?,
        delete_after: req.completion.as_deref() == Some("DELETE"),
        target,
        created: cx.now,
        modified: cx.now,
        since: cx.now,
        planned: None,
        due: None,
    };
    let timing = schedule.timing();
    let timing =
        timing.ok_or_else(|| invalid(format!("Invalid Schedule Expression {}.", schedule.expression)))?;
    if !timing.is_once() {
        check_dates(&schedule, cx.now)?;
    }
    target::check(cx.cloud(), &schedule.target)?;
    target::check_role(cx, &schedule.target.role, &schedule.group)?;
    Ok(schedule)
}

fn check_dates(schedule: &Schedule, now: Timestamp) -> Result<(), SchedulerError> {
    if schedule.start.is_some_and(|start| now.since(start) > PAST_MAX) {
        return Err(invalid("The StartDate you specify cannot be earlier than 5 minutes ago."));
    }
    let Some(end) = schedule.end else { return Ok(()) };
    if end < now {
        return Err(invalid("The EndDate you specify cannot be in the past."));
    }
    if schedule.start.is_some_and(|start| start >= end) {
        return Err(invalid("The StartDate you specify must come before the EndDate."));
    }
    Ok(())
}

fn own(cx: &Cx<'_>, group: Option<&str>, name: &str) -> Result<Schedule, SchedulerError> {
    let key = Schedule::key((cx.account, cx.region), group.unwrap_or(DEFAULT), name);
    SCHEDULES.get(cx.tx, &key)?.ok_or_else(|| SchedulerError::NoSchedule(name.to_owned()))
}

/// A moment before now: what is due now, or was but once, comes at once.
fn plan(cx: &mut Cx<'_>, schedule: Schedule) {
    let is_once = schedule.timing().is_some_and(|timing| timing.is_once());
    let before = if is_once { Timestamp::from_seconds(0) } else { cx.now.minus(Duration::from_secs(1)) };
    let (planned, due) = work::plan(cx.rng(), &schedule, before, cx.now);
    schedule.save(cx.tx, planned, due);
}

fn create(cx: &mut Cx<'_>, req: PutSchedule) -> Result<Put, SchedulerError> {
    let said = format!("{:?}", PutSchedule { token: None, ..req.clone() });
    let token = req.token.clone();
    let schedule = read(cx, req)?;
    let arn = schedule.arn();
    if token::is_repeated(cx, "CreateSchedule", token.as_deref(), said)? {
        return Ok(Put { arn });
    }
    let key = Schedule::key(schedule.home(), &schedule.group, &schedule.name);
    if SCHEDULES.contains(cx.tx, &key)? {
        return Err(SchedulerError::ScheduleExists(schedule.name));
    }
    plan(cx, schedule);
    Ok(Put { arn })
}

/// AWS: what the request leaves out is set to its default.
fn update(cx: &mut Cx<'_>, req: PutSchedule) -> Result<Put, SchedulerError> {
    let old = own(cx, req.group.as_deref(), &req.name)?;
    let fresh = read(cx, req)?;
    let same_beat = old.enabled && (&old.expression, &old.zone) == (&fresh.expression, &fresh.zone);
    // One that goes on as before does not come at once again.
    let since = if same_beat { old.since } else { cx.now };
    let (planned, due) = (old.planned, old.due);
    let schedule = Schedule { created: old.created, since, planned, due, ..fresh };
    let arn = schedule.arn();
    if same_beat {
        let (planned, due) = work::plan(cx.rng(), &schedule, cx.now, cx.now);
        schedule.save(cx.tx, planned, due);
    } else {
        plan(cx, schedule);
    }
    Ok(Put { arn })
}

fn delete(cx: &mut Cx<'_>, req: DeleteSchedule) -> Result<Empty, SchedulerError> {
    let said = format!("{:?} {}", req.group, req.name);
    if token::is_repeated(cx, "DeleteSchedule", req.token.as_deref(), said)? {
        return Ok(Empty);
    }
    own(cx, req.group.as_deref(), &req.name)?.delete(cx.tx);
    Ok(Empty)
}

fn state(schedule: &Schedule) -> String {
    if schedule.enabled { "ENABLED" } else { "DISABLED" }.to_owned()
}

fn shown_target(target: model::Target) -> TargetView {
    let bus = target.detail_type.zip(target.source);
    TargetView {
        arn: target.arn,
        role: target.role,
        input: target.input,
        queue: target.message_group.map(|group| QueueParameters { group: Some(group) }),
        bus: bus.map(|(detail_type, source)| BusParameters { detail_type, source }),
        retries: Some(RetryPolicy {
            age: Some(target.age_seconds.into()),
            attempts: Some(target.retries.into()),
        }),
        dead_letters: target.dead_letters.map(|arn| DeadLetters { arn: Some(arn) }),
    }
}

fn get(cx: &mut Cx<'_>, req: OneSchedule) -> Result<ScheduleView, SchedulerError> {
    let schedule = own(cx, req.group.as_deref(), &req.name)?;
    let mode = if schedule.window_minutes.is_some() { "FLEXIBLE" } else { "OFF" };
    Ok(ScheduleView {
        arn: schedule.arn(),
        state: state(&schedule),
        group: schedule.group,
        name: schedule.name,
        expression: schedule.expression,
        zone: schedule.zone,
        description: schedule.description,
        start: schedule.start,
        end: schedule.end,
        created: schedule.created,
        modified: schedule.modified,
        target: shown_target(schedule.target),
        window: Window { mode: mode.to_owned(), minutes: schedule.window_minutes.map(i64::from) },
        completion: if schedule.delete_after { "DELETE" } else { "NONE" }.to_owned(),
    })
}

fn list(cx: &mut Cx<'_>, req: ListSchedules) -> Result<Schedules, SchedulerError> {
    let home = (cx.account, cx.region);
    let prefix = req.prefix.unwrap_or_default();
    let all = match &req.group {
        Some(group) if Group::load(cx.tx, home, group)?.is_none() => {
            return Err(SchedulerError::NoGroup(group.clone()));
        }
        Some(group) => Group::key(home, group).str_prefix(&prefix),
        None => Key::regional(cx.account, cx.region),
    };
    let list = format!("ListSchedules {:?} {prefix} {:?}", req.group, req.state);
    let wanted = |schedule: &Schedule| {
        schedule.name.starts_with(&prefix)
            && req.state.as_deref().is_none_or(|wanted| wanted == state(schedule))
    };
    let (found, token) = page(cx, &SCHEDULES, (&all, &list), req.token.as_deref(), req.limit, wanted)?;
    let summary = |schedule: Schedule| Summary {
        arn: schedule.arn(),
        state: state(&schedule),
        group: schedule.group,
        name: schedule.name,
        created: schedule.created,
        modified: schedule.modified,
        target: TargetSummary { arn: schedule.target.arn },
    };
    Ok(Schedules { schedules: found.into_iter().map(summary).collect(), token })
}
