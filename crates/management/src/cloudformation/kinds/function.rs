//! Lambda's functions, with code that stands in the template, lies in S3 or is an image of ECR's, their URLs, and who may call them.

use super::interface::filtered;
use super::on::{Form, On, Tagger, at, map, only, text_at, texts};
use super::{Attributes, BASE, Done, Kind, Made, Refusal, look};
use crate::cloudformation::template::get;
use std::io::{Cursor, Write};
use std::time::Duration;
use wire::Value;
use zip::write::SimpleFileOptions;

pub(super) const LAMBDA: &str = "lambda";
const TAGGER: Tagger = Tagger {
    service: LAMBDA,
    tag: "TagResource",
    untag: "UntagResource",
    id: "Resource",
    tags: "Tags",
    keys: "TagKeys",
    form: Form::Map,
};

pub(super) static KINDS: &[Kind] = &[
    Kind {
        name: "AWS::Lambda::Function",
        changes: &[
            "Architectures",
            "Code",
            "DeadLetterConfig",
            "Description",
            "Environment",
            "EphemeralStorage",
            "Handler",
            "ImageConfig",
            "KmsKeyArn",
            "Layers",
            "LoggingConfig",
            "MemorySize",
            "RecursiveLoop",
            "ReservedConcurrentExecutions",
            "Role",
            "Runtime",
            "SnapStart",
            "Tags",
            "Timeout",
            "TracingConfig",
            "VpcConfig",
        ],
        fixed: &["FunctionName", "PackageType"],
        attributes: &["Arn"],
        named: Some("FunctionName"),
        create,
        update,
        delete: |on| on.end(LAMBDA, "DeleteFunction", map([("FunctionName", on.physical())])),
        gone: is_unplugged,
        ready,
        mark: Some(|on| {
            let arn = on.arn(LAMBDA, &format!("function:{}", on.physical));
            on.mark(&TAGGER, arn)
        }),
        look: Some(&look::function::FUNCTION),
        ..BASE
    },
    Kind {
        name: "AWS::Lambda::EventSourceMapping",
        changes: &MAPPED,
        fixed: &["EventSourceArn", "StartingPosition"],
        attributes: &["EventSourceMappingArn", "Id"],
        create: |on| {
            let source = [
                ("EventSourceArn", on.prop("EventSourceArn")),
                ("StartingPosition", on.prop("StartingPosition")),
            ];
            let Value::Map(mut input) = map(source) else { return Err(Refusal::of("No event source.")) };
            input.extend(mapped(on));
            let tags = on.tags(Form::Map);
            input.extend((tags != Value::Null).then(|| (TAGS.to_owned(), tags)));
            let answer = on.call(LAMBDA, "CreateEventSourceMapping", Value::Map(input))?;
            let (id, arn) = (text_at(&answer, "UUID"), text_at(&answer, "EventSourceMappingArn"));
            let attributes = vec![("Id", Value::str(&id)), ("EventSourceMappingArn", Value::Str(arn))];
            Ok(on.made(id, attributes))
        },
        update: |on| {
            let mut input = vec![("UUID".to_owned(), on.physical())];
            input.extend(mapped(on));
            if MAPPED.iter().any(|name| *name != TAGS && on.changed(name)) {
                on.call(LAMBDA, "UpdateEventSourceMapping", Value::Map(input))?;
            }
            let arn = Value::Str(on.attribute("EventSourceMappingArn"));
            on.retag(&TAGGER, arn)?;
            Ok(on.same())
        },
        delete: |on| on.end(LAMBDA, "DeleteEventSourceMapping", map([("UUID", on.physical())])),
        mark: Some(|on| on.mark(&TAGGER, Value::Str(on.attribute("EventSourceMappingArn")))),
        ready: |on| {
            let answer = on.call(LAMBDA, "GetEventSourceMapping", map([("UUID", on.physical())]))?;
            let is_settled = matches!(text_at(&answer, "State").as_str(), "Enabled" | "Disabled");
            Ok(is_settled.then(Vec::new))
        },
        gone: |on| match on.call(LAMBDA, "GetEventSourceMapping", map([("UUID", on.physical())])) {
            Ok(_) => Ok(false),
            Err(refusal) if refusal.gone => Ok(true),
            Err(refusal) => Err(refusal),
        },
        look: Some(&look::published::MAPPING),
        ..BASE
    },
    Kind {
        name: "AWS::Lambda::EventInvokeConfig",
        changes: &["DestinationConfig", "MaximumEventAgeInSeconds", "MaximumRetryAttempts"],
        fixed: &["FunctionName", "Qualifier"],
        create: |on| {
            handling(on)?;
            let of = ["FunctionName", "Qualifier"].map(|name| on.text(name).unwrap_or_default());
            Ok(on.made(of.join("|"), Vec::new()))
        },
        update: |on| {
            handling(on)?;
            Ok(on.same())
        },
        delete: |on| {
            let of = [("FunctionName", on.was("FunctionName")), ("Qualifier", on.was("Qualifier"))];
            on.end(LAMBDA, "DeleteFunctionEventInvokeConfig", map(of))
        },
        look: Some(&look::published::HANDLING),
        taken: Some(|on| look::published::HANDLING.taken(on)),
        ..BASE
    },
    Kind {
        name: "AWS::Lambda::LayerVersion",
        fixed: &[
            "CompatibleArchitectures",
            "CompatibleRuntimes",
            "Content",
            "Description",
            "LayerName",
            "LicenseInfo",
        ],
        attributes: &["LayerVersionArn"],
        create: |on| {
            let name = on.name("LayerName", 140);
            let input = map([
                ("LayerName", Value::str(&name)),
                ("CompatibleArchitectures", on.prop("CompatibleArchitectures")),
                ("CompatibleRuntimes", on.prop("CompatibleRuntimes")),
                ("Content", on.prop("Content")),
                ("Description", on.prop("Description")),
                ("LicenseInfo", on.prop("LicenseInfo")),
            ]);
            let answer = on.call(LAMBDA, "PublishLayerVersion", input)?;
            let arn = text_at(&answer, "LayerVersionArn");
            Ok(on.made(arn.clone(), vec![("LayerVersionArn", Value::Str(arn))]))
        },
        delete: |on| {
            let (layer, version) = numbered(on.physical)?;
            on.end(LAMBDA, "DeleteLayerVersion", map([("LayerName", layer), ("VersionNumber", version)]))
        },
        look: Some(&look::published::LAYER),
        ..BASE
    },
    Kind {
        name: "AWS::Lambda::LayerVersionPermission",
        fixed: &["Action", "LayerVersionArn", "OrganizationId", "Principal"],
        attributes: &["Id"],
        create: |on| {
            let id = on.generated(100);
            let (layer, version) = numbered(&on.text("LayerVersionArn").unwrap_or_default())?;
            let input = map([
                ("LayerName", layer),
                ("VersionNumber", version),
                ("StatementId", Value::str(&id)),
                ("Action", on.prop("Action")),
                ("OrganizationId", on.prop("OrganizationId")),
                ("Principal", on.prop("Principal")),
            ]);
            on.call(LAMBDA, "AddLayerVersionPermission", input)?;
            // AWS: the version stands before it.
            let id = format!("{}#{id}", on.text("LayerVersionArn").unwrap_or_default());
            Ok(on.made(id.clone(), vec![("Id", Value::Str(id))]))
        },
        delete: |on| {
            let arn = on.was("LayerVersionArn");
            let (layer, version) = numbered(arn.as_str().unwrap_or_default())?;
            let id = Value::str(on.physical.rsplit_once('#').map_or(on.physical, |(_, id)| id));
            let of = [("LayerName", layer), ("VersionNumber", version), ("StatementId", id)];
            on.end(LAMBDA, "RemoveLayerVersionPermission", map(of))
        },
        look: Some(&look::published::LAYER_PERMISSION),
        ..BASE
    },
    Kind {
        name: "AWS::Lambda::Url",
        changes: &["AuthType", "Cors", "InvokeMode"],
        fixed: &["Qualifier", "TargetFunctionArn"],
        attributes: &["FunctionArn", "FunctionUrl"],
        create: |on| {
            let input = map([
                ("FunctionName", on.prop("TargetFunctionArn")),
                ("Qualifier", on.prop("Qualifier")),
                ("AuthType", on.prop("AuthType")),
                ("Cors", on.prop("Cors")),
                ("InvokeMode", on.prop("InvokeMode")),
            ]);
            let answer = on.call(LAMBDA, "CreateFunctionUrlConfig", input)?;
            let (arn, url) = (text_at(&answer, "FunctionArn"), text_at(&answer, "FunctionUrl"));
            let attributes = vec![("FunctionArn", Value::str(&arn)), ("FunctionUrl", Value::Str(url))];
            Ok(on.made(arn, attributes))
        },
        update: |on| {
            let or = |value: Value, otherwise| if value == Value::Null { otherwise } else { value };
            let input = map([
                ("FunctionName", on.prop("TargetFunctionArn")),
                ("Qualifier", on.prop("Qualifier")),
                ("AuthType", on.prop("AuthType")),
                ("Cors", or(on.prop("Cors"), Value::Map(Vec::new()))),
                ("InvokeMode", or(on.prop("InvokeMode"), Value::str("BUFFERED"))),
            ]);
            on.call(LAMBDA, "UpdateFunctionUrlConfig", input)?;
            Ok(on.same())
        },
        delete: |on| {
            let of = [("FunctionName", on.was("TargetFunctionArn")), ("Qualifier", on.was("Qualifier"))];
            on.end(LAMBDA, "DeleteFunctionUrlConfig", map(of))
        },
        look: Some(&look::published::ADDRESS),
        ..BASE
    },
    Kind {
        name: "AWS::Lambda::Permission",
        fixed: &[
            "Action",
            "EventSourceToken",
            "FunctionName",
            "FunctionUrlAuthType",
            "InvokedViaFunctionUrl",
            "Principal",
            "PrincipalOrgID",
            "SourceAccount",
            "SourceArn",
        ],
        attributes: &["Id"],
        create: |on| {
            let id = on.generated(100);
            let input = map([
                ("StatementId", Value::str(&id)),
                ("Action", on.prop("Action")),
                ("EventSourceToken", on.prop("EventSourceToken")),
                ("FunctionName", on.prop("FunctionName")),
                ("FunctionUrlAuthType", on.prop("FunctionUrlAuthType")),
                ("InvokedViaFunctionUrl", on.prop("InvokedViaFunctionUrl")),
                ("Principal", on.prop("Principal")),
                ("PrincipalOrgID", on.prop("PrincipalOrgID")),
                ("SourceAccount", on.prop("SourceAccount")),
                ("SourceArn", on.prop("SourceArn")),
            ]);
            on.call(LAMBDA, "AddPermission", input)?;
            Ok(on.made(id.clone(), vec![("Id", Value::Str(id))]))
        },
        delete: |on| {
            let function = ("FunctionName", on.was("FunctionName"));
            on.end(LAMBDA, "RemovePermission", map([function, ("StatementId", on.physical())]))
        },
        look: Some(&look::published::PERMISSION),
        ..BASE
    },
];

