//! Change sets: what they foresee, and that it is what happens.

use crate::cloudformation_stacks::{ACCOUNT, created, describe, events, settle};
use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};

fn make(caller: &Caller<'_>, name: &str, kind: &str, template: &str) -> crate::harness::Reply {
    let input =
        json!({ "StackName": "s", "ChangeSetName": name, "ChangeSetType": kind, "TemplateBody": template });
    caller.call("cloudformation", "CreateChangeSet", input)
}

fn seen(caller: &Caller<'_>, name: &str) -> Value {
    let asked = json!({ "StackName": "s", "ChangeSetName": name });
    caller.call("cloudformation", "DescribeChangeSet", asked).ok()
}

const BEFORE: &str = "
Resources:
  A: { Type: 'AWS::SQS::Queue', Properties: { QueueName: a, VisibilityTimeout: 1 } }
  B: { Type: 'AWS::SNS::Topic' }
  C: { Type: 'AWS::SNS::Subscription', Properties: { TopicArn: !Ref B, Protocol: sqs, Endpoint: !GetAtt A.Arn } }
";

#[test]
fn a_new_stack_by_a_change_set() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let made = make(&root, "first", "CREATE", BEFORE).ok();
    assert_eq!(describe(&root, "s")["StackStatus"], "REVIEW_IN_PROGRESS");
    // It is there, without a template.
    let template = root.call("cloudformation", "GetTemplate", json!({ "StackName": "s" })).ok();
    assert!(template.get("TemplateBody").is_none(), "{template}");
    let set = seen(&root, "first");
    assert_eq!((&set["Status"], &set["ExecutionStatus"]), (&json!("CREATE_COMPLETE"), &json!("AVAILABLE")));
    let actions: Vec<&Value> =
        set["Changes"].as_array().unwrap().iter().map(|c| &c["ResourceChange"]["Action"]).collect();
    assert_eq!(actions, ["Add", "Add", "Add"]);
    make(&root, "first", "CREATE", BEFORE).refused_with(
        400,
        "AlreadyExistsException",
        "ChangeSet first already exists for stack s",
    );
    // By its ARN it needs no stack.
    root.call("cloudformation", "ExecuteChangeSet", json!({ "ChangeSetName": made["Id"] })).ok();
    assert_eq!(settle(&cloud, &root, "s"), "CREATE_COMPLETE", "{:#?}", events(&root, "s"));
    assert_eq!(describe(&root, "s")["ChangeSetId"], made["Id"]);
    let again = root.call("cloudformation", "ExecuteChangeSet", json!({ "ChangeSetName": made["Id"] }));
    let message = again.refused(400, "InvalidChangeSetStatus");
    assert!(message.ends_with("execution status of [EXECUTE_COMPLETE]"), "{message}");
}

#[test]
fn what_a_failure_leaves_is_said_once() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let make = |kind: &str, fails: &str| {
        let asked = json!({ "StackName": "s", "ChangeSetName": fails, "ChangeSetType": kind, "TemplateBody": BEFORE, "OnStackFailure": fails });
        root.call("cloudformation", "CreateChangeSet", asked)
    };
    make("CREATE", "DELETE").ok();
    let mut asked = json!({ "StackName": "s", "ChangeSetName": "DELETE", "DisableRollback": true });
    root.call("cloudformation", "ExecuteChangeSet", asked.clone()).refused(400, "ValidationError");
    asked.as_object_mut().unwrap().remove("DisableRollback");
    root.call("cloudformation", "ExecuteChangeSet", asked).ok();
    assert_eq!(settle(&cloud, &root, "s"), "CREATE_COMPLETE");
    // There is a stack by then, which is not deleted for an update that fails.
    make("UPDATE", "DELETE").refused(400, "ValidationError");
    make("UPDATE", "ROLLBACK").ok();
}

#[test]
fn many_are_listed_in_pages() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    created(&cloud, &root, "s", BEFORE);
    let after = BEFORE.replace("VisibilityTimeout: 1", "VisibilityTimeout: 2");
    for number in 0..101 {
        make(&root, &format!("c{number:03}"), "UPDATE", &after).ok();
    }
    let list = |token: &Value| {
        let mut asked = json!({ "StackName": "s" });
        if !token.is_null() {
            asked["NextToken"] = token.clone();
        }
        root.call("cloudformation", "ListChangeSets", asked)
    };
    let first = list(&Value::Null).ok();
    let second = list(&first["NextToken"]).ok();
    let names = |page: &Value| page["Summaries"].as_array().unwrap().len();
    assert_eq!((names(&first), names(&second), second.get("NextToken")), (100, 1, None));
    assert_eq!(second["Summaries"][0]["ChangeSetName"], "c100");
    list(&json!("none")).refused_with(400, "ValidationError", "The NextToken is not valid.");
}

