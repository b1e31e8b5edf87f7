//! The crate as its users see it.

mod adaptive;
mod bucket;
mod chart;
mod common;
mod partitions;
mod room;
mod room_again;
mod room_order;
mod sampling;
mod spec;
mod tokyo;
