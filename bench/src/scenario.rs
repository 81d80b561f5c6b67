//! What is asked, as data (`bench/scenarios.json`): requests with their service, caller and body.
//!
//! Texts may hold `{n}` (another number in each request), `{some}` (any of the numbers that filled the table before, all
//! over it), `{base64:SIZE}` (that many zero bytes, encoded), and the name
//! of anything that a step of the preparation captured from its answer; `{python}` is the runtime of this machine's Python.
//! `rest` is a method and a path, with a `body` or one of `zeros` bytes. `as` is who asks: `root` of one account,
//! `user` (the one that the preparation made), or `roots` (of as many accounts as the records need, so that no
//! account's quota is met).

use crate::sign::Signer;
use serde_json::Value;
use std::{collections::BTreeMap, path::Path};

/// AWS's default quota is 5,000 users per account.
const RECORDS_PER_ACCOUNT: u64 = 4000;
/// The account that every contestant falls back to, or does not mind.
pub(crate) const ACCOUNT: &str = "000000000000";
const FIRST_OF_MANY: u64 = 700_000_000_000;

pub(crate) struct Plan {
    pub(crate) prepare: Vec<Ask>,
    pub(crate) scenarios: Vec<Scenario>,
    pub(crate) grow: Ask,
    /// Fills a table, some items a request, and what is measured when it is full.
    pub(crate) fill: Ask,
    pub(crate) fill_items: u64,
    pub(crate) among: Vec<Scenario>,
    /// Makes a bucket, fills it with objects, and what is measured when it is full.
    pub(crate) bucket: Ask,
    pub(crate) stock: Ask,
    pub(crate) stocked: Vec<Scenario>,
    /// Makes a role, and schedules by it.
    pub(crate) clockwork: Ask,
    pub(crate) schedule: Ask,
}

pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) concurrency: Vec<usize>,
    /// A text that the first answer must hold.
    pub(crate) expect: String,
    /// Measured once more when there are many records.
    pub(crate) again: bool,
    pub(crate) ask: Ask,
    /// What follows each request, one after the other: it is made with what the answers before it held, and all are one unit.
    pub(crate) then: Vec<Ask>,
}

#[derive(Clone, Copy, PartialEq)]
enum Caller {
    Root,
    User,
    Roots,
}

/// A request with blanks.
pub(crate) struct Ask {
    caller: Caller,
    pub(crate) service: String,
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: String,
    pub(crate) repeat: u64,
    pub(crate) capture: Vec<String>,
}

/// What the preparation's answers held.
pub(crate) type Captured = BTreeMap<String, String>;

pub(crate) fn load(path: &Path, only: &[String]) -> Result<Plan, String> {
    let fail = |why: String| format!("{}: {why}", path.display());
    let text = std::fs::read_to_string(path).map_err(|why| fail(why.to_string()))?;
    let text = text.replace("{python}", &python());
    let json: Value = serde_json::from_str(&text).map_err(|why| fail(why.to_string()))?;
    let list = |name: &str| json[name].as_array().cloned().unwrap_or_default();
    let prepare = list("prepare").iter().map(ask).collect::<Result<_, _>>().map_err(fail)?;
    let scenarios: Result<Vec<Scenario>, String> = list("scenarios").iter().map(scenario).collect();
    let mut scenarios = scenarios.map_err(fail)?;
    scenarios.retain(|one| only.is_empty() || only.contains(&one.name));
    let among: Result<Vec<Scenario>, String> = list("among").iter().map(scenario).collect();
    let stocked: Result<Vec<Scenario>, String> = list("stocked").iter().map(scenario).collect();
    Ok(Plan {
        prepare,
        scenarios,
        grow: ask(&json["grow"]).map_err(fail)?,
        fill: ask(&json["fill"]).map_err(fail)?,
        fill_items: json["fill"]["items"].as_u64().unwrap_or(1),
        among: among.map_err(fail)?,
        bucket: ask(&json["bucket"]).map_err(fail)?,
        stock: ask(&json["stock"]).map_err(fail)?,
        stocked: stocked.map_err(fail)?,
        clockwork: ask(&json["clockwork"]).map_err(fail)?,
        schedule: ask(&json["schedule"]).map_err(fail)?,
    })
}

/// `python3.13`; of a machine without one the oldest that functions may have, which nobody will have then.
pub(crate) fn python() -> String {
    let asked = "import sys; print('python3.%d' % sys.version_info[1])";
    let told = std::process::Command::new("python3").args(["-c", asked]).output();
    let told = told.ok().and_then(|told| String::from_utf8(told.stdout).ok());
    told.map(|told| told.trim().to_owned()).filter(|told| !told.is_empty()).unwrap_or("python3.9".into())
}

