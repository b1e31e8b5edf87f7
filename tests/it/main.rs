//! The integration tests: through HTTP like a client. Both databases run the same tests: without further ado SQLite, with
//! `SUIMON_TEST_POSTGRES=postgres://user@host/postgres` PostgreSQL.

mod duties_scene;
mod harness;

mod audit_chain;
mod configuration;
mod coverage;
mod duties;
mod identity;
mod imports;
mod notices;
mod requirements;
mod vault;
mod vault_import;
mod vault_support;
