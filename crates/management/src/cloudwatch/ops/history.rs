//! `DescribeAlarmHistory`.

use super::position;
use crate::cloudwatch::access;
use crate::cloudwatch::errors::WatchError;
use crate::cloudwatch::model::history::HISTORY;
use base::Timestamp;
use kernel::Cx;
use store::{Direction, Key};

kernel::ops! { pub(crate) static OPS:
    DescribeAlarmHistory: describe, "cloudwatch:DescribeAlarmHistory", access::every_alarm;
}

const PAGE_DEFAULT: i64 = 100;

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct DescribeAlarmHistory {
        name: Option<String> = "AlarmName",
        types: Vec<String> = "AlarmTypes",
        kind: Option<String> = "HistoryItemType",
        start: Option<Timestamp> = "StartDate",
        end: Option<Timestamp> = "EndDate",
        max: Option<i64> = "MaxRecords",
        token: Option<String> = "NextToken",
        order: Option<String> = "ScanBy",
    }

    #[derive(Debug)]
    pub(crate) struct History {
        items: Vec<Shown> = "AlarmHistoryItems",
        token: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    pub(crate) struct Shown {
        alarm: String = "AlarmName",
        alarm_type: String = "AlarmType",
        at: Timestamp = "Timestamp",
        kind: String = "HistoryItemType",
        summary: String = "HistorySummary",
        data: Option<String> = "HistoryData",
    }
}

fn describe(cx: &mut Cx<'_>, req: DescribeAlarmHistory) -> Result<History, WatchError> {
    let list = format!(
        "cloudwatch:DescribeAlarmHistory {} {} {:?} {:?} {:?} {:?} {:?}",
        cx.account,
        cx.region.name(),
        req.name,
        req.kind,
        req.start,
        req.end,
        req.order
    );
    let after = position(cx, &list, req.token.as_deref())?;
    let forward = req.order.as_deref() == Some("TimestampAscending");
    let direction = if forward { Direction::Forward } else { Direction::Backward };
    let max = req.max.unwrap_or(PAGE_DEFAULT) as usize;
    let kind_of = |is_composite| if is_composite { "CompositeAlarm" } else { "MetricAlarm" };
    // AWS: who names no types gets those of metric alarms.
    let wants = |is_composite: bool| match &req.types[..] {
        [] => !is_composite,
        types => types.iter().any(|kind| kind == kind_of(is_composite)),
    };
    let mut items: Vec<Shown> = Vec::new();
    let mut last: Option<Key> = None;
    for pair in HISTORY.scan(cx.tx, &Key::regional(cx.account, cx.region), direction) {
        let (key, item) = pair?;
        let seen = after.as_ref().is_some_and(|after| match forward {
            true => key.as_bytes() <= after.as_slice(),
            false => key.as_bytes() >= after.as_slice(),
        });
        let wanted = wants(item.is_composite)
            && !seen
            && req.name.as_ref().is_none_or(|name| *name == item.alarm)
            && req.kind.as_ref().is_none_or(|kind| *kind == item.kind)
            && req.start.is_none_or(|start| item.time >= start)
            && req.end.is_none_or(|end| item.time <= end);
        if !wanted {
            continue;
        }
        if items.len() == max {
            let token = last.map(|key| cx.pager().token(&list, key.as_bytes()));
            return Ok(History { items, token });
        }
        last = Some(key);
        items.push(Shown {
            alarm: item.alarm,
            alarm_type: kind_of(item.is_composite).into(),
            at: item.time,
            kind: item.kind,
            summary: item.summary,
            data: (!item.data.is_empty()).then_some(item.data),
        });
    }
    Ok(History { items, token: None })
}
