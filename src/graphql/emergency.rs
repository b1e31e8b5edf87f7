//! Break-glass: access in an emergency, asked for, approved by a second person, reviewed by a third.

use async_graphql::connection::{Connection, EmptyFields};
use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};

use super::connection::Page;
use super::id;
use super::problem::payload;
use super::scalars::Instant;
use crate::access::Op;
use crate::emergency::{self, Access, NewRequest};
use crate::error::{Error, Result};

const KIND: &str = "EmergencyAccess";

/// How access in an emergency stands.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::emergency::State")]
pub enum EmergencyState {
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

/// An action on an object that is asked for.
#[derive(InputObject)]
pub struct EmergencyPermissionInput {
    /// `read`, or `read_masked` of fields.
    action: String,
    /// `subject`, or `data.<record type>.<field>`, which may end in `*`.
    object: String,
}

/// An action on an object that was asked for.
#[derive(SimpleObject)]
pub struct EmergencyPermission {
    action: String,
    object: String,
}

/// What is asked for.
#[derive(InputObject)]
pub struct EmergencyAccessInput {
    /// Whose people; one's own tenant where none is named.
    tenant_id: Option<ID>,
    permissions: Vec<EmergencyPermissionInput>,
    /// The only person that it is about.
    subject_id: Option<ID>,
    /// The incident that it is for.
    incident_id: Option<ID>,
    /// Why, on one line, without a name.
    reason: String,
    /// How long; 60, or what the operator allows where that is less, when left out.
    minutes: Option<i32>,
}

impl TryFrom<EmergencyAccessInput> for NewRequest {
    type Error = Error;

    fn try_from(input: EmergencyAccessInput) -> Result<Self> {
        let EmergencyAccessInput { tenant_id, permissions, subject_id, incident_id, reason, minutes } = input;
        let tenant = tenant_id.map(|id| id::decode("Tenant", &id, "tenantId")).transpose()?;
        let subject = subject_id.map(|id| id::decode("Subject", &id, "subjectId")).transpose()?;
        let incident = incident_id.map(|id| id::decode("Incident", &id, "incidentId")).transpose()?;
        let (mut tenant, subject_tenant) = (tenant.map(|(id, _)| id), subject.map(|(at, _)| at));
        if tenant.is_some() && subject.is_some() && tenant != subject_tenant {
            return Err(Error::invalid("subjectId", "belongs to another tenant"));
        }
        tenant = tenant.or(subject_tenant);
        let permissions = permissions
            .into_iter()
            .map(|EmergencyPermissionInput { action, object }| emergency::Permission { action, object })
            .collect();
        let (subject, incident) = (subject.map(|(_, id)| id), incident.map(|(_, id)| id));
        Ok(Self { tenant, permissions, subject, incident, reason, minutes })
    }
}

/// Access in an emergency: what one account asked for, and what became of it.
pub struct EmergencyAccess(Access);

#[Object]
impl EmergencyAccess {
    async fn id(&self) -> ID {
        id::encode(KIND, self.0.tenant, self.0.id)
    }

    /// The plain id, as the audit log, mails and explanations name it.
    async fn grant(&self) -> String {
        self.0.id.to_string()
    }

    /// Whose people it opens.
    async fn tenant_id(&self) -> ID {
        id::encode("Tenant", self.0.tenant, self.0.tenant)
    }

    /// Who asked, and the only one that it opens anything for.
    async fn account_id(&self) -> ID {
        id::encode("Account", self.0.actor.0, self.0.actor.1)
    }

    async fn state(&self) -> EmergencyState {
        self.0.state.into()
    }

    async fn permissions(&self) -> Vec<EmergencyPermission> {
        let permissions = self.0.permissions.iter().cloned();
        permissions
            .map(|emergency::Permission { action, object }| EmergencyPermission { action, object })
            .collect()
    }

    /// The only person that it is about.
    async fn subject_id(&self) -> Option<ID> {
        self.0.subject.map(|subject| id::encode("Subject", self.0.tenant, subject))
    }

    /// The incident that it is for.
    async fn incident_id(&self, context: &Context<'_>) -> async_graphql::Result<Option<ID>> {
        let root = context.data::<Op>()?.app().root()?;
        Ok(self.0.incident.map(|incident| id::encode("Incident", root, incident)))
    }

    /// Why, in the words of who asked.
    async fn reason(&self) -> &str {
        &self.0.reason
    }

    async fn minutes(&self) -> i32 {
        self.0.minutes
    }

    async fn requested_at(&self) -> Instant {
        self.0.requested_at.into()
    }

    async fn decided_at(&self) -> Option<Instant> {
        self.0.decided_at.map(Instant)
    }

    /// Plain id of the account that decided.
    async fn decided_by(&self) -> Option<String> {
        self.0.decided_by.map(|account| account.to_string())
    }

    async fn decision_comment(&self) -> Option<&str> {
        self.0.decision_comment.as_deref()
    }

