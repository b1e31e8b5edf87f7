//! Suimon (水門): a floodgate for personal data. One service keeps a system's non-functional requirements beside it,
//! enforces them while it runs, notices when one is broken, and carries an incident to its end.
//!
//! Who may use whom; a test reads the sources and compares (`tests/it/imports.rs`):
//!
//! ```text
//! cli, http, graphql, background, fuzzing  →  every part
//! drill               →  notices duties incidents access audit
//! reports             →  notices duties incidents requirements vault access audit
//! privacy             →  notices incidents requirements vault jobs access audit
//! notices             →  incidents requirements vault jobs access audit
//! decisions           →  requirements vault access audit
//! guards              →  incidents requirements jobs access audit
//! duties              →  notices incidents requirements vault jobs access audit
//! incidents           →  requirements vault jobs access audit
//! vault               →  requirements emergency jobs access audit
//! emergency           →  jobs access audit
//! requirements        →  jobs access audit
//! jobs                →  access audit
//! access              ↔  audit        (a scope records what it permitted; verifying needs a scope)
//! app clock config entropy error loader logs outbound storage: for all
//! ```
//! Only `store` files and `storage`, `app`, `access::op`, `audit` name `sea_orm` or `entity`; `graphql` never does.

pub mod access;
pub mod app;
pub mod audit;
pub mod background;
pub mod cli;
pub mod clock;
pub mod config;
pub mod decisions;
pub mod drill;
pub mod duties;
pub mod emergency;
pub mod entropy;
pub mod error;
#[cfg(fuzzing)]
pub mod fuzzing;
pub mod graphql;
pub mod guards;
pub mod http;
pub mod incidents;
pub mod jobs;
mod loader;
mod logs;
pub mod notices;
mod outbound;
pub mod privacy;
pub mod reports;
pub mod requirements;
pub mod storage;
pub mod vault;
