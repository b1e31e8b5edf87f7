//! Why a request was refused, for who is asked about it later.

use async_graphql::connection::{Connection, EmptyFields};
use async_graphql::{Context, ID, Object, SimpleObject};
use uuid::Uuid;

use super::connection::Page;
use super::id;
use super::policy::DecisionExplained;
use super::scalars::Instant;
use crate::access::{self, DenialFilter, Op};
use crate::error::Error;

/// A refused request and why. Names and the rules' own values only; never a value of the request.
#[derive(SimpleObject)]
pub struct Denial {
    id: ID,
    at: Instant,
    /// The tenant that was asked about.
    tenant_id: ID,
    /// As the audit log names it: `account:…`, `token:…` or `cli:…`.
    actor: String,
    /// The account behind the actor.
    account_id: ID,
    /// The account that a program of the protected system asked about (AuthZEN).
    about_account_id: Option<ID>,
    action: String,
    object: String,
    /// Which fields were withheld, where it was a read of several and nothing was shown.
    fields: Vec<String>,
    system: Option<String>,
    request_id: String,
    /// Version of the policy that decided.
    policy_version: i64,
    /// The reasons, as they were then.
    explanation: DecisionExplained,
    /// Further refusals of the account at this tenant in the same minute: only so many are told one by one.
    more_in_minute: i64,
}

impl From<access::Denial> for Denial {
    fn from(denial: access::Denial) -> Self {
        let access::Denial {
            tenant,
            id,
            at,
            actor,
            actor_tenant,
            account,
            about,
            action,
            object,
            fields,
            system,
            request_id,
            policy_version,
            explanation,
            more_in_minute,
        } = denial;
        Self {
            id: id::encode("Denial", tenant, id),
            at: at.into(),
            tenant_id: id::encode("Tenant", tenant, tenant),
            actor,
            account_id: id::encode("Account", actor_tenant, account),
            about_account_id: about.map(|about| id::encode("Account", tenant, about)),
            action,
            object,
            fields,
            system,
            request_id,
            policy_version,
            explanation: explanation.into(),
            more_in_minute,
        }
    }
}

#[derive(Default)]
pub struct DenialsQuery;

#[Object]
impl DenialsQuery {
    /// Requests that were refused, and why, the newest first: by the id of the request (`extensions.requestId` of its error, or
    /// the header `X-Request-Id` of its answer), by tenant, by actor as the audit log names it (`account:…` finds its tokens,
    /// too). Without a tenant: all within your reach. Kept for some months; that they were read is recorded.
    #[graphql(complexity = "crate::graphql::connection::cost(first, child_complexity)")]
    async fn denials(
        &self,
        context: &Context<'_>,
        request_id: Option<String>,
        tenant_id: Option<ID>,
        actor: Option<String>,
        first: Option<i32>,
        after: Option<String>,
    ) -> async_graphql::Result<Connection<String, Denial, EmptyFields, EmptyFields>> {
        let tenant = tenant_id.map(|id| id::decode("Tenant", &id, "tenantId")).transpose()?;
        let page = Page::read(context, first, after)?;
        let cursor = |text: &str| {
            text.parse::<Uuid>().map_err(|_| Error::invalid("after", "is not a cursor of this list"))
        };
        let older_than = page.after.as_deref().map(cursor).transpose()?;
        let (op, filter) = (context.data_unchecked::<Op>(), DenialFilter { request_id, actor });
        let tenant = tenant.map(|(tenant, _)| tenant);
        let rows = access::list_denials(op, tenant, &filter, older_than, page.limit()).await?;
        Ok(page.connection(rows, |row| row.id.to_string(), Denial::from))
    }
}
