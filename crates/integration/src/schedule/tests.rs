//! Schedules: what is due when, and what is no schedule.

use super::Schedule;
use base::calendar;

fn at(year: i64, month: u32, day: u32, hour: i64, minute: i64) -> i64 {
    calendar::days(year, month, day) * 86_400 + hour * 3_600 + minute * 60
}

fn after(text: &str, time: i64) -> Option<i64> {
    Schedule::read(text).unwrap().next(0, time)
}

#[test]
fn cron_is_due() {
    // 2026-11-27 is a Friday.
    let now = at(2026, 11, 27, 11, 20) + 30;
    let cases = [
        ("cron(* * * * ? *)", at(2026, 11, 27, 11, 21)),
        ("cron(0 10 * * ? *)", at(2026, 11, 28, 10, 0)),
        ("cron(15 12 * * ? *)", at(2026, 11, 27, 12, 15)),
        ("cron(0 18 ? * MON-FRI *)", at(2026, 11, 27, 18, 0)),
        ("cron(0 8 1 * ? *)", at(2026, 12, 1, 8, 0)),
        ("cron(0/15 * * * ? *)", at(2026, 11, 27, 11, 30)),
        ("cron(0/10 * ? * mon *)", at(2026, 11, 30, 0, 0)),
        ("cron(0 0 L * ? *)", at(2026, 11, 30, 0, 0)),
        ("cron(0 0 L FEB ? 2028)", at(2028, 2, 29, 0, 0)),
        ("cron(0 0 29 2 ? *)", at(2028, 2, 29, 0, 0)),
        ("cron(0 0 ? * 6L *)", at(2026, 12, 25, 0, 0)),
        ("cron(0 0 ? * 3#2 *)", at(2026, 12, 8, 0, 0)),
        ("cron(0 0 ? * L *)", at(2026, 11, 28, 0, 0)),
        // 2026-11-28 is a Saturday, the 29th a Sunday.
        ("cron(0 12 28W 11 ? *)", at(2026, 11, 27, 12, 0)),
        ("cron(0 12 29W 11 ? *)", at(2026, 11, 30, 12, 0)),
        // 2027-05-01 is a Saturday, and the weekday before it lies in another month.
        ("cron(0 0 1W 5 ? 2027)", at(2027, 5, 3, 0, 0)),
        // 2027-01-31 is a Sunday, and the Monday after it lies in another month.
        ("cron(0 0 31W 1 ? 2027)", at(2027, 1, 29, 0, 0)),
        ("cron(0 0 1,15 JAN,JUL ? 2030-2040/5)", at(2030, 1, 1, 0, 0)),
    ];
    for (text, wanted) in cases {
        assert_eq!(after(text, now), Some(wanted), "{text}");
    }
    assert_eq!(after("cron(0 0 1 1 ? 2020)", now), None);
    assert_eq!(after("cron(0 0 30 2 ? *)", now), None);
}

#[test]
fn what_is_due_now_was_due() {
    let noon = at(2026, 11, 27, 12, 0);
    assert_eq!(after("cron(0 12 * * ? *)", noon - 1), Some(noon));
    assert_eq!(after("cron(0 12 * * ? *)", noon), Some(noon + 86_400));
}

#[test]
fn rate_counts_from_its_start() {
    let next = |text: &str, start, time| Schedule::read(text).unwrap().next(start, time);
    assert_eq!(next("rate(5 minutes)", 100, 100), Some(400));
    assert_eq!(next("rate(5 minutes)", 100, 399), Some(400));
    assert_eq!(next("rate(5 minutes)", 100, 400), Some(700));
    assert_eq!(next("rate(1 hour)", 100, 0), Some(3_700));
    assert_eq!(next("rate(2 days)", 0, 1), Some(172_800));
}

#[test]
fn what_is_no_schedule() {
    for text in [
        "",
        "rate()",
        "rate(1 minutes)",
        "rate(5 minute)",
        "rate(0 minutes)",
        "rate(-1 minutes)",
        "rate(+5 minutes)",
        "rate(5 seconds)",
        "rate(5 minutes) ",
        "rate(9223372036854775807 days)",
        "at(2026-01-01T00:00:00)",
        "cron(0 10 * * *)",
        "cron(0 10 * * * *)",
        "cron(0 10 ? * ? *)",
        "cron(60 10 * * ? *)",
        "cron(0 24 * * ? *)",
        "cron(0 10 0 * ? *)",
        "cron(0 10 32W * ? *)",
        "cron(0 10 ? * 8 *)",
        "cron(0 10 ? * 3#6 *)",
        "cron(0 10 * 13 ? *)",
        "cron(0 10 * * ? 1969)",
        "cron(0/0 10 * * ? *)",
        "cron(5-1 10 * * ? *)",
        "cron(, 10 * * ? *)",
    ] {
        assert_eq!(Schedule::read(text), None, "{text}");
    }
}
