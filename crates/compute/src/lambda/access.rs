//! Which functions each operation touches.
//!
//! AWS: <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html>

use super::layer::{self, LayerName};
use super::model::{FUNCTIONS, MAPPINGS, URLS, Url, VERSIONS};
use super::name::Named;
use super::ops::tag::mapping_id;
use super::policy;
use auth::policy::ResourceMode;
use kernel::{Cx, Target};
use store::Key;
use wire::{Fault, Struct, Value};

pub(crate) use kernel::access::any;

type Targets = Result<Vec<Target>, Fault>;

/// The service that functions' roles trust.
pub(crate) const SERVICE: &str = "lambda.amazonaws.com";

/// What is named, with the policy that hangs there.
fn target(cx: &Cx<'_>, named: &Named, arn: String) -> Result<Target, Fault> {
    let mut target = Target::on(arn).owned_by(named.account);
    if let Some(function) = FUNCTIONS.get(cx.tx, &named.key()).map_err(super::errors::LambdaError::from)? {
        target = target.tagged(function.tags);
    }
    Ok(match policy::attached(cx, named)? {
        Some(policy) => target.guarded(policy, ResourceMode::Optional),
        None => target,
    })
}

fn named(cx: &Cx<'_>, request: &Struct) -> Result<Named, Fault> {
    let name = request.str("FunctionName").unwrap_or_default();
    Ok(Named::read(cx, name, request.str("Qualifier"))?)
}

/// A function as a whole.
pub(crate) fn function(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let mut named = named(cx, request)?;
    named.qualifier = None;
    let arn = named.arn();
    Ok(vec![target(cx, &named, arn)?])
}

/// A function, a version or an alias: what the request names.
pub(crate) fn qualified(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let named = named(cx, request)?;
    let arn = named.qualified_arn();
    // Services come in by a policy only, and by none where there is none.
    let target = Target { mode: ResourceMode::Optional, ..target(cx, &named, arn)? };
    Ok(vec![target])
}

/// A function, and who may come by its URL: by the one that is asked for, else by the one that there is.
pub(crate) fn url(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let named = named(cx, request)?;
    let known = URLS.get(cx.tx, &policy::key(&named)).map_err(super::errors::LambdaError::from)?;
    let auth = request.str("AuthType").or(known.as_ref().map(Url::auth_type)).map(str::to_owned);
    let targets = function(cx, request)?;
    let keyed = |target: Target| match &auth {
        Some(auth) => target.key("lambda:FunctionUrlAuthType", auth),
        None => target,
    };
    Ok(targets.into_iter().map(keyed).collect())
}

/// A visit to a URL: what AWS asks of whoever comes.
/// <https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html>
pub(crate) fn visit(cx: &Cx<'_>, url: &Url) -> Targets {
    let named = url.named();
    let visited = Target {
        mode: ResourceMode::Optional,
        ..target(cx, &named, named.qualified_arn())?.key("lambda:FunctionUrlAuthType", url.auth_type())
    };
    let invoked = visited.clone().key("lambda:InvokedViaFunctionUrl", "true");
    Ok(vec![visited.doing("lambda:InvokeFunctionUrl"), invoked.doing("lambda:InvokeFunction")])
}

/// A change of a policy, with whom it is about.
pub(crate) fn permission(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let mut targets = function(cx, request)?;
    if let (Some(principal), Some(target)) = (request.str("Principal"), targets.pop()) {
        targets.push(target.key("lambda:Principal", principal));
    }
    Ok(targets)
}

fn layer_target(cx: &Cx<'_>, named: &LayerName) -> Result<Target, Fault> {
    let target = Target::on(named.version_arn()).owned_by(named.account);
    Ok(match layer::attached(cx, named)? {
        Some(policy) => target.guarded(policy, ResourceMode::Optional),
        None => target,
    })
}

/// A layer as a whole.
pub(crate) fn layer(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let named = LayerName::read(cx, request.str("LayerName").unwrap_or_default())?;
    Ok(vec![Target::on(named.arn()).owned_by(named.account)])
}

/// A version of a layer.
pub(crate) fn layer_version(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let named = LayerName::read(cx, request.str("LayerName").unwrap_or_default())?;
    let number = match request.get("VersionNumber") {
        Some(Value::Int(number)) => u64::try_from(*number).unwrap_or(0),
        _ => 0,
    };
    Ok(vec![layer_target(cx, &named.at(number))?])
}

