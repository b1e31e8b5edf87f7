//! What a tenant sees: the list of its own people, and what it can say about it. Pseudonyms are the tenant's own record numbers; names and
//! addresses are in the tenant's own system, and never here.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::json;
use zeroize::Zeroizing;

use super::acts::{self, ActKind, Acts};
use super::door::{Guest, Visit};
use super::person::{label, office_name, operator, period, pick, texts};
use super::question::{self, Asked};
use super::store;
use crate::error::{Error, Result};
use crate::incidents::affected::{self, Class};
use crate::incidents::{self, Revision, RevisionPerson};
use crate::notices::model::{Language, slug_of};
use crate::notices::store_outbox;
use crate::requirements;
use crate::requirements::manifest::SystemSpec;

/// People on one page.
pub const PAGE: u64 = 200;
/// People that are read at once for a file.
const PIECE: u64 = 2_000;
/// People of one file.
const MOST_PEOPLE: usize = 200_000;
/// Downloads of one message in a day.
pub const MOST_DOWNLOADS: u64 = 20;
const DAY: i64 = 86_400 * 1_000_000;

/// One of the tenant's people.
pub struct Listed {
    /// The system's own number for the person.
    pub person: String,
    pub kind: String,
    /// Whether it is certain that somebody else saw the person's data.
    pub certain: bool,
    pub first_at: Option<Timestamp>,
    pub last_at: Option<Timestamp>,
    /// Labels of the fields.
    pub fields: Vec<String>,
}

/// The page of one tenant, in one language.
pub struct TenantPage {
    pub language: Language,
    pub operator: String,
    pub system: String,
    /// The tenant's name.
    pub tenant: String,
    pub period: Option<String>,
    /// Number of the list in force.
    pub list: i32,
    /// Label of a kind of people, and how many of them are concerned.
    pub groups: Vec<(String, u64)>,
    pub people: Vec<Listed>,
    /// From 1.
    pub page: u64,
    pub pages: u64,
    pub texts: Vec<(String, String)>,
    pub texts_language: Language,
    pub acts: Acts,
    /// Whether this very list was confirmed.
    pub confirmed: Option<Timestamp>,
    pub taken_over: Option<Timestamp>,
    pub questions: Vec<Asked>,
    pub zone: String,
}

/// A list as a file.
pub struct Download {
    pub name: String,
    pub bytes: Zeroizing<Vec<u8>>,
}

/// What both the page and the file need.
struct Ground<'v> {
    visit: &'v Visit,
    language: Language,
    slug: &'v str,
    tenant: String,
    system: Option<std::sync::Arc<SystemSpec>>,
    list: Revision,
    /// Labels of fields, by dotted name.
    labels: HashMap<String, String>,
}

impl<'v> Ground<'v> {
    async fn of(visit: &'v Visit, language: Language) -> Result<Self> {
        let scope = &visit.scope;
        let slug = slug_of(&visit.message.recipient).ok_or_else(|| Error::not_found("tenant"))?;
        let system = requirements::system_in_force(scope, &visit.incident.system, scope.at()).await?;
        let list = match incidents::approved_revision(scope, visit.message.incident).await? {
            Some(list) => list,
            None => incidents::find_revision(scope, visit.message.revision).await?,
        };
        let offices = store_outbox::offices(scope, &[slug]).await?;
        let tenant =
            offices.get(slug).map_or_else(|| slug.to_owned(), |office| office_name(office, language));
        Ok(Self { visit, language, slug, tenant, system, list, labels: HashMap::new() })
    }

    fn kind(&self, name: &str) -> String {
        let declared = self.system.as_ref().and_then(|system| system.record_type(name));
        declared.map_or_else(|| name.to_owned(), |kind| kind.title.get(self.language.as_str()).to_owned())
    }

    fn listed(&mut self, person: RevisionPerson) -> Listed {
        let shown = affected::fields_of(&self.list.inputs, &person);
        let mut fields = Vec::with_capacity(shown.len());
        for field in shown {
            let known = self.labels.get(&field.field).cloned();
            let text = known.unwrap_or_else(|| label(self.system.as_deref(), &field.field, self.language));
            self.labels.insert(field.field, text.clone());
            fields.push(text);
        }
        Listed {
            kind: self.kind(&person.kind),
            person: person.person,
            certain: person.class == Class::Confirmed,
            first_at: person.first_at,
            last_at: person.last_at,
            fields,
        }
    }

