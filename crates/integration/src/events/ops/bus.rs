//! Event buses: create, describe, list, change, delete.

use super::page;
use super::tag::{self, Tag};
use crate::events::access;
use crate::events::errors::{EventsError, invalid};
use crate::events::model::{BUSES, Bus, DEFAULT, RULES, own_bus};
use crate::events::partner;
use crate::events::sealing::own_key;
use base::{Arn, Timestamp};
use kernel::{Cx, Empty};
use store::{Direction, Key};

kernel::ops! { pub(crate) static OPS:
    CreateEventBus: create, "events:CreateEventBus", access::new_bus;
    DescribeEventBus: describe, "events:DescribeEventBus", access::bus;
    ListEventBuses: list, "events:ListEventBuses", access::any;
    UpdateEventBus: update, "events:UpdateEventBus", access::bus;
    DeleteEventBus: delete, "events:DeleteEventBus", access::bus;
}

/// AWS: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html>
const BUSES_MAX: usize = 100;

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct CreateEventBus {
        name: String = "Name",
        source: Option<String> = "EventSourceName",
        description: Option<String> = "Description",
        key: Option<String> = "KmsKeyIdentifier",
        dead_letters: Option<DeadLetters> = "DeadLetterConfig",
        tags: Vec<Tag> = "Tags",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct DeadLetters { arn: Option<String> = "Arn" }

    #[derive(Debug)]
    pub(crate) struct Created {
        arn: String = "EventBusArn",
        description: Option<String> = "Description",
        key: Option<String> = "KmsKeyIdentifier",
        dead_letters: Option<DeadLetters> = "DeadLetterConfig",
    }

    #[derive(Debug)]
    pub(crate) struct OneBus { name: Option<String> = "Name" }

    #[derive(Debug)]
    pub(crate) struct Described {
        name: String = "Name",
        arn: String = "Arn",
        description: Option<String> = "Description",
        policy: Option<String> = "Policy",
        created: Option<Timestamp> = "CreationTime",
        modified: Option<Timestamp> = "LastModifiedTime",
    }

    /// With what a listing does not show.
    #[derive(Debug)]
    pub(crate) struct DescribedWhole {
        name: String = "Name",
        arn: String = "Arn",
        description: Option<String> = "Description",
        policy: Option<String> = "Policy",
        created: Option<Timestamp> = "CreationTime",
        modified: Option<Timestamp> = "LastModifiedTime",
        key: Option<String> = "KmsKeyIdentifier",
        dead_letters: Option<DeadLetters> = "DeadLetterConfig",
    }

    #[derive(Debug)]
    pub(crate) struct ListEventBuses {
        prefix: Option<String> = "NamePrefix",
        token: Option<String> = "NextToken",
        limit: Option<i64> = "Limit",
    }

    #[derive(Debug)]
    pub(crate) struct Buses {
        buses: Vec<Described> = "EventBuses",
        token: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    pub(crate) struct UpdateEventBus {
        name: Option<String> = "Name",
        description: Option<String> = "Description",
        key: Option<String> = "KmsKeyIdentifier",
        dead_letters: Option<DeadLetters> = "DeadLetterConfig",
    }

    #[derive(Debug)]
    pub(crate) struct Updated {
        arn: String = "Arn",
        name: String = "Name",
        description: Option<String> = "Description",
        key: Option<String> = "KmsKeyIdentifier",
        dead_letters: Option<DeadLetters> = "DeadLetterConfig",
    }

    #[derive(Debug)]
    pub(crate) struct DeleteEventBus { name: String = "Name" }
}

fn set_dead_letters(bus: &mut Bus, asked: Option<DeadLetters>) -> Result<(), EventsError> {
    let Some(asked) = asked else { return Ok(()) };
    // Without an ARN it has none any more.
    bus.dead_letters = asked.arn;
    let is_queue = |arn: &String| Arn::parse(arn).is_some_and(|arn| arn.service == "sqs");
    match bus.dead_letters.as_ref().is_none_or(is_queue) {
        true => Ok(()),
        false => Err(invalid(
            "Parameter DeadLetterConfig.Arn is not valid. Reason: it must be the ARN of a queue.",
        )),
    }
}

fn dead_letters(bus: &Bus) -> Option<DeadLetters> {
    bus.dead_letters.clone().map(|arn| DeadLetters { arn: Some(arn) })
}

fn create(cx: &mut Cx<'_>, req: CreateEventBus) -> Result<Created, EventsError> {
    // AWS: a partner's bus is called as its source, and no other bus has a slash in its name.
    if req.source.as_ref().map_or(req.name.contains('/'), |source| *source != req.name) {
        return Err(invalid(
            "The name of a partner event bus must be that of its event source, and no other has a slash.",
        ));
    }
    let home = (cx.account, cx.region);
    if Bus::load(cx.tx, home, &req.name)?.is_some() {
        return Err(EventsError::BusExists(req.name));
    }
    if !cx.has_room(&BUSES, &Key::regional(cx.account, cx.region), BUSES_MAX)? {
        return Err(EventsError::Limit);
    }
    if let Some(source) = &req.source {
        partner::take(cx.tx, home, source, cx.now)?;
    }
    let mut bus = Bus {
        account: cx.account,
        region: cx.region,
        name: req.name,
        description: req.description,
        policy: None,
        tags: tag::checked(req.tags)?,
        created: Some(cx.now),
        modified: Some(cx.now),
        ..Bus::default()
    };
    if req.key.is_some() {
        bus.key = own_key(cx, &bus, req.key)?;
    }
    set_dead_letters(&mut bus, req.dead_letters)?;
    bus.save(cx.tx);
    let (arn, dead_letters) = (bus.arn(), dead_letters(&bus));
    Ok(Created { arn, description: bus.description, key: bus.key, dead_letters })
}

fn shown(bus: Bus) -> Described {
    Described {
        arn: bus.arn(),
        description: bus.description,
        policy: bus.policy,
        created: bus.created,
        modified: bus.modified,
        name: bus.name,
    }
}

fn describe(cx: &mut Cx<'_>, req: OneBus) -> Result<DescribedWhole, EventsError> {
    let bus = own_bus(cx, req.name.as_deref())?;
    let (key, dead_letters) = (bus.key.clone(), dead_letters(&bus));
    let Described { name, arn, description, policy, created, modified } = shown(bus);
    Ok(DescribedWhole { name, arn, description, policy, created, modified, key, dead_letters })
}

fn list(cx: &mut Cx<'_>, req: ListEventBuses) -> Result<Buses, EventsError> {
    let prefix = req.prefix.unwrap_or_default();
    let all = Key::regional(cx.account, cx.region).str_prefix(&prefix);
    let list = format!("ListEventBuses {prefix}");
    let (mut buses, token) = page(cx, &BUSES, (&all, &list), req.token.as_deref(), req.limit, |_| true)?;
    // The default one has no record of its own until something of it is changed.
    let home = (cx.account, cx.region);
    let is_kept = BUSES.contains(cx.tx, &Bus::key(home, DEFAULT))?;
    if !is_kept && req.token.is_none() && DEFAULT.starts_with(&prefix) {
        buses.extend(Bus::load(cx.tx, home, DEFAULT)?);
        buses.sort_by(|a, b| a.name.cmp(&b.name));
    }
    Ok(Buses { buses: buses.into_iter().map(shown).collect(), token })
}

fn update(cx: &mut Cx<'_>, req: UpdateEventBus) -> Result<Updated, EventsError> {
    let mut bus = own_bus(cx, req.name.as_deref())?;
    bus.description = req.description.or(bus.description);
    if req.key.is_some() {
        bus.key = own_key(cx, &bus, req.key)?;
    }
    set_dead_letters(&mut bus, req.dead_letters)?;
    bus.modified = Some(cx.now);
    bus.save(cx.tx);
    let (arn, dead_letters) = (bus.arn(), dead_letters(&bus));
    Ok(Updated { arn, name: bus.name, description: bus.description, key: bus.key, dead_letters })
}

fn delete(cx: &mut Cx<'_>, req: DeleteEventBus) -> Result<Empty, EventsError> {
    if req.name == DEFAULT {
        return Err(invalid("Cannot delete event bus default."));
    }
    let key = Bus::key((cx.account, cx.region), &req.name);
    if RULES.scan(cx.tx, &key, Direction::Forward).next().transpose()?.is_some() {
        return Err(invalid(format!("Event bus {} can't be deleted since it has rules.", req.name)));
    }
    // AWS: one that is not there is no error.
    if BUSES.contains(cx.tx, &key)? {
        BUSES.delete(cx.tx, &key);
        partner::leave(cx.tx, (cx.account, cx.region), &req.name, cx.now)?;
    }
    Ok(Empty)
}