#[test]
fn an_update_is_foreseen() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    created(&cloud, &root, "s", BEFORE);
    make(&root, "none", "UPDATE", BEFORE).ok();
    let none = seen(&root, "none");
    assert_eq!(
        (&none["Status"], &none["StatusReason"]),
        (
            &json!("FAILED"),
            &json!(
                "The submitted information didn't contain changes. Submit different information to create a change set."
            )
        )
    );
    let after = "
Resources:
  A: { Type: 'AWS::SQS::Queue', Properties: { QueueName: a2, VisibilityTimeout: 1 } }
  C: { Type: 'AWS::SNS::Subscription', Properties: { TopicArn: !Ref D, Protocol: sqs, Endpoint: !GetAtt A.Arn } }
  D: { Type: 'AWS::SNS::Topic', Properties: { DisplayName: d } }
";
    make(&root, "next", "UPDATE", after).ok();
    let set = seen(&root, "next");
    let rows: Vec<(String, String, Value)> = set["Changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| {
            let change = &c["ResourceChange"];
            let text = |member: &str| change[member].as_str().unwrap_or_default().to_owned();
            (
                format!("{} {} {}", text("Action"), text("LogicalResourceId"), text("Replacement"))
                    .trim_end()
                    .to_owned(),
                text("ResourceType"),
                change["Details"].clone(),
            )
        })
        .collect();
    let told: Vec<&str> = rows.iter().map(|(row, ..)| row.as_str()).collect();
    assert_eq!(told, ["Modify A True", "Add D", "Modify C Conditional", "Remove B"]);
    assert_eq!(
        rows[0].2[0]["Target"],
        json!({ "Attribute": "Properties", "Name": "QueueName", "RequiresRecreation": "Always" })
    );
    assert_eq!(rows[2].2[0]["Evaluation"], "Dynamic");
    let sets = root.call("cloudformation", "ListChangeSets", json!({ "StackName": "s" })).ok();
    assert_eq!(sets["Summaries"].as_array().unwrap().len(), 2);
    root.call("cloudformation", "ExecuteChangeSet", json!({ "StackName": "s", "ChangeSetName": "next" }))
        .ok();
    assert_eq!(settle(&cloud, &root, "s"), "UPDATE_COMPLETE", "{:#?}", events(&root, "s"));
    // The others are no longer true.
    root.call("cloudformation", "DescribeChangeSet", json!({ "StackName": "s", "ChangeSetName": "none" }))
        .refused_with(404, "ChangeSetNotFound", "ChangeSet [none] does not exist");
    root.call("cloudformation", "DeleteChangeSet", json!({ "StackName": "s", "ChangeSetName": "next" })).ok();
    root.call("cloudformation", "DeleteChangeSet", json!({ "StackName": "s", "ChangeSetName": "next" })).ok();
}

