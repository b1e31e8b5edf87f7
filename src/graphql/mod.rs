//! GraphQL: thin resolvers over the parts. A resolver parses ids, calls one verb of a part and shapes the answer.

mod access;
mod assessments;
mod audit;
pub(crate) mod connection;
pub(crate) mod documents;
mod duties;
mod exposure;
mod id;
mod incidents;
mod jobs;
mod language;
mod node;
mod notices;
mod people;
mod problem;
mod reports;
mod requirements;
mod scalars;
mod vault;

use async_graphql::{EmptySubscription, MergedObject, Schema};

use crate::config::GraphqlConfig;

/// The schema's type.
pub type SuimonSchema = Schema<Query, Mutation, EmptySubscription>;

/// What can be read.
#[derive(MergedObject, Default)]
pub struct Query(
    node::NodeQuery,
    access::AccessQuery,
    audit::AuditQuery,
    requirements::RequirementsQuery,
    vault::VaultQuery,
    incidents::IncidentsQuery,
    exposure::ExposureQuery,
    duties::DutiesQuery,
    notices::NoticesQuery,
    reports::ReportsQuery,
    jobs::JobsQuery,
);

/// What can be changed.
#[derive(MergedObject, Default)]
pub struct Mutation(
    access::AccessMutation,
    requirements::RequirementsMutation,
    vault::VaultMutation,
    incidents::IncidentsMutation,
    exposure::ExposureMutation,
    duties::DutiesMutation,
    notices::NoticesMutation,
    jobs::JobsMutation,
);

/// Builds the schema. `development` switches introspection on.
pub fn schema(config: &GraphqlConfig, development: bool) -> SuimonSchema {
    let mut builder = Schema::build(Query::default(), Mutation::default(), EmptySubscription)
        .limit_depth(config.max_depth)
        .limit_complexity(config.max_complexity)
        .limit_recursive_depth(32)
        .limit_directives(10)
        .data(connection::PageLimit(config.max_page));
    if !development {
        builder = builder.disable_introspection().disable_suggestions();
    }
    builder.finish()
}

/// The contract as text: what `schema.graphql` holds.
pub fn sdl() -> String {
    let config = crate::config::load(&crate::config::Sources::default());
    let limits = config.map(|config| config.graphql).unwrap_or_else(|_| GraphqlConfig {
        max_depth: 12,
        max_complexity: 4000,
        max_aliases: 30,
        max_page: 200,
    });
    schema(&limits, true)
        .sdl_with_options(async_graphql::SDLExportOptions::new().sorted_fields().sorted_arguments())
}
