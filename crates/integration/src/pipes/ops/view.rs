//! Pipes as requests tell them and answers show them.

use crate::events::Http;
use crate::pipes::model::{Enrichment, Pipe, Source, Target, ToBus, ToLog, ToQueue};
use base::Timestamp;
use wire::Pairs;

wire::shape! {
    #[derive(Clone, Debug, Default)]
    pub(crate) struct SourceParameters {
        pub(crate) filters: Option<FilterCriteria> = "FilterCriteria",
        pub(crate) queue: Option<FromQueue> = "SqsQueueParameters",
        pub(crate) stream: Option<FromStream> = "DynamoDBStreamParameters",
    }

    #[derive(Clone, Debug, Default)]
    pub(crate) struct UpdatedSource {
        pub(crate) filters: Option<FilterCriteria> = "FilterCriteria",
        pub(crate) queue: Option<FromQueue> = "SqsQueueParameters",
        pub(crate) stream: Option<UpdatedStream> = "DynamoDBStreamParameters",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct FilterCriteria { filters: Vec<Filter> = "Filters" }

    #[derive(Clone, Debug)]
    pub(crate) struct Filter { pattern: Option<String> = "Pattern" }

    #[derive(Clone, Debug)]
    pub(crate) struct FromQueue {
        pub(crate) batch: Option<u32> = "BatchSize",
        pub(crate) window: Option<u32> = "MaximumBatchingWindowInSeconds",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct DeadLetters { pub(crate) arn: Option<String> = "Arn" }

    #[derive(Clone, Debug)]
    pub(crate) struct FromStream {
        pub(crate) batch: Option<u32> = "BatchSize",
        pub(crate) dead_letters: Option<DeadLetters> = "DeadLetterConfig",
        pub(crate) partial: Option<String> = "OnPartialBatchItemFailure",
        pub(crate) window: Option<u32> = "MaximumBatchingWindowInSeconds",
        pub(crate) age: Option<i64> = "MaximumRecordAgeInSeconds",
        pub(crate) retries: Option<i64> = "MaximumRetryAttempts",
        pub(crate) parallel: Option<u32> = "ParallelizationFactor",
        pub(crate) start: String = "StartingPosition",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct UpdatedStream {
        pub(crate) batch: Option<u32> = "BatchSize",
        pub(crate) dead_letters: Option<DeadLetters> = "DeadLetterConfig",
        pub(crate) partial: Option<String> = "OnPartialBatchItemFailure",
        pub(crate) window: Option<u32> = "MaximumBatchingWindowInSeconds",
        pub(crate) age: Option<i64> = "MaximumRecordAgeInSeconds",
        pub(crate) retries: Option<i64> = "MaximumRetryAttempts",
        pub(crate) parallel: Option<u32> = "ParallelizationFactor",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct HttpParameters {
        path: Vec<String> = "PathParameterValues",
        headers: Pairs<String> = "HeaderParameters",
        query: Pairs<String> = "QueryStringParameters",
    }

    #[derive(Clone, Debug, Default)]
    pub(crate) struct EnrichmentParameters {
        pub(crate) template: Option<String> = "InputTemplate",
        pub(crate) http: Option<HttpParameters> = "HttpParameters",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct FunctionParameters { pub(crate) invocation: Option<String> = "InvocationType" }

    #[derive(Clone, Debug)]
    pub(crate) struct QueueParameters {
        group: Option<String> = "MessageGroupId",
        deduplication: Option<String> = "MessageDeduplicationId",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct BusParameters {
        pub(crate) endpoint: Option<String> = "EndpointId",
        detail_type: Option<String> = "DetailType",
        source: Option<String> = "Source",
        resources: Vec<String> = "Resources",
        time: Option<String> = "Time",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct LogParameters {
        stream: Option<String> = "LogStreamName",
        time: Option<String> = "Timestamp",
    }

    #[derive(Clone, Debug, Default)]
    pub(crate) struct TargetParameters {
        pub(crate) template: Option<String> = "InputTemplate",
        pub(crate) function: Option<FunctionParameters> = "LambdaFunctionParameters",
        pub(crate) queue: Option<QueueParameters> = "SqsQueueParameters",
        pub(crate) http: Option<HttpParameters> = "HttpParameters",
        pub(crate) bus: Option<BusParameters> = "EventBridgeEventBusParameters",
        pub(crate) log: Option<LogParameters> = "CloudWatchLogsParameters",
    }

    /// What operations that change a pipe say of it.
    #[derive(Debug)]
    pub(crate) struct Short {
        arn: String = "Arn",
        name: String = "Name",
        desired: String = "DesiredState",
        current: String = "CurrentState",
        created: Timestamp = "CreationTime",
        modified: Timestamp = "LastModifiedTime",
    }
}

impl Short {
    pub(crate) fn of(pipe: &Pipe) -> Short {
        Short {
            arn: pipe.arn(),
            name: pipe.name.clone(),
            desired: pipe.desired().to_owned(),
            current: pipe.phase.label().to_owned(),
            created: pipe.created,
            modified: pipe.modified,
        }
    }
}

impl FilterCriteria {
    pub(crate) fn patterns(self) -> Vec<String> {
        self.filters.into_iter().filter_map(|filter| filter.pattern).collect()
    }
}

impl UpdatedStream {
    /// A stream's start stays what it was.
    pub(crate) fn from(self, start: String) -> FromStream {
        FromStream {
            batch: self.batch,
            dead_letters: self.dead_letters,
            partial: self.partial,
            window: self.window,
            age: self.age,
            retries: self.retries,
            parallel: self.parallel,
            start,
        }
    }
}

impl HttpParameters {
    pub(crate) fn read(self) -> Http {
        Http {
            path: self.path,
            headers: self.headers.0.into_iter().collect(),
            query: self.query.0.into_iter().collect(),
        }
    }

    fn of(http: Http) -> HttpParameters {
        HttpParameters {
            path: http.path,
            headers: Pairs(http.headers.into_iter().collect()),
            query: Pairs(http.query.into_iter().collect()),
        }
    }
}

impl QueueParameters {
    pub(crate) fn read(self) -> ToQueue {
        let told = |text: Option<String>| text.filter(|text| !text.is_empty());
        ToQueue { group: told(self.group), deduplication: told(self.deduplication) }
    }
}

impl BusParameters {
    pub(crate) fn read(self) -> ToBus {
        ToBus {
            detail_type: self.detail_type,
            source: self.source,
            resources: self.resources,
            time: self.time,
        }
    }
}

impl LogParameters {
    pub(crate) fn read(self) -> ToLog {
        ToLog { stream: self.stream, time: self.time }
    }
}

pub(super) fn source(source: Source, batch: u32) -> SourceParameters {
    let endless = |number: Option<u32>| Some(number.map_or(-1, i64::from));
    let filters: Vec<Filter> =
        source.filters.into_iter().map(|pattern| Filter { pattern: Some(pattern) }).collect();
    let filters = (!filters.is_empty()).then_some(FilterCriteria { filters });
    let (batch, window) = (Some(batch), source.window);
    match source.start {
        None => SourceParameters { filters, queue: Some(FromQueue { batch, window }), stream: None },
        Some(start) => {
            let stream = FromStream {
                batch,
                dead_letters: source.dead_letters.map(|arn| DeadLetters { arn: Some(arn) }),
                partial: source.bisects.then(|| "AUTOMATIC_BISECT".to_owned()),
                window,
                age: endless(source.age),
                retries: endless(source.retries),
                parallel: Some(source.parallel),
                start,
            };
            SourceParameters { filters, queue: None, stream: Some(stream) }
        }
    }
}

pub(super) fn enrichment(enrichment: Enrichment) -> EnrichmentParameters {
    EnrichmentParameters { template: enrichment.template, http: enrichment.http.map(HttpParameters::of) }
}

pub(super) fn target(target: Target) -> TargetParameters {
    TargetParameters {
        template: target.template,
        function: target.invocation.map(|how| FunctionParameters { invocation: Some(how) }),
        queue: target
            .queue
            .map(|queue| QueueParameters { group: queue.group, deduplication: queue.deduplication }),
        http: target.http.map(HttpParameters::of),
        bus: target.bus.map(|bus| BusParameters {
            endpoint: None,
            detail_type: bus.detail_type,
            source: bus.source,
            resources: bus.resources,
            time: bus.time,
        }),
        log: target.log.map(|log| LogParameters { stream: log.stream, time: log.time }),
    }
}
