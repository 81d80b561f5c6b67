//! Templates that are none, in AWS's words; what is not built is told by its name.

use super::out;

/// A template of a function that has this, and no more than it must.
fn function(more: &str) -> String {
    bare(&format!("Handler: a.h, Runtime: python3.12, {more}"))
}

fn bare(properties: &str) -> String {
    format!(
        "Transform: AWS::Serverless-2016-10-31\nResources: {{ F: {{ Type: 'AWS::Serverless::Function', Properties: {{ {properties} }} }} }}"
    )
}

/// One whose code is there too.
fn coded(more: &str) -> String {
    function(&format!("CodeUri: 's3://b/k', {more}"))
}

fn event(kind: &str, more: &str) -> String {
    coded(&format!("Events: {{ E: {{ Type: {kind}, Properties: {{ {more} }} }} }}"))
}

fn other(kind: &str, more: &str) -> String {
    bare(more).replace("AWS::Serverless::Function", &format!("AWS::Serverless::{kind}"))
}

fn globals(said: &str) -> String {
    format!("{}\nGlobals: {said}", coded(""))
}

/// Each told as the one error of the document.
fn refused<const N: usize>(rows: [(String, &str); N]) {
    for (template, why) in rows {
        let told = out(&template).unwrap_err();
        let document = "Transform AWS::Serverless-2016-10-31 failed with: Invalid Serverless Application Specification document. Number of errors found: 1. ";
        assert_eq!(told.strip_prefix(document), Some(why), "{template}: {told}");
    }
}

#[test]
fn functions_that_cannot_be() {
    refused([
        (function(""), "Resource with id [F] is invalid. Only one of 'InlineCode' or 'CodeUri' can be set."),
        (bare("PackageType: Image"), "Resource with id [F] is invalid. 'ImageUri' must be set."),
        (bare("PackageType: Tar"), "Resource with id [F] is invalid. invalid 'PackageType' : Tar"),
        (
            bare("InlineCode: x, Handler: a.h"),
            "Resource with id [F] is invalid. Runtime and Handler needs to be present when PackageType is of type `Zip`",
        ),
        (
            bare("InlineCode: x, Runtime: python3.12"),
            "Resource with id [F] is invalid. Runtime and Handler needs to be present when PackageType is of type `Zip`",
        ),
        (
            coded("ImageConfig: { Command: [x] }"),
            "Resource with id [F] is invalid. ImageUri or ImageConfig cannot be present when PackageType is of type `Zip`",
        ),
        (
            function("PackageType: Image, ImageUri: x"),
            "Resource with id [F] is invalid. Runtime, Handler, Layers cannot be present when PackageType is of type `Image`",
        ),
        (
            function("CodeUri: ./src"),
            "Resource with id [F] is invalid. 'CodeUri' is not a valid S3 Uri of the form 's3://bucket/key' with optional versionId query parameter.",
        ),
        (
            function("CodeUri: { Bucket: b }"),
            "Resource with id [F] is invalid. 'CodeUri' requires Bucket and Key properties to be specified.",
        ),
        (
            coded("Nope: 1"),
            "Resource with id [F] is invalid. property Nope not defined for resource of type AWS::Serverless::Function",
        ),
        (coded("Events: [a]"), "Resource with id [F] is invalid. Property 'Events' should be a map."),
        (
            coded("ProvisionedConcurrencyConfig: {}"),
            "Resource with id [F] is invalid. To set ProvisionedConcurrencyConfig AutoPublishALias must be defined on the function",
        ),
        (
            coded("AutoPublishAlias: !Sub x"),
            "Resource with id [F] is invalid. 'AutoPublishAlias' must be a string or a Ref to a template parameter",
        ),
        (
            coded("AutoPublishAlias: bad name!"),
            "Resource with id [F] is invalid. AutoPublishAlias name ('bad name!') must contain only alphanumeric characters, hyphens, or underscores matching (?!^[0-9]+$)([a-zA-Z0-9-_]+) pattern.",
        ),
        (
            coded("AutoPublishAlias: '7'"),
            "Resource with id [F] is invalid. AutoPublishAlias name ('7') must contain only alphanumeric characters, hyphens, or underscores matching (?!^[0-9]+$)([a-zA-Z0-9-_]+) pattern.",
        ),
        (
            coded("AutoPublishAlias: a, AutoPublishCodeSha256: !GetAtt X.Y"),
            "Resource with id [F] is invalid. AutoPublishCodeSha256 must be a string",
        ),
        (
            coded("VersionDeletionPolicy: Delete"),
            "Resource with id [F] is invalid. 'VersionDeletionPolicy' requires 'AutoPublishAlias'.",
        ),
        (
            coded("AutoPublishAlias: a, VersionDeletionPolicy: Snapshot"),
            "Resource with id [F] is invalid. Type of property 'VersionDeletionPolicy' is invalid.",
        ),
        (
            coded("DeadLetterQueue: { Type: SQS }"),
            "Resource with id [F] is invalid. 'DeadLetterQueue' requires Type and TargetArn properties to be specified.",
        ),
        (
            coded("DeadLetterQueue: { Type: X, TargetArn: y }"),
            "Resource with id [F] is invalid. 'DeadLetterQueue' requires Type of ['SQS', 'SNS']",
        ),
        (
            coded("FunctionUrlConfig: { AuthType: OWN }"),
            "Resource with id [F] is invalid. AuthType is required to configure function property `FunctionUrlConfig`. Please provide either AWS_IAM or NONE.",
        ),
        (
            coded("EventInvokeConfig: { DestinationConfig: { OnFailure: { Type: Lambda } } }"),
            "Resource with id [F] is invalid. Destination is required if Type is not ['SQS', 'SNS']",
        ),
        (
            coded("EventInvokeConfig: { DestinationConfig: { OnFailure: { Type: X } } }"),
            "Resource with id [F] is invalid. 'Type: X' must be one of ['SQS', 'SNS', 'EventBridge', 'Lambda', 'S3Bucket']",
        ),
    ]);
}