/// A layer and the number of its version, of the version's ARN.
pub(super) fn numbered(arn: &str) -> Done<(Value, Value)> {
    let parts = arn.rsplit_once(':').and_then(|(layer, number)| Some((layer, number.parse().ok()?)));
    let (layer, number) =
        parts.ok_or_else(|| Refusal::of(format!("{arn} is not the ARN of a layer's version.")))?;
    Ok((Value::str(layer), Value::Int(number)))
}

/// What an event source mapping is told, and may be told anew.
const MAPPED: [&str; 14] = [
    "BatchSize",
    "BisectBatchOnFunctionError",
    "DestinationConfig",
    "Enabled",
    "FilterCriteria",
    "FunctionName",
    "FunctionResponseTypes",
    "MaximumBatchingWindowInSeconds",
    "MaximumRecordAgeInSeconds",
    "MaximumRetryAttempts",
    "ParallelizationFactor",
    "ScalingConfig",
    TAGS,
    "TumblingWindowInSeconds",
];
/// They have operations of their own.
const TAGS: &str = "Tags";

/// How the events of a function are handled: all that is not said is as it is where nobody says it.
fn handling(on: &mut On<'_, '_>) -> Done<()> {
    let input = map([
        ("FunctionName", on.prop("FunctionName")),
        ("Qualifier", on.prop("Qualifier")),
        ("DestinationConfig", on.prop("DestinationConfig")),
        ("MaximumEventAgeInSeconds", on.prop("MaximumEventAgeInSeconds")),
        ("MaximumRetryAttempts", on.prop("MaximumRetryAttempts")),
    ]);
    on.call(LAMBDA, "PutFunctionEventInvokeConfig", input).map(drop)
}