#[test]
fn values_are_told_before_and_after_but_for_what_is_hidden() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let template = |secret: &str, more: &str| {
        format!(
            "
Parameters: {{ Secret: {{ Type: String, NoEcho: true, Default: {secret} }} }}
Resources:
  A: {{ Type: 'AWS::SQS::Queue', Properties: {{ DelaySeconds: 1, Tags: [{{ Key: k, Value: v }}] }} }}
  T: {{ Type: 'AWS::SNS::Topic', Properties: {{ DisplayName: !Ref Secret }} }}
  B: {{ Type: 'AWS::S3::Bucket', Properties: {{ WebsiteConfiguration: {{ IndexDocument: a{more} }} }} }}
"
        )
    };
    created(&cloud, &root, "s", &template("hush", ", ErrorDocument: e"));
    let after = template("hush", "")
        .replace("DelaySeconds: 1", "VisibilityTimeout: 9")
        .replace("IndexDocument: a", "IndexDocument: b")
        + "  C: { Type: 'AWS::SNS::Topic', Properties: { TopicName: !GetAtt A.QueueName, DisplayName: !Ref Secret } }\n";
    make(&root, "c", "UPDATE", &after).ok();
    let plain = seen(&root, "c");
    assert!(!plain.to_string().contains("BeforeValue") && !plain.to_string().contains("Context"), "{plain}");
    let asked = json!({ "StackName": "s", "ChangeSetName": "c", "IncludePropertyValues": true });
    let told = root.call("cloudformation", "DescribeChangeSet", asked.clone()).ok();
    let changes = told["Changes"].as_array().unwrap();
    let of = |name: &str| {
        &changes.iter().find(|one| one["ResourceChange"]["LogicalResourceId"] == name).unwrap()["ResourceChange"]
    };
    let rows = |name: &str| -> Vec<String> {
        let row = |detail: &Value| {
            let own = |member: &str| detail["Target"][member].as_str().unwrap_or_default().to_owned();
            format!(
                "{} {} {}>{}",
                own("AttributeChangeType"),
                own("Path"),
                own("BeforeValue"),
                own("AfterValue")
            )
        };
        of(name)["Details"].as_array().unwrap().iter().map(row).collect()
    };
    assert_eq!(rows("A"), ["Remove /Properties/DelaySeconds 1>", "Add /Properties/VisibilityTimeout >9"]);
    assert_eq!(
        rows("B"),
        [
            "Modify /Properties/WebsiteConfiguration/IndexDocument a>b",
            "Remove /Properties/WebsiteConfiguration/ErrorDocument e>"
        ]
    );
    let context = |name: &str, which: &str| {
        serde_json::from_str::<Value>(of(name)[which].as_str().unwrap()).unwrap()["Properties"].clone()
    };
    assert_eq!(context("A", "BeforeContext")["DelaySeconds"], 1);
    assert_eq!(context("A", "AfterContext")["Tags"][0]["Value"], "v");
    assert_eq!(context("C", "AfterContext")["DisplayName"], "****");
    assert!(of("C").get("BeforeContext").is_none());
    // A secret that changes is not told of, but that it does.
    make(&root, "d", "UPDATE", &template("louder", ", ErrorDocument: e")).ok();
    let mut asked = asked;
    asked["ChangeSetName"] = json!("d");
    let told = root.call("cloudformation", "DescribeChangeSet", asked).ok();
    let change = &told["Changes"][0]["ResourceChange"];
    assert_eq!(change["Details"][0]["Target"]["Name"], "DisplayName");
    assert!(!told.to_string().contains("louder") && !told.to_string().contains("hush"), "{told}");
}

#[test]
fn what_may_mean_another_resource_is_conditional() {
    let (cloud, _plane) = crate::vpc_plane::cloud(host::Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let template = |size: &str| {
        format!(
            "
Resources:
  I: {{ Type: 'AWS::EC2::Instance', Properties: {{ ImageId: {}, InstanceType: {size} }} }}
  D: {{ Type: 'AWS::SQS::Queue', Properties: {{ QueueName: !Ref I }} }}
",
            crate::ec2_profiles::IMAGE
        )
    };
    created(&cloud, &root, "s", &template("t3.micro"));
    make(&root, "c", "UPDATE", &template("t3.small")).ok();
    let set = seen(&root, "c");
    let changes = set["Changes"].as_array().unwrap();
    let own = |name: &str| {
        &changes.iter().find(|one| one["ResourceChange"]["LogicalResourceId"] == name).unwrap()["ResourceChange"]
    };
    assert_eq!(own("I")["Replacement"], "Conditional", "{set}");
    assert_eq!(own("I")["Details"][0]["Target"]["RequiresRecreation"], "Conditionally");
    // What needs it may be another, too.
    assert_eq!(own("D")["Replacement"], "Conditional");
    assert_eq!(own("D")["Details"][0]["Target"]["RequiresRecreation"], "Always");
    assert_eq!(own("D")["Details"][0]["Evaluation"], "Dynamic");
}

fn update(root: &Caller<'_>, template: &str) -> crate::harness::Reply {
    root.call("cloudformation", "UpdateStack", json!({ "StackName": "s", "TemplateBody": template }))
}

fn topics(names: &[&str]) -> String {
    let one = |name: &&str| format!("  {name}: {{ Type: 'AWS::SNS::Topic' }}\n");
    format!("Resources:\n{}", names.iter().map(one).collect::<String>())
}

#[test]
fn what_was_foreseen_for_an_earlier_stack_is_not_carried_out() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    created(&cloud, &root, "s", &topics(&["A"]));
    make(&root, "old", "UPDATE", &topics(&["A", "Z"])).ok();
    make(&root, "none", "UPDATE", &topics(&["A"])).ok();
    update(&root, &topics(&["A", "B"])).ok();
    assert_eq!(settle(&cloud, &root, "s"), "UPDATE_COMPLETE");
    let old = seen(&root, "old");
    assert_eq!((&old["Status"], &old["ExecutionStatus"]), (&json!("CREATE_COMPLETE"), &json!("OBSOLETE")));
    assert_eq!(seen(&root, "none")["ExecutionStatus"], "UNAVAILABLE");
    let asked = |name: &str| json!({ "StackName": "s", "ChangeSetName": name });
    let message =
        root.call("cloudformation", "ExecuteChangeSet", asked("old")).refused(400, "InvalidChangeSetStatus");
    assert!(
        message.ends_with("cannot be executed in its current execution status of [OBSOLETE]"),
        "{message}"
    );
    let message =
        root.call("cloudformation", "ExecuteChangeSet", asked("none")).refused(400, "InvalidChangeSetStatus");
    assert!(message.ends_with("cannot be executed in its current status of [FAILED]"), "{message}");
    // What came since is still there.
    assert!(!crate::cloudformation_stacks::physical(&root, "s", "B").is_empty());
    // An update that is on its way outdates what is foreseen meanwhile, and what it was taken back from, too.
    make(&root, "next", "UPDATE", &topics(&["A", "C"])).ok();
    let broken =
        format!("{}  Q: {{ Type: 'AWS::SNS::Topic', Properties: {{ TopicName: 'a b' }} }}\n", topics(&["A"]));
    update(&root, &broken).ok();
    assert_eq!(settle(&cloud, &root, "s"), "UPDATE_ROLLBACK_COMPLETE");
    assert_eq!(seen(&root, "next")["ExecutionStatus"], "OBSOLETE");
}

