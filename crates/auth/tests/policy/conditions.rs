//! Condition operators on keys that are there, missing, empty or of several values.

use crate::world::{OBJECT, allows, document};
use auth::policy::{Context, Policy, PolicyKind, Values};
use std::borrow::Cow;

/// Name of the rule, the `Condition` element, the values of the key `k` (`None`: missing), whether it holds.
type Row = (&'static str, &'static str, Option<&'static [&'static str]>, bool);

const STRINGS: &[Row] = &[
    ("StringEquals is exact", r#"{"StringEquals":{"k":"a"}}"#, Some(&["a"]), true),
    ("StringEquals is case sensitive", r#"{"StringEquals":{"k":"a"}}"#, Some(&["A"]), false),
    ("StringEquals has no wildcards", r#"{"StringEquals":{"k":"a*"}}"#, Some(&["ab"]), false),
    ("StringEquals takes a star literally", r#"{"StringEquals":{"k":"a*"}}"#, Some(&["a*"]), true),
    ("several policy values are an OR", r#"{"StringEquals":{"k":["x","a"]}}"#, Some(&["a"]), true),
    ("StringEquals on a missing key fails", r#"{"StringEquals":{"k":"a"}}"#, None, false),
    ("no policy value matches nothing", r#"{"StringEquals":{"k":[]}}"#, Some(&["a"]), false),
    ("StringEquals compares the empty string", r#"{"StringEquals":{"k":""}}"#, Some(&[""]), true),
    ("a missing key is not the empty string", r#"{"StringEquals":{"k":""}}"#, None, false),
    ("StringNotEquals negates", r#"{"StringNotEquals":{"k":"a"}}"#, Some(&["b"]), true),
    ("StringNotEquals fails on equality", r#"{"StringNotEquals":{"k":"a"}}"#, Some(&["a"]), false),
    ("negated operators join values by NOR", r#"{"StringNotEquals":{"k":["a","b"]}}"#, Some(&["b"]), false),
    ("NOR holds when none matches", r#"{"StringNotEquals":{"k":["a","b"]}}"#, Some(&["c"]), true),
    ("negated operators hold on a missing key", r#"{"StringNotEquals":{"k":"a"}}"#, None, true),
    ("negated operator without policy values holds", r#"{"StringNotEquals":{"k":[]}}"#, Some(&["a"]), true),
    ("IgnoreCase ignores case", r#"{"StringEqualsIgnoreCase":{"k":"aB"}}"#, Some(&["Ab"]), true),
    ("IgnoreCase is still equality", r#"{"StringEqualsIgnoreCase":{"k":"ab"}}"#, Some(&["abc"]), false),
    ("IgnoreCase beyond ASCII", r#"{"StringEqualsIgnoreCase":{"k":"É"}}"#, Some(&["é"]), true),
    ("NotEqualsIgnoreCase ignores case", r#"{"StringNotEqualsIgnoreCase":{"k":"a"}}"#, Some(&["A"]), false),
    ("NotEqualsIgnoreCase negates", r#"{"StringNotEqualsIgnoreCase":{"k":"a"}}"#, Some(&["B"]), true),
    ("StringLike star is any run", r#"{"StringLike":{"k":"a*z"}}"#, Some(&["a-to-z"]), true),
    ("StringLike star may be empty", r#"{"StringLike":{"k":"a*z"}}"#, Some(&["az"]), true),
    ("StringLike question mark is one character", r#"{"StringLike":{"k":"a?"}}"#, Some(&["ab"]), true),
    ("StringLike question mark is not none", r#"{"StringLike":{"k":"a?"}}"#, Some(&["a"]), false),
    ("StringLike is case sensitive", r#"{"StringLike":{"k":"A*"}}"#, Some(&["ab"]), false),
    ("StringLike needs wildcards for a part", r#"{"StringLike":{"k":"b"}}"#, Some(&["abc"]), false),
    ("StringLike on a missing key fails, even for star", r#"{"StringLike":{"k":"*"}}"#, None, false),
    ("StringNotLike negates", r#"{"StringNotLike":{"k":"a*"}}"#, Some(&["ba"]), true),
    ("StringNotLike fails on a match", r#"{"StringNotLike":{"k":"a*"}}"#, Some(&["ab"]), false),
    ("StringNotLike holds on a missing key", r#"{"StringNotLike":{"k":"*"}}"#, None, true),
    ("keys are not case sensitive", r#"{"StringEquals":{"K":"a"}}"#, Some(&["a"]), true),
    ("numbers in JSON are text", r#"{"StringEquals":{"k":12}}"#, Some(&["12"]), true),
    (
        "several operators are an AND",
        r#"{"StringEquals":{"k":"a"},"StringLike":{"k":"b*"}}"#,
        Some(&["a"]),
        false,
    ),
    ("several keys are an AND", r#"{"StringEquals":{"k":"a","other":"b"}}"#, Some(&["a"]), false),
    ("an empty operator says nothing", r#"{"StringEquals":{}}"#, None, true),
    ("an empty Condition says nothing", "{}", None, true),
];

const TYPED: &[Row] = &[
    ("NumericEquals compares numbers, not text", r#"{"NumericEquals":{"k":"10"}}"#, Some(&["10.0"]), true),
    ("NumericEquals takes JSON numbers", r#"{"NumericEquals":{"k":10}}"#, Some(&["10"]), true),
    ("NumericNotEquals", r#"{"NumericNotEquals":{"k":"10"}}"#, Some(&["11"]), true),
    ("NumericNotEquals fails on equality", r#"{"NumericNotEquals":{"k":"10"}}"#, Some(&["10"]), false),
    ("NumericLessThan", r#"{"NumericLessThan":{"k":"10"}}"#, Some(&["9"]), true),
    ("NumericLessThan is strict", r#"{"NumericLessThan":{"k":"10"}}"#, Some(&["10"]), false),
    ("NumericLessThanEquals", r#"{"NumericLessThanEquals":{"k":"10"}}"#, Some(&["10"]), true),
    ("NumericGreaterThan", r#"{"NumericGreaterThan":{"k":"10"}}"#, Some(&["10.5"]), true),
    ("NumericGreaterThan is strict", r#"{"NumericGreaterThan":{"k":"10"}}"#, Some(&["10"]), false),
    ("NumericGreaterThanEquals", r#"{"NumericGreaterThanEquals":{"k":"-1"}}"#, Some(&["-1"]), true),
    (
        "numbers of 64 bits are exact",
        r#"{"NumericEquals":{"k":"9007199254740993"}}"#,
        Some(&["9007199254740992"]),
        false,
    ),
    ("what is no number matches nothing", r#"{"NumericLessThan":{"k":"10"}}"#, Some(&["few"]), false),
    ("what is no number is not equal", r#"{"NumericNotEquals":{"k":"10"}}"#, Some(&["few"]), true),
    ("Numeric on a missing key fails", r#"{"NumericLessThan":{"k":"10"}}"#, None, false),
    ("Numeric has no variables", r#"{"NumericEquals":{"k":"${n}"}}"#, Some(&["10"]), false),
    (
        "DateEquals across zones",
        r#"{"DateEquals":{"k":"2020-01-01T01:00:00+01:00"}}"#,
        Some(&["2020-01-01T00:00:00Z"]),
        true,
    ),
    (
        "DateEquals of ISO and epoch",
        r#"{"DateEquals":{"k":"2020-01-01T00:00:00Z"}}"#,
        Some(&["1577836800"]),
        true,
    ),
    ("Date takes JSON numbers as epoch", r#"{"DateEquals":{"k":1577836800}}"#, Some(&["2020-01-01"]), true),
    ("DateNotEquals", r#"{"DateNotEquals":{"k":"2020-01-01"}}"#, Some(&["2020-01-02"]), true),
    ("DateLessThan", r#"{"DateLessThan":{"k":"2020-01-01"}}"#, Some(&["2019-12-31T23:59:59Z"]), true),
    (
        "DateLessThan is strict",
        r#"{"DateLessThan":{"k":"2020-01-01"}}"#,
        Some(&["2020-01-01T00:00:00Z"]),
        false,
    ),
    (
        "DateLessThanEquals",
        r#"{"DateLessThanEquals":{"k":"2020-01-01"}}"#,
        Some(&["2020-01-01T00:00:00Z"]),
        true,
    ),
    ("DateGreaterThan", r#"{"DateGreaterThan":{"k":"2020-01-01"}}"#, Some(&["2020-01-01T00:00:01Z"]), true),
    (
        "DateGreaterThan counts fractions",
        r#"{"DateGreaterThan":{"k":"2020-01-01"}}"#,
        Some(&["2020-01-01T00:00:00.5Z"]),
        true,
    ),
    (
        "DateGreaterThanEquals",
        r#"{"DateGreaterThanEquals":{"k":"2020-01"}}"#,
        Some(&["2020-01-01T00:00:00Z"]),
        true,
    ),
    ("Date on a missing key fails", r#"{"DateLessThan":{"k":"2020-01-01"}}"#, None, false),
    ("what is no date matches nothing", r#"{"DateLessThan":{"k":"2020-01-01"}}"#, Some(&["soon"]), false),
    ("Bool", r#"{"Bool":{"k":"true"}}"#, Some(&["true"]), true),
    ("Bool takes JSON Booleans", r#"{"Bool":{"k":false}}"#, Some(&["false"]), true),
    ("Bool mismatch", r#"{"Bool":{"k":"true"}}"#, Some(&["false"]), false),
    ("Bool ignores case", r#"{"Bool":{"k":"True"}}"#, Some(&["true"]), true),
    ("Bool on a missing key fails", r#"{"Bool":{"k":"false"}}"#, None, false),
    ("Bool of something else fails", r#"{"Bool":{"k":"yes"}}"#, Some(&["yes"]), false),
    ("BinaryEquals compares bytes", r#"{"BinaryEquals":{"k":"QUJD"}}"#, Some(&["QUJD"]), true),
    ("BinaryEquals mismatch", r#"{"BinaryEquals":{"k":"QUJD"}}"#, Some(&["QUJE"]), false),
    ("BinaryEquals of no base64 fails", r#"{"BinaryEquals":{"k":"!"}}"#, Some(&["!"]), false),
    ("IpAddress in a range", r#"{"IpAddress":{"k":"203.0.113.0/24"}}"#, Some(&["203.0.113.9"]), true),
    ("IpAddress outside", r#"{"IpAddress":{"k":"203.0.113.0/24"}}"#, Some(&["203.0.114.9"]), false),
    (
        "IpAddress without prefix is one address",
        r#"{"IpAddress":{"k":"203.0.113.9"}}"#,
        Some(&["203.0.113.9"]),
        true,
    ),
    (
        "IpAddress of the sixth version",
        r#"{"IpAddress":{"k":"2001:DB8:1234:5678::/64"}}"#,
        Some(&["2001:db8:1234:5678::1"]),
        true,
    ),
    (
        "IpAddress lists mix versions",
        r#"{"IpAddress":{"k":["10.0.0.0/8","2001:db8::/32"]}}"#,
        Some(&["2001:db8::1"]),
        true,
    ),
    (
        "IpAddress versions never match each other",
        r#"{"IpAddress":{"k":"0.0.0.0/0"}}"#,
        Some(&["::1"]),
        false,
    ),
    ("IpAddress on a missing key fails", r#"{"IpAddress":{"k":"0.0.0.0/0"}}"#, None, false),
    ("IpAddress of no address fails", r#"{"IpAddress":{"k":"0.0.0.0/0"}}"#, Some(&["localhost"]), false),
    ("NotIpAddress outside", r#"{"NotIpAddress":{"k":"203.0.113.0/24"}}"#, Some(&["203.0.114.9"]), true),
    ("NotIpAddress inside", r#"{"NotIpAddress":{"k":"203.0.113.0/24"}}"#, Some(&["203.0.113.9"]), false),
    (
        "NotIpAddress joins ranges by NOR",
        r#"{"NotIpAddress":{"k":["10.0.0.0/8","11.0.0.0/8"]}}"#,
        Some(&["11.1.1.1"]),
        false,
    ),
    ("NotIpAddress holds on a missing key", r#"{"NotIpAddress":{"k":"10.0.0.0/8"}}"#, None, true),
];

const ARNS: &[Row] = &[
    (
        "ArnEquals",
        r#"{"ArnEquals":{"k":"arn:aws:sns:us-east-1:1:t"}}"#,
        Some(&["arn:aws:sns:us-east-1:1:t"]),
        true,
    ),
    (
        "ArnEquals has wildcards, as ArnLike",
        r#"{"ArnEquals":{"k":"arn:aws:sns:*:1:t*"}}"#,
        Some(&["arn:aws:sns:us-east-1:1:topic"]),
        true,
    ),
    (
        "ArnLike matches part by part",
        r#"{"ArnLike":{"k":"arn:aws:sns:*:t"}}"#,
        Some(&["arn:aws:sns:us-east-1:1:t"]),
        false,
    ),
    (
        "ArnLike star covers colons of the last part",
        r#"{"ArnLike":{"k":"arn:aws:sns:us-east-1:1:*"}}"#,
        Some(&["arn:aws:sns:us-east-1:1:t:sub"]),
        true,
    ),
    (
        "ArnLike is case sensitive",
        r#"{"ArnLike":{"k":"arn:aws:sns:us-east-1:1:T"}}"#,
        Some(&["arn:aws:sns:us-east-1:1:t"]),
        false,
    ),
    (
        "ArnLike question mark",
        r#"{"ArnLike":{"k":"arn:aws:sns:us-east-?:1:t"}}"#,
        Some(&["arn:aws:sns:us-east-1:1:t"]),
        true,
    ),
    ("ArnLike of star alone", r#"{"ArnLike":{"k":"*"}}"#, Some(&["arn:aws:sns:us-east-1:1:t"]), true),
    ("ArnLike on what is no ARN", r#"{"ArnLike":{"k":"arn:*:*:*:*:*"}}"#, Some(&["topic"]), false),
    ("ArnLike on a missing key fails", r#"{"ArnLike":{"k":"*"}}"#, None, false),
    (
        "ArnNotEquals",
        r#"{"ArnNotEquals":{"k":"arn:aws:sns:us-east-1:1:t"}}"#,
        Some(&["arn:aws:sns:us-east-1:1:u"]),
        true,
    ),
    (
        "ArnNotLike",
        r#"{"ArnNotLike":{"k":"arn:aws:sns:*:1:*"}}"#,
        Some(&["arn:aws:sns:us-east-1:1:u"]),
        false,
    ),
    ("ArnNotLike holds on a missing key", r#"{"ArnNotLike":{"k":"arn:aws:sns:*:1:*"}}"#, None, true),
    (
        "a variable may be the whole ARN",
        r#"{"ArnEquals":{"k":"${arn}"}}"#,
        Some(&["arn:aws:sns:us-east-1:1:t"]),
        true,
    ),
    (
        "what is no ARN in the policy matches nothing",
        r#"{"ArnLike":{"k":"t*"}}"#,
        Some(&["arn:aws:sns:us-east-1:1:t"]),
        false,
    ),
    (
        "ArnLike takes variables",
        r#"{"ArnLike":{"k":"arn:aws:iam::1:user/${v}"}}"#,
        Some(&["arn:aws:iam::1:user/value"]),
        true,
    ),
];

const EXISTENCE: &[Row] = &[
    ("IfExists: a missing key holds", r#"{"StringEqualsIfExists":{"k":"a"}}"#, None, true),
    ("IfExists: a present key is compared", r#"{"StringEqualsIfExists":{"k":"a"}}"#, Some(&["b"]), false),
    ("IfExists: a present key that matches", r#"{"StringEqualsIfExists":{"k":"a"}}"#, Some(&["a"]), true),
    ("NumericIfExists", r#"{"NumericLessThanIfExists":{"k":"3"}}"#, None, true),
    ("DateIfExists", r#"{"DateLessThanIfExists":{"k":"2020-01-01"}}"#, Some(&["2021-01-01"]), false),
    ("BoolIfExists", r#"{"BoolIfExists":{"k":"false"}}"#, None, true),
    ("IpAddressIfExists", r#"{"IpAddressIfExists":{"k":"10.0.0.0/8"}}"#, Some(&["11.0.0.1"]), false),
    ("ArnLikeIfExists", r#"{"ArnLikeIfExists":{"k":"arn:aws:s3:::b"}}"#, None, true),
    ("BinaryEqualsIfExists", r#"{"BinaryEqualsIfExists":{"k":"QUJD"}}"#, None, true),
    ("StringNotEqualsIfExists: a missing key holds", r#"{"StringNotEqualsIfExists":{"k":"a"}}"#, None, true),
    (
        "StringNotEqualsIfExists: a match fails",
        r#"{"StringNotEqualsIfExists":{"k":"a"}}"#,
        Some(&["a"]),
        false,
    ),
    ("Null true: the key is missing", r#"{"Null":{"k":"true"}}"#, None, true),
    ("Null true: the key is there", r#"{"Null":{"k":"true"}}"#, Some(&["a"]), false),
    ("Null false: the key is there", r#"{"Null":{"k":"false"}}"#, Some(&["a"]), true),
    ("Null false: the key is missing", r#"{"Null":{"k":"false"}}"#, None, false),
    ("Null takes JSON Booleans", r#"{"Null":{"k":true}}"#, None, true),
    ("Null: no values are as good as no key", r#"{"Null":{"k":"true"}}"#, Some(&[]), true),
    ("Null of both always holds", r#"{"Null":{"k":["true","false"]}}"#, None, true),
];

const SETS: &[Row] = &[
    ("ForAllValues: all match", r#"{"ForAllValues:StringEquals":{"k":["a","b"]}}"#, Some(&["a", "b"]), true),
    (
        "ForAllValues: a subset matches",
        r#"{"ForAllValues:StringEquals":{"k":["a","b"]}}"#,
        Some(&["b"]),
        true,
    ),
    (
        "ForAllValues: one stranger fails",
        r#"{"ForAllValues:StringEquals":{"k":["a","b"]}}"#,
        Some(&["a", "c"]),
        false,
    ),
    ("ForAllValues: a missing key holds", r#"{"ForAllValues:StringEquals":{"k":"a"}}"#, None, true),
    ("ForAllValues: an empty set holds", r#"{"ForAllValues:StringEquals":{"k":"a"}}"#, Some(&[]), true),
    (
        "ForAllValues: an empty string is an empty set",
        r#"{"ForAllValues:StringEquals":{"k":"a"}}"#,
        Some(&[""]),
        true,
    ),
    (
        "ForAllValues with Null guards against absence",
        r#"{"ForAllValues:StringEquals":{"k":"a"},"Null":{"k":"false"}}"#,
        None,
        false,
    ),
    ("ForAllValues:StringLike", r#"{"ForAllValues:StringLike":{"k":"a*"}}"#, Some(&["ab", "ac"]), true),
    (
        "ForAllValues of a negation: none matches",
        r#"{"ForAllValues:StringNotEquals":{"k":["x","y"]}}"#,
        Some(&["a", "b"]),
        true,
    ),
    (
        "ForAllValues of a negation: one match fails",
        r#"{"ForAllValues:StringNotEquals":{"k":["x","y"]}}"#,
        Some(&["a", "x"]),
        false,
    ),
    (
        "ForAnyValue: one match is enough",
        r#"{"ForAnyValue:StringEquals":{"k":["a","b"]}}"#,
        Some(&["z", "b"]),
        true,
    ),
    ("ForAnyValue: no match fails", r#"{"ForAnyValue:StringEquals":{"k":["a","b"]}}"#, Some(&["z"]), false),
    ("ForAnyValue: a missing key fails", r#"{"ForAnyValue:StringEquals":{"k":"a"}}"#, None, false),
    ("ForAnyValue: an empty set fails", r#"{"ForAnyValue:StringEquals":{"k":"a"}}"#, Some(&[]), false),
    (
        "ForAnyValue: an empty string is an empty set",
        r#"{"ForAnyValue:StringEquals":{"k":""}}"#,
        Some(&[""]),
        false,
    ),
    (
        "ForAnyValue:StringLike",
        r#"{"ForAnyValue:StringLike":{"k":"o-*/r-*/ou-1/*"}}"#,
        Some(&["o-1/r-1/ou-1/ou-2/"]),
        true,
    ),
    (
        "ForAnyValue of a negation: one stranger is enough",
        r#"{"ForAnyValue:StringNotEquals":{"k":["x","y"]}}"#,
        Some(&["x", "a"]),
        true,
    ),
    (
        "ForAnyValue of a negation: all listed fails",
        r#"{"ForAnyValue:StringNotEquals":{"k":["x","y"]}}"#,
        Some(&["x", "y"]),
        false,
    ),
    (
        "ForAnyValue of a negation: a missing key fails",
        r#"{"ForAnyValue:StringNotEquals":{"k":"x"}}"#,
        None,
        false,
    ),
    (
        "ForAnyValue IfExists: a missing key holds",
        r#"{"ForAnyValue:StringEqualsIfExists":{"k":"a"}}"#,
        None,
        true,
    ),
    ("ForAllValues of numbers", r#"{"ForAllValues:NumericLessThan":{"k":"5"}}"#, Some(&["1", "4"]), true),
    (
        "ForAnyValue of addresses",
        r#"{"ForAnyValue:IpAddress":{"k":"10.0.0.0/8"}}"#,
        Some(&["11.0.0.1", "10.0.0.1"]),
        true,
    ),
    (
        "ForAllValues:ArnLike",
        r#"{"ForAllValues:ArnLike":{"k":"arn:aws:s3:::b*"}}"#,
        Some(&["arn:aws:s3:::b1", "arn:aws:s3:::c"]),
        false,
    ),
    (
        "several values without a set operator: any may match",
        r#"{"StringEquals":{"k":"b"}}"#,
        Some(&["a", "b"]),
        true,
    ),
    (
        "several values without a set operator: negation wants none",
        r#"{"StringNotEquals":{"k":"b"}}"#,
        Some(&["a", "b"]),
        false,
    ),
    ("an empty set without a set operator fails", r#"{"StringEquals":{"k":"a"}}"#, Some(&[]), false),
];

const VARIABLES: &[Row] = &[
    ("a variable stands for its value", r#"{"StringEquals":{"k":"${v}"}}"#, Some(&["value"]), true),
    ("a variable amid text", r#"{"StringLike":{"k":"home/${v}/*"}}"#, Some(&["home/value/x"]), true),
    ("names of variables have no case", r#"{"StringEquals":{"k":"${V}"}}"#, Some(&["value"]), true),
    ("several variables", r#"{"StringEquals":{"k":"${v}-${v}"}}"#, Some(&["value-value"]), true),
    ("wildcards in a value are literal", r#"{"StringLike":{"k":"${star}"}}"#, Some(&["anything"]), false),
    ("a value with a star equals itself", r#"{"StringLike":{"k":"${star}"}}"#, Some(&["*"]), true),
    ("a variable without value matches nothing", r#"{"StringEquals":{"k":"${absent}"}}"#, Some(&[""]), false),
    (
        "a variable without value is not its own text",
        r#"{"StringEquals":{"k":"${absent}"}}"#,
        Some(&["${absent}"]),
        false,
    ),
    (
        "a variable without value invalidates a negation",
        r#"{"StringNotEquals":{"k":"${absent}"}}"#,
        Some(&["a"]),
        false,
    ),
    ("that goes for a missing key too", r#"{"StringNotEquals":{"k":"${absent}"}}"#, None, false),
    (
        "and for ARNs",
        r#"{"ArnNotLike":{"k":"arn:aws:iam::1:user/${absent}"}}"#,
        Some(&["arn:aws:s3:::b"]),
        false,
    ),
    (
        "and for ForAllValues",
        r#"{"ForAllValues:StringNotEquals":{"k":["x","${absent}"]}}"#,
        Some(&["a", "b"]),
        false,
    ),
    (
        "and for ForAnyValue",
        r#"{"ForAnyValue:StringNotEquals":{"k":["x","${absent}"]}}"#,
        Some(&["a", "b"]),
        false,
    ),
    ("IfExists comes before the variable", r#"{"StringEqualsIfExists":{"k":"${absent}"}}"#, None, true),
    ("another value may still match", r#"{"StringEquals":{"k":["${absent}","a"]}}"#, Some(&["a"]), true),
    (
        "a default stands in for a missing value",
        r#"{"StringEquals":{"k":"${absent, 'company-wide'}"}}"#,
        Some(&["company-wide"]),
        true,
    ),
    (
        "a value goes before its default",
        r#"{"StringEquals":{"k":"${v, 'company-wide'}"}}"#,
        Some(&["company-wide"]),
        false,
    ),
    ("a default in a negation", r#"{"StringNotEquals":{"k":"${absent, 'a'}"}}"#, Some(&["b"]), true),
    ("a key of several values is no variable", r#"{"StringEquals":{"k":"${many}"}}"#, Some(&["a"]), false),
    ("an escaped star is a star", r#"{"StringLike":{"k":"a${*}"}}"#, Some(&["a*"]), true),
    ("an escaped star is no wildcard", r#"{"StringLike":{"k":"a${*}"}}"#, Some(&["ab"]), false),
    ("an escaped question mark", r#"{"StringLike":{"k":"a${?}"}}"#, Some(&["a?"]), true),
    ("an escaped dollar", r#"{"StringEquals":{"k":"${$}{v}"}}"#, Some(&["${v}"]), true),
    ("escapes beside wildcards", r#"{"StringLike":{"k":"${*}*"}}"#, Some(&["*ab"]), true),
    ("Bool takes variables", r#"{"Bool":{"k":"${yes}"}}"#, Some(&["true"]), true),
    ("IgnoreCase takes variables", r#"{"StringEqualsIgnoreCase":{"k":"${v}"}}"#, Some(&["VALUE"]), true),
    ("Null has no variables", r#"{"Null":{"k":"${yes}"}}"#, None, false),
    ("Date has no variables", r#"{"DateEquals":{"k":"${v}"}}"#, Some(&["value"]), false),
];

fn context(values: Option<&'static [&'static str]>) -> Context<'static> {
    let mut context = Context::new().with("v", "value").with("star", "*").with("yes", true).with("n", "10");
    context.set("many", vec!["a", "b"]);
    context.set("arn", "arn:aws:sns:us-east-1:1:t");
    match values {
        None => {}
        Some([one]) => context.set("k", *one),
        Some(many) => context.set("k", Values::Many(many.iter().map(|v| Cow::Borrowed(*v)).collect())),
    }
    context
}

/// Statements with dates that IAM would refuse are read as a resource's.
fn read(statement: &str) -> Policy {
    let text = document(&[statement]);
    Policy::parse(&text, PolicyKind::Resource("test")).unwrap_or_else(|e| panic!("{e}: {text}"))
}

fn check(rows: &[Row]) {
    for (name, condition, values, expected) in rows {
        let statement = format!(
            r#""Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"*","Condition":{condition}"#
        );
        let policy = read(&statement);
        assert_eq!(
            allows(&policy, "s3:GetObject", OBJECT, &context(*values)),
            *expected,
            "{name}: {condition}"
        );
    }
}

#[test]
fn strings() {
    check(STRINGS);
}

#[test]
fn numbers_dates_booleans_bytes_and_addresses() {
    check(TYPED);
}

#[test]
fn arns() {
    check(ARNS);
}

#[test]
fn existence() {
    check(EXISTENCE);
}

#[test]
fn sets() {
    check(SETS);
}

#[test]
fn variables() {
    check(VARIABLES);
}

#[test]
fn before_2012_there_are_no_variables() {
    for (version, value, expected) in [
        (r#""Version":"2008-10-17","#, "value", false),
        (r#""Version":"2008-10-17","#, "${v}", true),
        ("", "${v}", true),
        (r#""Version":"2012-10-17","#, "value", true),
    ] {
        let text = format!(
            r#"{{{version}"Statement":{{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*",
                "Condition":{{"StringEquals":{{"k":"${{v}}"}}}}}}}}"#
        );
        let policy = Policy::parse(&text, PolicyKind::Resource("test")).unwrap();
        let context = Context::new().with("v", "value").with("k", value);
        assert_eq!(allows(&policy, "s3:GetObject", OBJECT, &context), expected, "{version} {value}");
    }
}
