//! Parameters are read by their names.

use super::home;
use crate::ssm::errors::SsmError;
use crate::ssm::model::{Parameter, SECURE, Version, arn};
use crate::ssm::name::{Selector, Wanted};
use crate::ssm::{access, public, sealing};
use base::Timestamp;
use kernel::Cx;

kernel::ops! { pub(crate) static OPS:
    GetParameter: get, "ssm:GetParameter", access::named;
    GetParameters: several, "ssm:GetParameters", access::several;
}

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct GetParameter {
        name: String = "Name",
        decrypt: Option<bool> = "WithDecryption",
    }

    #[derive(Debug)]
    pub(crate) struct GetParameterResult { parameter: Shown = "Parameter" }

    #[derive(Debug)]
    pub(crate) struct GetParameters {
        names: Vec<String> = "Names",
        decrypt: Option<bool> = "WithDecryption",
    }

    #[derive(Debug)]
    pub(crate) struct GetParametersResult {
        parameters: Vec<Shown> = "Parameters",
        invalid: Vec<String> = "InvalidParameters",
    }

    #[derive(Debug)]
    pub(crate) struct Shown {
        name: String = "Name",
        kind: String = "Type",
        value: String = "Value",
        version: i64 = "Version",
        selector: Option<String> = "Selector",
        modified: Timestamp = "LastModifiedDate",
        arn: String = "ARN",
        data_type: String = "DataType",
    }
}

/// # Errors
/// Those of KMS.
pub(super) fn shown(
    cx: &mut Cx<'_>,
    name: &str,
    version: Version,
    selector: &Selector,
    decrypt: bool,
) -> Result<Shown, SsmError> {
    let arn = arn(home(cx), name);
    let value =
        if decrypt && version.kind == SECURE { sealing::open(cx, &arn, &version)? } else { version.value };
    let selector = match selector {
        Selector::Latest => None,
        Selector::Number(number) => Some(format!(":{number}")),
        Selector::Label(label) => Some(format!(":{label}")),
    };
    Ok(Shown {
        name: name.to_owned(),
        kind: version.kind,
        value,
        version: version.number as i64,
        selector,
        modified: version.modified,
        arn,
        data_type: version.data_type,
    })
}

/// A parameter and the version of it that is wanted.
fn find(cx: &mut Cx<'_>, wanted: &Wanted) -> Result<(String, Version), SsmError> {
    let none = || SsmError::NoParameter(String::new());
    let is_foreign = |arn: &base::Arn| arn.account != cx.account.as_str() || arn.region != cx.region.name();
    if wanted.arn.as_ref().is_some_and(is_foreign) {
        return Err(none());
    }
    if let Some(version) = public::find(cx, &wanted.name)? {
        return Ok((wanted.name.clone(), version));
    }
    let parameter = match Parameter::load(cx.tx, home(cx), &wanted.name)? {
        Some(parameter) => parameter,
        // The ARN of `/a` is that of `a`.
        None if wanted.arn.is_some() => {
            Parameter::load(cx.tx, home(cx), &format!("/{}", wanted.name))?.ok_or_else(none)?
        }
        None => return Err(none()),
    };
    let name = &parameter.name;
    let number = match &wanted.selector {
        Selector::Latest => parameter.latest.number,
        Selector::Number(number) => *number,
        Selector::Label(wanted) => {
            let label = parameter.labels.iter().find(|label| label.name == *wanted);
            let missing = || {
                SsmError::NoVersion(format!(
                    "Systems Manager could not find label {wanted} for parameter {name}. Verify the label and try \
                     again."
                ))
            };
            label.ok_or_else(missing)?.version
        }
    };
    let version = parameter.version(cx.tx, home(cx), number)?.ok_or_else(|| {
        SsmError::NoVersion(format!(
            "Systems Manager could not find version {number} of {name}. Verify the version and try again."
        ))
    })?;
    Ok((parameter.name, version))
}

fn get(cx: &mut Cx<'_>, req: GetParameter) -> Result<GetParameterResult, SsmError> {
    let wanted = Wanted::read(&req.name);
    let (name, version) = find(cx, &wanted)?;
    let parameter = shown(cx, &name, version, &wanted.selector, req.decrypt.unwrap_or_default())?;
    Ok(GetParameterResult { parameter })
}

fn several(cx: &mut Cx<'_>, req: GetParameters) -> Result<GetParametersResult, SsmError> {
    let decrypt = req.decrypt.unwrap_or_default();
    let mut result = GetParametersResult { parameters: Vec::new(), invalid: Vec::new() };
    for text in req.names {
        let wanted = Wanted::read(&text);
        match find(cx, &wanted) {
            Ok((name, version)) => {
                result.parameters.push(shown(cx, &name, version, &wanted.selector, decrypt)?);
            }
            Err(SsmError::NoParameter(_) | SsmError::NoVersion(_)) => result.invalid.push(text),
            Err(error) => return Err(error),
        }
    }
    Ok(result)
}
