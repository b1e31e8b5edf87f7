//! A request, what may be asked for, and how it stands at an instant.

use entity::emergency_access;
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::access::Action;
use crate::clock::from_micros;
use crate::error::{Error, Result};

/// Most permissions of one request.
const MAX_PERMISSIONS: usize = 20;
const MAX_OBJECT: usize = 100;

/// How it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Waits for a second person.
    Requested,
    /// Nobody decided in time.
    Lapsed,
    Refused,
    /// In force.
    Active,
    /// Over; a review is due.
    ToReview,
    Reviewed,
}

/// An action on an object: one that policies know, from a bounded list. Only reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Permission {
    pub action: String,
    /// `subject`, or fields of people: `data.<record type>.<field>`, which may end in `*`.
    pub object: String,
}

impl Permission {
    fn check(&self) -> Result<()> {
        let (read, masked) = (Action::Read.as_str(), Action::ReadMasked.as_str());
        let stem = self.object.strip_suffix('*').unwrap_or(&self.object);
        let plain = self.object.len() <= MAX_OBJECT
            && stem
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._".contains(&byte));
        let listed = match self.object.as_str() {
            "subject" => self.action == read,
            object => plain && object.starts_with("data.") && (self.action == read || self.action == masked),
        };
        if listed {
            return Ok(());
        }
        Err(Error::invalid("permissions", "names what cannot be asked for").remedy(
            "ask for read on subject, or read or read_masked on data.<record type>.<field>, where * may end the object",
        ))
    }

    pub(super) fn store(permissions: &[Permission]) -> Result<String> {
        let pairs: Vec<(&str, &str)> =
            permissions.iter().map(|one| (one.action.as_str(), one.object.as_str())).collect();
        Ok(serde_json::to_string(&pairs)?)
    }
}

/// What is asked for.
#[derive(Clone, Debug)]
pub struct NewRequest {
    /// Whose people; the actor's own tenant where none is named.
    pub tenant: Option<Uuid>,
    pub permissions: Vec<Permission>,
    /// The only person, by tenant and id.
    pub subject: Option<Uuid>,
    /// What it is for; a reference that decides nothing.
    pub incident: Option<Uuid>,
    pub reason: String,
    /// The longest time where none is named.
    pub minutes: Option<i32>,
}

impl NewRequest {
    /// The minutes, when all is well.
    pub(super) fn check(&self, max_minutes: u32) -> Result<i32> {
        let max = i32::try_from(max_minutes).unwrap_or(i32::MAX);
        let minutes = self.minutes.unwrap_or(max.min(60));
        if !(1..=max).contains(&minutes) {
            return Err(Error::invalid("minutes", format!("wants 1 to {max}")));
        }
        if self.permissions.is_empty() || self.permissions.len() > MAX_PERMISSIONS {
            return Err(Error::invalid("permissions", format!("wants 1 to {MAX_PERMISSIONS}")));
        }
        self.permissions.iter().try_for_each(Permission::check)?;
        Ok(minutes)
    }
}

/// A request and what became of it.
#[derive(Clone, Debug)]
pub struct Access {
    /// The tenant whose data it opens.
    pub tenant: Uuid,
    pub id: Uuid,
    pub state: State,
    /// Who asked: tenant and account.
    pub actor: (Uuid, Uuid),
    pub permissions: Vec<Permission>,
    pub subject: Option<Uuid>,
    pub incident: Option<Uuid>,
    pub reason: String,
    pub minutes: i32,
    pub requested_at: Timestamp,
    pub decided_at: Option<Timestamp>,
    pub decided_by: Option<Uuid>,
    pub decision_comment: Option<String>,
    pub ends_at: Option<Timestamp>,
    /// Who ended it before its time.
    pub ended_by: Option<Uuid>,
    pub uses: i64,
    pub first_used_at: Option<Timestamp>,
    pub reviewed_at: Option<Timestamp>,
    pub reviewed_by: Option<Uuid>,
    pub review_comment: Option<String>,
}

impl Access {
    /// A row as it stands at `now`; requests made before `lapse` and not decided have lapsed.
    pub(super) fn read(row: emergency_access::Model, now: i64, lapse: i64) -> Result<Self> {
        let state = match row.state.as_str() {
            "requested" if row.requested_at > lapse => State::Requested,
            "requested" => State::Lapsed,
            "refused" => State::Refused,
            "approved" if row.ends_at.is_some_and(|ends| ends > now) => State::Active,
            "approved" => State::ToReview,
            "reviewed" => State::Reviewed,
            other => return Err(anyhow::anyhow!("{other} is not a state of emergency access").into()),
        };
        let permissions: Vec<(String, String)> = serde_json::from_str(&row.permissions)?;
        Ok(Self {
            tenant: row.tenant_id,
            id: row.id,
            state,
            actor: (row.actor_tenant, row.actor),
            permissions: permissions
                .into_iter()
                .map(|(action, object)| Permission { action, object })
                .collect(),
            subject: row.subject_id,
            incident: row.incident_id,
            reason: row.reason,
            minutes: row.minutes,
            requested_at: from_micros(row.requested_at),
            decided_at: row.decided_at.map(from_micros),
            decided_by: row.decided_by,
            decision_comment: row.decision_comment,
            ends_at: row.ends_at.map(from_micros),
            ended_by: row.ended_by,
            uses: row.uses,
            first_used_at: row.first_used_at.map(from_micros),
            reviewed_at: row.reviewed_at.map(from_micros),
            reviewed_by: row.reviewed_by,
            review_comment: row.review_comment,
        })
    }
}
