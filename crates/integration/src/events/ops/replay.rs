//! Replays: start, describe, list, cancel.

use super::{archive as archives, page};
use crate::events::access;
use crate::events::archive::{self, REPLAYS, Replay};
use crate::events::errors::{EventsError, invalid};
use crate::events::model::{bus_arn, own_bus};
use base::{Arn, Timestamp};
use kernel::Cx;
use store::Key;

kernel::ops! { pub(crate) static OPS:
    StartReplay: start, "events:StartReplay", access::new_replay;
    DescribeReplay: describe, "events:DescribeReplay", access::replay;
    ListReplays: list, "events:ListReplays", access::any;
    CancelReplay: cancel, "events:CancelReplay", access::replay;
}

/// AWS: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html>
const AT_ONCE_MAX: usize = 10;

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct StartReplay {
        name: String = "ReplayName",
        description: Option<String> = "Description",
        source: String = "EventSourceArn",
        from: Timestamp = "EventStartTime",
        to: Timestamp = "EventEndTime",
        destination: Destination = "Destination",
    }

    #[derive(Debug)]
    pub(crate) struct Destination {
        arn: String = "Arn",
        rules: Option<Vec<String>> = "FilterArns",
    }

    #[derive(Debug)]
    pub(crate) struct Started {
        arn: String = "ReplayArn",
        state: String = "State",
        started: Option<Timestamp> = "ReplayStartTime",
    }

    #[derive(Debug)]
    pub(crate) struct OneReplay { name: String = "ReplayName" }

    #[derive(Debug)]
    pub(crate) struct Described {
        name: String = "ReplayName",
        arn: String = "ReplayArn",
        description: Option<String> = "Description",
        state: String = "State",
        source: String = "EventSourceArn",
        destination: Destination = "Destination",
        from: Timestamp = "EventStartTime",
        to: Timestamp = "EventEndTime",
        last: Option<Timestamp> = "EventLastReplayedTime",
        started: Timestamp = "ReplayStartTime",
        ended: Option<Timestamp> = "ReplayEndTime",
    }

    #[derive(Debug)]
    pub(crate) struct ListReplays {
        prefix: Option<String> = "NamePrefix",
        state: Option<String> = "State",
        source: Option<String> = "EventSourceArn",
        token: Option<String> = "NextToken",
        limit: Option<i64> = "Limit",
    }

    #[derive(Debug)]
    pub(crate) struct Replays {
        replays: Vec<Listed> = "Replays",
        token: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    pub(crate) struct Listed {
        name: String = "ReplayName",
        state: String = "State",
        source: String = "EventSourceArn",
        from: Timestamp = "EventStartTime",
        to: Timestamp = "EventEndTime",
        last: Option<Timestamp> = "EventLastReplayedTime",
        started: Timestamp = "ReplayStartTime",
        ended: Option<Timestamp> = "ReplayEndTime",
    }

    #[derive(Debug)]
    pub(crate) struct Cancelled {
        arn: String = "ReplayArn",
        state: String = "State",
    }
}

fn own(cx: &Cx<'_>, name: &str) -> Result<Replay, EventsError> {
    let found = REPLAYS.get(cx.tx, &archive::key((cx.account, cx.region), name))?;
    found.ok_or_else(|| EventsError::NoReplay(name.to_owned()))
}

