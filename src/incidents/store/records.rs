//! The response team, inquiries with their answers, corrective actions.

use std::collections::HashMap;

use entity::{account, corrective_action, incident_member as member, inquiry, inquiry_answer as answer};
use jiff::Timestamp;
use sea_orm::sea_query::Condition;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, ExprTrait, IntoActiveModel, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect,
};
use uuid::Uuid;

use super::{instant, micros, word};
use crate::access::{Scope, Tx};
use crate::clock::from_micros;
use crate::error::Result;
use crate::incidents::model::{ActionState, Answer, CorrectiveAction, Inquiry, InquiryState, Member, RowId};
use crate::storage::Walled;

pub async fn insert_member(tx: &Tx, new: &Member) -> Result<()> {
    let Member { tenant, id, incident, role, name, organisation, contact, account, since, until } =
        new.clone();
    let row = member::Model {
        tenant_id: tenant,
        id,
        incident_id: incident,
        role: role.as_str().to_owned(),
        name,
        organisation,
        contact,
        account_id: account,
        since: since.as_microsecond(),
        until: micros(until),
    };
    member::Entity::insert(row.into_active_model().reset_all())
        .exec_without_returning(tx.connection())
        .await?;
    Ok(())
}

fn member(row: member::Model) -> Result<Member> {
    let member::Model {
        tenant_id,
        id,
        incident_id,
        role,
        name,
        organisation,
        contact,
        account_id,
        since,
        until,
    } = row;
    Ok(Member {
        tenant: tenant_id,
        id,
        incident: incident_id,
        role: word(&role)?,
        name,
        organisation,
        contact,
        account: account_id,
        since: from_micros(since),
        until: instant(until),
    })
}

pub async fn members(scope: &Scope, incident: Uuid) -> Result<Vec<Member>> {
    let rows = member::Entity::find()
        .filter(scope.rows(member::Column::TenantId))
        .filter(member::Column::IncidentId.eq(incident))
        .order_by_asc(member::Column::Since)
        .order_by_asc(member::Column::Id)
        .all(scope.connection())
        .await?;
    rows.into_iter().map(member).collect()
}

pub async fn count_members(tx: &Tx, incident: Uuid) -> Result<u64> {
    Ok(member::Entity::find()
        .filter(member::Column::TenantId.eq(tx.scope().tenant()))
        .filter(member::Column::IncidentId.eq(incident))
        .count(tx.connection())
        .await?)
}

pub async fn find_member(scope: &Scope, id: Uuid) -> Result<Option<Member>> {
    let row = member::Entity::find()
        .filter(scope.rows(member::Column::TenantId))
        .filter(member::Column::Id.eq(id))
        .one(scope.connection())
        .await?;
    row.map(member).transpose()
}

/// Returns whether the role was still held.
pub async fn end_member(tx: &Tx, member: RowId, until: i64) -> Result<bool> {
    let updated = member::Entity::update_many()
        .col_expr(member::Column::Until, until.into())
        .filter(member::Column::TenantId.eq(member.tenant))
        .filter(member::Column::Id.eq(member.id))
        .filter(member::Column::Until.is_null())
        .exec(tx.connection())
        .await?;
    Ok(updated.rows_affected == 1)
}

/// Whether the operator has this account: a role in the team can be tied to it.
pub async fn account_exists(scope: &Scope, id: Uuid) -> Result<bool> {
    let count = account::Entity::find()
        .filter(scope.rows(account::Column::TenantId))
        .filter(account::Column::Id.eq(id))
        .count(scope.connection())
        .await?;
    Ok(count == 1)
}

