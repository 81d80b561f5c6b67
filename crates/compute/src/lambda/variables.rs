//! The environment variables of a version: checked, kept sealed, shown to who may see them, and handed to the function.
//!
//! They are sealed under the cloud's own key, or under one that a key of KMS keeps:
//!
//! ```text
//! KMS key ──encrypts──> a key of its own (in the version's record) ──seals──> the variables
//! ```
//!
//! Whoever names a key of KMS must be let encrypt by it and give a grant of it to the function's role, so that this one needs no
//! policy; whoever wants to see them must be let decrypt. All of it goes through Lambda.
//!
//! AWS: <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars-encryption.html>

use super::access::SERVICE;
use super::errors::{LambdaError, invalid};
use super::model::{Function, Version};
use kernel::seal::Sealer;
use kernel::{As, Cloud, Cx, data_key};
use std::sync::Arc;
use wire::{Fault, Pairs, Struct, Value};
use zeroize::Zeroizing;

/// AWS: the quotas of the developer guide.
const VARIABLES_BYTES_MAX: usize = 4096;
/// What functions find in their environment anyway.
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime>
const RESERVED: [&str; 18] = [
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_DEFAULT_REGION",
    "AWS_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_LAMBDA_RUNTIME_API",
    "LAMBDA_TASK_ROOT",
    "LAMBDA_RUNTIME_DIR",
];
const PURPOSE: &str = "lambda environment";
/// What KMS is told of a function.
const CONTEXT: &str = "aws:lambda:FunctionArn";

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct Environment { variables: Pairs<String> = "Variables" }

    #[derive(Debug)]
    pub(crate) struct Shown {
        variables: Option<Pairs<String>> = "Variables",
        error: Option<Problem> = "Error",
    }

    #[derive(Debug)]
    pub(crate) struct Problem {
        code: String = "ErrorCode",
        message: String = "Message",
    }
}

/// Why variables cannot be read.
enum Closed {
    /// KMS says so.
    Kms(Fault),
    Broken,
}

impl Closed {
    /// To who wants to change them, which takes reading them.
    fn for_caller(self) -> LambdaError {
        match self {
            Closed::Kms(fault) => invalid(unreadable(&fault)),
            Closed::Broken => broken(),
        }
    }

    /// To who calls the function.
    /// AWS: <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>
    fn for_invoker(self) -> LambdaError {
        match self {
            Closed::Kms(fault) => LambdaError::of_kms(&fault.code, &said(&fault)),
            Closed::Broken => broken(),
        }
    }
}

fn broken() -> LambdaError {
    LambdaError::Service("The environment variables cannot be read.".into())
}

/// What KMS said, as Lambda passes it on.
fn said(fault: &Fault) -> String {
    format!("KMS Exception: {} KMS Message: {}", fault.code, fault.message)
}

fn unreadable(fault: &Fault) -> String {
    format!(
        "Lambda was unable to decrypt your environment variables because the KMS access was denied. Please check your KMS permissions. {}",
        said(fault)
    )
}

/// Keeps what a request says of a version's variables, and of their key; `is_other` where its role is not the one that they were
/// kept for.
///
/// # Errors
/// `InvalidParameterValueException`
pub(crate) fn keep(
    cx: &mut Cx<'_>,
    arn: &str,
    version: &mut Version,
    (environment, key): (Option<Environment>, Option<String>),
    is_other: bool,
) -> Result<(), LambdaError> {
    let key = match key {
        Some(key) => Some(key).filter(|key| !key.is_empty()),
        None => version.key.clone(),
    };
    let text = match environment {
        Some(environment) => checked(environment)?,
        None if key != version.key => open(cx, arn, version).map_err(Closed::for_caller)?,
        None => {
            return match (&key, &version.data_key) {
                (Some(key), Some(_)) if is_other => grant(cx, arn, &version.role, key),
                _ => Ok(()),
            };
        }
    };
    (version.environment, version.data_key) = match text {
        Some(text) => seal(cx, arn, &version.role, key.as_deref(), &text)?,
        None => (None, None),
    };
    version.key = key;
    Ok(())
}

type Text = Zeroizing<Vec<u8>>;

/// The variables of a request as they are kept; `None` where there are none.
fn checked(environment: Environment) -> Result<Option<Text>, LambdaError> {
    let pairs = environment.variables.0;
    if pairs.is_empty() {
        return Ok(None);
    }
    if let Some((name, _)) = pairs.iter().find(|(name, _)| RESERVED.contains(&name.as_str())) {
        return Err(invalid(format!(
            "Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: {name}"
        )));
    }
    let text = wire::json::text(&Value::Map(pairs.into_iter().map(|(k, v)| (k, Value::Str(v))).collect()));
    if text.len() > VARIABLES_BYTES_MAX {
        return Err(invalid(format!(
            "Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit. String measured: {text}"
        )));
    }
    Ok(Some(Zeroizing::new(text.into_bytes())))
}

/// Sealed variables, and what seals them if that is not the cloud's own key.
type Sealed = (Option<Vec<u8>>, Option<Vec<u8>>);

