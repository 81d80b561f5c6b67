//! What a mapping is told to be, checked against what its source takes and its function's role may.
//!
//! AWS: <https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html>

use crate::lambda::access::SERVICE;
use crate::lambda::destination;
use crate::lambda::errors::{LambdaError, invalid, is_denied};
use crate::lambda::model::{self, Mapping};
use crate::lambda::ops::configuration::{not_built, says};
use base::{Arn, Timestamp};
use feed::filter::Filters;
use kernel::{As, Cx, Target};
use wire::{Struct, Value};

/// AWS: the operation's page and the quotas of the developer guide.
const QUEUE_BATCH: u32 = 10;
const STREAM_BATCH: u32 = 100;
const BATCH_WITHOUT_WINDOW: u32 = 10;
const FIFO_BATCH_MAX: u32 = 10;
const FILTERS_MAX: usize = 5;

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct Filtered { filters: Vec<One> = "Filters" }

    #[derive(Clone, Debug)]
    pub(crate) struct One { pattern: Option<String> = "Pattern" }

    #[derive(Clone, Debug)]
    pub(crate) struct Scaling { pub(crate) most: Option<u32> = "MaximumConcurrency" }

    #[derive(Clone, Debug)]
    pub(crate) struct Destinations { on_failure: Option<Place> = "OnFailure" }

    #[derive(Clone, Debug)]
    pub(crate) struct Place { arn: Option<String> = "Destination" }
}

impl Filtered {
    pub(crate) fn of(patterns: &[String]) -> Option<Filtered> {
        let filters: Vec<One> =
            patterns.iter().map(|pattern| One { pattern: Some(pattern.clone()) }).collect();
        (!filters.is_empty()).then_some(Filtered { filters })
    }
}

impl Destinations {
    pub(crate) fn of(on_failure: Option<&str>) -> Destinations {
        Destinations { on_failure: Some(Place { arn: on_failure.map(str::to_owned) }) }
    }
}

/// What a request says; what it does not say stays.
pub(crate) struct Asked {
    pub(crate) batch: Option<u32>,
    pub(crate) window: Option<u32>,
    pub(crate) filters: Option<Filtered>,
    pub(crate) scaling: Option<Scaling>,
    pub(crate) responses: Option<Vec<String>>,
    pub(crate) parallel: Option<u32>,
    pub(crate) destinations: Option<Destinations>,
    pub(crate) age: Option<i64>,
    pub(crate) bisects: Option<bool>,
    pub(crate) retries: Option<i64>,
    pub(crate) tumbling: Option<u32>,
    pub(crate) pollers: Option<Value>,
    pub(crate) metrics: Option<Value>,
}

impl Mapping {
    fn is_fifo(&self) -> bool {
        self.source.ends_with(".fifo")
    }

    /// Of which kind its source is, and where a stream is begun.
    ///
    /// # Errors
    /// `InvalidParameterValueException`, `NotImplemented` for other kinds of sources.
    pub(crate) fn begin(&mut self, start: Option<String>, at: Option<Timestamp>) -> Result<(), LambdaError> {
        let arn = Arn::parse(&self.source).ok_or_else(|| invalid("Unrecognized event source."))?;
        match arn.service.as_str() {
            "sqs" if start.is_some() => {
                return Err(invalid("StartingPosition is not valid for SQS event sources."));
            }
            "sqs" => self.batch = QUEUE_BATCH,
            "dynamodb" if arn.resource.contains("/stream/") => {
                match start.as_deref() {
                    Some("TRIM_HORIZON" | "LATEST") if at.is_some() => {
                        return Err(invalid("Timestamp only valid with StartingPosition AT_TIMESTAMP"));
                    }
                    Some("TRIM_HORIZON" | "LATEST") => {}
                    Some(_) => {
                        let source = &self.source;
                        return Err(invalid(format!("Unsupported starting position for arn type: {source}")));
                    }
                    None => {
                        return Err(invalid(
                            "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not be null.",
                        ));
                    }
                }
                (self.start, self.batch) = (start, STREAM_BATCH);
                self.result = Some("No records processed".into());
            }
            "kinesis" | "kafka" | "mq" | "rds" => {
                return Err(LambdaError::NotBuilt(format!("An event source of {}", arn.service)));
            }
            _ => return Err(invalid("Unrecognized event source.")),
        }
        if arn.region != self.region.name() {
            return Err(invalid("The event source must be in the same Region as the function."));
        }
        Ok(())
    }