fn mapped(on: &On<'_, '_>) -> Vec<(String, Value)> {
    let all = MAPPED.map(|name| (name.to_owned(), on.prop(name)));
    all.into_iter().filter(|(name, value)| name != TAGS && *value != Value::Null).collect()
}

/// What code in a template may import beside the language's own.
#[derive(Clone, Copy)]
struct Helper {
    name: &'static str,
    file: &'static str,
    text: &'static str,
}

const PYTHON_HELPER: Helper =
    Helper { name: "cfnresponse", file: "cfnresponse.py", text: include_str!("cfnresponse.py") };
const NODE_HELPER: Helper = Helper {
    name: "cfn-response",
    file: "node_modules/cfn-response.js",
    text: include_str!("cfn-response.js"),
};

/// A template's `ZipFile` is the source itself, for whose runtime the file has a name.
/// AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-lambda-function-code.html>
fn code(on: &On<'_, '_>) -> Done<Value> {
    let code = on.prop("Code");
    let Some(Value::Str(source)) = get(&code, "ZipFile") else { return Ok(code) };
    only(&code, &["ZipFile"])?;
    let runtime = on.text("Runtime").unwrap_or_default();
    // AWS: such code finds a module by which it answers a request for a custom resource.
    let (name, helper) = match runtime.as_str() {
        runtime if runtime.starts_with("python") => ("index.py", PYTHON_HELPER),
        runtime if runtime.starts_with("nodejs") => ("index.js", NODE_HELPER),
        _ => return Err(Refusal::of("ZipFile can only be used with Node.js and Python runtimes.")),
    };
    let zipped = zipped(name, source, helper)
        .map_err(|why| Refusal::of(format!("The code cannot be zipped: {why}")))?;
    Ok(map([("ZipFile", Value::Blob(zipped.into()))]))
}