pub async fn insert_inquiry(tx: &Tx, new: &Inquiry) -> Result<()> {
    let row = inquiry::Model {
        tenant_id: new.tenant,
        id: new.id,
        incident_id: new.incident,
        direction: new.direction.as_str().to_owned(),
        party_kind: new.party_kind.as_str().to_owned(),
        party: new.party.clone(),
        party_tenant: new.party_tenant,
        channel: new.channel.clone(),
        question: new.question.clone(),
        asked_at: new.asked_at.as_microsecond(),
        recorded_at: new.recorded_at.as_microsecond(),
        due_at: micros(new.due_at),
        state: new.state.as_str().to_owned(),
        message_id: new.message,
    };
    inquiry::Entity::insert(row.into_active_model().reset_all())
        .exec_without_returning(tx.connection())
        .await?;
    Ok(())
}

fn inquiry(row: inquiry::Model) -> Result<Inquiry> {
    let inquiry::Model {
        tenant_id,
        id,
        incident_id,
        direction,
        party_kind,
        party,
        party_tenant,
        channel,
        question,
        asked_at,
        recorded_at,
        due_at,
        state,
        message_id,
    } = row;
    Ok(Inquiry {
        tenant: tenant_id,
        id,
        incident: incident_id,
        direction: word(&direction)?,
        party_kind: word(&party_kind)?,
        party,
        party_tenant,
        channel,
        question,
        asked_at: from_micros(asked_at),
        recorded_at: from_micros(recorded_at),
        due_at: instant(due_at),
        state: word(&state)?,
        message: message_id,
        answers: Vec::new(),
    })
}

/// By the time of asking, with their answers; `after` is the place of the last one of the page before.
pub async fn inquiries(
    scope: &Scope,
    incident: Uuid,
    after: Option<(i64, Uuid)>,
    limit: u64,
) -> Result<Vec<Inquiry>> {
    let mut query = inquiry::Entity::find()
        .filter(scope.rows(inquiry::Column::TenantId))
        .filter(inquiry::Column::IncidentId.eq(incident))
        .order_by_asc(inquiry::Column::AskedAt)
        .order_by_asc(inquiry::Column::Id)
        .limit(limit);
    if let Some((at, id)) = after {
        let later = inquiry::Column::AskedAt
            .gt(at)
            .or(inquiry::Column::AskedAt.eq(at).and(inquiry::Column::Id.gt(id)));
        query = query.filter(later);
    }
    let rows = query.all(scope.connection()).await?;
    with_answers(scope, rows.into_iter().map(inquiry).collect::<Result<_>>()?).await
}

/// Those that were asked on the pages of messages, by the time of asking, with their answers.
/// They are the operator's rows, about a person or tenant of the scope.
pub async fn inquiries_from(scope: &Scope, messages: &[Uuid], limit: u64) -> Result<Vec<Inquiry>> {
    let (database, root) = (scope.everywhere(), scope.op().app().root()?);
    let rows = inquiry::Entity::find()
        .filter(inquiry::Column::TenantId.eq(root))
        .filter(inquiry::Column::MessageId.is_in(messages.iter().copied()))
        .order_by_asc(inquiry::Column::AskedAt)
        .order_by_asc(inquiry::Column::Id)
        .limit(limit)
        .all(&database)
        .await?;
    let theirs = Condition::all().add(answer::Column::TenantId.eq(root));
    answered(&database, theirs, rows.into_iter().map(inquiry).collect::<Result<_>>()?).await
}

/// How many were asked on the page of a message since an instant.
pub async fn count_inquiries_from(tx: &Tx, message: Uuid, since: i64) -> Result<u64> {
    Ok(inquiry::Entity::find()
        .filter(inquiry::Column::TenantId.eq(tx.scope().tenant()))
        .filter(inquiry::Column::MessageId.eq(message))
        .filter(inquiry::Column::AskedAt.gt(since))
        .count(tx.connection())
        .await?)
}

