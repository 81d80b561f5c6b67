//! Functions on the values of one row.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-operations-functions.html>

use super::text::Read;
use super::value::Val;
use std::net::IpAddr;

/// A function by its name, with how many inputs it has at least and at most.
type Entry = (&'static str, usize, usize, fn(&[Val]) -> Val);

#[derive(Clone, Copy)]
pub(crate) struct Function(&'static Entry);

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.0)
    }
}

impl Function {
    pub(super) fn of(self, inputs: &[Val]) -> Val {
        self.0.3(inputs)
    }
}

/// # Errors
/// A sentence for a function that is none, or has another number of inputs.
pub(super) fn named(name: &str, count: usize) -> Read<Function> {
    let found = FUNCTIONS.iter().find(|(own, ..)| own.eq_ignore_ascii_case(name));
    let entry = found.ok_or_else(|| format!("the function {name} is not known"))?;
    if count < entry.1 || count > entry.2 {
        return Err(format!("the function {name} does not take {count} values"));
    }
    Ok(Function(entry))
}

/// The end of the year 9999: what comes later is no time.
const MILLIS_END: f64 = 253_402_300_800_000.0;
const MANY: usize = usize::MAX;

static FUNCTIONS: [Entry; 35] = [
    ("abs", 1, 1, |v| number(v, f64::abs)),
    ("ceil", 1, 1, |v| number(v, f64::ceil)),
    ("floor", 1, 1, |v| number(v, f64::floor)),
    ("log", 1, 1, |v| number(v, f64::ln)),
    ("sqrt", 1, 1, |v| number(v, f64::sqrt)),
    ("greatest", 1, MANY, |v| numbers(v, f64::max)),
    ("least", 1, MANY, |v| numbers(v, f64::min)),
    ("ispresent", 1, 1, |v| Val::flag(v[0].is_there())),
    ("coalesce", 1, MANY, |v| v.iter().find(|value| value.is_there()).cloned().unwrap_or(Val::None)),
    ("isempty", 1, 1, |v| Val::flag(v[0].shown().is_none_or(|text| text.is_empty()))),
    ("isblank", 1, 1, |v| Val::flag(v[0].shown().is_none_or(|text| text.trim().is_empty()))),
    ("concat", 1, MANY, |v| Val::Text(v.iter().filter_map(Val::shown).collect())),
    ("trim", 1, 2, |v| trimmed(v, |t| t.trim(), |t, signs| t.trim_matches(signs))),
    ("ltrim", 1, 2, |v| trimmed(v, |t| t.trim_start(), |t, signs| t.trim_start_matches(signs))),
    ("rtrim", 1, 2, |v| trimmed(v, |t| t.trim_end(), |t, signs| t.trim_end_matches(signs))),
    ("toupper", 1, 1, |v| text(v, str::to_uppercase)),
    ("tolower", 1, 1, |v| text(v, str::to_lowercase)),
    ("upper", 1, 1, |v| text(v, str::to_uppercase)),
    ("lower", 1, 1, |v| text(v, str::to_lowercase)),
    ("strlen", 1, 1, |v| v[0].shown().map_or(Val::None, |t| Val::Number(t.chars().count() as f64))),
    ("strcontains", 2, 2, |v| pair(v, |t, part| Val::flag(t.contains(part)))),
    ("substr", 2, 3, substr),
    ("replace", 3, 3, |v| {
        let with = v[2].shown().unwrap_or_default();
        pair(v, |t, part| Val::Text(t.replace(part, &with)))
    }),
    ("fromMillis", 1, 1, |v| {
        let millis = v[0].number().filter(|millis| (0.0..MILLIS_END).contains(millis));
        millis.map_or(Val::None, |millis| Val::Time(millis as i64))
    }),
    ("toMillis", 1, 1, |v| v[0].number().map_or(Val::None, Val::Number)),
    ("if", 2, 3, case),
    ("case", 2, MANY, case),
    ("jsonparse", 1, 1, json),
    ("jsonstringify", 1, 1, json),
    ("isvalidip", 1, 1, |v| Val::flag(ip(v).is_some())),
    ("isvalidipv4", 1, 1, |v| Val::flag(ip(v).is_some_and(|ip| ip.is_ipv4()))),
    ("isvalidipv6", 1, 1, |v| Val::flag(ip(v).is_some_and(|ip| ip.is_ipv6()))),
    ("isipinsubnet", 2, 2, |v| within(v, |_| true)),
    ("isipv4insubnet", 2, 2, |v| within(v, IpAddr::is_ipv4)),
    ("isipv6insubnet", 2, 2, |v| within(v, IpAddr::is_ipv6)),
];

