//! What a document is made of: what the parts know, frozen by its digest.

use document::Moment;
use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::model::{Kind, word_of};
use crate::access::{self, Op, Scope};
use crate::duties::Duty;
use crate::error::{Error, Result};
use crate::incidents::affected::State;
use crate::incidents::{self, Revision, RowId};
use crate::notices::{Counts, Notice};
use crate::reports::gather;

/// Incidents of one register. Whoever has more keeps them in more than one system.
const MAX_INCIDENTS: usize = 500;
/// Incidents that are read at once.
const PAGE: u64 = 100;
/// Tenants that are read at once.
const TENANTS: u64 = 1_000;

/// What is known of a version before it has a number.
#[derive(Clone, Debug, Default)]
pub struct Stamp {
    pub at: Timestamp,
    /// SHA-256 over what the document is made of, in hexadecimal.
    pub source_digest: String,
}

/// The customer that a document is written to.
pub struct Recipient {
    pub id: Uuid,
    pub slug: String,
    pub name_ja: String,
    pub name_en: String,
    /// Names of all other customers, short and full: what is written to this one must not tell of them.
    pub others: Vec<String>,
}

/// What a document about one incident is made of.
pub struct Material {
    pub base: gather::Material,
    pub recipient: Option<Recipient>,
    pub stamp: Stamp,
}

impl Material {
    /// The list that holds: the approved one, or the newest.
    pub fn list(&self) -> Option<&Revision> {
        let lists = &self.base.lists;
        let approved = lists.iter().rfind(|(list, _)| list.state == State::Approved);
        approved.or(lists.last()).map(|(list, _)| list)
    }
}

/// What the register is made of: every incident of the operator, the oldest first.
pub struct Register {
    /// Japanese and English name of the operator's organisation.
    pub operator: (String, String),
    pub incidents: Vec<Material>,
    pub stamp: Stamp,
}

impl Register {
    /// The zone of the newest incident: that of the people who read it.
    pub fn zone(&self) -> &str {
        self.incidents.last().map_or("UTC", |newest| newest.base.incident.zone.as_str())
    }
}

/// Reads what a document about one incident needs.
///
/// # Errors
/// `NOT_FOUND`, `INVALID` for a recipient that is no customer, and those of permission.
pub async fn of_incident(
    op: &Op,
    scope: &Scope,
    incident: RowId,
    recipient: Option<Uuid>,
) -> Result<Material> {
    let recipient = match recipient {
        None => None,
        Some(id) => {
            let tenant = access::tenant_by_id(op, id).await?;
            if tenant.operator {
                return Err(Error::invalid("recipientId", "is the operator itself")
                    .remedy("name the customer that entrusted the data"));
            }
            let access::Tenant { id, slug, name_ja, name_en, operator: _ } = tenant;
            let others = others(op, id).await?;
            Some(Recipient { id, slug, name_ja, name_en, others })
        }
    };
    let base = gather::gather(op, scope, incident.tenant, incident.id).await?;
    Ok(Material { base, recipient, stamp: Stamp { at: scope.at(), ..Stamp::default() } })
}

/// Names of all customers but one.
async fn others(op: &Op, but: Uuid) -> Result<Vec<String>> {
    let (mut names, mut after) = (Vec::new(), None);
    loop {
        let page = access::list_tenants(op, after, TENANTS).await?;
        let full = page.len() as u64 == TENANTS;
        after = page.last().map(|tenant| tenant.slug.clone());
        let others = page.into_iter().filter(|tenant| tenant.id != but && !tenant.operator);
        names.extend(others.flat_map(|tenant| [tenant.slug, tenant.name_ja, tenant.name_en]));
        if !full {
            return Ok(names);
        }
    }
}

/// Reads what the register needs.
///
/// # Errors
/// `LIMIT_EXCEEDED` when there are too many incidents for one document, and those of permission.
pub async fn of_all(op: &Op, scope: &Scope) -> Result<Register> {
    let operator = access::tenant_by_id(op, op.app().root()?).await?;
    let (mut found, mut before) = (Vec::new(), None);
    loop {
        let page = incidents::incidents(op, before, PAGE).await?;
        let full = page.len() as u64 == PAGE;
        before = page.last().map(|incident| incident.number);
        found.extend(page);
        if found.len() > MAX_INCIDENTS {
            return Err(Error::limit(format!("a register holds at most {MAX_INCIDENTS} incidents")));
        }
        if !full {
            break;
        }
    }
    found.reverse();
    let mut materials = Vec::with_capacity(found.len());
    for incident in found {
        let base = gather::gather(op, scope, incident.tenant, incident.id).await?;
        materials.push(Material { base, recipient: None, stamp: Stamp::default() });
    }
    Ok(Register {
        operator: (operator.name_ja, operator.name_en),
        incidents: materials,
        stamp: Stamp { at: scope.at(), ..Stamp::default() },
    })
}

