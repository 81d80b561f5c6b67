//! The policy templates of the published transform, by their names.
//!
//! `policy_templates.txt` has a line for each: its name and its parameters. Lines under it are its statements, all of which
//! allow: `=` one action, `+` a list of them. Under each stand its resources, `:` for one and `-` for those of a list,
//! and `?` a condition: operator, key and value. A text with `${…}` is one of `Fn::Sub`, whose own names are parameters in
//! other case.
//!
//! AWS: <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/serverless-policy-template-list.html>

use super::{list, object, texts};
use crate::cloudformation::template::get;
use crate::cloudformation::template::reference::{Part, parts};
use wire::Value;

const TEMPLATES: &str = include_str!("policy_templates.txt");

pub(super) struct PolicyTemplate {
    parameters: Vec<&'static str>,
    statements: Vec<&'static str>,
}

/// A line's mark, and what it says.
fn marked(line: &str) -> (&str, &str) {
    line.trim_start().split_once(' ').unwrap_or_default()
}

impl PolicyTemplate {
    pub(super) fn named(name: &str) -> Option<PolicyTemplate> {
        let mut lines = TEMPLATES.lines().skip_while(|line| line.split(' ').next() != Some(name));
        let parameters = lines.next().filter(|_| !name.is_empty())?.split(' ').skip(1).collect();
        Some(PolicyTemplate {
            parameters,
            statements: lines.take_while(|line| line.starts_with(' ')).collect(),
        })
    }

