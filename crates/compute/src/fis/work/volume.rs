//! What is done to volumes: what is read and written waits for a time. EBS keeps to it ([`ec2::disk`]).

use super::{Doing, may};
use crate::fis::errors::{FisError, invalid};
use crate::fis::model::Run;
use crate::fis::model::action::DURATION;
use ec2::access::Access;
use ec2::disk::{self, Pause};
use ec2::kind::VOLUME;
use kernel::Cx;
use wire::{Fault, Struct};

fn by(doing: &Doing<'_>) -> String {
    format!("{}/{}", doing.experiment, doing.name)
}

pub(super) fn begin(cx: &mut Cx<'_>, doing: &Doing<'_>, run: &mut Run) -> Result<(), Fault> {
    let until = doing.action.after(DURATION, cx.now).unwrap_or(cx.now);
    let here = (cx.account, cx.region);
    for id in doing.targets {
        for target in Access::of(cx, &Struct::new()).id(&VOLUME, id).done()? {
            may(cx, "ec2:PauseVolumeIO", &target)?;
        }
        let attached = disk::of_volume(cx.tx, cx.account, cx.region, id).map_err(FisError::from)?;
        match attached {
            None => return Err(invalid(format!("The volume {id} is not attached to an instance.")).into()),
            Some(root) if root.files => {
                let what =
                    "is the root of an instance whose files Virga keeps as files, which cannot be paused";
                return Err(invalid(format!("The volume {id} {what}.")).into());
            }
            Some(_) => disk::pause(cx.tx, here, id, &Pause { by: by(doing), until }),
        }
    }
    run.due = Some(until);
    Ok(())
}

/// Everything goes on; nobody's rights are needed for that.
pub(super) fn end(cx: &mut Cx<'_>, doing: &Doing<'_>) -> Result<(), Fault> {
    Ok(disk::go_on(cx.tx, cx.account, cx.region, &by(doing)).map_err(FisError::from)?)
}
