//! People as they come in, from a scan's result or from a client, checked and brought into the form of a list.

use std::collections::BTreeMap;

use exposure::WindowResult;
use jiff::Timestamp;
use uuid::Uuid;

use super::model::{Class, Completeness, Evidence, Inputs, Origin, RevisionPerson};
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
pub fn rows(people: Vec<NewPerson>, tenants: &BTreeMap<String, Uuid>) -> Result<Vec<RevisionPerson>> {
    people
        .into_iter()
        .enumerate()
        .map(|(index, new)| row(&format!("people[{index}]"), new, tenants))
        .collect()
}

fn row(place: &str, new: NewPerson, tenants: &BTreeMap<String, Uuid>) -> Result<RevisionPerson> {
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
    if class == Class::Excluded {
        return Err(Error::invalid(&at("class"), "cannot come from logs by the window method")
            .remedy("leave the person out, or remove it by a correction with a reason"));
    }
    if evidence.lines.len() > MAX_LINES || evidence.routes.len() > MAX_ROUTES {
        let limits = format!("wants at most {MAX_LINES} lines and {MAX_ROUTES} routes");
        return Err(Error::invalid(&at("evidence"), limits));
    }
    for text in evidence.routes.iter().chain(evidence.lines.iter().map(|line| &line.input)) {
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
                },
            });
        }
    }
    people
}

/// What a scan's result rests on.
pub fn inputs_of(result: &WindowResult) -> Inputs {
    Inputs {
        inputs: result.inputs.clone(),
        completeness: Some(Completeness {
            coverage: result.coverage.clone(),
            unattributed: result.unattributed.clone(),
            not_counted: result.not_counted.clone(),
            skew: result.skew.clone(),
            border: result.border.clone(),
        }),
    }
}

/// Checks what a list of the window method says about its logs.
pub fn check_inputs(inputs: &Inputs) -> Result<()> {
    if inputs.inputs.is_empty() || inputs.inputs.len() > MAX_INPUTS {
        return Err(Error::invalid("inputs", format!("wants 1 to {MAX_INPUTS} inputs"))
            .remedy("give the inputs of the scan's result; a list without logs is a correction by hand"));
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
