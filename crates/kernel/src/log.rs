//! The cloud's log: one line an event, `time LEVEL message key=value ...`, to the standard error stream (which
//! `virga up --detach` points at the log file).
//!
//! An error is logged where it is handled, never where it is passed on. `error` means that a promise is at risk,
//! `warn` that somebody should look, `info` what a person wants to follow.

use base::Clock;
use std::io::Write;

/// The log's own clock: log lines tell the machine's time, not the cloud's, so that they can be laid beside other logs.
static CLOCK: std::sync::LazyLock<Clock> = std::sync::LazyLock::new(Clock::system);

pub fn info(message: &str, fields: &[(&str, &str)]) {
    line("INFO", message, fields);
}

pub fn warn(message: &str, fields: &[(&str, &str)]) {
    line("WARN", message, fields);
}

pub fn error(message: &str, fields: &[(&str, &str)]) {
    line("ERROR", message, fields);
}

fn line(level: &str, message: &str, fields: &[(&str, &str)]) {
    let text = format_line(&CLOCK.now().iso8601_millis(), level, message, fields);
    // A closed standard error is no reason to fail a request.
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// Values with spaces, quotes or control characters are quoted and escaped: a line stays one line.
fn format_line(time: &str, level: &str, message: &str, fields: &[(&str, &str)]) -> String {
    let mut text = format!("{time} {level:5} {message}");
    for (key, value) in fields {
        let plain = !value.is_empty() && value.chars().all(|c| c.is_ascii_graphic() && c != '"' && c != '=');
        let shown = if plain { (*value).to_owned() } else { format!("{value:?}") };
        text.push_str(&format!(" {key}={shown}"));
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::format_line;

    #[test]
    fn a_value_cannot_forge_a_line() {
        let text = format_line("T", "WARN", "odd caller", &[("name", "a\nT ERROR x"), ("n", "1")]);
        assert_eq!(text, "T WARN  odd caller name=\"a\\nT ERROR x\" n=1\n");
    }
}
