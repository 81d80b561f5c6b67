//! Events: what leads to a function becomes the resources that lead there.

use super::{Made, Patch, World, attribute, invalid, list, not_built, object, prop, queue, reference, trust};
use crate::cloudformation::template::{Wrong, get, text as text_of};
use wire::Value;

/// What events lead to: a function, or the alias that it is published by.
pub(super) struct Target {
    pub(super) function: String,
    /// The alias's logical id.
    pub(super) alias: Option<String>,
}

impl Target {
    /// By its name or its ARN, as `Ref` says it.
    pub(super) fn name(&self) -> Value {
        reference(self.alias.as_deref().unwrap_or(&self.function))
    }

    fn arn(&self) -> Value {
        match &self.alias {
            Some(alias) => reference(alias),
            None => attribute(&self.function, "Arn"),
        }
    }
}

type Events = (Vec<Made>, Vec<Patch>);

pub(super) fn made(
    world: &World<'_>,
    function: &str,
    properties: &Value,
    target: &Target,
    policies: &mut Vec<&'static str>,
) -> Result<Events, Wrong> {
    let events = match get(properties, "Events") {
        None => return Ok((Vec::new(), Vec::new())),
        Some(Value::Map(events)) => events,
        Some(_) => return invalid(function, "'Events' must be a map."),
    };
    let (mut made, mut patches) = (Vec::new(), Vec::new());
    for (own, body) in events {
        let event = Event { function, name: format!("{function}{own}"), own, target };
        let given = prop(body, "Properties");
        match get(body, "Type").and_then(Value::as_str).unwrap_or_default() {
            "SQS" => {
                note(policies, "AWSLambdaSQSQueueExecutionRole");
                made.push(event.mapping(&given, "Queue")?);
            }
            "DynamoDB" => {
                note(policies, "AWSLambdaDynamoDBExecutionRole");
                made.push(event.mapping(&given, "Stream")?);
            }
            "SNS" if get(&given, "SqsSubscription").is_some_and(asks) => {
                note(policies, "AWSLambdaSQSQueueExecutionRole");
                made.extend(event.topic_by_queue(world, &given)?);
            }
            "SNS" => made.extend(event.topic(&given)?),
            "S3" => {
                let (permission, patch) = event.bucket(&given)?;
                made.push(permission);
                patches.push(patch);
            }
            "Schedule" => made.extend(event.schedule(&given)?),
            "ScheduleV2" => made.extend(event.scheduled(&given)?),
            "EventBridgeRule" | "CloudWatchEvent" => made.extend(event.rule(&given)?),
            "CloudWatchLogs" => made.extend(event.logs(&given)?),
            other => return not_built(function, &format!("An event of type {other}")),
        }
    }
    Ok((made, patches))
}

fn note(policies: &mut Vec<&'static str>, name: &'static str) {
    if !policies.contains(&name) {
        policies.push(name);
    }
}

/// Whether a queue is to stand between: `true`, or what it is.
fn asks(subscription: &Value) -> bool {
    matches!(subscription, Value::Map(_)) || text_of(subscription).is_some_and(|text| text == "true")
}

const TOPIC: &[&str] =
    &["Topic", "FilterPolicy", "FilterPolicyScope", "Region", "RedrivePolicy", "SqsSubscription"];

struct Event<'a> {
    function: &'a str,
    /// The logical id of what it becomes.
    name: String,
    own: &'a str,
    target: &'a Target,
}

