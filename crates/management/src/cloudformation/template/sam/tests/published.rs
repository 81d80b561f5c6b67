//! What the published transform makes of functions, exactly: which resources hang on what, the policies of roles and their
//! order, the names of versions.

use super::{at, json, out};

const HEAD: &str = "
Transform: AWS::Serverless-2016-10-31
Parameters: { Bucket: { Type: String, Default: mine }, Off: { Type: String, Default: Disabled } }
Conditions: { C: !Equals [a, a], D: !Equals [a, b] }
Mappings: { Stages: { dev: { shifts: false } } }
Resources:
  Q: { Type: AWS::SQS::Queue }
  L: { Type: AWS::Serverless::LayerVersion, Properties: { ContentUri: 's3://b/l.zip', PublishLambdaVersion: true } }
";

/// A function of this beside its code, and what is made for it.
struct Function(wire::Value);

impl Function {
    fn of(properties: &str) -> Function {
        Function::beside("", properties, "")
    }

    /// `own`: members of the resource; `more`: other resources.
    fn beside(own: &str, properties: &str, more: &str) -> Function {
        let code = "CodeUri: 's3://b/k.zip', Handler: a.h, Runtime: python3.12";
        let function = format!(
            "  F: {{ Type: 'AWS::Serverless::Function', {own} Properties: {{ {code}, {properties} }} }}"
        );
        Function(
            out(&format!("{HEAD}{more}{function}\n")).unwrap_or_else(|told| panic!("{properties}: {told}")),
        )
    }

    fn says(&self, path: &str, wanted: &str) -> &Function {
        assert_eq!(json(at(&self.0, &format!("Resources/{path}"))), wanted, "{path}");
        self
    }

    fn has(&self, name: &str) -> bool {
        let wire::Value::Map(resources) = at(&self.0, "Resources") else { return false };
        resources.iter().any(|(own, _)| own == name)
    }

    /// Names of what the function becomes.
    fn names(&self, wanted: &[&str]) -> &Function {
        let wire::Value::Map(resources) = at(&self.0, "Resources") else { panic!("no resources") };
        let mut names: Vec<&str> = resources.iter().map(|(name, _)| name.as_str()).collect();
        names.retain(|name| name.starts_with('F'));
        names.sort_unstable();
        assert_eq!(names, wanted);
        self
    }
}

const BASIC: &str = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole";

#[test]
fn records_that_fail_go_where_the_role_may_send_them() {
    let stream = |kind: &str| {
        Function::of(&format!(
            "Events: {{ E: {{ Type: DynamoDB, Properties: {{ Stream: s, StartingPosition: LATEST, DestinationConfig: {{ OnFailure: {{ {kind} Destination: !GetAtt Q.Arn }} }} }} }} }}"
        ))
    };
    for (kind, policy) in [
        (
            "Type: SQS,",
            r#"[{"PolicyName":"FESQSPolicy","PolicyDocument":{"Statement":[{"Action":"sqs:SendMessage","Effect":"Allow","Resource":{"Fn::GetAtt":["Q","Arn"]}}]}}]"#,
        ),
        (
            "Type: SNS,",
            r#"[{"PolicyName":"FESNSPolicy","PolicyDocument":{"Statement":[{"Action":"sns:publish","Effect":"Allow","Resource":{"Fn::GetAtt":["Q","Arn"]}}]}}]"#,
        ),
        (
            "Type: S3,",
            r#"[{"PolicyName":"FES3Policy","PolicyDocument":{"Statement":[{"Action":"s3:PutObject","Effect":"Allow","Resource":{"Fn::Join":["/",[{"Fn::GetAtt":["Q","Arn"]},"*"]]}},{"Action":"s3:ListBucket","Effect":"Allow","Resource":{"Fn::GetAtt":["Q","Arn"]}}]}}]"#,
        ),
    ] {
        let made = stream(kind);
        made.says(
            "FE/Properties/DestinationConfig",
            r#"{"OnFailure":{"Destination":{"Fn::GetAtt":["Q","Arn"]}}}"#,
        );
        made.says("FRole/Properties/Policies", policy);
    }
    let plain = stream("");
    plain.says(
        "FE/Properties/DestinationConfig",
        r#"{"OnFailure":{"Destination":{"Fn::GetAtt":["Q","Arn"]}}}"#,
    );
    assert!(!json(at(&plain.0, "Resources/FRole")).contains("PolicyDocument\":{\"Statement"));
}

