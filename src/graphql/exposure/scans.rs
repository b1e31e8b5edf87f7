//! Scans of logs by the service itself.

use async_graphql::{Context, Enum, ID, InputObject, Json, Object};

use super::reconstruction::CacheFacts;
use super::types::{Revision, RevisionMethod};
use crate::access::{Action, Op};
use crate::error::Error;
use crate::graphql::id;
use crate::graphql::incidents::{may, reader, row};
use crate::graphql::jobs::JobState;
use crate::graphql::problem::payload;
use crate::graphql::scalars::Instant;
use crate::incidents;
use crate::incidents::scans;

/// What puts a person on the list of a window.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "exposure::Basis")]
pub enum ScanBasis {
    /// A login inside the window.
    Logins,
    /// A login, or a request for a personal route, inside the window. Finds those who logged in before it.
    LoginsAndPersonalRequests,
}

/// What is known of the cache. What is not known is best left out: the defaults exclude nobody who a more exact fact would not.
#[derive(InputObject)]
pub struct CacheFactsInput {
    /// The longest that a kept answer was given without asking anew.
    time_to_live_seconds: Option<u32>,
    /// Caches behind one another: 1 for an edge alone, 2 with a regional cache or a shield, 3 with both.
    tiers: Option<u8>,
    /// Each edge location kept one copy of an answer, and a newer one took its place.
    #[graphql(default)]
    single_copy: bool,
    /// Host and query were part of the cache's key.
    #[graphql(default)]
    key_has_host_and_query: bool,
    /// Answers of different length were different pages.
    lengths_tell_bodies: Option<bool>,
    /// Where the edge logs no session: an address with a program is taken for the people whom the logs show behind it.
    #[graphql(default)]
    clients_tell_people: bool,
    /// The origin's log has each request that reached it.
    #[graphql(default = true)]
    origin_log_complete: bool,
    clock_difference_milliseconds: Option<u32>,
    /// What was changed of the cache, and when. The time to live above is that before the first change.
    #[graphql(default)]
    history: Vec<CacheChangeInput>,
}

/// A change of the cache's configuration, or a purge, at all personal routes. At least one of the last three.
#[derive(InputObject)]
pub struct CacheChangeInput {
    /// When it was ordered.
    at: Instant,
    /// How long until every place had it. What was live before may have been live until then.
    spreads_seconds: u32,
    /// The longest that an answer was given without asking anew since then.
    time_to_live_seconds: Option<u32>,
    /// Whether answers were kept at all since then.
    keeps: Option<bool>,
    /// All that was kept was removed.
    #[graphql(default)]
    purged: bool,
}

impl From<CacheChangeInput> for exposure::CacheChange {
    fn from(input: CacheChangeInput) -> Self {
        let CacheChangeInput { at, spreads_seconds, time_to_live_seconds, keeps, purged } = input;
        Self { at: at.0, spreads_seconds, time_to_live_seconds, keeps, purged }
    }
}

impl From<CacheFactsInput> for exposure::CacheFacts {
    fn from(input: CacheFactsInput) -> Self {
        let CacheFactsInput {
            time_to_live_seconds,
            tiers,
            single_copy,
            key_has_host_and_query,
            lengths_tell_bodies,
            clients_tell_people,
            origin_log_complete,
            clock_difference_milliseconds,
            history,
        } = input;
        let careful = Self::default();
        Self {
            time_to_live_seconds: time_to_live_seconds.unwrap_or(careful.time_to_live_seconds),
            tiers: tiers.unwrap_or(careful.tiers),
            single_copy,
            key_has_host_and_query,
            lengths_tell_bodies: lengths_tell_bodies.unwrap_or(careful.lengths_tell_bodies),
            clients_tell_people,
            origin_log_complete,
            clock_difference_milliseconds: clock_difference_milliseconds
                .unwrap_or(careful.clock_difference_milliseconds),
            history: history.into_iter().map(Into::into).collect(),
        }
    }
}

/// What a scan is to find out.
#[derive(InputObject)]
pub struct StartScanInput {
    incident_id: ID,
    /// Why this list is made; stands in the record.
    reason: String,
    /// Names of `logSources`.
    sources: Vec<String>,
    /// Start of the window; since when the fault was there by the incident, when left out.
    from: Option<Instant>,
    /// End of the window; until when the fault was there by the incident, when left out.
    to: Option<Instant>,
    #[graphql(default)]
    margin_before_seconds: u32,
    #[graphql(default)]
    margin_after_seconds: u32,
    #[graphql(default_with = "ScanBasis::LoginsAndPersonalRequests")]
    basis: ScanBasis,
    #[graphql(default)]
    include_failed_logins: bool,
    /// Routes that carry personal data, such as `/mypage/**`; those of the system's manifest, when left out.
    personal_routes: Option<Vec<String>>,
    /// Name of the session cookie where the edge logs cookies; the manifest's first one, when left out.
    session_cookie: Option<String>,
    /// With it the logs are joined and the list says who may have seen whose page (RECONSTRUCTION); without it the list has everybody who
    /// was there (WINDOW).
    cache: Option<CacheFactsInput>,
}

/// A scan of logs by the service itself. What comes of it is the next revision of the incident's list.
pub struct ExposureScan(pub scans::Scan);