#[test]
fn policies_that_cannot_be() {
    refused([
        (
            coded("Policies: [{ NoSuchPolicy: {} }]"),
            "Resource with id [F] is invalid. Policy at index 0 in the 'Policies' property is not valid",
        ),
        (
            coded(
                "Policies: [AWSLambdaRole, { S3ReadPolicy: { BucketName: b }, SQSPollerPolicy: { QueueName: q } }]",
            ),
            "Resource with id [F] is invalid. Policy at index 1 in the 'Policies' property is not valid",
        ),
        (
            coded("Policies: { SQSPollerPolicy: {} }"),
            "Resource with id [F] is invalid. Following required parameters of template 'SQSPollerPolicy' don't have values: ['QueueName']",
        ),
        (
            coded("Policies: { SQSPollerPolicy: queue }"),
            "Resource with id [F] is invalid. Must specify valid parameter values for policy template 'SQSPollerPolicy'",
        ),
        (
            coded("Policies: [!If [C, AWSLambdaRole, { S3ReadPolicy: { BucketName: b } }]]"),
            "Structure of the SAM Template is invalid. Different policy types within the same Fn::If statement is unsupported. Separate different policy types into different Fn::If statements",
        ),
    ]);
}

#[test]
fn events_that_cannot_be() {
    refused([
        (
            event("Nope", ""),
            "Resource with id [F] is invalid. Event with id [E] is invalid. Resource dict has missing or invalid value for key Type. Event Type is: Nope.",
        ),
        (
            coded("Events: { E: { Properties: {} } }"),
            "Resource with id [F] is invalid. Event with id [E] is invalid. Resource dict has missing or invalid value for key Type. Event Type is: None.",
        ),
        (
            coded("Events: { E-1: { Type: SQS, Properties: { Queue: q } } }"),
            "Resource with id [FE-1] is invalid. Logical ids must be alphanumeric.",
        ),
        (event("SQS", ""), "Resource with id [FE] is invalid. Missing required property 'Queue'."),
        (
            event("DynamoDB", "Stream: s"),
            "Resource with id [FE] is invalid. Missing required property 'StartingPosition'.",
        ),
        (
            event("Schedule", "Schedule: rate(1 day), RoleArn: r"),
            "Resource with id [FE] is invalid. property RoleArn not defined for resource of type Schedule",
        ),
        (
            event("Schedule", "Schedule: rate(1 day), State: ENABLED, Enabled: false"),
            "Resource with id [F] is invalid. Event with id [E] is invalid. State and Enabled Properties cannot both be specified.",
        ),
        (
            event("Schedule", "Schedule: rate(1 day), DeadLetterConfig: {}"),
            "Resource with id [F] is invalid. Event with id [FE] is invalid. No 'Arn' or 'Type' property provided for DeadLetterConfig.",
        ),
        (
            event("ScheduleV2", "ScheduleExpression: x, Name: n, OmitName: true"),
            "Resource with id [F] is invalid. Event with id [FE] is invalid. Name cannot be set when OmitName is True",
        ),
        (
            event("S3", "Bucket: x, Events: y"),
            "Resource with id [F] is invalid. Event with id [E] is invalid. S3 events must reference an S3 bucket in the same template.",
        ),
        (
            event("S3", "Bucket: !Ref F, Events: y"),
            "Resource with id [F] is invalid. Event with id [E] is invalid. S3 events must reference an S3 bucket in the same template.",
        ),
        (
            event("SNS", "Topic: t, SqsSubscription: { QueueArn: a }"),
            "Resource with id [F] is invalid. Event with id [E] is invalid. No QueueARN or QueueURL provided.",
        ),
        (
            event("SQS", "Queue: q, FilterCriteria: { Filter: [] }"),
            "Resource with id [F] is invalid. Event with id [E] is invalid. FilterCriteria field has a wrong format",
        ),
        (
            event("DynamoDB", "Stream: s, StartingPosition: LATEST, DestinationConfig: { OnSuccess: {} }"),
            "Resource with id [F] is invalid. Event with id [FE] is invalid. Property 'DestinationConfig.OnFailure' should be a map.",
        ),
        (
            event(
                "DynamoDB",
                "Stream: s, StartingPosition: LATEST, DestinationConfig: { OnFailure: { Type: Lambda, Destination: x } }",
            ),
            "Resource with id [F] is invalid. Event with id [FE] is invalid. The only valid values for 'Type' are 'SQS', 'SNS', 'S3', and 'Kafka'",
        ),
    ]);
}