/// The same, by its ARN.
pub(crate) fn layer_arn(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let named = LayerName::read(cx, request.str("Arn").unwrap_or_default())?;
    Ok(vec![layer_target(cx, &named)?])
}

/// The layers that a function is to use: whoever gives them to it must be let read them.
fn layers(cx: &Cx<'_>, request: &Struct, targets: &mut Vec<Target>) -> Result<(), Fault> {
    let Some(Value::List(all)) = request.get("Layers") else { return Ok(()) };
    let arns: Vec<String> = all.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    for arn in &arns {
        let named = LayerName::read(cx, arn)?;
        targets.push(layer_target(cx, &named)?.doing("lambda:GetLayerVersion"));
    }
    if let Some(function) = targets.first_mut() {
        *function = function.clone().keys("lambda:Layer", arns);
    }
    Ok(())
}

/// Where a function is to be.
fn network(cx: &mut Cx<'_>, request: &Struct, targets: &mut [Target]) {
    let Some(Value::Struct(asked)) = request.get("VpcConfig") else { return };
    let ids = |member: &str| -> Vec<String> {
        let all = asked.get(member).and_then(Value::as_list).unwrap_or_default();
        all.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let (subnets, groups) = (ids("SubnetIds"), ids("SecurityGroupIds"));
    let Some(function) = targets.first_mut().filter(|_| !subnets.is_empty()) else { return };
    let vpcs = super::network::vpcs(cx, &subnets);
    *function = function
        .clone()
        .keys("lambda:SubnetIds", subnets)
        .keys("lambda:SecurityGroupIds", groups)
        .keys("lambda:VpcIds", vpcs);
}

/// Handing a role over to functions.
fn pass_role(role: &str) -> Target {
    Target::on(role).doing("iam:PassRole").key("iam:PassedToService", SERVICE)
}

/// A function that is to be made, its role, and its tags.
pub(crate) fn new_function(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let mut targets = function(cx, request)?;
    let tagged = matches!(request.get("Tags"), Some(Value::Map(tags)) if !tags.is_empty());
    if let Some(target) = targets.first().filter(|_| tagged) {
        targets.push(target.clone().doing("lambda:TagResource"));
    }
    network(cx, request, &mut targets);
    targets.extend(request.str("Role").map(pass_role));
    layers(cx, request, &mut targets)?;
    Ok(targets)
}

/// A function whose settings change, and its role where that does.
pub(crate) fn configuration(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let mut targets = function(cx, request)?;
    network(cx, request, &mut targets);
    let key: Key = named(cx, request)?.key().u64(0);
    let known =
        VERSIONS.get(cx.tx, &key).map_err(super::errors::LambdaError::from)?.map(|version| version.role);
    targets.extend(request.str("Role").filter(|role| known.as_deref() != Some(*role)).map(pass_role));
    layers(cx, request, &mut targets)?;
    Ok(targets)
}

/// What tags are about.
pub(crate) fn resource(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    if let Some(id) = request.str("Resource").and_then(mapping_id) {
        return one_mapping(cx, &id);
    }
    let mut named = Named::read(cx, request.str("Resource").unwrap_or_default(), None)?;
    named.qualifier = None;
    let arn = named.arn();
    Ok(vec![target(cx, &named, arn)?])
}

/// A mapping that is to be made: of no resource, but of a function.
pub(crate) fn new_mapping(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let named = named(cx, request)?;
    let target = Target::on("*").key("lambda:FunctionArn", named.qualified_arn());
    let is_tagged = matches!(request.get("Tags"), Some(Value::Map(tags)) if !tags.is_empty());
    let tagging = is_tagged.then(|| target.clone().doing("lambda:TagResource"));
    Ok([target].into_iter().chain(tagging).collect())
}

/// A mapping, and the function that it is of.
pub(crate) fn mapping(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    one_mapping(cx, request.str("UUID").unwrap_or_default())
}

fn one_mapping(cx: &Cx<'_>, id: &str) -> Targets {
    let target = Target::on(cx.arn("lambda", &format!("event-source-mapping:{id}")).to_string());
    let key = Key::regional(cx.account, cx.region).str(id);
    let known = MAPPINGS.get(cx.tx, &key).map_err(super::errors::LambdaError::from)?;
    Ok(vec![match known {
        Some(mapping) => {
            target.key("lambda:FunctionArn", mapping.named().qualified_arn()).tagged(mapping.tags)
        }
        None => target,
    }])
}
