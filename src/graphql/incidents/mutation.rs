//! What can be changed of an incident.

use async_graphql::{Context, ID, Object};

use super::findings::Finding;
use super::inputs::{
    AddTimelineEntryInput, AssignTeamRoleInput, OpenIncidentInput, PlanCorrectiveActionInput,
    RecordInquiryInput, ReportFindingInput, SetIncidentTimesInput,
};
use super::types::{CorrectiveAction, Incident, IncidentStatus, Inquiry, TeamMember, TimelineEntry};
use super::{may, row};
use crate::access::{Action, Op};
use crate::graphql::problem::payload;
use crate::graphql::scalars::Instant;
use crate::incidents;

payload!(
    /// Result of `reportFinding`.
    ReportFindingPayload, Finding
);
payload!(
    /// Result of a change of an incident.
    IncidentPayload, Incident
);
payload!(
    /// Result of what adds an entry to the timeline.
    TimelineEntryPayload, TimelineEntry
);
payload!(
    /// Result of a change of the response team.
    TeamMemberPayload, TeamMember
);
payload!(
    /// Result of a change of an inquiry.
    InquiryPayload, Inquiry
);
payload!(
    /// Result of a change of a corrective action.
    CorrectiveActionPayload, CorrectiveAction
);

#[derive(Default)]
pub struct IncidentsMutation;

#[Object]
impl IncidentsMutation {
    /// Records what a person reported or a check saw.
    async fn report_finding(
        &self,
        context: &Context<'_>,
        input: ReportFindingInput,
    ) -> async_graphql::Result<ReportFindingPayload> {
        let result = incidents::report_finding(context.data::<Op>()?, input.into()).await;
        ReportFindingPayload::from_result(result, Into::into)
    }

    /// Opens an incident from findings. It counts as known to the organisation at the earliest of them.
    async fn open_incident(
        &self,
        context: &Context<'_>,
        input: OpenIncidentInput,
    ) -> async_graphql::Result<IncidentPayload> {
        let result = async {
            let op = may(context, Action::Create, "incident", "incident").await?;
            incidents::open_incident(op, input.try_into()?).await
        };
        IncidentPayload::from_result(result.await, Incident)
    }

    /// Adds a further finding to an incident, and the entry about it to the timeline.
    async fn link_finding(
        &self,
        context: &Context<'_>,
        incident_id: ID,
        finding_id: ID,
    ) -> async_graphql::Result<TimelineEntryPayload> {
        let result = async {
            let op = may(context, Action::Update, "incident", "incident").await?;
            let finding = row("Finding", &finding_id, "findingId")?;
            incidents::link_finding(op, row("Incident", &incident_id, "incidentId")?, finding).await
        };
        TimelineEntryPayload::from_result(result.await, Into::into)
    }

    /// Adds an entry to the timeline. Entries are never changed; a correction supersedes.
    async fn add_timeline_entry(
        &self,
        context: &Context<'_>,
        input: AddTimelineEntryInput,
    ) -> async_graphql::Result<TimelineEntryPayload> {
        let result = async {
            let op = may(context, Action::Create, "incident.entry", "incident").await?;
            let (incident, entry) = input.read()?;
            incidents::add_entry(op, incident, entry).await
        };
        TimelineEntryPayload::from_result(result.await, Into::into)
    }

    /// Gives somebody a role in the response team.
    async fn assign_team_role(
        &self,
        context: &Context<'_>,
        input: AssignTeamRoleInput,
    ) -> async_graphql::Result<TeamMemberPayload> {
        let result = async {
            let op = may(context, Action::Update, "incident.team", "incident").await?;
            let (incident, member) = input.read()?;
            incidents::assign_team_role(op, incident, member).await
        };
        TeamMemberPayload::from_result(result.await, Into::into)
    }

    /// Ends a role in the response team; now, when `at` is left out.
    async fn end_team_role(
        &self,
        context: &Context<'_>,
        id: ID,
        at: Option<Instant>,
    ) -> async_graphql::Result<TeamMemberPayload> {
        let result = async {
            let op = may(context, Action::Update, "incident.team", "team role").await?;
            incidents::end_team_role(op, row("TeamMember", &id, "id")?, at.map(|at| at.0)).await
        };
        TeamMemberPayload::from_result(result.await, Into::into)
    }

