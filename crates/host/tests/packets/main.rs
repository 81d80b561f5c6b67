//! Real packets through real namespaces: what VPCs promise, tried from inside machines and from the internet.
//!
//! These run as an ordinary user and as root alike, and touch nothing of the machine's own network.

mod bandwidth;
mod disks;
mod edges;
mod flows;
mod groups;
mod guests;
mod ipv6;
mod lab;
mod limits;
mod machines;
mod model;
mod peering;
mod processes;
mod relays;
mod rooms;
mod rounds;
mod two_tier;
