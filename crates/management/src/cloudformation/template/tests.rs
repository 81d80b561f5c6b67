//! Templates as tables: what is refused in which words, and what functions stand for.

use super::check::{Kinds, check};
use super::evaluate::{Evaluator, Pseudo, World};
use super::parameter::{Given, resolve};
use super::{Template, Wrong, graph, wrong};
use std::collections::BTreeMap;
use wire::{Value, json};

/// Kinds of resources that begin with `T::` and have the attribute `Arn`.
struct Plain;

impl Kinds for Plain {
    fn knows(&self, kind: &str) -> bool {
        kind.starts_with("T::")
    }

    fn has_attribute(&self, _: &str, attribute: &str) -> bool {
        attribute == "Arn"
    }
}

/// Every resource `x` is `x-id`.
struct Made;

impl World for Made {
    fn physical(&self, resource: &str) -> Option<Value> {
        Some(Value::Str(format!("{resource}-id")))
    }

    fn attribute(&self, resource: &str, attribute: &str) -> Result<Value, Wrong> {
        Ok(Value::Str(format!("{resource}.{attribute}")))
    }

    fn import(&self, export: &str) -> Result<String, Wrong> {
        if export == "net" { Ok("vpc-1".into()) } else { wrong(format!("No export named {export} found.")) }
    }
}

fn pseudo() -> Pseudo {
    let region = base::Region::parse("eu-north-1").unwrap();
    Pseudo {
        account: "123456789012".into(),
        region,
        stack_id: "arn:s".into(),
        stack_name: "web".into(),
        notifies: Vec::new(),
    }
}

fn checked(text: &str) -> Result<(), String> {
    let template = Template::read(text).map_err(|wrong| wrong.0)?;
    check(&template, &Plain).map_err(|wrong| wrong.0)
}