#[Object]
impl ExposureScan {
    async fn id(&self) -> ID {
        id::encode("Scan", self.0.tenant, self.0.id)
    }

    async fn incident_id(&self) -> ID {
        id::encode("Incident", self.0.tenant, self.0.incident)
    }

    /// FAILED wants somebody's decision: `problem` says why, and `retryScan` goes on with the first log that was not read.
    async fn state(&self) -> JobState {
        self.0.state.into()
    }

    async fn method(&self) -> RevisionMethod {
        self.0.method.into()
    }

    async fn reason(&self) -> &str {
        &self.0.reason
    }

    async fn sources(&self) -> &[String] {
        &self.0.sources
    }

    /// The question: window, basis, margins, routes.
    async fn parameters(&self) -> async_graphql::Result<Json<serde_json::Value>> {
        Ok(Json(serde_json::to_value(&self.0.query).map_err(Error::from)?))
    }

    /// What is taken for granted of the cache.
    async fn cache(&self) -> Option<CacheFacts> {
        self.0.cache.clone().map(Into::into)
    }

    /// Logs that were found; 0 before they are listed.
    async fn files(&self) -> u64 {
        self.0.progress.files
    }

    /// Hidden files, and documents (`.json`) beside the logs, that are not read. If one of them is a log, give it another name.
    async fn left_out(&self) -> u64 {
        self.0.progress.left_out
    }

    async fn files_read(&self) -> u64 {
        self.0.progress.files_read
    }

    /// Of the logs as they lie there, packed or not.
    async fn bytes(&self) -> u64 {
        self.0.progress.bytes
    }

    async fn bytes_read(&self) -> u64 {
        self.0.bytes_read
    }

    async fn problem(&self) -> Option<&str> {
        self.0.problem.as_deref()
    }

    async fn created_at(&self) -> Instant {
        self.0.created_at.into()
    }

    async fn finished_at(&self) -> Option<Instant> {
        self.0.finished_at.map(Instant)
    }

    /// The list that came of it.
    #[graphql(complexity = "5 + child_complexity")]
    async fn revision(&self, context: &Context<'_>) -> async_graphql::Result<Option<Revision>> {
        let Some(revision) = self.0.progress.revision else { return Ok(None) };
        let scope = reader(context, "revision").await?;
        Ok(Some(Revision(incidents::find_revision(&scope, revision).await?)))
    }
}

payload!(
    /// Result of a change of a scan.
    ExposureScanPayload, ExposureScan
);

#[derive(Default)]
pub struct ScansQuery;

#[Object]
impl ScansQuery {
    /// Names of the places from which the service can scan logs (`exposure.log_sources` of its configuration).
    async fn log_sources(&self, context: &Context<'_>) -> async_graphql::Result<Vec<String>> {
        Ok(scans::log_sources(context.data_unchecked::<Op>()).await?)
    }

    /// A scan.
    async fn exposure_scan(&self, context: &Context<'_>, id: ID) -> async_graphql::Result<ExposureScan> {
        let op = may(context, Action::Read, "revision", "scan").await?;
        Ok(ExposureScan(scans::scan(op, row("Scan", &id, "id")?).await?))
    }
}

#[derive(Default)]
pub struct ScansMutation;

#[Object]
impl ScansMutation {
    /// Has the service read logs; the result is the incident's next list. The same question that is being worked on already is that scan.
    async fn start_scan(
        &self,
        context: &Context<'_>,
        input: StartScanInput,
    ) -> async_graphql::Result<ExposureScanPayload> {
        let result = async {
            let op = may(context, Action::Create, "revision", "incident").await?;
            let StartScanInput {
                incident_id,
                reason,
                sources,
                from,
                to,
                margin_before_seconds,
                margin_after_seconds,
                basis,
                include_failed_logins,
                personal_routes,
                session_cookie,
                cache,
            } = input;
            let new = scans::NewScan {
                reason,
                sources,
                from: from.map(|at| at.0),
                to: to.map(|at| at.0),
                margin_before_seconds,
                margin_after_seconds,
                basis: basis.into(),
                include_failed_logins,
                personal_routes,
                session_cookie,
                cache: cache.map(Into::into),
            };
            scans::start_scan(op, row("Incident", &incident_id, "incidentId")?, new).await
        };
        ExposureScanPayload::from_result(result.await, ExposureScan)
    }

    /// Ends a scan. What it had read is forgotten.
    async fn cancel_scan(
        &self,
        context: &Context<'_>,
        scan_id: ID,
    ) -> async_graphql::Result<ExposureScanPayload> {
        let result = async {
            let op = may(context, Action::Create, "revision", "scan").await?;
            scans::cancel_scan(op, row("Scan", &scan_id, "scanId")?).await
        };
        ExposureScanPayload::from_result(result.await, ExposureScan)
    }

    /// Lets a scan that failed go on with the first log that was not read.
    async fn retry_scan(
        &self,
        context: &Context<'_>,
        scan_id: ID,
    ) -> async_graphql::Result<ExposureScanPayload> {
        let result = async {
            let op = may(context, Action::Create, "revision", "scan").await?;
            scans::retry_scan(op, row("Scan", &scan_id, "scanId")?).await
        };
        ExposureScanPayload::from_result(result.await, ExposureScan)
    }
}