    /// Takes what was asked for.
    ///
    /// # Errors
    /// `InvalidParameterValueException`, `NotImplemented`
    pub(crate) fn apply(&mut self, asked: Asked) -> Result<(), LambdaError> {
        not_built(&[
            (asked.pollers.as_ref().is_some_and(says), "Provisioned pollers (ProvisionedPollerConfig)"),
            (asked.metrics.as_ref().is_some_and(says), "Metrics of a mapping (MetricsConfig)"),
        ])?;
        if self.is_queue() {
            self.refuse_of_queue(&asked)?;
        } else {
            self.apply_to_stream(&asked)?;
        }
        if let Some(filtered) = asked.filters {
            self.filters = filtered.filters.into_iter().filter_map(|one| one.pattern).collect();
            if self.filters.len() > FILTERS_MAX {
                return Err(invalid(format!(
                    "The filter criteria has more than the maximum of {FILTERS_MAX} filters."
                )));
            }
            Filters::read(&self.filters).map_err(|_| invalid("Invalid filter pattern definition."))?;
        }
        if let Some(responses) = asked.responses {
            self.reports = !responses.is_empty();
        }
        if let Some(scaling) = asked.scaling {
            self.concurrency = scaling.most;
        }
        self.batch = asked.batch.unwrap_or(self.batch);
        self.window = asked.window.unwrap_or(self.window);
        if !self.is_queue() {
            return Ok(());
        }
        if self.is_fifo() && self.window > 0 {
            return Err(invalid("Batching window is not supported for FIFO queues."));
        }
        if self.is_fifo() && self.batch > FIFO_BATCH_MAX {
            return Err(invalid(format!("For FIFO queues the maximum batch size is {FIFO_BATCH_MAX}.")));
        }
        if self.batch > BATCH_WITHOUT_WINDOW && self.window == 0 {
            return Err(invalid(
                "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10",
            ));
        }
        Ok(())
    }

    fn refuse_of_queue(&self, asked: &Asked) -> Result<(), LambdaError> {
        let of_streams = [
            (asked.parallel.is_some(), "ParallelizationFactor"),
            (asked.destinations.is_some(), "DestinationConfig"),
            (asked.age.is_some(), "MaximumRecordAgeInSeconds"),
            (asked.bisects.is_some(), "BisectBatchOnFunctionError"),
            (asked.retries.is_some(), "MaximumRetryAttempts"),
            (asked.tumbling.is_some(), "TumblingWindowInSeconds"),
        ];
        unsupported(&of_streams)
    }

    fn apply_to_stream(&mut self, asked: &Asked) -> Result<(), LambdaError> {
        unsupported(&[(asked.scaling.is_some(), "ScalingConfig")])?;
        if asked.tumbling.is_some_and(|seconds| seconds > 0) {
            return Err(LambdaError::NotBuilt("A tumbling window".into()));
        }
        let endless = |number: i64| u32::try_from(number).ok();
        self.parallel = asked.parallel.unwrap_or(self.parallel);
        self.bisects = asked.bisects.unwrap_or(self.bisects);
        self.retries = asked.retries.map_or(self.retries, endless);
        if let Some(age) = asked.age {
            if (0..60).contains(&age) {
                return Err(invalid("MaximumRecordAgeInSeconds must be -1, or between 60 and 604800."));
            }
            self.age = endless(age);
        }
        if let Some(destinations) = &asked.destinations {
            let arn = destinations.on_failure.as_ref().and_then(|place| place.arn.clone());
            self.on_failure = arn.filter(|arn| !arn.is_empty());
            if let Some(arn) = &self.on_failure {
                match Arn::parse(arn).map(|arn| arn.service) {
                    Some(service) if matches!(service.as_str(), "sqs" | "sns" | "s3") => {}
                    _ => return Err(invalid(format!("The provided destination ARN is invalid: {arn}"))),
                }
            }
        }
        Ok(())
    }

