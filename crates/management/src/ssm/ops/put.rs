//! Parameters are made and overwritten.

use super::{home, tag, tell};
use crate::regex::Regex;
use crate::ssm::errors::{SsmError, invalid};
use crate::ssm::model::{
    ADVANCED, HISTORY, PARAMETERS, PARAMETERS_MAX, Parameter, SECURE, STANDARD, STRING_LIST, VERSIONS_MAX,
    Version, arn,
};
use crate::ssm::sealing::{self, DEFAULT_KEY};
use crate::ssm::{access, name};
use kernel::{As, Cx};
use store::Key;
use wire::{Struct, Value};

kernel::ops! { pub(crate) static OPS:
    PutParameter: put, "ssm:PutParameter", access::put;
}

const INTELLIGENT: &str = "Intelligent-Tiering";
/// AWS: <https://docs.aws.amazon.com/general/latest/gr/ssm.html> (Parameter Store), as for the next.
const STANDARD_BYTES_MAX: usize = 4 << 10;
const ADVANCED_BYTES_MAX: usize = 8 << 10;
const GUIDE: &str = "For more information, see \
    https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html";
const TEXT: &str = "text";
const IMAGE: &str = "aws:ec2:image";

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct PutParameter {
        name: String = "Name",
        description: Option<String> = "Description",
        value: String = "Value",
        kind: Option<String> = "Type",
        key: Option<String> = "KeyId",
        overwrite: Option<bool> = "Overwrite",
        allowed_pattern: Option<String> = "AllowedPattern",
        tags: Vec<tag::Tag> = "Tags",
        tier: Option<String> = "Tier",
        data_type: Option<String> = "DataType",
    }

    #[derive(Debug)]
    pub(crate) struct Put {
        version: i64 = "Version",
        tier: String = "Tier",
    }
}

/// Which tier a value goes to.
fn tier(asked: Option<&str>, before: Option<&str>, bytes: usize) -> Result<&'static str, SsmError> {
    let tier = match asked {
        Some(ADVANCED) => ADVANCED,
        Some(INTELLIGENT) if bytes > STANDARD_BYTES_MAX => ADVANCED,
        None | Some(INTELLIGENT) if before == Some(ADVANCED) => ADVANCED,
        Some(STANDARD) if before == Some(ADVANCED) => {
            return Err(invalid(
                "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the \
                 advanced-parameter tier to the standard-parameter tier. If necessary, you can delete the advanced \
                 parameter and recreate it as a standard parameter.",
            ));
        }
        _ => STANDARD,
    };
    match tier {
        STANDARD if bytes > STANDARD_BYTES_MAX => Err(invalid(format!(
            "Standard tier parameters support a maximum parameter value of 4096 characters. To create a larger \
             parameter value, upgrade the parameter to use the advanced-parameter tier. {GUIDE}"
        ))),
        ADVANCED if bytes > ADVANCED_BYTES_MAX => Err(invalid(format!(
            "Advanced tier parameters support a maximum parameter value of 8192 characters. {GUIDE}"
        ))),
        tier => Ok(tier),
    }
}

fn check_pattern(pattern: &str, kind: &str, value: &str) -> Result<(), SsmError> {
    let bad = |why: &str| SsmError::BadPattern(format!("The allowed pattern is not valid: {why}"));
    let whole = Regex::new(pattern).map_err(|malformed| bad(malformed.0))?;
    let items = match kind {
        STRING_LIST => value.split(',').collect(),
        _ => vec![value],
    };
    for item in items {
        if !whole.matches(item).map_err(|_| bad("it takes too long to match"))? {
            let what = format!("Parameter value, cannot be validated against allowedPattern: {pattern}");
            return Err(SsmError::PatternMismatch(what));
        }
    }
    Ok(())
}

/// AWS looks at the image after it has answered; here a wrong one is told at once.
fn check_data_type(cx: &mut Cx<'_>, data_type: &str, value: &str) -> Result<(), SsmError> {
    match data_type {
        TEXT => Ok(()),
        IMAGE => {
            let mut ask = Struct::new();
            ask.push("ImageIds", Value::List(vec![Value::str(value)]));
            let via = As::CallerVia("ssm.amazonaws.com");
            let answer = cx.call("ec2", "DescribeImages", Value::Struct(ask), via);
            answer.map(drop).map_err(|fault| invalid(fault.message))
        }
        other => Err(invalid(format!(
            "The following data type is not supported: {other} (Data type names are all lowercase and case-sensitive.)"
        ))),
    }
}

