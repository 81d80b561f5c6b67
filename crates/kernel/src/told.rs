//! Policies of resources as they are told. Services keep what they were sent; AWS answers it written anew.
//!
//! AWS: recorded of S3 and CloudWatch Logs, and for their spaces of SNS and SQS. KMS, Lambda and ECR tell theirs as they were put.

use auth::policy::{POLICY_ELEMENTS, STATEMENT_ELEMENTS};
use wire::Value;

/// A policy without spaces, its elements in AWS's order; what is none as it is.
#[must_use]
pub fn policy(policy: &str) -> String {
    let Some(Value::Map(mut document)) = wire::json::read(policy) else { return policy.to_owned() };
    arrange(&mut document, &POLICY_ELEMENTS);
    for (_, value) in document.iter_mut().filter(|(name, _)| name == "Statement") {
        let statements = match value {
            Value::List(statements) => statements.as_mut_slice(),
            one => std::slice::from_mut(one),
        };
        for statement in statements {
            if let Value::Map(elements) = statement {
                arrange(elements, &STATEMENT_ELEMENTS);
            }
        }
    }
    wire::json::text(&Value::Map(document))
}

fn arrange(elements: &mut [(String, Value)], order: &[&str]) {
    elements.sort_by_key(|(name, _)| order.iter().position(|known| known == name).unwrap_or(order.len()));
}

#[cfg(test)]
mod tests {
    use super::policy;

    #[test]
    fn elements_in_the_order_of_aws() {
        let put = r#"{ "Statement": [ { "Condition": {}, "Resource": "é/*", "Action": ["b", "a"], "Principal": "*",
            "Effect": "Allow", "Sid": "1" }, {"NotAction": "x", "Effect": "Deny"} ], "Id": "i", "Version": "2012-10-17" }"#;
        let told = r#"{"Version":"2012-10-17","Id":"i","Statement":[{"Sid":"1","Effect":"Allow","Principal":"*","Action":["b","a"],"Resource":"é/*","Condition":{}},{"Effect":"Deny","NotAction":"x"}]}"#;
        assert_eq!(policy(put), told);
        let one = r#"{"Statement":{"Action":"a","Effect":"Deny"},"Version":"2008-10-17"}"#;
        assert_eq!(policy(one), r#"{"Version":"2008-10-17","Statement":{"Effect":"Deny","Action":"a"}}"#);
    }
}