/// Values that are cut out of what another resource will be.
fn cut(queue: &str, block: &str) -> String {
    format!(
        "
Resources:
  A: {{ Type: 'AWS::SQS::Queue', Properties: {{ QueueName: {queue} }} }}
  B: {{ Type: 'AWS::SQS::Queue', Properties: {{ QueueName: !Join ['-', [z, !Select [5, !Split [':', !GetAtt A.Arn]]]] }} }}
  V: {{ Type: 'AWS::EC2::VPC', Properties: {{ CidrBlock: {block} }} }}
  N: {{ Type: 'AWS::EC2::Subnet', Properties: {{ VpcId: !Ref V, CidrBlock: !Select [1, !Cidr [!GetAtt V.CidrBlock, 2, 8]] }} }}
  T: {{ Type: 'AWS::SSM::Parameter', Properties: {{ Type: String, Value: !Base64 {{ 'Fn::GetAtt': [A, Arn] }} }} }}
"
    )
}

#[test]
fn what_is_cut_out_of_what_nobody_knows_yet_is_dynamic() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let names = || {
        let told = root.call("sqs", "ListQueues", json!({})).ok();
        let all = told["QueueUrls"].as_array().unwrap();
        all.iter().map(|url| url.as_str().unwrap().rsplit('/').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let subnet = || {
        let id = crate::cloudformation_stacks::physical(&root, "s", "N");
        root.call("ec2", "DescribeSubnets", json!({ "SubnetIds": [id] })).ok()["subnetSet"][0]["cidrBlock"]
            .clone()
    };
    created(&cloud, &root, "s", &cut("one", "10.0.0.0/16"));
    assert_eq!((names(), subnet()), (vec!["one".to_owned(), "z-one".to_owned()], json!("10.0.1.0/24")));
    make(&root, "next", "UPDATE", &cut("two", "10.1.0.0/16")).ok();
    let set = seen(&root, "next");
    let told: Vec<String> = set["Changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| {
            let change = &change["ResourceChange"];
            let details = change["Details"].as_array().unwrap();
            let of = |name: &str| details.iter().find(|detail| detail["Target"]["Name"] == name);
            let cut = ["QueueName", "CidrBlock", "Value"].iter().find_map(|name| of(name)).unwrap();
            format!("{} {} {}", change["LogicalResourceId"], change["Replacement"], cut["Evaluation"])
        })
        .map(|row| row.replace('"', ""))
        .collect();
    let rows = [
        "A True Static",
        "B Conditional Dynamic",
        "V True Static",
        "N Conditional Dynamic",
        "T False Dynamic",
    ];
    assert_eq!(told, rows);
    root.call("cloudformation", "ExecuteChangeSet", json!({ "StackName": "s", "ChangeSetName": "next" }))
        .ok();
    assert_eq!(settle(&cloud, &root, "s"), "UPDATE_COMPLETE", "{:#?}", events(&root, "s"));
    assert_eq!((names(), subnet()), (vec!["two".to_owned(), "z-two".to_owned()], json!("10.1.1.0/24")));
    // So by an update without one.
    update(&root, &cut("three", "10.2.0.0/16")).ok();
    assert_eq!(settle(&cloud, &root, "s"), "UPDATE_COMPLETE", "{:#?}", events(&root, "s"));
    assert_eq!((names(), subnet()), (vec!["three".to_owned(), "z-three".to_owned()], json!("10.2.1.0/24")));
}

