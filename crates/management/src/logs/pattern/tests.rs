use super::Pattern;

fn matching<'m>(pattern: &str, messages: &[&'m str]) -> Vec<&'m str> {
    let pattern = Pattern::parse(pattern).unwrap_or_else(|e| panic!("{pattern}: {e}"));
    messages.iter().filter(|message| pattern.matches(message)).copied().collect()
}

#[test]
fn terms() {
    let lines = ["[ERROR 400] BAD REQUEST", "[WARN] low", "ERROR exit 1", "terror", "all is well"];
    let rows: &[(&str, &[usize])] = &[
        ("", &[0, 1, 2, 3, 4]),
        ("ERROR", &[0, 2]),
        ("ERROR BAD", &[0]),
        ("\"exit 1\"", &[2]),
        ("ERROR -exit", &[0]),
        ("-ERROR -WARN", &[3, 4]),
        ("?ERROR ?WARN", &[0, 1, 2]),
        // AWS: an optional term beside a needed one is passed over.
        ("ERROR ?WARN", &[0, 2]),
        ("%err|WARN%", &[1, 3]),
        ("%E[A-Z]+ \\d%", &[0]),
    ];
    for (pattern, expected) in rows {
        let expected: Vec<&str> = expected.iter().map(|at| lines[*at]).collect();
        assert_eq!(matching(pattern, &lines), expected, "{pattern}");
    }
}

#[test]
fn fields() {
    let lines = [
        "127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] \"GET /index.html HTTP/1.0\" 404 1534",
        "127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] \"GET /logo.png HTTP/1.0\" 200 98",
        "one two",
    ];
    let rows: &[(&str, &[usize])] = &[
        ("[ip, id, user, time, request, status, bytes]", &[0, 1]),
        ("[ip, id, user, time, request, status=4*, bytes]", &[0]),
        ("[ip, id, user, time, request=\"*.png*\", status, bytes]", &[1]),
        ("[..., status=200, bytes<100]", &[1]),
        ("[ip=127.0.0.1, ...]", &[0, 1]),
        ("[..., status=404 || status=410, bytes>1000]", &[0]),
        ("[..., status!=404, bytes]", &[1, 2]),
        ("[a, b]", &[2]),
        ("[..., request=%/(logo|x)%, status, bytes]", &[1]),
    ];
    for (pattern, expected) in rows {
        let expected: Vec<&str> = expected.iter().map(|at| lines[*at]).collect();
        assert_eq!(matching(pattern, &lines), expected, "{pattern}");
    }
    let pattern = Pattern::parse("[ip, ..., status, bytes]").unwrap();
    let extracted = pattern.extract(lines[0]).unwrap();
    assert_eq!(extracted[0], ("$ip".to_owned(), "127.0.0.1".to_owned()));
    assert_eq!(extracted[3], ("$4".to_owned(), "10/Oct/2000:13:25:15 -0700".to_owned()));
    assert_eq!(extracted[5], ("$status".to_owned(), "404".to_owned()));
}

#[test]
fn json() {
    let lines = [
        r#"{"eventType":"UpdateTrail","n":7,"list":[{"id":1},{"id":2}],"who":{"name":"eva"},"x":null,"ok":true}"#,
        r#"{"eventType":"CreateTrail","n":12.5,"list":[],"who":{"name":"adam"},"a-b":"c d"}"#,
        "no JSON",
        "[1]",
    ];
    let rows: &[(&str, &[usize])] = &[
        (r#"{ $.eventType = "UpdateTrail" }"#, &[0]),
        (r#"{ $.eventType = "*Trail" }"#, &[0, 1]),
        (r#"{ $.eventType = Update* }"#, &[0]),
        (r#"{ $.eventType != "UpdateTrail" }"#, &[1]),
        ("{ $.n = 7 }", &[0]),
        ("{ $.n > 7 && $.n <= 12.5 }", &[1]),
        ("{ $.list[1].id = 2 }", &[0]),
        ("{ $.list[*].id = 2 }", &[0]),
        ("{ $.list[2].id = 2 }", &[]),
        (r#"{ $.who.* = "adam" }"#, &[1]),
        ("{ $.x IS NULL }", &[0]),
        ("{ $.ok IS TRUE }", &[0]),
        ("{ $.ok NOT EXISTS }", &[1]),
        (r#"{ $.['a-b'] = "c d" }"#, &[1]),
        (r#"{ ($.n = 7 || $.n = 12.5) && $.who.name = %^ad% }"#, &[1]),
        (r#"{ $.missing != "x" }"#, &[]),
    ];
    for (pattern, expected) in rows {
        let expected: Vec<&str> = expected.iter().map(|at| lines[*at]).collect();
        assert_eq!(matching(pattern, &lines), expected, "{pattern}");
    }
    let pattern = Pattern::parse("{ $.n > 0 && $.who.name = * }").unwrap();
    let expected = vec![("$.n".to_owned(), "7".to_owned()), ("$.who.name".to_owned(), "eva".to_owned())];
    assert_eq!(pattern.extract(lines[0]).unwrap(), expected);
}

#[test]
fn what_is_no_pattern() {
    for (pattern, words) in [
        ("foo-bar", "Invalid character(s) in term 'foo-bar'"),
        ("a:b", "Invalid character(s) in term 'a:b'"),
        ("\"open", "Invalid metric filter pattern"),
        ("{ $.a }", "Invalid metric filter pattern"),
        ("{ $.a = 1", "Invalid metric filter pattern"),
        ("{ $.a < x }", "Invalid metric filter pattern"),
        ("{ a = 1 }", "Invalid metric filter pattern"),
        ("[a, b", "Invalid metric filter pattern"),
        ("[..., a, ...]", "Invalid metric filter pattern"),
        ("%(%", "Invalid metric filter pattern"),
        ("%a% %b% %c%", "Invalid metric filter pattern: at most 2 regular expressions"),
    ] {
        assert_eq!(Pattern::parse(pattern).unwrap_err(), words, "{pattern}");
    }
    let deep = format!("{{ {} $.a = 1 {} }}", "(".repeat(400), ")".repeat(400));
    assert!(Pattern::parse(&deep).is_err());
}
