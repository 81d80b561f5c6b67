//! `virga clock [+45d | freeze | thaw]`: the cloud's clock.

use super::{Context, Outcome};
use crate::client;
use clap::Args;
use serde_json::json;
use std::process::ExitCode;

#[derive(Args, Debug)]
pub(super) struct Options {
    /// +90s, +15m, +12h, +45d, +2w (parts may follow each other: +1d12h), freeze or thaw; nothing reads it
    #[arg(allow_hyphen_values = true)]
    change: Option<String>,
}

pub(super) fn run(cx: &Context, options: &Options) -> Outcome {
    let running = cx.place.must_run()?;
    let clock = match options.change.as_deref() {
        None => client::call(&running.endpoint, "GET", "/_virga/clock", "")?,
        Some(change) => {
            client::call(&running.endpoint, "POST", "/_virga/clock", &order(change)?.to_string())?
        }
    };
    if cx.json {
        super::print(&clock.to_string());
    } else {
        let frozen = if clock["frozen"].as_bool() == Some(true) { "  (frozen)" } else { "" };
        super::print(&format!("{}{frozen}", clock["now"].as_str().unwrap_or("?")));
    }
    Ok(ExitCode::SUCCESS)
}

fn order(change: &str) -> Result<serde_json::Value, String> {
    match change {
        "freeze" => Ok(json!({ "freeze": true })),
        "thaw" => Ok(json!({ "thaw": true })),
        // What has happened by time (a key deleted, a session ended) has happened.
        _ if change.starts_with('-') => Err("the clock goes forward only; try +45d, freeze or thaw".into()),
        _ => match change.strip_prefix('+').and_then(seconds) {
            Some(seconds) => Ok(json!({ "advance_seconds": seconds })),
            None => Err(format!("{change:?} is no change of the clock; try +45d, freeze or thaw")),
        },
    }
}

/// `1d12h` in seconds.
fn seconds(text: &str) -> Option<u64> {
    let mut total = 0u64;
    let mut number = None::<u64>;
    for c in text.chars() {
        if let Some(digit) = c.to_digit(10) {
            number = Some(number.unwrap_or(0).checked_mul(10)?.checked_add(digit.into())?);
            continue;
        }
        let unit = match c {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return None,
        };
        total = total.checked_add(number.take()?.checked_mul(unit)?)?;
    }
    (number.is_none() && total > 0).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn spans() {
        assert_eq!(seconds("45d"), Some(45 * 86_400));
        assert_eq!(seconds("1d12h"), Some(129_600));
        for bad in ["", "45", "d", "1y", "-1d", "99999999999999999999d", "1.5h"] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
    }
}