    /// Records that the fault has stopped, and how.
    async fn contain_incident(
        &self,
        context: &Context<'_>,
        incident_id: ID,
        at: Instant,
        text: String,
    ) -> async_graphql::Result<IncidentPayload> {
        let result = async {
            let op = may(context, Action::Update, "incident", "incident").await?;
            incidents::contain_incident(op, row("Incident", &incident_id, "incidentId")?, at.0, &text).await
        };
        IncidentPayload::from_result(result.await, Incident)
    }

    /// Moves an incident to another status. A step back, and closing an open one, need a reason.
    async fn set_incident_status(
        &self,
        context: &Context<'_>,
        incident_id: ID,
        status: IncidentStatus,
        reason: Option<String>,
    ) -> async_graphql::Result<IncidentPayload> {
        let result = async {
            let op = may(context, Action::Update, "incident", "incident").await?;
            let incident = row("Incident", &incident_id, "incidentId")?;
            incidents::set_incident_status(op, incident, status.into(), reason).await
        };
        IncidentPayload::from_result(result.await, Incident)
    }

    /// Sets times of an incident; each change leaves an entry with the value before.
    async fn set_incident_times(
        &self,
        context: &Context<'_>,
        input: SetIncidentTimesInput,
    ) -> async_graphql::Result<IncidentPayload> {
        let result = async {
            let op = may(context, Action::Update, "incident", "incident").await?;
            let (incident, times) = input.read()?;
            incidents::set_incident_times(op, incident, times).await
        };
        IncidentPayload::from_result(result.await, Incident)
    }

    /// Records a question from or to somebody outside the team.
    async fn record_inquiry(
        &self,
        context: &Context<'_>,
        input: RecordInquiryInput,
    ) -> async_graphql::Result<InquiryPayload> {
        let result = async {
            let op = may(context, Action::Create, "inquiry", "incident").await?;
            let (incident, inquiry) = input.read()?;
            incidents::record_inquiry(op, incident, inquiry).await
        };
        InquiryPayload::from_result(result.await, Into::into)
    }

    /// Adds an answer to an inquiry; given now, when `at` is left out.
    async fn answer_inquiry(
        &self,
        context: &Context<'_>,
        inquiry_id: ID,
        text: String,
        at: Option<Instant>,
    ) -> async_graphql::Result<InquiryPayload> {
        let result = async {
            let op = may(context, Action::Update, "inquiry", "inquiry").await?;
            let answer = incidents::NewAnswer { text, at: at.map(|at| at.0) };
            incidents::answer_inquiry(op, row("Inquiry", &inquiry_id, "inquiryId")?, answer).await
        };
        InquiryPayload::from_result(result.await, Into::into)
    }

    /// Closes an inquiry: no further answer is expected.
    async fn close_inquiry(
        &self,
        context: &Context<'_>,
        inquiry_id: ID,
    ) -> async_graphql::Result<InquiryPayload> {
        let result = async {
            let op = may(context, Action::Update, "inquiry", "inquiry").await?;
            incidents::close_inquiry(op, row("Inquiry", &inquiry_id, "inquiryId")?).await
        };
        InquiryPayload::from_result(result.await, Into::into)
    }

    /// Plans what is done so that it does not happen again.
    async fn plan_corrective_action(
        &self,
        context: &Context<'_>,
        input: PlanCorrectiveActionInput,
    ) -> async_graphql::Result<CorrectiveActionPayload> {
        let result = async {
            let op = may(context, Action::Create, "action", "incident").await?;
            let (incident, action) = input.read()?;
            incidents::plan_action(op, incident, action).await
        };
        CorrectiveActionPayload::from_result(result.await, Into::into)
    }

    /// Completes a corrective action. One that names a requirement is refused until that requirement is in force.
    async fn complete_corrective_action(
        &self,
        context: &Context<'_>,
        id: ID,
        at: Option<Instant>,
    ) -> async_graphql::Result<CorrectiveActionPayload> {
        let result = async {
            let op = may(context, Action::Update, "action", "corrective action").await?;
            incidents::complete_action(op, row("CorrectiveAction", &id, "id")?, at.map(|at| at.0)).await
        };
        CorrectiveActionPayload::from_result(result.await, Into::into)
    }

    /// Drops a planned corrective action. The reason stands in the timeline.
    async fn drop_corrective_action(
        &self,
        context: &Context<'_>,
        id: ID,
        reason: String,
    ) -> async_graphql::Result<CorrectiveActionPayload> {
        let result = async {
            let op = may(context, Action::Update, "action", "corrective action").await?;
            incidents::drop_action(op, row("CorrectiveAction", &id, "id")?, &reason).await
        };
        CorrectiveActionPayload::from_result(result.await, Into::into)
    }
}