    /// Parameters that have no value.
    pub(super) fn missing(&self, given: &Value) -> Vec<&'static str> {
        self.parameters.iter().filter(|parameter| get(given, parameter).is_none()).copied().collect()
    }

    /// What it allows, of what is given. The published transform says no version.
    pub(super) fn document(&self, given: &Value) -> Value {
        let begins = |line: &&str| matches!(marked(line).0, "=" | "+");
        let mut statements = Vec::new();
        for (place, line) in self.statements.iter().enumerate().filter(|(_, line)| begins(line)) {
            let rest: Vec<&str> =
                self.statements[place + 1..].iter().take_while(|line| !begins(line)).copied().collect();
            statements.push(self.statement(line, &rest, given));
        }
        object([("Statement", Value::List(statements))])
    }

    fn statement(&self, actions: &str, rest: &[&str], given: &Value) -> Value {
        let actions = match marked(actions) {
            ("=", one) => Value::str(one),
            (_, all) => texts(&all.split(' ').collect::<Vec<_>>()),
        };
        let (mut resources, mut condition, mut is_list) = (Vec::new(), Value::Null, false);
        for line in rest {
            match marked(line) {
                ("?", said) => {
                    let mut words = said.splitn(3, ' ');
                    let mut word = || words.next().unwrap_or_default();
                    let (operator, key, value) = (word(), word(), word());
                    condition = object([(operator, object([(key, self.filled(value, given))]))]);
                }
                (mark, resource) => {
                    is_list = mark == "-";
                    resources.push(self.filled(resource, given));
                }
            }
        }
        let resource = match (is_list, resources.len()) {
            (false, 1) => resources.remove(0),
            _ => Value::List(resources),
        };
        object([
            ("Effect", Value::str("Allow")),
            ("Action", actions),
            ("Resource", resource),
            ("Condition", condition),
        ])
    }

    /// A text with what parameters are, as `Fn::Sub` has it.
    fn filled(&self, said: &str, given: &Value) -> Value {
        let mut own: Vec<(String, Value)> = Vec::new();
        let mut is_plain = true;
        for part in parts(said).unwrap_or_default() {
            let Part::Name(name) = part else { continue };
            is_plain = false;
            let parameter = self.parameters.iter().find(|known| known.eq_ignore_ascii_case(name));
            if let Some(value) = parameter.and_then(|parameter| get(given, parameter))
                && own.iter().all(|(known, _)| known != name)
            {
                own.push((name.to_owned(), value.clone()));
            }
        }
        match (is_plain, own.is_empty()) {
            (true, _) => Value::str(said),
            (false, true) => object([("Fn::Sub", Value::str(said))]),
            (false, false) => object([("Fn::Sub", list([Value::str(said), Value::Map(own)]))]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each template, whatever its parameters are called, makes statements that leave nothing open.
    #[test]
    fn every_template_is_whole() {
        let names: Vec<&str> = TEMPLATES.lines().filter(|line| !line.starts_with(' ')).collect();
        assert_eq!(names.len(), 81);
        for line in names {
            let name = line.split(' ').next().unwrap();
            let template = PolicyTemplate::named(name).unwrap();
            assert_eq!(template.missing(&Value::Null), template.parameters, "{name}");
            let given = template.parameters.iter().map(|own| ((*own).to_owned(), Value::str("v"))).collect();
            let Value::List(statements) =
                get(&template.document(&Value::Map(given)), "Statement").unwrap().clone()
            else {
                panic!("{name} has no statements")
            };
            assert!(!statements.is_empty(), "{name}");
            for statement in &statements {
                let (action, resource) =
                    (get(statement, "Action").unwrap(), get(statement, "Resource").unwrap());
                assert!(*action != Value::List(Vec::new()) && *resource != Value::List(Vec::new()), "{name}");
            }
            let said = wire::json::text(&Value::List(statements));
            let used = |own: &&str| {
                said.to_ascii_lowercase().contains(&format!("${{{}}}", own.to_ascii_lowercase()))
            };
            assert!(template.parameters.iter().all(used), "{name}: {said}");
        }
    }

    #[test]
    fn statements_are_those_that_are_published() {
        let rows = [
            (
                "KMSDecryptPolicy",
                "KeyId",
                r#"{"Statement":[{"Effect":"Allow","Action":"kms:Decrypt","Resource":{"Fn::Sub":["arn:${AWS::Partition}:kms:${AWS::Region}:${AWS::AccountId}:key/${keyId}",{"keyId":"v"}]}}]}"#,
            ),
            (
                "CloudFormationDescribeStacksPolicy",
                "",
                r#"{"Statement":[{"Effect":"Allow","Action":["cloudformation:DescribeStacks"],"Resource":{"Fn::Sub":"arn:${AWS::Partition}:cloudformation:${AWS::Region}:${AWS::AccountId}:stack/*"}}]}"#,
            ),
            (
                "S3FullAccessPolicy",
                "BucketName",
                r#"{"Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:GetObjectAcl","s3:GetObjectVersion","s3:PutObject","s3:PutObjectAcl","s3:DeleteObject","s3:DeleteObjectTagging","s3:DeleteObjectVersionTagging","s3:GetObjectTagging","s3:GetObjectVersionTagging","s3:PutObjectTagging","s3:PutObjectVersionTagging"],"Resource":[{"Fn::Sub":["arn:${AWS::Partition}:s3:::${bucketName}/*",{"bucketName":"v"}]}]},{"Effect":"Allow","Action":["s3:ListBucket","s3:GetBucketLocation","s3:GetLifecycleConfiguration","s3:PutLifecycleConfiguration"],"Resource":[{"Fn::Sub":["arn:${AWS::Partition}:s3:::${bucketName}",{"bucketName":"v"}]}]}]}"#,
            ),
            (
                "AWSSecretsManagerRotationPolicy",
                "FunctionName",
                r#"{"Statement":[{"Effect":"Allow","Action":["secretsmanager:DescribeSecret","secretsmanager:GetSecretValue","secretsmanager:PutSecretValue","secretsmanager:UpdateSecretVersionStage"],"Resource":{"Fn::Sub":"arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:*"},"Condition":{"StringEquals":{"secretsmanager:resource/AllowRotationLambdaArn":{"Fn::Sub":["arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${functionName}",{"functionName":"v"}]}}}},{"Effect":"Allow","Action":["secretsmanager:GetRandomPassword"],"Resource":"*"}]}"#,
            ),
        ];
        for (name, parameter, wanted) in rows {
            let given = Value::Map(vec![(parameter.to_owned(), Value::str("v"))]);
            let document = PolicyTemplate::named(name).unwrap().document(&given);
            assert_eq!(wire::json::text(&document), wanted, "{name}");
        }
        assert!(PolicyTemplate::named("NoSuchPolicy").is_none());
        assert!(PolicyTemplate::named("").is_none());
    }
}