fn start(cx: &mut Cx<'_>, req: StartReplay) -> Result<Started, EventsError> {
    let home = (cx.account, cx.region);
    let is_bus = Arn::parse(&req.destination.arn).is_some_and(|arn| arn.resource.starts_with("event-bus/"));
    if !is_bus {
        return Err(invalid(
            "Parameter Destination.Arn is not valid. Reason: Must contain an event bus ARN.",
        ));
    }
    let bus = own_bus(cx, Some(&req.destination.arn))?;
    let name =
        Arn::parse(&req.source).and_then(|arn| arn.resource.strip_prefix("archive/").map(str::to_owned));
    let name = name.filter(|name| archive::archive_arn(home, name) == req.source).unwrap_or_default();
    let gone =
        || invalid(format!("Parameter EventSourceArn is not valid. Reason: Archive {name} does not exist."));
    let source = archives::own(cx, &name).map_err(|_| gone())?;
    if source.bus != bus.name {
        return Err(invalid(
            "Parameter Destination.Arn is not valid. Reason: Cross event bus replay is not permitted.",
        ));
    }
    if req.from >= req.to {
        return Err(invalid(
            "Parameter EventEndTime is not valid. Reason: EventStartTime must be before EventEndTime.",
        ));
    }
    if REPLAYS.contains(cx.tx, &archive::key(home, &req.name))? {
        return Err(EventsError::ReplayExists(req.name));
    }
    let running = archive::RUNNING.count(cx.tx, &Key::regional(cx.account, cx.region))?;
    if running >= AT_ONCE_MAX {
        return Err(EventsError::Limit);
    }
    let replay = Replay {
        account: cx.account,
        region: cx.region,
        name: req.name,
        description: req.description,
        archive: source.name,
        archive_number: source.number,
        bus: bus.name,
        rules: req.destination.rules.unwrap_or_default(),
        from: req.from,
        to: req.to,
        state: "STARTING".to_owned(),
        started: cx.now,
        ended: None,
        last: None,
        position: None,
    };
    replay.save(cx.tx);
    Ok(Started { arn: replay.arn(), state: replay.state, started: Some(cx.now) })
}

fn describe(cx: &mut Cx<'_>, req: OneReplay) -> Result<Described, EventsError> {
    let replay = own(cx, &req.name)?;
    let rules = (!replay.rules.is_empty()).then(|| replay.rules.clone());
    Ok(Described {
        arn: replay.arn(),
        source: archive::archive_arn(replay.home(), &replay.archive),
        destination: Destination { arn: bus_arn(replay.home(), &replay.bus), rules },
        name: replay.name,
        description: replay.description,
        state: replay.state,
        from: replay.from,
        to: replay.to,
        last: replay.last,
        started: replay.started,
        ended: replay.ended,
    })
}

fn list(cx: &mut Cx<'_>, req: ListReplays) -> Result<Replays, EventsError> {
    let filters = [req.prefix.is_some(), req.state.is_some(), req.source.is_some()];
    if filters.into_iter().filter(|given| *given).count() > 1 {
        return Err(invalid(
            "At most one filter is allowed for ListReplays. Use either : NamePrefix, State, or EventSourceArn.",
        ));
    }
    let prefix = req.prefix.unwrap_or_default();
    let all = Key::regional(cx.account, cx.region).str_prefix(&prefix);
    let list = format!("ListReplays {prefix} {:?} {:?}", req.source, req.state);
    let source = |replay: &Replay| archive::archive_arn(replay.home(), &replay.archive);
    let wanted = |replay: &Replay| {
        req.source.as_ref().is_none_or(|wanted| *wanted == source(replay))
            && req.state.as_ref().is_none_or(|wanted| *wanted == replay.state)
    };
    let (found, token) = page(cx, &REPLAYS, (&all, &list), req.token.as_deref(), req.limit, wanted)?;
    let listed = |replay: Replay| Listed {
        source: source(&replay),
        name: replay.name,
        state: replay.state,
        from: replay.from,
        to: replay.to,
        last: replay.last,
        started: replay.started,
        ended: replay.ended,
    };
    Ok(Replays { replays: found.into_iter().map(listed).collect(), token })
}

fn cancel(cx: &mut Cx<'_>, req: OneReplay) -> Result<Cancelled, EventsError> {
    let mut replay = own(cx, &req.name)?;
    if !matches!(replay.state.as_str(), "STARTING" | "RUNNING") {
        return Err(EventsError::ReplayOver(replay.name));
    }
    "CANCELLING".clone_into(&mut replay.state);
    replay.save(cx.tx);
    Ok(Cancelled { arn: replay.arn(), state: replay.state })
}
