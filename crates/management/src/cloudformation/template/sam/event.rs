//! Events: what leads to a function becomes the resources that lead there.

use super::queue::{self, Grant};
use super::role::Needs;
use super::{
    Built, Made, Patch, Untransformed, attribute, invalid, list, not_built, object, prop, reference, trust,
};
use crate::cloudformation::template::{Wrong, get, text as text_of};
use wire::Value;

/// What events lead to: a function, or the alias that it is published by.
pub(super) struct Target {
    pub(super) function: String,
    /// The alias's logical id.
    pub(super) alias: Option<String>,
    /// What the function hangs on.
    pub(super) condition: Option<String>,
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

/// AWS's other kinds of events.
const ABSENT: &[&str] = &[
    "AlexaSkill",
    "Api",
    "Cognito",
    "DocumentDB",
    "HttpApi",
    "IoTRule",
    "Kinesis",
    "MQ",
    "MSK",
    "SelfManagedKafka",
];

/// Puts what they become to what the function does, and tells what the function's role needs for them.
pub(super) fn made(
    world: &Untransformed<'_>,
    function: &str,
    properties: &Value,
    target: &Target,
    built: &mut Built,
) -> Result<Needs, Wrong> {
    let mut needs = Needs::default();
    let Some(Value::Map(events)) = get(properties, "Events") else { return Ok(needs) };
    // AWS takes them by their names, and so do the lists of the role.
    let mut events: Vec<&(String, Value)> = events.iter().collect();
    events.sort_by(|one, other| one.0.cmp(&other.0));
    for (own, body) in events {
        let event = Event { function, name: format!("{function}{own}"), own, target };
        let given = prop(body, "Properties");
        let kind = get(body, "Type").and_then(text_of);
        match kind.as_deref().unwrap_or("None") {
            "SQS" => {
                needs.managed("AWSLambdaSQSQueueExecutionRole");
                built.made.push(event.mapping(&given, "Queue", &mut needs)?);
            }
            "DynamoDB" => {
                needs.managed("AWSLambdaDynamoDBExecutionRole");
                built.made.push(event.mapping(&given, "Stream", &mut needs)?);
            }
            "SNS" if get(&given, "SqsSubscription").is_some_and(asks) => {
                needs.managed("AWSLambdaSQSQueueExecutionRole");
                built.made.extend(event.topic_by_queue(world, &given)?);
            }
            "SNS" => built.made.extend(event.topic(&given)?),
            "S3" => {
                let (permission, patch) = event.bucket(&given)?;
                built.made.push(permission);
                built.patches.push(patch);
            }
            "Schedule" => built.made.extend(event.schedule(&given)?),
            "ScheduleV2" => built.made.extend(event.scheduled(&given)?),
            kind @ ("EventBridgeRule" | "CloudWatchEvent") => built.made.extend(event.rule(&given, kind)?),
            "CloudWatchLogs" => built.made.extend(event.logs(&given)?),
            other if ABSENT.contains(&other) => {
                return not_built(function, &format!("An event of type {other}"));
            }
            other => {
                let why = "Resource dict has missing or invalid value for key Type. Event Type is";
                return event.invalid(&format!("{why}: {other}."));
            }
        }
    }
    Ok(needs)
}

/// Whether a queue is to stand between: `true`, or what it is.
fn asks(subscription: &Value) -> bool {
    matches!(subscription, Value::Map(_)) || text_of(subscription).is_some_and(|text| text == "true")
}

/// Of targets that say none, by the event's logical id; longer ones are cut.
const TARGET_SUFFIX: &str = "LambdaTarget";
const TARGET_ID_MAX: usize = 64;

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
    fn invalid<T>(&self, why: &str) -> Result<T, Wrong> {
        invalid(self.function, &format!("Event with id [{}] is invalid. {why}", self.own))
    }

    fn needed(&self, given: &Value, name: &str) -> Result<Value, Wrong> {
        match get(given, name) {
            Some(value) => Ok(value.clone()),
            None => invalid(&self.name, &format!("Missing required property '{name}'.")),
        }
    }

