use super::{Malformed, Pattern};
use proptest::prelude::proptest;

fn matches(pattern: &str, document: &str) -> bool {
    Pattern::read(pattern).unwrap().matches(&wire::json::read(document).unwrap())
}

#[test]
fn operators() {
    let cases = [
        (r#"{"a":["x"]}"#, r#"{"a":"x"}"#, r#"{"a":"y"}"#),
        (r#"{"a":["x","y"]}"#, r#"{"a":"y","b":1}"#, r#"{"b":"y"}"#),
        (r#"{"a":[1]}"#, r#"{"a":1.0}"#, r#"{"a":"1"}"#),
        (r#"{"a":[null]}"#, r#"{"a":null}"#, r#"{"a":0}"#),
        (r#"{"a":[true]}"#, r#"{"a":true}"#, r#"{"a":"true"}"#),
        (r#"{"a":[{"prefix":"ab"}]}"#, r#"{"a":"abc"}"#, r#"{"a":"Abc"}"#),
        (r#"{"a":[{"prefix":{"equals-ignore-case":"AB"}}]}"#, r#"{"a":"abc"}"#, r#"{"a":"b"}"#),
        (r#"{"a":[{"suffix":".png"}]}"#, r#"{"a":"x.png"}"#, r#"{"a":"x.jpg"}"#),
        (r#"{"a":[{"equals-ignore-case":"TeNNis"}]}"#, r#"{"a":"tennis"}"#, r#"{"a":"tennis "}"#),
        (r#"{"a":[{"wildcard":"a*c*e"}]}"#, r#"{"a":"abcde"}"#, r#"{"a":"abde"}"#),
        (r#"{"a":[{"wildcard":"a\\*"}]}"#, r#"{"a":"a*"}"#, r#"{"a":"ab"}"#),
        (r#"{"a":[{"cidr":"10.0.0.0/24"}]}"#, r#"{"a":"10.0.0.255"}"#, r#"{"a":"10.0.1.1"}"#),
        (r#"{"a":[{"cidr":"2001:db8::/32"}]}"#, r#"{"a":"2001:db8:1::1"}"#, r#"{"a":"10.0.0.1"}"#),
        (r#"{"a":[{"numeric":[">",0,"<=",5]}]}"#, r#"{"a":5}"#, r#"{"a":0}"#),
        (r#"{"a":[{"numeric":["=",3.5]}]}"#, r#"{"a":3.5}"#, r#"{"a":"3.5"}"#),
        (r#"{"a":[{"exists":true}]}"#, r#"{"a":null}"#, r#"{"b":1}"#),
        (r#"{"a":[{"exists":false}]}"#, r#"{"b":1}"#, r#"{"a":1}"#),
        (r#"{"a":[{"exists":true}]}"#, r#"{"a":[1]}"#, r#"{"a":{"b":1}}"#),
        (r#"{"a":[{"exists":false}]}"#, r#"{"a":{"b":1}}"#, r#"{"a":""}"#),
        (r#"{"a":{"b":[{"exists":false}]}}"#, r#"{"c":1}"#, r#"{"a":{"b":1}}"#),
        (r#"{"a":[{"anything-but":["x","y"]}]}"#, r#"{"a":"z"}"#, r#"{"a":"x"}"#),
        (r#"{"a":[{"anything-but":"x"}]}"#, r#"{"a":["x","z"]}"#, r#"{"b":"z"}"#),
        (r#"{"a":[{"anything-but":{"prefix":"x"}}]}"#, r#"{"a":"yx"}"#, r#"{"a":"xy"}"#),
        (r#"{"a":[{"anything-but":{"suffix":["x","y"]}}]}"#, r#"{"a":"z"}"#, r#"{"a":"zy"}"#),
        (r#"{"a":[{"anything-but":{"wildcard":"*/lib/*"}}]}"#, r#"{"a":"/bin"}"#, r#"{"a":"/lib/x"}"#),
        (r#"{"a":[null,{"anything-but":"x"}]}"#, r#"{"a":null}"#, r#"{"b":1}"#),
        (r#"{"$or":[{"a":["x"]},{"b":[{"numeric":["<",2]}]}]}"#, r#"{"b":1}"#, r#"{"a":"y","b":2}"#),
        (r#"{"c":[1],"$or":[{"a":["x"]},{"b":["x"]}]}"#, r#"{"c":1,"b":"x"}"#, r#"{"b":"x"}"#),
        (r#"{"$or":["x"]}"#, r#"{"$or":"x"}"#, r#"{"x":1}"#),
        (r#"{"d":{"s":["on"],"n":{"m":[1]}}}"#, r#"{"d":{"s":"on","n":{"m":1}}}"#, r#"{"d":{"s":"on"}}"#),
        // Within one and the same element.
        (r#"{"l":{"a":[1],"b":[2]}}"#, r#"{"l":[{"a":1,"b":2}]}"#, r#"{"l":[{"a":1},{"b":2}]}"#),
    ];
    for (pattern, wanted, unwanted) in cases {
        assert!(matches(pattern, wanted), "{pattern} does not match {wanted}");
        assert!(!matches(pattern, unwanted), "{pattern} matches {unwanted}");
    }
}

/// The sentences are those recorded from SNS.
#[test]
fn what_is_no_pattern() {
    let cases = [
        (r#"{"key":[["value"]]}"#, "Match value must be String, number, true, false, or null"),
        (r#"{"key":[{"wrong-operator":true}]}"#, "Unrecognized match type wrong-operator"),
        (r#"{"key":[{"suffix":"value","prefix":"value2"}]}"#, "Only one key allowed in match expression"),
        (r#"{"key":[{"suffix":100}]}"#, "suffix match pattern must be a string"),
        (r#"{"key":{"suffix":"value"}}"#, "\"suffix\" must be an object or an array"),
        (r#"{"key":"value"}"#, "\"key\" must be an object or an array"),
        (r#"{"key":[{"numeric":[]}]}"#, "Invalid member in numeric match: ]"),
        (r#"{"key":[{"numeric":["operator"]}]}"#, "Unrecognized numeric range operator: operator"),
        (r#"{"key":[{"numeric":[1,"<="]}]}"#, "Invalid member in numeric match: 1"),
        (r#"{"key":[{"numeric":["=","000"]}]}"#, "Value of equals must be numeric"),
        (r#"{"key":[{"numeric":[">="]}]}"#, "Value of >= must be numeric"),
        (r#"{"key":[{"numeric":["<",100,">",10]}]}"#, "Too many elements in numeric expression"),
        (r#"{"key":[{"numeric":[">=",1,">",2]}]}"#, "Bad numeric range operator: >"),
        (r#"{"key":[{"numeric":[">",3,"<",1]}]}"#, "Bottom must be less than top"),
        (r#"{"key":[{"numeric":[">",20,"<="]}]}"#, "Value of <= must be numeric"),
        (r#"{"key":[{"numeric":[">",20,30]}]}"#, "Bad value in numeric range: 30"),
        (r#"{"key":[{"numeric":[">",20,"<",30,"<",50]}]}"#, "Too many terms in numeric range expression"),
        (r#"{"key":[{"exists":null}]}"#, "exists match pattern must be either true or false."),
    ];
    for (text, words) in cases {
        assert_eq!(Pattern::read(text), Err(Malformed::new(words)), "{text}");
    }
    for text in
        ["", "[]", "{}", r#"{"a":[]}"#, r#"{"a":[{"cidr":"10.0.0.0"}]}"#, r#"{"a":[{"wildcard":"**"}]}"#]
    {
        Pattern::read(text).unwrap_err();
    }
}

#[test]
fn how_large_a_pattern_is() {
    let read = |text: &str| Pattern::read(text).unwrap();
    let flat = read(r#"{"a":[1,2,3],"b":["x","y"]}"#);
    assert_eq!((flat.keys(), flat.combinations(), flat.is_nested()), (2, 6, false));
    let deep = read(r#"{"a":{"b":{"c":[1,2,3]}},"d":[1]}"#);
    assert_eq!((deep.keys(), deep.combinations(), deep.is_nested()), (2, 9, true));
    let or = read(r#"{"$or":[{"a":[1,2]},{"b":[1,2,3]}]}"#);
    assert_eq!((or.keys(), or.combinations(), or.is_nested()), (2, 5, false));
}

proptest! {
    #[test]
    fn hostile_texts_do_not_panic(text in "\\PC{0,60}", document in r#"[\[\]{}:",a0]{0,40}"#) {
        if let (Ok(pattern), Some(value)) = (Pattern::read(&text), wire::json::read(&document)) {
            pattern.matches(&value);
        }
    }
}
