//! DynamoDB's languages: whatever the text, they answer, and what they compile runs. Stored items: whatever the
//! bytes, they are read or refused.

use database::dynamodb::expression::{Condition, KeyCondition, Kind, Placeholders, Projection, Update};
use database::dynamodb::item::Item;
use database::dynamodb::partiql::Statement;
use database::dynamodb::value::{AttributeValue, Type};

pub(crate) fn run(data: &[u8]) {
    if let Ok(item) = Item::decode(data) {
        assert_eq!(Item::decode(&item.encode()).as_ref(), Ok(&item));
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    let item = Item::from_pairs(vec![
        ("a".into(), AttributeValue::L(vec![AttributeValue::n(1), AttributeValue::s("x")])),
        ("b".into(), AttributeValue::M(Item::from_pairs(vec![("c".into(), AttributeValue::Null)]))),
    ]);
    let mut placeholders = Placeholders::default();
    if let Ok(condition) = Condition::compile(Kind::Filter, text, &mut placeholders) {
        condition.matches(&item);
    }
    if let Ok(key) = KeyCondition::compile(text, &mut placeholders) {
        let _ = key.resolve(("a", Type::S), None);
    }
    if let Ok(projection) = Projection::compile(text, &mut placeholders) {
        projection.apply(&item);
    }
    if let Ok(update) = Update::compile(text, &mut placeholders) {
        let _ = update.apply(Some(&item), &item);
    }
    let _ = Statement::parse(text, Vec::new());
}
