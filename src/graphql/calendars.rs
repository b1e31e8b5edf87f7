//! One's own calendar of deadlines.

use async_graphql::{Context, Object, SimpleObject};

use super::problem::payload;
use super::scalars::Instant;
use crate::access::{self, Op};

/// A calendar of deadlines, without its secret.
#[derive(SimpleObject)]
pub struct CalendarFeed {
    created_at: Instant,
    expires_at: Instant,
    /// To the minute.
    last_used_at: Option<Instant>,
}

impl From<access::ApiToken> for CalendarFeed {
    fn from(token: access::ApiToken) -> Self {
        Self {
            created_at: token.created_at.into(),
            expires_at: token.expires_at.into(),
            last_used_at: token.last_used_at.map(Instant),
        }
    }
}

/// A calendar with the address that holds its secret. It is told once.
#[derive(SimpleObject)]
pub struct NewCalendarFeed {
    /// For a calendar program; `?lang=en` for English. Whoever knows it reads the deadlines.
    url: String,
    feed: CalendarFeed,
}

/// What became of a calendar.
#[derive(SimpleObject)]
pub struct RevokedCalendarFeed {
    /// False when there was none.
    revoked: bool,
}

payload!(
    /// Result of `renewCalendarFeed`.
    CalendarFeedPayload, NewCalendarFeed
);
payload!(
    /// Result of `revokeCalendarFeed`.
    RevokeCalendarFeedPayload, RevokedCalendarFeed
);

#[derive(Default)]
pub struct CalendarsQuery;

#[Object]
impl CalendarsQuery {
    /// One's own calendar of deadlines, where there is one.
    async fn calendar_feed(&self, context: &Context<'_>) -> async_graphql::Result<Option<CalendarFeed>> {
        Ok(access::calendar_feed(context.data_unchecked::<Op>()).await?.map(CalendarFeed::from))
    }
}

#[derive(Default)]
pub struct CalendarsMutation;

#[Object]
impl CalendarsMutation {
    /// Makes one's own calendar of deadlines, or gives it a new address; the address before ends.
    async fn renew_calendar_feed(&self, context: &Context<'_>) -> async_graphql::Result<CalendarFeedPayload> {
        let op = context.data_unchecked::<Op>();
        CalendarFeedPayload::from_result(access::renew_calendar_feed(op).await, |issued| {
            let base = op.app().config().server.public_url.trim_end_matches('/').to_owned();
            NewCalendarFeed {
                url: format!("{base}/calendar/{}.ics", issued.secret),
                feed: issued.token.into(),
            }
        })
    }

    /// Ends one's own calendar.
    async fn revoke_calendar_feed(
        &self,
        context: &Context<'_>,
    ) -> async_graphql::Result<RevokeCalendarFeedPayload> {
        let revoked = access::revoke_calendar_feed(context.data_unchecked::<Op>()).await;
        RevokeCalendarFeedPayload::from_result(revoked, |revoked| RevokedCalendarFeed { revoked })
    }
}