fn zipped(name: &str, source: &str, helper: Helper) -> std::io::Result<Vec<u8>> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().unix_permissions(0o644);
    archive.start_file(name, options)?;
    archive.write_all(source.as_bytes())?;
    if source.contains(helper.name) {
        archive.start_file(helper.file, options)?;
        archive.write_all(helper.text.as_bytes())?;
    }
    Ok(archive.finish()?.into_inner())
}

const IMAGES: (&str, &[&str]) = ("ImageConfig", &["Command", "EntryPoint", "WorkingDirectory"]);

fn create(on: &mut On<'_, '_>) -> Done<Made> {
    on.only(&[IMAGES])?;
    let name = on.name("FunctionName", 64);
    let input = map([
        ("FunctionName", Value::str(&name)),
        ("Architectures", on.prop("Architectures")),
        ("Code", code(on)?),
        ("DeadLetterConfig", on.prop("DeadLetterConfig")),
        ("Description", on.prop("Description")),
        ("Environment", on.prop("Environment")),
        ("EphemeralStorage", on.prop("EphemeralStorage")),
        ("Handler", on.prop("Handler")),
        ("ImageConfig", on.prop("ImageConfig")),
        ("KMSKeyArn", on.prop("KmsKeyArn")),
        ("Layers", on.prop("Layers")),
        ("LoggingConfig", on.prop("LoggingConfig")),
        ("MemorySize", on.prop("MemorySize")),
        ("PackageType", on.prop("PackageType")),
        ("Role", on.prop("Role")),
        ("Runtime", on.prop("Runtime")),
        ("SnapStart", on.prop("SnapStart")),
        ("Tags", on.tags(Form::Map)),
        ("Timeout", on.prop("Timeout")),
        ("TracingConfig", on.prop("TracingConfig")),
        ("VpcConfig", on.prop("VpcConfig")),
    ]);
    let answer = on.call(LAMBDA, "CreateFunction", input)?;
    reserve(on, &name)?;
    recursion(on, &name)?;
    let arn = Value::Str(text_at(&answer, "FunctionArn"));
    Ok(on.made(name, vec![("Arn", arn)]))
}

/// Whether the image of a function is there.
fn ready(on: &mut On<'_, '_>) -> Done<Option<Attributes>> {
    if on.text("PackageType").as_deref() != Some("Image") {
        return Ok(Some(Vec::new()));
    }
    let answer = on.call(LAMBDA, "GetFunction", map([("FunctionName", on.physical())]))?;
    let shown = |name| answer.at(&["Configuration", name]).and_then(Value::as_str).unwrap_or_default();
    for (status, why) in [("State", "StateReason"), ("LastUpdateStatus", "LastUpdateStatusReason")] {
        match shown(status) {
            "Pending" | "InProgress" => return Ok(None),
            "Failed" => return Err(Refusal::of(shown(why))),
            _ => {}
        }
    }
    Ok(Some(Vec::new()))
}

