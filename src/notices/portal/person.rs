//! What an affected person sees: what happened, what it means for the own data, what was asked and answered. Names of fields, numbers and
//! times; never a value, never another person.

use std::collections::BTreeSet;

use exposure::Exposure;
use serde_json::json;

use super::door::{Guest, Visit};
use super::gift::{self, Offer};
use super::link::Side;
use super::question::{self, Asked};
use crate::clock::from_micros;
use crate::error::{Error, Result};
use crate::incidents::affected::{self, Class};
use crate::incidents::{self, Revision, RevisionPerson};
use crate::notices::model::{Language, pseudonym_of};
use crate::notices::{store_outbox, template};
use crate::requirements;
use crate::requirements::manifest::SystemSpec;

/// What the list in force says of the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Somebody else saw the data.
    Confirmed,
    /// Somebody else may have seen it.
    Possible,
    /// The logs cannot tell.
    Unknown,
    /// Not concerned after all.
    Cleared,
}

/// How many others got pages that were, or may have been, this person's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Viewers {
    pub certain: usize,
    pub possible: usize,
}

/// The page of one person, in one language.
pub struct PersonPage {
    pub language: Language,
    pub operator: String,
    pub system: String,
    pub tenants_kind: String,
    /// Names of the tenants at which the person is concerned.
    pub tenants: Vec<String>,
    pub period: Option<String>,
    pub standing: Standing,
    /// Labels of the person's own fields that were or may have been shown; empty where nobody knows which.
    pub fields: Vec<String>,
    /// Nothing where the records name nobody.
    pub viewers: Option<Viewers>,
    /// What the author of the notice wrote, by name.
    pub texts: Vec<(String, String)>,
    /// In which language that is.
    pub texts_language: Language,
    pub questions: Vec<Asked>,
    pub gift: Offer,
    /// The zone in which people speak about the incident.
    pub zone: String,
}

/// The page of a person who has proved to be the recipient. It is recorded as a read before it is shown.
///
/// # Errors
/// `NOT_FOUND` for a tenant; unexpected ones.
pub async fn person_page(guest: &Guest, wanted: Option<Language>) -> Result<PersonPage> {
    let Guest(visit) = guest;
    if visit.side != Side::Person {
        return Err(Error::not_found("person"));
    }
    let scope = &visit.scope;
    let language = wanted.unwrap_or(visit.message.language);
    let system = requirements::system_in_force(scope, &visit.incident.system, scope.at()).await?;
    let list = list(visit).await?;
    let person = pseudonym_of(&visit.message.recipient);
    let places = affected::places_of(scope, list.id, person).await?;
    let standing = standing(&places);
    let concerned: Vec<&RevisionPerson> = places.iter().filter(|place| place.class.is_affected()).collect();
    let mut fields = BTreeSet::new();
    for place in &concerned {
        fields.extend(affected::fields_of(&list.inputs, place).into_iter().map(|shown| shown.field));
    }
    let slugs: Vec<&str> = concerned.iter().map(|place| place.tenant_slug.as_str()).collect();
    let offices = store_outbox::offices(scope, &slugs).await?;
    let questions = question::of(visit).await?;
    let (texts, texts_language) = texts(visit, language);
    let names: Vec<&str> = fields.iter().map(String::as_str).collect();
    let event = visit.event("portal.read").fields(names).detail(json!({
        "revision": list.number, "standing": words(standing)
    }));
    visit.record(event).await?;
    let gift = gift::offer(visit, standing).await?;
    Ok(PersonPage {
        language,
        operator: operator(visit, system.as_deref(), language),
        system: system.as_ref().map_or_else(
            || visit.incident.system.clone(),
            |system| system.title.get(language.as_str()).to_owned(),
        ),
        tenants_kind: system.as_ref().map_or_else(
            || pick(language, "団体", "organisation").to_owned(),
            |system| system.tenants_kind.get(language.as_str()).to_owned(),
        ),
        tenants: slugs.iter().filter_map(|slug| Some(office_name(offices.get(*slug)?, language))).collect(),
        period: period(visit, language),
        standing,
        fields: fields.iter().map(|name| label(system.as_deref(), name, language)).collect(),
        viewers: viewers(person, &concerned),
        texts,
        texts_language,
        questions,
        gift,
        zone: visit.incident.zone.clone(),
    })
}

