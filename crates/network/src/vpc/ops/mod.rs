//! Handlers, one file a noun.

#![allow(clippy::needless_pass_by_value, reason = "a handler is given its request: that is its shape")]

pub(crate) mod acl;
pub(crate) mod address;
pub(crate) mod classic_link;
pub(crate) mod dhcp;
pub(crate) mod endpoint;
pub(crate) mod flow_log;
pub(crate) mod group;
pub(crate) mod insights;
pub(crate) mod interface;
pub(crate) mod interface_address;
pub(crate) mod internet_gateway;
pub(crate) mod nat;
pub(crate) mod nat_address;
pub(crate) mod peering;
pub(crate) mod permission;
pub(crate) mod prefix_list;
pub(crate) mod route;
pub(crate) mod route_table;
pub(crate) mod rule;
pub(crate) mod rule_list;
pub(crate) mod subnet;
pub(crate) mod vpc;
pub(crate) mod vpc_cidr;
pub(crate) mod zone;

use ec2::Ec2Error;

wire::shape! {
    /// The answer of operations that only say that they were done.
    #[derive(Debug)]
    pub(crate) struct Done {
        ok: bool = "Return",
    }
}

/// What [`Done`] is returned as.
pub(crate) const DONE: Done = Done { ok: true };

/// One value of a filter.
pub(crate) fn one(text: impl ToString) -> Vec<String> {
    vec![text.to_string()]
}

/// One value of a filter, or none.
pub(crate) fn maybe(text: &Option<String>) -> Vec<String> {
    text.iter().cloned().collect()
}

/// Something that must be there although the model does not ask for it.
///
/// # Errors
/// `MissingParameter`.
pub(crate) fn needed<'a>(value: Option<&'a String>, name: &str) -> Result<&'a str, Ec2Error> {
    value.map(String::as_str).ok_or_else(|| ec2::Plain::MissingParameter(name.to_owned()).into())
}

/// Implements [`ec2::describe::Item`] for a view with `id` and `tags`.
macro_rules! item {
    ($view:ty, $id:ident) => {
        impl ec2::describe::Item for $view {
            fn id(&self) -> &str {
                &self.$id
            }

            fn tags(&self) -> &[ec2::tags::Tag] {
                ec2::tags::Tagged::listed(&self.tags)
            }
        }
    };
}

pub(crate) use item;