    /// Nothing of what is given is passed over. `absent`: what AWS knows of this kind, and is not built.
    fn only(&self, given: &Value, kind: &str, known: &[&str], absent: &[&str]) -> Result<(), Wrong> {
        let Value::Map(entries) = given else { return Ok(()) };
        match entries.iter().map(|(name, _)| name.as_str()).find(|name| !known.contains(name)) {
            Some(other) if absent.contains(&other) => {
                not_built(self.function, &format!("The property {other} of the event {}", self.own))
            }
            Some(other) => {
                invalid(&self.name, &format!("property {other} not defined for resource of type {kind}"))
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

    fn mapping(&self, given: &Value, source: &str, needs: &mut Needs) -> Result<Made, Wrong> {
        const PLAIN: [&str; 12] = [
            "BatchSize",
            "BisectBatchOnFunctionError",
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
        const ABSENT: [&str; 12] = [
            "ConsumerGroupId",
            "KafkaBootstrapServers",
            "KmsKeyArn",
            "LoggingConfig",
            "MetricsConfig",
            "ProvisionedPollerConfig",
            "Queues",
            "SchemaRegistryConfig",
            "SecretsManagerKmsKeyId",
            "SourceAccessConfigurations",
            "StartingPositionTimestamp",
            "Topics",
        ];
        let (kind, starts) = match source {
            "Stream" => ("DynamoDB", true),
            _ => ("SQS", false),
        };
        let known: Vec<&str> = PLAIN.into_iter().chain([source, "DestinationConfig"]).collect();
        self.only(given, kind, &known, &ABSENT)?;
        let source = self.needed(given, source)?;
        if starts {
            self.needed(given, "StartingPosition")?;
        }
        let mut body =
            vec![("EventSourceArn".to_owned(), source), ("FunctionName".to_owned(), self.target.name())];
        if let Some(criteria @ Value::Map(entries)) = get(given, "FilterCriteria")
            && crate::cloudformation::template::function(criteria).is_none()
            && entries.iter().any(|(own, _)| own != "Filters")
        {
            return self.invalid("FilterCriteria field has a wrong format");
        }
        if let Some(config) = get(given, "DestinationConfig") {
            body.push(("DestinationConfig".to_owned(), self.failures(config, needs)?));
        }
        body.extend(PLAIN.iter().filter_map(|own| Some(((*own).to_owned(), get(given, own)?.clone()))));
        Ok(Made::new(&self.name, "AWS::Lambda::EventSourceMapping", Value::Map(body)))
    }

    /// Where records go that the function fails on; their kind says what its role needs for it.
    fn failures(&self, config: &Value, needs: &mut Needs) -> Result<Value, Wrong> {
        let told =
            |why: &str| invalid(self.function, &format!("Event with id [{}] is invalid. {why}", self.name));
        let (Value::Map(sides), Some(Value::Map(entries))) = (config, get(config, "OnFailure")) else {
            return told("Property 'DestinationConfig.OnFailure' should be a map.");
        };
        if let Some((_, kind)) = entries.iter().find(|(own, _)| own == "Type") {
            let kind = kind.as_str().unwrap_or_default();
            if !["SQS", "SNS", "S3", "Kafka"].contains(&kind) {
                return told("The only valid values for 'Type' are 'SQS', 'SNS', 'S3', and 'Kafka'");
            }
            let place = entries.iter().find(|(own, _)| own == "Destination");
            needs.grants.extend(place.and_then(|(_, place)| Grant::to(kind, &self.name, place)));
        }
        let rest = Value::Map(entries.iter().filter(|(own, _)| own != "Type").cloned().collect());
        let side = |(own, body): &(String, Value)| {
            (own.clone(), if own == "OnFailure" { rest.clone() } else { body.clone() })
        };
        Ok(Value::Map(sides.iter().map(side).collect()))
    }

    fn subscription(&self, given: &Value, protocol: &str, endpoint: Value) -> Result<Made, Wrong> {
        self.only(given, "SNS", TOPIC, &[])?;
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
    fn topic_by_queue(&self, world: &Untransformed<'_>, given: &Value) -> Result<Vec<Made>, Wrong> {
        let (topic, asked) = (self.needed(given, "Topic")?, prop(given, "SqsSubscription"));
        let named = get(&topic, "Ref").and_then(Value::as_str);
        let drawn = named.and_then(|name| get(get(world.root, "Resources")?, name));
        let fifo = drawn.and_then(|drawn| world.resolved(get(get(drawn, "Properties")?, "FifoTopic")?));
        let is_fifo = fifo.is_some_and(|fifo| fifo == "true");
        let Some(between) = queue::between(&self.name, &asked, &topic, is_fifo) else {
            return self.invalid("No QueueARN or QueueURL provided.");
        };
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
        self.only(given, "S3", &["Bucket", "Events", "Filter"], &[])?;
        let bucket = self.needed(given, "Bucket")?;
        let Some(name) = get(&bucket, "Ref").and_then(Value::as_str) else {
            return self.invalid(super::NO_BUCKET);
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
            event: self.own.to_owned(),
            condition: self.target.condition.clone(),
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

    fn state(&self, given: &Value) -> Result<Value, Wrong> {
        match (get(given, "State"), get(given, "Enabled").map(text_of)) {
            (Some(_), Some(_)) => self.invalid("State and Enabled Properties cannot both be specified."),
            (Some(state), None) => Ok(state.clone()),
            (None, Some(enabled)) if enabled.as_deref() == Some("false") => Ok(Value::str("DISABLED")),
            (None, Some(_)) => Ok(Value::str("ENABLED")),
            (None, None) => Ok(Value::Null),
        }
    }

    /// The one target of a rule, and what is made for its dead letters.
    fn aimed(&self, given: &Value, made: &mut Vec<Made>) -> Result<Value, Wrong> {
        let id = get(given, "Target").and_then(|target| get(target, "Id")).cloned();
        let room = TARGET_ID_MAX - TARGET_SUFFIX.len();
        let short = |name: &str| name.chars().take(room).chain(TARGET_SUFFIX.chars()).collect();
        let id = id.unwrap_or_else(|| Value::Str(short(&self.name)));
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
        // AWS knows `RuleName` too, and does nothing with it.
        self.only(given, "Schedule", &known, &["RuleName"])?;
        let mut made = Vec::new();
        let body = object([
            ("ScheduleExpression", self.needed(given, "Schedule")?),
            ("State", self.state(given)?),
            ("Name", prop(given, "Name")),
            ("Description", prop(given, "Description")),
            ("Targets", self.aimed(given, &mut made)?),
        ]);
        made.extend(self.ruled(body));
        Ok(made)
    }

    fn rule(&self, given: &Value, kind: &str) -> Result<Vec<Made>, Wrong> {
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
        self.only(given, kind, &known, &[])?;
        let mut made = Vec::new();
        let body = object([
            ("EventPattern", prop(given, "Pattern")),
            ("EventBusName", prop(given, "EventBusName")),
            ("State", self.state(given)?),
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
        self.only(given, "ScheduleV2", &known, &[])?;
        self.needed(given, "ScheduleExpression")?;
        let unnamed = get(given, "OmitName").and_then(text_of).is_some_and(|omits| omits == "true");
        let name = match (get(given, "Name"), unnamed) {
            (Some(_), true) => {
                let why = "Name cannot be set when OmitName is True";
                return invalid(self.function, &format!("Event with id [{}] is invalid. {why}", self.name));
            }
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
        self.only(given, "CloudWatchLogs", &["LogGroupName", "FilterPattern"], &[])?;
        let group = self.needed(given, "LogGroupName")?;
        let permission_name = format!("{}Permission", self.name);
        let arn = "arn:aws:logs:${AWS::Region}:${AWS::AccountId}:log-group:${__LogGroupName__}:*";
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
