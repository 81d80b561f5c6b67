//! `Policies` of a function: managed ones by name or ARN, documents, and the templates that have a name.
//!
//! AWS: <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/serverless-policy-template-list.html>

use super::{invalid, list, not_built, object, texts};
use crate::cloudformation::template::{Wrong, function, get};
use wire::Value;

/// One of a function's policies.
pub(super) enum Policy {
    Managed(Value),
    Document(Value),
}

/// Managed policies that lie under a path of their own.
const SERVICE_ROLES: &[&str] = &[
    "AWSLambdaBasicExecutionRole",
    "AWSLambdaDynamoDBExecutionRole",
    "AWSLambdaKinesisExecutionRole",
    "AWSLambdaRole",
    "AWSLambdaSQSQueueExecutionRole",
    "AWSLambdaVPCAccessExecutionRole",
];

/// A template: its name, its one parameter, and statements of actions and of resources, which the parameter ends.
struct Named {
    name: &'static str,
    parameter: &'static str,
    statements: &'static [(&'static [&'static str], &'static [&'static str])],
}

/// The table of a name, and its indexes.
const TABLES: &[&str] = &["dynamodb:table/{}", "dynamodb:table/{}/index/*"];
const BUCKETS: &[&str] = &["s3:{}", "s3:{}/*"];

/// Resources as `service:resource`; `*` is all.
const TEMPLATES: &[Named] = &[
    Named {
        name: "SQSPollerPolicy",
        parameter: "QueueName",
        statements: &[(
            &[
                "sqs:ChangeMessageVisibility",
                "sqs:ChangeMessageVisibilityBatch",
                "sqs:DeleteMessage",
                "sqs:DeleteMessageBatch",
                "sqs:GetQueueAttributes",
                "sqs:ReceiveMessage",
            ],
            &["sqs:{}"],
        )],
    },
    Named {
        name: "SQSSendMessagePolicy",
        parameter: "QueueName",
        statements: &[(&["sqs:SendMessage*"], &["sqs:{}"])],
    },
    Named {
        name: "SNSPublishMessagePolicy",
        parameter: "TopicName",
        statements: &[(&["sns:Publish"], &["sns:{}"])],
    },
    Named {
        name: "LambdaInvokePolicy",
        parameter: "FunctionName",
        statements: &[(&["lambda:InvokeFunction"], &["lambda:function:{}*"])],
    },
    Named {
        name: "DynamoDBCrudPolicy",
        parameter: "TableName",
        statements: &[(
            &[
                "dynamodb:GetItem",
                "dynamodb:DeleteItem",
                "dynamodb:PutItem",
                "dynamodb:Scan",
                "dynamodb:Query",
                "dynamodb:UpdateItem",
                "dynamodb:BatchWriteItem",
                "dynamodb:BatchGetItem",
                "dynamodb:DescribeTable",
                "dynamodb:ConditionCheckItem",
            ],
            TABLES,
        )],
    },
    Named {
        name: "DynamoDBReadPolicy",
        parameter: "TableName",
        statements: &[(
            &[
                "dynamodb:GetItem",
                "dynamodb:Scan",
                "dynamodb:Query",
                "dynamodb:BatchGetItem",
                "dynamodb:DescribeTable",
            ],
            TABLES,
        )],
    },
    Named {
        name: "DynamoDBWritePolicy",
        parameter: "TableName",
        statements: &[(&["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:BatchWriteItem"], TABLES)],
    },
    Named {
        name: "S3ReadPolicy",
        parameter: "BucketName",
        statements: &[(
            &[
                "s3:GetObject",
                "s3:ListBucket",
                "s3:GetBucketLocation",
                "s3:GetObjectVersion",
                "s3:GetLifecycleConfiguration",
            ],
            BUCKETS,
        )],
    },
    Named {
        name: "S3WritePolicy",
        parameter: "BucketName",
        statements: &[(&["s3:PutObject", "s3:PutObjectAcl", "s3:PutLifecycleConfiguration"], BUCKETS)],
    },
    Named {
        name: "S3CrudPolicy",
        parameter: "BucketName",
        statements: &[(
            &[
                "s3:GetObject",
                "s3:ListBucket",
                "s3:GetBucketLocation",
                "s3:GetObjectVersion",
                "s3:PutObject",
                "s3:PutObjectAcl",
                "s3:GetLifecycleConfiguration",
                "s3:PutLifecycleConfiguration",
                "s3:DeleteObject",
            ],
            BUCKETS,
        )],
    },
    Named {
        name: "SSMParameterReadPolicy",
        parameter: "ParameterName",
        statements: &[
            (&["ssm:DescribeParameters"], &["*"]),
            (&["ssm:GetParameters", "ssm:GetParameter", "ssm:GetParametersByPath"], &["ssm:parameter/{}"]),
        ],
    },
    Named {
        name: "EventBridgePutEventsPolicy",
        parameter: "EventBusName",
        statements: &[(&["events:PutEvents"], &["events:event-bus/{}"])],
    },
    Named {
        name: "KMSDecryptPolicy",
        parameter: "KeyId",
        statements: &[(&["kms:Decrypt"], &["kms:key/{}"])],
    },
    Named {
        name: "KMSEncryptPolicy",
        parameter: "KeyId",
        statements: &[(&["kms:Encrypt"], &["kms:key/{}"])],
    },
    Named {
        name: "CloudWatchPutMetricPolicy",
        parameter: "",
        statements: &[(&["cloudwatch:PutMetricData"], &["*"])],
    },
];

pub(super) fn read(of: &str, item: &Value) -> Result<Policy, Wrong> {
    match item {
        Value::Str(arn) if arn.starts_with("arn:") => Ok(Policy::Managed(item.clone())),
        Value::Str(name) => {
            let path = if SERVICE_ROLES.contains(&name.as_str()) { "service-role/" } else { "" };
            Ok(Policy::Managed(Value::Str(format!("arn:aws:iam::aws:policy/{path}{name}"))))
        }
        function_value if function(function_value).is_some() => Ok(Policy::Managed(item.clone())),
        Value::Map(_) if get(item, "Statement").is_some() => Ok(Policy::Document(item.clone())),
        Value::Map(entries) => match entries.as_slice() {
            [(name, given)] => named(of, name, given),
            _ => invalid(of, "'Policies' has an element that is no policy."),
        },
        _ => invalid(of, "'Policies' has an element that is no policy."),
    }
}

fn named(of: &str, name: &str, given: &Value) -> Result<Policy, Wrong> {
    let Some(template) = TEMPLATES.iter().find(|template| template.name == name) else {
        return not_built(of, &format!("The policy template {name}"));
    };
    let value = match template.parameter {
        "" => Value::Null,
        parameter => match get(given, parameter) {
            Some(value) => value.clone(),
            None => {
                let why = format!("Must specify valid parameter values for policy template '{name}'");
                return invalid(of, &why);
            }
        },
    };
    let one = |(actions, resources): &(&[&str], &[&str])| {
        let mut resources: Vec<Value> =
            resources.iter().map(|resource| arn(resource, template.parameter, &value)).collect();
        let resource = if resources.len() == 1 { resources.remove(0) } else { Value::List(resources) };
        object([("Effect", Value::str("Allow")), ("Action", texts(actions)), ("Resource", resource)])
    };
    let statements = template.statements.iter().map(one).collect();
    // The published transform leaves the version out, which IAM here asks for.
    let version = Value::str("2012-10-17");
    Ok(Policy::Document(object([("Version", version), ("Statement", Value::List(statements))])))
}

/// `Fn::Sub` of an ARN with what the parameter says.
fn arn(resource: &str, parameter: &str, value: &Value) -> Value {
    let Some((service, rest)) = resource.split_once(':') else { return Value::str(resource) };
    let mut letters = parameter.chars();
    let first = letters.next().map(|c| c.to_ascii_lowercase());
    let variable: String = first.into_iter().chain(letters).collect();
    let rest = rest.replace("{}", &format!("${{{variable}}}"));
    let place = if service == "s3" { "::" } else { "${AWS::Region}:${AWS::AccountId}:" };
    let text = format!("arn:${{AWS::Partition}}:{service}:{place}{rest}");
    object([("Fn::Sub", list([Value::Str(text), object([(variable.as_str(), value.clone())])]))])
}