    /// When it ends, or ended.
    async fn ends_at(&self) -> Option<Instant> {
        self.0.ends_at.map(Instant)
    }

    /// Plain id of the account that ended it before its time.
    async fn ended_by(&self) -> Option<String> {
        self.0.ended_by.map(|account| account.to_string())
    }

    /// How often it was used; each use is an entry of the audit log.
    async fn uses(&self) -> i64 {
        self.0.uses
    }

    async fn first_used_at(&self) -> Option<Instant> {
        self.0.first_used_at.map(Instant)
    }

    async fn reviewed_at(&self) -> Option<Instant> {
        self.0.reviewed_at.map(Instant)
    }

    /// Plain id of the account that reviewed it.
    async fn reviewed_by(&self) -> Option<String> {
        self.0.reviewed_by.map(|account| account.to_string())
    }

    async fn review_comment(&self) -> Option<&str> {
        self.0.review_comment.as_deref()
    }
}

payload!(
    /// Access in an emergency, or why it could not be changed.
    EmergencyAccessPayload, EmergencyAccess
);

#[derive(Default)]
pub struct EmergencyQuery;

#[Object]
impl EmergencyQuery {
    /// Access in an emergency, the newest first: what waits for a decision, what is in force, what is to be reviewed. Who may
    /// not read all sees what one asked for oneself.
    #[graphql(complexity = "crate::graphql::connection::cost(first, child_complexity)")]
    async fn emergency_access(
        &self,
        context: &Context<'_>,
        tenant_id: Option<ID>,
        state: Option<EmergencyState>,
        first: Option<i32>,
        after: Option<String>,
    ) -> async_graphql::Result<Connection<String, EmergencyAccess, EmptyFields, EmptyFields>> {
        let tenant = tenant_id.map(|id| id::decode("Tenant", &id, "tenantId")).transpose()?;
        let page = Page::read(context, first, after)?;
        let cursor =
            |text: &str| text.parse().map_err(|_| Error::invalid("after", "is not a cursor of this list"));
        let before = page.after.as_deref().map(cursor).transpose()?;
        let (op, tenant) = (context.data_unchecked::<Op>(), tenant.map(|(id, _)| id));
        let rows = emergency::list(op, tenant, state.map(Into::into), before, page.limit()).await?;
        Ok(page.connection(rows, |row| row.id.to_string(), EmergencyAccess))
    }
}

#[derive(Default)]
pub struct EmergencyMutation;

#[Object]
impl EmergencyMutation {
    /// Asks for access in an emergency. A second person decides; everybody who may is told.
    async fn request_emergency_access(
        &self,
        context: &Context<'_>,
        input: EmergencyAccessInput,
    ) -> async_graphql::Result<EmergencyAccessPayload> {
        let result =
            async { emergency::request(context.data_unchecked::<Op>(), input.try_into()?).await }.await;
        EmergencyAccessPayload::from_result(result, EmergencyAccess)
    }

    /// Approves a request of somebody else, with fresh proof of who one is: it holds at once, for its minutes.
    async fn approve_emergency_access(
        &self,
        context: &Context<'_>,
        emergency_access_id: ID,
        comment: String,
    ) -> async_graphql::Result<EmergencyAccessPayload> {
        let (tenant, id) = id::decode(KIND, &emergency_access_id, "emergencyAccessId")?;
        let result = emergency::approve(context.data_unchecked::<Op>(), tenant, id, &comment).await;
        EmergencyAccessPayload::from_result(result, EmergencyAccess)
    }

    /// Refuses a request of somebody else.
    async fn refuse_emergency_access(
        &self,
        context: &Context<'_>,
        emergency_access_id: ID,
        comment: String,
    ) -> async_graphql::Result<EmergencyAccessPayload> {
        let (tenant, id) = id::decode(KIND, &emergency_access_id, "emergencyAccessId")?;
        let result = emergency::refuse(context.data_unchecked::<Op>(), tenant, id, &comment).await;
        EmergencyAccessPayload::from_result(result, EmergencyAccess)
    }

    /// Ends access that is in force.
    async fn end_emergency_access(
        &self,
        context: &Context<'_>,
        emergency_access_id: ID,
    ) -> async_graphql::Result<EmergencyAccessPayload> {
        let (tenant, id) = id::decode(KIND, &emergency_access_id, "emergencyAccessId")?;
        let result = emergency::end(context.data_unchecked::<Op>(), tenant, id).await;
        EmergencyAccessPayload::from_result(result, EmergencyAccess)
    }

    /// Closes the review that is due when such access is over. Neither who asked nor who approved may do it.
    async fn review_emergency_access(
        &self,
        context: &Context<'_>,
        emergency_access_id: ID,
        comment: String,
    ) -> async_graphql::Result<EmergencyAccessPayload> {
        let (tenant, id) = id::decode(KIND, &emergency_access_id, "emergencyAccessId")?;
        let result = emergency::review(context.data_unchecked::<Op>(), tenant, id, &comment).await;
        EmergencyAccessPayload::from_result(result, EmergencyAccess)
    }
}