    async fn people(&mut self, skip: u64, limit: u64) -> Result<Vec<Listed>> {
        let scope = &self.visit.scope;
        let people = affected::affected_of_tenant(scope, self.list.id, self.slug, skip, limit).await?;
        Ok(people.into_iter().map(|person| self.listed(person)).collect())
    }

    /// A list of people leaves: recorded at the operator and at the tenant whose people they are, with their number.
    async fn record(&self, action: &'static str, people: usize) -> Result<()> {
        let tenant = self.visit.message.recipient_tenant;
        let all = std::iter::repeat_n(Some(tenant), people);
        self.visit.scope.record_list(action, &format!("message:{}", self.visit.message.id), all).await
    }
}

/// The page of a tenant whose office has proved to be the recipient. It is recorded as a read before it is shown.
///
/// # Errors
/// Unexpected ones only.
pub async fn tenant_page(guest: &Guest, wanted: Option<Language>, page: u64) -> Result<TenantPage> {
    let Guest(visit) = guest;
    let scope = &visit.scope;
    let language = wanted.unwrap_or(visit.message.language);
    let mut ground = Ground::of(visit, language).await?;
    let groups = store_outbox::groups(scope, ground.list.id, ground.slug).await?;
    let total: u64 = groups.iter().map(|(_, count)| count).sum();
    let pages = total.div_ceil(PAGE).max(1);
    let page = page.clamp(1, pages);
    let people = ground.people((page - 1) * PAGE, PAGE).await?;
    ground.record("portal.list", people.len()).await?;
    let acts = acts::of(scope, visit.message.id).await?;
    let of_list = |kind| {
        let same = |act: &&acts::Act| act.kind == kind && act.reference == Some(ground.list.id);
        acts.0.iter().find(same).map(|act| act.at)
    };
    let (texts, texts_language) = texts(visit, language);
    Ok(TenantPage {
        language,
        operator: operator(visit, ground.system.as_deref(), language),
        system: ground.system.as_ref().map_or_else(
            || visit.incident.system.clone(),
            |system| system.title.get(language.as_str()).to_owned(),
        ),
        tenant: ground.tenant.clone(),
        period: period(visit, language),
        list: ground.list.number.unwrap_or_default(),
        groups: groups.into_iter().map(|(kind, count)| (ground.kind(&kind), count)).collect(),
        people,
        page,
        pages,
        texts,
        texts_language,
        confirmed: of_list(ActKind::Confirmed),
        taken_over: acts.first(ActKind::TakenOver),
        acts,
        questions: question::of(visit).await?,
        zone: visit.incident.zone.clone(),
    })
}

/// The whole list as a file for a spreadsheet. Each line carries the number of this download, when it was and whose: a file that turns up
/// elsewhere says where it came from.
///
/// # Errors
/// `LIMIT_EXCEEDED` when there were enough today, or the list is too long for a file.
pub async fn download(guest: &Guest, wanted: Option<Language>) -> Result<Download> {
    let Guest(visit) = guest;
    let scope = &visit.scope;
    let language = wanted.unwrap_or(visit.message.language);
    // Before the list is read, so that whoever asks in vain costs nothing; and again under the lock.
    let tx = scope.begin().await?;
    let before =
        store::acts_since(&tx, visit.message.id, ActKind::Downloaded.as_str(), scope.at_micros() - DAY);
    let enough = before.await? >= MOST_DOWNLOADS;
    drop(tx);
    if enough {
        return Err(too_many());
    }
    let mut ground = Ground::of(visit, language).await?;
    let mut people = Vec::new();
    loop {
        let page = ground.people(people.len() as u64, PIECE).await?;
        let full = page.len() as u64 == PIECE;
        people.extend(page);
        if people.len() > MOST_PEOPLE {
            return Err(Error::limit(format!("a file holds at most {MOST_PEOPLE} people"))
                .remedy("ask the desk that the notice names for the list"));
        }
        if !full {
            break;
        }
    }
    let tx = scope.begin().await?;
    crate::notices::store_messages::locked(&tx, visit.message.id).await?;
    let kind = ActKind::Downloaded;
    let since = scope.at_micros() - DAY;
    if store::acts_since(&tx, visit.message.id, kind.as_str(), since).await? >= MOST_DOWNLOADS {
        return Err(too_many());
    }
    let number = acts::record(&tx, visit.message.id, kind, Some(ground.list.id)).await?;
    let detail = json!({ "download": number, "revision": ground.list.number, "people": people.len() });
    tx.commit(visit.event("portal.download").detail(detail)).await?;
    ground.record("portal.list", people.len()).await?;
    let mark = [number.to_string(), scope.at().to_string(), cell(&ground.tenant)].join(",");
    let text = csv(&people, language, &mark);
    let name = format!("list-{}-{}.csv", ground.list.number.unwrap_or_default(), &number.to_string()[..8]);
    Ok(Download { name, bytes: Zeroizing::new(text.into_bytes()) })
}

