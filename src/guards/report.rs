//! Taking what a guard tells: that it is there, faults of answers, and responses that reached another browser.

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use super::model::{GuardFinding, NewReport, NewSighting, Reported, Sighting};
use super::store::Routes;
use super::{input, store};
use crate::access::{Action, Op, Scope, Tx};
use crate::audit::Event;
use crate::error::{Error, Result};
use crate::incidents::{self, Fault, Incident, Seen};
use crate::requirements::{self, Evidence, manifest::SystemSpec};

/// Tries while others open incidents at the same moment; each round at least one of them gets its number.
const TRIES: usize = 20;

/// Records what a guard tells, each thing once. A response that reached somebody else's browser opens an incident, or belongs to
/// the one that an earlier one opened, as long as that is not resolved.
///
/// # Errors
/// `INVALID` naming the field, `LIMIT_EXCEEDED`, `NOT_FOUND` when no such system is in force, and those of permission.
pub async fn report(op: &Op, new: NewReport) -> Result<Reported> {
    let scope = incidents::permit(op, Action::Create, "guard", "system").await?;
    input::check(&new)?;
    let system = requirements::require_system(&scope, &new.system).await?;
    let mut weighed = Vec::new();
    for watched in &new.watched {
        weighed.extend(requirements::weigh_watched(&scope, &new.system, &new.node, watched).await?);
    }
    for _ in 0..TRIES {
        if let Some(reported) = try_report(&scope, &system, &new, &weighed).await? {
            return Ok(reported);
        }
    }
    Err(Error::conflict("too many incidents are being opened at this moment").remedy("try again"))
}

/// `None` when another incident took the number.
async fn try_report(
    scope: &Scope,
    system: &SystemSpec,
    new: &NewReport,
    weighed: &[Evidence],
) -> Result<Option<Reported>> {
    let tx = scope.begin().await?;
    store::note_node(&tx, new).await?;
    let mut events = Vec::new();
    for finding in &new.findings {
        events.extend(incidents::note(&tx, seen_fault(&new.system, finding)).await?);
    }
    let known = store::known(&tx, &new.sightings).await?;
    let mut named = HashSet::new();
    let fresh: Vec<&NewSighting> =
        new.sightings.iter().filter(|one| !known.contains(&one.id) && named.insert(one.id)).collect();
    let recorded = events.len() + fresh.len();
    let mut incident = None;
    if !fresh.is_empty() {
        match place(&tx, system, &new.system, &fresh).await? {
            None => return Ok(None),
            Some((home, further)) => {
                incident = home;
                events.extend(further);
            }
        }
        for sighting in fresh {
            let row = Sighting {
                seen: sighting.clone(),
                system: new.system.clone(),
                node: new.node.clone(),
                incident: incident.as_ref().map(|incident| incident.id),
                recorded_at: scope.at(),
            };
            store::insert_sighting(&tx, &row).await?;
        }
    }
    // The row of the node is locked since the beginning: of one node, no two reports come here at once.
    let mut evidence = 0;
    for one in weighed {
        if let Some(event) = requirements::note_watched(&tx, one).await? {
            events.push(event);
            evidence += 1;
        }
    }
    let detail = json!({
        "node": new.node,
        "rules": new.rules,
        "findings": new.findings.len(),
        "sightings": new.sightings.len(),
        "recorded": recorded,
        "watched": new.watched.len(),
        "evidence": evidence,
    });
    events.push(Event::new("guard.report", format!("system:{}", new.system)).detail(detail));
    tx.commit_all(events).await?;
    Ok(Some(Reported { recorded, evidence, incident }))
}

/// The incident that new sightings belong to, and what is to be committed with it. The outer `None`: begin anew.
async fn place(
    tx: &Tx,
    spec: &SystemSpec,
    system: &str,
    fresh: &[&NewSighting],
) -> Result<Option<(Option<Incident>, Vec<Event>)>> {
    let running = match store::newest_incident(tx, system).await? {
        Some(incident) => incidents::lock_running(tx, incident).await?,
        None => None,
    };
    if let Some(incident) = running {
        let contained = incidents::containment(tx, &incident).await?;
        let told = store::routes(tx, incident.id, contained.as_ref()).await?;
        let further = further(system, fresh, contained.map(|contained| contained.at), &told);
        let events = incidents::add_seen(tx, &incident, further).await?;
        return Ok(Some((Some(incident), events)));
    }
    if fresh.iter().all(|one| one.is_of_one_person()) {
        // Nobody saw another one's data; that a cache keeps personal pages is for somebody to look at.
        let mut events = Vec::new();
        for one in first_of_each_route(fresh) {
            events.extend(incidents::note(tx, seen_own(system, one)).await?);
        }
        return Ok(Some((None, events)));
    }
    let (_, strangers) = apart(fresh, NewSighting::is_of_one_person);
    let seen = first_of_each_route(&strangers).map(|one| seen_stranger(system, one, false)).collect();
    let title = format!("他の利用者のページが届いた / A page reached another person's browser ({system})");
    let title: String = title.chars().take(200).collect();
    let opened = incidents::open_from_seen(tx, &title, &spec.time_zone, seen).await?;
    Ok(opened.map(|(incident, events)| (Some(incident), events)))
}