fn scenario(json: &Value) -> Result<Scenario, String> {
    let concurrency = json["concurrency"].as_array().map(Vec::as_slice).unwrap_or_default();
    Ok(Scenario {
        name: text(json, "name")?.to_owned(),
        concurrency: concurrency.iter().filter_map(Value::as_u64).filter_map(|n| n.try_into().ok()).collect(),
        expect: text(json, "expect")?.to_owned(),
        again: json["again"] == true,
        ask: ask(json)?,
        then: json["then"].as_array().into_iter().flatten().map(ask).collect::<Result<_, _>>()?,
    })
}

fn ask(json: &Value) -> Result<Ask, String> {
    let (mut method, mut path) = ("POST", "/");
    let zeros;
    let (content_type, target, body) = match (json["query"].as_str(), json["rest"].as_str()) {
        (Some(query), _) => ("application/x-www-form-urlencoded; charset=utf-8", None, query),
        (None, Some(rest)) => {
            (method, path) = rest.split_once(' ').ok_or_else(|| format!("`{rest}` has no path"))?;
            if let Some(body) = json["body"].as_str() {
                ("application/json", None, body)
            } else {
                let size = json["zeros"].as_u64().unwrap_or(0);
                zeros = "0".repeat(usize::try_from(size).map_err(|why| why.to_string())?);
                ("application/octet-stream", None, zeros.as_str())
            }
        }
        (None, None) => ("application/x-amz-json-1.1", Some(text(json, "json")?), text(json, "body")?),
    };
    let mut headers = vec![("content-type".to_owned(), content_type.to_owned())];
    headers.extend(target.map(|target| ("x-amz-target".to_owned(), target.to_owned())));
    let caller = match json["as"].as_str() {
        None | Some("root") => Caller::Root,
        Some("user") => Caller::User,
        Some("roots") => Caller::Roots,
        Some(other) => return Err(format!("nobody is called `{other}`")),
    };
    let names = json["capture"].as_array().map(Vec::as_slice).unwrap_or_default();
    Ok(Ask {
        caller,
        service: text(json, "service")?.to_owned(),
        method: method.to_owned(),
        path: path.to_owned(),
        headers,
        body: body.to_owned(),
        repeat: json["repeat"].as_u64().unwrap_or(1),
        capture: names.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
    })
}

fn text<'a>(json: &'a Value, name: &str) -> Result<&'a str, String> {
    json[name].as_str().ok_or_else(|| format!("`{name}` is missing in {json}"))
}

/// Makes the signed bytes of an [`Ask`], one after the other.
pub(crate) struct Maker<'a> {
    ask: &'a Ask,
    host: String,
    path: String,
    body: String,
    signer: Signer,
    account: u64,
    n: u64,
    /// How many numbers `{some}` is one of.
    filled: u64,
    /// The bytes, when every request is the same.
    constant: Option<Vec<u8>>,
}

