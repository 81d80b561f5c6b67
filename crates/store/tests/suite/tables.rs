//! Tables, indexes and the order of keys.

use crate::over_both;
use base::{AccountId, Region, Rng, Timestamp};
use store::key::Scope;
use store::{
    CommitError, Direction, Index, Key, Partition, Read, Record, Store, StoreError, Table, Tx, record,
};

record! {
    #[derive(Clone, PartialEq, Debug)]
    pub struct User {
        1 => pub name: String,
        2 => pub path: String,
    }
}

const USERS: Table<User> = Table::new(0x0101, "iam/users");
const BY_PATH: Index = Index::new(0x0102, "iam/users-by-path");

fn account(number: u64) -> AccountId {
    AccountId::from_number(number)
}

fn user(name: &str) -> User {
    User { name: name.into(), path: "/".into() }
}

fn key(number: u64, name: &str) -> Key {
    Key::account(account(number)).str(name)
}

fn write(store: &Store, body: impl Fn(&mut Tx)) {
    let result: Result<(), CommitError> = store.run(|tx| {
        body(tx);
        Ok(())
    });
    result.unwrap();
}

#[test]
fn get_put_delete_count() {
    over_both(|store| {
        write(store, |tx| {
            for (number, name) in [(1, "eva"), (1, "adam"), (2, "eva")] {
                USERS.put(tx, &key(number, name), &user(name));
            }
        });
        let tx = store.begin();
        assert_eq!(USERS.get(&tx, &key(1, "eva")), Ok(Some(user("eva"))));
        assert_eq!(USERS.get(&tx, &key(1, "ev")), Ok(None));
        assert_eq!(USERS.contains(&tx, &key(2, "eva")), Ok(true));
        assert_eq!(USERS.count(&tx, &Key::account(account(1))), Ok(2));
        assert_eq!(USERS.count(&store.snapshot(), &Key::empty()), Ok(3));
        write(store, |tx| USERS.delete(tx, &key(1, "eva")));
        assert_eq!(USERS.get(&store.snapshot(), &key(1, "eva")), Ok(None));
        assert_eq!(USERS.get(&tx, &key(1, "eva")), Ok(Some(user("eva"))), "an older transaction");
    });
}

