//! The least valid input of any modelled operation: required members only, each the first candidate that the model
//! takes.

use base::Timestamp;
use wire::Value;
use wire::model::{Kind, MemberModel, Operation, Service, ShapeId, Structure};
use wire::validate::check;
use wire::value::Struct;

/// Structures within structures.
const DEPTH_MAX: u32 = 12;

/// Strings that AWS's patterns ask for. The first that fits is taken, hence plain names come first.
pub(super) const CANDIDATES: &[&str] = &[
    "matrix",
    "matrix-0123456789abcdef",
    "123456789012",
    "123456",
    "arn:aws:iam::123456789012:role/matrix",
    "arn:aws:iam::aws:policy/ReadOnlyAccess",
    "AKIAIOSFODNN7EXAMPLE",
    "1234abcd-12ab-34cd-56ef-1234567890ab",
    "o-exampleorgid",
    "r-ab12",
    "ou-ab12-11111111",
    "p-examplepolicyid111",
    "h-examplehandshakeid111",
    "car-exampleaccountcreationrequestid",
    "matrix@example.com",
    "https://example.com",
    "example.com",
    "alias/matrix",
    "arn:aws:s3:::matrix",
    "/matrix/",
    "us-east-1",
    "v1",
    "{}",
];

/// What the tables say of a member before the model is asked: service, operation, member.
pub(super) type Known<'a> = &'a dyn Fn(&str, &str, &str) -> Option<Value>;

pub(super) struct Generator<'a> {
    pub(super) service: &'static Service,
    pub(super) operation: &'static Operation,
    pub(super) known: Known<'a>,
}

impl Generator<'_> {
    /// The input, or the path of the member for which nothing fits.
    pub(super) fn input(&self) -> Result<Struct, String> {
        let Some(shape) = self.operation.input else { return Ok(Struct::new()) };
        let mut input = self.structure(shape, DEPTH_MAX, "")?;
        let model = self.service.structure(shape).unwrap();
        for member in &model.members {
            // What AWS asks for beyond its model.
            if input.get(member.name).is_none()
                && let Some(value) = (self.known)(self.service.id, self.operation.name, member.name)
            {
                input.set(member.name, value);
            }
        }
        Ok(input)
    }

    fn structure(&self, shape: ShapeId, depth: u32, path: &str) -> Result<Struct, String> {
        let model = self.service.structure(shape).ok_or_else(|| format!("{path}: no structure"))?;
        let depth = depth.checked_sub(1).ok_or_else(|| format!("{path}: too deep"))?;
        let mut out = Struct::new();
        for (at, member) in model.members.iter().enumerate() {
            if member.required || model.union && at == 0 {
                let path = format!("{path}.{}", member.name);
                out.push(member.name, self.member(shape, member, depth, &path)?);
            }
        }
        Ok(out)
    }

    fn member(&self, owner: ShapeId, member: &MemberModel, depth: u32, path: &str) -> Result<Value, String> {
        if let Some(value) = (self.known)(self.service.id, self.operation.name, member.name) {
            return Ok(value);
        }
        let fits = |value: &Value| {
            let alone: Struct = [(member.name, value.clone())].into_iter().collect();
            let missing_elsewhere = |v: &wire::validate::Violation| {
                !v.path.eq_ignore_ascii_case(member.name)
                    && !v
                        .path
                        .to_ascii_lowercase()
                        .starts_with(&format!("{}.", member.name.to_ascii_lowercase()))
            };
            check(self.service, owner, &Value::Struct(alone)).iter().all(missing_elsewhere)
        };
        self.value(member.target.shape, depth, path, &fits)
    }

    fn value(
        &self,
        shape: ShapeId,
        depth: u32,
        path: &str,
        fits: &dyn Fn(&Value) -> bool,
    ) -> Result<Value, String> {
        let none = || format!("{path}: no candidate fits");
        match &self.service.shape(shape).kind {
            Kind::Structure(Structure { document: true, .. }) => Ok(Value::Struct(Struct::new())),
            Kind::Structure(_) => self.structure(shape, depth, path).map(Value::Struct),
            Kind::List { element, min, .. } => {
                let count = usize::try_from(min.unwrap_or(0).max(1)).map_err(|_| none())?;
                let inside = |item: &Value| fits(&Value::List(vec![item.clone(); count]));
                let item = self.value(element.shape, depth, path, &inside)?;
                Ok(Value::List(vec![item; count]))
            }
            Kind::Map { value, .. } => {
                let inside = |item: &Value| fits(&Value::Map(vec![("matrix".into(), item.clone())]));
                let item = self.value(value.shape, depth, path, &inside)?;
                Ok(Value::Map(vec![("matrix".into(), item)]))
            }
            Kind::String { allowed, min, .. } => {
                let long = "m".repeat(usize::try_from(min.unwrap_or(0)).map_err(|_| none())?);
                let all = allowed.iter().chain(CANDIDATES).copied().chain([long.as_str()]);
                all.map(Value::str).find(|v| fits(v)).ok_or_else(none)
            }
            Kind::Integer { min, max, .. } => Ok(Value::Int(min.or(*max).unwrap_or(1))),
            Kind::Float { min, max, .. } => Ok(Value::Float(min.or(*max).unwrap_or(1.0))),
            Kind::Boolean => Ok(Value::Bool(false)),
            Kind::Blob { min, .. } => {
                let len = usize::try_from(min.unwrap_or(0).max(1)).map_err(|_| none())?;
                Ok(Value::Blob(vec![b'm'; len].into()))
            }
            Kind::Timestamp { .. } => Ok(Value::Time(Timestamp::from_seconds(1_768_478_400))),
        }
    }
}
