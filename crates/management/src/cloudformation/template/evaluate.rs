//! Functions get their values.
//!
//! AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html>

use super::dynamic::Values;
use super::form;
use super::reference::{GET_ATT, Holding, Part, get_att, parts, sub};
use super::stack_output::{self, StackOutput};
use super::{Template, Wrong, cidr, function, get, text, wrong};
use std::collections::BTreeMap;
use wire::Value;

/// What an evaluation asks of the stack around it.
pub(crate) trait World {
    /// What `Ref` says of a resource; none where it is not there.
    fn physical(&self, resource: &str) -> Option<Value>;
    /// # Errors
    /// In AWS's words.
    fn attribute(&self, resource: &str, attribute: &str) -> Result<Value, Wrong>;
    /// # Errors
    /// In AWS's words.
    fn import(&self, export: &str) -> Result<String, Wrong>;
    /// Whether nobody knows the value yet, or a part of it: of what is to be made.
    fn is_unknown(&self, _: &Value) -> bool {
        false
    }
}

/// Pseudo parameters.
#[derive(Clone, Debug)]
pub(crate) struct Pseudo {
    pub(crate) account: String,
    pub(crate) region: base::Region,
    pub(crate) stack_id: String,
    pub(crate) stack_name: String,
    pub(crate) notifies: Vec<String>,
}

/// Gives expressions their values.
pub(crate) struct Evaluator<'a> {
    template: &'a Template,
    /// As text, as they were given.
    parameters: &'a BTreeMap<String, String>,
    pseudo: &'a Pseudo,
    holding: Holding,
    /// What other stacks have said of their outputs.
    told: Option<&'a Values>,
}

/// Nothing is there: conditions and policies see no resource.
pub(crate) struct Nothing;

impl World for Nothing {
    fn physical(&self, _: &str) -> Option<Value> {
        None
    }

    fn attribute(&self, _: &str, _: &str) -> Result<Value, Wrong> {
        wrong(GET_ATT)
    }

    fn import(&self, _: &str) -> Result<String, Wrong> {
        wrong("Template error: Fn::ImportValue cannot be used in the Conditions block of the template")
    }
}

