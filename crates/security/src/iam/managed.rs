//! The policies that AWS manages (`arn:aws:iam::aws:policy/...`), read from `models/managed-policies.bin`.
//!
//! That lies in the program compressed, to a third, and is unpacked when the first of them is looked at; until then
//! fifteen hundred policies cost no memory. Names and paths are `&'static`; a document is written out on request. Packed by `xtask managed-policies`, which describes the layout.
//!
//! Not here: earlier versions and descriptions (the source has neither). Members stand in the order in which AWS
//! writes them and lists keep theirs, but white space is this writer's own. Ids are AWS's where a public list has them;
//! for the others a stable one is made from the name, because the API must answer with one.

use auth::packed::Packed;
use base::Timestamp;
use std::sync::LazyLock;

const PACKED: &[u8] = include_bytes!("../../../../models/managed-policies.bin");

const RECORD_SIZE: usize = 20;

/// The file, and where its parts begin.
struct Shelf {
    file: Packed,
    records: usize,
    count: usize,
    documents: usize,
}

static SHELF: LazyLock<Shelf> = LazyLock::new(|| {
    let file = Packed::unpack(PACKED, 3);
    let (records, count) = (file.rest(), file.count(2));
    let documents = records + RECORD_SIZE * (count + 1);
    Shelf { file, records, count, documents }
});

const ARN_PREFIX: &str = "arn:aws:iam::aws:policy";

/// Deepest nesting of a document that is written out; AWS's deepest has eight levels.
const DEPTH_MAX: usize = 16;

/// One policy that AWS manages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ManagedPolicy {
    index: usize,
}

/// All of them by name.
pub fn all() -> impl DoubleEndedIterator<Item = ManagedPolicy> + ExactSizeIterator {
    (0..SHELF.count).map(|index| ManagedPolicy { index })
}

/// The policy with this name; names are unique across paths.
pub fn by_name(name: &str) -> Option<ManagedPolicy> {
    let (mut low, mut high) = (0, SHELF.count);
    while low < high {
        let policy = ManagedPolicy { index: low + (high - low) / 2 };
        match policy.name().cmp(name) {
            std::cmp::Ordering::Less => low = policy.index + 1,
            std::cmp::Ordering::Greater => high = policy.index,
            std::cmp::Ordering::Equal => return Some(policy),
        }
    }
    None
}

/// The policy with this ARN: `arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole`.
pub fn by_arn(arn: &str) -> Option<ManagedPolicy> {
    let rest = arn.strip_prefix(ARN_PREFIX)?;
    let (path, name) = rest.split_at(rest.rfind('/')? + 1);
    by_name(name).filter(|policy| policy.path() == path)
}

impl ManagedPolicy {
    /// `AdministratorAccess`.
    pub fn name(self) -> &'static str {
        string(self.number(0))
    }

    /// `/`, `/service-role/`, `/aws-service-role/`, `/job-function/` or `/root-task/`.
    pub fn path(self) -> &'static str {
        string(self.number(2))
    }

    /// `arn:aws:iam::aws:policy/AdministratorAccess`.
    pub fn arn(self) -> String {
        format!("{ARN_PREFIX}{}{}", self.path(), self.name())
    }

    /// The only version there is here, which is the default: `v1`.
    pub fn version_id(self) -> &'static str {
        string(self.number(4))
    }

    /// `ANPAIWMBCKSKIEE64ZLYK`; made from the name where AWS's own is not known.
    pub fn policy_id(self) -> String {
        match string(self.number(6)) {
            "" => made_id(self.name()),
            id => id.to_owned(),
        }
    }

    /// When AWS created the policy.
    pub fn create_date(self) -> Timestamp {
        self.date(8)
    }

    /// When AWS made the default version.
    pub fn update_date(self) -> Timestamp {
        self.date(12)
    }

    /// Whether only a service-linked role may carry it.
    pub fn is_service_linked(self) -> bool {
        self.path() == "/aws-service-role/"
    }

    /// The document as JSON, indented by four spaces.
    pub fn document(self) -> String {
        let mut out = String::new();
        let mut at = SHELF.documents + SHELF.file.u32_at(self.at(16));
        write_value(&mut at, 0, &mut out);
        out
    }

    fn at(self, field: usize) -> usize {
        SHELF.records + self.index * RECORD_SIZE + field
    }

    fn number(self, field: usize) -> usize {
        usize::from(SHELF.file.u16_at(self.at(field)))
    }

    fn date(self, field: usize) -> Timestamp {
        let seconds = SHELF.file.u32_at(self.at(field));
        Timestamp::from_seconds(i64::try_from(seconds).unwrap_or_default())
    }
}

/// Twenty-one characters in the form of AWS's ids, from a 64-bit FNV-1a hash of the name.
fn made_id(name: &str) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let tail = (0..9).map(|i| char::from(ALPHABET[(hash >> (5 * i)) as usize & 31]));
    "ANPAZKAPJZG4".chars().chain(tail).collect()
}

