//! Key pairs: made here (RSA, ED25519) or brought along. Of one that is made, only the caller has the private half.
//!
//! Not here: PuTTY's format.

use crate::ec2::model::{KEY_PAIRS, KeyPair};
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ec2::access::{Access, list};
use ec2::describe::{self, Ask, Item};
use ec2::filter::{Filter, Known};
use ec2::kind::KEY_PAIR;
use ec2::tags::{self, Tag, TagSpecification};
use ec2::{Ec2Error, Plain, register};
use kernel::{Cx, Target};
use store::Key;
use wire::{Fault, Struct};

kernel::ops! {
    /// Key pairs.
    pub static OPS:
        CreateKeyPair: create, "ec2:CreateKeyPair", |cx, r| Access::of(cx, r).new(&KEY_PAIR).done();
        ImportKeyPair: import, "ec2:ImportKeyPair", |cx, r| Access::of(cx, r).new(&KEY_PAIR).done();
        DescribeKeyPairs: describe_key_pairs, "ec2:DescribeKeyPairs", list;
        DeleteKeyPair: delete, "ec2:DeleteKeyPair", named;
}

/// AWS: 5,000 in a region.
const PAIRS_MAX: usize = 5000;

wire::shape! {
    #[derive(Debug)]
    struct Create {
        name: String = "KeyName",
        kind: Option<String> = "KeyType",
        format: Option<String> = "KeyFormat",
        tags: Vec<TagSpecification> = "TagSpecifications",
    }

    #[derive(Debug)]
    struct Created {
        id: String = "KeyPairId",
        name: String = "KeyName",
        fingerprint: String = "KeyFingerprint",
        material: String = "KeyMaterial",
        tags: Vec<Tag> = "Tags",
    }

    #[derive(Debug)]
    struct Import {
        name: String = "KeyName",
        material: bytes::Bytes = "PublicKeyMaterial",
        tags: Vec<TagSpecification> = "TagSpecifications",
    }

    #[derive(Debug)]
    struct Imported {
        id: String = "KeyPairId",
        name: String = "KeyName",
        fingerprint: String = "KeyFingerprint",
        tags: Vec<Tag> = "Tags",
    }

    #[derive(Debug)]
    struct Describe {
        names: Vec<String> = "KeyNames",
        ids: Vec<String> = "KeyPairIds",
        filters: Vec<Filter> = "Filters",
        public: Option<bool> = "IncludePublicKey",
    }

    #[derive(Debug)]
    struct Pairs { pairs: Vec<View> = "KeyPairs" }

    #[derive(Debug)]
    struct View {
        id: String = "KeyPairId",
        name: String = "KeyName",
        kind: String = "KeyType",
        fingerprint: String = "KeyFingerprint",
        public: Option<String> = "PublicKey",
        created: Timestamp = "CreateTime",
        tags: Vec<Tag> = "Tags",
    }

    #[derive(Debug)]
    struct Delete {
        name: Option<String> = "KeyName",
        id: Option<String> = "KeyPairId",
    }

    #[derive(Debug)]
    struct Deleted {
        ok: bool = "Return",
        id: Option<String> = "KeyPairId",
    }
}

impl Item for View {
    fn id(&self) -> &str {
        &self.id
    }

    fn tags(&self) -> &[Tag] {
        &self.tags
    }
}

/// The pair with this name.
pub(crate) fn find(cx: &Cx<'_>, name: &str) -> Result<Option<KeyPair>, Ec2Error> {
    Ok(describe::all(cx, &KEY_PAIRS)?.into_iter().find(|pair| pair.name == name))
}

fn named(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let by_name = match request.str("KeyName") {
        Some(name) => find(cx, name)?,
        None => None,
    };
    let id = request.str("KeyPairId").map(str::to_owned).or(by_name.map(|pair| pair.id));
    let access = Access::of(cx, request);
    match id {
        Some(id) => access.id(&KEY_PAIR, &id).done(),
        // Nothing of that name: what is asked for is its key pair all the same.
        None => access.id(&KEY_PAIR, "*").done(),
    }
}

/// A number or text as SSH writes it.
fn packed(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes()[..], bytes].concat()
}

fn pem(label: &str, bytes: &[u8], width: usize) -> String {
    let text = STANDARD.encode(bytes);
    let lines: Vec<&str> =
        text.as_bytes().chunks(width).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----", lines.join("\n"))
}

fn colons(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
}

/// What is new: the private half, the public one as SSH has it, and the fingerprint.
struct Fresh {
    material: String,
    public: Vec<u8>,
    fingerprint: String,
}

