//! People as they come in, from a scan's result or from a client, checked and brought into the form of a list.

use std::collections::BTreeMap;

use exposure::{PersonReconstruction, Reconstruction, TenantExposure, WindowResult};
use jiff::Timestamp;
use uuid::Uuid;

use super::model::{Class, Completeness, Evidence, Inputs, Method, Origin, Reconstructed, RevisionPerson};
use crate::clock::from_micros;
use crate::error::{Error, Result};
use crate::incidents::check;

/// Log lines that are kept for a person at a tenant; their number is always kept.
const MAX_LINES: usize = 50;
const MAX_ROUTES: usize = 100;
const MAX_INPUTS: usize = 100_000;

/// A person at a tenant, as a client names it.
#[derive(Clone, Debug)]
pub struct NewPerson {
    /// Short name of the tenant; none when the logs name none.
    pub tenant: Option<String>,
    /// The system's pseudonym for the person.
    pub person: String,
    pub kind: Option<String>,
    pub class: Class,
    pub first_at: Option<Timestamp>,
    pub last_at: Option<Timestamp>,
    pub requests: i64,
    pub logins: i64,
    pub evidence: Evidence,
}

/// Checks a batch. `tenants` are the known tenants by short name.
pub fn rows(
    people: Vec<NewPerson>,
    method: Method,
    tenants: &BTreeMap<String, Uuid>,
) -> Result<Vec<RevisionPerson>> {
    people
        .into_iter()
        .enumerate()
        .map(|(index, new)| row(&format!("people[{index}]"), new, method, tenants))
        .collect()
}

fn row(
    place: &str,
    new: NewPerson,
    method: Method,
    tenants: &BTreeMap<String, Uuid>,
) -> Result<RevisionPerson> {
    let NewPerson { tenant, person, kind, class, first_at, last_at, requests, logins, evidence } = new;
    let at = |field: &str| format!("{place}.{field}");
    let tenant_slug = tenant.unwrap_or_default();
    let kind = kind.unwrap_or_default();
    word(&at("tenant"), &tenant_slug, true)?;
    word(&at("kind"), &kind, true)?;
    pseudonym(&at("person"), &person)?;
    check::order(&at("lastAt"), first_at, last_at)?;
    if requests < 0 || logins < 0 {
        return Err(Error::invalid(place, "has a negative number of requests or logins"));
    }
    if method == Method::Window && class == Class::Excluded {
        return Err(Error::invalid(&at("class"), "cannot come from logs by the window method")
            .remedy("leave the person out, or remove it by a correction with a reason"));
    }
    let most = evidence.lines.len().max(evidence.answers.len());
    // Which fields were shown is said by the service's own record, never by whoever sends a list.
    let own = !evidence.fields.is_empty() || !evidence.entries.is_empty();
    if most > MAX_LINES || evidence.routes.len() > MAX_ROUTES || own {
        let limits = format!("wants at most {MAX_LINES} lines and answers and {MAX_ROUTES} routes");
        return Err(Error::invalid(&at("evidence"), limits));
    }
    if method == Method::Window && !evidence.answers.is_empty() {
        return Err(Error::invalid(&at("answers"), "belong to a reconstruction")
            .remedy("send `reconstruction` with the first batch"));
    }
    let answers = evidence.answers.iter();
    for viewer in answers.clone().flat_map(|answer| &answer.viewers) {
        pseudonym(&at("answers"), viewer)?;
    }
    let of_answers = answers.flat_map(|answer| [&answer.route, &answer.input]);
    let of_lines = evidence.lines.iter().map(|line| &line.input);
    for text in evidence.routes.iter().chain(of_lines).chain(of_answers) {
        if text.len() > 1000 || text.chars().any(char::is_control) {
            return Err(Error::invalid(
                &at("evidence"),
                "has a text that is too long or has control characters",
            ));
        }
    }
    // The tables keep microseconds; what is compared and hashed later must be what is read back.
    let stored = |at: Timestamp| from_micros(at.as_microsecond());
    Ok(RevisionPerson {
        tenant: tenants.get(&tenant_slug).copied(),
        tenant_slug,
        person,
        kind,
        class,
        first_at: first_at.map(stored),
        last_at: last_at.map(stored),
        requests,
        logins,
        origin: Origin::Logs,
        reason: None,
        evidence,
    })
}

/// A short name of a tenant or a kind, as logs have it.
pub fn word(field: &str, text: &str, may_be_empty: bool) -> Result<()> {
    if text.len() > 256 || text.chars().any(char::is_control) || (text.is_empty() && !may_be_empty) {
        return Err(Error::invalid(field, "wants 1 to 256 bytes without control characters"));
    }
    Ok(())
}

/// The system's own id of a person. An address or a name would put personal data in clear into every list.
pub fn pseudonym(field: &str, text: &str) -> Result<()> {
    word(field, text, false)?;
    if text.contains('@') || text.contains(char::is_whitespace) {
        return Err(Error::invalid(field, "looks like an address or a name")
            .remedy("log and list people by the system's own id, such as ap-00123"));
    }
    Ok(())
}

