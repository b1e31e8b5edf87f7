//! Reads what the report needs, through the parts' own verbs.

use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use crate::access::{self, Op, Scope};
use crate::duties::{self, Assessment, Duty};
use crate::error::Result;
use crate::incidents::affected::{self, Difference};
use crate::incidents::model::CorrectiveAction;
use crate::incidents::{self, Entry, Finding, Incident, Inquiry, Member, Revision};
use crate::notices::{self, Counts, Notice};
use crate::requirements::{self, manifest::SystemSpec};

/// Most findings and inquiries in one report.
const MAX_ROWS: u64 = 1000;

/// Everything that the parts know about an incident.
pub struct Material {
    pub now: Timestamp,
    /// Japanese and English name of the operator's organisation.
    pub operator: (String, String),
    pub incident: Incident,
    pub system: Option<Arc<SystemSpec>>,
    pub findings: Vec<Finding>,
    pub timeline: Vec<Entry>,
    pub members: Vec<Member>,
    pub inquiries: Vec<Inquiry>,
    pub actions: Vec<CorrectiveAction>,
    /// By number, each with its difference to the one before.
    pub lists: Vec<(Revision, Option<Difference>)>,
    pub notices: Vec<(Notice, Counts)>,
    pub assessment: Option<Assessment>,
    pub duties: Vec<Duty>,
}

/// Reads it all.
///
/// # Errors
/// `NOT_FOUND` and those of permission.
pub async fn gather(op: &Op, scope: &Scope, tenant: Uuid, id: Uuid) -> Result<Material> {
    let incident = incidents::incident(op, tenant, id).await?;
    let operator = access::tenant_by_id(op, op.app().root()?).await?;
    let at = incident.occurred_from.unwrap_or(incident.opened_at);
    let system = requirements::system_in_force(scope, &incident.system, at).await?;
    let mut lists = Vec::new();
    for revision in incidents::revisions(scope, id).await? {
        let difference = match lists.is_empty() {
            true => None,
            false => Some(affected::changes(scope, &revision, None).await?),
        };
        lists.push((revision, difference));
    }
    let mut campaigns = Vec::new();
    for notice in notices::list(scope, id).await? {
        let counts = notices::counts_of(scope, &notice).await?;
        campaigns.push((notice, counts));
    }
    Ok(Material {
        now: scope.at(),
        operator: (operator.name_ja, operator.name_en),
        findings: incidents::findings(scope, id, None, MAX_ROWS).await?,
        timeline: incidents::timeline(scope, id).await?,
        members: incidents::members(scope, id).await?,
        inquiries: incidents::inquiries(scope, id, None, MAX_ROWS).await?,
        actions: incidents::actions(scope, id).await?,
        notices: campaigns,
        assessment: duties::latest_assessment(scope, id).await?,
        duties: duties::duties_in(scope, id).await?,
        incident,
        system,
        lists,
    })
}