#[test]
fn what_is_common_to_nothing() {
    refused([
        (
            globals("{ Nope: {} }"),
            "'Globals' section is invalid. 'Nope' is not supported. Must be one of the following values - ['Api', 'CapacityProvider', 'Function', 'HttpApi', 'LayerVersion', 'MicrovmImage', 'NetworkConnector', 'SimpleTable', 'StateMachine', 'WebSocketApi']",
        ),
        (
            globals("{ SimpleTable: { TableName: t } }"),
            "'Globals' section is invalid. 'TableName' is not a supported property of 'SimpleTable'. Must be one of the following values - ['SSESpecification']",
        ),
        (globals("[]"), "'Globals' section is invalid. It must be a non-empty dictionary"),
        (
            globals("{ Function: x }"),
            "'Globals' section is invalid. Value of ${section} must be a dictionary",
        ),
        (
            globals("{ Function: { Timeout: 1 } }")
                .replace("Properties:", "IgnoreGlobals: [Timeout, MemorySize], Properties:"),
            "Resource with id [F] is invalid. Resource F has invalid resource attribute 'IgnoreGlobals' on item 'MemorySize'.",
        ),
        (
            globals("{ Function: { Timeout: 1 } }")
                .replace("Properties:", "IgnoreGlobals: Timeout, Properties:"),
            "Resource with id [F] is invalid. Resource F has invalid resource attribute 'IgnoreGlobals'.",
        ),
    ]);
}

