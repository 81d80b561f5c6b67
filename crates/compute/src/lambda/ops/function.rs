//! Functions: they are made, shown, listed and deleted.

use super::configuration::{
    self, Configuration, DeadLetters, GetConfiguration, ImageConfig, Kinds, Logging, SnapStart, Storage,
    Tracing, Vpc, check_handler, check_role, shown, touch,
};
use super::page;
use super::signing;
use super::source::Source;
use super::tag::checked;
use crate::lambda::access;
use crate::lambda::code;
use crate::lambda::errors::{LambdaError, invalid};
use crate::lambda::layer;
use crate::lambda::link;
use crate::lambda::model::{
    self, ALIASES, FUNCTIONS, Function, HANDLING, Image, POLICIES, PROVISIONS, URLS, VERSIONS, Version,
};
use crate::lambda::name::{LATEST, Named};
use crate::lambda::package;
use crate::lambda::runtimes::architecture;
use crate::lambda::variables::{self, Environment};
use kernel::{Cx, Empty};
use store::{Direction, Key};
use wire::{Pairs, Value};

kernel::ops! { pub(crate) static OPS:
    CreateFunction: create, "lambda:CreateFunction", access::new_function;
    GetFunction: get, "lambda:GetFunction", access::function;
    ListFunctions: list, "lambda:ListFunctions", access::any;
    DeleteFunction: delete, "lambda:DeleteFunction", access::function;
}

const TIMEOUT_DEFAULT: u32 = 3;
const MEMORY_DEFAULT: u32 = 128;
const STORAGE_DEFAULT: u32 = 512;

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct CreateFunction {
        name: String = "FunctionName",
        runtime: Option<String> = "Runtime",
        role: String = "Role",
        handler: Option<String> = "Handler",
        code: Source = "Code",
        description: Option<String> = "Description",
        timeout: Option<u32> = "Timeout",
        memory: Option<u32> = "MemorySize",
        publish: Option<bool> = "Publish",
        package: Option<String> = "PackageType",
        environment: Option<Environment> = "Environment",
        key: Option<String> = "KMSKeyArn",
        tags: Pairs<String> = "Tags",
        architectures: Vec<String> = "Architectures",
        storage: Option<Storage> = "EphemeralStorage",
        dead_letters: Option<DeadLetters> = "DeadLetterConfig",
        vpc: Option<Vpc> = "VpcConfig",
        layers: Vec<String> = "Layers",
        image: Option<ImageConfig> = "ImageConfig",
        signing: Option<String> = "CodeSigningConfigArn",
        snap: Option<SnapStart> = "SnapStart",
        logging: Option<Logging> = "LoggingConfig",
        tracing: Option<Tracing> = "TracingConfig",
        files: Option<Value> = "FileSystemConfigs",
        tenancy: Option<Value> = "TenancyConfig",
        durable: Option<Value> = "DurableConfig",
        capacity: Option<Value> = "CapacityProviderConfig",
    }

    #[derive(Debug)]
    pub(crate) struct Got {
        configuration: Configuration = "Configuration",
        code: Location = "Code",
        tags: Option<Pairs<String>> = "Tags",
        concurrency: Option<Concurrency> = "Concurrency",
    }

    #[derive(Debug)]
    pub(crate) struct Location {
        repository: String = "RepositoryType",
        link: Option<String> = "Location",
        image: Option<String> = "ImageUri",
        resolved: Option<String> = "ResolvedImageUri",
    }

    #[derive(Debug)]
    pub(crate) struct Concurrency { reserved: Option<u32> = "ReservedConcurrentExecutions" }

    #[derive(Debug)]
    pub(crate) struct ListFunctions {
        all: Option<String> = "FunctionVersion",
        marker: Option<String> = "Marker",
        most: Option<u32> = "MaxItems",
    }

    #[derive(Debug)]
    pub(crate) struct Functions {
        marker: Option<String> = "NextMarker",
        functions: Vec<Configuration> = "Functions",
    }

}

/// # Errors
/// `InvalidParameterValueException` for a processor that this machine does not have.
pub(crate) fn check_architectures(asked: &[String]) -> Result<(), LambdaError> {
    match asked.iter().find(|asked| *asked != architecture()) {
        Some(other) => Err(invalid(format!(
            "The architecture {other} is not supported: the processor of this machine is {}.",
            architecture()
        ))),
        None => Ok(()),
    }
}