    /// The source must be there, and the function's role must be let read it.
    ///
    /// # Errors
    /// `InvalidParameterValueException`
    pub(crate) fn check_source(&self, cx: &mut Cx<'_>) -> Result<(), LambdaError> {
        let version = model::resolve(cx.tx, &self.named(), 0)?;
        let cloud = std::sync::Arc::clone(cx.cloud());
        let home = (self.account, self.region);
        let checked = cloud.act_as_role(cx.tx, SERVICE, &version.role, home, |role| {
            if let Some(target) = &self.on_failure {
                self.check_destination(role, target)?;
            }
            if self.is_queue() { self.check_queue(role, version.timeout) } else { self.check_stream(role) }
        });
        checked.map_err(|_| invalid("The role defined for the function cannot be assumed by Lambda."))?
    }

    fn check_destination(&self, role: &Cx<'_>, target: &str) -> Result<(), LambdaError> {
        if let Some(action) = destination::action(target) {
            return self.check_may(role, action, target);
        }
        // AWS: the guide on destinations in S3 asks for both.
        self.check_may(role, "s3:PutObject", &format!("{target}/aws/lambda/{}", self.id))?;
        self.check_may(role, "s3:ListBucket", target)
    }

    fn check_may(&self, role: &Cx<'_>, action: &str, resource: &str) -> Result<(), LambdaError> {
        if kernel::access::allowed(role, action, &Target::on(resource), &Struct::new())? {
            return Ok(());
        }
        let (service, operation) = action.split_once(':').unwrap_or((action, ""));
        Err(invalid(format!(
            "The provided execution role does not have permissions to call {operation} on {}",
            service.to_uppercase()
        )))
    }

    fn check_queue(&self, role: &mut Cx<'_>, timeout: u32) -> Result<(), LambdaError> {
        let own = Arn::parse(&self.source).is_some_and(|arn| arn.account == self.account.as_str());
        if own {
            for action in ["sqs:ReceiveMessage", "sqs:DeleteMessage"] {
                self.check_may(role, action, &self.source)?;
            }
        }
        let arn = Arn::parse(&self.source).ok_or_else(|| invalid("Unrecognized event source."))?;
        let url = format!("https://sqs.{}.amazonaws.com/{}/{}", arn.region, arn.account, arn.resource);
        let names = Value::List(vec![Value::str("VisibilityTimeout")]);
        let members: Struct =
            [("QueueUrl", Value::Str(url)), ("AttributeNames", names)].into_iter().collect();
        let answer = role.call("sqs", "GetQueueAttributes", Value::Struct(members), As::Caller);
        let answer = answer.map_err(|fault| match is_denied(&fault) {
            true => invalid(
                "The provided execution role does not have permissions to call GetQueueAttributes on SQS",
            ),
            false => invalid(format!(
                "Error occurred while ReceiveMessage. SQS Error Code: {}. SQS Error Message: {}",
                fault.code, fault.message
            )),
        })?;
        let visibility = match answer.member("Attributes") {
            Some(Value::Map(all)) => all.iter().find(|(name, _)| name == "VisibilityTimeout"),
            _ => None,
        };
        let visibility = visibility.and_then(|(_, value)| value.as_str()?.parse::<u32>().ok());
        match visibility {
            Some(visibility) if visibility < timeout => Err(invalid(format!(
                "Queue visibility timeout: {visibility} seconds is less than Function timeout: {timeout} seconds"
            ))),
            _ => Ok(()),
        }
    }

    fn check_stream(&self, role: &mut Cx<'_>) -> Result<(), LambdaError> {
        let source = &self.source;
        let denied = || {
            invalid(format!(
                "Cannot access stream {source}. Please ensure the role can perform the GetRecords, GetShardIterator, DescribeStream, and ListStreams Actions on your stream in IAM."
            ))
        };
        for action in ["dynamodb:GetRecords", "dynamodb:GetShardIterator"] {
            self.check_may(role, action, source).map_err(|_| denied())?;
        }
        let members: Struct = [("StreamArn", Value::str(source))].into_iter().collect();
        match role.call("dynamodbstreams", "DescribeStream", Value::Struct(members), As::Caller) {
            Ok(_) => Ok(()),
            Err(fault) if is_denied(&fault) => Err(denied()),
            Err(_) => Err(invalid(format!("Stream not found: {source}"))),
        }
    }
}

/// # Errors
/// `InvalidParameterValueException` for the first that was said.
fn unsupported(said: &[(bool, &str)]) -> Result<(), LambdaError> {
    match said.iter().find(|(said, _)| *said) {
        Some((_, name)) => {
            Err(invalid(format!("Unsupported {name} parameter for given event source mapping type.")))
        }
        None => Ok(()),
    }
}
