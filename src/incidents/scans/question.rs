//! What a scan asks, and how far it is.

use exposure::{Basis, CacheFacts, Limits, WindowQuery};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::access::Scope;
use crate::error::{Error, Result};
use crate::incidents::affected::Method;
use crate::incidents::check;
use crate::incidents::model::Incident;
use crate::jobs::{Job, JobState};
use crate::requirements;

/// Sources in one scan.
const MAX_SOURCES: usize = 20;

/// What an officer asks. What is left out comes from the incident and from the system's manifest.
#[derive(Clone, Debug)]
pub struct NewScan {
    pub reason: String,
    /// Names of the configuration.
    pub sources: Vec<String>,
    /// The incident's own times, when left out.
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    pub margin_before_seconds: u32,
    pub margin_after_seconds: u32,
    pub basis: Basis,
    pub include_failed_logins: bool,
    /// Those of the manifest, when left out.
    pub personal_routes: Option<Vec<String>>,
    /// The manifest's first one, when left out.
    pub session_cookie: Option<String>,
    /// With them the list is one by reconstruction.
    pub cache: Option<CacheFacts>,
}

/// The same with nothing left out: the payload of the job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Question {
    pub incident: Uuid,
    pub author: Uuid,
    pub reason: String,
    pub sources: Vec<String>,
    pub query: WindowQuery,
    /// Names and patterns of the manifest's routes, for a guard's log.
    #[serde(default)]
    pub routes: Vec<(String, String)>,
    pub cache: Option<CacheFacts>,
}

/// How far a scan is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Progress {
    pub listed: bool,
    pub files: u64,
    /// Hidden files and `.json` documents beside them.
    #[serde(default)]
    pub left_out: u64,
    pub files_read: u64,
    pub bytes: u64,
    pub bytes_read: u64,
    /// The list that came of it.
    pub revision: Option<Uuid>,
}

/// A scan.
#[derive(Clone, Debug)]
pub struct Scan {
    pub tenant: Uuid,
    pub id: Uuid,
    pub incident: Uuid,
    pub state: JobState,
    pub method: Method,
    pub reason: String,
    pub sources: Vec<String>,
    pub query: WindowQuery,
    pub cache: Option<CacheFacts>,
    pub progress: Progress,
    /// Of the files that were not over yet, too.
    pub bytes_read: u64,
    pub problem: Option<String>,
    pub created_at: Timestamp,
    pub finished_at: Option<Timestamp>,
}

impl Question {
    /// Fills in what was left out, and checks all of it before anything begins.
    pub async fn of(scope: &Scope, incident: &Incident, new: NewScan) -> Result<Self> {
        let NewScan {
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
        } = new;
        let reason = check::text("reason", &reason, 2000)?;
        let sources = known(scope, sources)?;
        let time = |field: &str, given: Option<Timestamp>, own: Option<Timestamp>| {
            given.or(own).ok_or_else(|| {
                Error::invalid(field, "is needed: the incident does not say when the fault was there")
                    .remedy("give it, or set the incident's times first")
            })
        };
        let from = time("from", from, incident.occurred_from)?;
        let to = time("to", to, incident.occurred_to.or(incident.contained_at))?;
        let system = requirements::system_in_force(scope, &incident.system, scope.at()).await?;
        let personal_routes = match (personal_routes, &system) {
            (Some(routes), _) => routes,
            (None, Some(system)) => system.exposing_patterns().map(str::to_owned).collect(),
            (None, None) => {
                return Err(Error::invalid(
                    "personalRoutes",
                    "is needed: no manifest of the system is applied",
                )
                .remedy(
                    "name the routes that carry personal data, such as /mypage/**, or apply the manifest",
                ));
            }
        };
        let session_cookie = session_cookie.or_else(|| {
            let sessions = system.as_ref()?.sessions.as_ref()?;
            sessions.cookies.first().cloned()
        });
        let query = WindowQuery {
            from,
            to,
            margin_before_seconds,
            margin_after_seconds,
            basis,
            include_failed_logins,
            personal_routes,
            session_cookie,
            limits: Limits::default(),
        };
        exposure::Scan::new(query.clone()).map_err(|error| Error::invalid("scan", error.to_string()))?;
        if let Some(cache) = &cache {
            cache.check().map_err(|error| Error::invalid("cache", error.to_string()))?;
            if query.personal_routes.is_empty() {
                return Err(Error::invalid("personalRoutes", "is empty: then nothing could have been seen")
                    .remedy("name the routes that carry personal data, such as /mypage/**"));
            }
        }
        let declared = system.iter().flat_map(|system| &system.routes);
        let routes = declared.map(|route| (route.name.clone(), route.pattern.clone())).collect();
        Ok(Self { incident: incident.id, author: scope.author(), reason, sources, query, routes, cache })
    }

    pub fn method(&self) -> Method {
        if self.cache.is_some() { Method::Reconstruction } else { Method::Window }
    }
}

/// Names that the configuration has, each once.
fn known(scope: &Scope, sources: Vec<String>) -> Result<Vec<String>> {
    let there = scope.op().app().config().exposure.sources().map_err(anyhow::Error::msg)?;
    if there.is_empty() {
        return Err(Error::invalid("sources", "cannot be chosen: no place of logs is configured")
            .remedy("set exposure.log_sources, or store a result of `suimon exposure scan`"));
    }
    if sources.is_empty() || sources.len() > MAX_SOURCES {
        return Err(Error::invalid("sources", format!("wants 1 to {MAX_SOURCES} names")));
    }
    let mut known = Vec::new();
    for (index, source) in sources.into_iter().enumerate() {
        if !there.iter().any(|(name, _)| *name == source) {
            let names: Vec<&str> = there.iter().map(|(name, _)| *name).collect();
            return Err(Error::invalid(&format!("sources[{index}]"), "is not a place of logs here")
                .remedy(format!("choose of: {}", names.join(", "))));
        }
        if !known.contains(&source) {
            known.push(source);
        }
    }
    known.sort();
    Ok(known)
}

impl TryFrom<Job> for Scan {
    type Error = Error;

    fn try_from(job: Job) -> Result<Self> {
        let question: Question = serde_json::from_value(job.payload)?;
        let method = question.method();
        let Question { incident, author: _, reason, sources, query, routes: _, cache } = question;
        let progress: Progress =
            if job.progress.is_null() { Progress::default() } else { serde_json::from_value(job.progress)? };
        Ok(Self {
            tenant: job.tenant,
            id: job.id,
            incident,
            state: job.state,
            method,
            reason,
            sources,
            query,
            cache,
            bytes_read: u64::try_from(job.done).unwrap_or(0),
            progress,
            problem: job.problem,
            created_at: job.created_at,
            finished_at: job.finished_at,
        })
    }
}