/// # Errors
/// `CodeStorageExceededException`
pub(crate) fn check_storage(cx: &Cx<'_>, more: usize) -> Result<(), LambdaError> {
    let (used, _) = super::account::usage(cx)?;
    if used + more as u64 > code::STORAGE_MAX { Err(LambdaError::CodeStorage) } else { Ok(()) }
}

fn create(cx: &mut Cx<'_>, req: CreateFunction) -> Result<Configuration, LambdaError> {
    configuration::check_limits(req.timeout, req.memory)?;
    let named = Named::read(cx, &req.name, None)?;
    if named.account != cx.account || named.qualifier.is_some() {
        return Err(invalid(format!("Invalid function name: {}", req.name)));
    }
    if FUNCTIONS.contains(cx.tx, &named.key())? {
        return Err(LambdaError::Conflict(format!("Function already exist: {}", named.name)));
    }
    check_architectures(&req.architectures)?;
    signing::refuse(req.signing.as_deref())?;
    configuration::check_snap(req.snap)?;
    configuration::check_kinds(&Kinds {
        tracing: req.tracing,
        files: req.files,
        tenancy: req.tenancy,
        durable: req.durable,
        capacity: req.capacity,
    })?;
    let is_image = req.package.as_deref() == Some("Image");
    let of_archive = req.runtime.is_some() || req.handler.is_some() || !req.layers.is_empty();
    let started = configuration::started(req.image, is_image, "creating")?;
    if is_image && of_archive {
        return Err(invalid(configuration::OF_ARCHIVES));
    }
    let runtime = if is_image { String::new() } else { configuration::runtime(cx, req.runtime)? };
    check_role(cx, &req.role)?;
    let tags = checked(req.tags)?;
    let dead_letters = configuration::dead_letters(cx, &req.role, req.dead_letters)?;
    let mut version = Version {
        runtime,
        role: req.role,
        handler: req.handler.unwrap_or_default(),
        description: req.description.unwrap_or_default(),
        timeout: req.timeout.unwrap_or(TIMEOUT_DEFAULT),
        memory: req.memory.unwrap_or(MEMORY_DEFAULT),
        storage: req.storage.map_or(STORAGE_DEFAULT, |storage| storage.size),
        dead_letters,
        layers: layer::used(cx, &req.layers)?,
        started,
        ..Version::default()
    };
    configuration::set_logging(&mut version, req.logging)?;
    variables::keep(cx, &named.arn(), &mut version, (req.environment, req.key), true)?;
    match is_image {
        true => req.code.set_image(cx, &named, &mut version)?,
        false => {
            check_handler(&version)?;
            req.code.set_archive(cx, &mut version)?;
        }
    }
    version.network = configuration::network(cx, (&named.name, &version.role), req.vpc, None)?;
    touch(cx, &mut version);
    let function = Function {
        account: cx.account,
        region: cx.region,
        name: named.name.clone(),
        tags,
        id: base::id::uuid(cx.rng()),
        ..Function::default()
    };
    FUNCTIONS.put(cx.tx, &named.key(), &function);
    VERSIONS.put(cx.tx, &named.key().u64(0), &version);
    if req.publish == Some(true) {
        let (function, published) = super::version::publish(cx, &named, None)?;
        return shown(cx, &function, &published, Some(&published.label()));
    }
    shown(cx, &function, &version, None)
}

fn get(cx: &mut Cx<'_>, req: GetConfiguration) -> Result<Got, LambdaError> {
    let named = Named::read(cx, &req.name, req.qualifier.as_deref())?;
    let (function, version) = configuration::found(cx, &named)?;
    let configuration = shown(cx, &function, &version, named.qualifier.as_deref())?;
    let tags: Vec<(String, String)> = function.tags.into_iter().collect();
    let code = match version.image {
        Some(Image { uri, resolved, .. }) => {
            Location { repository: "ECR".into(), link: None, image: Some(uri), resolved: Some(resolved) }
        }
        None => {
            let link = link::to(cx, &named.name, version.code, version.code_size);
            Location { repository: "S3".into(), link, image: None, resolved: None }
        }
    };
    Ok(Got {
        configuration,
        code,
        tags: (!tags.is_empty()).then_some(Pairs(tags)),
        concurrency: function.reserved.map(|reserved| Concurrency { reserved: Some(reserved) }),
    })
}

