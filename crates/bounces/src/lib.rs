#![doc = include_str!("../README.md")]

pub mod providers;
mod return_path;
mod returned;
mod status;
mod words;

pub use return_path::{BadReturnPath, LAST_MAIL, MESSAGE, ReturnPath};
pub use returned::{Action, Mail, Report, Returned, Unreadable, limits, read};
pub use status::{Code, Verdict};
