//! Archives: create, describe, list, change, delete.

use super::page;
use crate::events::access;
use crate::events::archive::{self, ARCHIVES, Archive, GONE, Gone};
use crate::events::errors::{EventsError, invalid};
use crate::events::model::{bus_arn, own_bus};
use crate::events::sealing::own_key;
use base::Timestamp;
use kernel::pattern::Pattern;
use kernel::{Cx, Empty};
use store::Key;

kernel::ops! { pub(crate) static OPS:
    CreateArchive: create, "events:CreateArchive", access::new_archive;
    DescribeArchive: describe, "events:DescribeArchive", access::archive;
    ListArchives: list, "events:ListArchives", access::any;
    UpdateArchive: update, "events:UpdateArchive", access::archive;
    DeleteArchive: delete, "events:DeleteArchive", access::archive;
}

/// AWS: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html>
const ARCHIVES_MAX: usize = 100;
const ENABLED: &str = "ENABLED";

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct CreateArchive {
        name: String = "ArchiveName",
        source: String = "EventSourceArn",
        description: Option<String> = "Description",
        pattern: Option<String> = "EventPattern",
        days: Option<i64> = "RetentionDays",
        key: Option<String> = "KmsKeyIdentifier",
    }

    #[derive(Debug)]
    pub(crate) struct UpdateArchive {
        name: String = "ArchiveName",
        description: Option<String> = "Description",
        pattern: Option<String> = "EventPattern",
        days: Option<i64> = "RetentionDays",
        key: Option<String> = "KmsKeyIdentifier",
    }

    #[derive(Debug)]
    pub(crate) struct Put {
        arn: String = "ArchiveArn",
        state: String = "State",
        created: Timestamp = "CreationTime",
    }

    #[derive(Debug)]
    pub(crate) struct OneArchive { name: String = "ArchiveName" }

    #[derive(Debug)]
    pub(crate) struct Described {
        arn: String = "ArchiveArn",
        name: String = "ArchiveName",
        source: String = "EventSourceArn",
        description: Option<String> = "Description",
        pattern: Option<String> = "EventPattern",
        state: String = "State",
        key: Option<String> = "KmsKeyIdentifier",
        days: i64 = "RetentionDays",
        bytes: i64 = "SizeBytes",
        count: i64 = "EventCount",
        created: Timestamp = "CreationTime",
    }

    #[derive(Debug)]
    pub(crate) struct ListArchives {
        prefix: Option<String> = "NamePrefix",
        source: Option<String> = "EventSourceArn",
        state: Option<String> = "State",
        token: Option<String> = "NextToken",
        limit: Option<i64> = "Limit",
    }

    #[derive(Debug)]
    pub(crate) struct Archives {
        archives: Vec<Listed> = "Archives",
        token: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    pub(crate) struct Listed {
        name: String = "ArchiveName",
        source: String = "EventSourceArn",
        state: String = "State",
        days: i64 = "RetentionDays",
        bytes: i64 = "SizeBytes",
        count: i64 = "EventCount",
        created: Timestamp = "CreationTime",
    }
}

fn check(pattern: Option<&String>) -> Result<(), EventsError> {
    let read = pattern.map(|pattern| Pattern::read(pattern)).transpose();
    read.map(drop).map_err(|malformed| EventsError::Pattern(malformed.0))
}

/// AWS: 0 is for ever.
fn days(given: Option<i64>) -> Option<u32> {
    given.and_then(|days| u32::try_from(days).ok()).filter(|days| *days > 0)
}

/// An archive of the caller's own.
///
/// # Errors
/// `ResourceNotFoundException`
pub(super) fn own(cx: &Cx<'_>, name: &str) -> Result<Archive, EventsError> {
    let found = ARCHIVES.get(cx.tx, &archive::key((cx.account, cx.region), name))?;
    found.ok_or_else(|| EventsError::NoArchive(name.to_owned()))
}