fn trimmed(values: &[Val], spaces: fn(&str) -> &str, of: for<'t> fn(&'t str, &[char]) -> &'t str) -> Val {
    let signs = values.get(1).and_then(Val::shown).map(|signs| signs.chars().collect::<Vec<_>>());
    text(values, |text| match &signs {
        Some(signs) => of(text, signs).to_owned(),
        None => spaces(text).to_owned(),
    })
}

/// Conditions and values by turns; at the end what it is where none holds.
fn case(values: &[Val]) -> Val {
    let mut pairs = values.chunks_exact(2);
    let found = pairs.by_ref().find(|pair| pair[0].is_true()).map(|pair| pair[1].clone());
    let other = if values.len() % 2 == 1 { values.last().cloned() } else { None };
    found.or(other).unwrap_or(Val::None)
}

/// A text that is an object or a list in JSON, whose parts are then found by their names.
fn json(values: &[Val]) -> Val {
    let read = values[0].shown().and_then(|text| Some((wire::json::read(&text)?, text)));
    match read {
        Some((wire::Value::Map(_) | wire::Value::List(_), text)) => Val::Text(text),
        _ => Val::None,
    }
}

fn ip(values: &[Val]) -> Option<IpAddr> {
    values[0].shown()?.trim().parse().ok()
}

/// Whether an address is in a range (`10.0.0.0/8`), of the kinds that are asked for.
fn within(values: &[Val], kind: fn(&IpAddr) -> bool) -> Val {
    let bits = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => (u128::from(u32::from(ip)) << 96, 32),
        IpAddr::V6(ip) => (u128::from(ip), 128),
    };
    let holds = || {
        let address = ip(values).filter(kind)?;
        let range = values[1].shown()?;
        let (network, length) = range.split_once('/')?;
        let (network, length): (IpAddr, u32) = (network.parse().ok()?, length.parse().ok()?);
        let ((own, _), (other, most)) = (bits(address), bits(network));
        let mask = if length == 0 { 0 } else { u128::MAX << (128 - length.min(128)) };
        Some(address.is_ipv4() == network.is_ipv4() && length <= most && own & mask == other & mask)
    };
    Val::flag(holds() == Some(true))
}

fn number(values: &[Val], work: fn(f64) -> f64) -> Val {
    values[0].number().map(work).filter(|n| n.is_finite()).map_or(Val::None, Val::Number)
}

fn numbers(values: &[Val], work: fn(f64, f64) -> f64) -> Val {
    values.iter().filter_map(Val::number).reduce(work).map_or(Val::None, Val::Number)
}

fn text(values: &[Val], work: impl Fn(&str) -> String) -> Val {
    values[0].shown().map_or(Val::None, |text| Val::Text(work(&text)))
}

fn pair(values: &[Val], work: impl Fn(&str, &str) -> Val) -> Val {
    match (values[0].shown(), values[1].shown()) {
        (Some(text), Some(other)) => work(&text, &other),
        _ => Val::None,
    }
}

/// From a place on, counted from zero, so many characters.
fn substr(values: &[Val]) -> Val {
    let count = |at: usize| values.get(at).and_then(Val::number).map(|number| number.max(0.0) as usize);
    let (Some(text), Some(start)) = (values[0].shown(), count(1)) else { return Val::None };
    Val::Text(text.chars().skip(start).take(count(2).unwrap_or(usize::MAX)).collect())
}