pub(super) fn pick<'t>(language: Language, ja: &'t str, en: &'t str) -> &'t str {
    match language {
        Language::Ja => ja,
        Language::En => en,
    }
}

pub(super) fn office_name(office: &store_outbox::Office, language: Language) -> String {
    pick(language, &office.name_ja, &office.name_en).to_owned()
}

pub(super) fn operator(visit: &Visit, system: Option<&SystemSpec>, language: Language) -> String {
    match system {
        Some(system) => system.operator.name.get(language.as_str()).to_owned(),
        None => visit.scope.op().app().config().mail.from_name.clone(),
    }
}

/// Who writes, for whoever has a link: the operator of the system, as its manifest names it.
///
/// # Errors
/// Unexpected ones only.
pub async fn operator_name(visit: &Visit, language: Language) -> Result<String> {
    let scope = &visit.scope;
    let system = requirements::system_in_force(scope, &visit.incident.system, scope.at()).await?;
    Ok(operator(visit, system.as_deref(), language))
}

pub(super) fn period(visit: &Visit, language: Language) -> Option<String> {
    let (from, to) = (visit.incident.from.map(from_micros), visit.incident.to.map(from_micros));
    template::period(from, to, &visit.incident.zone, language)
}

/// What the author wrote, in the wanted language, or else in the one that there is.
pub(super) fn texts(visit: &Visit, language: Language) -> (Vec<(String, String)>, Language) {
    let variables = &visit.notice.variables;
    let given = match variables.of(language) {
        Some(_) => language,
        None => variables.choose(language.as_str()),
    };
    let texts = variables.of(given).cloned().unwrap_or_default();
    (texts.into_iter().collect(), given)
}

/// What a field is called; its own name where no manifest says so any more.
pub(super) fn label(system: Option<&SystemSpec>, name: &str, language: Language) -> String {
    let (kind, field) = name.split_once('.').unwrap_or(("", name));
    let declared = system.and_then(|system| system.field(kind, field));
    declared.map_or_else(|| field.to_owned(), |declared| declared.title.get(language.as_str()).to_owned())
}

fn words(standing: Standing) -> &'static str {
    match standing {
        Standing::Confirmed => "confirmed",
        Standing::Possible => "possible",
        Standing::Unknown => "unknown",
        Standing::Cleared => "cleared",
    }
}

/// The list in force; where there is none at the moment, the one that the mail was about.
async fn list(visit: &Visit) -> Result<Revision> {
    match incidents::approved_revision(&visit.scope, visit.message.incident).await? {
        Some(list) => Ok(list),
        None => incidents::find_revision(&visit.scope, visit.message.revision).await,
    }
}

/// What the list in force says of the person.
pub(super) async fn standing_of(visit: &Visit) -> Result<Standing> {
    let list = list(visit).await?;
    let places = affected::places_of(&visit.scope, list.id, pseudonym_of(&visit.message.recipient)).await?;
    Ok(standing(&places))
}

/// The strongest that is said at any tenant.
fn standing(places: &[RevisionPerson]) -> Standing {
    let any = |class| places.iter().any(|place| place.class == class);
    match () {
        () if any(Class::Confirmed) => Standing::Confirmed,
        () if any(Class::Possible) => Standing::Possible,
        () if any(Class::Indeterminate) => Standing::Unknown,
        () => Standing::Cleared,
    }
}

fn viewers(own: &str, places: &[&RevisionPerson]) -> Option<Viewers> {
    let of = |class: Exposure| -> BTreeSet<&str> {
        let answers = places.iter().flat_map(|place| &place.evidence.answers);
        let viewers = answers.filter(|answer| answer.says == class).flat_map(|answer| &answer.viewers);
        viewers.map(String::as_str).filter(|viewer| *viewer != own).collect()
    };
    let certain = of(Exposure::Confirmed);
    let possible = of(Exposure::Possible).difference(&certain).count();
    let found = Viewers { certain: certain.len(), possible };
    (found.certain + found.possible > 0).then_some(found)
}
