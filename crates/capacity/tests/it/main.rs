//! The crate as its users see it.

mod common;
mod sampling;
mod spec;
mod tokyo;