#[test]
fn layers_and_tables_that_cannot_be() {
    refused([
        (
            other("LayerVersion", "ContentUri: here"),
            "Resource with id [F] is invalid. 'ContentUri' is not a valid S3 Uri of the form 's3://bucket/key' with optional versionId query parameter.",
        ),
        (
            other("LayerVersion", "ContentUri: 's3://b/k', RetentionPolicy: Never"),
            "Resource with id [F] is invalid. 'RetentionPolicy' must be one of the following options: ['Retain', 'Delete'].",
        ),
        (
            other("LayerVersion", "ContentUri: 's3://b/k', CompatibleArchitectures: [mips]"),
            "Resource with id [F] is invalid. CompatibleArchitectures needs to be a list of 'x86_64' or 'arm64'",
        ),
        (
            other("LayerVersion", "ContentUri: 's3://b/k', Nope: 1"),
            "Resource with id [F] is invalid. property Nope not defined for resource of type AWS::Serverless::LayerVersion",
        ),
        (
            other("SimpleTable", "PrimaryKey: { Name: id, Type: Own }"),
            "Resource with id [F] is invalid. Invalid 'Type' \"Own\".",
        ),
    ]);
}

/// All errors of a document are told at once, those of functions first.
#[test]
fn every_error_is_told() {
    let template = "
Transform: AWS::Serverless-2016-10-31
Resources:
  T: { Type: AWS::Serverless::SimpleTable, Properties: { Nope: 1 } }
  F: { Type: AWS::Serverless::Function, Properties: { InlineCode: x, Handler: a.h } }
  G: { Type: AWS::Serverless::Function, Properties: { InlineCode: x, Handler: a.h, Runtime: python3.12 } }
  GRole: { Type: AWS::SQS::Queue }
";
    assert_eq!(
        out(template).unwrap_err(),
        "Transform AWS::Serverless-2016-10-31 failed with: Invalid Serverless Application Specification document. Number of errors found: 3. Resource with id [F] is invalid. Runtime and Handler needs to be present when PackageType is of type `Zip` Transforming resource with id [G] attempts to create a new resource with id [GRole] and type \"AWS::IAM::Role\". A resource with that id already exists within this template. Please use a different id for that resource. Resource with id [T] is invalid. property Nope not defined for resource of type AWS::Serverless::SimpleTable"
    );
}

#[test]
fn what_is_not_built_is_refused_by_name() {
    let rows = [
        (event("Api", ""), "An event of type Api"),
        (event("Kinesis", ""), "An event of type Kinesis"),
        (
            event("SQS", "Queue: q, ProvisionedPollerConfig: {}"),
            "The property ProvisionedPollerConfig of the event E",
        ),
        (
            coded("AutoPublishAlias: a, DeploymentPreference: { Type: AllAtOnce }"),
            "The property DeploymentPreference of AWS::Serverless::Function, while it is enabled,",
        ),
        (
            coded("RuntimeManagementConfig: { UpdateRuntimeOn: Auto }"),
            "The property RuntimeManagementConfig of AWS::Serverless::Function",
        ),
        (other("Api", ""), "AWS::Serverless::Api"),
        (other("Application", ""), "AWS::Serverless::Application"),
        (other("Connector", ""), "AWS::Serverless::Connector"),
        (coded("").replace("Properties:", "Connectors: { C: {} }, Properties:"), "A connector"),
        (coded("").replace("} } }", "} }, Q: { Type: AWS::SQS::Queue, Connectors: {} } }"), "A connector"),
    ];
    for (template, what) in rows {
        let told = out(&template).unwrap_err();
        assert!(
            told.ends_with(&format!("is invalid. {what} is not built in this version of Virga.")),
            "{told}"
        );
    }
}