/// Questions from recipients' pages that wait in an incident: how many, and when the first is due. Nothing where none waits.
pub async fn open_questions(scope: &Scope, incident: Uuid) -> Result<Option<(u64, Option<Timestamp>)>> {
    let found: Option<(i64, Option<i64>)> = inquiry::Entity::find()
        .select_only()
        .column_as(inquiry::Column::Id.count(), "number")
        .column_as(inquiry::Column::DueAt.min(), "first")
        .filter(inquiry::Column::TenantId.eq(scope.tenant()))
        .filter(inquiry::Column::IncidentId.eq(incident))
        .filter(inquiry::Column::MessageId.is_not_null())
        .filter(inquiry::Column::State.eq(InquiryState::Open.as_str()))
        .into_tuple()
        .one(scope.connection())
        .await?;
    let found = found.and_then(|(number, first)| Some((u64::try_from(number).ok()?, first)));
    Ok(found.filter(|(number, _)| *number > 0).map(|(number, first)| (number, first.map(from_micros))))
}

/// Puts other words in the place of what was asked on the pages of messages. They are the operator's rows.
pub async fn reword_questions(tx: &Tx, root: Uuid, messages: &[Uuid], words: &str) -> Result<u64> {
    let mut reworded = 0;
    for chunk in messages.chunks(1000) {
        let updated = inquiry::Entity::update_many()
            .col_expr(inquiry::Column::Question, words.into())
            .filter(inquiry::Column::TenantId.eq(root))
            .filter(inquiry::Column::MessageId.is_in(chunk.iter().copied()))
            .exec(tx.connection())
            .await?;
        reworded += updated.rows_affected;
    }
    Ok(reworded)
}

pub async fn find_inquiry(scope: &Scope, id: Uuid) -> Result<Option<Inquiry>> {
    let row = inquiry::Entity::find()
        .filter(scope.rows(inquiry::Column::TenantId))
        .filter(inquiry::Column::Id.eq(id))
        .one(scope.connection())
        .await?;
    let found = row.map(inquiry).transpose()?;
    Ok(with_answers(scope, found.into_iter().collect()).await?.pop())
}

async fn with_answers(scope: &Scope, inquiries: Vec<Inquiry>) -> Result<Vec<Inquiry>> {
    answered(scope.connection(), scope.rows(answer::Column::TenantId), inquiries).await
}

async fn answered(database: &Walled, rows: Condition, mut inquiries: Vec<Inquiry>) -> Result<Vec<Inquiry>> {
    let mut by_inquiry: HashMap<Uuid, Vec<Answer>> = HashMap::new();
    for chunk in inquiries.chunks(1000) {
        let rows = answer::Entity::find()
            .filter(rows.clone())
            .filter(answer::Column::InquiryId.is_in(chunk.iter().map(|inquiry| inquiry.id)))
            .order_by_asc(answer::Column::AnsweredAt)
            .order_by_asc(answer::Column::Id)
            .all(database)
            .await?;
        for row in rows {
            let answer::Model { tenant_id: _, id, inquiry_id, text, answered_at, recorded_at, author } = row;
            by_inquiry.entry(inquiry_id).or_default().push(Answer {
                id,
                text,
                answered_at: from_micros(answered_at),
                recorded_at: from_micros(recorded_at),
                author,
            });
        }
    }
    for inquiry in &mut inquiries {
        inquiry.answers = by_inquiry.remove(&inquiry.id).unwrap_or_default();
    }
    Ok(inquiries)
}

pub async fn insert_answer(tx: &Tx, inquiry: RowId, new: &Answer) -> Result<()> {
    let row = answer::Model {
        tenant_id: inquiry.tenant,
        id: new.id,
        inquiry_id: inquiry.id,
        text: new.text.clone(),
        answered_at: new.answered_at.as_microsecond(),
        recorded_at: new.recorded_at.as_microsecond(),
        author: new.author,
    };
    answer::Entity::insert(row.into_active_model().reset_all())
        .exec_without_returning(tx.connection())
        .await?;
    Ok(())
}

/// Returns false when it was closed.
pub async fn move_inquiry(tx: &Tx, inquiry: RowId, state: InquiryState) -> Result<bool> {
    let updated = inquiry::Entity::update_many()
        .col_expr(inquiry::Column::State, state.as_str().into())
        .filter(inquiry::Column::TenantId.eq(inquiry.tenant))
        .filter(inquiry::Column::Id.eq(inquiry.id))
        .filter(inquiry::Column::State.ne(InquiryState::Closed.as_str()))
        .exec(tx.connection())
        .await?;
    Ok(updated.rows_affected == 1)
}

