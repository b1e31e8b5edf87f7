//! Notices, their messages, and mail that was captured instead of sent.

mod message;
mod mutation;
mod notice;
mod query;

pub use mutation::NoticesMutation;
pub use notice::Notice;
pub use query::{NoticesQuery, NoticesSubscription};
