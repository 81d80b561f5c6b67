use super::{Expression, Known, Line, Outcome, Points};

fn known() -> Known {
    let series = |points: &[(i64, f64)]| Outcome::Series(points.iter().copied().collect());
    let outcomes = [
        ("m1".to_owned(), series(&[(0, 1.0), (60, 2.0), (180, 4.0)])),
        ("m2".to_owned(), series(&[(0, 10.0), (60, 0.0), (120, 30.0)])),
        ("e1".to_owned(), series(&[(0, 1000.0)])),
    ];
    let metrics = ["m1", "m2"].map(|id| (id.to_owned(), format!("of {id}"))).into();
    let periods = [("m1".to_owned(), 60), ("m2".to_owned(), 60), ("e1".to_owned(), 60)].into();
    let line = |label: &str, value: f64| Line { label: label.into(), points: [(0, value)].into() };
    let found = (vec![line("a", 1.0), line("b", 2.0)], 60);
    let searches = [(("CPU".to_owned(), "Sum".to_owned(), Some(60)), found)].into();
    Known { outcomes: outcomes.into(), metrics, periods, searches, range: (-60, 300) }
}

fn reckon(text: &str) -> Result<Outcome, String> {
    Expression::parse(text)?.reckon(&known())
}

#[test]
fn expressions() {
    let series = |points: &[(i64, f64)]| Outcome::Series(points.iter().copied().collect::<Points>());
    let rows: &[(&str, Outcome)] = &[
        ("1 + 2 * 3 ^ 2", Outcome::Number(19.0)),
        ("-(2 - 5)", Outcome::Number(3.0)),
        ("m1 * 2", series(&[(0, 2.0), (60, 4.0), (180, 8.0)])),
        ("m1 + m2", series(&[(0, 11.0), (60, 2.0)])),
        ("m1 / m2", series(&[(0, 0.1)])),
        ("m1 > 1", series(&[(0, 0.0), (60, 1.0), (180, 1.0)])),
        ("m1 > 1 AND m1 < 4", series(&[(0, 0.0), (60, 1.0), (180, 0.0)])),
        ("SUM(m1)", Outcome::Number(7.0)),
        ("SUM([m1, m2])", series(&[(0, 11.0), (60, 2.0), (120, 30.0), (180, 4.0)])),
        ("MAX(METRICS())", series(&[(0, 10.0), (60, 2.0), (120, 30.0), (180, 4.0)])),
        ("AVG(METRICS(\"1\"))", series(&[(0, 1.0), (60, 2.0), (180, 4.0)])),
        ("FILL(m1, 0)", series(&[(-60, 0.0), (0, 1.0), (60, 2.0), (120, 0.0), (180, 4.0), (240, 0.0)])),
        ("FILL(m1, REPEAT)", series(&[(0, 1.0), (60, 2.0), (120, 2.0), (180, 4.0), (240, 4.0)])),
        ("FILL(m1, m1 * 0 + 9)", series(&[(0, 1.0), (60, 2.0), (180, 4.0)])),
        ("FILL(IF(m1 > 1, m1), m1 * 10)", series(&[(0, 10.0), (60, 2.0), (180, 4.0)])),
        ("FILL(m1, LINEAR)", series(&[(0, 1.0), (60, 2.0), (120, 3.0), (180, 4.0)])),
        ("FILL(m1 / 0, 7) - m1", series(&[(0, 6.0), (60, 5.0), (180, 3.0)])),
        ("TIME_SERIES(AVG(m1) + 1)", series(&[-60, 0, 60, 120, 180, 240].map(|at| (at, 10.0 / 3.0)))),
        ("DATAPOINT_COUNT(m1)", Outcome::Number(3.0)),
        ("FIRST(SORT(METRICS(), SUM, DESC))", series(&[(0, 10.0), (60, 0.0), (120, 30.0)])),
        ("FIRST(SORT(METRICS(), MIN, ASC, 1))", series(&[(0, 10.0), (60, 0.0), (120, 30.0)])),
        ("METRIC_COUNT(SORT(METRICS(), AVG, ASC, 1))", Outcome::Number(1.0)),
        ("FIRST(SLICE(METRICS(), 1))", series(&[(0, 10.0), (60, 0.0), (120, 30.0)])),
        ("METRIC_COUNT(SLICE(METRICS(), 0, 1))", Outcome::Number(1.0)),
        ("METRIC_COUNT(REMOVE_EMPTY([m1, m1 / 0]))", Outcome::Number(1.0)),
        ("DIFF(m1)", series(&[(60, 1.0), (180, 2.0)])),
        ("RATE(m1) * 60", series(&[(60, 1.0), (180, 1.0)])),
        ("IF(m1 > 1, m1, 0)", series(&[(0, 0.0), (60, 2.0), (180, 4.0)])),
        ("IF(m1 > 1, 5)", series(&[(60, 5.0), (180, 5.0)])),
        ("PERIOD(m1)", Outcome::Number(60.0)),
        ("e1 / PERIOD(e1) * 60", series(&[(0, 1000.0)])),
        ("METRIC_COUNT(METRICS())", Outcome::Number(2.0)),
        ("abs(m2 - 10)", series(&[(0, 0.0), (60, 10.0), (120, 20.0)])),
        ("SUM(SEARCH('CPU', 'Sum', 60)) * 2", series(&[(0, 6.0)])),
        ("FIRST(SORT(SEARCH('CPU', 'Sum', 60), MAX, DESC))", series(&[(0, 2.0)])),
        ("RUNNING_SUM(m1)", series(&[(0, 1.0), (60, 3.0), (180, 7.0)])),
    ];
    for (text, expected) in rows {
        match (reckon(text).unwrap_or_else(|e| panic!("{text}: {e}")), expected) {
            (Outcome::Series(got), Outcome::Series(expected)) => {
                assert_eq!(got.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{text}");
                for (a, b) in got.values().zip(expected.values()) {
                    assert!((a - b).abs() < 1e-9, "{text}: {got:?}");
                }
            }
            (got, expected) => assert_eq!(got, *expected, "{text}"),
        }
    }
}

#[test]
fn what_is_found_keeps_its_name() {
    let Outcome::Many(lines) = reckon("SORT(SEARCH('CPU', 'Sum', 60), MAX, DESC) + 1").unwrap() else {
        panic!("a list")
    };
    let named: Vec<(&str, f64)> = lines.iter().map(|line| (line.label.as_str(), line.points[&0])).collect();
    assert_eq!(named, [("b", 3.0), ("a", 2.0)]);
    let Outcome::Many(lines) = reckon("[m2, METRICS('1'), m1 * 2]").unwrap() else { panic!("a list") };
    let named: Vec<&str> = lines.iter().map(|line| line.label.as_str()).collect();
    assert_eq!(named, ["of m2", "of m1", ""]);
}

#[test]
fn only_queries_are_names() {
    let parsed = Expression::parse("FILL(m1, REPEAT) + SUM(SORT(METRICS(), AVG, DESC))").unwrap();
    assert_eq!(parsed.names(), ["m1"]);
}

#[test]
fn a_range_that_is_too_long_is_not_filled() {
    let known = Known { range: (0, 60 * 200_000), ..known() };
    assert!(Expression::parse("FILL(m1, 0)").unwrap().reckon(&known).is_err());
}

#[test]
fn what_is_no_expression() {
    for text in [
        "",
        "1 +",
        "(1",
        "m1 m2",
        "SEARCH('x', 'Sum', 300)",
        "NOTHING(m1)",
        "m9",
        "1 / 0",
        "[m1, 1]",
        "FILL(m1, METRICS())",
        "REPEAT",
        "SORT(METRICS(), STDDEV, ASC)",
        "SORT(METRICS(), SUM)",
        "SORT(m1, SUM, ASC)",
        "SLICE(METRICS(), 0.5)",
    ] {
        assert!(reckon(text).is_err(), "{text}");
    }
    assert!(Expression::parse(&"(".repeat(2000)).is_err());
    assert!(Expression::parse(&format!("{}1", "-".repeat(2000))).is_err());
    assert!(Expression::parse(&format!("1{}", "^1".repeat(2000))).is_err());
}
