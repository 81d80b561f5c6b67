//! Names that functions tell: `Ref` and `Fn::GetAtt` of a resource whose name follows from parameters. Pure.
//!
//! ```yaml
//! Outputs:
//!   Url: { Value: !GetAtt [!Sub 'Queue${Stage}', Arn] }
//! ```
//!
//! AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/transform-aws-languageextensions.html>

use super::reference::{Part, parts, sub};
use super::untransformed::Untransformed;
use super::{extends, function, get, text};
use wire::Value;

/// The expression of a name within `Ref` or `Fn::GetAtt`, where it is none as it stands.
fn expression(value: &Value) -> Option<&Value> {
    match function(value)? {
        ("Ref", name @ Value::Map(_)) => Some(name),
        ("Fn::GetAtt", Value::List(items)) => items.first().filter(|name| matches!(name, Value::Map(_))),
        _ => None,
    }
}

fn has_one(value: &Value) -> bool {
    expression(value).is_some()
        || match value {
            Value::Map(entries) => entries.iter().any(|(_, item)| has_one(item)),
            Value::List(items) => items.iter().any(has_one),
            _ => false,
        }
}

/// Whether functions of a template tell names, and it has the transform that lets them.
pub(crate) fn applies(root: &Value) -> bool {
    extends(root) && has_one(root)
}

/// A value with its names as they are; what cannot be told by parameters stays, and is refused for its form.
pub(crate) fn named(value: &Value, world: &Untransformed<'_>) -> Value {
    match value {
        Value::Map(entries) => {
            let name = expression(value).and_then(|told| resolved(told, world)).map(Value::Str);
            let inner = |item: &Value| match (&name, item) {
                (Some(name), Value::List(items)) => {
                    let rest = items.iter().skip(1).map(|item| named(item, world));
                    Value::List(std::iter::once(name.clone()).chain(rest).collect())
                }
                (Some(name), _) => name.clone(),
                (None, item) => named(item, world),
            };
            Value::Map(entries.iter().map(|(key, item)| (key.clone(), inner(item))).collect())
        }
        Value::List(items) => Value::List(items.iter().map(|item| named(item, world)).collect()),
        scalar => scalar.clone(),
    }
}

/// What parameters, mappings and texts tell.
fn resolved(value: &Value, world: &Untransformed<'_>) -> Option<String> {
    text(&known(value, world)?)
}

/// The same, which may be a list of a mapping.
pub(super) fn known(value: &Value, world: &Untransformed<'_>) -> Option<Value> {
    match function(value) {
        Some(("Fn::Sub", argument)) => substituted(argument, world).map(Value::Str),
        Some(("Fn::Join", Value::List(joined))) => {
            let [Value::Str(by), Value::List(items)] = joined.as_slice() else { return None };
            let items: Option<Vec<String>> = items.iter().map(|item| resolved(item, world)).collect();
            items.map(|items| Value::Str(items.join(by)))
        }
        Some(("Fn::FindInMap", Value::List(told))) => {
            let [map, top, key, default @ ..] = told.as_slice() else { return None };
            let told = |key: &Value| resolved(key, world);
            let (map, top, key) = (told(map)?, told(top)?, told(key)?);
            let found = world.mapping(&map, &top, &key).cloned();
            found.or_else(|| known(get(default.first()?, "DefaultValue")?, world))
        }
        Some(_) => world.resolved(value).map(Value::Str),
        None => match value {
            Value::List(items) => items
                .iter()
                .map(|item| resolved(item, world).map(Value::Str))
                .collect::<Option<_>>()
                .map(Value::List),
            scalar => text(scalar).map(Value::Str),
        },
    }
}

fn substituted(argument: &Value, world: &Untransformed<'_>) -> Option<String> {
    let (pattern, own) = sub(argument).ok()?;
    let part = |part: &Part<'_>| match part {
        Part::Text(text) => Some((*text).to_owned()),
        Part::Name(name) => match own.iter().find(|(known, _)| known == name) {
            Some((_, value)) => resolved(value, world),
            None => world.resolved(&Value::map([("Ref", Value::str(*name))])),
        },
    };
    parts(pattern).ok()?.iter().map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::{applies, named};
    use crate::cloudformation::template::untransformed::Untransformed;
    use crate::cloudformation::template::{get, yaml};
    use std::collections::BTreeMap;

    const HEAD: &str = "
Transform: 'AWS::LanguageExtensions'
Parameters: { Stage: { Type: String, Default: Test }, Other: { Type: String } }
Mappings: { M: { Test: { Name: Mapped } } }
";

    #[test]
    fn names_follow_from_parameters() {
        let rows = [
            ("!GetAtt [!Sub 'Q${Stage}', Arn]", r#"{"Fn::GetAtt":["QTest","Arn"]}"#),
            ("{ Ref: !Sub ['Q${S}${Stage}', { S: !Ref Stage }] }", r#"{"Ref":"QTestTest"}"#),
            ("{ Ref: !Join ['', [Q, !Ref Stage]] }", r#"{"Ref":"QTest"}"#),
            ("{ Ref: !FindInMap [M, !Ref Stage, Name] }", r#"{"Ref":"Mapped"}"#),
            ("[{ Ref: !Ref Stage }, !Ref Stage]", r#"[{"Ref":"Test"},{"Ref":"Stage"}]"#),
            ("{ Ref: !Sub 'Q${AWS::Region}' }", r#"{"Ref":"Qeu-north-1"}"#),
            // Nobody knows it.
            ("{ Ref: !Sub 'Q${Other}' }", r#"{"Ref":{"Fn::Sub":"Q${Other}"}}"#),
        ];
        let given = BTreeMap::from([("AWS::Region".to_owned(), "eu-north-1".to_owned())]);
        for (told, wanted) in rows {
            let root = yaml::read(&format!("{HEAD}Resources: {told}")).unwrap();
            assert!(applies(&root), "{told}");
            let out = named(&root, &Untransformed { root: &root, given: &given });
            assert_eq!(wire::json::text(get(&out, "Resources").unwrap()), wanted, "{told}");
        }
    }

    #[test]
    fn without_the_transform_functions_tell_no_names() {
        let text = format!("{HEAD}Resources: {{ Ref: !Sub 'Q${{Stage}}' }}");
        let plain = text.replace("Transform: 'AWS::LanguageExtensions'", "");
        assert!(!applies(&yaml::read(&plain).unwrap()));
        assert!(!applies(&yaml::read(&format!("{HEAD}Resources: !Ref Stage")).unwrap()));
    }
}