#[test]
fn pages_start_after_the_last_key() {
    over_both(|store| {
        let names = ["a", "b", "c", "d", "e"];
        write(store, |tx| {
            for name in names {
                USERS.put(tx, &key(1, name), &user(name));
                USERS.put(tx, &key(2, name), &user(name));
            }
        });
        let snapshot = store.snapshot();
        let (mut after, mut pages) = (None, Vec::new());
        loop {
            let page = USERS.page(&snapshot, &Key::account(account(1)), after.as_ref(), 2).unwrap();
            pages.push(page.items.iter().map(|(_, u)| u.name.clone()).collect::<String>());
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(pages, ["ab", "cd", "e"]);
        let exact = USERS.page(&snapshot, &Key::account(account(1)), None, 5).unwrap();
        assert_eq!((exact.items.len(), exact.next), (5, None));
        let backward: String = USERS
            .scan(&snapshot, &Key::account(account(2)), Direction::Backward)
            .map(|item| item.unwrap())
            .map(|(key, user)| {
                let mut reader = key.reader();
                assert_eq!(reader.scope(), Some(Scope::Account(Partition::Aws, account(2))));
                assert_eq!(reader.str().as_deref(), Some(&user.name[..]));
                assert!(reader.rest().is_empty());
                user.name
            })
            .collect();
        assert_eq!(backward, "edcba");
    });
}

#[test]
fn an_index_finds_the_records() {
    over_both(|store| {
        let path = |p: &str| Key::account(account(1)).str(p);
        write(store, |tx| {
            for (name, p) in [("eva", "/a/"), ("adam", "/b/"), ("kain", "/a/")] {
                BY_PATH.put(tx, &path(p), &key(1, name));
            }
        });
        let snapshot = store.snapshot();
        let found: Vec<Key> =
            BY_PATH.scan(&snapshot, &path("/a/"), Direction::Forward).collect::<Result<_, _>>().unwrap();
        assert_eq!(found, [key(1, "eva"), key(1, "kain")]);
        assert_eq!(BY_PATH.first(&snapshot, &path("/c/")), Ok(None));
        write(store, |tx| BY_PATH.delete(tx, &path("/a/"), &key(1, "eva")));
        assert_eq!(BY_PATH.first(&store.snapshot(), &path("/a/")), Ok(Some(key(1, "kain"))));
    });
}

#[test]
fn a_damaged_record_names_table_and_key() {
    over_both(|store| {
        write(store, |tx| tx.put(USERS.stored_key(&key(1, "eva")), &b"\x01\x01\x01\xff"[..]));
        let error = USERS.get(&store.snapshot(), &key(1, "eva")).unwrap_err();
        let key = r"\x01\x01\x00\x00\x00\x00\x01eva\x00\x01".to_owned();
        let what = "name: it is not UTF-8".to_owned();
        assert_eq!(error, StoreError::Damaged { table: "iam/users", key, what });
        assert_eq!(
            error.to_string(),
            r"the record \x01\x01\x00\x00\x00\x00\x01eva\x00\x01 of the table iam/users cannot be read: name: it is not UTF-8"
        );
    });
}

#[test]
fn everything_of_an_account_is_one_range_per_table() {
    let store = Store::memory();
    let region = Region::parse("eu-west-1").unwrap();
    write(&store, |tx| {
        for number in [1, 2, 3] {
            USERS.put(tx, &key(number, "x"), &user("x"));
            USERS.put(tx, &Key::regional(account(number), region).str("y"), &user("y"));
        }
        USERS.put(tx, &Key::global().str("g"), &user("g"));
    });
    assert_eq!(USERS.count(&store.snapshot(), &Key::account(account(2))), Ok(2));
    assert_eq!(USERS.count(&store.snapshot(), &Key::regional(account(2), region)), Ok(1));
    assert_eq!(USERS.count(&store.snapshot(), &Key::global()), Ok(1));
    assert_eq!(USERS.stored_key(&key(2, "x"))[..4], [0x01, 0x01, 1, 1]);
    assert_eq!(store.read(&USERS.stored_key(&key(2, "x"))).unwrap().unwrap()[..], user("x").to_bytes()[..]);
    assert_eq!(store.snapshot().get(b"nothing").unwrap(), None);
}

#[test]
fn keys_sort_as_their_components_do() {
    let key = || Key::global();
    let strings =
        ["", "\0", "\0\0", "\0\u{1}", "\0a", "\u{1}", "a", "a\0", "a\0\0", "a\0b", "a\u{1}", "aa", "b", "ÿ"];
    for a in strings {
        for b in strings {
            let built = key().str(a).u32(1).cmp(&key().str(b).u32(0));
            let expected = a.cmp(b).then(std::cmp::Ordering::Greater);
            assert_eq!(built, expected, "{a:?} {b:?}");
            let starts = key().str(a).as_bytes().starts_with(key().str_prefix(b).as_bytes());
            // A prefix that ends in a zero byte also admits the ends of strings: never fewer than it should.
            assert!(starts || !a.starts_with(b), "{a:?} {b:?}");
            assert_eq!(key().str(a).as_bytes().starts_with(key().str(b).as_bytes()), a == b, "{a:?} {b:?}");
        }
    }
    let numbers = [i64::MIN, -2, -1, 0, 1, 255, 256, i64::MAX];
    for pair in numbers.windows(2) {
        assert!(key().i64(pair[0]) < key().i64(pair[1]));
        let times = [Timestamp::from_micros(pair[0]), Timestamp::from_micros(pair[1])];
        assert!(key().time(times[0]) < key().time(times[1]));
        assert!(key().time_descending(times[0]) > key().time_descending(times[1]));
    }
}

#[test]
fn what_a_key_was_built_of_is_read_back() {
    let rng = Rng::seeded(9);
    for _ in 0..500 {
        let text = rng.text(b"\0\x01ab", rng.below(6) as usize);
        let bytes: Vec<u8> = (0..rng.below(5)).map(|_| [0, 1, 255][rng.below(3) as usize]).collect();
        let (number, time) = (rng.u64(), Timestamp::from_micros(rng.u64() as i64));
        let key = Key::account_in(Partition::AwsCn, account(rng.below(1_000_000_000_000)))
            .str(&text)
            .bytes(&bytes)
            .u64(number)
            .u32(7)
            .time(time)
            .time_descending(time)
            .region(Region::US_EAST_1)
            .account_number(account(5));
        let mut reader = key.reader();
        assert!(matches!(reader.scope(), Some(Scope::Account(Partition::AwsCn, _))));
        assert_eq!(reader.str(), Some(text));
        assert_eq!(reader.bytes(), Some(bytes));
        assert_eq!((reader.u64(), reader.u32()), (Some(number), Some(7)));
        assert_eq!((reader.time(), reader.time_descending()), (Some(time), Some(time)));
        assert_eq!((reader.region(), reader.account_number()), (Some(Region::US_EAST_1), Some(account(5))));
        assert_eq!((reader.rest().len(), reader.u32(), reader.str()), (0, None, None));
    }
    assert_eq!(Key::empty().reader().scope(), None);
    assert_eq!(Key::global().reader().scope(), Some(Scope::Global));
}
