//! What a function finds in its environment, its role's credentials first of all.

use super::archive::TRUSTED;
use super::container;
use crate::lambda::access::SERVICE;
use crate::lambda::beginning::Kind;
use crate::lambda::dotnet;
use crate::lambda::errors::LambdaError;
use crate::lambda::image::unpack;
use crate::lambda::invocation::Runs;
use crate::lambda::model::{Function, Version};
use crate::lambda::variables;
use crate::lambda::workshop::{API_PORT, CLOUD_PORT};
use base::Timestamp;
use kernel::Cloud;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::sync::Arc;
use wire::Value;

/// Where programs look for whom they trust: those by OpenSSL, AWS's SDKs, Python's requests, Node.
const TRUSTS: [&str; 4] = ["SSL_CERT_FILE", "AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"];

/// What loaders and interpreters look for when they start.
pub(super) const RUNTIME_ENV: [(&str, &str); 3] = [
    ("LANG", "en_US.UTF-8"),
    ("LD_LIBRARY_PATH", "/var/task:/var/task/lib:/opt/lib"),
    ("PYTHONDONTWRITEBYTECODE", "1"),
];

/// Temporary credentials of the function's role.
pub(super) struct Credentials {
    key: String,
    secret: String,
    token: String,
    pub(super) expires: Timestamp,
}

pub(super) fn credentials(
    cloud: &Arc<Cloud>,
    function: &Function,
    version: &Version,
) -> Result<Credentials, LambdaError> {
    // STS takes no name of one letter.
    let session = format!("{:_<2}", function.name);
    let keys = vec![("lambda:SourceFunctionArn", function.arn())];
    let mut tx = cloud.store().begin();
    let answer = cloud.act(&mut tx, SERVICE, function.account, function.region, |cx| {
        cx.begin_session(SERVICE, &version.role, &session, keys)
    });
    let answer = answer.map_err(|_| {
        LambdaError::Service("The role defined for the function cannot be assumed by Lambda.".into())
    })?;
    let text =
        |member| answer.at(&["Credentials", member]).and_then(Value::as_str).unwrap_or_default().to_owned();
    let expires = match answer.at(&["Credentials", "Expiration"]) {
        Some(Value::Time(time)) => *time,
        _ => cloud.clock().now(),
    };
    Ok(Credentials {
        key: text("AccessKeyId"),
        secret: text("SecretAccessKey"),
        token: text("SessionToken"),
        expires,
    })
}

/// What a function finds in its environment.
///
/// AWS: <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>
pub(super) fn environment(
    cloud: &Arc<Cloud>,
    Runs { function, version }: &Runs,
    kind: Kind,
    credentials: &Credentials,
    stream: &str,
) -> Result<Vec<(OsString, OsString)>, LambdaError> {
    let region = function.region.name();
    let (memory, group) = (version.memory.to_string(), version.log_group(&function.name));
    let execution = format!("AWS_Lambda_{}", version.runtime);
    let (api, cloud_url) = (format!("127.0.0.1:{API_PORT}"), format!("http://127.0.0.1:{CLOUD_PORT}"));
    let label = version.label();
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    let mut say = |pairs: &[(&str, &str)]| {
        all.extend(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    };
    let [language, libraries, no_files] = RUNTIME_ENV;
    say(&[language, ("TZ", ":UTC")]);
    match &version.image {
        Some(image) => {
            say(&[("PATH", container::PATH)]);
            image.env.iter().for_each(|(name, value)| say(&[(name, value)]));
        }
        None => say(&[
            ("PATH", "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin"),
            libraries,
            no_files,
            ("_HANDLER", version.handler.as_str()),
            ("AWS_EXECUTION_ENV", execution.as_str()),
        ]),
    }
    say(&[
        ("AWS_REGION", region),
        ("AWS_DEFAULT_REGION", region),
        ("AWS_LAMBDA_FUNCTION_NAME", function.name.as_str()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", memory.as_str()),
        ("AWS_LAMBDA_FUNCTION_VERSION", label.as_str()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", kind.initialization()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", group.as_str()),
        ("AWS_LAMBDA_LOG_STREAM_NAME", stream),
        ("AWS_ACCESS_KEY_ID", credentials.key.as_str()),
        ("AWS_SECRET_ACCESS_KEY", credentials.secret.as_str()),
        ("AWS_SESSION_TOKEN", credentials.token.as_str()),
        ("AWS_LAMBDA_RUNTIME_API", api.as_str()),
        ("LAMBDA_TASK_ROOT", "/var/task"),
        ("LAMBDA_RUNTIME_DIR", "/var/runtime"),
    ]);
    match &version.json_logs {
        Some(logs) => {
            say(&[("AWS_LAMBDA_LOG_FORMAT", "JSON"), ("AWS_LAMBDA_LOG_LEVEL", logs.application.as_str())]);
        }
        None => say(&[("AWS_LAMBDA_LOG_FORMAT", "Text")]),
    }
    let trusted = match version.image {
        Some(_) => format!("/{}", unpack::TRUSTED),
        None => format!("/var/runtime/{TRUSTED}"),
    };
    say(&TRUSTS.map(|name| (name, trusted.as_str())));
    // In a network it is found by AWS's names, as everything there.
    if version.network.is_none() {
        say(&[("AWS_ENDPOINT_URL", cloud_url.as_str())]);
    }
    all.extend(paths(&version.runtime));
    if version.runtime.starts_with("dotnet") {
        all.extend(dotnet::variables(version.memory));
    }
    all.extend(variables::handed_over(cloud, function, version)?);
    Ok(all.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
}

/// Where a runtime looks for what functions and layers bring along.
fn paths(runtime: &str) -> Vec<(String, String)> {
    let say = |name: &str, value: String| (name.to_owned(), value);
    if let Some(major) = runtime.strip_prefix("nodejs").and_then(|rest| rest.strip_suffix(".x")) {
        let modules = "node_modules:/opt/nodejs/node_modules:/var/runtime/node_modules";
        return vec![say("NODE_PATH", format!("/opt/nodejs/node{major}/{modules}"))];
    }
    let Some(version) = runtime.strip_prefix("ruby") else { return Vec::new() };
    // Gems lie below the version of Ruby's interface, whose last number never moves.
    let gems = format!("/var/task/vendor/bundle/ruby/{version}.0:/opt/ruby/gems/{version}.0");
    vec![say("GEM_PATH", gems), say("RUBYLIB", "/var/task:/var/runtime/lib:/opt/ruby/lib".into())]
}