/// What of new sightings a running incident's timeline does not say yet: once a route, and once more when it is seen after somebody
/// said that the fault had stopped. That people's own responses came back to them is said where nothing else is.
fn further(
    system: &str,
    fresh: &[&NewSighting],
    contained_at: Option<Timestamp>,
    told: &Routes,
) -> Vec<Seen> {
    let (own, strangers) = apart(fresh, NewSighting::is_of_one_person);
    let since = contained_at.unwrap_or(Timestamp::MIN);
    let (after, before) = apart(&strangers, |one| one.seen_at > since);
    let before = first_of_each_route(&before)
        .filter(|one| !told.strangers.contains(&one.route))
        .map(|one| seen_stranger(system, one, false));
    let after = first_of_each_route(&after)
        .filter(|one| !told.strangers_since.contains(&one.route))
        .map(|one| seen_stranger(system, one, contained_at.is_some()));
    let own = first_of_each_route(&own)
        .filter(|one| {
            !told.all.contains(&one.route) && strangers.iter().all(|other| other.route != one.route)
        })
        .map(|one| seen_own(system, one));
    before.chain(after).chain(own).collect()
}

/// Those that are so, and those that are not.
fn apart<'s>(
    sightings: &[&'s NewSighting],
    are: impl Fn(&NewSighting) -> bool,
) -> (Vec<&'s NewSighting>, Vec<&'s NewSighting>) {
    sightings.iter().copied().partition(|one| are(one))
}

fn first_of_each_route<'s>(sightings: &[&'s NewSighting]) -> impl Iterator<Item = &'s NewSighting> + use<'s> {
    let mut first: BTreeMap<Option<&str>, &NewSighting> = BTreeMap::new();
    for sighting in sightings {
        let place = first.entry(sighting.route.as_deref()).or_insert(sighting);
        if (sighting.seen_at, sighting.id) < (place.seen_at, place.id) {
            *place = sighting;
        }
    }
    first.into_values()
}

fn seen_stranger(system: &str, sighting: &NewSighting, again: bool) -> Seen {
    let NewSighting { id, response_id, route, seen_at, hidden, .. } = sighting;
    let route = route.as_deref().unwrap_or("-");
    let when = if again { " again, after it was said to be contained" } else { "" };
    let shown = match hidden {
        true => "the page hid itself before it was shown",
        false => "the page was shown",
    };
    seen(
        *id,
        system,
        *seen_at,
        fault("page_of_another", "leak", sighting.route.as_deref()),
        format!(
            "The tripwire saw{when}: a response of route `{route}` reached the browser of somebody for whom it was not made ({shown}). \
         The first one: response {response_id}. Who saw whose: the incident's sightings."
        ),
    )
}

fn seen_own(system: &str, sighting: &NewSighting) -> Seen {
    let route = sighting.route.as_deref().unwrap_or("-");
    seen(
        sighting.id,
        system,
        sighting.seen_at,
        // As it is, a cache could have shown it to somebody else.
        fault("own_page_from_cache", "leak", sighting.route.as_deref()),
        format!(
            "The tripwire saw: a cache keeps personal responses of route `{route}`. So far only people's own responses came back to them."
        ),
    )
}

fn seen_fault(system: &str, finding: &GuardFinding) -> Seen {
    let GuardFinding { id, at, route, kind, grade, effect } = finding;
    let counted = fault(kind, grade, route.as_deref());
    let route =
        route.as_deref().map_or_else(|| "an undeclared path".to_owned(), |name| format!("route `{name}`"));
    seen(*id, system, *at, counted, format!("The guard saw `{kind}` ({grade}) on {route}: {effect}."))
}

fn fault(kind: &str, grade: &str, route: Option<&str>) -> Fault {
    Fault { kind: kind.to_owned(), grade: grade.to_owned(), route: route.map(str::to_owned) }
}

fn seen(id: Uuid, system: &str, at: Timestamp, fault: Fault, summary: String) -> Seen {
    Seen { id, system: system.to_owned(), requirement: None, summary, fault, at }
}
