//! What rules, sets and links are called, so that a counter can be traced to the record that it counts for.

/// Of an interface's link at the router: at most 15 characters, from the end of the id, where ids differ.
pub(super) fn link(prefix: char, id: &str) -> String {
    let plain: Vec<char> = id.chars().filter(char::is_ascii_alphanumeric).collect();
    let tail = plain.len().saturating_sub(14);
    std::iter::once(prefix).chain(plain[tail..].iter().copied()).collect()
}

/// Counts packets that an entry of an ACL decided about; `None` is the last one, `*`.
pub fn acl_entry(acl: &str, egress: bool, number: Option<u16>) -> String {
    let direction = direction(egress);
    match number {
        Some(number) => format!("{acl}/{direction}/{number}"),
        None => format!("{acl}/{direction}/*"),
    }
}

/// Counts new connections that no rule of the interface's groups allows.
pub fn no_group_rule(interface: &str, egress: bool) -> String {
    format!("{interface}/{}/none", direction(egress))
}

/// Counts what interfaces of the VPC sent from addresses that are not theirs.
pub fn source_check(vpc: &str) -> String {
    format!("{vpc}/source-check")
}

/// Counts what was routed to an interface that it is not for.
pub fn destination_check(interface: &str) -> String {
    format!("{interface}/destination-check")
}

/// Counts what was sent to addresses of the VPC that nobody has.
pub fn no_such_address(vpc: &str) -> String {
    format!("{vpc}/no-such-address")
}

/// Counts what no route led to, or one whose target is gone.
pub fn no_route(vpc: &str) -> String {
    format!("{vpc}/no-route")
}

/// Counts what the internet gateway would not send out, for the want of a public address.
pub fn no_public_address(gateway: &str) -> String {
    format!("{gateway}/no-public-address")
}

/// Counts what a gateway would not pass because of the other side's address.
pub fn refused_address(gateway: &str) -> String {
    format!("{gateway}/refused-address")
}

/// Counts what a machine's type is not fast enough for: what it sent (`egress`), or was sent.
pub fn bandwidth(machine: &str, egress: bool) -> String {
    format!("{machine}/{}/bandwidth", direction(egress))
}

fn direction(egress: bool) -> &'static str {
    if egress { "egress" } else { "ingress" }
}