/// Makes room for one more version: the oldest leaves, unless a label holds it.
fn age(cx: &mut Cx<'_>, parameter: &Parameter) -> Result<(), SsmError> {
    let key = Parameter::key(home(cx), &parameter.name);
    HISTORY.put(cx.tx, &key.clone().u64(parameter.latest.number), &parameter.latest);
    let Some(oldest) = (parameter.latest.number + 1).checked_sub(VERSIONS_MAX).filter(|oldest| *oldest > 0)
    else {
        return Ok(());
    };
    if !parameter.labels_of(oldest).is_empty() {
        let name = &parameter.name;
        return Err(SsmError::TooManyVersions(format!(
            "You attempted to create a new version of {name} by calling the PutParameter API with the overwrite flag. \
             Version {oldest}, the oldest version, can't be deleted because it has a label associated with it. Move \
             the label to another version of the parameter, and try again."
        )));
    }
    HISTORY.delete(cx.tx, &key.u64(oldest));
    Ok(())
}

/// What the parameter is before this: nothing, or what is overwritten.
fn before(cx: &mut Cx<'_>, req: &PutParameter) -> Result<Option<Parameter>, SsmError> {
    let overwrite = req.overwrite.unwrap_or_default();
    if overwrite && !req.tags.is_empty() {
        return Err(invalid(
            "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please \
             remove overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or \
             RemoveTagsFromResource.",
        ));
    }
    let Some(before) = Parameter::load(cx.tx, home(cx), &req.name)? else {
        if req.kind.is_none() {
            return Err(invalid("A parameter type is required when you create a parameter."));
        }
        if !cx.has_room(&PARAMETERS, &Key::regional(cx.account, cx.region), PARAMETERS_MAX)? {
            return Err(SsmError::Limit(
                "You have exceeded the number of parameters for this account and region.".into(),
            ));
        }
        return Ok(None);
    };
    if !overwrite {
        return Err(SsmError::Exists);
    }
    if req.kind.as_ref().is_some_and(|kind| *kind != before.latest.kind) {
        return Err(SsmError::OtherType);
    }
    Ok(Some(before))
}

fn put(cx: &mut Cx<'_>, req: PutParameter) -> Result<Put, SsmError> {
    name::check(&req.name)?;
    if req.value.is_empty() {
        return Err(invalid("Parameter value can't be empty."));
    }
    let before = before(cx, &req)?;
    let latest = before.as_ref().map(|before| &before.latest);
    let tier = tier(req.tier.as_deref(), latest.map(|latest| latest.tier.as_str()), req.value.len())?;
    let kind = req.kind.or_else(|| latest.map(|latest| latest.kind.clone())).unwrap_or_default();
    let data_type = req.data_type.or_else(|| latest.map(|latest| latest.data_type.clone()));
    let data_type = data_type.filter(|given| !given.is_empty()).unwrap_or_else(|| TEXT.into());
    check_data_type(cx, &data_type, &req.value)?;
    // AWS: who says nothing of it leaves the description as it is.
    let description = req.description.or_else(|| latest.and_then(|latest| latest.description.clone()));
    let description = description.filter(|text| !text.is_empty());
    let allowed_pattern = req.allowed_pattern.filter(|pattern| !pattern.is_empty());
    if let Some(pattern) = &allowed_pattern {
        check_pattern(pattern, &kind, &req.value)?;
    }
    let (value, key) = match (kind.as_str(), req.key) {
        (SECURE, key) => {
            let key = key.unwrap_or_else(|| DEFAULT_KEY.into());
            (sealing::seal(cx, &arn(home(cx), &req.name), &key, tier, &req.value)?, Some(key))
        }
        (_, Some(_)) => {
            return Err(invalid("KeyId is required for SecureString type parameter only."));
        }
        (_, None) => (req.value, None),
    };
    let version = Version {
        number: latest.map_or(1, |latest| latest.number + 1),
        kind,
        value,
        key,
        description,
        allowed_pattern,
        tier: tier.into(),
        data_type,
        modified: cx.now,
        modified_by: cx.caller.arn().into_owned(),
    };
    let number = version.number;
    let (operation, parameter) = match before {
        Some(before) => {
            age(cx, &before)?;
            ("Update", Parameter { latest: version, ..before })
        }
        None => {
            let tags = tag::checked(req.tags)?;
            ("Create", Parameter { name: req.name, latest: version, tags, labels: Vec::new() })
        }
    };
    parameter.save(cx.tx, home(cx));
    tell(cx, operation, &parameter);
    Ok(Put { version: number as i64, tier: tier.into() })
}