fn rsa_pair() -> Option<Fresh> {
    let pair = rsa::KeyPair::generate(rsa::KeySize::Rsa2048).ok()?;
    let der: Pkcs8V1Der<'_> = pair.as_der().ok()?;
    // The key itself lies in PKCS #8's last member, after a head of fixed length for this size.
    let inner = der.as_ref().get(26..)?;
    let key: PublicKeyX509Der<'_> = pair.public_key().as_der().ok()?;
    // Its end is the modulus (257 bytes with the sign's) and the exponent 65537.
    let at = key.as_ref().len().checked_sub(257 + 5)?;
    let modulus = key.as_ref().get(at..at + 257)?;
    let public = [packed(b"ssh-rsa"), packed(&[1, 0, 1]), packed(modulus)].concat();
    Some(Fresh {
        material: pem("RSA PRIVATE KEY", inner, 64),
        public,
        fingerprint: colons(digest(&SHA1_FOR_LEGACY_USE_ONLY, der.as_ref()).as_ref()),
    })
}

fn sha256(public: &[u8]) -> String {
    STANDARD.encode(digest(&SHA256, public).as_ref())
}

/// AWS: <https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.key>
fn ed25519_pair(cx: &Cx<'_>) -> Option<Fresh> {
    let seed: [u8; 32] = cx.rng().bytes();
    let pair = Ed25519KeyPair::from_seed_unchecked(&seed).ok()?;
    let key = pair.public_key().as_ref();
    let public = [packed(b"ssh-ed25519"), packed(key)].concat();
    let check: [u8; 4] = cx.rng().bytes();
    let private = packed(&[&seed[..], key].concat());
    let mut secret = [&check[..], &check[..], &public[..], &private[..], &packed(b"")[..]].concat();
    let padding = (1..=8u8).take((8 - secret.len() % 8) % 8);
    secret.extend(padding);
    let head = [&b"openssh-key-v1\0"[..], &packed(b"none"), &packed(b"none"), &packed(b""), &[0, 0, 0, 1]];
    let whole = [head.concat(), packed(&public), packed(&secret)].concat();
    let fingerprint = sha256(&public);
    Some(Fresh { material: format!("{}\n", pem("OPENSSH PRIVATE KEY", &whole, 70)), public, fingerprint })
}

fn check_name(cx: &Cx<'_>, name: &str) -> Result<(), Ec2Error> {
    if name.is_empty() || name.chars().count() > 255 || !name.is_ascii() {
        return Err(Ec2Error::value(name, "keyName", "Up to 255 ASCII characters are allowed."));
    }
    match find(cx, name)? {
        Some(_) => Err(Plain::InvalidKeyPairDuplicate.into()),
        None => Ok(()),
    }
}

fn keep(cx: &mut Cx<'_>, pair: KeyPair, tags: &base::tag::Tags) -> Result<KeyPair, Ec2Error> {
    if !cx.has_room(&KEY_PAIRS, &Key::regional(cx.account, cx.region), PAIRS_MAX)? {
        return Err(Plain::KeyPairLimitExceeded.into());
    }
    KEY_PAIRS.put(cx.tx, &register::key(cx.account, cx.region, &pair.id), &pair);
    let keys = [("ec2:KeyPairName", pair.name.clone()), ("ec2:KeyPairType", pair.kind.clone())];
    register::enter(cx, &KEY_PAIR, &pair.id, tags, &keys);
    Ok(pair)
}

fn create(cx: &mut Cx<'_>, req: Create) -> Result<Created, Ec2Error> {
    let tags = tags::of_new(cx.caller, &req.tags, &KEY_PAIR, &[&KEY_PAIR])?;
    check_name(cx, &req.name)?;
    if let Some(format) = req.format.filter(|format| format != "pem") {
        return Err(Ec2Error::value(format, "keyFormat", "Only pem is built in this version of Virga."));
    }
    let kind = req.kind.unwrap_or_else(|| "rsa".into());
    let (fresh, word) = match kind.as_str() {
        "rsa" => (rsa_pair(), "ssh-rsa"),
        "ed25519" => (ed25519_pair(cx), "ssh-ed25519"),
        other => return Err(Ec2Error::value(other, "keyType", "Valid values: rsa, ed25519.")),
    };
    let fresh = fresh.ok_or(Plain::InternalError)?;
    let public = format!("{word} {} {}", STANDARD.encode(&fresh.public), req.name);
    let (id, fingerprint, created) = (KEY_PAIR.id(cx.rng()), fresh.fingerprint, cx.now);
    let pair = keep(cx, KeyPair { id, name: req.name, kind, fingerprint, public, created }, &tags)?;
    let (id, name, fingerprint) = (pair.id, pair.name, pair.fingerprint);
    Ok(Created { id, name, fingerprint, material: fresh.material, tags: tags::view(&tags) })
}