#[test]
fn what_is_refused() {
    let r = |body: &str| format!("Resources: {{ {body} }}");
    let one = "Resources: { A: { Type: 'T::X' } }";
    let rows: Vec<(String, &str)> = vec![
        ("hello".into(), "Template format error: unsupported structure."),
        ("Description: x".into(), "Template format error: At least one Resources member must be defined."),
        (format!("{one}\nFoo: 1\nBar: 2"), "Invalid template property or properties [Foo, Bar]"),
        (
            format!("{one}\nAWSTemplateFormatVersion: '2011-01-01'"),
            "Template format error: 2011-01-01 is not a supported value for AWSTemplateFormatVersion.",
        ),
        (format!("{one}\nTransform: 'OwnMacro'"), "No transform named OwnMacro found."),
        (r("A: 1"), "Template format error: [/Resources/A] resource definition is malformed"),
        (
            r("A: { Properties: {} }"),
            "Template format error: [/Resources/A] Every Resources object must contain a Type member.",
        ),
        (r("a-b: { Type: 'T::X' }"), "Template format error: Resource name a-b is non alphanumeric."),
        (r("A: { Type: 'T::X', Foo: 1 }"), "Invalid template resource property 'Foo'"),
        (
            r("A: { Type: 'T::X', Properties: { P: [~] } }"),
            "Template format error: [/Resources/A/Properties/P/0] 'null' values are not allowed in templates",
        ),
        (
            r("A: { Type: 'T::X', DependsOn: B }"),
            "Template format error: Unresolved resource dependencies [B] in the Resources block of the template",
        ),
        (
            r("A: { Type: 'T::X', Properties: { P: !Ref C, Q: !Sub '${B}' } }"),
            "Template format error: Unresolved resource dependencies [B, C] in the Resources block of the template",
        ),
        (
            format!("{one}\nOutputs: {{ O: {{ Value: !Ref Z }} }}"),
            "Template format error: Unresolved resource dependencies [Z] in the Outputs block of the template",
        ),
        (
            format!("{one}\nOutputs: {{ O: {{ Description: x }} }}"),
            "Template format error: [/Outputs/O] Every Outputs member must contain a Value object",
        ),
        (
            r("A: { Type: 'T::X', Properties: { P: !GetAtt B.Arn } }"),
            "Template error: instance of Fn::GetAtt references undefined resource B",
        ),
        (
            r("A: { Type: 'T::X' }, B: { Type: 'T::X', Properties: { P: !GetAtt A.Foo } }"),
            "Template error: resource A does not support attribute type Foo in Fn::GetAtt",
        ),
        (
            r("A: { Type: 'T::X', Properties: { P: !GetAtt A } }"),
            "Template error: every Fn::GetAtt object requires two non-empty parameters, the resource name and the resource attribute",
        ),
        (
            r("A: { Type: 'T::X', Properties: { P: !Sub '${a b}' } }"),
            "Template error: variable names in Fn::Sub syntax must contain only alphanumeric characters, underscores, periods, and colons",
        ),
        (
            r("A: { Type: 'T::X', Properties: { P: !If [C, 1, 2] } }"),
            "Template error: unresolved condition dependency C in Fn::If",
        ),
        (
            r("A: { Type: 'T::X', Properties: { P: !FindInMap [M, a, b] } }"),
            "Template error: Mapping named 'M' is not present in the 'Mappings' section of template.",
        ),
        (
            r("A: { Type: 'Q::X' }, B: { Type: 'Q::Y' }"),
            "Template format error: Unrecognized resource types: [Q::X, Q::Y]",
        ),
        (
            r(
                "A: { Type: 'T::X', DependsOn: B }, B: { Type: 'T::X', Properties: { P: !Ref A } }, C: { Type: 'T::X', DependsOn: A }",
            ),
            "Circular dependency between resources: [A, B]",
        ),
        (r("A: { Type: 'T::X', DependsOn: A }"), "Circular dependency between resources: [A]"),
        (
            format!("{one}\nConditions: {{ C: !Equals [!Ref A, 1] }}"),
            "Template format error: Unresolved dependencies [A]. Cannot reference resources in the Conditions block of the template",
        ),
        (
            format!("{one}\nConditions: {{ C: !Not [!Condition D] }}"),
            "Template format error: Unresolved condition dependency D",
        ),
        (
            format!(
                "{one}\nConditions: {{ C: !Not [!Condition D], D: !Or [!Condition E, !Condition C], E: !Not [!Condition D] }}"
            ),
            "Template format error: Circular dependencies for conditions [C, D, E]",
        ),
        (
            format!("{one}\nParameters: {{ A: {{ Type: String }} }}"),
            "Template error: all resources and parameters must have unique names. Common name(s):[A]",
        ),
        (
            format!("{one}\nOutputs: {{ O: {{ Value: 1, Export: {{ Name: !Sub 'x-${{A}}' }} }} }}"),
            "Template format error: Output O is malformed.  The Name field of Export must not depend on any resources, imported values, or Fn::GetAZs.",
        ),
        (
            format!(
                "{one}\nOutputs: {{ O: {{ Value: 1, Export: {{ Name: !GetStackOutput {{ StackName: a, OutputName: b }} }} }} }}"
            ),
            "Template format error: Output O is malformed.  The Name field of Export must not depend on any resources, imported values, or Fn::GetAZs.",
        ),
        (
            format!(
                "{one}\nConditions: {{ C: !Not [!Equals [!GetStackOutput {{ StackName: a, OutputName: b }}, 1]] }}"
            ),
            "Template error: Cannot use Fn::GetStackOutput in Conditions",
        ),
        (
            r(
                "A: { Type: 'T::X', Properties: { P: !ImportValue { 'Fn::GetStackOutput': { StackName: a, OutputName: b } } } }",
            ),
            "Template error: the attribute in Fn::ImportValue must not depend on any resources, imported values, or Fn::GetAZs",
        ),
        (
            r("A: { Type: 'T::X', Properties: { P: !GetStackOutput { StackName: a } } }"),
            super::stack_output::FORM,
        ),
        (r("A: { Type: 'T::X', Properties: { P: !GetStackOutput a.b } }"), super::stack_output::FORM),
        (
            r(
                "A: { Type: 'T::X', Properties: { P: !GetStackOutput { StackName: a, OutputName: b, Account: c } } }",
            ),
            super::stack_output::FORM,
        ),
        (
            r("A: { Type: 'T::X', Properties: { P: !GetStackOutput { StackName: [a], OutputName: b } } }"),
            super::stack_output::FORM,
        ),
        (
            format!("{one}\nParameters: {{ P: {{ Type: String, Default: [a] }} }}"),
            "Template format error: Every Default member must be a string.",
        ),
        (
            format!("{one}\nParameters: {{ P: {{ Type: Foo }} }}"),
            "Template format error: Unrecognized parameter type: Foo",
        ),
        (
            format!("{one}\nParameters: {{ P: {{ Type: Number, Default: x }} }}"),
            "Template format error: Parameter 'P' must be a number",
        ),
        (
            r("A: { Type: 'T::X', DeletionPolicy: Foo }"),
            "Template format error: Unrecognized DeletionPolicy Foo for resource A",
        ),
    ];
    for (text, message) in rows {
        assert_eq!(checked(&text), Err(message.to_owned()), "{text}");
    }
    let many: String = (0..501).map(|i| format!("  R{i}: {{ Type: 'T::X' }}\n")).collect();
    assert_eq!(
        checked(&format!("Resources:\n{many}")),
        Err("Template format error: Number of resources, 501, is greater than maximum allowed, 500".into())
    );
    assert_eq!(checked(one), Ok(()));
    // Each asks twice for the next: whoever followed each path would not come back.
    let deep: String =
        (0..60).map(|i| format!("  C{i}: !And [!Condition C{}, !Condition C{}]\n", i + 1, i + 1)).collect();
    assert_eq!(checked(&format!("{one}\nConditions:\n{deep}  C60: !Equals [1, 1]")), Ok(()));
}