impl<'a> Evaluator<'a> {
    /// With every condition decided.
    ///
    /// # Errors
    /// In AWS's words.
    pub(crate) fn new(
        template: &'a Template,
        parameters: &'a BTreeMap<String, String>,
        pseudo: &'a Pseudo,
    ) -> Result<Evaluator<'a>, Wrong> {
        let mut evaluator = Evaluator { template, parameters, pseudo, holding: Holding::new(), told: None };
        for (name, _) in &template.conditions {
            evaluator.decide(name, &mut Vec::new())?;
        }
        Ok(evaluator)
    }

    /// The same that knows what other stacks have said.
    pub(crate) fn knowing(self, told: &'a Values) -> Evaluator<'a> {
        Evaluator { told: Some(told), ..self }
    }

    /// The same with other values of parameters, under the conditions that hold.
    pub(crate) fn masked(other: &Evaluator<'a>, parameters: &'a BTreeMap<String, String>) -> Evaluator<'a> {
        Evaluator { parameters, holding: other.holding.clone(), ..*other }
    }

    pub(crate) fn holding(&self) -> &Holding {
        &self.holding
    }

    /// Whether what stands under a condition is there.
    pub(crate) fn holds(&self, condition: Option<&str>) -> bool {
        condition.is_none_or(|name| self.holding.get(name).copied().unwrap_or(false))
    }

    fn decide(&mut self, name: &str, path: &mut Vec<String>) -> Result<bool, Wrong> {
        if let Some(known) = self.holding.get(name) {
            return Ok(*known);
        }
        if path.iter().any(|seen| seen == name) {
            return form::circular(path);
        }
        let template = self.template;
        let Some((_, expression)) = template.conditions.iter().find(|(known, _)| known == name) else {
            return form::no_condition(name);
        };
        path.push(name.to_owned());
        let holds = self.condition(expression, path)?;
        path.pop();
        self.holding.insert(name.to_owned(), holds);
        Ok(holds)
    }

    fn condition(&mut self, expression: &Value, path: &mut Vec<String>) -> Result<bool, Wrong> {
        let Value::Map(entries) = expression else { return wrong(form::CONDITION) };
        let [(name, argument)] = entries.as_slice() else { return wrong(form::CONDITION) };
        if name == "Condition" {
            return match argument {
                Value::Str(other) => self.decide(other, path),
                _ => wrong("Template format error: Every Condition member must be a string."),
            };
        }
        let items = form::operands(name, argument)?;
        match (name.as_str(), items) {
            ("Fn::And", all) => {
                all.iter().try_fold(true, |so_far, item| Ok(self.condition(item, path)? && so_far))
            }
            ("Fn::Or", all) => {
                all.iter().try_fold(false, |so_far, item| Ok(self.condition(item, path)? || so_far))
            }
            ("Fn::Not", [item]) => Ok(!self.condition(item, path)?),
            ("Fn::Equals", [left, right]) => {
                let (left, right) = (self.value(left, &Nothing)?, self.value(right, &Nothing)?);
                Ok(plain(&left) == plain(&right))
            }
            _ => wrong(form::CONDITION),
        }
    }

    /// The value of an expression. `Null` stands for `AWS::NoValue`, and is taken out of lists and maps.
    ///
    /// # Errors
    /// In AWS's words.
    pub(crate) fn value(&self, value: &Value, world: &dyn World) -> Result<Value, Wrong> {
        if let Some((name, argument)) = function(value) {
            return self.function(name, argument, world);
        }
        let there = |value: &Value| !matches!(value, Value::Null);
        match value {
            Value::List(items) => {
                let items: Result<Vec<_>, Wrong> = items.iter().map(|item| self.value(item, world)).collect();
                Ok(Value::List(items?.into_iter().filter(there).collect()))
            }
            Value::Map(entries) => {
                let entries: Result<Vec<_>, Wrong> =
                    entries.iter().map(|(key, item)| Ok((key.clone(), self.value(item, world)?))).collect();
                Ok(Value::Map(entries?.into_iter().filter(|(_, value)| there(value)).collect()))
            }
            scalar => Ok(scalar.clone()),
        }
    }

    fn function(&self, name: &str, argument: &Value, world: &dyn World) -> Result<Value, Wrong> {
        match name {
            "Ref" => match argument {
                Value::Str(name) => self.reference(name, world),
                _ => wrong(form::REF),
            },
            "Fn::GetAtt" => {
                let (resource, expression, plain) = get_att(argument)?;
                match (expression, plain) {
                    (_, Some(attribute)) => world.attribute(resource, attribute),
                    (Some(expression), _) => {
                        world.attribute(resource, &self.string(expression, world, GET_ATT)?)
                    }
                    _ => wrong(GET_ATT),
                }
            }
            "Fn::Sub" => self.substitution(argument, world),
            "Fn::Join" => self.join(argument, world),
            "Fn::Select" => self.select(argument, world),
            "Fn::Split" => self.split(argument, world),
            "Fn::FindInMap" => self.find_in_map(argument, world),
            "Fn::If" => match argument {
                Value::List(items) if items.len() == 3 => {
                    let condition = items[0].as_str();
                    self.value(if self.holds(condition) { &items[1] } else { &items[2] }, world)
                }
                _ => wrong("Template error: Fn::If requires a list argument with exactly three elements"),
            },
            "Fn::Base64" => {
                let value = self.value(argument, world)?;
                match text(&value) {
                    _ if world.is_unknown(&value) => Ok(value),
                    Some(text) => Ok(Value::Str(base64(text.as_bytes()))),
                    None => wrong(form::BASE64),
                }
            }
            "Fn::GetAZs" => self.zones(argument, world),
            "Fn::Cidr" => self.cidr(argument, world),
            "Fn::ImportValue" => {
                let name = self.string(argument, world, form::IMPORT)?;
                world.import(&name).map(Value::Str)
            }
            stack_output::NAME => {
                let asked = self.asked(argument, world)?;
                let told = self.told.and_then(|told| told.get(&asked.key()));
                told.map(Value::str).ok_or_else(|| Wrong(stack_output::UNTOLD.to_owned()))
            }
            "Fn::Length" if self.template.extended() => match self.value(argument, world)? {
                Value::List(items) => Ok(Value::Int(items.len() as i64)),
                whole if world.is_unknown(&whole) => Ok(whole),
                _ => wrong(form::LENGTH),
            },
            "Fn::ToJsonString" if self.template.extended() => {
                Ok(Value::Str(wire::json::text(&self.value(argument, world)?)))
            }
            other => form::unsupported(other),
        }
    }

    fn reference(&self, name: &str, world: &dyn World) -> Result<Value, Wrong> {
        if let Some(parameter) = self.template.parameters.iter().find(|parameter| parameter.name == name) {
            let given = self.parameters.get(name).map(String::as_str).unwrap_or_default();
            return Ok(parameter.value(given));
        }
        let pseudo = self.pseudo;
        Ok(match name {
            "AWS::AccountId" => Value::str(&pseudo.account),
            "AWS::Region" => Value::str(pseudo.region.name()),
            "AWS::StackId" => Value::str(&pseudo.stack_id),
            "AWS::StackName" => Value::str(&pseudo.stack_name),
            "AWS::Partition" => Value::str("aws"),
            "AWS::URLSuffix" => Value::str("amazonaws.com"),
            "AWS::NotificationARNs" => Value::List(pseudo.notifies.iter().map(Value::str).collect()),
            "AWS::NoValue" => Value::Null,
            _ => {
                return world.physical(name).ok_or_else(|| {
                    Wrong(format!(
                        "Template format error: Unresolved resource dependencies [{name}] in the Resources block of the template"
                    ))
                });
            }
        })
    }

    /// Whether a value follows from what the stack makes, or what others tell.
    pub(crate) fn depends(&self, value: &Value) -> bool {
        form::depends(self.template, value)
    }

    /// Which output of which stack the argument of `Fn::GetStackOutput` names.
    ///
    /// # Errors
    /// In AWS's words.
    pub(crate) fn asked(&self, argument: &Value, world: &dyn World) -> Result<StackOutput, Wrong> {
        let asked = StackOutput::of(&self.value(argument, world)?, self.pseudo.region.name());
        asked.ok_or_else(|| Wrong(stack_output::FORM.to_owned()))
    }

    /// A text; what is none is refused with `why`.
    fn string(&self, value: &Value, world: &dyn World, why: &str) -> Result<String, Wrong> {
        text(&self.value(value, world)?).ok_or_else(|| Wrong(why.to_owned()))
    }

    fn substitution(&self, argument: &Value, world: &dyn World) -> Result<Value, Wrong> {
        let (pattern, own) = sub(argument)?;
        let mut out = String::with_capacity(pattern.len());
        for part in parts(pattern)? {
            let name = match part {
                Part::Text(text) => {
                    out.push_str(text);
                    continue;
                }
                Part::Name(name) => name,
            };
            let value = match own.iter().find(|(known, _)| known == name) {
                Some((_, value)) => self.value(value, world)?,
                None => match name.split_once('.') {
                    Some((resource, attribute)) => world.attribute(resource, attribute)?,
                    None => self.reference(name, world)?,
                },
            };
            match text(&value) {
                Some(text) => out.push_str(&text),
                None => {
                    return wrong(format!(
                        "Template error: Fn::Sub expression does not resolve to a string: ${{{name}}}"
                    ));
                }
            }
        }
        Ok(Value::Str(out))
    }

    fn join(&self, argument: &Value, world: &dyn World) -> Result<Value, Wrong> {
        let Value::List(parts) = argument else { return wrong(form::JOIN) };
        let [Value::Str(delimiter), list] = parts.as_slice() else { return wrong(form::JOIN) };
        let items = match self.value(list, world)? {
            Value::List(items) => items,
            whole if world.is_unknown(&whole) => return Ok(whole),
            _ => return wrong(form::JOIN),
        };
        let items: Option<Vec<String>> = items.iter().map(text).collect();
        items.map_or_else(|| wrong(form::JOIN), |items| Ok(Value::Str(items.join(delimiter))))
    }

    fn select(&self, argument: &Value, world: &dyn World) -> Result<Value, Wrong> {
        let Value::List(parts) = argument else { return wrong(form::SELECT) };
        let [index, list] = parts.as_slice() else { return wrong(form::SELECT) };
        let index = self.value(index, world)?;
        let items = match self.value(list, world)? {
            _ if world.is_unknown(&index) => return Ok(index),
            Value::List(items) => items,
            whole if world.is_unknown(&whole) => return Ok(whole),
            _ => return wrong(form::SELECT),
        };
        let index = text(&index).ok_or_else(|| Wrong(form::SELECT.to_owned()))?;
        let place = form::place(&index, items.len())?;
        Ok(items.into_iter().nth(place).unwrap_or(Value::Null))
    }

    fn split(&self, argument: &Value, world: &dyn World) -> Result<Value, Wrong> {
        let Value::List(parts) = argument else { return wrong(form::SPLIT) };
        let [Value::Str(delimiter), source] = parts.as_slice() else { return wrong(form::SPLIT) };
        if delimiter.is_empty() {
            return wrong(form::SPLIT);
        }
        let source = self.value(source, world)?;
        if world.is_unknown(&source) {
            return Ok(source);
        }
        let source = text(&source).ok_or_else(|| Wrong(form::SPLIT.to_owned()))?;
        Ok(Value::List(source.split(delimiter.as_str()).map(Value::str).collect()))
    }

    fn find_in_map(&self, argument: &Value, world: &dyn World) -> Result<Value, Wrong> {
        let Value::List(parts) = argument else { return wrong(form::FIND_IN_MAP) };
        let (keys, default) = match parts.as_slice() {
            [map, top, key] => ([map, top, key], None),
            [map, top, key, default] if self.template.extended() => {
                ([map, top, key], get(default, "DefaultValue"))
            }
            _ => return wrong(form::FIND_IN_MAP),
        };
        let mut names = Vec::with_capacity(3);
        for key in keys {
            names.push(self.string(key, world, form::FIND_IN_MAP)?);
        }
        let mapping = self.template.mappings.iter().find(|(name, _)| *name == names[0]);
        let found = mapping.and_then(|(_, tops)| get(get(tops, &names[1])?, &names[2]));
        match (found, mapping, default) {
            (Some(found), _, _) => Ok(found.clone()),
            (None, _, Some(default)) => self.value(default, world),
            (None, None, None) => wrong(format!(
                "Template error: Mapping named '{}' is not present in the 'Mappings' section of template.",
                names[0]
            )),
            (None, Some(_), None) => form::unmapped(&names),
        }
    }

    fn zones(&self, argument: &Value, world: &dyn World) -> Result<Value, Wrong> {
        let named = self.string(argument, world, form::ZONES)?;
        let region = if named.is_empty() { Some(self.pseudo.region) } else { base::Region::parse(&named) };
        match region {
            Some(region) => Ok(Value::List(region.zones().map(Value::Str).collect())),
            None => wrong(format!("Template error: Fn::GetAZs: {named} is not a region")),
        }
    }

    fn cidr(&self, argument: &Value, world: &dyn World) -> Result<Value, Wrong> {
        let Value::List(parts) = argument else { return wrong(form::CIDR) };
        let (block, count, bits) = match parts.as_slice() {
            [block, count] => (block, count, &Value::Int(i64::from(cidr::BITS))),
            [block, count, bits] => (block, count, bits),
            _ => return wrong(form::CIDR),
        };
        let block = self.value(block, world)?;
        if world.is_unknown(&block) {
            return Ok(block);
        }
        let number = |value| {
            self.string(value, world, form::CIDR)?.parse::<u32>().map_err(|_| Wrong(form::CIDR.to_owned()))
        };
        let block = text(&block).ok_or_else(|| Wrong(form::CIDR.to_owned()))?;
        let blocks = cidr::blocks(&block, number(count)?, number(bits)?)?;
        Ok(Value::List(blocks.into_iter().map(Value::Str).collect()))
    }
}

/// Two values are one if they read alike.
fn plain(value: &Value) -> String {
    text(value).unwrap_or_else(|| wire::json::text(value))
}

fn base64(bytes: &[u8]) -> String {
    let quoted = wire::json::text(&Value::Blob(bytes.to_vec().into()));
    quoted.trim_matches('"').to_owned()
}
