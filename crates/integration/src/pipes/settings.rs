//! What a pipe is told to be, checked as far as it can be without asking anybody. Pure.
//!
//! AWS: <https://docs.aws.amazon.com/eventbridge/latest/pipes-reference/API_CreatePipe.html>,
//! <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-batching-concurrency.html>

use super::enrichment;
use super::errors::{PipesError, invalid};
use super::model::{Enrichment, Pipe, Source};
use super::ops::view::{
    EnrichmentParameters, FromQueue, FromStream, SourceParameters, TargetParameters, UpdatedSource,
};
use super::target::{self, Kind};
use super::template;
use base::Arn;
use feed::filter::Filters;

const QUEUE_BATCH: u32 = 10;
const STREAM_BATCH: u32 = 100;
const BATCH_WITHOUT_WINDOW: u32 = 10;
const FIFO_BATCH_MAX: u32 = 10;
const AGE_MIN: i64 = 60;

impl Pipe {
    /// Of which kind its source is, and how it is read.
    ///
    /// # Errors
    /// `ValidationException`, `NotImplemented`
    pub(super) fn begin(&mut self, given: SourceParameters) -> Result<(), PipesError> {
        let source = &mut self.source;
        let kind = Arn::parse(&source.arn).map(|arn| (arn.service, arn.region, arn.resource));
        let Some((service, region, resource)) = kind else {
            return Err(PipesError::NotBuilt("A source that is a self managed Apache Kafka".into()));
        };
        match (service.as_str(), given.queue, given.stream) {
            ("sqs", queue, None) => queue.iter().for_each(|queue| source.take_queue(queue)),
            ("dynamodb", None, Some(stream)) if resource.contains("/stream/") => {
                source.take_stream(stream)?;
            }
            ("dynamodb", None, None) if resource.contains("/stream/") => {
                return Err(invalid("DynamoDBStreamParameters with a StartingPosition must be specified."));
            }
            ("sqs" | "dynamodb", _, _) => {
                return Err(invalid(format!("The SourceParameters do not fit the source {}.", source.arn)));
            }
            ("kinesis" | "kafka" | "mq", _, _) => {
                return Err(PipesError::NotBuilt(format!("A source of the service {service}")));
            }
            _ => return Err(invalid(format!("{} is not supported as a source.", source.arn))),
        }
        if let Some(filters) = given.filters {
            source.filters = filters.patterns();
        }
        match region == self.region.name() {
            true => Ok(()),
            false => Err(invalid("The source must be in the same Region as the pipe.")),
        }
    }

    /// AWS: what a request says of the source's own kind stands for all of it.
    ///
    /// # Errors
    /// `ValidationException`
    pub(super) fn change_source(&mut self, given: UpdatedSource) -> Result<(), PipesError> {
        let fresh = Source {
            arn: self.source.arn.clone(),
            filters: self.source.filters.clone(),
            start: self.source.start.clone(),
            parallel: 1,
            ..Source::default()
        };
        match (given.queue, given.stream, &self.source.start) {
            (None, None, _) => {}
            (Some(queue), None, None) => {
                self.source = fresh;
                self.source.take_queue(&queue);
            }
            (None, Some(stream), Some(start)) => {
                let stream = stream.from(start.clone());
                self.source = fresh;
                self.source.take_stream(stream)?;
            }
            _ => {
                return Err(invalid(format!(
                    "The SourceParameters do not fit the source {}.",
                    self.source.arn
                )));
            }
        }
        if let Some(filters) = given.filters {
            self.source.filters = filters.patterns();
        }
        Ok(())
    }

    /// By whom what is read is enriched; an empty ARN says by nobody.
    ///
    /// # Errors
    /// `ValidationException`, `NotImplemented`
    pub(super) fn enrich(
        &mut self,
        arn: Option<String>,
        given: Option<EnrichmentParameters>,
    ) -> Result<(), PipesError> {
        let before = self.enrichment.take();
        let Some(arn) = arn.or_else(|| before.as_ref().map(|before| before.arn.clone())) else {
            return Ok(());
        };
        if arn.is_empty() {
            return Ok(());
        }
        let is_called = enrichment::is_destination(&arn)?;
        let mut enrichment = before
            .filter(|before| before.arn == arn)
            .unwrap_or_else(|| Enrichment { arn, ..Enrichment::default() });
        if let Some(given) = given {
            let template = given.template.or(enrichment.template);
            enrichment.template = template.filter(|template| !template.is_empty());
            enrichment.http = given.http.map(|http| http.read()).or(enrichment.http);
        }
        if enrichment.http.is_some() && !is_called {
            return Err(invalid("HttpParameters can only be used with an API destination."));
        }
        self.enrichment = Some(enrichment);
        Ok(())
    }

