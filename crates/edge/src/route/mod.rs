//! Which declared route a request belongs to. Whatever is in doubt is personal.

mod build;
pub(crate) mod path;
pub(crate) mod pattern;
mod resolve;
mod table;
mod tree;

pub use path::{Confusion, MAX_PATH, canonical};
pub use resolve::{Because, Disposition, Resolved};
pub use table::{Route, RouteTable};
