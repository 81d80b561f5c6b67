//! Records: round trips, old and newer data, damage.

use base::{AccountId, Region, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use store::field::{Field, Malformed};
use store::{Record, record, record_enum};

record! {
    #[derive(Clone, PartialEq, Debug)]
    pub struct Policy {
        1 => pub name: String,
        2 => pub versions: Vec<String>,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub struct Everything {
        1 => name: String,
        2 => count: u32,
        3 => big: u64,
        4 => small: i32,
        5 => offset: i64,
        6 => ratio: f64,
        7 => on: bool,
        8 => bytes: Vec<u8>,
        9 => tags: BTreeMap<String, String>,
        10 => boundary: Option<String>,
        11 => policies: Vec<Policy>,
        12 => main: Option<Policy>,
        13 => created: Timestamp,
        14 => account: AccountId,
        15 => region: Region,
        16 => state: State,
        17 => names: BTreeSet<String>,
        18 => pair: (String, u64),
        19 => port: u16,
        20 => maybe: Vec<Option<String>>,
        21 => twice: Option<Option<String>>,
    }

    /// An earlier Everything.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Earlier {
        1 => title: String,
        13 => created: Timestamp,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub struct Nothing {}

    #[derive(Clone, PartialEq, Debug)]
    pub struct Chain {
        1 => next: Option<Box<Chain>>,
    }
}

record_enum! {
    #[derive(Clone, PartialEq, Debug)]
    pub enum State {
        1 => Active,
        2 => Deleting(Timestamp),
        7 => Replaced(Policy),
        9 => Gone,
    }
}

fn example() -> Everything {
    Everything {
        name: "eva".into(),
        count: 300,
        big: u64::MAX,
        small: -2,
        offset: i64::MIN,
        ratio: -0.5,
        on: true,
        bytes: vec![0, 255],
        tags: BTreeMap::from([("k".into(), "v".into()), ("empty".into(), String::new())]),
        boundary: Some(String::new()),
        policies: vec![Policy::default(), Policy { name: "p".into(), versions: vec!["x".repeat(200)] }],
        main: Some(Policy::default()),
        created: Timestamp::from_seconds(1_700_000_000),
        account: AccountId::from_number(123_456_789_012),
        region: Region::parse("eu-west-1").unwrap(),
        state: State::Replaced(Policy { name: "q".into(), versions: vec![] }),
        names: BTreeSet::from(["a".into(), "b".into()]),
        pair: ("left".into(), 5),
        port: 65535,
        maybe: vec![None, Some(String::new()), Some("x".into())],
        twice: Some(None),
    }
}

#[test]
fn round_trips() {
    let full = example();
    assert_eq!(Everything::from_bytes(&full.to_bytes()), Ok(full));
    let empty = Everything::default();
    assert_eq!(empty.to_bytes(), [1], "what is absent takes no space");
    assert_eq!(Everything::from_bytes(&[1]), Ok(empty));
    assert_eq!(Nothing::from_bytes(&Nothing {}.to_bytes()), Ok(Nothing {}));
    for state in [State::Active, State::Deleting(Timestamp::from_seconds(-1)), State::Gone] {
        let record = Everything { state, ..Everything::default() };
        assert_eq!(Everything::from_bytes(&record.to_bytes()), Ok(record));
    }
}

/// Written by the first version of this encoding. Must be read for ever: never change these bytes.
const FROZEN: &[u8] = b"\x01\
    \x01\x03eva\
    \x02\x02\xac\x02\
    \x04\x01\x03\
    \x06\x08\xbf\xe0\x00\x00\x00\x00\x00\x00\
    \x07\x01\x01\
    \x08\x02\x00\xff\
    \x09\x0b\x05empty\x00\x01k\x01v\
    \x0a\x01\x01\
    \x0b\x08\x00\x06\x01\x01p\x02\x01\x00\
    \x0d\x08\x80\x80\xf2\x81\x83\x89\x85\x06\
    \x0e\x06\x94\xb4\xe4\xf4\xcb\x03\
    \x0f\x09eu-west-1\
    \x10\x04\x07\x01\x01q\
    \x13\x03\xff\xff\x03";

#[test]
fn frozen_bytes_are_read_for_ever() {
    let expected = Everything {
        big: 0,
        offset: 0,
        main: None,
        names: BTreeSet::new(),
        pair: (String::new(), 0),
        maybe: vec![],
        twice: None,
        policies: vec![Policy::default(), Policy { name: "p".into(), versions: vec![String::new()] }],
        ..example()
    };
    assert_eq!(Everything::from_bytes(FROZEN), Ok(expected.clone()));
    assert_eq!(expected.to_bytes(), FROZEN, "what is written today is what was written then");
}

#[test]
fn older_and_newer_records_read_each_other() {
    let newer = example();
    let earlier = Earlier::from_bytes(&newer.to_bytes()).unwrap();
    assert_eq!(earlier, Earlier { title: "eva".into(), created: newer.created });
    let read = Everything::from_bytes(&earlier.to_bytes()).unwrap();
    assert_eq!(read, Everything { name: "eva".into(), created: newer.created, ..Everything::default() });
}

#[test]
fn damage_is_an_error_that_names_the_field() {
    for (bytes, expected) in [
        (&b""[..], "it is empty"),
        (b"\x02", "it was written by a newer version"),
        (b"\x01\x01", "it ends early"),
        (b"\x01\x01\x05eva", "it ends early"),
        (b"\x01\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "it ends early"),
        (b"\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "a number is too long"),
        (b"\x01\x01\x01\xff", "name: it is not UTF-8"),
        (b"\x01\x02\x05\xff\xff\xff\xff\x7f", "count: it is no u32"),
        (b"\x01\x02\x02\x01\x01", "count: something follows it"),
        (b"\x01\x04\x05\xff\xff\xff\xff\x7f", "small: it is no i32"),
        (b"\x01\x06\x01\x00", "ratio: it is no f64"),
        (b"\x01\x07\x01\x02", "on: it is no boolean"),
        (b"\x01\x0a\x01\x05", "boundary: it is no optional value"),
        (b"\x01\x0b\x05\x04\x01\x02\xff\xff", "policies.name: it is not UTF-8"),
        (b"\x01\x0e\x06\xff\xff\xff\xff\xff\x7f", "account: it is no account id"),
        (b"\x01\x0f\x04mars", "region: it is no region"),
        (b"\x01\x10\x01\x05", "state: it is of a kind that is not known"),
        (b"\x01\x10\x04\x07\x01\x01\xff", "state.Replaced.name: it is not UTF-8"),
        (b"\x01\x13\x03\xff\xff\x07", "port: it is no u16"),
    ] {
        assert_eq!(
            Everything::from_bytes(bytes).unwrap_err().to_string(),
            expected,
            "{}",
            bytes.escape_ascii()
        );
    }
}

#[test]
fn nesting_is_bounded() {
    let mut chain = Chain { next: None };
    for _ in 0..50 {
        chain = Chain { next: Some(Box::new(chain)) };
    }
    assert_eq!(Chain::from_bytes(&chain.to_bytes()), Ok(chain.clone()));
    for _ in 0..50 {
        chain = Chain { next: Some(Box::new(chain)) };
    }
    let error = Chain::from_bytes(&chain.to_bytes()).unwrap_err();
    assert_eq!(error.what, "it is nested too deep");
}

#[test]
fn no_bytes_make_it_panic() {
    let rng = base::Rng::seeded(5);
    let good = example().to_bytes();
    for _ in 0..20_000 {
        let mut bytes = good.clone();
        for _ in 0..1 + rng.below(4) {
            let at = rng.below(bytes.len() as u64) as usize;
            bytes[at] = rng.below(256) as u8;
        }
        bytes.truncate(rng.below(bytes.len() as u64 + 1) as usize);
        if let Ok(record) = Everything::from_bytes(&bytes) {
            // What was read can be written and read again (NaN aside, which equals nothing).
            assert!(record.ratio.is_nan() || Everything::from_bytes(&record.to_bytes()) == Ok(record));
        }
    }
}

#[test]
fn malformed_names_the_way() {
    let inner = Malformed::new("x").within("b").within("a");
    assert_eq!(inner.to_string(), "a.b: x");
    assert!(Vec::<u8>::absent().is_absent());
}