const WORLD: &str = "
Transform: 'AWS::LanguageExtensions'
Parameters:
  Name: { Type: String }
  Zones: { Type: CommaDelimitedList }
  Size: { Type: Number }
Mappings:
  M: { eu-north-1: { ami: ami-1, list: [a, b] } }
Conditions:
  Three: !Equals [!Ref Size, 3]
  Other: !Not [!Condition Three]
  Both: !And [!Condition Three, !Condition Other]
  Any: !Or [!Condition Other, !Condition Three]
Resources:
  A: { Type: 'T::X' }
";

fn evaluated(expression: &str) -> Result<String, String> {
    let text = format!("{WORLD}  B: {{ Type: 'T::X', Properties: {{ P: {expression} }} }}");
    let template = Template::read(&text).map_err(|wrong| wrong.0)?;
    let given = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let parameters = BTreeMap::from([given("Name", "eva"), given("Zones", "x, y"), given("Size", "3")]);
    let pseudo = pseudo();
    let told =
        [("Fn::GetStackOutput[\"\",\"eu-north-1\",\"eva\",\"Id\"]".to_owned(), "told".to_owned())].into();
    let evaluator = Evaluator::new(&template, &parameters, &pseudo).map_err(|wrong| wrong.0)?.knowing(&told);
    let properties = &template.resource("B").unwrap().properties;
    let value = evaluator.value(properties, &Made).map_err(|wrong| wrong.0)?;
    Ok(super::get(&value, "P").map_or_else(|| "nothing".into(), json::text))
}

