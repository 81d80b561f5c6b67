//! Versions get names, and lose them.
//!
//! AWS: <https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-labels.html>

use super::{existing, home, tell};
use crate::ssm::access;
use crate::ssm::errors::SsmError;
use crate::ssm::model::{LABELS_MAX, Label, Parameter};
use crate::ssm::name::is_label;
use kernel::Cx;

kernel::ops! { pub(crate) static OPS:
    LabelParameterVersion: label, "ssm:LabelParameterVersion", access::named;
    UnlabelParameterVersion: unlabel, "ssm:UnlabelParameterVersion", access::named;
}

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct LabelParameterVersion {
        name: String = "Name",
        version: Option<i64> = "ParameterVersion",
        labels: Vec<String> = "Labels",
    }

    #[derive(Debug)]
    pub(crate) struct Labelled {
        invalid: Vec<String> = "InvalidLabels",
        version: i64 = "ParameterVersion",
    }

    #[derive(Debug)]
    pub(crate) struct UnlabelParameterVersion {
        name: String = "Name",
        version: i64 = "ParameterVersion",
        labels: Vec<String> = "Labels",
    }

    #[derive(Debug)]
    pub(crate) struct Unlabelled {
        removed: Vec<String> = "RemovedLabels",
        invalid: Vec<String> = "InvalidLabels",
    }
}

/// The number of a version that there is.
fn numbered(cx: &Cx<'_>, parameter: &Parameter, number: i64) -> Result<u64, SsmError> {
    let name = &parameter.name;
    let missing = || {
        SsmError::NoVersion(format!(
            "Systems Manager could not find version {number} of {name}. Verify the version and try again."
        ))
    };
    let found = u64::try_from(number).map_err(|_| missing())?;
    parameter.version(cx.tx, home(cx), found)?.ok_or_else(missing)?;
    Ok(found)
}

fn label(cx: &mut Cx<'_>, req: LabelParameterVersion) -> Result<Labelled, SsmError> {
    let mut parameter = existing(cx, &req.name)?;
    let number = match req.version {
        Some(version) => numbered(cx, &parameter, version)?,
        None => parameter.latest.number,
    };
    let (good, invalid): (Vec<_>, Vec<_>) = req.labels.into_iter().partition(|label| is_label(label));
    // One that another version has moves.
    parameter.labels.retain(|label| !good.contains(&label.name));
    let mut good = good;
    good.sort_unstable();
    good.dedup();
    parameter.labels.extend(good.into_iter().map(|name| Label { name, version: number }));
    if parameter.labels_of(number).len() > LABELS_MAX {
        return Err(SsmError::TooManyLabels);
    }
    parameter.save(cx.tx, home(cx));
    tell(cx, "LabelParameterVersion", &parameter);
    Ok(Labelled { invalid, version: number as i64 })
}

fn unlabel(cx: &mut Cx<'_>, req: UnlabelParameterVersion) -> Result<Unlabelled, SsmError> {
    let mut parameter = existing(cx, &req.name)?;
    let number = numbered(cx, &parameter, req.version)?;
    let own = parameter.labels_of(number);
    let (removed, invalid): (Vec<_>, Vec<_>) = req.labels.into_iter().partition(|label| own.contains(label));
    parameter.labels.retain(|label| label.version != number || !removed.contains(&label.name));
    parameter.save(cx.tx, home(cx));
    Ok(Unlabelled { removed, invalid })
}
