//! The example of CONTRIBUTING.md's "Adding an operation", as it stands there: an operation that works.

use crate::fixture::{cloud, parts};
use base::AccountId;
use kernel::{Cx, Service};
use serde_json::json;
use std::path::Path;
use store::{Key, Table};

const ACCOUNT: &str = "123456789012";
const GUIDE: &str = include_str!("../../../../CONTRIBUTING.md");
const OWN: &str = include_str!("checklist.rs");

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Secret {
        1 => pub(crate) arn: String,
    }
}

const SECRETS: Table<Secret> = Table::new(0xFE02, "it/secrets");

static SECRETS_MANAGER: Service = Service { id: "secretsmanager", global: false, ops: &[OPS] };

fn key(account: AccountId, id: &str) -> Key {
    Key::account(account).str(id)
}

wire::shape! { pub struct DescribeSecret { pub id: String = "SecretId" } }
wire::shape! { pub struct DescribeSecretResult { pub arn: String = "ARN" } }

fn describe_secret(cx: &mut Cx<'_>, req: DescribeSecret) -> Result<DescribeSecretResult, SecretError> {
    let secret = SECRETS.get(cx.tx, &key(cx.account, &req.id))?.ok_or(SecretError::NotFound)?;
    Ok(DescribeSecretResult { arn: secret.arn })
}

kernel::ops! {
    static OPS:
        DescribeSecret: describe_secret, "secretsmanager:DescribeSecret", access::secret;
}

mod access {
    use kernel::{Cx, Target};
    use wire::{Fault, Struct};

    pub(super) fn secret(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
        let id = request.str("SecretId").unwrap_or_default();
        Ok(vec![Target::on(cx.arn("secretsmanager", &format!("secret:{id}")).to_string())])
    }
}

wire::errors! {
    pub enum SecretError {
        NotFound = 400, "ResourceNotFoundException", "Secrets Manager can't find the specified secret.";
        Unreadable = 500, "InternalServiceError", "An error occurred on the server side.";
    }
}

impl From<store::StoreError> for SecretError {
    fn from(_: store::StoreError) -> SecretError {
        SecretError::Unreadable
    }
}

#[test]
fn the_guides_operation_works() {
    let mut extra = parts();
    extra.services.push(&SECRETS_MANAGER);
    let cloud = cloud(extra);
    let root = cloud.root(ACCOUNT);
    let arn = format!("arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:one");
    let mut tx = cloud.cloud.store().begin();
    let account = AccountId::parse(ACCOUNT).unwrap();
    SECRETS.put(&mut tx, &key(account, "one"), &Secret { arn: arn.clone() });
    tx.commit().wait().unwrap();
    let ask = |id: &str| json!({ "SecretId": id });
    assert_eq!(root.call("secretsmanager", "DescribeSecret", ask("one")).ok(), json!({ "ARN": arn }));
    root.call("secretsmanager", "DescribeSecret", ask("two")).refused_with(
        400,
        "ResourceNotFoundException",
        "Secrets Manager can't find the specified secret.",
    );
    // What the model asks for is checked before the handler is called.
    root.call("secretsmanager", "DescribeSecret", json!({})).refused(400, "ValidationException");
    let eva = cloud.user(&root, "eva", "");
    eva.call("secretsmanager", "DescribeSecret", ask("one")).refused(400, "AccessDeniedException");
}

/// Words alone, so that indentation does not count.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_guide_shows_this_operation_and_files_that_are_there() {
    let guide = GUIDE.split_once("## Adding an operation").unwrap().1;
    let guide = guide.split_once("\n## ").unwrap().0;
    let blocks: Vec<&str> = guide.split("```rust").skip(1).map(|b| b.split_once("```").unwrap().0).collect();
    assert!(!blocks.is_empty(), "the guide has no example");
    let line = "`DescribeSecret: describe_secret, \"secretsmanager:DescribeSecret\", access::secret;`";
    assert!(guide.contains(line), "the guide does not show {line}");
    let own = words(OWN.split_once("#[test]").unwrap().0);
    for code in blocks.into_iter().chain([line.trim_matches('`')]) {
        assert!(own.contains(&words(code)), "this file does not have {code}");
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let paths = guide
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|text| text.contains('/') && !text.contains(['<', ' ', '(']));
    let named: Vec<&str> = paths.collect();
    let gone: Vec<_> = named.iter().filter(|path| !root.join(path).exists()).collect();
    assert!(gone.is_empty() && named.len() > 1, "{gone:?} of {named:?}");
}
