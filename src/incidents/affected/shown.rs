//! Which fields an exposed page shows: from the routes of the system's manifest.

use std::collections::BTreeSet;

use exposure::WindowQuery;

use super::model::{Form, Inputs, RevisionPerson, ShownField, ShownOnRoute, ShownOnRoutes};
use crate::access::Scope;
use crate::error::Result;
use crate::requirements;
use crate::requirements::manifest::{Route, SystemSpec};

/// What the routes of a question show, by the manifest that was in force when the fault began; of a system that was described only
/// afterwards, by the one in force now. `None` where there is none.
pub async fn on_routes(scope: &Scope, system: &str, query: &WindowQuery) -> Result<Option<ShownOnRoutes>> {
    let mut as_of = query.from;
    let mut spec = requirements::system_in_force(scope, system, as_of).await?;
    if spec.is_none() {
        as_of = scope.at();
        spec = requirements::system_in_force(scope, system, as_of).await?;
    }
    let Some(spec) = spec else { return Ok(None) };
    let routes = query.personal_routes.iter().filter_map(|pattern| {
        let declared = spec.routes.iter().filter(|route| route.pattern == *pattern);
        let fields: BTreeSet<String> =
            declared.clone().flat_map(|route| fields_shown(&spec, route)).collect();
        // Of a pattern that is not declared nobody knows; one that shows nothing is known to.
        declared
            .count()
            .gt(&0)
            .then(|| ShownOnRoute { pattern: pattern.clone(), fields: fields.into_iter().collect() })
    });
    Ok(Some(ShownOnRoutes { system: system.to_owned(), as_of, routes: routes.collect() }))
}

fn fields_shown<'s>(spec: &'s SystemSpec, route: &'s Route) -> impl Iterator<Item = String> + 's {
    route.shows.iter().flat_map(|shown| {
        let of_type = spec.record_type(&shown.record_type).into_iter();
        let all = of_type.flat_map(|record_type| &record_type.fields);
        let named = all.filter(|field| shown.fields.is_empty() || shown.fields.contains(&field.name));
        named.map(|field| format!("{}.{}", shown.record_type, field.name))
    })
}

/// The fields of a person's own record that somebody else got or may have got: those that the record of reads names, or those on the
/// pages of the routes. A page shows what is stored encrypted in clear, or it could not be read by its owner either.
pub fn fields_of(inputs: &Inputs, person: &RevisionPerson) -> Vec<ShownField> {
    if !person.evidence.fields.is_empty() {
        return person.evidence.fields.clone();
    }
    on_pages(inputs, person, true)
}

/// The fields of other people's records on the same pages: an administrator's page shows those whom it lists. Whose they were, only the
/// system itself can say.
pub fn fields_of_others(inputs: &Inputs, person: &RevisionPerson) -> Vec<ShownField> {
    on_pages(inputs, person, false)
}

fn on_pages(inputs: &Inputs, person: &RevisionPerson, own: bool) -> Vec<ShownField> {
    let Some(shown) = inputs.shown.as_ref().filter(|_| person.class.is_affected()) else { return Vec::new() };
    let routes = shown.routes.iter().filter(|route| person.evidence.routes.contains(&route.pattern));
    let names: BTreeSet<&String> = routes.flat_map(|route| &route.fields).collect();
    let of_kind = |name: &str| name.split('.').next().is_some_and(|kind| kind == person.kind);
    let fields = names.into_iter().filter(|name| of_kind(name) == own);
    fields.map(|name| ShownField { field: name.clone(), form: Form::Plaintext, times: 1 }).collect()
}
