//! What goes on around the team while it works: complaints come in, logs arrive, and the fault ends when it is contained.

use std::sync::Arc;

use anyhow::Context as _;
use exposure::simulate::{Complaint, Day, LogOptions, drill_day};
use jiff::Timestamp;

use super::folder::{Folder, replace};
use super::{SYSTEM, measure, words};
use crate::access::Op;
use crate::error::Result;
use crate::incidents::model::FindingSource;
use crate::incidents::{self, FindingsFilter, NewFinding};

/// The origin's logs are fetched so often, in simulated seconds.
const FETCHED_EVERY: i64 = 300;

/// Incidents and findings that are looked at. A drill has one incident and a handful of complaints.
const MOST: u64 = 1000;

/// The day, as far as it is known how it goes on.
pub struct Scene {
    folder: Folder,
    seed: u64,
    day: Arc<Day>,
    contained: Option<Timestamp>,
    /// Up to when the logs are there.
    fetched: Option<Timestamp>,
}

impl Scene {
    /// The day of a drill, from its beginning.
    ///
    /// # Errors
    /// Unexpected ones only.
    pub async fn new(folder: Folder) -> Result<Self> {
        let seed = folder.state()?.seed;
        let day = Arc::new(day_of(seed, None).await?);
        Ok(Self { folder, seed, day, contained: None, fetched: None })
    }

    /// Brings about what has happened by the present of `op`.
    ///
    /// # Errors
    /// Unexpected ones, and those of permission: `op` is the leader's.
    pub async fn arrange(&mut self, op: &Op) -> Result<()> {
        // First of all: what was logged since then is another story.
        if self.contained.is_none()
            && let Some(contained) = self.containment(op).await?
        {
            self.day = Arc::new(day_of(self.seed, Some(contained)).await?);
            self.contained = Some(contained);
        }
        self.pass_complaints_on(op).await?;
        let seconds = op.at().as_second();
        let upto =
            Timestamp::from_second(seconds - seconds.rem_euclid(FETCHED_EVERY)).context("an instant")?;
        if self.fetched.is_none_or(|fetched| fetched < upto) {
            let (day, folder) = (self.day.clone(), self.folder.clone());
            tokio::task::spawn_blocking(move || write_logs(&day, &folder, upto))
                .await
                .context("writing the logs broke off")??;
            self.fetched = Some(upto);
        }
        Ok(())
    }

    async fn containment(&self, op: &Op) -> Result<Option<Timestamp>> {
        let incidents = incidents::incidents(op, None, MOST).await?;
        // The log is asked only where it has an answer: asking is recorded.
        match incidents.iter().any(|incident| incident.contained_at.is_some()) {
            true => measure::contained_at(op).await,
            false => Ok(None),
        }
    }

    async fn pass_complaints_on(&self, op: &Op) -> Result<()> {
        let due = self.day.truth().complaints.iter().filter(|complaint| complaint.reported <= op.at());
        let due: Vec<&Complaint> = due.collect();
        if due.is_empty() {
            return Ok(());
        }
        let known = incidents::all_findings(op, FindingsFilter::default(), None, MOST).await?;
        for complaint in due {
            // After a restart some of them are there.
            if known.iter().any(|finding| finding.occurred_at == complaint.reported) {
                continue;
            }
            let (summary, reporter) = match complaint.reporter.starts_with("ap-") {
                true => (words::APPLICANT_SAW, words::APPLICANT),
                false => (words::ADMIN_SAW, words::ADMIN),
            };
            let finding = NewFinding {
                system: SYSTEM.to_owned(),
                summary: summary.to_owned(),
                occurred_at: complaint.reported,
                source: FindingSource::Person,
                reporter: Some(reporter.to_owned()),
                requirement: None,
            };
            incidents::report_finding(op, finding).await?;
        }
        Ok(())
    }
}

/// Makes a day, which takes the better part of a second.
pub(super) async fn day_of(seed: u64, contained: Option<Timestamp>) -> Result<Day> {
    let made = tokio::task::spawn_blocking(move || drill_day(seed, contained)).await;
    Ok(made.context("simulating the day broke off")?)
}

/// Writes what the edge and the origin have logged by then. A file of the edge is written once; those of the origin grow.
fn write_logs(day: &Day, folder: &Folder, upto: Timestamp) -> anyhow::Result<()> {
    let logs = folder.join("logs");
    for place in ["edge", "origin"] {
        let place = logs.join(place);
        std::fs::create_dir_all(&place).with_context(|| format!("cannot create {}", place.display()))?;
    }
    for file in day.logs_at(LogOptions::default(), upto) {
        let path = logs.join(file.name());
        if file.name().starts_with("edge/") && path.exists() {
            continue;
        }
        let mut content = Vec::new();
        file.write_to(&mut content)?;
        replace(&path, &content)?;
    }
    Ok(())
}
