//! Networks: what connects machines with each other and with the world.

pub mod vpc;
