//! `virga env`: the exports that a shell needs, for `eval "$(virga env)"`.

use super::{Context, Outcome};
use crate::client;
use clap::Args;
use std::net::{IpAddr, ToSocketAddrs};
use std::process::ExitCode;

#[derive(Args, Debug)]
pub(super) struct Options {
    /// The account whose root the shell shall be (twelve digits)
    #[arg(long, value_name = "ACCOUNT", value_parser = account)]
    account: Option<String>,

    #[arg(long, default_value = "us-east-1", value_parser = region)]
    region: String,

    /// Speak TLS, and trust the cloud's own authority: for policies that ask for `aws:SecureTransport`
    #[arg(long)]
    tls: bool,
}

fn account(text: &str) -> Result<String, String> {
    base::AccountId::parse(text)
        .map(|a| a.to_string())
        .ok_or_else(|| "an account id has twelve digits".into())
}

fn region(text: &str) -> Result<String, String> {
    base::Region::parse(text).map(|r| r.to_string()).ok_or_else(|| format!("there is no region {text}"))
}

/// The endpoint of one service alone, which goes before that of all.
const LOGS: &str = "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS";

/// Where clients find CloudWatch Logs, whose live tails they ask for at a name that begins with `stream-`: an address of
/// numbers makes none. Only on machines that know names below `localhost`.
fn logs_endpoint(endpoint: &str, resolves: impl Fn(&str) -> bool) -> Option<String> {
    let (scheme, rest) = endpoint.split_once("://")?;
    let (host, port) = rest.rsplit_once(':')?;
    let is_here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    let is_known = is_here && resolves("stream-logs.localhost");
    is_known.then(|| format!("{scheme}://logs.localhost:{port}"))
}

pub(super) fn run(cx: &Context, options: &Options) -> Outcome {
    let running = cx.place.must_run()?;
    let key = options.account.as_deref().unwrap_or("test");
    let secure = running.endpoint.replacen("http://", "https://", 1);
    let trusted = match options.tls {
        true => {
            let told = client::call(&running.endpoint, "GET", "/_virga/authority", "")?;
            told["file"].as_str().unwrap_or_default().to_owned()
        }
        false => String::new(),
    };
    let mut pairs = vec![
        ("AWS_ENDPOINT_URL", if options.tls { secure.as_str() } else { running.endpoint.as_str() }),
        ("AWS_ACCESS_KEY_ID", key),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_REGION", options.region.as_str()),
        ("AWS_DEFAULT_REGION", options.region.as_str()),
    ];
    let logs = logs_endpoint(pairs[0].1, |host| (host, 0).to_socket_addrs().is_ok());
    pairs.extend(logs.iter().map(|url| (LOGS, url.as_str())));
    if options.tls {
        pairs.extend([("AWS_CA_BUNDLE", trusted.as_str()), ("NODE_EXTRA_CA_CERTS", trusted.as_str())]);
    }
    if cx.json {
        let object: serde_json::Map<_, _> = pairs.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
        super::print(&serde_json::Value::Object(object).to_string());
    } else {
        // A session token left from another cloud would make every call here an invalid one.
        super::print("unset AWS_SESSION_TOKEN AWS_PROFILE");
        pairs.iter().for_each(|(name, value)| super::print(&format!("export {name}={value}")));
    }
    Ok(ExitCode::SUCCESS)
}

/// A path as one word of a POSIX shell.
pub(super) fn quoted(path: &std::path::Path) -> String {
    let text = path.display().to_string();
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/._-+,:@%".contains(&b);
    if text.bytes().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    #[test]
    fn logs_have_an_endpoint_of_their_own_where_names_below_localhost_are_known() {
        let of =
            |endpoint, known| super::logs_endpoint(endpoint, |host| known && host == "stream-logs.localhost");
        let own = Some("http://logs.localhost:4566".to_owned());
        assert_eq!(
            (of("http://127.0.0.1:4566", true), of("http://localhost:4566", true)),
            (own.clone(), own)
        );
        assert_eq!((of("http://127.0.0.1:4566", false), of("http://10.0.0.7:4566", true)), (None, None));
    }

    #[test]
    fn paths_are_one_word() {
        let quoted = |text: &str| super::quoted(std::path::Path::new(text));
        assert_eq!(quoted("/tmp/a-b"), "/tmp/a-b");
        assert_eq!(quoted("/a b/it's"), r"'/a b/it'\''s'");
    }
}
