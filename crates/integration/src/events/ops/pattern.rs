//! `TestEventPattern`: whether a pattern wants an event of the caller's.

use crate::events::access;
use crate::events::errors::{EventsError, invalid};
use kernel::Cx;
use kernel::pattern::Pattern;
use wire::Value;

kernel::ops! { pub(crate) static OPS:
    TestEventPattern: test, "events:TestEventPattern", access::any;
}

/// What an event must say. AWS: the operation's page.
const REQUIRED: [&str; 7] = ["id", "account", "source", "time", "region", "resources", "detail-type"];

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct TestEventPattern {
        pattern: String = "EventPattern",
        event: String = "Event",
    }

    #[derive(Debug)]
    pub(crate) struct Tested { result: bool = "Result" }
}

fn test(_: &mut Cx<'_>, req: TestEventPattern) -> Result<Tested, EventsError> {
    let pattern = Pattern::read(&req.pattern).map_err(|malformed| EventsError::Pattern(malformed.0))?;
    let event = wire::json::read(&req.event);
    let Some(Value::Map(members)) = &event else { return Err(invalid("Parameter Event is not valid.")) };
    if let Some(missing) = REQUIRED.iter().find(|name| !members.iter().any(|(own, _)| own == *name)) {
        return Err(invalid(format!("Parameter Event is not valid. Reason: {missing} is missing.")));
    }
    Ok(Tested { result: event.is_some_and(|event| pattern.matches(&event)) })
}