/// An instant with the offset that its zone has then.
pub fn moment(at: Timestamp, zone: &TimeZone) -> Moment {
    let zoned = at.to_zoned(zone.clone());
    let text = zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
    // Years beyond 9999 have no such text; no clock shows them.
    text.parse().unwrap_or_else(|_| EPOCH.parse().expect("the epoch is a moment"))
}

const EPOCH: &str = "1970-01-01T00:00:00Z";

/// The zone with the offset that a moment has.
pub fn zone_of(moment: Moment) -> TimeZone {
    let seconds = i32::from(moment.minutes_east()) * 60;
    Offset::from_seconds(seconds).map_or(TimeZone::UTC, TimeZone::fixed)
}

/// SHA-256 over what a document about one incident is made of.
pub fn digest(material: &Material, kind: Kind, lang: law::Lang) -> String {
    let recipient = material.recipient.as_ref().map(|recipient| {
        let Recipient { id, slug, name_ja, name_en, others } = recipient;
        json!([id, slug, name_ja, name_en, others])
    });
    hash(&json!([kind.as_str(), word_of(lang), recipient, source(&material.base)]))
}

/// The same of the register.
pub fn digest_of_all(register: &Register, kind: Kind, lang: law::Lang) -> String {
    let sources: Vec<_> = register.incidents.iter().map(|incident| source(&incident.base)).collect();
    hash(&json!([kind.as_str(), word_of(lang), register.operator, sources]))
}

fn hash(value: &serde_json::Value) -> String {
    hex::encode(Sha256::digest(value.to_string()))
}

/// Everything that builders read but the instant, in a fixed order. What is named here without a rest does not compile when a part
/// learns to say more: then somebody decides whether builders read it.
fn source(material: &gather::Material) -> serde_json::Value {
    let gather::Material {
        now: _,
        operator,
        incident,
        system,
        findings,
        timeline,
        members,
        inquiries,
        actions,
        lists,
        notices,
        assessment,
        duties,
    } = material;
    let lists: Vec<_> = lists.iter().map(|(list, _)| of_list(list)).collect();
    let notices: Vec<_> = notices.iter().map(|(notice, counts)| of_notice(notice, counts)).collect();
    let duties: Vec<_> = duties.iter().map(of_duty).collect();
    // Facts and decisions are in an assessment's own digest.
    let assessment = assessment.as_ref().map(|known| json!([known.number, known.evaluated_at, known.digest]));
    json!({
        "operator": operator, "incident": incident, "system": system.as_deref(), "findings": findings,
        "timeline": timeline, "members": members, "inquiries": inquiries, "actions": actions, "lists": lists,
        "notices": notices, "assessment": assessment, "duties": duties,
    })
}

/// Question, logs, counts and people are in a list's own digest, and so is what it changed of the list before.
fn of_list(list: &Revision) -> serde_json::Value {
    let Revision { number, method, state, reason, digest, created_at, .. } = list;
    json!([number, method, state, reason, digest, created_at])
}

fn of_notice(notice: &Notice, counts: &Counts) -> serde_json::Value {
    let Notice { id, revision, audience, state, created_at, approved_at, .. } = notice;
    let Counts { queued, sending, accepted, deferred, failed, bounced_soft, bounced_hard, told_otherwise } =
        counts;
    json!([
        id,
        revision,
        audience.as_str(),
        state.as_str(),
        created_at,
        approved_at,
        queued,
        sending,
        accepted,
        deferred,
        failed,
        bounced_soft,
        bounced_hard,
        told_otherwise
    ])
}

fn of_duty(duty: &Duty) -> serde_json::Value {
    let Duty {
        tenant: _,
        id,
        incident: _,
        assessment,
        regime,
        recipient,
        kind,
        clause,
        nature,
        due_at,
        wording,
        state,
        receipt,
        reason,
        late_reason,
        settled_at,
        settled_by,
        created_at,
    } = duty;
    json!([
        id,
        assessment,
        regime,
        recipient,
        kind,
        clause,
        nature,
        due_at,
        wording,
        state,
        receipt,
        reason,
        late_reason,
        settled_at,
        settled_by,
        created_at
    ])
}