impl Event<'_> {
    fn needed(&self, given: &Value, name: &str) -> Result<Value, Wrong> {
        match get(given, name) {
            Some(value) => Ok(value.clone()),
            None => {
                let why =
                    format!("Event with id [{}] is invalid. Missing required property '{name}'.", self.own);
                invalid(self.function, &why)
            }
        }
    }

    /// Nothing of what is given is passed over.
    fn only(&self, given: &Value, known: &[&str]) -> Result<(), Wrong> {
        let Value::Map(entries) = given else { return Ok(()) };
        match entries.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            Some((other, _)) => {
                not_built(self.function, &format!("The property {other} of the event {}", self.own))
            }
            None => Ok(()),
        }
    }

    fn permission(&self, principal: &str, source: Value) -> Made {
        let account = if source == Value::Null { reference("AWS::AccountId") } else { Value::Null };
        let body = object([
            ("Action", Value::str("lambda:InvokeFunction")),
            ("FunctionName", self.target.name()),
            ("Principal", Value::str(principal)),
            ("SourceAccount", account),
            ("SourceArn", source),
        ]);
        Made::new(format!("{}Permission", self.name), "AWS::Lambda::Permission", body)
    }

    fn mapping(&self, given: &Value, source: &str) -> Result<Made, Wrong> {
        const PLAIN: [&str; 13] = [
            "BatchSize",
            "BisectBatchOnFunctionError",
            "DestinationConfig",
            "Enabled",
            "FilterCriteria",
            "FunctionResponseTypes",
            "MaximumBatchingWindowInSeconds",
            "MaximumRecordAgeInSeconds",
            "MaximumRetryAttempts",
            "ParallelizationFactor",
            "ScalingConfig",
            "StartingPosition",
            "TumblingWindowInSeconds",
        ];
        let known: Vec<&str> = PLAIN.into_iter().chain([source]).collect();
        self.only(given, &known)?;
        let mut body = vec![
            ("EventSourceArn".to_owned(), self.needed(given, source)?),
            ("FunctionName".to_owned(), self.target.name()),
        ];
        body.extend(PLAIN.iter().filter_map(|own| Some(((*own).to_owned(), get(given, own)?.clone()))));
        Ok(Made::new(&self.name, "AWS::Lambda::EventSourceMapping", Value::Map(body)))
    }

    fn subscription(&self, given: &Value, protocol: &str, endpoint: Value) -> Result<Made, Wrong> {
        self.only(given, TOPIC)?;
        let body = object([
            ("Protocol", Value::str(protocol)),
            ("Endpoint", endpoint),
            ("TopicArn", self.needed(given, "Topic")?),
            ("FilterPolicy", prop(given, "FilterPolicy")),
            ("FilterPolicyScope", prop(given, "FilterPolicyScope")),
            ("Region", prop(given, "Region")),
            ("RedrivePolicy", prop(given, "RedrivePolicy")),
        ]);
        Ok(Made::new(&self.name, "AWS::SNS::Subscription", body))
    }

    fn topic(&self, given: &Value) -> Result<[Made; 2], Wrong> {
        let subscription = self.subscription(given, "lambda", self.target.arn())?;
        Ok([subscription, self.permission("sns.amazonaws.com", prop(given, "Topic"))])
    }

    /// From the topic to a queue, which the function reads.
    fn topic_by_queue(&self, world: &World<'_>, given: &Value) -> Result<Vec<Made>, Wrong> {
        let (topic, asked) = (self.needed(given, "Topic")?, prop(given, "SqsSubscription"));
        let named = get(&topic, "Ref").and_then(Value::as_str);
        let drawn = named.and_then(|name| get(get(world.root, "Resources")?, name));
        let fifo = drawn.and_then(|drawn| world.resolved(get(get(drawn, "Properties")?, "FifoTopic")?));
        let is_fifo = fifo.is_some_and(|fifo| fifo == "true");
        let between = queue::between(self.function, &self.name, &asked, &topic, is_fifo)?;
        let mut made = between.made;
        made.push(self.subscription(given, "sqs", between.arn.clone())?);
        let mapping = object([
            ("BatchSize", between.batch),
            ("Enabled", between.enabled),
            ("EventSourceArn", between.arn),
            ("FunctionName", self.target.name()),
        ]);
        let name = format!("{}EventSourceMapping", self.name);
        made.push(Made::new(name, "AWS::Lambda::EventSourceMapping", mapping));
        Ok(made)
    }

    fn bucket(&self, given: &Value) -> Result<(Made, Patch), Wrong> {
        self.only(given, &["Bucket", "Events", "Filter"])?;
        let bucket = self.needed(given, "Bucket")?;
        let Some(name) = get(&bucket, "Ref").and_then(Value::as_str) else {
            let why = format!(
                "Event with id [{}] is invalid. S3 events must reference an S3 bucket in the same template.",
                self.own
            );
            return invalid(self.function, &why);
        };
        let kinds = match self.needed(given, "Events")? {
            Value::List(kinds) => kinds,
            one => vec![one],
        };
        let one = |kind: Value| {
            object([("Event", kind), ("Function", self.target.arn()), ("Filter", prop(given, "Filter"))])
        };
        let permission = self.permission("s3.amazonaws.com", Value::Null);
        let patch = Patch {
            function: self.function.to_owned(),
            bucket: name.to_owned(),
            configurations: kinds.into_iter().map(one).collect(),
            permission: permission.name.clone(),
        };
        Ok((permission, patch))
    }

    /// A rule and who may follow it.
    fn ruled(&self, body: Value) -> [Made; 2] {
        let permission = self.permission("events.amazonaws.com", attribute(&self.name, "Arn"));
        [Made::new(&self.name, "AWS::Events::Rule", body), permission]
    }

    fn state(given: &Value) -> Value {
        match (get(given, "State"), get(given, "Enabled").and_then(text_of).as_deref()) {
            (Some(state), _) => state.clone(),
            (None, Some("true")) => Value::str("ENABLED"),
            (None, Some("false")) => Value::str("DISABLED"),
            _ => Value::Null,
        }
    }

    /// The one target of a rule, and what is made for its dead letters.
    fn aimed(&self, given: &Value, made: &mut Vec<Made>) -> Result<Value, Wrong> {
        let id = get(given, "Target").and_then(|target| get(target, "Id")).cloned();
        let id = id.unwrap_or_else(|| Value::Str(format!("{}LambdaTarget", self.name)));
        let letters = match get(given, "DeadLetterConfig") {
            None => Value::Null,
            Some(config) => {
                let arn = queue::letters_of_rule(self.function, &self.name, config, made)?;
                object([("Arn", arn)])
            }
        };
        Ok(list([object([
            ("Arn", self.target.arn()),
            ("Id", id),
            ("Input", prop(given, "Input")),
            ("InputPath", prop(given, "InputPath")),
            ("InputTransformer", prop(given, "InputTransformer")),
            ("DeadLetterConfig", letters),
            ("RetryPolicy", prop(given, "RetryPolicy")),
        ])]))
    }

    fn schedule(&self, given: &Value) -> Result<Vec<Made>, Wrong> {
        let known = [
            "Schedule",
            "Input",
            "Enabled",
            "State",
            "Name",
            "Description",
            "DeadLetterConfig",
            "RetryPolicy",
        ];
        self.only(given, &known)?;
        let mut made = Vec::new();
        let body = object([
            ("ScheduleExpression", self.needed(given, "Schedule")?),
            ("State", Self::state(given)),
            ("Name", prop(given, "Name")),
            ("Description", prop(given, "Description")),
            ("Targets", self.aimed(given, &mut made)?),
        ]);
        made.extend(self.ruled(body));
        Ok(made)
    }

    fn rule(&self, given: &Value) -> Result<Vec<Made>, Wrong> {
        let known = [
            "Pattern",
            "EventBusName",
            "Input",
            "InputPath",
            "InputTransformer",
            "Enabled",
            "State",
            "RuleName",
            "DeadLetterConfig",
            "RetryPolicy",
            "Target",
        ];
        self.only(given, &known)?;
        let mut made = Vec::new();
        let body = object([
            ("EventPattern", self.needed(given, "Pattern")?),
            ("EventBusName", prop(given, "EventBusName")),
            ("State", Self::state(given)),
            ("Name", prop(given, "RuleName")),
            ("Targets", self.aimed(given, &mut made)?),
        ]);
        made.extend(self.ruled(body));
        Ok(made)
    }

    /// A schedule of EventBridge Scheduler, with a role by which it invokes the function.
    fn scheduled(&self, given: &Value) -> Result<Vec<Made>, Wrong> {
        const PLAIN: [&str; 8] = [
            "Description",
            "EndDate",
            "GroupName",
            "KmsKeyArn",
            "ScheduleExpression",
            "ScheduleExpressionTimezone",
            "StartDate",
            "State",
        ];
        const OWN: [&str; 8] = [
            "DeadLetterConfig",
            "FlexibleTimeWindow",
            "Input",
            "Name",
            "OmitName",
            "PermissionsBoundary",
            "RetryPolicy",
            "RoleArn",
        ];
        let known: Vec<&str> = PLAIN.into_iter().chain(OWN).collect();
        self.only(given, &known)?;
        self.needed(given, "ScheduleExpression")?;
        let unnamed = get(given, "OmitName").and_then(text_of).is_some_and(|omits| omits == "true");
        let name = match (get(given, "Name"), unnamed) {
            (Some(_), true) => return invalid(self.function, "Name cannot be set when OmitName is True"),
            (None, true) => Value::Null,
            (Some(name), false) => name.clone(),
            (None, false) => Value::str(&self.name),
        };
        let mut made = Vec::new();
        let letters = get(given, "DeadLetterConfig")
            .map(|config| queue::letters(self.function, &self.name, config, &mut made))
            .transpose()?
            .map(|(arn, _)| arn);
        let role = match get(given, "RoleArn") {
            Some(role) => role.clone(),
            None => {
                let role = self.scheduler_role(given, letters.as_ref());
                let arn = attribute(&role.name, "Arn");
                made.push(role);
                arn
            }
        };
        let target = object([
            ("Arn", self.target.arn()),
            ("RoleArn", role),
            ("Input", prop(given, "Input")),
            ("DeadLetterConfig", letters.map_or(Value::Null, |arn| object([("Arn", arn)]))),
            ("RetryPolicy", prop(given, "RetryPolicy")),
        ]);
        let window = get(given, "FlexibleTimeWindow").cloned();
        let Value::Map(mut body) = object([
            ("Name", name),
            ("FlexibleTimeWindow", window.unwrap_or_else(|| object([("Mode", Value::str("OFF"))]))),
            ("Target", target),
        ]) else {
            unreachable!("an object is a map")
        };
        body.extend(PLAIN.iter().filter_map(|own| Some(((*own).to_owned(), get(given, own)?.clone()))));
        made.push(Made::new(&self.name, "AWS::Scheduler::Schedule", Value::Map(body)));
        Ok(made)
    }

    fn scheduler_role(&self, given: &Value, letters: Option<&Value>) -> Made {
        let policy = |suffix: &str, action: &str, resource: Value| {
            let statement = object([
                ("Action", Value::str(action)),
                ("Effect", Value::str("Allow")),
                ("Resource", resource),
            ]);
            object([
                ("PolicyName", Value::Str(format!("{}{suffix}", self.name))),
                ("PolicyDocument", object([("Statement", list([statement]))])),
            ])
        };
        let mut policies = vec![policy("LambdaPolicy", "lambda:InvokeFunction", self.target.arn())];
        policies.extend(letters.map(|arn| policy("SQSPolicy", "sqs:SendMessage", arn.clone())));
        let body = object([
            ("AssumeRolePolicyDocument", trust("scheduler.amazonaws.com")),
            ("Policies", Value::List(policies)),
            ("PermissionsBoundary", prop(given, "PermissionsBoundary")),
        ]);
        Made::new(format!("{}Role", self.name), "AWS::IAM::Role", body)
    }

    fn logs(&self, given: &Value) -> Result<[Made; 2], Wrong> {
        self.only(given, &["LogGroupName", "FilterPattern"])?;
        let group = self.needed(given, "LogGroupName")?;
        let permission_name = format!("{}Permission", self.name);
        let arn =
            "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:${__LogGroupName__}:*";
        let own = object([("__LogGroupName__", group.clone())]);
        let source = object([("Fn::Sub", list([Value::str(arn), own]))]);
        let permission = self.permission("logs.amazonaws.com", source);
        let body = object([
            ("LogGroupName", group),
            ("FilterPattern", self.needed(given, "FilterPattern")?),
            ("DestinationArn", self.target.arn()),
        ]);
        let more = vec![("DependsOn".to_owned(), list([Value::Str(permission_name)]))];
        let filter = Made { more, ..Made::new(&self.name, "AWS::Logs::SubscriptionFilter", body) };
        Ok([filter, permission])
    }
}
