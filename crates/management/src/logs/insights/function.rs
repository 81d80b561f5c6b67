//! Functions on the values of one row.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-operations-functions.html>

use super::text::Read;
use super::value::Val;

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

static FUNCTIONS: [Entry; 25] = [
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
    ("trim", 1, 1, |v| text(v, |t| t.trim().to_owned())),
    ("ltrim", 1, 1, |v| text(v, |t| t.trim_start().to_owned())),
    ("rtrim", 1, 1, |v| text(v, |t| t.trim_end().to_owned())),
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
];

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