fn seal(
    cx: &mut Cx<'_>,
    arn: &str,
    role: &str,
    key: Option<&str>,
    text: &[u8],
) -> Result<Sealed, LambdaError> {
    let Some(key) = key else { return Ok((Some(cx.sealer().seal(cx.rng(), PURPOSE, text)), None)) };
    grant(cx, arn, role, key)?;
    let own = Zeroizing::new(cx.rng().bytes::<32>());
    let members = vec![
        ("KeyId", Value::str(key)),
        ("Plaintext", Value::Blob(own.to_vec().into())),
        ("EncryptionContext", context(arn)),
    ];
    let answer = kms(cx, "Encrypt", members).map_err(|fault| {
        invalid(format!(
            "Lambda was unable to encrypt your environment variables because the KMS access was denied. Please check your KMS permissions. {}",
            said(&fault)
        ))
    })?;
    let Some(Value::Blob(encrypted)) = answer.member("CiphertextBlob") else { return Err(broken()) };
    Ok((Some(Sealer::new(&own).seal(cx.rng(), PURPOSE, text)), Some(encrypted.to_vec())))
}

/// Lets a role decrypt what is kept for a function, and nothing else. The same grant is not given twice.
fn grant(cx: &mut Cx<'_>, arn: &str, role: &str, key: &str) -> Result<(), LambdaError> {
    let constraints = [("EncryptionContextEquals", context(arn))];
    let members = vec![
        ("KeyId", Value::str(key)),
        ("GranteePrincipal", Value::str(role)),
        ("Operations", Value::List(vec![Value::str("Decrypt")])),
        ("Constraints", Value::Struct(constraints.into_iter().collect())),
        ("Name", Value::str(arn)),
    ];
    kms(cx, "CreateGrant", members).map(drop).map_err(|fault| {
        invalid(format!(
            "Lambda was unable to configure access to your environment variables because the KMS key is invalid for CreateGrant. Please check your KMS key settings. {}",
            said(&fault)
        ))
    })
}

fn context(arn: &str) -> Value {
    Value::Map(vec![(CONTEXT.to_owned(), Value::str(arn))])
}

fn kms(cx: &mut Cx<'_>, operation: &str, members: Vec<(&'static str, Value)>) -> Result<Value, Fault> {
    let request: Struct = members.into_iter().collect();
    cx.call("kms", operation, Value::Struct(request), As::CallerVia(SERVICE))
}

/// The variables, for who works here.
fn open(cx: &mut Cx<'_>, arn: &str, version: &Version) -> Result<Option<Text>, Closed> {
    let Some(encrypted) = &version.data_key else { return unseal(cx.sealer(), version) };
    let pairs = [(CONTEXT, arn)];
    let own = data_key::open(cx, encrypted, &pairs, As::CallerVia(SERVICE)).map_err(Closed::Kms)?;
    unseal(&own, version)
}

fn unseal(sealer: &Sealer, version: &Version) -> Result<Option<Text>, Closed> {
    let opened = version.environment.as_ref().map(|sealed| sealer.open(PURPOSE, sealed)).transpose();
    opened.map_err(|_| Closed::Broken)
}

fn read(text: &[u8]) -> Result<Vec<(String, String)>, LambdaError> {
    let text = std::str::from_utf8(text).map_err(|_| broken())?;
    let Some(Value::Map(pairs)) = wire::json::read(text) else { return Err(broken()) };
    Ok(pairs.into_iter().filter_map(|(name, value)| Some((name, value.as_str()?.to_owned()))).collect())
}

/// The variables as a caller may see them; `None` where there are none.
///
/// # Errors
/// `ServiceException` where they are damaged.
pub(crate) fn shown(cx: &mut Cx<'_>, arn: &str, version: &Version) -> Result<Option<Shown>, LambdaError> {
    Ok(match open(cx, arn, version) {
        Ok(None) => None,
        Ok(Some(text)) => Some(Shown { variables: Some(Pairs(read(&text)?)), error: None }),
        Err(Closed::Broken) => return Err(broken()),
        Err(Closed::Kms(fault)) => {
            let (code, message) = (fault.code.to_string(), unreadable(&fault));
            Some(Shown { variables: None, error: Some(Problem { code, message }) })
        }
    })
}

/// The variables for the function itself, with what its role may. Blocks.
///
/// # Errors
/// `KMSAccessDeniedException`, `KMSDisabledException`, `KMSInvalidStateException`, `KMSNotFoundException`,
/// `ServiceException`
pub(crate) fn handed_over(
    cloud: &Arc<Cloud>,
    function: &Function,
    version: &Version,
) -> Result<Vec<(String, String)>, LambdaError> {
    let opened = match &version.data_key {
        None => unseal(cloud.sealer(), version),
        Some(_) => {
            let (mut tx, home) = (cloud.store().begin(), (function.account, function.region));
            let arn = function.arn();
            let opened =
                cloud.act_as_role(&mut tx, SERVICE, &version.role, home, |cx| open(cx, &arn, version));
            opened.map_err(Closed::Kms).and_then(|opened| opened)
        }
    };
    opened.map_err(Closed::for_invoker)?.map_or(Ok(Vec::new()), |text| read(&text))
}
