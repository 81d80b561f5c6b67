use super::Query;
use super::run::{Record, Running};
use super::value::Val;

fn run(query: &str, messages: &[&str]) -> Vec<String> {
    let query = Query::read(query).unwrap();
    let mut running = Running::new(&query);
    for (at, message) in (0i64..).zip(messages) {
        let system =
            vec![("@timestamp", Val::Time(1_768_478_400_000 + at * 60_000)), ("@logStream", Val::text("s"))];
        running.take(Record { message: (*message).to_owned(), system });
    }
    let rows = running.end(1_000);
    let cell = |(name, value): &(String, String)| format!("{name}={value}");
    rows.iter().map(|row| row.iter().map(cell).collect::<Vec<_>>().join(" ")).collect()
}

const REQUESTS: [&str; 5] = [
    r#"{"path":"/a","ms":10,"ok":true,"user":{"name":"eva"},"tags":["x","y"]}"#,
    r#"{"path":"/b","ms":30,"ok":true,"user":{"name":"ben"}}"#,
    r#"{"path":"/a","ms":50,"ok":false}"#,
    r#"{"path":"/a","ms":"20","ok":true}"#,
    "no json: ERROR user=kim, took 7 ms",
];

#[test]
fn fields_are_found_in_json_and_computed() {
    assert_eq!(
        run(
            "fields path, ms * 2 as twice, user.name, tags.1 | filter ms >= 10 | sort ms desc | limit 3",
            &REQUESTS
        ),
        ["path=/a twice=100", "path=/b twice=60 user.name=ben", "path=/a twice=40"]
    );
    assert_eq!(run("fields tags.1 | filter ispresent(tags.1)", &REQUESTS), ["tags.1=y"]);
    assert_eq!(
        run("filter @message like /ERROR/", &REQUESTS),
        [format!("@timestamp=2026-01-15 12:04:00.000 @message={}", REQUESTS[4])]
    );
}

#[test]
fn filters_compare_match_and_combine() {
    let count = |filter: &str| run(&format!("filter {filter} | fields @message"), &REQUESTS).len();
    let cases = [
        ("path = '/a'", 3),
        ("path != \"/a\"", 2),
        ("ms > 10 and ms < 50", 2),
        ("ok = 1 or @message like 'ERROR'", 4),
        ("not (path in ['/a', '/b'])", 1),
        ("path not in ['/a']", 2),
        ("@message =~ /user=\\w+/", 1),
        ("user.name not like /^e/", 4),
        ("strlen(path) = 2 and ms % 20 = 10", 3),
        ("concat(path, '-', toupper(user.name)) = '/a-EVA'", 1),
        ("coalesce(user.name, 'none') = 'none' # a comment", 3),
    ];
    for (filter, expected) in cases {
        assert_eq!(count(filter), expected, "{filter}");
    }
}

#[test]
fn stats_group_by_fields_and_time() {
    assert_eq!(
        run("stats count(*), sum(ms), avg(ms) as mean, max(ms), pct(ms, 50) by path | sort path", &REQUESTS),
        [
            "path=/a count(*)=3 sum(ms)=80 mean=26.666666666666668 max(ms)=50 pct(ms, 50)=20",
            "path=/b count(*)=1 sum(ms)=30 mean=30 max(ms)=30 pct(ms, 50)=30",
            "count(*)=1",
        ]
    );
    assert_eq!(
        run("stats count(*) as n, count_distinct(path) as paths by bin(2m) as t | sort t", &REQUESTS),
        [
            "t=2026-01-15 12:00:00.000 n=2 paths=2",
            "t=2026-01-15 12:02:00.000 n=2 paths=1",
            "t=2026-01-15 12:04:00.000 n=1 paths=0"
        ]
    );
    assert_eq!(
        run("stats sum(ms) as s by path | filter s > 40 | stats count(*) as groups", &REQUESTS),
        ["groups=1"]
    );
    assert_eq!(run("stats earliest(path) as a, latest(ms) as b", &REQUESTS), ["a=/a b=20"]);
}

#[test]
fn times_are_made_and_rounded() {
    let last = "filter not ispresent(path) | fields";
    let rounded =
        "datefloor(@timestamp, 1h) as down, dateceil(@timestamp, 1h) as up, dateceil(@timestamp, 4m) as same";
    assert_eq!(
        run(&format!("{last} {rounded}"), &REQUESTS),
        ["down=2026-01-15 12:00:00.000 up=2026-01-15 13:00:00.000 same=2026-01-15 12:04:00.000"]
    );
    assert_eq!(
        run(
            &format!("{last} fromMillis(0) as t, toMillis(fromMillis(60000)) as m, fromMillis(-1) as none"),
            &REQUESTS
        ),
        ["t=1970-01-01 00:00:00.000 m=60000"]
    );
    assert!(Query::read("fields datefloor(@timestamp)").is_err());
    assert!(Query::read("fields dateceil(@timestamp, 0h)").is_err());
}

#[test]
fn texts_are_parsed_by_asterisks_and_by_groups() {
    let expected = ["user=kim ms=7"];
    let glob = "parse @message \"user=*, took * ms\" as user, ms | filter user = 'kim' | display user, ms";
    assert_eq!(run(glob, &REQUESTS), expected);
    let regex =
        r"parse @message /user=(?<user>\w+), took (?<ms>\d+)/ | filter user = 'kim' | display user, ms";
    assert_eq!(run(regex, &REQUESTS), expected);
    assert_eq!(
        run("parse 'ERROR *' as rest | filter ispresent(rest) | display rest", &REQUESTS),
        ["rest=user=kim, took 7 ms"]
    );
}

#[test]
fn of_those_alike_the_first_stays() {
    assert_eq!(
        run("fields path, ms | filter ispresent(path) | sort ms desc | dedup path", &REQUESTS),
        ["path=/a ms=50", "path=/b ms=30"]
    );
}

#[test]
fn what_is_no_query_is_told() {
    let cases = [
        (
            "pattern @message",
            "expected one of the commands fields, display, filter, stats, sort, limit, parse and dedup at position 0, found 'pattern @message'",
        ),
        ("fields a b", "expected '|' at position 9, found 'b'"),
        ("filter a =", "expected an expression at position 10, found the end"),
        ("stats count(*) by", "expected an expression at position 17, found the end"),
        ("stats mode(a)", "the aggregate mode is not known"),
        ("fields nothing(a)", "the function nothing is not known"),
        ("parse @message '*-*' as a", "a text to parse by needs as many names as it has asterisks"),
        ("limit 0", "expected a number of rows from 1 to 10000 at position 7, found the end"),
        ("filter a like /(/", "the regular expression ( is not valid"),
        ("fields 'a", "expected a closing ' at position 7, found ''a'"),
    ];
    for (query, message) in cases {
        assert_eq!(Query::read(query).unwrap_err(), message, "{query}");
    }
    let deep = format!("filter {}a{}", "(".repeat(50), ")".repeat(50));
    assert!(Query::read(&deep).is_err());
}
