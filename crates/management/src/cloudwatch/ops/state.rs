//! `SetAlarmState`: an alarm is made to stand otherwise, until it is next evaluated.

use crate::cloudwatch::access;
use crate::cloudwatch::change::{self, Change};
use crate::cloudwatch::errors::WatchError;
use crate::cloudwatch::model::alarm::{ALARMS, Alarm, State};
use kernel::{Cx, Empty};

kernel::ops! { pub(crate) static OPS:
    SetAlarmState: set, "cloudwatch:SetAlarmState", access::alarm;
}

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct SetAlarmState {
        name: String = "AlarmName",
        state: String = "StateValue",
        reason: String = "StateReason",
        data: Option<String> = "StateReasonData",
    }
}

fn set(cx: &mut Cx<'_>, req: SetAlarmState) -> Result<Empty, WatchError> {
    let key = Alarm::key(cx.account, cx.region, &req.name);
    let alarm = ALARMS.get(cx.tx, &key)?.ok_or_else(|| WatchError::NoAlarm(req.name.clone()))?;
    if req.data.as_deref().is_some_and(|data| serde_json::from_str::<serde_json::Value>(data).is_err()) {
        return Err(WatchError::BadFormat("StateReasonData is no valid JSON.".into()));
    }
    let state = State::parse(&req.state).unwrap_or_default();
    let change = Change { state, reason: req.reason, data: req.data, due: alarm.due };
    let cloud = cx.cloud().clone();
    change::apply(&cloud, cx.tx, alarm, change, cx.now)?;
    Ok(Empty)
}
