//! What a function is told to be: its settings, shown, checked and changed.

use crate::lambda::access::{self, SERVICE};
use crate::lambda::code;
use crate::lambda::destination;
use crate::lambda::errors::{LambdaError, invalid};
use crate::lambda::image::{self, State};
use crate::lambda::layer;
use crate::lambda::model::{self, Function, JsonLogs, Network, Started, UsedLayer, VERSIONS, Version};
use crate::lambda::name::{LATEST, Named};
use crate::lambda::network;
use crate::lambda::runtimes::architecture;
use crate::lambda::variables::{self, Environment, Shown};
use crate::lambda::workshop::Workshop;
use base::{AccountId, Arn};
use kernel::{As, Cx};
use wire::Value;

kernel::ops! { pub(crate) static OPS:
    GetFunctionConfiguration: get, "lambda:GetFunctionConfiguration", access::function;
    UpdateFunctionConfiguration: update, "lambda:UpdateFunctionConfiguration", access::configuration;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct Storage { pub(crate) size: u32 = "Size" }

    #[derive(Clone, Debug)]
    pub(crate) struct DeadLetters { pub(crate) target: Option<String> = "TargetArn" }

    #[derive(Clone, Debug)]
    pub(crate) struct Vpc {
        pub(crate) subnets: Option<Vec<String>> = "SubnetIds",
        pub(crate) groups: Option<Vec<String>> = "SecurityGroupIds",
        pub(crate) ipv6: Option<bool> = "Ipv6AllowedForDualStack",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct VpcShown {
        subnets: Vec<String> = "SubnetIds",
        groups: Vec<String> = "SecurityGroupIds",
        vpc: String = "VpcId",
        ipv6: bool = "Ipv6AllowedForDualStack",
    }

    #[derive(Debug)]
    pub(crate) struct GetConfiguration {
        pub(crate) name: String = "FunctionName",
        pub(crate) qualifier: Option<String> = "Qualifier",
    }

    #[derive(Debug)]
    pub(crate) struct UpdateConfiguration {
        name: String = "FunctionName",
        role: Option<String> = "Role",
        handler: Option<String> = "Handler",
        description: Option<String> = "Description",
        timeout: Option<u32> = "Timeout",
        memory: Option<u32> = "MemorySize",
        environment: Option<Environment> = "Environment",
        key: Option<String> = "KMSKeyArn",
        runtime: Option<String> = "Runtime",
        revision: Option<String> = "RevisionId",
        storage: Option<Storage> = "EphemeralStorage",
        dead_letters: Option<DeadLetters> = "DeadLetterConfig",
        vpc: Option<Vpc> = "VpcConfig",
        layers: Option<Vec<String>> = "Layers",
        image: Option<ImageConfig> = "ImageConfig",
        snap: Option<SnapStart> = "SnapStart",
        logging: Option<Logging> = "LoggingConfig",
        tracing: Option<Tracing> = "TracingConfig",
        files: Option<Value> = "FileSystemConfigs",
        durable: Option<Value> = "DurableConfig",
        capacity: Option<Value> = "CapacityProviderConfig",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct ImageConfig {
        entry: Option<Vec<String>> = "EntryPoint",
        command: Option<Vec<String>> = "Command",
        folder: Option<String> = "WorkingDirectory",
    }

    #[derive(Debug)]
    pub(crate) struct ImageShown { config: ImageConfig = "ImageConfig" }

    #[derive(Debug)]
    pub(crate) struct Configuration {
        name: String = "FunctionName",
        arn: String = "FunctionArn",
        runtime: Option<String> = "Runtime",
        role: String = "Role",
        handler: Option<String> = "Handler",
        code_size: i64 = "CodeSize",
        description: String = "Description",
        timeout: u32 = "Timeout",
        memory: u32 = "MemorySize",
        modified: String = "LastModified",
        code_hash: String = "CodeSha256",
        version: String = "Version",
        environment: Option<Shown> = "Environment",
        key: Option<String> = "KMSKeyArn",
        dead_letters: Option<DeadLetters> = "DeadLetterConfig",
        tracing: Tracing = "TracingConfig",
        revision: String = "RevisionId",
        state: String = "State",
        state_reason: Option<String> = "StateReason",
        state_code: Option<String> = "StateReasonCode",
        update: Option<String> = "LastUpdateStatus",
        update_reason: Option<String> = "LastUpdateStatusReason",
        update_code: Option<String> = "LastUpdateStatusReasonCode",
        image: Option<ImageShown> = "ImageConfigResponse",
        package: String = "PackageType",
        architectures: Vec<String> = "Architectures",
        storage: Storage = "EphemeralStorage",
        logging: Logging = "LoggingConfig",
        layers: Option<Vec<Used>> = "Layers",
        vpc: Option<VpcShown> = "VpcConfig",
        snap: SnapShown = "SnapStart",
    }

    #[derive(Debug)]
    pub(crate) struct Used {
        arn: String = "Arn",
        size: i64 = "CodeSize",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct SnapStart { on: Option<String> = "ApplyOn" }

    #[derive(Debug)]
    pub(crate) struct SnapShown {
        on: String = "ApplyOn",
        status: String = "OptimizationStatus",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Tracing { mode: Option<String> = "Mode" }

    #[derive(Clone, Debug)]
    pub(crate) struct Logging {
        format: Option<String> = "LogFormat",
        application: Option<String> = "ApplicationLogLevel",
        system: Option<String> = "SystemLogLevel",
        group: Option<String> = "LogGroup",
    }
}

/// A version as it is shown; `qualified` where it was asked for by a qualifier.
///
/// # Errors
/// `ServiceException` for a sealed environment that does not open.
pub(crate) fn shown(
    cx: &mut Cx<'_>,
    function: &Function,
    version: &Version,
    qualifier: Option<&str>,
) -> Result<Configuration, LambdaError> {
    let arn = match qualifier {
        Some(qualifier) => format!("{}:{qualifier}", function.arn()),
        None => function.arn(),
    };
    let environment = variables::shown(cx, &function.arn(), version)?;
    let is_image = version.image.is_some();
    let is_own = version.runtime.starts_with("provided") && version.handler.is_empty();
    let condition = condition(cx, version)?;
    Ok(Configuration {
        name: function.name.clone(),
        arn,
        runtime: (!is_image).then(|| version.runtime.clone()),
        role: version.role.clone(),
        handler: (!is_own && !is_image).then(|| version.handler.clone()),
        code_size: i64::try_from(version.code_size).unwrap_or(i64::MAX),
        description: version.description.clone(),
        timeout: version.timeout,
        memory: version.memory,
        modified: format!("{}+0000", version.modified.iso8601_millis().trim_end_matches('Z')),
        code_hash: version.code_hash.clone(),
        version: version.label(),
        environment,
        key: version.key.clone(),
        dead_letters: version.dead_letters.clone().map(|target| DeadLetters { target: Some(target) }),
        tracing: Tracing { mode: Some(NOT_TRACED.into()) },
        revision: version.revision.clone(),
        state: condition.state.into(),
        state_reason: condition.state_why.as_ref().map(|(_, reason)| reason.clone()),
        state_code: condition.state_why.map(|(code, _)| code),
        update: condition.update.map(str::to_owned),
        update_reason: condition.update_why.as_ref().map(|(_, reason)| reason.clone()),
        update_code: condition.update_why.map(|(code, _)| code),
        image: image_shown(&version.started),
        package: if is_image { "Image" } else { "Zip" }.into(),
        architectures: vec![architecture().into()],
        storage: Storage { size: version.storage },
        logging: Logging {
            format: Some(if version.json_logs.is_some() { JSON } else { TEXT }.into()),
            application: version.json_logs.as_ref().map(|logs| logs.application.clone()),
            system: version.json_logs.as_ref().map(|logs| logs.system.clone()),
            group: Some(version.log_group(&function.name)),
        },
        layers: (!version.layers.is_empty()).then(|| version.layers.iter().map(used).collect()),
        vpc: version.network.clone().map(|network| VpcShown {
            subnets: network.subnets,
            groups: network.groups,
            vpc: network.vpc,
            ipv6: false,
        }),
        snap: SnapShown { on: NO_SNAP.into(), status: "Off".into() },
    })
}

const NO_SNAP: &str = "None";
const NOT_TRACED: &str = "PassThrough";

/// AWS: the quotas of the developer guide. The model has more: what other kinds of functions may have.
const TIMEOUT_MAX: u32 = 900;
const MEMORY_MAX: u32 = 10_240;

/// # Errors
/// `ValidationException` for more than a function may have.
pub(crate) fn check_limits(timeout: Option<u32>, memory: Option<u32>) -> Result<(), LambdaError> {
    let limits = [(timeout, "timeout", TIMEOUT_MAX), (memory, "memorySize", MEMORY_MAX)];
    for (asked, member, most) in limits {
        if let Some(asked) = asked.filter(|asked| *asked > most) {
            return Err(LambdaError::Limit(asked, member, most));
        }
    }
    Ok(())
}

/// What a request says of kinds of functions that there are none of.
pub(crate) struct Kinds {
    pub(crate) tracing: Option<Tracing>,
    pub(crate) files: Option<Value>,
    pub(crate) tenancy: Option<Value>,
    pub(crate) durable: Option<Value>,
    pub(crate) capacity: Option<Value>,
}

/// # Errors
/// `NotImplemented` where a request says what no function can be.
pub(crate) fn check_kinds(asked: &Kinds) -> Result<(), LambdaError> {
    let mode = asked.tracing.as_ref().and_then(|tracing| tracing.mode.as_deref());
    let refused = [
        (mode.is_some_and(|mode| mode != NOT_TRACED), "Tracing by X-Ray (TracingConfig)"),
        (asked.files.as_ref().is_some_and(says), "A file system (FileSystemConfigs)"),
        (asked.tenancy.is_some(), "Isolation of tenants (TenancyConfig)"),
        (asked.durable.is_some(), "Durable execution (DurableConfig)"),
        (asked.capacity.is_some(), "A capacity provider (CapacityProviderConfig)"),
    ];
    not_built(&refused)
}

/// # Errors
/// `NotImplemented` for the first of what is said.
pub(crate) fn not_built(refused: &[(bool, &str)]) -> Result<(), LambdaError> {
    match refused.iter().find(|(is_said, _)| *is_said) {
        Some((_, what)) => Err(LambdaError::NotBuilt((*what).to_owned())),
        None => Ok(()),
    }
}

/// Whether there is anything in it: clients clear settings with empty ones.
pub(crate) fn says(value: &Value) -> bool {
    match value {
        Value::Struct(members) => members.iter().any(|(_, member)| says(member)),
        Value::List(items) => !items.is_empty(),
        _ => *value != Value::Null,
    }
}

/// # Errors
/// `NotImplemented` where versions are to be started from snapshots.
pub(crate) fn check_snap(asked: Option<SnapStart>) -> Result<(), LambdaError> {
    match asked.and_then(|asked| asked.on).filter(|on| on != NO_SNAP) {
        Some(_) => Err(LambdaError::NotBuilt("SnapStart".into())),
        None => Ok(()),
    }
}

/// How far a version is in becoming what it was told to be; each reason with its code.
struct Condition {
    state: &'static str,
    state_why: Option<(String, String)>,
    update: Option<&'static str>,
    update_why: Option<(String, String)>,
}

fn condition(cx: &Cx<'_>, version: &Version) -> Result<Condition, LambdaError> {
    let state = match &version.image {
        Some(image) => image::state(cx.tx, image)?,
        None => State::Ready,
    };
    let (done, doing, failed) = (Some("Successful"), Some("InProgress"), Some("Failed"));
    let creating = || Some(("Creating".to_owned(), "The function is being created.".to_owned()));
    Ok(match (state, version.before.is_some()) {
        (State::Ready, _) => Condition { state: "Active", state_why: None, update: done, update_why: None },
        (State::Pending, false) => {
            Condition { state: "Pending", state_why: creating(), update: None, update_why: None }
        }
        (State::Pending, true) => {
            Condition { state: "Active", state_why: None, update: doing, update_why: creating() }
        }
        (State::Failed { code, reason }, false) => Condition {
            state: "Failed",
            state_why: Some((code.clone(), reason.clone())),
            update: failed,
            update_why: Some((code, reason)),
        },
        (State::Failed { code, reason }, true) => {
            Condition { state: "Active", state_why: None, update: failed, update_why: Some((code, reason)) }
        }
    })
}

fn image_shown(started: &Started) -> Option<ImageShown> {
    let Started { entry, command, folder } = started.clone();
    let is_told = entry.is_some() || command.is_some() || folder.is_some();
    is_told.then_some(ImageShown { config: ImageConfig { entry, command, folder } })
}

/// What functions of images are not told.
pub(crate) const OF_ARCHIVES: &str =
    "Please don't provide Handler or Runtime or Layer when the intended function PackageType is Image.";

/// How an image's program is to be started; what is empty is as the image says.
///
/// # Errors
/// `InvalidParameterValueException` for a function that is of none.
pub(crate) fn started(
    asked: Option<ImageConfig>,
    is_image: bool,
    doing: &str,
) -> Result<Started, LambdaError> {
    let Some(ImageConfig { entry, command, folder }) = asked else { return Ok(Started::default()) };
    if !is_image {
        return Err(invalid(format!(
            "Please don't provide ImageConfig when {doing} a function with packageType Zip."
        )));
    }
    Ok(Started {
        entry: entry.filter(|words| !words.is_empty()),
        command: command.filter(|words| !words.is_empty()),
        folder: folder.filter(|folder| !folder.is_empty()),
    })
}

fn used(layer: &UsedLayer) -> Used {
    Used { arn: layer.arn.clone(), size: i64::try_from(layer.size).unwrap_or(i64::MAX) }
}

const TEXT: &str = "Text";
const JSON: &str = "JSON";
/// AWS: of functions that are told none.
const LEVEL: &str = "INFO";

/// Sets how a function is told to log; what is not said is as it was.
///
/// # Errors
/// `InvalidParameterValueException` for levels, which only logs in JSON have.
pub(crate) fn set_logging(version: &mut Version, asked: Option<Logging>) -> Result<(), LambdaError> {
    let Some(Logging { format, application, system, group }) = asked else { return Ok(()) };
    let is_json = format.map_or(version.json_logs.is_some(), |format| format == JSON);
    if !is_json && (application.is_some() || system.is_some()) {
        return Err(invalid("Log levels can be set for functions with the log format JSON only."));
    }
    version.log_group = group;
    let known = version.json_logs.take();
    version.json_logs = is_json.then(|| {
        let known = known.unwrap_or_else(|| JsonLogs { application: LEVEL.into(), system: LEVEL.into() });
        JsonLogs {
            application: application.unwrap_or(known.application),
            system: system.unwrap_or(known.system),
        }
    });
    Ok(())
}

/// The role must be this account's, and let Lambda assume it.
///
/// # Errors
/// `InvalidParameterValueException`, `AccessDeniedException`
pub(crate) fn check_role(cx: &mut Cx<'_>, role: &str) -> Result<(), LambdaError> {
    let owner = Arn::parse(role).and_then(|arn| AccountId::parse(&arn.account));
    if owner != Some(cx.account) {
        return Err(LambdaError::CrossAccountRole);
    }
    let members = [("RoleArn", Value::str(role)), ("RoleSessionName", Value::str("lambda"))];
    let value = Value::Struct(members.into_iter().collect());
    let who = As::Service { name: SERVICE, account: cx.account };
    let assumed = cx.call("sts", "AssumeRole", value, who);
    assumed.map(drop).map_err(|_| invalid("The role defined for the function cannot be assumed by Lambda."))
}

const MANDATORY: &str =
    "Runtime and Handler are mandatory parameters for functions created with deployment packages.";

/// The runtime of a function that is of an archive.
///
/// # Errors
/// `InvalidParameterValueException`
pub(crate) fn runtime(cx: &Cx<'_>, asked: Option<String>) -> Result<String, LambdaError> {
    let runtime = asked.ok_or_else(|| invalid(MANDATORY))?;
    check_runtime(cx, &runtime)?;
    Ok(runtime)
}

/// The runtime must be one that this machine has.
///
/// # Errors
/// `InvalidParameterValueException`
fn check_runtime(cx: &Cx<'_>, runtime: &str) -> Result<(), LambdaError> {
    let here = cx.memory::<Workshop>().runtimes();
    if here.iter().any(|known| known.name == runtime) {
        return Ok(());
    }
    let names: Vec<&str> = here.iter().map(|known| known.name.as_str()).collect();
    Err(invalid(format!(
        "The runtime parameter of {runtime} is not supported: this machine has no such runtime. It has: {}. `virga doctor` says more.",
        names.join(", ")
    )))
}

/// The queue or topic for events that are given up, which the role must be let tell; an empty one is none.
///
/// # Errors
/// `InvalidParameterValueException`
pub(crate) fn dead_letters(
    cx: &mut Cx<'_>,
    role: &str,
    asked: Option<DeadLetters>,
) -> Result<Option<String>, LambdaError> {
    let Some(target) = asked.and_then(|asked| asked.target).filter(|target| !target.is_empty()) else {
        return Ok(None);
    };
    let (action, what) = match destination::service(&target) {
        Some("sqs") => ("sqs:SendMessage", "SendMessage on SQS"),
        Some("sns") => ("sns:Publish", "Publish on SNS"),
        _ => return Err(invalid(format!("The provided target arn is not a valid SNS or SQS arn: {target}"))),
    };
    if destination::may_tell(cx, (cx.account, cx.region), role, (&target, action))? {
        return Ok(Some(target));
    }
    Err(invalid(format!("The provided execution role does not have permissions to call {what}")))
}

/// Where a function is to be, of a request and of where it was.
///
/// # Errors
/// `NotImplemented`, and those of [`network::enter`].
pub(crate) fn network(
    cx: &mut Cx<'_>,
    who: (&str, &str),
    asked: Option<Vpc>,
    before: Option<&Network>,
) -> Result<Option<Network>, LambdaError> {
    let Some(asked) = asked else { return Ok(before.cloned()) };
    if asked.ipv6 == Some(true) {
        return Err(LambdaError::NotBuilt("IPv6 for a function in a VPC".into()));
    }
    let known = before.cloned().unwrap_or_default();
    let (subnets, groups) = (asked.subnets.unwrap_or(known.subnets), asked.groups.unwrap_or(known.groups));
    network::enter(cx, who, &subnets, &groups)
}

/// # Errors
/// `PreconditionFailedException`
pub(crate) fn check_revision(asked: Option<&str>, revision: &str) -> Result<(), LambdaError> {
    if asked.is_some_and(|asked| asked != revision) { Err(LambdaError::Revision) } else { Ok(()) }
}

/// The version that a request names.
///
/// # Errors
/// `ResourceNotFoundException`
pub(crate) fn found(cx: &Cx<'_>, named: &Named) -> Result<(Function, Version), LambdaError> {
    let function = model::function(cx.tx, named)?;
    let version = match named.qualifier.as_deref() {
        None => model::version(cx.tx, named, LATEST)?,
        Some(label) if model::number_of(label).is_some() => model::version(cx.tx, named, label)?,
        Some(name) => {
            let alias = model::alias(cx.tx, named, name)?.ok_or_else(|| named.not_found())?;
            model::version(cx.tx, named, &alias.version)?
        }
    };
    Ok((function, version))
}

fn get(cx: &mut Cx<'_>, req: GetConfiguration) -> Result<Configuration, LambdaError> {
    let named = Named::read(cx, &req.name, req.qualifier.as_deref())?;
    let (function, version) = found(cx, &named)?;
    shown(cx, &function, &version, named.qualifier.as_deref())
}

fn update(cx: &mut Cx<'_>, req: UpdateConfiguration) -> Result<Configuration, LambdaError> {
    check_limits(req.timeout, req.memory)?;
    let named = Named::whole(cx, &req.name)?;
    let function = model::function(cx.tx, &named)?;
    let mut version = model::version(cx.tx, &named, LATEST)?;
    check_revision(req.revision.as_deref(), &version.revision)?;
    check_snap(req.snap)?;
    let (tracing, files, durable, capacity) = (req.tracing, req.files, req.durable, req.capacity);
    check_kinds(&Kinds { tracing, files, tenancy: None, durable, capacity })?;
    image::check_settled(cx.tx, &version, &named.arn())?;
    let is_image = version.image.is_some();
    if is_image && (req.handler.is_some() || req.runtime.is_some() || req.layers.is_some()) {
        return Err(invalid(OF_ARCHIVES));
    }
    if req.image.is_some() {
        version.started = started(req.image, is_image, "updating")?;
    }
    let role = req.role.filter(|role| *role != version.role);
    let is_other = role.is_some();
    if let Some(role) = role {
        check_role(cx, &role)?;
        version.role = role;
    }
    if let Some(runtime) = req.runtime {
        check_runtime(cx, &runtime)?;
        version.runtime = runtime;
    }
    variables::keep(cx, &named.arn(), &mut version, (req.environment, req.key), is_other)?;
    if req.dead_letters.is_some() {
        version.dead_letters = dead_letters(cx, &version.role, req.dead_letters)?;
    }
    if let Some(layers) = req.layers {
        // The new ones are held before the old ones go: some may be the same.
        let before = std::mem::replace(&mut version.layers, layer::used(cx, &layers)?);
        layer::release(cx, &before)?;
        if version.unzipped == 0 && !version.layers.is_empty() {
            version.unzipped = kernel::slow(|| code::unzipped(cx.cloud(), &version))?;
        }
        layer::check_size(&version)?;
    }
    let who = (named.name.as_str(), version.role.as_str());
    version.network = network(cx, who, req.vpc, version.network.as_ref())?;
    set_logging(&mut version, req.logging)?;
    version.handler = req.handler.unwrap_or(version.handler);
    version.description = req.description.unwrap_or(version.description);
    version.timeout = req.timeout.unwrap_or(version.timeout);
    version.memory = req.memory.unwrap_or(version.memory);
    version.storage = req.storage.map_or(version.storage, |storage| storage.size);
    check_handler(&version)?;
    touch(cx, &mut version);
    VERSIONS.put(cx.tx, &named.key().u64(0), &version);
    shown(cx, &function, &version, None)
}

/// # Errors
/// `InvalidParameterValueException` for a version that its runtime could not run.
pub(crate) fn check_handler(version: &Version) -> Result<(), LambdaError> {
    if version.image.is_none() && version.handler.is_empty() && !version.runtime.starts_with("provided") {
        return Err(invalid(MANDATORY));
    }
    Ok(())
}

/// A change has a revision and a time.
pub(crate) fn touch(cx: &Cx<'_>, version: &mut Version) {
    version.revision = base::id::uuid(cx.rng());
    version.modified = cx.now;
}