#[test]
fn two_events_that_need_the_same_have_it_once() {
    let event = "{ Type: DynamoDB, Properties: { Stream: s, StartingPosition: LATEST, DestinationConfig: { OnFailure: { Type: SQS, Destination: q } } } }";
    let made = Function::of(&format!("Policies: AWSLambdaRole, Events: {{ B: {event}, A: {event} }}"));
    made.says(
        "FRole/Properties/Policies",
        r#"[{"PolicyName":"FASQSPolicy","PolicyDocument":{"Statement":[{"Action":"sqs:SendMessage","Effect":"Allow","Resource":"q"}]}}]"#,
    );
    let service = "arn:aws:iam::aws:policy/service-role/AWSLambda";
    made.says(
        "FRole/Properties/ManagedPolicyArns",
        &format!(r#"["{BASIC}","{service}Role","{service}DynamoDBExecutionRole"]"#),
    );
}

#[test]
fn a_roles_policies_stand_in_their_order() {
    let made = Function::of(
        "Tracing: Active, VpcConfig: { SubnetIds: [s] }, DeadLetterQueue: { Type: SQS, TargetArn: dead }, EventInvokeConfig: { DestinationConfig: { OnFailure: { Type: S3Bucket, Destination: bucket } } }, Policies: [{ Statement: [] }, ReadOnlyAccess, Billing]",
    );
    let policy = "arn:aws:iam::aws:policy";
    made.says(
        "FRole/Properties/ManagedPolicyArns",
        &format!(
            r#"["{BASIC}","{policy}/AWSXrayWriteOnlyAccess","{policy}/service-role/AWSLambdaVPCAccessExecutionRole","{policy}/ReadOnlyAccess","{policy}/job-function/Billing"]"#
        ),
    );
    made.says(
        "FRole/Properties/Policies",
        r#"[{"PolicyName":"DeadLetterQueuePolicy","PolicyDocument":{"Version":"2012-10-17","Statement":[{"Action":"sqs:SendMessage","Resource":"dead","Effect":"Allow"}]}},{"PolicyName":"FEventInvokeConfigOnFailureS3Policy","PolicyDocument":{"Statement":[{"Action":"s3:PutObject","Effect":"Allow","Resource":{"Fn::Join":["/",["bucket","*"]]}},{"Action":"s3:ListBucket","Effect":"Allow","Resource":"bucket"}]}},{"PolicyName":"FRolePolicy0","PolicyDocument":{"Statement":[]}}]"#,
    );
}

#[test]
fn policies_hang_on_conditions() {
    let of = |policy: &str, path: &str, wanted: &str| {
        Function::of(&format!("Policies: [{policy}]")).says(&format!("FRole/Properties/{path}"), wanted);
    };
    let read = r#"{"PolicyName":"FRolePolicy0","PolicyDocument":{"Statement":[{"Effect":"Allow","Action":["sns:Publish"],"Resource":{"Fn::Sub":["arn:${AWS::Partition}:sns:${AWS::Region}:${AWS::AccountId}:${topicName}",{"topicName":"t"}]}}]}}"#;
    let topic = "{ SNSPublishMessagePolicy: { TopicName: t } }";
    let none = r#"{"Ref":"AWS::NoValue"}"#;
    of(
        &format!("!If [C, {topic}, !Ref AWS::NoValue]"),
        "Policies",
        &format!(r#"[{{"Fn::If":["C",{read},{none}]}}]"#),
    );
    of(
        &format!("!If [C, !Ref AWS::NoValue, !If [D, {topic}, {{ Statement: [] }}]]"),
        "Policies",
        &format!(
            r#"[{{"Fn::If":["C",{none},{{"Fn::If":["D",{read},{{"PolicyName":"FRolePolicy0","PolicyDocument":{{"Statement":[]}}}}]}}]}}]"#
        ),
    );
    of(
        "!If [C, ReadOnlyAccess, !Ref AWS::NoValue]",
        "ManagedPolicyArns",
        &format!(r#"["{BASIC}",{{"Fn::If":["C","arn:aws:iam::aws:policy/ReadOnlyAccess",{none}]}}]"#),
    );
}

#[test]
fn a_role_is_made_on_the_condition_that_none_is_named() {
    let made = Function::of("Role: !If [C, !Ref AWS::NoValue, named]");
    made.says("F/Properties/Role", r#"{"Fn::If":["C",{"Fn::GetAtt":["FRole","Arn"]},"named"]}"#);
    made.says("FRole/Condition", r#""C""#);
    let made = Function::beside("Condition: D,", "Role: !If [C, named, !Ref AWS::NoValue]", "");
    made.says("F/Properties/Role", r#"{"Fn::If":["C","named",{"Fn::GetAtt":["FRole","Arn"]}]}"#);
    made.says("F/Condition", r#""D""#).says("FRole/Condition", r#""NOTC""#);
    assert_eq!(json(at(&made.0, "Conditions/NOTC")), r#"{"Fn::Not":[{"Condition":"C"}]}"#);
    let made = Function::of("Role: !If [C, one, other]");
    made.says("F/Properties/Role", r#"{"Fn::If":["C","one","other"]}"#).names(&["F"]);
}

#[test]
fn a_destination_is_made_on_the_condition_that_none_is_named() {
    let handling = |said: &str| {
        format!(
            "EventInvokeConfig: {{ DestinationConfig: {{ OnSuccess: {{ Type: SQS, Destination: {said} }} }} }}"
        )
    };
    let queue = "FEventInvokeConfigOnSuccessQueue";
    let arn = r#"{"Fn::GetAtt":["FEventInvokeConfigOnSuccessQueue","Arn"]}"#;
    let made = Function::of(&handling("!If [C, !Ref AWS::NoValue, named]"));
    made.says(&format!("{queue}/Condition"), r#""C""#);
    let place = format!(r#"{{"Fn::If":["C",{arn},"named"]}}"#);
    made.says("FEventInvokeConfig/Properties/DestinationConfig/OnSuccess/Destination", &place);
    made.says("FRole/Properties/Policies/0/PolicyDocument/Statement/0/Resource", &place);
    let made = Function::beside("Condition: D,", &handling("!If [C, named, !Ref AWS::NoValue]"), "");
    made.says(&format!("{queue}/Condition"), r#""DANDNOTC33ddb54c8ae69f20e9f6""#);
    made.says("FEventInvokeConfig/Condition", r#""D""#);
    assert_eq!(json(at(&made.0, "Conditions/NOTC33ddb54c8a")), r#"{"Fn::Not":[{"Condition":"C"}]}"#);
    assert_eq!(
        json(at(&made.0, "Conditions/DANDNOTC33ddb54c8ae69f20e9f6")),
        r#"{"Fn::And":[{"Condition":"D"},{"Condition":"NOTC33ddb54c8a"}]}"#
    );
}

#[test]
fn tracing_that_is_off_is_none() {
    for said in ["Disabled", "!Ref Off"] {
        let made = Function::of(&format!("Tracing: {said}"));
        made.says("FRole/Properties/ManagedPolicyArns", &format!(r#"["{BASIC}"]"#));
        assert!(!json(at(&made.0, "Resources/F")).contains("TracingConfig"));
    }
    Function::of("Tracing: PassThrough").says("F/Properties/TracingConfig", r#"{"Mode":"PassThrough"}"#);
}

/// The digits are the first of the SHA-1 of JSON with its keys in order.
#[test]
fn what_makes_a_new_version() {
    let rows = [
        ("", "FVersion694d741b46"),
        (
            "MemorySize: 512, Environment: { Variables: { A: '1' } }, SnapStart: { ApplyOn: PublishedVersions }",
            "FVersion0cd32e7bc5",
        ),
        ("Timeout: 7, SnapStart: { ApplyOn: None }", "FVersion694d741b46"),
        ("CodeUri: { Bucket: !Ref Bucket, Key: k.zip }", "FVersion587582b5d7"),
        ("AutoPublishAliasAllProperties: true, Timeout: 9, Layers: [!Ref L]", "FVersion75b94de350"),
        ("AutoPublishCodeSha256: 0123456789abcdef", "FVersion0123456789"),
    ];
    for (more, version) in rows {
        assert!(Function::of(&format!("AutoPublishAlias: live, {more}")).has(version), "{more}: {version}");
    }
}

#[test]
fn the_digest_of_code_is_in_the_description() {
    let of = |more: &str, wanted: &str| {
        Function::of(&format!("AutoPublishCodeSha256: 0123456789abcdef, AutoPublishAlias: live {more}"))
            .says("F/Properties/Description", wanted);
    };
    of("", r#""0123456789abcdef""#);
    of(", Description: own", r#""own 0123456789abcdef""#);
    of(", Description: !Ref Bucket", r#""mine 0123456789abcdef""#);
    of(
        ", Description: !GetAtt Q.Arn",
        r#"{"Fn::Join":[" ",[{"Fn::GetAtt":["Q","Arn"]},"0123456789abcdef"]]}"#,
    );
    let unpublished = Function::of("AutoPublishCodeSha256: 0123456789abcdef");
    assert!(!json(at(&unpublished.0, "Resources/F")).contains("Description"));
}

#[test]
fn an_alias_that_has_more_than_letters() {
    let made = Function::of("AutoPublishAlias: blue-green_1, DeploymentPreference: { Enabled: false }");
    made.says("FAliasblueDgreenU1/Properties/Name", r#""blue-green_1""#);
    made.names(&["F", "FAliasblueDgreenU1", "FRole", "FVersion694d741b46"]);
    let made =
        Function::of("DeploymentPreference: { Enabled: !FindInMap [Stages, dev, shifts], Type: AllAtOnce }");
    made.names(&["F", "FRole"]);
}

#[test]
fn tags_pass_on() {
    let more = "Tags: { a: b }, EventInvokeConfig: { DestinationConfig: { OnSuccess: { Type: SNS } } }, Events: { E: { Type: Schedule, Properties: { Schedule: rate(1 day), DeadLetterConfig: { Type: SQS } } } }";
    let made = Function::of(&format!("PropagateTags: true, {more}"));
    for name in ["F", "FRole", "FEventInvokeConfigOnSuccessTopic", "FEQueue"] {
        made.says(&format!("{name}/Properties/Tags"), r#"[{"Key":"a","Value":"b"}]"#);
    }
    assert!(!json(at(&made.0, "Resources/FE")).contains("Tags"));
    let made = Function::of(&format!("PropagateTags: false, {more}"));
    let own = r#"[{"Key":"lambda:createdBy","Value":"SAM"},{"Key":"a","Value":"b"}]"#;
    made.says("F/Properties/Tags", own).says("FRole/Properties/Tags", own).says("FEQueue/Properties", "{}");
}

#[test]
fn a_bucket_tells_a_function_on_its_condition() {
    let bucket =
        "  B: { Type: AWS::S3::Bucket, DependsOn: Q, Properties: { Tags: [{ Key: a, Value: b }] } }\n";
    let events = "Events: { E: { Type: S3, Properties: { Bucket: !Ref B, Events: ['s3:ObjectCreated:*', 's3:ObjectCreated:*'] } } }";
    let told = r#"{"Event":"s3:ObjectCreated:*","Function":{"Fn::GetAtt":["F","Arn"]}}"#;
    let path = "B/Properties/NotificationConfiguration/LambdaConfigurations";
    let made = Function::beside("Condition: C,", events, bucket);
    made.says(path, &format!(r#"[{{"Fn::If":["C",{told},{{"Ref":"AWS::NoValue"}}]}}]"#));
    made.says("B/DependsOn", r#""Q""#);
    made.says(
        "B/Properties/Tags",
        r#"[{"Key":"a","Value":"b"},{"Key":"sam:ConditionalDependsOn:FEPermission","Value":{"Fn::If":["C",{"Ref":"FEPermission"},"no dependency"]}}]"#,
    );
    let made = Function::beside("", events, bucket);
    made.says(path, &format!("[{told}]")).says("B/DependsOn", r#"["Q","FEPermission"]"#);
    made.says("B/Properties/Tags", r#"[{"Key":"a","Value":"b"}]"#);
}

#[test]
fn events_in_their_forms() {
    let event = |name: &str, kind: &str, more: &str| {
        Function::of(&format!("Events: {{ {name}: {{ Type: {kind}, Properties: {{ {more} }} }} }}"))
    };
    let long = "L".repeat(70);
    event(&long, "Schedule", "Schedule: rate(1 day), Enabled: true")
        .says(&format!("F{long}/Properties/Targets/0/Id"), &format!(r#""F{}LambdaTarget""#, "L".repeat(51)))
        .says(&format!("F{long}/Properties/State"), r#""ENABLED""#);
    event("E", "CloudWatchLogs", "LogGroupName: g, FilterPattern: ''").says(
        "FEPermission/Properties/SourceArn",
        r#"{"Fn::Sub":["arn:aws:logs:${AWS::Region}:${AWS::AccountId}:log-group:${__LogGroupName__}:*",{"__LogGroupName__":"g"}]}"#,
    );
}

#[test]
fn what_is_common_is_spared_and_replaced() {
    let globals = "Globals: { Function: { Timeout: 5, MemorySize: 256, Architectures: [x86_64], Tags: { a: b }, Layers: [one] }, SimpleTable: { SSESpecification: { SSEEnabled: true } } }\n";
    let with = |own: &str| {
        let code = "InlineCode: x, Handler: a.h, Runtime: python3.12";
        Function(out(&format!("{HEAD}  F: {{ Type: AWS::Serverless::Function, {own} Properties: {{ {code}, Architectures: [arm64], Layers: [two] }} }}\n{globals}")).unwrap())
    };
    let made = with("IgnoreGlobals: [Timeout, Tags],");
    made.says("F/Properties/MemorySize", "256").says("F/Properties/Architectures", r#"["arm64"]"#);
    made.says("F/Properties/Layers", r#"["one","two"]"#);
    made.says("F/Properties/Tags", r#"[{"Key":"lambda:createdBy","Value":"SAM"}]"#);
    assert!(!json(at(&made.0, "Resources/F")).contains("Timeout"));
    let made = with("IgnoreGlobals: '*',");
    made.says("F/Properties/Layers", r#"["two"]"#);
    assert!(!json(at(&made.0, "Resources/F")).contains("MemorySize"));
    assert!(!json(at(&made.0, "Resources/F")).contains("IgnoreGlobals"));
}