impl<'a> Maker<'a> {
    pub(crate) fn new(
        ask: &'a Ask,
        host: &str,
        captured: &Captured,
        first: u64,
    ) -> Result<Maker<'a>, String> {
        let (mut path, mut body) = (ask.path.clone(), ask.body.clone());
        for (name, value) in captured {
            let blank = format!("{{{name}}}");
            path = path.replace(&blank, value);
            // Bodies of zeros are large and have no blanks.
            if !body.starts_with('0') {
                body = body.replace(&blank, value);
            }
        }
        if let Some((size, _)) = body.split_once("{base64:").and_then(|(_, rest)| rest.split_once('}')) {
            let bytes: usize = size.parse().map_err(|_| format!("`{size}` is no size"))?;
            body = body.replace(&format!("{{base64:{size}}}"), &zeros_in_base64(bytes));
        }
        let signer = match ask.caller {
            // Where there is no IAM, there is no user but the root.
            Caller::User if captured.contains_key("AccessKeyId") => {
                let of =
                    |name: &str| captured.get(name).ok_or_else(|| format!("the preparation gave no {name}"));
                Signer::new(of("AccessKeyId")?, of("SecretAccessKey")?, &ask.service)
            }
            Caller::User | Caller::Root | Caller::Roots => Signer::new(ACCOUNT, "any", &ask.service),
        };
        let mut maker = Maker {
            ask,
            host: host.to_owned(),
            path,
            body,
            signer,
            account: 0,
            n: first,
            filled: 1,
            constant: None,
        };
        let has = |blank| maker.body.contains(blank) || maker.path.contains(blank);
        let varies = has("{n}") || has("{some}");
        if ask.caller != Caller::Roots && !varies {
            maker.constant = Some(maker.make(0));
        }
        Ok(maker)
    }

    /// The same, with so many numbers for `{some}`.
    pub(crate) fn among(self, filled: u64) -> Maker<'a> {
        Maker { filled: filled.max(1), ..self }
    }

    /// The next request; the number in it is one higher than in the one before.
    pub(crate) fn next(&mut self) -> Vec<u8> {
        let n = self.n;
        self.n += 1;
        self.constant.clone().unwrap_or_else(|| self.make(n))
    }

    /// The number that the next request will hold.
    pub(crate) fn reached(&self) -> u64 {
        self.n
    }

    fn make(&mut self, n: u64) -> Vec<u8> {
        let account = FIRST_OF_MANY + n / RECORDS_PER_ACCOUNT;
        if self.ask.caller == Caller::Roots && account != self.account {
            self.account = account;
            self.signer = Signer::new(&account.to_string(), "any", &self.ask.service);
        }
        // All over the range: a large odd number goes round it without a pattern.
        let some = n.wrapping_mul(0x9E37_79B9_7F4A_7C15) % self.filled;
        let fill = |text: &str| text.replace("{n}", &n.to_string()).replace("{some}", &some.to_string());
        let path = fill(&self.path);
        let filled;
        let body = if self.body.starts_with('0') {
            &self.body
        } else {
            filled = fill(&self.body);
            &filled
        };
        let headers: Vec<(&str, &str)> =
            self.ask.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.signer.request((&self.ask.method, &path), &self.host, &headers, body)
    }
}

fn zeros_in_base64(bytes: usize) -> String {
    let whole = "AAAA".repeat(bytes / 3);
    whole + ["", "AA==", "AAA="][bytes % 3]
}

/// The value of an XML element or a JSON member of that name in an answer.
pub(crate) fn find_value(answer: &str, name: &str) -> Option<String> {
    let xml = || answer.split_once(&format!("<{name}>")).and_then(|(_, rest)| rest.split_once('<'));
    let json = || {
        let (_, rest) = answer.split_once(&format!("\"{name}\""))?;
        rest.trim_start_matches([' ', ':']).strip_prefix('"')?.split_once('"')
    };
    xml().or_else(json).map(|(value, _)| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_in_both_kinds_of_answers() {
        assert_eq!(find_value("<a><KeyId>k/1+</KeyId></a>", "KeyId").as_deref(), Some("k/1+"));
        assert_eq!(find_value(r#"{"A":{"KeyId": "k2","B":1}}"#, "KeyId").as_deref(), Some("k2"));
        assert_eq!(find_value(r#"{"A":1}"#, "KeyId"), None);
    }

    #[test]
    fn sizes_are_exact() {
        assert_eq!([1, 2, 3, 4].map(zeros_in_base64), ["AA==", "AAA=", "AAAA", "AAAAAA=="]);
    }

    #[test]
    fn blanks_are_filled_and_numbers_move_on_to_the_next_account() {
        let json = serde_json::json!({"service": "iam", "as": "roots", "query": "Name={n}&Key={Key}"});
        let ask = ask(&json).unwrap();
        let captured = Captured::from([("Key".to_owned(), "k".to_owned())]);
        let mut maker = Maker::new(&ask, "h", &captured, RECORDS_PER_ACCOUNT - 1).unwrap();
        let first = String::from_utf8(maker.next()).unwrap();
        let second = String::from_utf8(maker.next()).unwrap();
        assert!(first.contains("Credential=700000000000/") && first.ends_with("Name=3999&Key=k"), "{first}");
        assert!(
            second.contains("Credential=700000000001/") && second.ends_with("Name=4000&Key=k"),
            "{second}"
        );
    }

    #[test]
    fn paths_have_blanks_and_bodies_a_size() {
        let json = serde_json::json!({"service": "s3", "rest": "PUT /b/k-{n}?x=1", "zeros": 3});
        let ask = ask(&json).unwrap();
        let mut maker = Maker::new(&ask, "h", &Captured::new(), 7).unwrap();
        let request = String::from_utf8(maker.next()).unwrap();
        assert!(request.starts_with("PUT /b/k-7?x=1 HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("x-amz-content-sha256: ") && request.ends_with("\r\n\r\n000"), "{request}");
        assert!(String::from_utf8(maker.next()).unwrap().starts_with("PUT /b/k-8?"));
    }
}