fn write_value(at: &mut usize, depth: usize, out: &mut String) {
    let tagged = varint(at);
    let number = tagged >> 3;
    match tagged & 7 {
        1 => out.push_str("false"),
        2 => out.push_str("true"),
        3 => write_string(string(number), out),
        6 => out.push_str(&number.to_string()),
        // An empty list or object stands on one line, and a document deeper than any of AWS's is cut off.
        kind @ (4 | 5) if number == 0 || depth == DEPTH_MAX => {
            out.push_str(if kind == 4 { "[]" } else { "{}" });
        }
        kind @ (4 | 5) => {
            out.push(if kind == 4 { '[' } else { '{' });
            for item in 0..number {
                out.push_str(if item == 0 { "\n" } else { ",\n" });
                indent(depth + 1, out);
                if kind == 5 {
                    write_string(string(varint(at) >> 3), out);
                    out.push_str(": ");
                }
                write_value(at, depth + 1, out);
            }
            out.push('\n');
            indent(depth, out);
            out.push(if kind == 4 { ']' } else { '}' });
        }
        _ => out.push_str("null"),
    }
}

fn indent(depth: usize, out: &mut String) {
    out.extend(std::iter::repeat_n("    ", depth));
}

fn write_string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            other => out.push(other),
        }
    }
    out.push('"');
}

fn varint(at: &mut usize) -> usize {
    let (mut value, mut shift) = (0, 0);
    loop {
        let byte = SHELF.file.bytes()[*at];
        *at += 1;
        value |= usize::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return value;
        }
        shift += 7;
    }
}

fn string(number: usize) -> &'static str {
    SHELF.file.string(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_has_the_length_that_its_own_counts_announce() {
        let last = SHELF.records + RECORD_SIZE * SHELF.count;
        assert_eq!(SHELF.documents + SHELF.file.u32_at(last + 16), SHELF.file.bytes().len());
    }

    #[test]
    fn administrator_access_is_what_aws_answers() {
        let policy = by_arn("arn:aws:iam::aws:policy/AdministratorAccess").unwrap();
        assert_eq!(policy.policy_id(), "ANPAIWMBCKSKIEE64ZLYK");
        assert_eq!((policy.name(), policy.path(), policy.version_id()), ("AdministratorAccess", "/", "v1"));
        assert_eq!(policy.create_date().iso8601(), "2015-02-06T18:39:46Z");
        assert_eq!(policy.update_date().iso8601(), "2015-02-06T18:39:46Z");
        let document = "{\n    \"Version\": \"2012-10-17\",\n    \"Statement\": [\n        {\n            \
                        \"Effect\": \"Allow\",\n            \"Action\": \"*\",\n            \"Resource\": \"*\"\n        \
                        }\n    ]\n}";
        assert_eq!(policy.document(), document);
    }

    #[test]
    fn arns_need_their_own_path() {
        assert!(by_arn("arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole").is_some());
        for arn in [
            "arn:aws:iam::aws:policy/AWSLambdaBasicExecutionRole",
            "arn:aws:iam::aws:policy/service-role/",
            "arn:aws:iam::aws:policy",
            "arn:aws:iam::123456789012:policy/AdministratorAccess",
            "AdministratorAccess",
            "",
        ] {
            assert_eq!(by_arn(arn), None, "{arn}");
        }
    }

    #[test]
    fn every_policy_is_found_by_its_arn_and_has_a_plausible_document() {
        let mut ids = std::collections::BTreeSet::new();
        assert_eq!(all().len(), 1582);
        for policy in all() {
            assert_eq!(by_arn(&policy.arn()), Some(policy));
            let document: serde_json::Value = serde_json::from_str(&policy.document()).unwrap();
            assert!(
                matches!(document["Version"].as_str(), Some("2012-10-17" | "2008-10-17")),
                "{}",
                policy.name()
            );
            let statements = match &document["Statement"] {
                serde_json::Value::Array(list) => list.clone(),
                one => vec![one.clone()],
            };
            assert!(!statements.is_empty(), "{}", policy.name());
            for statement in statements {
                assert!(matches!(statement["Effect"].as_str(), Some("Allow" | "Deny")), "{}", policy.name());
                assert!(
                    statement.get("Action").or(statement.get("NotAction")).is_some(),
                    "{}",
                    policy.name()
                );
            }
            assert!(policy.update_date() >= policy.create_date(), "{}", policy.name());
            let id = policy.policy_id();
            assert!(id.len() == 21 && id.starts_with("ANPA"), "{id}");
            assert!(ids.insert(id), "{}", policy.name());
        }
    }

    #[test]
    fn the_policies_of_job_functions_are_there() {
        for name in [
            "Billing",
            "DatabaseAdministrator",
            "NetworkAdministrator",
            "SystemAdministrator",
            "ViewOnlyAccess",
        ] {
            assert_eq!(by_name(name).map(ManagedPolicy::path), Some("/job-function/"), "{name}");
        }
        for name in
            ["PowerUserAccess", "ReadOnlyAccess", "SecurityAudit", "IAMFullAccess", "AmazonS3FullAccess"]
        {
            assert_eq!(by_name(name).map(ManagedPolicy::path), Some("/"), "{name}");
        }
    }

    #[test]
    fn every_document_can_be_loaded() {
        let refused: Vec<&str> = all()
            .filter(|p| {
                auth::policy::Policy::load(&p.document(), auth::policy::PolicyKind::Identity).is_err()
            })
            .map(ManagedPolicy::name)
            .collect();
        assert_eq!(refused, [""; 0]);
    }

    /// AWS's own policies keep the rules which IAM holds other people's to.
    #[test]
    fn every_document_could_be_somebody_elses() {
        let refused: Vec<&str> = all()
            .filter(|p| {
                auth::policy::Policy::parse(&p.document(), auth::policy::PolicyKind::Identity).is_err()
            })
            .map(ManagedPolicy::name)
            .collect();
        assert_eq!(refused, [""; 0]);
    }
}