fn reserve(on: &mut On<'_, '_>, name: &str) -> Done<()> {
    if !on.changed("ReservedConcurrentExecutions") {
        return Ok(());
    }
    let function = ("FunctionName", Value::str(name));
    match on.prop("ReservedConcurrentExecutions") {
        Value::Null => on.end(LAMBDA, "DeleteFunctionConcurrency", map([function])),
        number => {
            let input = map([function, ("ReservedConcurrentExecutions", number)]);
            on.call(LAMBDA, "PutFunctionConcurrency", input).map(drop)
        }
    }
}

/// What becomes of a function that is a consequence of itself.
fn recursion(on: &mut On<'_, '_>, name: &str) -> Done<()> {
    if !on.changed("RecursiveLoop") {
        return Ok(());
    }
    let wanted = match on.prop("RecursiveLoop") {
        Value::Null => Value::str("Terminate"),
        wanted => wanted,
    };
    let input = map([("FunctionName", Value::str(name)), ("RecursiveLoop", wanted)]);
    on.call(LAMBDA, "PutFunctionRecursionConfig", input).map(drop)
}

fn update(on: &mut On<'_, '_>) -> Done<Made> {
    on.only(&[IMAGES])?;
    let nobody = || Value::List(Vec::new());
    // What the template no longer says is what it is where nobody says it.
    let configuration = [
        ("DeadLetterConfig", map([("TargetArn", Value::str(""))])),
        ("Description", Value::str("")),
        ("Environment", map([("Variables", Value::Map(Vec::new()))])),
        ("EphemeralStorage", map([("Size", Value::Int(512))])),
        ("Handler", Value::Null),
        ("ImageConfig", Value::Map(Vec::new())),
        ("Layers", Value::List(Vec::new())),
        ("LoggingConfig", map([("LogFormat", Value::str("Text"))])),
        ("MemorySize", Value::Int(128)),
        ("Role", Value::Null),
        ("Runtime", Value::Null),
        ("SnapStart", map([("ApplyOn", Value::str("None"))])),
        ("Timeout", Value::Int(3)),
        ("TracingConfig", map([("Mode", Value::str("PassThrough"))])),
        ("VpcConfig", map([("SecurityGroupIds", nobody()), ("SubnetIds", nobody())])),
    ];
    let mut input = vec![("FunctionName".to_owned(), on.physical())];
    if on.changed("KmsKeyArn") {
        let key = on.text("KmsKeyArn").unwrap_or_default();
        input.push(("KMSKeyArn".to_owned(), Value::Str(key)));
    }
    for (name, otherwise) in configuration.into_iter().filter(|(name, _)| on.changed(name)) {
        let wanted = on.prop(name);
        input.push((name.to_owned(), if wanted == Value::Null { otherwise } else { wanted }));
    }
    if input.len() > 1 {
        on.call(LAMBDA, "UpdateFunctionConfiguration", Value::Map(input))?;
    }
    // At last: until an image is there nothing else can be changed.
    if on.changed("Code") || on.changed("Architectures") {
        let Value::Map(mut input) = code(on)? else { return Err(Refusal::of("Code must be an object.")) };
        input.push(("FunctionName".to_owned(), on.physical()));
        if on.changed("Architectures") && on.prop("Architectures") != Value::Null {
            input.push(("Architectures".to_owned(), on.prop("Architectures")));
        }
        on.call(LAMBDA, "UpdateFunctionCode", Value::Map(input))?;
    }
    reserve(on, on.physical)?;
    recursion(on, on.physical)?;
    let arn = Value::Str(on.attribute("Arn"));
    on.retag(&TAGGER, arn)?;
    Ok(on.same())
}

const UNPLUGGED_WITHIN: Duration = Duration::from_secs(20 * 60);

/// Whether nothing of a function is left in its subnets: its interfaces, which hold them and their groups, go after it.
///
/// AWS: <https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html>
fn is_unplugged(on: &mut On<'_, '_>) -> Done<bool> {
    // Those that it shares with functions elsewhere stay with them.
    let is_late = on.cx.now.since(on.job.started) > UNPLUGGED_WITHIN;
    if is_late || texts(at(&on.was("VpcConfig"), "SubnetIds")).is_empty() {
        return Ok(true);
    }
    let named = Value::Str(format!("AWS Lambda VPC ENI-{}-*", on.physical));
    let told = on.call("ec2", "DescribeNetworkInterfaces", filtered([("description", named)]))?;
    Ok(at(&told, "NetworkInterfaces.0").is_none())
}
