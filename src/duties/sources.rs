//! Facts that the service knows by itself: from the incident, its affected list, its duties and notices, the system's manifest. Pure.
//!
//! Each carries a source that begins with `suimon:`, so that a reader sees where it comes from. A fact of an officer always
//! wins over them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use law::{Certainty, Fact, Knowledge, Moment, Packs, Value};

use super::model::{Duty, DutyState};
use crate::incidents::{Incident, Revision};
use crate::requirements::manifest::{Category, SystemSpec};

/// A fact of the service itself: name and value with its source.
pub type Known = (String, Fact);

fn known(name: &str, value: Value, source: String) -> Known {
    (name.to_owned(), Fact { source: Some(source), ..Fact::known(value) })
}

/// The zone in which people speak about the incident.
pub fn zone_of(incident: &Incident) -> TimeZone {
    TimeZone::get(&incident.zone).unwrap_or(TimeZone::UTC)
}

/// The moments of the incident.
pub fn of_incident(incident: &Incident) -> Vec<Known> {
    let zone = zone_of(incident);
    let source = format!("suimon:incident/{}", incident.number);
    [
        ("timeline.occurred_from", incident.occurred_from),
        ("timeline.occurred_to", incident.occurred_to),
        ("timeline.detected_at", incident.detected_at),
        ("timeline.became_aware_at", incident.aware_at),
        ("timeline.contained_at", incident.contained_at),
    ]
    .into_iter()
    .filter_map(|(name, at)| {
        Some(known(name, Value::Moment(Moment::exact(at?, zone.clone())), source.clone()))
    })
    .collect()
}

/// The number of principals. The list names everybody who may be affected, so its number is taken as it is; people of whom the
/// logs cannot tell widen it to a range. The source says which revision and by which method, because a later one may differ.
pub fn of_list(list: &Revision) -> Vec<Known> {
    let number = list.number.unwrap_or_default();
    let source = format!("suimon:revision/{number} ({}, {})", list.state, list.method);
    let (least, most) = (list.counts.persons, list.counts.persons.saturating_add(list.counts.indeterminate));
    let value = if least == most {
        Knowledge::Known(Value::Count(least))
    } else {
        Knowledge::Range { min: Some(Value::Count(least)), max: Some(Value::Count(most)) }
    };
    let fact = |value, source: &str| Fact {
        value,
        certainty: Certainty::Confirmed,
        source: Some(source.to_owned()),
        valid_at: None,
    };
    let mut facts = by_tenant(list, &source);
    facts.extend([
        ("counts.principals_total".to_owned(), fact(value, &source)),
        // A list is made of pages that were served: what it counts left the system in clear, however the store encrypts it.
        ("protection.encrypted".to_owned(), fact(Knowledge::Known(Value::Word("none".to_owned())), &source)),
    ]);
    facts
}

/// Tenants whose numbers become facts, the largest first: a law that asks for the number at one of them asks for the largest.
const MAX_TENANTS: usize = 100;

/// How many people of each tenant: whoever entrusted them has a duty of its own. People of whom the logs cannot tell may be anybody's.
fn by_tenant(list: &Revision, source: &str) -> Vec<Known> {
    let mut persons = BTreeMap::<&str, u64>::new();
    for cell in &list.counts.by_tenant {
        *persons.entry(&cell.tenant).or_default() += cell.persons;
    }
    let mut tenants: Vec<_> = persons.into_iter().collect();
    tenants.sort_by_key(|(tenant, persons)| (std::cmp::Reverse(*persons), *tenant));
    let named = tenants.into_iter().take(MAX_TENANTS).filter_map(|(tenant, least)| {
        let name = format!("counts.by_entrustor.{tenant}");
        law::find_fact(&name)?;
        let most = least.saturating_add(list.counts.indeterminate);
        let value = if least == most {
            Knowledge::Known(Value::Count(least))
        } else {
            Knowledge::Range { min: Some(Value::Count(least)), max: Some(Value::Count(most)) }
        };
        let fact =
            Fact { value, certainty: Certainty::Confirmed, source: Some(source.to_owned()), valid_at: None };
        Some((name, fact))
    });
    named.collect()
}

/// How many people live where, as far as that is known: whoever's residence is not known may live anywhere.
pub fn of_residences(list: &Revision, known: &BTreeMap<String, u64>, unknown: u64) -> Vec<Known> {
    let number = list.number.unwrap_or_default();
    let source = format!("suimon:revision/{number} (residences)");
    let open = unknown.saturating_add(list.counts.indeterminate);
    let fact = |(code, least): (&String, &u64)| {
        let value = match open {
            0 => Knowledge::Known(Value::Count(*least)),
            open => Knowledge::Range {
                min: Some(Value::Count(*least)),
                max: Some(Value::Count(least.saturating_add(open))),
            },
        };
        let certainty = Certainty::Confirmed;
        let fact = Fact { value, certainty, source: Some(source.clone()), valid_at: None };
        (format!("counts.by_jurisdiction.{code}"), fact)
    };
    known.iter().map(fact).filter(|(name, _)| law::find_fact(name).is_some()).collect()
}