/// The parts of a public key as SSH has it.
fn parts(mut bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut out = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        out.push(rest.get(..length)?);
        bytes = &rest[length..];
    }
    Some(out)
}

/// DER: a tag, a length and contents.
fn der(tag: u8, contents: &[u8]) -> Vec<u8> {
    let size = contents.len();
    let length = match size {
        0..=127 => vec![size as u8],
        128..=255 => vec![0x81, size as u8],
        _ => vec![0x82, (size >> 8) as u8, size as u8],
    };
    [vec![tag], length, contents.to_vec()].concat()
}

/// The kind and the fingerprint of a key that is brought along.
fn read(text: &str) -> Option<(&'static str, String)> {
    let mut words = text.split_ascii_whitespace();
    let (word, bytes) = (words.next()?, STANDARD.decode(words.next()?).ok()?);
    let parts = parts(&bytes)?;
    if *parts.first()? != word.as_bytes() {
        return None;
    }
    match (word, parts.as_slice()) {
        ("ssh-ed25519", [_, key]) if key.len() == 32 => Some(("ed25519", sha256(&bytes))),
        ("ssh-rsa", [_, exponent, modulus]) if (128..=1025).contains(&modulus.len()) => {
            let key = der(0x30, &[der(2, modulus), der(2, exponent)].concat());
            let oid = [0x30, 0x0d, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0];
            let bits = der(3, &[vec![0], key].concat());
            let info = der(0x30, &[&oid[..], &bits].concat());
            Some(("rsa", colons(&auth::md5::Md5::of(&info))))
        }
        _ => None,
    }
}

fn import(cx: &mut Cx<'_>, req: Import) -> Result<Imported, Ec2Error> {
    let tags = tags::of_new(cx.caller, &req.tags, &KEY_PAIR, &[&KEY_PAIR])?;
    check_name(cx, &req.name)?;
    let text = String::from_utf8(req.material.to_vec()).map_err(|_| Plain::InvalidKeyFormat)?;
    let (kind, fingerprint) = read(&text).ok_or(Plain::InvalidKeyFormat)?;
    let public = text.trim().to_owned();
    let (id, kind, created) = (KEY_PAIR.id(cx.rng()), kind.to_owned(), cx.now);
    let pair = keep(cx, KeyPair { id, name: req.name, kind, fingerprint, public, created }, &tags)?;
    let (id, name, fingerprint) = (pair.id, pair.name, pair.fingerprint);
    Ok(Imported { id, name, fingerprint, tags: tags::view(&tags) })
}

static FILTERS: &Known<View> = &[
    ("fingerprint", |k| vec![k.fingerprint.clone()]),
    ("key-name", |k| vec![k.name.clone()]),
    ("key-pair-id", |k| vec![k.id.clone()]),
];

fn describe_key_pairs(cx: &mut Cx<'_>, req: Describe) -> Result<Pairs, Ec2Error> {
    let mut found = describe::some(cx, &KEY_PAIRS, &KEY_PAIR, &req.ids)?;
    if !req.names.is_empty() {
        let all = describe::all(cx, &KEY_PAIRS)?;
        let unknown = |name: &&String| !all.iter().any(|pair| pair.name == **name);
        if let Some(name) = req.names.iter().find(unknown) {
            return Err(Plain::InvalidKeyPairNotFound(name.clone()).into());
        }
    }
    found.retain(|pair| req.names.is_empty() || req.names.contains(&pair.name));
    let mut items = Vec::new();
    for pair in found {
        let tags = tags::view(&register::tags(cx, &pair.id)?);
        let public = req.public.unwrap_or(false).then_some(pair.public);
        let KeyPair { id, name, kind, fingerprint, created, .. } = pair;
        items.push(View { id, name, kind, fingerprint, public, created, tags });
    }
    let (pairs, _) = describe::page(cx, items, Ask::new(&req.filters, None, None), FILTERS)?;
    Ok(Pairs { pairs })
}

/// A pair that is not there is as good as deleted.
fn delete(cx: &mut Cx<'_>, req: Delete) -> Result<Deleted, Ec2Error> {
    let pair = match (&req.name, &req.id) {
        (None, None) => return Err(Plain::MissingParameter("KeyName or KeyPairId".into()).into()),
        (_, Some(id)) => {
            describe::check_id(&KEY_PAIR, id)?;
            KEY_PAIRS.get(cx.tx, &register::key(cx.account, cx.region, id))?
        }
        (Some(name), None) => find(cx, name)?,
    };
    let id = pair.map(|pair| pair.id);
    if let Some(id) = &id {
        KEY_PAIRS.delete(cx.tx, &register::key(cx.account, cx.region, id));
        register::strike(cx.tx, cx.account, cx.region, id);
    }
    Ok(Deleted { ok: true, id })
}
