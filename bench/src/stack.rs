//! A stack of as many resources as a template may have: how long it takes to plan, and how fast it is made.
//!
//! The resources cost next to nothing in themselves, so that what is measured is CloudFormation's own work.

use crate::{load, process::Server, scenario::ACCOUNT, sign::Signer};
use std::time::{Duration, Instant};

/// AWS: a template has no more.
pub(crate) const RESOURCES: u32 = 500;
const MADE_SECONDS_MAX: u64 = 60;
const KINDS: [&str; 3] = ["AWS::SQS::Queue", "AWS::SNS::Topic", "AWS::Logs::LogGroup"];

pub(crate) struct Deployed {
    /// Of a change set that makes it.
    pub(crate) plan: Duration,
    pub(crate) took: Duration,
}

impl Deployed {
    pub(crate) fn per_second(&self) -> f64 {
        f64::from(RESOURCES) / self.took.as_secs_f64()
    }
}

/// Plans a stack, and makes another one of the same template.
pub(crate) fn deploy(server: &Server) -> Result<Deployed, String> {
    let signer = Signer::new(ACCOUNT, "any", "cloudformation");
    let host = server.address.to_string();
    let headers = [("content-type", "application/x-www-form-urlencoded; charset=utf-8")];
    let ask = |query: &str| {
        let body = format!("Version=2010-05-15&{query}");
        load::one(server.address, &signer.post(&host, &headers, &body))
    };
    let template = encoded(&template());
    let begun = Instant::now();
    ask(&format!(
        "Action=CreateChangeSet&StackName=planned&ChangeSetName=first&ChangeSetType=CREATE&TemplateBody={template}"
    ))?;
    let plan = begun.elapsed();
    let begun = Instant::now();
    ask(&format!("Action=CreateStack&StackName=made&TemplateBody={template}"))?;
    loop {
        let shown = ask("Action=DescribeStacks&StackName=made")?;
        if shown.contains("CREATE_COMPLETE") {
            return Ok(Deployed { plan, took: begun.elapsed() });
        }
        if !shown.contains("CREATE_IN_PROGRESS") || begun.elapsed() > Duration::from_secs(MADE_SECONDS_MAX) {
            return Err(format!("a stack of {RESOURCES} resources is not made: {shown}"));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn template() -> String {
    let one = |n: u32| format!(r#""R{n}":{{"Type":"{}"}}"#, KINDS[n as usize % KINDS.len()]);
    format!(r#"{{"Resources":{{{}}}}}"#, (0..RESOURCES).map(one).collect::<Vec<_>>().join(","))
}

fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let one = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::{encoded, template};

    #[test]
    fn a_template_is_as_large_as_may_be() {
        let text = template();
        assert_eq!(text.matches("Type").count(), 500);
        // AWS: of a template within a request.
        assert!(text.len() < 51_200);
        assert_eq!(encoded(r#"{"a b"}"#), "%7B%22a%20b%22%7D");
    }
}
