//! The role of a function that names none, and of one that names one on a condition.

use super::policy::{Place, Policy};
use super::queue::Grant;
use super::{
    Made, Untransformed, attribute, branches, function, if_else, invalid, is_no_value, list, not, object,
    prop,
};
use crate::cloudformation::template::{Wrong, get, text};
use wire::Value;

/// What events need of the role.
#[derive(Default, Debug)]
pub(super) struct Needs {
    /// Managed policies of service roles.
    pub(super) managed: Vec<&'static str>,
    pub(super) grants: Vec<Grant>,
}

impl Needs {
    pub(super) fn managed(&mut self, name: &'static str) {
        if !self.managed.contains(&name) {
            self.managed.push(name);
        }
    }
}

/// `outcomes`: what the function's own destinations need.
pub(super) fn made(
    world: &Untransformed<'_>,
    name: &str,
    properties: &Value,
    outcomes: Vec<Grant>,
    needs: Needs,
) -> Result<Made, Wrong> {
    let service = |role: &str| Value::Str(format!("arn:aws:iam::aws:policy/service-role/{role}"));
    let mut managed = vec![service("AWSLambdaBasicExecutionRole")];
    if function::traced(world, properties).is_some() {
        managed.push(Value::str("arn:aws:iam::aws:policy/AWSXrayWriteOnlyAccess"));
    }
    if get(properties, "VpcConfig").is_some() {
        managed.push(service("AWSLambdaVPCAccessExecutionRole"));
    }
    let mut inline = Vec::new();
    inline.extend(letters(name, properties)?.map(Grant::policy));
    inline.extend(outcomes.into_iter().map(Grant::policy));
    let given = match prop(properties, "Policies") {
        Value::Null => Vec::new(),
        Value::List(items) => items,
        one => vec![one],
    };
    for (index, item) in given.iter().enumerate() {
        let place = Place { function: name, index };
        match place.read(item)? {
            Policy::Managed(arn) if managed.contains(&arn) => {}
            Policy::Managed(arn) => managed.push(arn),
            Policy::Inline(policy) => inline.push(policy),
        }
    }
    for arn in needs.managed.into_iter().map(service) {
        if !managed.contains(&arn) {
            managed.push(arn);
        }
    }
    for grant in needs.grants {
        let is_there = |policy: &Value| get(policy, "PolicyDocument") == Some(&grant.document);
        if !inline.iter().any(is_there) {
            inline.push(grant.policy());
        }
    }
    let trust = get(properties, "AssumeRolePolicyDocument").cloned();
    let trust = trust.unwrap_or_else(|| super::trust("lambda.amazonaws.com"));
    let body = object([
        ("AssumeRolePolicyDocument", trust),
        ("ManagedPolicyArns", Value::List(managed)),
        ("Policies", if inline.is_empty() { Value::Null } else { Value::List(inline) }),
        ("Path", prop(properties, "RolePath")),
        ("PermissionsBoundary", prop(properties, "PermissionsBoundary")),
        ("Tags", function::created(properties)),
    ]);
    Ok(Made::new(format!("{name}Role"), "AWS::IAM::Role", body))
}

/// What the role may do to where dead letters go.
pub(super) fn letters(name: &str, properties: &Value) -> Result<Option<Grant>, Wrong> {
    let Some(queue) = get(properties, "DeadLetterQueue") else { return Ok(None) };
    let (Some(kind), Some(place)) = (get(queue, "Type").and_then(text), get(queue, "TargetArn")) else {
        let why = "'DeadLetterQueue' requires Type and TargetArn properties to be specified.";
        return invalid(name, why);
    };
    let action = match kind.as_str() {
        "SQS" => "sqs:SendMessage",
        "SNS" => "sns:Publish",
        _ => return invalid(name, "'DeadLetterQueue' requires Type of ['SQS', 'SNS']"),
    };
    let statement = object([
        ("Action", Value::str(action)),
        ("Resource", place.clone()),
        ("Effect", Value::str("Allow")),
    ]);
    let document = object([("Version", Value::str("2012-10-17")), ("Statement", list([statement]))]);
    Ok(Some(Grant { name: "DeadLetterQueuePolicy".to_owned(), document }))
}

/// The role that a function gets, with what is made for it.
pub(super) struct Chosen {
    pub(super) role: Value,
    pub(super) made: Option<Made>,
    pub(super) condition: Option<(String, Value)>,
}

/// `role`: the one that it has where it names none.
pub(super) fn chosen(properties: &Value, mut role: Made) -> Chosen {
    let own = attribute(&role.name, "Arn");
    let Some(said) = get(properties, "Role") else {
        return Chosen { role: own, made: Some(role), condition: None };
    };
    let Some((condition, yes, no)) = branches(said) else {
        return Chosen { role: said.clone(), made: None, condition: None };
    };
    let hangs = |name: &str| vec![("Condition".to_owned(), Value::str(name))];
    let told = Value::str(condition);
    match (is_no_value(yes), is_no_value(no)) {
        (false, false) => Chosen { role: said.clone(), made: None, condition: None },
        (true, true) => Chosen { role: own, made: Some(role), condition: None },
        (true, false) => {
            role.more = hangs(condition);
            Chosen { role: if_else(&told, own, no.clone()), made: Some(role), condition: None }
        }
        (false, true) => {
            let other = format!("NOT{condition}");
            role.more = hangs(&other);
            let role_of = if_else(&told, yes.clone(), own);
            Chosen { role: role_of, made: Some(role), condition: Some((other, not(condition))) }
        }
    }
}
