//! The integration tests: through HTTP like a client. Both databases run the same tests: without further ado SQLite, with
//! `SUIMON_TEST_POSTGRES=postgres://user@host/postgres` PostgreSQL.

mod access_conditions;
mod audit_chain;
mod audit_log;
mod audit_seal;
mod authzen;
mod authzen_scenario;
mod authzen_scene;
mod canary;
mod configuration;
mod coverage;
mod demo;
mod duties;
mod duties_cli;
mod duties_scene;
mod example;
mod exposure;
mod exposure_hostile;
mod exposure_revisions;
mod harness;
mod hostile;
mod identity;
mod imports;
mod incidents;
mod incidents_refusals;
mod jobs;
mod lists;
mod notices;
mod reports;
mod requirements;
mod row_security;
mod search;
mod sign_in_lock;
mod vault;
mod vault_import;
mod vault_support;
