//! Which records have been kept as long as their requirements say.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::Serialize;

use crate::access::{Action, Op, Scope};
use crate::error::{Error, Result};
use crate::requirements::manifest::{Mode, Params, RetentionAction, SystemSpec, Target};
use crate::{incidents, requirements, vault};

/// Rows that a plan looks at one by one.
const LOOKED_AT: u64 = 20_000;
const PAGE: u64 = 500;

/// A retention requirement in force, for one record type.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub requirement: String,
    pub system: String,
    pub record_type: String,
    pub after: String,
    pub mode: Mode,
    /// Records whose last change is not younger are due.
    pub cutoff: Timestamp,
}

/// What is due by one requirement.
#[derive(Clone, Debug, Serialize)]
pub struct Due {
    pub requirement: String,
    pub system: String,
    pub record_type: String,
    /// ISO 8601 period after the record's last change.
    pub after: String,
    /// `observe`, `audit` or `enforce`: only the last one erases.
    pub mode: String,
    /// Records whose last change is not younger than this are due.
    pub cutoff: Timestamp,
    /// Records that are due.
    pub due: u64,
    /// Of the first 20,000 of them: people on an affected list of an incident that is not closed. They are kept, because they
    /// may still have to be told, and because the list is evidence.
    pub on_hold: u64,
}

/// All rules in force, in a stable order. Calendar periods are meant in the system's time zone; where the calendar has no such
/// day, the record is kept some days longer, never shorter.
pub(super) async fn rules(scope: &Scope) -> Result<Vec<Rule>> {
    let mut rules = Vec::new();
    for name in requirements::names_of_systems(scope).await? {
        let Some(system) = requirements::system_in_force(scope, &name, scope.at()).await? else { continue };
        for stated in requirements::requirements_in_force(scope, &name, scope.at()).await? {
            let Some(enforcement) = &stated.spec.enforcement else { continue };
            let Params::Retention(params) = &enforcement.params else { continue };
            // The only action that there is; a new one must be decided on here.
            let RetentionAction::Erase = params.action;
            let zone = TimeZone::get(&system.time_zone).unwrap_or(TimeZone::UTC);
            let cutoff = scope.at().to_zoned(zone).saturating_sub(params.after.span()).timestamp();
            rules.extend(record_types(&system, &stated.spec.target).into_iter().map(|record_type| Rule {
                requirement: stated.version.name.clone(),
                system: name.clone(),
                record_type,
                after: params.after.as_str().to_owned(),
                mode: enforcement.mode,
                cutoff,
            }));
        }
    }
    rules.sort_by(|a, b| (&a.requirement, &a.record_type).cmp(&(&b.requirement, &b.record_type)));
    Ok(rules)
}

/// A person's fields share one key: what is due for one field alone cannot be erased alone, so only whole records count.
fn record_types(system: &SystemSpec, target: &Target) -> Vec<String> {
    match target {
        Target::Record(name) => vec![name.clone()],
        Target::System => system.record_types.iter().map(|record| record.name.clone()).collect(),
        _ => Vec::new(),
    }
}

/// What is due now, by requirement; nothing is changed.
///
/// # Errors
/// Those of permission.
pub async fn plan(op: &Op) -> Result<Vec<Due>> {
    let scope = op.permit(Action::Read, "retention").await?;
    if !op.actor().operator {
        return Err(Error::not_found("retention"));
    }
    let mut plan = Vec::new();
    for rule in rules(&scope).await? {
        let due = vault::count_due(&scope, &rule.system, &rule.record_type, rule.cutoff).await?;
        let (mut after, mut on_hold, mut looked) = (None, 0, 0);
        while looked < LOOKED_AT.min(due) {
            let page = vault::due(&scope, &rule.system, &rule.record_type, rule.cutoff, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some((last.tenant, last.id));
            looked += page.len() as u64;
            on_hold += incidents::on_hold(&scope, &rule.system, &page).await?.len() as u64;
        }
        plan.push(Due {
            requirement: rule.requirement,
            system: rule.system,
            record_type: rule.record_type,
            after: rule.after,
            mode: rule.mode.as_str().to_owned(),
            cutoff: rule.cutoff,
            due,
            on_hold,
        });
    }
    Ok(plan)
}

/// An instant so many days ago.
pub(super) fn days_ago(scope: &Scope, days: u32) -> i64 {
    let span = (i64::from(days) * 24).hours();
    scope.at().checked_sub(span).map_or(0, Timestamp::as_microsecond)
}