/// `A` is made where `Wanted` holds.
fn conditional(output: &str, property: &str) -> String {
    format!(
        "
Parameters: {{ P: {{ Type: String, Default: 'no' }} }}
Conditions: {{ Wanted: !Equals [!Ref P, 'yes'] }}
Resources:
  A: {{ Type: 'AWS::SNS::Topic', Condition: Wanted }}
  B: {{ Type: 'AWS::SNS::Topic', DependsOn: A, Properties: {{ DisplayName: {property} }} }}
Outputs: {{ O: {{ Value: {output} }} }}
"
    )
}

#[test]
fn what_is_not_made_is_not_named() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let create = |template: &str| {
        root.call("cloudformation", "CreateStack", json!({ "StackName": "s", "TemplateBody": template }))
    };
    // As recorded, outputs of what is left out are no fault of the template's form.
    let why = |section: &str| {
        let form = if section == "Outputs" { "" } else { "Template format error: " };
        format!("{form}Unresolved resource dependencies [A] in the {section} block of the template")
    };
    let rows = [
        (conditional("!Ref A", "x"), "Outputs"),
        (conditional("!GetAtt A.TopicName", "x"), "Outputs"),
        (conditional("x", "!Sub '${A}'"), "Resources"),
        (conditional("x", "!If [Wanted, x, !GetAtt A.TopicName]"), "Resources"),
    ];
    for (template, section) in &rows {
        create(template).refused_with(400, "ValidationError", &why(section));
        make(&root, "c", "CREATE", template).refused_with(400, "ValidationError", &why(section));
    }
    let asked = root.call("cloudformation", "DescribeStacks", json!({ "StackName": "s" }));
    asked.refused_with(400, "ValidationError", "Stack with id s does not exist");
    // The branch that is not taken names nothing.
    let taken = conditional("!If [Wanted, !Ref A, x]", "!If [Wanted, !GetAtt A.TopicName, x]");
    created(&cloud, &root, "s", &taken);
    update(&root, &rows[0].0).refused_with(400, "ValidationError", &why("Outputs"));
}

#[test]
fn the_stack_of_a_change_set_decides_who_may_have_it() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    created(&cloud, &root, "s", &topics(&["A", "B"]));
    created(&cloud, &root, "dev", &topics(&["A"]));
    let made = make(&root, "next", "UPDATE", &topics(&["A"])).ok();
    let arn = made["Id"].as_str().unwrap();
    let own = "arn:aws:cloudformation:*:*:stack/dev*/*";
    let may = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "cloudformation:*", "Resource": own },
        { "Effect": "Allow", "Action": "sns:*", "Resource": "*" },
    ] });
    let eva = cloud.user(&root, "eva", &may.to_string());
    // A stack of hers beside it opens nothing.
    for operation in ["DescribeChangeSet", "ExecuteChangeSet", "DeleteChangeSet", "GetTemplate"] {
        for stack in ["dev", "dev-none"] {
            let asked = json!({ "ChangeSetName": arn, "StackName": stack });
            eva.call("cloudformation", operation, asked).refused(403, "AccessDenied");
        }
    }
    let asked = json!({ "ChangeSetName": arn, "StackName": "dev" });
    root.call("cloudformation", "ExecuteChangeSet", asked).refused_with(
        404,
        "ChangeSetNotFound",
        &format!("ChangeSet [{arn}] does not exist"),
    );
    root.call("cloudformation", "GetTemplate", json!({ "ChangeSetName": arn, "StackName": "s" })).ok();
    // An ARN is a whole: one with another name names nothing.
    let other = arn.replace("changeSet/next/", "changeSet/other/");
    let asked = json!({ "ChangeSetName": other });
    root.call("cloudformation", "DescribeChangeSet", asked).refused(404, "ChangeSetNotFound");
    let stack = describe(&root, "s")["StackId"].as_str().unwrap().replace("stack/s/", "stack/t/");
    root.call("cloudformation", "DescribeStacks", json!({ "StackName": stack })).refused_with(
        400,
        "ValidationError",
        &format!("Stack with id {stack} does not exist"),
    );
}
