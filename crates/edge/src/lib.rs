mod error;
pub mod export;
pub mod identity;
pub mod policy;
mod route;
mod rules;
pub use error::RuleError;
pub use route::{Because, Confusion, Disposition, MAX_PATH, Resolved, Route, RouteTable};
pub use rules::*;
