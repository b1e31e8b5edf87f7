//! Privacy of the service itself: what is kept no longer than stated, and what a person is told about the own data.

mod erase;
mod export;
mod rekey;
mod render;
mod retention;
mod trim;
mod work;

pub use erase::erase_subject;
pub use export::{Notice, Read, ReadsArchived, SubjectDocument, Told, export_subject};
pub use rekey::{destroy_tenant_data, rekey_step};
pub use render::as_html;
pub use retention::{Due, plan};
pub use trim::{TrimLimit, TrimPiece, permit_trim, prepare_trim, trim_limit};
pub use work::{Kept, purge_step, retention_step};
