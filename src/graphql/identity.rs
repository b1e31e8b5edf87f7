//! One's own sessions and second factor, and what administrators do about those of others. Secrets and codes go over
//! `/auth/…` only.

use async_graphql::{Context, ID, Object, SimpleObject};

use super::access::{AccessChangePayload, Done};
use super::id;
use super::scalars::Instant;
use crate::access::{self, Op};

/// A signed-in client of yours.
pub struct Session(access::Session);

#[Object]
impl Session {
    async fn id(&self) -> ID {
        id::encode("Session", self.0.tenant, self.0.id)
    }

    async fn created_at(&self) -> Instant {
        self.0.created_at.into()
    }

    /// To the minute.
    async fn last_seen_at(&self) -> Instant {
        self.0.last_seen_at.into()
    }

    /// When it ends in any case.
    async fn expires_at(&self) -> Instant {
        self.0.expires_at.into()
    }

    /// When you last proved in it who you are.
    async fn authenticated_at(&self) -> Instant {
        self.0.authenticated_at.into()
    }

    /// How: `password`, `totp`, `recovery`.
    async fn methods(&self) -> &[String] {
        &self.0.methods
    }

    /// Whether this request came with it.
    async fn current(&self) -> bool {
        self.0.current
    }
}

/// Your second factor.
#[derive(SimpleObject)]
pub struct SecondFactor {
    /// Since when signing in asks for it.
    since: Instant,
    /// Recovery codes that were not used.
    recovery_codes_left: i32,
}

#[derive(Default)]
pub struct IdentityQuery;

#[Object]
impl IdentityQuery {
    /// Your sessions that are not over, newest first.
    #[graphql(complexity = "20 * child_complexity + 1")]
    async fn sessions(&self, context: &Context<'_>) -> async_graphql::Result<Vec<Session>> {
        Ok(access::own_sessions(context.data::<Op>()?).await?.into_iter().map(Session).collect())
    }

    /// Your second factor; null when you have none. `POST /auth/second-factor/enrol` begins one.
    async fn second_factor(&self, context: &Context<'_>) -> async_graphql::Result<Option<SecondFactor>> {
        let found = access::own_second_factor(context.data::<Op>()?).await?;
        Ok(found.map(|factor| SecondFactor {
            since: factor.since.into(),
            recovery_codes_left: i32::try_from(factor.recovery_codes_left).unwrap_or(i32::MAX),
        }))
    }
}

#[derive(Default)]
pub struct IdentityMutation;

#[Object]
impl IdentityMutation {
    /// Ends one of your sessions.
    async fn revoke_session(
        &self,
        context: &Context<'_>,
        session_id: ID,
    ) -> async_graphql::Result<AccessChangePayload> {
        let result = async {
            let (tenant, session) = id::decode("Session", &session_id, "sessionId")?;
            access::revoke_own_session(context.data_unchecked::<Op>(), tenant, session).await
        };
        AccessChangePayload::from_result(result.await, |()| Done { id: session_id.clone() })
    }

    /// Takes somebody else's second factor away, when app and recovery codes are lost; their sessions end.
    async fn remove_second_factor(
        &self,
        context: &Context<'_>,
        account_id: ID,
    ) -> async_graphql::Result<AccessChangePayload> {
        let result = async {
            let (tenant, account) = id::decode("Account", &account_id, "accountId")?;
            access::remove_second_factor(context.data_unchecked::<Op>(), tenant, account).await
        };
        AccessChangePayload::from_result(result.await, |()| Done { id: account_id.clone() })
    }

    /// Lets whom a provider of identity calls `subject` sign in to the account. Both are written as the provider gives them.
    async fn link_identity(
        &self,
        context: &Context<'_>,
        account_id: ID,
        issuer: String,
        subject: String,
    ) -> async_graphql::Result<AccessChangePayload> {
        let result = async {
            let (tenant, account) = id::decode("Account", &account_id, "accountId")?;
            access::link_identity(context.data_unchecked::<Op>(), tenant, account, &issuer, &subject).await
        };
        AccessChangePayload::from_result(result.await, |()| Done { id: account_id.clone() })
    }

    /// Takes that away again; the account's sessions end.
    async fn unlink_identity(
        &self,
        context: &Context<'_>,
        account_id: ID,
        issuer: String,
    ) -> async_graphql::Result<AccessChangePayload> {
        let result = async {
            let (tenant, account) = id::decode("Account", &account_id, "accountId")?;
            access::unlink_identity(context.data_unchecked::<Op>(), tenant, account, &issuer).await
        };
        AccessChangePayload::from_result(result.await, |()| Done { id: account_id.clone() })
    }
}
