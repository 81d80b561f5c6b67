//! `virga demo`: the reference application of `examples/shop`, made by its template, shown to work, and shown to refuse
//! what it must refuse.

mod proofs;

use crate::apps::{ACCOUNT, Caller, Deployed, Progress, REGION, Stack};
pub(crate) use proofs::prove;

const PAGE: &str = include_str!("../../../../examples/shop/site/index.html");
pub(crate) const SHOP: Stack = Stack {
    name: "shop",
    template: include_str!("../../../../examples/shop/template.yaml"),
    end: "virga demo --down",
};

/// Makes the shop with its page, or finds it made.
///
/// # Errors
/// A sentence, with the reason of what failed first.
pub(crate) fn deploy(endpoint: &str, progress: Progress<'_>) -> Result<Deployed, String> {
    let shop = SHOP.deploy(endpoint, progress)?;
    let path = format!("/{}/index.html", shop.output("SiteBucket"));
    let root = Caller::root(endpoint, ACCOUNT);
    root.s3("PUT", &path, &[("content-type", "text/html")], PAGE.as_bytes())?.good("PutObject")?;
    Ok(shop)
}

/// By which name the site is found at this address.
pub(crate) fn site_host(shop: &Deployed, authority: &str) -> String {
    let port = authority.rsplit_once(':').map_or("", |(_, port)| port);
    format!("{}.s3-website.{REGION}.localhost:{port}", shop.output("SiteBucket"))
}
