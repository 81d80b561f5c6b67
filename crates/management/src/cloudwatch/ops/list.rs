//! `ListMetrics`.

use super::{NameValue, position, shown};
use crate::cloudwatch::errors::WatchError;
use crate::cloudwatch::model::metric::{LISTED_FOR, METRICS, Metric};
use kernel::Cx;
use std::time::Duration;
use store::{Key, Page};

kernel::ops! { pub(crate) static OPS:
    ListMetrics: list, "cloudwatch:ListMetrics", kernel::access::any;
}

const PAGE_MAX: usize = 500;
const RECENTLY: Duration = Duration::from_secs(3 * 3_600);

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct ListMetrics {
        namespace: Option<String> = "Namespace",
        name: Option<String> = "MetricName",
        dimensions: Vec<Filter> = "Dimensions",
        token: Option<String> = "NextToken",
        recently: Option<String> = "RecentlyActive",
    }

    #[derive(Debug)]
    pub(crate) struct Filter {
        name: String = "Name",
        value: Option<String> = "Value",
    }

    #[derive(Debug)]
    pub(crate) struct Metrics {
        metrics: Vec<Listed> = "Metrics",
        token: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    pub(crate) struct Listed {
        namespace: String = "Namespace",
        name: String = "MetricName",
        dimensions: Vec<NameValue> = "Dimensions",
    }
}

fn list(cx: &mut Cx<'_>, req: ListMetrics) -> Result<Metrics, WatchError> {
    let list = format!(
        "cloudwatch:ListMetrics {} {} {:?} {:?} {:?} {:?}",
        cx.account,
        cx.region.name(),
        req.namespace,
        req.name,
        req.dimensions,
        req.recently
    );
    let after = position(cx, &list, req.token.as_deref())?;
    let mut after = after.and_then(|bytes| place(cx, &bytes));
    let all = Key::regional(cx.account, cx.region);
    let prefix = match (&req.namespace, &req.name) {
        (Some(namespace), Some(name)) => all.str(namespace).str(name),
        (Some(namespace), None) => all.str(namespace),
        (None, _) => all,
    };
    let oldest = cx.now.minus(if req.recently.is_some() { RECENTLY } else { LISTED_FOR });
    let wanted = |metric: &Metric| {
        // `fed` is told to the hour.
        metric.fed.plus(Duration::from_secs(3_600)) > oldest
            && req.name.as_ref().is_none_or(|name| *name == metric.name)
            && req.dimensions.iter().all(|filter| {
                metric.dimensions.iter().any(|own| {
                    own.name == filter.name && filter.value.as_ref().is_none_or(|value| *value == own.value)
                })
            })
    };
    let mut metrics = Vec::new();
    loop {
        let Page { items, next } = METRICS.page(cx.tx, &prefix, after.as_ref(), PAGE_MAX - metrics.len())?;
        metrics.extend(items.into_iter().map(|(_, metric)| metric).filter(wanted));
        after = next;
        if metrics.len() == PAGE_MAX || after.is_none() {
            break;
        }
    }
    let token = after.and_then(|key| Some(cx.pager().token(&list, parts(&key)?.join("\0").as_bytes())));
    let listed = metrics.into_iter().map(|metric| Listed {
        namespace: metric.namespace,
        name: metric.name,
        dimensions: shown(metric.dimensions),
    });
    Ok(Metrics { metrics: listed.collect(), token })
}

/// Namespace, name and dimensions as a key has them.
fn parts(key: &Key) -> Option<[String; 3]> {
    let mut reader = key.reader();
    reader.scope()?;
    reader.region()?;
    Some([reader.str()?, reader.str()?, reader.str()?])
}

fn place(cx: &Cx<'_>, bytes: &[u8]) -> Option<Key> {
    let text = std::str::from_utf8(bytes).ok()?;
    let parts = text.split('\0');
    Some(parts.fold(Key::regional(cx.account, cx.region), Key::str))
}