fn list(cx: &mut Cx<'_>, req: ListFunctions) -> Result<Functions, LambdaError> {
    let prefix = Key::regional(cx.account, cx.region);
    let asked = (req.marker.as_deref(), req.most);
    if req.all.is_some() {
        let (found, marker) = page(cx, &VERSIONS, &prefix, "ListFunctions ALL", asked)?;
        let mut functions = Vec::new();
        for (key, version) in found {
            let mut reader = key.reader();
            let name = reader.regional().and_then(|_| reader.str()).unwrap_or_default();
            if let Some(function) = FUNCTIONS.get(cx.tx, &prefix.clone().str(&name))? {
                functions.push(shown(cx, &function, &version, Some(&version.label()))?);
            }
        }
        return Ok(Functions { marker, functions });
    }
    let (found, marker) = page(cx, &FUNCTIONS, &prefix, "ListFunctions", asked)?;
    let mut functions = Vec::new();
    for (key, function) in found {
        if let Some(version) = VERSIONS.get(cx.tx, &key.u64(0))? {
            functions.push(shown(cx, &function, &version, None)?);
        }
    }
    Ok(Functions { marker, functions })
}

/// The keys under a prefix.
fn keys<R: store::Record>(
    cx: &Cx<'_>,
    table: &store::Table<R>,
    prefix: &Key,
) -> Result<Vec<Key>, LambdaError> {
    let all = table.scan(cx.tx, prefix, Direction::Forward).map(|pair| pair.map(|(key, _)| key));
    Ok(all.collect::<Result<_, _>>()?)
}

fn delete(cx: &mut Cx<'_>, req: GetConfiguration) -> Result<Empty, LambdaError> {
    let named = Named::read(cx, &req.name, req.qualifier.as_deref())?;
    model::function(cx.tx, &named)?;
    let key = named.key();
    if let Some(label) = &named.qualifier {
        return delete_version(cx, &named, label);
    }
    for version in keys(cx, &VERSIONS, &key)? {
        if let Some(gone) = VERSIONS.get(cx.tx, &version)? {
            package::release(cx, &gone)?;
        }
        VERSIONS.delete(cx.tx, &version);
    }
    for alias in keys(cx, &ALIASES, &key)? {
        ALIASES.delete(cx.tx, &alias);
    }
    for policy in keys(cx, &POLICIES, &key)? {
        POLICIES.delete(cx.tx, &policy);
    }
    for url in keys(cx, &URLS, &key)? {
        if let Some(url) = URLS.get(cx.tx, &url)? {
            url.delete(cx.tx);
        }
    }
    for handling in keys(cx, &HANDLING, &key)? {
        HANDLING.delete(cx.tx, &handling);
    }
    for provision in keys(cx, &PROVISIONS, &key)? {
        PROVISIONS.delete(cx.tx, &provision);
    }
    FUNCTIONS.delete(cx.tx, &key);
    Ok(Empty)
}

fn delete_version(cx: &mut Cx<'_>, named: &Named, label: &str) -> Result<Empty, LambdaError> {
    if label == LATEST {
        return Err(invalid("$LATEST version cannot be deleted without deleting the function."));
    }
    let version = model::version(cx.tx, named, label)?;
    let aliases = ALIASES.scan(cx.tx, &named.key(), Direction::Forward);
    let mut using = Vec::new();
    for alias in aliases {
        let alias = alias?.1;
        if alias.version == label || alias.weights.contains_key(label) {
            using.push(format!("{}:{}", named.arn(), alias.name));
        }
    }
    if !using.is_empty() {
        return Err(LambdaError::Conflict(format!(
            "Version was not able to be deleted because the following aliases reference it: [{}]",
            using.join(", ")
        )));
    }
    package::release(cx, &version)?;
    VERSIONS.delete(cx.tx, &named.key().u64(version.number));
    POLICIES.delete(cx.tx, &crate::lambda::policy::key(named));
    PROVISIONS.delete(cx.tx, &named.key().str(label));
    Ok(Empty)
}
