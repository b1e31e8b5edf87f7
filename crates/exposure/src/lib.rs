//! Who may have seen whose data.
//!
//! An incident such as a wrong caching rule has a window of time and a set of routes that carry personal data.
//! This crate reads the logs of that window, from the edge (CloudFront, Cloudflare, Fastly, caches of one's own) and from the origin, and lists the
//! people whose pages may have been in the cache, tenant by tenant, with the log lines that say so:
//!
//! ```
//! use exposure::{QueryError, Scan, WindowQuery, WindowResult};
//!
//! fn who(query: WindowQuery, files: Vec<(String, std::fs::File)>) -> Result<WindowResult, QueryError> {
//!     let mut scan = Scan::new(query)?;
//!     for (name, file) in files {
//!         // What cannot be read is in the report, and the rest is used.
//!         let _report = scan.read(&name, file);
//!     }
//!     Ok(scan.finish())
//! }
//! ```
//!
//! The method is the *window* method: everybody who logged in, or fetched a personal route, during the window.
//! It is an upper bound. Missing logs never shrink the list silently: hours without lines, damaged files and
//! lines that could not be given to anybody are part of the result.
//!
//! The crate opens no files, has no clock and no randomness: it reads from [`std::io::Read`], and the result
//! does not depend on the order in which the inputs arrive.

mod blocks;
mod counts;
mod coverage;
mod crew;
mod diff;
mod finish;
mod formats;
mod input;
mod query;
mod reconstruct;
mod record;
mod result;
mod routes;
mod saved;
mod scan;
pub mod simulate;
mod skew;
mod spread;
mod store;
mod text;
mod unpack;

pub use diff::{Change, Difference, Entry, Summary, diff};
pub use formats::{Dialect, Format, Known, Mapping, MappingError, Template, TemplateError, UnknownFormat};
pub use input::{Bad, BadReason, BadSample, InputReport, Truncation};
pub use query::{Basis, Limits, QueryError, WindowQuery};
pub use reconstruct::{
    AnswerCounts, Assumption, CacheChange, CacheFacts, Doubt, Exposure, ExposureCounts, FactsError, JoinedBy,
    KeptAnswer, PersonReconstruction, Reconstruction, Residual, TenantReconstruction, WouldHelp,
};
pub use result::{
    Border, Class, Counts, Coverage, Evidence, EvidenceKind, Gap, KindCount, NotCounted, PersonExposure,
    Reconciliation, RouteCount, Skew, Source, TenantCount, TenantExposure, Unattributed, WindowResult,
};
pub use routes::{InvalidPattern, RoutePattern};
pub use saved::SavedError;
pub use scan::{MergeError, Scan};
pub use spread::read_files;
