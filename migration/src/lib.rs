//! Migrations: expand first, contract later. The same for SQLite and PostgreSQL.

mod m20231026_000001_foundation;
mod m20231126_000002_sign_in_tries;
mod m20231126_000003_audit_by_subject;
mod m20231126_000004_jobs;
mod m20231126_000005_service_secrets;
mod m20231126_000006_search;
mod m20231126_000007_access;
mod m20231126_000008_identity;
mod m20231126_000009_audit_privacy;
mod m20231126_000021_emergency_access;
mod m20231126_000022_oidc;
mod m20231126_000023_denials;
mod m20231126_000024_audit_trim;
mod m20231126_000025_oidc_logout;
mod m20231128_000026_index_of_marks;
mod m20231128_000027_audit_of_lists;
mod m20231128_000028_evidence;
mod m20231128_000030_guards;
mod m20231128_000035_catalogue_copies;
mod m20231129_000036_scans;
mod m20231129_000037_kinds_of_findings;
mod m20231129_000040_consultations;
mod m20231129_000041_duty_reminders;
mod m20231129_000050_documents;
mod m20231129_000060_residences;
mod m20231130_000070_message_events;
mod m20231201_000080_portal;
mod m20231201_000081_gift_codes;
mod m20231201_000082_index_of_waiting;
mod schema;
pub mod walls;

pub use sea_orm_migration::prelude::{MigrationTrait, MigratorTrait};

/// All migrations in order.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20231026_000001_foundation::Migration),
            Box::new(m20231126_000002_sign_in_tries::Migration),
            Box::new(m20231126_000003_audit_by_subject::Migration),
            Box::new(m20231126_000004_jobs::Migration),
            Box::new(m20231126_000005_service_secrets::Migration),
            Box::new(m20231126_000006_search::Migration),
            Box::new(m20231126_000007_access::Migration),
            Box::new(m20231126_000008_identity::Migration),
            Box::new(m20231126_000009_audit_privacy::Migration),
            Box::new(m20231126_000021_emergency_access::Migration),
            Box::new(m20231126_000022_oidc::Migration),
            Box::new(m20231126_000023_denials::Migration),
            Box::new(m20231126_000024_audit_trim::Migration),
            Box::new(m20231126_000025_oidc_logout::Migration),
            Box::new(m20231128_000026_index_of_marks::Migration),
            Box::new(m20231128_000027_audit_of_lists::Migration),
            Box::new(m20231128_000028_evidence::Migration),
            Box::new(m20231128_000030_guards::Migration),
            Box::new(m20231128_000035_catalogue_copies::Migration),
            Box::new(m20231129_000036_scans::Migration),
            Box::new(m20231129_000037_kinds_of_findings::Migration),
            Box::new(m20231129_000040_consultations::Migration),
            Box::new(m20231129_000041_duty_reminders::Migration),
            Box::new(m20231129_000050_documents::Migration),
            Box::new(m20231129_000060_residences::Migration),
            Box::new(m20231130_000070_message_events::Migration),
            Box::new(m20231201_000080_portal::Migration),
            Box::new(m20231201_000081_gift_codes::Migration),
            Box::new(m20231201_000082_index_of_waiting::Migration),
        ]
    }
}
