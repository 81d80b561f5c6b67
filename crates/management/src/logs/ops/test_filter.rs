//! `TestMetricFilter`: what a pattern finds in messages of the caller's.

use crate::logs::errors::LogsError;
use crate::logs::pattern::Pattern;
use kernel::Cx;
use wire::shape::Pairs;

kernel::ops! { pub(crate) static OPS:
    TestMetricFilter: test, "logs:TestMetricFilter", kernel::access::any;
}

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct TestMetricFilter {
        pattern: String = "filterPattern",
        messages: Vec<String> = "logEventMessages",
    }

    #[derive(Debug)]
    pub(crate) struct Matches { matches: Vec<Match> = "matches" }

    #[derive(Debug)]
    pub(crate) struct Match {
        number: i64 = "eventNumber",
        message: String = "eventMessage",
        values: Pairs<String> = "extractedValues",
    }
}

fn test(_: &mut Cx<'_>, req: TestMetricFilter) -> Result<Matches, LogsError> {
    let pattern = Pattern::parse(&req.pattern).map_err(LogsError::Invalid)?;
    let matches = (1..).zip(req.messages).filter_map(|(number, message)| {
        let values = Pairs(pattern.extract(&message)?);
        Some(Match { number, message, values })
    });
    Ok(Matches { matches: matches.collect() })
}
