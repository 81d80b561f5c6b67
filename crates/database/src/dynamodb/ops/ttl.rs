//! Time to live: which attribute says when an item expires. The deletion is [`crate::dynamodb::work`]'s.

use super::table::in_use;
use crate::dynamodb::access;
use crate::dynamodb::encryption;
use crate::dynamodb::errors::{Error, validation};
use crate::dynamodb::global::replicas;
use crate::dynamodb::model::schema;
use crate::dynamodb::model::table::{Status, TABLES, Ttl};
use kernel::Cx;
use std::time::Duration;
use store::{Direction, KeyRange};

kernel::ops! { pub(crate) static OPS:
    UpdateTimeToLive: update_time_to_live, "dynamodb:UpdateTimeToLive", access::on_table;
    DescribeTimeToLive: describe_time_to_live, "dynamodb:DescribeTimeToLive", access::on_table;
}

/// AWS: the page of UpdateTimeToLive says an hour; recorded: another change was taken after 31 minutes, and not after 30.
const BETWEEN_CHANGES: Duration = Duration::from_secs(31 * 60);

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct UpdateTimeToLive {
        table: String = "TableName",
        specification: Specification = "TimeToLiveSpecification",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Specification {
        enabled: bool = "Enabled",
        attribute: String = "AttributeName",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct UpdateTimeToLiveOutput { specification: Specification = "TimeToLiveSpecification" }

    #[derive(Clone, Debug)]
    pub(crate) struct DescribeTimeToLive { table: String = "TableName" }

    #[derive(Clone, Debug)]
    pub(crate) struct DescribeTimeToLiveOutput { description: Description = "TimeToLiveDescription" }

    #[derive(Clone, Debug)]
    pub(crate) struct Description {
        status: String = "TimeToLiveStatus",
        attribute: Option<String> = "AttributeName",
    }
}

fn update_time_to_live(cx: &mut Cx<'_>, req: UpdateTimeToLive) -> Result<UpdateTimeToLiveOutput, Error> {
    let schema = schema::made(cx, &req.table)?;
    let mut table = schema.record.clone();
    let what = match table.status {
        Status::Creating => Some("created"),
        Status::Deleting => Some("deleted"),
        Status::Active | Status::Updating => None,
    };
    if let Some(what) = what {
        return Err(in_use(&table, format_args!("Table {} is being {what}", table.name)));
    }
    let Specification { enabled, attribute } = &req.specification;
    match (&table.ttl.attribute, enabled) {
        (Some(current), _) if current != attribute => {
            return Err(validation(format!(
                "TimeToLive is active on a different AttributeName: current AttributeName is {current}"
            )));
        }
        (Some(_), true) => return Err(validation("TimeToLive is already enabled")),
        (None, false) => return Err(validation("TimeToLive is already disabled")),
        _ => {}
    }
    if table.ttl.changed.is_some_and(|at| cx.now.since(at) < BETWEEN_CHANGES) {
        return Err(validation("Time to live has been modified multiple times within a fixed interval"));
    }
    encryption::check_usable(cx, table.encryption.as_ref())?;
    // Where there are items already, when they expire is still to be entered.
    let enabling =
        *enabled && cx.tx.scan(KeyRange::prefix(&schema.prefix), Direction::Forward).next().is_some();
    table.ttl = Ttl { attribute: enabled.then(|| attribute.clone()), changed: Some(cx.now), enabling };
    replicas::spread(cx, &table)?;
    TABLES.put(cx.tx, &table.own_key(), &table);
    Ok(UpdateTimeToLiveOutput { specification: req.specification })
}

fn describe_time_to_live(
    cx: &mut Cx<'_>,
    req: DescribeTimeToLive,
) -> Result<DescribeTimeToLiveOutput, Error> {
    let schema = schema::made(cx, &req.table)?;
    if let status @ (Status::Creating | Status::Deleting) = schema.record.status {
        let state = status.name();
        return Err(validation(format!(
            "Cannot describe time to live while table is in {state} state: Current table state is {state}"
        )));
    }
    let ttl = &schema.record.ttl;
    let status = match (&ttl.attribute, ttl.enabling) {
        (None, _) => "DISABLED",
        (Some(_), true) => "ENABLING",
        (Some(_), false) => "ENABLED",
    };
    let attribute = ttl.attribute.clone();
    Ok(DescribeTimeToLiveOutput { description: Description { status: status.to_owned(), attribute } })
}
