//! `GetLogRecord`: one event by its pointer.

use crate::logs::errors::{LogsError, invalid};
use crate::logs::model::event::{EVENTS, Place, millis};
use crate::logs::model::group::GROUPS;
use crate::logs::model::stream::{STREAMS, prefix};
use crate::logs::sealing;
use kernel::Cx;
use store::{Direction, Key};
use wire::shape::Pairs;

kernel::ops! { pub(crate) static OPS:
    GetLogRecord: [event] get, "logs:GetLogRecord", kernel::access::any;
}

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct GetLogRecord { pointer: String = "logRecordPointer" }

    #[derive(Debug)]
    pub(crate) struct LogRecord { record: Pairs<String> = "logRecord" }
}

fn get(cx: &mut Cx<'_>, req: GetLogRecord) -> Result<LogRecord, LogsError> {
    let (place, id) = Place::from_digits(&req.pointer).ok_or_else(|| invalid("Invalid logRecordPointer."))?;
    let event = EVENTS.get(cx.tx, &place.key(id))?.ok_or(LogsError::NoEvent)?;
    // Pointers are nobody's secret: only events of the caller's own groups are shown.
    let groups = GROUPS.scan(cx.tx, &Key::regional(cx.account, cx.region), Direction::Forward);
    let groups = groups.map(|pair| pair.map(|(_, group)| group)).collect::<Result<Vec<_>, _>>()?;
    for group in groups {
        if group.keeps_since(cx.now).is_some_and(|since| place.time < millis(since)) {
            continue;
        }
        let streams = STREAMS.scan(cx.tx, &prefix(group.id), Direction::Forward);
        let found = streams.map(|pair| pair.map(|(_, stream)| stream)).find(|stream| match stream {
            Ok(stream) => stream.id == id,
            Err(_) => true,
        });
        let Some(stream) = found.transpose()? else { continue };
        let event = sealing::ring(cx, &group)?.open(event)?;
        let fields = [
            ("@timestamp", place.time.to_string()),
            ("@message", event.message),
            ("@ingestionTime", millis(event.ingested).to_string()),
            ("@logStream", stream.name),
            ("@log", format!("{}:{}", group.account, group.name)),
            ("@ptr", req.pointer),
        ];
        let fields = fields.map(|(name, value)| (name.to_owned(), value));
        return Ok(LogRecord { record: Pairs(fields.into()) });
    }
    Err(LogsError::NoEvent)
}
