//! The images that come with the cloud, under ids that never change.

/// An image.
#[derive(Debug)]
pub(crate) struct Image {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
    pub(crate) created: &'static str,
}

pub(crate) static IMAGES: &[Image] = &[Image {
    id: "ami-0a1f5c0de0b1a0001",
    name: "virga/host-userland-1",
    description: "The programs of the machine that Virga runs on, around a root of its own",
    created: "2026-01-01T00:00:00.000Z",
}];

pub(crate) fn find(id: &str) -> Option<&'static Image> {
    IMAGES.iter().find(|image| image.id == id)
}

/// As AWS writes it.
pub(crate) fn architecture() -> &'static str {
    if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" }
}