fn too_many() -> Error {
    Error::limit(format!("at most {MOST_DOWNLOADS} downloads a day")).remedy("use the file of an earlier one")
}

fn csv(people: &[Listed], language: Language, mark: &str) -> String {
    let head = pick(
        language,
        "番号,種別,区分,最初,最後,項目,ダウンロード番号,ダウンロード日時,ダウンロードした組織",
        "number,kind,certainty,first,last,fields,download,downloaded_at,downloaded_by",
    );
    // What spreadsheets in Japan need to read UTF-8.
    let mut text = format!("\u{feff}{head}\r\n");
    for person in people {
        let certainty = match person.certain {
            true => pick(language, "確実", "certain"),
            false => pick(language, "可能性あり", "possible"),
        };
        let at = |at: Option<Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
        let cells = [
            cell(&person.person),
            cell(&person.kind),
            certainty.to_owned(),
            at(person.first_at),
            at(person.last_at),
            cell(&person.fields.join(pick(language, "、", "; "))),
            mark.to_owned(),
        ];
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    text
}

/// A cell that a spreadsheet neither breaks nor runs.
fn cell(value: &str) -> String {
    let risky = value.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠', '\t', '\r']);
    let mark = if risky { "'" } else { "" };
    format!("\"{mark}{}\"", value.replace('"', "\"\""))
}

/// What a tenant says of its list with one button.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// The list is right.
    Confirm,
    /// It tells its own people itself. That stops nobody from being told: what to do with it is the operator's to decide.
    TakeOver,
}

/// Writes down what a tenant says of the list in force; once for each list.
///
/// # Errors
/// Unexpected ones only.
pub async fn say(guest: &Guest, word: Word) -> Result<()> {
    let Guest(visit) = guest;
    let ground = Ground::of(visit, visit.message.language).await?;
    let (kind, action) = match word {
        Word::Confirm => (ActKind::Confirmed, "portal.confirm"),
        Word::TakeOver => (ActKind::TakenOver, "portal.take_over"),
    };
    let tx = visit.scope.begin().await?;
    crate::notices::store_messages::locked(&tx, visit.message.id).await?;
    if store::said(&tx, visit.message.id, kind.as_str(), ground.list.id).await? {
        return Ok(());
    }
    acts::record(&tx, visit.message.id, kind, Some(ground.list.id)).await?;
    tx.commit(visit.event(action).detail(json!({ "revision": ground.list.number }))).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_runs_in_a_spreadsheet() {
        let person = Listed {
            person: "=HYPERLINK(\"x\")".into(),
            kind: "a,\"b\"".into(),
            certain: false,
            first_at: None,
            last_at: None,
            fields: vec!["+1".into()],
        };
        let text = csv(&[person], Language::En, "7,now,\"me\"");
        assert!(
            text.ends_with("\"'=HYPERLINK(\"\"x\"\")\",\"a,\"\"b\"\"\",possible,,,\"'+1\",7,now,\"me\"\r\n"),
            "{text}"
        );
    }
}