/// The people of a scan's result, one for each tenant.
pub fn people_of(result: &WindowResult) -> Vec<NewPerson> {
    let class = |class| match class {
        exposure::Class::Possible => Class::Possible,
        exposure::Class::Indeterminate => Class::Indeterminate,
    };
    let mut people = Vec::new();
    for person in &result.people {
        for tenant in &person.tenants {
            people.push(NewPerson {
                tenant: tenant.tenant.clone(),
                person: person.person.clone(),
                kind: person.kind.clone(),
                class: class(tenant.class),
                first_at: tenant.first,
                last_at: tenant.last,
                requests: i64::try_from(tenant.requests).unwrap_or(i64::MAX),
                logins: i64::try_from(tenant.logins).unwrap_or(i64::MAX),
                evidence: Evidence {
                    routes: tenant.routes.clone(),
                    total: tenant.evidence_total,
                    lines: tenant.evidence.clone(),
                    ..Evidence::default()
                },
            });
        }
    }
    people
}

/// The same people with the classes of a reconstruction. Times and routes are those of what somebody else may have seen, not of the
/// person's own visits; who is excluded has none.
///
/// # Errors
/// `INVALID` when the two are not of the same logs.
pub fn people_of_both(result: &WindowResult, reconstruction: &Reconstruction) -> Result<Vec<NewPerson>> {
    let differ = || {
        Error::invalid("result", "has other people in its reconstruction than in its window")
            .remedy("it was changed after the scan; scan the logs again")
    };
    type Place<'a> = (&'a str, Option<&'a str>, Option<&'a str>);
    let mut there: BTreeMap<Place<'_>, &TenantExposure> = BTreeMap::new();
    for person in &result.people {
        for tenant in &person.tenants {
            there.insert((&person.person, person.kind.as_deref(), tenant.tenant.as_deref()), tenant);
        }
    }
    let mut people = Vec::new();
    for PersonReconstruction { person, kind, exposure: _, tenants } in &reconstruction.people {
        for tenant in tenants {
            let place = (person.as_str(), kind.as_deref(), tenant.tenant.as_deref());
            let seen = there.remove(&place).ok_or_else(differ)?;
            people.push(NewPerson {
                tenant: tenant.tenant.clone(),
                person: person.clone(),
                kind: kind.clone(),
                class: class_of(tenant.exposure),
                first_at: tenant.first,
                last_at: tenant.last,
                requests: i64::try_from(seen.requests).unwrap_or(i64::MAX),
                logins: i64::try_from(seen.logins).unwrap_or(i64::MAX),
                evidence: Evidence {
                    routes: tenant.routes.clone(),
                    total: seen.evidence_total,
                    lines: seen.evidence.clone(),
                    answers: tenant.answers.clone(),
                    ..Evidence::default()
                },
            });
        }
    }
    if there.is_empty() { Ok(people) } else { Err(differ()) }
}

fn class_of(exposure: exposure::Exposure) -> Class {
    match exposure {
        exposure::Exposure::Confirmed => Class::Confirmed,
        exposure::Exposure::Possible => Class::Possible,
        exposure::Exposure::Indeterminate => Class::Indeterminate,
        exposure::Exposure::SelfOnly => Class::SelfOnly,
        exposure::Exposure::Excluded => Class::Excluded,
    }
}

/// What a scan's result rests on.
pub fn inputs_of(result: &WindowResult, reconstruction: Option<&Reconstruction>) -> Inputs {
    Inputs {
        inputs: result.inputs.clone(),
        completeness: Some(Completeness {
            coverage: result.coverage.clone(),
            unattributed: result.unattributed.clone(),
            not_counted: result.not_counted.clone(),
            skew: result.skew.clone(),
            border: result.border.clone(),
        }),
        reconstruction: reconstruction.map(|reconstruction| {
            let Reconstruction {
                cache,
                joined_by,
                people: _,
                counts,
                answers,
                residual,
                thin_hours,
                assumptions,
                would_help,
                doubts,
                sessions_of_several_clients,
            } = reconstruction.clone();
            Reconstructed {
                cache,
                joined_by,
                counts,
                answers,
                residual,
                thin_hours,
                assumptions,
                would_help,
                doubts,
                sessions_of_several_clients,
            }
        }),
        ..Inputs::default()
    }
}

/// Checks what a list from logs says about them.
pub fn check_inputs(inputs: &Inputs) -> Result<()> {
    if inputs.inputs.is_empty() || inputs.inputs.len() > MAX_INPUTS {
        return Err(Error::invalid("inputs", format!("wants 1 to {MAX_INPUTS} inputs"))
            .remedy("give the inputs of the scan's result; a list without logs is a correction by hand"));
    }
    if let Some(reconstruction) = &inputs.reconstruction {
        let facts = reconstruction.cache.check();
        facts.map_err(|error| Error::invalid("reconstruction.cache", error.to_string()))?;
    }
    for (index, input) in inputs.inputs.iter().enumerate() {
        let named = (1..=1000).contains(&input.name.len()) && !input.name.chars().any(char::is_control);
        if !named || input.sha256.len() != 64 || !input.sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(Error::invalid(
                &format!("inputs[{index}]"),
                "wants a name and a SHA-256 in hexadecimal",
            ));
        }
    }
    Ok(())
}