#[test]
fn what_functions_stand_for() {
    let rows = [
        ("!Ref Name", r#""eva""#),
        ("!Ref Zones", r#"["x","y"]"#),
        ("!Ref A", r#""A-id""#),
        ("!Ref 'AWS::Region'", r#""eu-north-1""#),
        ("!Ref 'AWS::NoValue'", "nothing"),
        (
            "!Sub '${Name}-${A}-${A.Arn}-${AWS::AccountId}-${!Literal}'",
            r#""eva-A-id-A.Arn-123456789012-${Literal}""#,
        ),
        ("!Sub ['${X}/${Name}', { X: !Ref A }]", r#""A-id/eva""#),
        ("!Join ['-', [a, !Ref Name, 3]]", r#""a-eva-3""#),
        ("!Join [',', !Ref Zones]", r#""x,y""#),
        ("!Select [1, !Ref Zones]", r#""y""#),
        ("!Select ['0', !GetAZs '']", r#""eu-north-1a""#),
        ("!Split ['|', 'a|b|c']", r#"["a","b","c"]"#),
        ("!FindInMap [M, !Ref 'AWS::Region', ami]", r#""ami-1""#),
        ("!FindInMap [M, x, y, { DefaultValue: z }]", r#""z""#),
        ("!If [Three, a, b]", r#""a""#),
        ("!If [Both, a, !If [Any, c, d]]", r#""c""#),
        ("[1, !If [Other, 2, !Ref 'AWS::NoValue'], 3]", "[1,3]"),
        ("{ a: !If [Other, 2, !Ref 'AWS::NoValue'], b: true }", r#"{"b":true}"#),
        ("{ 'Fn::Base64': !Sub 'hi ${Name}' }", r#""aGkgZXZh""#),
        ("!GetAZs us-west-1", r#"["us-west-1a","us-west-1b"]"#),
        ("!Cidr ['10.0.0.0/16', 3, 8]", r#"["10.0.0.0/24","10.0.1.0/24","10.0.2.0/24"]"#),
        ("!Select [2, !Cidr ['10.1.7.0/22', 4, '6']]", r#""10.1.4.128/26""#),
        ("!Cidr ['2001:db8::/56', 2, 64]", r#"["2001:db8::/64","2001:db8:0:1::/64"]"#),
        ("!ImportValue net", r#""vpc-1""#),
        ("{ 'Fn::ImportValue': !Sub 'n${Gone}' }", ""),
        ("!GetStackOutput { StackName: !Ref Name, OutputName: Id }", r#""told""#),
        (
            "!Sub ['${X}!', { X: !GetStackOutput { StackName: eva, OutputName: Id, Region: eu-north-1 } }]",
            r#""told!""#,
        ),
        ("{ 'Fn::Length': !Ref Zones }", "2"),
        ("{ 'Fn::ToJsonString': { a: !Ref Size, b: [1] } }", r#""{\"a\":\"3\",\"b\":[1]}""#),
        ("{ 'Fn::GetAtt': [A, !Ref Name] }", r#""A.eva""#),
    ];
    for (expression, value) in rows.iter().filter(|(_, value)| !value.is_empty()) {
        assert_eq!(evaluated(expression).as_deref(), Ok(*value), "{expression}");
    }
}

#[test]
fn functions_that_have_no_value() {
    let rows = [
        ("!Select [5, !Ref Zones]", "Template error: Fn::Select cannot select nonexistent value at index 5"),
        ("!FindInMap [M, eu-north-1, x]", "Template error: Unable to get mapping for M::eu-north-1::x"),
        ("!ImportValue other", "No export named other found."),
        (
            "!GetStackOutput { StackName: eva, OutputName: Id, Region: eu-west-1 }",
            super::stack_output::UNTOLD,
        ),
        (
            "!Foo x",
            "Template Error: Encountered unsupported function: Fn::Foo Supported functions are: [Fn::Base64, Fn::GetAtt, Fn::GetAZs, Fn::ImportValue, Fn::Join, Fn::Split, Fn::FindInMap, Fn::Select, Ref, Fn::Equals, Fn::If, Fn::Not, Condition, Fn::And, Fn::Or, Fn::Contains, Fn::EachMemberEquals, Fn::EachMemberIn, Fn::ValueOf, Fn::ValueOfAll, Fn::RefAll, Fn::Sub, Fn::Cidr]",
        ),
        (
            "!Cidr ['10.0.0.0/30', 8, 1]",
            "Template error: Fn::Cidr cannot make 8 blocks of 1 bits within 10.0.0.0/30",
        ),
        (
            "!Join [1, 2]",
            "Template error: every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of strings to be joined or a function that returns a list of strings (such as Fn::GetAZs) to be joined.",
        ),
    ];
    for (expression, message) in rows {
        assert_eq!(evaluated(expression), Err(message.to_owned()), "{expression}");
    }
}

#[test]
fn rules_hold_or_say_what_does_not() {
    let rows = [
        ("!Contains [[a, b], !Ref P]", true),
        ("!Contains [[b], !Ref P]", false),
        ("!Not [!Contains [['1', '2'], !Ref P]]", true),
        ("!EachMemberEquals [!Ref L, x]", false),
        ("!EachMemberEquals [[a, a], !Ref P]", true),
        ("!EachMemberIn [!Ref L, [x, y, z]]", true),
        ("!EachMemberIn [!Ref L, [x]]", false),
        ("!And [!Equals [!Ref P, a], !Or [!Equals [a, b], !Equals [!Ref 'AWS::Region', eu-north-1]]]", true),
    ];
    for (assert, holds) in rows {
        let text = format!(
            "
Parameters: {{ P: {{ Type: String, Default: a }}, L: {{ Type: CommaDelimitedList, Default: 'x,y' }} }}
Resources: {{ A: {{ Type: 'T::X' }} }}
Rules:
  Skipped: {{ RuleCondition: !Equals [!Ref P, b], Assertions: [{{ Assert: !Equals [a, b] }}] }}
  Own: {{ Assertions: [{{ Assert: {assert}, AssertDescription: it does not hold }}] }}
"
        );
        let template = Template::read(&text).unwrap();
        check(&template, &Plain).unwrap();
        let (parameters, pseudo) = (resolve(&template, &[], &BTreeMap::new()).unwrap(), pseudo());
        let told = Evaluator::new(&template, &parameters, &pseudo).unwrap().assert(&template.rules, &[]);
        let wanted = if holds { Ok(()) } else { Err(Wrong("it does not hold".into())) };
        assert_eq!(told, wanted, "{assert}");
    }
}

#[test]
fn rules_and_references_that_are_refused() {
    let rows = [
        (
            "Rules: { R: { Assertions: [{ Assert: !Equals [!Ref A, x] }] } }",
            "Template format error: Unresolved dependencies [A]. Cannot reference resources in the Rules block of the template",
        ),
        (
            "Rules: { R: { Assertions: [{ Assert: !Contains [!ValueOf [A], x] }] } }",
            "Template error: the object Fn::ValueOf has a wrong number of parameters",
        ),
        (
            "Rules: { R: { Assertions: [{ Assert: !Sub x }] } }",
            "Template format error: Rules can only be boolean operations on parameters, with rule-specific functions",
        ),
        (
            "Rules: { R: { Assertions: [{ Assert: !Not [!Equals [a]] }] } }",
            "Template error: the object Fn::Equals has a wrong number of parameters",
        ),
        (
            "Rules: { R: {} }",
            "Template format error: [/Rules/R] Every Rules object must contain a list of Assertions.",
        ),
        (
            "Outputs: { O: { Value: '{{resolve:ssm-secure:x:1}}' } }",
            "SSM Secure reference is not supported in: [Outputs/O/Value]",
        ),
        (
            "Parameters: { N: { Type: 'AWS::SSM::Parameter::Value<Number>' } }",
            "Template format error: Unrecognized parameter type: AWS::SSM::Parameter::Value<Number>",
        ),
    ];
    for (section, message) in rows {
        let text = format!("Resources: {{ A: {{ Type: 'T::X' }} }}\n{section}\n");
        let told = Template::read(&text).and_then(|template| check(&template, &Plain));
        assert_eq!(told, Err(Wrong(message.to_owned())), "{section}");
    }
}

#[test]
fn parameters_and_what_they_are_given() {
    let text = "
Resources: { A: { Type: 'T::X' } }
Parameters:
  Env: { Type: String, Default: dev, AllowedValues: [dev, prod] }
  Size: { Type: Number, MinValue: 2, MaxValue: 9, Default: 3 }
  Key: { Type: String, MinLength: 3, MaxLength: 5, AllowedPattern: '[a-z]*', Default: abc }
  Said: { Type: String, AllowedPattern: '[a-z]*', ConstraintDescription: must be small, Default: a }
  List: { Type: 'List<Number>', Default: '1,2' }
  Must: { Type: 'AWS::EC2::VPC::Id' }
";
    let template = Template::read(text).unwrap();
    let given =
        |name: &str, value: &str| Given { name: name.into(), value: Some(value.into()), previous: false };
    let previous = |name: &str| Given { name: name.into(), value: None, previous: true };
    let before = BTreeMap::from([("Must".to_owned(), "vpc-0".to_owned())]);
    let must = given("Must", "vpc-1");
    let rows = [
        (vec![], "Parameters: [Must] must have values"),
        (vec![given("Foo", "x"), given("Bar", "y")], "Parameters: [Foo, Bar] do not exist in the template"),
        (vec![must.clone(), given("Env", "test")], "Parameter 'Env' must be one of AllowedValues"),
        (vec![must.clone(), given("Size", "x")], "Parameter 'Size' must be a number"),
        (vec![must.clone(), given("Size", "1")], "Parameter 'Size' must be a number not less than 2"),
        (vec![must.clone(), given("Size", "10")], "Parameter 'Size' must be a number not greater than 9"),
        (vec![must.clone(), given("Key", "ab")], "Parameter 'Key' must contain at least 3 characters"),
        (vec![must.clone(), given("Key", "abcdef")], "Parameter 'Key' must contain at most 5 characters"),
        (vec![must.clone(), given("Key", "ABC")], "Parameter 'Key' must match pattern [a-z]*"),
        (
            vec![must.clone(), given("Said", "A")],
            "Parameter Said failed to satisfy constraint: must be small",
        ),
        (vec![must.clone(), given("List", "1,x")], "Parameter 'List' must be a number"),
        (
            vec![must, previous("Env")],
            "Invalid input for parameter key Env. Cannot specify usePreviousValue as true for a parameter key not in the previous template",
        ),
    ];
    for (given, message) in rows {
        assert_eq!(resolve(&template, &given, &before), Err(Wrong(message.into())), "{given:?}");
    }
    let both = |value: &str| Given { previous: true, ..given("Must", value) };
    let words = "Invalid input for parameter key Must. Cannot specify usePreviousValue as true and non empty value for a parameter";
    assert_eq!(resolve(&template, &[both("vpc-1")], &before), Err(Wrong(words.into())));
    assert_eq!(resolve(&template, &[both("")], &before).unwrap()["Must"], "vpc-0");
    let values = resolve(&template, &[previous("Must"), given("Size", "9")], &before).unwrap();
    assert_eq!(
        (values["Must"].as_str(), values["Size"].as_str(), values["Env"].as_str()),
        ("vpc-0", "9", "dev")
    );
}

#[test]
fn values_that_say_the_same() {
    let rows = [
        ("20", "\"20\"", true),
        ("true", "\"true\"", true),
        ("[1,2]", "[\"1\",2]", true),
        (r#"{"a":1,"b":2}"#, r#"{"b":"2","a":1}"#, true),
        ("[1,2]", "[2,1]", false),
        (r#"{"a":1}"#, r#"{"a":1,"b":2}"#, false),
        ("1", "[1]", false),
    ];
    for (one, other, same) in rows {
        let (one, other) = (json::read(one), json::read(other));
        assert_eq!(super::alike(one.as_ref(), other.as_ref()), same, "{one:?} {other:?}");
    }
}

#[test]
fn resources_wait_for_what_they_name() {
    let text = "
Parameters: { P: { Type: String } }
Conditions: { Big: !Equals [!Ref P, big] }
Resources:
  C: { Type: 'T::X', Properties: { P: !If [Big, !Ref B, !Ref A] } }
  B: { Type: 'T::X', DependsOn: [A], Condition: Big }
  A: { Type: 'T::X' }
";
    let template = Template::read(text).unwrap();
    let order = |size: &str| {
        let parameters = BTreeMap::from([("P".to_owned(), size.to_owned())]);
        let pseudo = pseudo();
        let evaluator = Evaluator::new(&template, &parameters, &pseudo).unwrap();
        graph::order(&template, &graph::needs(&template, Some(evaluator.holding())).unwrap())
            .unwrap()
            .join("")
    };
    assert_eq!((order("big").as_str(), order("small").as_str()), ("ABC", "AC"));
}

/// A promise of the bench: a plan of the largest template is a matter of milliseconds.
#[test]
fn the_largest_template_is_planned_at_once() {
    let row = |i: usize| {
        let before =
            if i == 0 { "x".to_owned() } else { format!("!Sub '${{R{}}}-${{R{}.Arn}}'", i - 1, i / 2) };
        format!("  R{i}: {{ Type: 'T::X', Properties: {{ P: {before}, Q: !Join ['-', [!Ref N, {i}]] }} }}\n")
    };
    let rows: String = (0..500).map(row).collect();
    let text = format!("Parameters: {{ N: {{ Type: String }} }}\nResources:\n{rows}");
    let parameters = BTreeMap::from([("N".to_owned(), "n".to_owned())]);
    let pseudo = pseudo();
    let template = Template::read(&text).unwrap();
    check(&template, &Plain).unwrap();
    let evaluator = Evaluator::new(&template, &parameters, &pseudo).unwrap();
    let order =
        graph::order(&template, &graph::needs(&template, Some(evaluator.holding())).unwrap()).unwrap();
    let values: Vec<Value> = order
        .iter()
        .map(|name| evaluator.value(&template.resource(name).unwrap().properties, &Made).unwrap())
        .collect();
    assert_eq!((order.len(), values.len(), order[499].as_str()), (500, 500, "R499"));
}

/// As recorded: an output of what its condition has left out is no fault of the template's form.
#[test]
fn what_is_left_out_is_told_by_who_needs_it() {
    let text = "
Conditions: { No: !Equals [a, b] }
Resources:
  A: { Type: 'AWS::IAM::Role', Condition: No }
  B: { Type: 'AWS::SNS::Topic' }
";
    let holding = BTreeMap::from([("No".to_owned(), false)]);
    let told = |more: &str| {
        let template = Template::read(&format!("{text}{more}")).unwrap();
        super::check::made(&template, &holding).map_err(|Wrong(words)| words)
    };
    assert_eq!(told(""), Ok(()));
    assert_eq!(
        told("  C: { Type: 'AWS::SNS::Topic', Properties: { TopicName: !Ref A } }\n"),
        Err("Template format error: Unresolved resource dependencies [A] in the Resources block of the template"
            .into())
    );
    assert_eq!(
        told("Outputs: { O: { Value: !GetAtt A.Arn } }\n"),
        Err("Unresolved resource dependencies [A] in the Outputs block of the template".into())
    );
}
