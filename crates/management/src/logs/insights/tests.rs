use super::Query;
use super::run::{Record, Running};
use super::value::Val;

fn run(query: &str, messages: &[&str]) -> Vec<String> {
    let query = Query::read(query).unwrap();
    let mut running = Running::new(&query, base::Timestamp::from_seconds(1_768_478_500));
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
    assert_eq!(run("stats sortsFirst(path) as a, sortsLast(ms) as b", &REQUESTS), ["a=/a b=50"]);
}

#[test]
fn aggregates_are_reckoned_with() {
    assert_eq!(
        run("stats sum(ms) / 1000 * count(path) as s by ok | filter ok = 1", &REQUESTS),
        ["ok=1 s=0.18"]
    );
    let lines = "stats max(ms / 10) as a, min(ms) as b, a - b as c by path | filter path = '/a'";
    assert_eq!(run(lines, &REQUESTS), ["path=/a a=5 b=10 c=-5"]);
    assert_eq!(run("stats ceil(avg(ms)) as mean", &REQUESTS), ["mean=28"]);
    assert!(Query::read("stats sum(max(ms))").is_err(), "there is none within another");
    assert!(Query::read("filter max(ms) > 1").is_err(), "nor elsewhere than in stats");
}

#[test]
fn lists_are_read_by_their_places_and_comments_are_no_names() {
    let parsed = "fields jsonParse(@message) as m | filter ispresent(m.tags[1]) | display m.tags[1]";
    assert_eq!(run(parsed, &REQUESTS), ["m.tags[1]=y"]);
    assert_eq!(run("filter path = '/b' | fields path # all of them\n| limit 1", &REQUESTS), ["path=/b"]);
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
            "patterns @message",
            "expected one of the commands fields, display, filter, stats, sort, limit, parse and dedup at position 0, found 'patterns @message'",
        ),
        ("fields a b", "expected '|' at position 9, found 'b'"),
        ("filter a =", "expected an expression at position 10, found the end"),
        ("stats count(*) by", "expected an expression at position 17, found the end"),
        ("stats mode(a)", "the function mode is not known"),
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

#[test]
fn functions_of_one_value() {
    let of =
        |expression: &str| run(&format!("fields {expression} as x | display x | limit 1"), &[REQUESTS[0]]);
    for (expression, value) in [
        ("now()", "1768478500"),
        ("if(ms > 5, 'slow', 'fast')", "slow"),
        ("if(ms > 50, 'slow', 'fast')", "fast"),
        ("case(ms > 50, 'slow', ms > 5, 'fair', 'fast')", "fair"),
        ("case(ms > 50, 'slow', 'fast')", "fast"),
        ("trim('xaxx', 'x')", "a"),
        ("ltrim('xax', 'x')", "ax"),
        ("isValidIp('10.0.0.1') + isValidIp('10.0.0.300') + isValidIpv6('::1')", "2"),
        ("isIpInSubnet('10.1.2.3', '10.0.0.0/8') + isIpv4InSubnet('11.1.2.3', '10.0.0.0/8')", "1"),
        ("isIpv6InSubnet('2001:db8::1', '2001:db8::/32') + isIpv6InSubnet('10.0.0.1', '10.0.0.0/8')", "1"),
    ] {
        assert_eq!(
            of(expression)[0].split(" @ptr").next(),
            Some(format!("x={value}").as_str()),
            "{expression}"
        );
    }
    assert!(of("if(ms > 50, 'slow')")[0].is_empty());
    let parsed = "fields jsonParse(@message) as m | stats count(*) as n by m.user.name | sort n";
    assert_eq!(run(parsed, &REQUESTS[..2]), ["m.user.name=ben n=1", "m.user.name=eva n=1"]);
}

#[test]
fn fields_of_lambdas_lines() {
    let id = "8f507cfc-1b0d-4b3c-9d5a-2d6d4a9f0c11";
    let report = format!(
        "REPORT RequestId: {id}\tDuration: 12.50 ms\tBilled Duration: 13 ms\tMemory Size: 128 MB\t\
         Max Memory Used: 30 MB\tInit Duration: 44.00 ms\t\n"
    );
    let lines = [
        format!("START RequestId: {id} Version: $LATEST\n"),
        format!("[INFO]\t2026-01-15T12:00:00.000Z\t{id}\thello\n"),
        format!("END RequestId: {id}\n"),
        report,
        "START of something else".to_owned(),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let all = "fields @duration, @billedDuration, @memorySize, @maxMemoryUsed, @initDuration";
    assert_eq!(
        run(&format!("{all} | filter @type = 'REPORT'"), &lines),
        ["@duration=12.5 @billedDuration=13 @memorySize=128000000 @maxMemoryUsed=30000000 @initDuration=44"]
    );
    assert_eq!(
        run("stats count(*) as n by @requestId | filter n > 1", &lines),
        [format!("@requestId={id} n=4")]
    );
    assert_eq!(run("stats count(@type) as n", &lines), ["n=3"]);
}

#[test]
fn what_is_not_built_is_named() {
    for name in ["pattern @message", "diff", "unmask @message", "anomaly"] {
        let why = Query::read(&format!("fields @message | {name}")).unwrap_err();
        assert!(why.contains("is not built"), "{why}");
    }
}
