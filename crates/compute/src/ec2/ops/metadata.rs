//! How an instance may read its metadata.

use crate::ec2::metadata::is_readable;
use crate::ec2::model::{INSTANCES, Instance, MetadataOptions, state};
use ec2::access::Access;
use ec2::describe;
use ec2::kind::INSTANCE;
use ec2::{Ec2Error, Plain, register};
use kernel::{Cx, Target};
use wire::{Fault, Struct, Value};

kernel::ops! {
    /// The options of the metadata service.
    pub static OPS:
        ModifyInstanceMetadataOptions: modify, "ec2:ModifyInstanceMetadataOptions", modifying;
}

pub(crate) const HOPS_MAX: i64 = 64;

/// The members, and the condition keys by which policies know them.
const KEYS: [(&str, &str); 3] = [
    ("HttpEndpoint", "ec2:MetadataHttpEndpoint"),
    ("HttpPutResponseHopLimit", "ec2:MetadataHttpPutResponseHopLimit"),
    ("HttpTokens", "ec2:MetadataHttpTokens"),
];

wire::shape! {
    /// What a launch asks for.
    #[derive(Clone, Debug)]
    pub(crate) struct Wanted {
        pub(super) tokens: Option<String> = "HttpTokens",
        pub(crate) hops: Option<i64> = "HttpPutResponseHopLimit",
        pub(super) endpoint: Option<String> = "HttpEndpoint",
        ipv6: Option<String> = "HttpProtocolIpv6",
        tags: Option<String> = "InstanceMetadataTags",
    }

    #[derive(Debug)]
    struct Modify {
        id: String = "InstanceId",
        tokens: Option<String> = "HttpTokens",
        hops: Option<i64> = "HttpPutResponseHopLimit",
        endpoint: Option<String> = "HttpEndpoint",
        ipv6: Option<String> = "HttpProtocolIpv6",
        tags: Option<String> = "InstanceMetadataTags",
    }

    #[derive(Debug)]
    struct Modified {
        id: String = "InstanceId",
        options: View = "InstanceMetadataOptions",
    }

    #[derive(Debug)]
    pub(crate) struct View {
        pub(crate) state: String = "State",
        pub(crate) tokens: String = "HttpTokens",
        pub(crate) hops: i64 = "HttpPutResponseHopLimit",
        pub(crate) endpoint: String = "HttpEndpoint",
        pub(crate) ipv6: String = "HttpProtocolIpv6",
        pub(crate) tags: String = "InstanceMetadataTags",
    }
}

impl Wanted {
    /// What asks for the options that are shown.
    pub(crate) fn like(view: &View) -> Wanted {
        Wanted {
            tokens: Some(view.tokens.clone()),
            hops: Some(view.hops),
            endpoint: Some(view.endpoint.clone()),
            ipv6: Some(view.ipv6.clone()),
            tags: Some(view.tags.clone()),
        }
    }
}

impl View {
    pub(crate) fn of(instance: &Instance) -> View {
        let options = &instance.metadata;
        View {
            state: if instance.state == state::PENDING { "pending" } else { "applied" }.into(),
            tokens: if options.tokens_required { "required" } else { "optional" }.into(),
            hops: options.hops(),
            endpoint: if options.disabled { "disabled" } else { "enabled" }.into(),
            ipv6: if options.ipv6 { "enabled" } else { "disabled" }.into(),
            tags: if options.tags { "enabled" } else { "disabled" }.into(),
        }
    }

    /// For policies.
    pub(crate) fn keys(&self) -> [(&'static str, String); 3] {
        let hops = self.hops.to_string();
        let [endpoint, limit, tokens] = KEYS.map(|(_, key)| key);
        [(endpoint, self.endpoint.clone()), (limit, hops), (tokens, self.tokens.clone())]
    }
}

/// The condition keys of what a request asks for.
pub(crate) fn asked<'a, 'c>(
    access: Access<'a, 'c>,
    options: impl Fn(&str) -> Option<Value>,
) -> Access<'a, 'c> {
    KEYS.iter().fold(access, |access, (member, key)| match options(member) {
        Some(Value::Str(text)) => access.key(key, text),
        Some(Value::Int(number)) => access.key(key, number.to_string()),
        _ => access,
    })
}

/// The options with what is asked for.
///
/// # Errors
/// `InvalidParameterValue` for a limit that is none, and for tags whose keys cannot be paths.
pub(crate) fn change<'k>(
    mut options: MetadataOptions,
    wanted: Wanted,
    mut keys: impl Iterator<Item = &'k String>,
) -> Result<MetadataOptions, Ec2Error> {
    if let Some(tokens) = wanted.tokens {
        options.tokens_required = tokens == "required";
    }
    if let Some(endpoint) = wanted.endpoint {
        options.disabled = endpoint == "disabled";
    }
    if let Some(ipv6) = wanted.ipv6 {
        options.ipv6 = ipv6 == "enabled";
    }
    if let Some(hops) = wanted.hops {
        if !(1..=HOPS_MAX).contains(&hops) {
            let why = format!("Specify a value between 1 and {HOPS_MAX}.");
            return Err(Ec2Error::value(hops, "httpPutResponseHopLimit", &why));
        }
        options.hop_limit = hops;
    }
    if let Some(tags) = wanted.tags {
        options.tags = tags == "enabled";
    }
    match keys.find(|key| options.tags && !is_readable(key)) {
        Some(key) => Err(Plain::InvalidParameterValue(format!(
            "'{key}' is not a valid tag key. Tag keys must match pattern ([0-9a-zA-Z\\-_+=,.@:]{{1,255}}), and must not be a reserved name ('.', '..', '_index')"
        ))
        .into()),
        None => Ok(options),
    }
}

fn modifying(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    const MEMBERS: [&str; 5] =
        ["HttpEndpoint", "HttpProtocolIpv6", "HttpPutResponseHopLimit", "HttpTokens", "InstanceMetadataTags"];
    Access::of(cx, request).one(&INSTANCE, "InstanceId").attributes(&MEMBERS).done()
}

fn modify(cx: &mut Cx<'_>, req: Modify) -> Result<Modified, Ec2Error> {
    let mut instance = describe::get(cx, &INSTANCES, &INSTANCE, &req.id)?;
    if !matches!(instance.state, state::PENDING | state::RUNNING | state::STOPPING | state::STOPPED) {
        let what = format!("The instance '{}' is not in the 'running' or 'stopped' states.", instance.id);
        return Err(Plain::IncorrectInstanceState(what).into());
    }
    let wanted =
        Wanted { tokens: req.tokens, hops: req.hops, endpoint: req.endpoint, ipv6: req.ipv6, tags: req.tags };
    let tags = register::tags(cx, &instance.id)?;
    instance.metadata = change(instance.metadata, wanted, tags.keys())?;
    let options = View::of(&instance);
    for (key, value) in options.keys() {
        register::set_key(cx, &instance.id, key, Some(value))?;
    }
    INSTANCES.put(cx.tx, &register::key(cx.account, cx.region, &instance.id), &instance);
    Ok(Modified { id: instance.id, options })
}
