//! Events: what leads to a function becomes the resources that lead there.

use super::list;
use super::{Made, Patch, attribute, invalid, not_built, object, prop, reference};
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
    fn name(&self) -> Value {
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
            "SNS" => made.extend(event.topic(&given)?),
            "S3" => {
                let (permission, patch) = event.bucket(&given)?;
                made.push(permission);
                patches.push(patch);
            }
            "Schedule" => made.extend(event.schedule(&given)?),
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

    fn topic(&self, given: &Value) -> Result<[Made; 2], Wrong> {
        self.only(given, &["Topic", "FilterPolicy", "FilterPolicyScope", "Region", "RedrivePolicy"])?;
        let topic = self.needed(given, "Topic")?;
        let body = object([
            ("Protocol", Value::str("lambda")),
            ("Endpoint", self.target.arn()),
            ("TopicArn", topic.clone()),
            ("FilterPolicy", prop(given, "FilterPolicy")),
            ("FilterPolicyScope", prop(given, "FilterPolicyScope")),
            ("Region", prop(given, "Region")),
            ("RedrivePolicy", prop(given, "RedrivePolicy")),
        ]);
        let subscription = Made::new(&self.name, "AWS::SNS::Subscription", body);
        Ok([subscription, self.permission("sns.amazonaws.com", topic)])
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

    fn aimed(&self, given: &Value) -> Result<Value, Wrong> {
        let id = get(given, "Target").and_then(|target| get(target, "Id")).cloned();
        let id = id.unwrap_or_else(|| Value::Str(format!("{}LambdaTarget", self.name)));
        let letters = match get(given, "DeadLetterConfig") {
            None => Value::Null,
            Some(config) => match get(config, "Arn") {
                Some(arn) => object([("Arn", arn.clone())]),
                None => {
                    return not_built(self.function, "A queue that is made for the dead letters of an event");
                }
            },
        };
        Ok(list([object([
            ("Arn", self.target.arn()),
            ("Id", id),
            ("Input", prop(given, "Input")),
            ("InputPath", prop(given, "InputPath")),
            ("DeadLetterConfig", letters),
            ("RetryPolicy", prop(given, "RetryPolicy")),
        ])]))
    }

    fn schedule(&self, given: &Value) -> Result<[Made; 2], Wrong> {
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
        let body = object([
            ("ScheduleExpression", self.needed(given, "Schedule")?),
            ("State", Self::state(given)),
            ("Name", prop(given, "Name")),
            ("Description", prop(given, "Description")),
            ("Targets", self.aimed(given)?),
        ]);
        Ok(self.ruled(body))
    }

    fn rule(&self, given: &Value) -> Result<[Made; 2], Wrong> {
        let known = [
            "Pattern",
            "EventBusName",
            "Input",
            "InputPath",
            "Enabled",
            "State",
            "RuleName",
            "DeadLetterConfig",
            "RetryPolicy",
            "Target",
        ];
        self.only(given, &known)?;
        let body = object([
            ("EventPattern", self.needed(given, "Pattern")?),
            ("EventBusName", prop(given, "EventBusName")),
            ("State", Self::state(given)),
            ("Name", prop(given, "RuleName")),
            ("Targets", self.aimed(given)?),
        ]);
        Ok(self.ruled(body))
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
