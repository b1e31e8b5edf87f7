//! GraphQL: thin resolvers over the parts. A resolver parses ids, calls one verb of a part and shapes the answer.

mod access;
mod assessments;
mod audit;
mod calendars;
pub(crate) mod connection;
mod consultations;
mod denials;
pub(crate) mod documents;
mod duties;
mod emergency;
mod exposure;
mod facts;
mod guards;
mod id;
mod identity;
mod incidents;
mod jobs;
mod keys;
mod language;
pub(crate) mod live;
mod node;
mod notices;
mod people;
mod policy;
mod privacy;
mod problem;
mod questions;
mod report_documents;
mod reports;
mod requirements;
mod scalars;
mod vault;

use async_graphql::{MergedObject, MergedSubscription, Schema};

use crate::config::GraphqlConfig;

/// The schema's type.
pub type SuimonSchema = Schema<Query, Mutation, Subscription>;

/// What can be read.
#[derive(MergedObject, Default)]
pub struct Query(
    node::NodeQuery,
    access::AccessQuery,
    identity::IdentityQuery,
    audit::AuditQuery,
    requirements::RequirementsQuery,
    vault::VaultQuery,
    incidents::IncidentsQuery,
    incidents::FindingsQuery,
    exposure::ExposureQuery,
    exposure::ScansQuery,
    facts::FactsQuery,
    duties::DutiesQuery,
    consultations::ConsultationsQuery,
    questions::QuestionsQuery,
    calendars::CalendarsQuery,
    notices::NoticesQuery,
    reports::ReportsQuery,
    report_documents::DocumentsQuery,
    jobs::JobsQuery,
    privacy::PrivacyQuery,
    policy::PolicyQuery,
    denials::DenialsQuery,
    emergency::EmergencyQuery,
    guards::GuardsQuery,
);

/// What can be changed.
#[derive(MergedObject, Default)]
pub struct Mutation(
    access::AccessMutation,
    identity::IdentityMutation,
    requirements::RequirementsMutation,
    vault::VaultMutation,
    incidents::IncidentsMutation,
    exposure::ExposureMutation,
    exposure::ScansMutation,
    facts::FactsMutation,
    duties::DutiesMutation,
    consultations::ConsultationsMutation,
    calendars::CalendarsMutation,
    notices::NoticesMutation,
    report_documents::DocumentsMutation,
    jobs::JobsMutation,
    keys::KeysMutation,
    privacy::PrivacyMutation,
    policy::PolicyMutation,
    emergency::EmergencyMutation,
    guards::GuardsMutation,
);

/// What can be watched. Each event is decided on anew ([`live`]); its type holds plain values only, because a resolver below it
/// would know who asked at the beginning and not who asks now.
#[derive(MergedSubscription, Default)]
pub struct Subscription(jobs::JobsSubscription, duties::DutiesSubscription, notices::NoticesSubscription);

/// The row that a document's global id names, for its files.
///
/// # Errors
/// `NOT_FOUND` for what is no such id.
pub fn document_id(text: &str) -> crate::error::Result<crate::incidents::RowId> {
    let found = incidents::row("Document", &async_graphql::ID(text.to_owned()), "id");
    found.map_err(|_| crate::error::Error::not_found("document"))
}

/// Builds the schema. `development` switches introspection on. Nothing is ever suggested: whoever may not see the schema
/// would read it off the suggestions. Depth, aliases, directives and tokens are checked before (`documents`).
pub fn schema(config: &GraphqlConfig, development: bool) -> SuimonSchema {
    let mut builder = Schema::build(Query::default(), Mutation::default(), Subscription::default())
        .limit_complexity(config.max_complexity)
        .limit_recursive_depth(32)
        .disable_suggestions()
        .data(connection::PageLimit(config.max_page));
    if !development {
        builder = builder.disable_introspection();
    }
    builder.finish()
}

/// The contract as text: what `schema.graphql` holds.
pub fn sdl() -> String {
    // The text does not depend on any limit.
    schema(&GraphqlConfig::default(), true)
        .sdl_with_options(async_graphql::SDLExportOptions::new().sorted_fields().sorted_arguments())
}

/// Reads the list of trusted documents as the service will.
///
/// # Errors
/// What is wrong with it, for the person who starts the service.
pub fn check_documents(config: &GraphqlConfig) -> anyhow::Result<()> {
    documents::Documents::new(config).map(drop)
}
