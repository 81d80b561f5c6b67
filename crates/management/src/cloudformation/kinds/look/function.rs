//! Lambda's functions. Their code is not seen.

use super::{Look, PLAIN, list, named, own, picked, tags};
use crate::cloudformation::kinds::Done;
use crate::cloudformation::kinds::function::LAMBDA;
use crate::cloudformation::kinds::look::Seen;
use crate::cloudformation::kinds::on::{On, map};
use crate::cloudformation::template::get;
use wire::Value;

pub(in crate::cloudformation::kinds) static FUNCTION: Look = Look {
    sees: &[
        "Architectures",
        "DeadLetterConfig",
        "Description",
        "Environment",
        "EphemeralStorage",
        "FunctionName",
        "Handler",
        "KmsKeyArn",
        "Layers",
        "LoggingConfig",
        "MemorySize",
        "PackageType",
        "RecursiveLoop",
        "ReservedConcurrentExecutions",
        "Role",
        "Runtime",
        "Tags",
        "Timeout",
        "VpcConfig",
    ],
    whole: &["Environment.Variables"],
    read: function,
    identifiers: &["FunctionName"],
    ..PLAIN
};

/// What the configuration and the property both call so.
const MEMBERS: &[(&str, &str)] = &[
    ("Architectures", "Architectures"),
    ("DeadLetterConfig", "DeadLetterConfig"),
    ("Description", "Description"),
    ("Environment", "Environment"),
    ("EphemeralStorage", "EphemeralStorage"),
    ("FunctionName", "FunctionName"),
    ("Handler", "Handler"),
    ("KmsKeyArn", "KMSKeyArn"),
    ("LoggingConfig", "LoggingConfig"),
    ("MemorySize", "MemorySize"),
    ("PackageType", "PackageType"),
    ("Role", "Role"),
    ("Runtime", "Runtime"),
    ("Timeout", "Timeout"),
];

fn function(on: &mut On<'_, '_>) -> Done<Seen> {
    let told = on.ask(LAMBDA, "GetFunction", map([("FunctionName", on.physical())]))?;
    let configuration = own(&told, "Configuration");
    let mut all = named(&configuration, MEMBERS);
    let layers = list(&configuration, "Layers");
    let layers = layers.iter().filter_map(|layer| get(layer, "Arn").cloned()).collect();
    all.push(("Layers".into(), Value::List(layers)));
    let network = picked(&own(&configuration, "VpcConfig"), &["SecurityGroupIds", "SubnetIds"]);
    all.push(("VpcConfig".into(), network));
    let reserved = own(&told, "Concurrency.ReservedConcurrentExecutions");
    all.push(("ReservedConcurrentExecutions".into(), reserved));
    let loops = on.ask(LAMBDA, "GetFunctionRecursionConfig", map([("FunctionName", on.physical())]))?;
    all.push(("RecursiveLoop".into(), own(&loops, "RecursiveLoop")));
    all.push(("Tags".into(), tags(&own(&told, "Tags"))));
    Ok(Seen::of(all, vec![("Arn", own(&configuration, "FunctionArn"))]))
}
