//! The response team.

use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use super::model::{Member, RowId, TeamRole};
use super::{MAX_LISTED, check, permit, store};
use crate::access::{Action, Op, Scope};
use crate::audit::Event;
use crate::error::{Error, Result};

/// Who takes which role.
#[derive(Clone, Debug)]
pub struct NewMember {
    pub role: TeamRole,
    pub name: String,
    pub organisation: String,
    /// Where this role is reached, as it may be published.
    pub contact: Option<String>,
    /// The person's account at Suimon.
    pub account: Option<RowId>,
}

/// Gives somebody a role. Several people may hold one role, and one person several.
///
/// # Errors
/// `INVALID`, `NOT_FOUND`, `LIMIT_EXCEEDED` and those of permission.
pub async fn assign_team_role(op: &Op, incident: RowId, new: NewMember) -> Result<Member> {
    let (scope, tx, incident) = super::begin(op, incident, Action::Update, "incident.team").await?;
    let NewMember { role, name, organisation, contact, account } = new;
    if let Some(account) = account {
        let home = scope.within(account.tenant, "account")?;
        if !store::account_exists(&home, account.id).await? {
            return Err(Error::not_found("account"));
        }
    }
    let member = Member {
        tenant: incident.tenant,
        id: scope.new_id(),
        incident: incident.id,
        role,
        name: check::line("name", &name, 100)?,
        organisation: check::line("organisation", &organisation, 200)?,
        contact: check::optional_line("contact", contact, 200)?,
        account: account.map(|account| account.id),
        since: scope.at(),
        until: None,
    };
    if store::count_members(&tx, incident.id).await? >= MAX_LISTED {
        return Err(Error::limit(format!("an incident has at most {MAX_LISTED} team roles")));
    }
    store::insert_member(&tx, &member).await?;
    let detail = json!({ "member": member.id, "role": role });
    tx.commit(Event::new("incident.assign_role", format!("incident:{}", incident.id)).detail(detail)).await?;
    Ok(member)
}

/// Ends a role. It stays listed with its end.
///
/// # Errors
/// `NOT_FOUND`, `CONFLICT` when it has ended already, `INVALID` and those of permission.
pub async fn end_team_role(op: &Op, member: RowId, at: Option<Timestamp>) -> Result<Member> {
    let scope = permit(op, Action::Update, "incident.team", "team role").await?;
    let scope = scope.within(member.tenant, "team role")?;
    let mut found =
        store::find_member(&scope, member.id).await?.ok_or_else(|| Error::not_found("team role"))?;
    let until = check::past("at", at.unwrap_or_else(|| scope.at()), scope.at())?;
    check::order("at", Some(found.since), Some(until))?;
    let tx = scope.begin().await?;
    if !store::end_member(&tx, member, until.as_microsecond()).await? {
        return Err(Error::conflict("this role has ended already"));
    }
    let detail = json!({ "member": found.id });
    tx.commit(Event::new("incident.end_role", format!("incident:{}", found.incident)).detail(detail)).await?;
    found.until = Some(until);
    Ok(found)
}

/// Everybody who has or had a role, in the order of assignment.
///
/// # Errors
/// Unexpected ones only.
pub async fn members(scope: &Scope, incident: Uuid) -> Result<Vec<Member>> {
    store::members(scope, incident).await
}