fn create(cx: &mut Cx<'_>, req: CreateArchive) -> Result<Put, EventsError> {
    check(req.pattern.as_ref())?;
    let bus = own_bus(cx, Some(&req.source))?;
    if ARCHIVES.contains(cx.tx, &archive::key(bus.home(), &req.name))? {
        return Err(EventsError::ArchiveExists(req.name));
    }
    if !cx.has_room(&ARCHIVES, &Key::regional(cx.account, cx.region), ARCHIVES_MAX)? {
        return Err(EventsError::Limit);
    }
    let archive = Archive {
        account: cx.account,
        region: cx.region,
        name: req.name,
        kms_key: own_key(cx, &bus, req.key)?,
        bus: bus.name,
        description: req.description,
        pattern: req.pattern,
        days: days(req.days),
        created: cx.now,
        number: cx.rng().u64(),
    };
    archive.save(cx.tx);
    Ok(Put { arn: archive.arn(), state: ENABLED.to_owned(), created: cx.now })
}

fn describe(cx: &mut Cx<'_>, req: OneArchive) -> Result<Described, EventsError> {
    let archive = own(cx, &req.name)?;
    let (count, bytes) = archive.census(cx.tx)?;
    Ok(Described {
        arn: archive.arn(),
        source: bus_arn(archive.home(), &archive.bus),
        name: archive.name,
        description: archive.description,
        pattern: archive.pattern,
        state: ENABLED.to_owned(),
        key: archive.kms_key,
        days: archive.days.unwrap_or_default().into(),
        bytes,
        count,
        created: archive.created,
    })
}

fn list(cx: &mut Cx<'_>, req: ListArchives) -> Result<Archives, EventsError> {
    if req.prefix.is_some() && req.source.is_some() {
        return Err(invalid(
            "At most one filter is allowed for ListArchives. Use either : NamePrefix or EventSourceArn.",
        ));
    }
    let prefix = req.prefix.unwrap_or_default();
    let all = Key::regional(cx.account, cx.region).str_prefix(&prefix);
    let list = format!("ListArchives {prefix} {:?} {:?}", req.source, req.state);
    let wanted = |archive: &Archive| {
        let source = bus_arn(archive.home(), &archive.bus);
        req.source.as_ref().is_none_or(|wanted| *wanted == source)
            && req.state.as_deref().is_none_or(|state| state == ENABLED)
    };
    let (found, token) = page(cx, &ARCHIVES, (&all, &list), req.token.as_deref(), req.limit, wanted)?;
    let listed = |archive: Archive| {
        let (count, bytes) = archive.census(cx.tx)?;
        Ok(Listed {
            source: bus_arn(archive.home(), &archive.bus),
            name: archive.name,
            state: ENABLED.to_owned(),
            days: archive.days.unwrap_or_default().into(),
            bytes,
            count,
            created: archive.created,
        })
    };
    let archives = found.into_iter().map(listed).collect::<Result<_, EventsError>>()?;
    Ok(Archives { archives, token })
}

fn update(cx: &mut Cx<'_>, req: UpdateArchive) -> Result<Put, EventsError> {
    check(req.pattern.as_ref())?;
    let mut archive = own(cx, &req.name)?;
    archive.description = req.description.or(archive.description);
    archive.pattern = req.pattern.or(archive.pattern);
    if req.days.is_some() {
        archive.days = days(req.days);
    }
    if let Some(key) = req.key {
        let bus = own_bus(cx, Some(&archive.bus))?;
        archive.kms_key = own_key(cx, &bus, Some(key))?;
    }
    archive.save(cx.tx);
    Ok(Put { arn: archive.arn(), state: ENABLED.to_owned(), created: archive.created })
}

fn delete(cx: &mut Cx<'_>, req: OneArchive) -> Result<Empty, EventsError> {
    let archive = own(cx, &req.name)?;
    ARCHIVES.delete(cx.tx, &archive::key(archive.home(), &archive.name));
    GONE.put(cx.tx, &Key::global().u64(archive.number), &Gone { number: archive.number });
    Ok(Empty)
}