/// When the authority was told under each regime: the first report that is recorded as done. Clocks are chained to it.
pub fn of_duties(packs: &Packs, duties: &[Duty], zone: &TimeZone) -> Vec<Known> {
    let mut first = BTreeMap::<&str, (Timestamp, &str)>::new();
    for duty in duties.iter().filter(|duty| duty.state == DutyState::Done && duty.recipient == "regulator") {
        let Some(at) = duty.settled_at else { continue };
        // Where the law counts from one certain report, another one starts nothing: NIS2's month runs from the notification
        // and not from the early warning (Art. 23(4)(d)).
        let counting = packs.reports_that_start_clocks(&duty.regime);
        if !counting.is_empty() && !counting.contains(&duty.kind) {
            continue;
        }
        let slot = first.entry(&duty.regime).or_insert((at, &duty.kind));
        if at < slot.0 {
            *slot = (at, &duty.kind);
        }
    }
    let known = |(regime, (at, kind)): (&str, (Timestamp, &str))| {
        let value = Value::Moment(Moment::exact(at, zone.clone()));
        known(&format!("process.reported_at.{regime}"), value, format!("suimon:duty/{regime}/{kind}"))
    };
    first.into_iter().map(known).collect()
}

/// When the first mail to a person was accepted by a server.
pub fn of_notices(first_accepted: Option<Timestamp>, zone: &TimeZone) -> Option<Known> {
    let value = Value::Moment(Moment::exact(first_accepted?, zone.clone()));
    Some(known("timeline.persons_notified_at", value, "suimon:notice (first person told)".to_owned()))
}

/// What the system holds about the affected kinds of people: the most that can have been exposed. What really was on the
/// pages, an officer has to say; until then a kind of data is certainly absent or possibly concerned.
///
/// The manifest's encryption at rest says nothing about data that left through the application, so it is not taken as
/// protection of the exposed data: that would wrongly lift a duty.
pub fn of_system(name: &str, spec: &SystemSpec, in_force_at: Timestamp, kinds: &[String]) -> Vec<Known> {
    let source = format!("suimon:system/{name} (in force at {in_force_at})");
    let concerned: Vec<_> = spec
        .record_types
        .iter()
        .filter(|record_type| kinds.is_empty() || kinds.contains(&record_type.name))
        .flat_map(|record_type| &record_type.fields)
        .collect();
    if concerned.is_empty() {
        return Vec::new();
    }
    let words: BTreeSet<&'static str> =
        concerned.iter().flat_map(|field| words_of(field.category)).copied().collect();
    let max = Value::Words(words.into_iter().map(str::to_owned).collect());
    let mut facts = vec![(
        "data.categories".to_owned(),
        Fact {
            value: Knowledge::Range { min: None, max: Some(max) },
            certainty: Certainty::Confirmed,
            source: Some(source.clone()),
            valid_at: None,
        },
    )];
    if concerned.iter().any(|field| field.category.is_personal()) {
        facts.push(known("data.is_personal_data", Value::Flag(true), source));
    }
    facts
}

/// The law's words for a category of the manifest. Where the manifest is coarser than the law, all words that it may mean.
fn words_of(category: Category) -> &'static [&'static str] {
    match category {
        Category::Name | Category::Other => &["ordinary"],
        Category::Identifier => &[],
        Category::Contact => &["contact"],
        Category::DateOfBirth => &["date_of_birth"],
        Category::AccountCredentials => &["credentials.id_password", "credentials.token", "authentication"],
        Category::GovId => &["gov_id.my_number", "gov_id.passport", "gov_id.driving_licence", "gov_id.other"],
        Category::Financial => &[
            "financial.card",
            "financial.card_with_code",
            "financial.account",
            "financial.account_with_code",
            "financial.income",
        ],
        Category::SpecialCare => &[
            "special_care.race",
            "special_care.creed",
            "special_care.social_status",
            "special_care.medical_history",
            "special_care.crime",
            "special_care.crime_victim",
            "special_care.disability",
            "special_care.health_check",
            "special_care.treatment",
            "special_care.criminal_procedure",
            "special_care.juvenile_procedure",
        ],
        Category::HealthInsurance => &["health_insurance"],
        Category::Biometric => &["biometric"],
        Category::Genetic => &["genetic"],
        Category::Location => &["location"],
        Category::Education => &["education"],
        Category::Employment => &["employment"],
    }
}