    /// What its target is given.
    ///
    /// # Errors
    /// `ValidationException`, `NotImplemented`
    pub(super) fn aim(&mut self, given: Option<TargetParameters>) -> Result<(), PipesError> {
        let Some(given) = given else { return Ok(()) };
        let kind = target::kind(&self.target.arn)?;
        let fits = [
            (given.function.is_some(), Kind::Function, "LambdaFunctionParameters"),
            (given.queue.is_some(), Kind::Queue, "SqsQueueParameters"),
            (given.http.is_some(), Kind::Destination, "HttpParameters"),
            (given.bus.is_some(), Kind::Bus, "EventBridgeEventBusParameters"),
            (given.log.is_some(), Kind::LogGroup, "CloudWatchLogsParameters"),
        ];
        if let Some((_, _, name)) = fits.iter().find(|(told, of, _)| *told && *of != kind) {
            return Err(invalid(format!("{name} cannot be used with the target {}.", self.target.arn)));
        }
        if given.bus.as_ref().is_some_and(|bus| bus.endpoint.is_some()) {
            return Err(PipesError::NotBuilt("A global endpoint".into()));
        }
        let target = &mut self.target;
        if let Some(template) = given.template {
            target.template = Some(template).filter(|template| !template.is_empty());
        }
        if let Some(function) = given.function {
            target.invocation = function.invocation;
        }
        target.queue = given.queue.map(|queue| queue.read()).or(target.queue.take());
        target.http = given.http.map(|http| http.read()).or(target.http.take());
        target.bus = given.bus.map(|bus| bus.read()).or(target.bus.take());
        target.log = given.log.map(|log| log.read()).or(target.log.take());
        Ok(())
    }

    /// How many records a batch has at most: what was told, or what all that it goes through takes.
    pub(super) fn batch(&self) -> u32 {
        let usual = if feed::is_queue(&self.source.arn) { QUEUE_BATCH } else { STREAM_BATCH };
        self.source.batch.unwrap_or_else(|| usual.min(self.batch_max()))
    }

    fn batch_max(&self) -> u32 {
        let target = target::kind(&self.target.arn).map_or(1, Kind::at_once);
        let enriched = self.enrichment.as_ref().and_then(|by| enrichment::is_destination(&by.arn).ok());
        if enriched == Some(true) { 1 } else { target }
    }

    /// Whether all of it goes together.
    ///
    /// # Errors
    /// `ValidationException`, `NotImplemented`
    pub(super) fn check(&self) -> Result<(), PipesError> {
        let kind = target::kind(&self.target.arn)?;
        let source = &self.source;
        // AWS: nobody passes another account's role.
        if Arn::parse(&self.role).is_none_or(|role| role.account != self.account.as_str()) {
            return Err(invalid("The role must be of the pipe's account."));
        }
        let (batch, window) = (self.batch(), source.window.unwrap_or_default());
        if batch > self.batch_max() {
            let most = self.batch_max();
            return Err(invalid(format!("BatchSize must be at most {most} for this enrichment and target.")));
        }
        let is_queue = feed::is_queue(&source.arn);
        let is_fifo = is_queue && source.arn.ends_with(".fifo");
        if is_fifo && batch > FIFO_BATCH_MAX {
            return Err(invalid(format!("BatchSize must be at most {FIFO_BATCH_MAX} for a FIFO queue.")));
        }
        if is_fifo && window > 0 {
            return Err(invalid("MaximumBatchingWindowInSeconds is not supported for a FIFO queue."));
        }
        if is_queue && batch > BATCH_WITHOUT_WINDOW && window == 0 {
            return Err(invalid(format!(
                "MaximumBatchingWindowInSeconds must be greater than 0 if BatchSize is greater than {BATCH_WITHOUT_WINDOW}."
            )));
        }
        Filters::read(&source.filters)
            .map_err(|why| invalid(format!("The filter is not valid: {}", why.0)))?;
        let templates = [&self.target.template, &self.enrichment.as_ref().and_then(|by| by.template.clone())];
        templates.into_iter().flatten().try_for_each(|text| template::check(text))?;
        target::check(kind, &self.target)
    }
}

impl Source {
    fn take_queue(&mut self, given: &FromQueue) {
        (self.batch, self.window) = (given.batch, given.window);
    }

    fn take_stream(&mut self, given: FromStream) -> Result<(), PipesError> {
        let endless = |number: Option<i64>| number.and_then(|number| u32::try_from(number).ok());
        if given.age.is_some_and(|age| (0..AGE_MIN).contains(&age)) {
            return Err(invalid("MaximumRecordAgeInSeconds must be -1, or between 60 and 604800."));
        }
        let dead_letters = given.dead_letters.and_then(|config| config.arn);
        if let Some(arn) = &dead_letters
            && !Arn::parse(arn).is_some_and(|arn| matches!(arn.service.as_str(), "sqs" | "sns"))
        {
            return Err(invalid(format!("{arn} is not supported as a dead-letter queue.")));
        }
        (self.batch, self.window) = (given.batch, given.window);
        self.bisects = given.partial.is_some();
        (self.age, self.retries) = (endless(given.age), endless(given.retries));
        self.parallel = given.parallel.unwrap_or(1);
        self.start = Some(given.start);
        self.dead_letters = dead_letters;
        Ok(())
    }
}