pub async fn count_open_inquiries(tx: &Tx, incident: Uuid) -> Result<u64> {
    Ok(inquiry::Entity::find()
        .filter(inquiry::Column::TenantId.eq(tx.scope().tenant()))
        .filter(inquiry::Column::IncidentId.eq(incident))
        .filter(inquiry::Column::State.eq(InquiryState::Open.as_str()))
        .count(tx.connection())
        .await?)
}

pub async fn insert_action(tx: &Tx, new: &CorrectiveAction) -> Result<()> {
    let row = corrective_action::Model {
        tenant_id: new.tenant,
        id: new.id,
        incident_id: new.incident,
        title: new.title.clone(),
        requirement: new.requirement.clone(),
        owner: new.owner.clone(),
        starts_at: micros(new.starts_at),
        due_at: micros(new.due_at),
        state: new.state.as_str().to_owned(),
        done_at: micros(new.done_at),
        recorded_at: new.recorded_at.as_microsecond(),
    };
    corrective_action::Entity::insert(row.into_active_model().reset_all())
        .exec_without_returning(tx.connection())
        .await?;
    Ok(())
}

fn action(row: corrective_action::Model) -> Result<CorrectiveAction> {
    let corrective_action::Model {
        tenant_id,
        id,
        incident_id,
        title,
        requirement,
        owner,
        starts_at,
        due_at,
        state,
        done_at,
        recorded_at,
    } = row;
    Ok(CorrectiveAction {
        tenant: tenant_id,
        id,
        incident: incident_id,
        title,
        requirement,
        owner,
        starts_at: instant(starts_at),
        due_at: instant(due_at),
        state: word(&state)?,
        done_at: instant(done_at),
        recorded_at: from_micros(recorded_at),
    })
}

pub async fn actions(scope: &Scope, incident: Uuid) -> Result<Vec<CorrectiveAction>> {
    let rows = corrective_action::Entity::find()
        .filter(scope.rows(corrective_action::Column::TenantId))
        .filter(corrective_action::Column::IncidentId.eq(incident))
        .order_by_asc(corrective_action::Column::RecordedAt)
        .order_by_asc(corrective_action::Column::Id)
        .all(scope.connection())
        .await?;
    rows.into_iter().map(action).collect()
}

pub async fn find_action(scope: &Scope, id: Uuid) -> Result<Option<CorrectiveAction>> {
    let row = corrective_action::Entity::find()
        .filter(scope.rows(corrective_action::Column::TenantId))
        .filter(corrective_action::Column::Id.eq(id))
        .one(scope.connection())
        .await?;
    row.map(action).transpose()
}

pub async fn count_actions(tx: &Tx, incident: Uuid, state: Option<ActionState>) -> Result<u64> {
    let mut query = corrective_action::Entity::find()
        .filter(corrective_action::Column::TenantId.eq(tx.scope().tenant()))
        .filter(corrective_action::Column::IncidentId.eq(incident));
    if let Some(state) = state {
        query = query.filter(corrective_action::Column::State.eq(state.as_str()));
    }
    Ok(query.count(tx.connection()).await?)
}

/// Ends a planned action. Returns false when it was not planned any more.
pub async fn end_action(tx: &Tx, action: RowId, state: ActionState, done_at: Option<i64>) -> Result<bool> {
    let updated = corrective_action::Entity::update_many()
        .col_expr(corrective_action::Column::State, state.as_str().into())
        .col_expr(corrective_action::Column::DoneAt, done_at.into())
        .filter(corrective_action::Column::TenantId.eq(action.tenant))
        .filter(corrective_action::Column::Id.eq(action.id))
        .filter(corrective_action::Column::State.eq(ActionState::Planned.as_str()))
        .exec(tx.connection())
        .await?;
    Ok(updated.rows_affected == 1)
}
