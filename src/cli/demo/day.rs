//! 26 October 2023: from the maintenance to the containment.

use anyhow::Context as _;
use exposure::simulate::Complaint;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::client::{number, text};
use super::stage::{Stage, ZONE, instant};
use super::words::{self, Entry};
use crate::cli::Failure;
use crate::cli::example::SYSTEM;

pub const IN_FORCE: &str = "query($at: Instant!) {
    inForce(kind: REQUIREMENT, name: \"NFR-CACHE-001\", at: $at) { name version inForceFrom } }";

pub const REPORT_FINDING: &str = "mutation($input: ReportFindingInput!) {
    reportFinding(input: $input) { __typename ... on Finding { id } ... on Problem { code field message remedy } } }";

pub const OPEN_INCIDENT: &str = "mutation($input: OpenIncidentInput!) {
    openIncident(input: $input) {
        __typename ... on Incident { id number status detectedAt } ... on Problem { code field message remedy } } }";

const ASSIGN_ROLE: &str = "mutation($input: AssignTeamRoleInput!) {
    assignTeamRole(input: $input) { __typename ... on Problem { code field message remedy } } }";

pub const SET_TIMES: &str = "mutation($input: SetIncidentTimesInput!) {
    setIncidentTimes(input: $input) {
        __typename ... on Incident { occurredFrom occurredTo } ... on Problem { code field message remedy } } }";

pub const CONTAIN: &str = "mutation($id: ID!, $at: Instant!, $text: String!) {
    containIncident(incidentId: $id, at: $at, text: $text) {
        __typename ... on Incident { status containedAt } ... on Problem { code field message remedy } } }";

const ADD_ENTRY: &str = "mutation($input: AddTimelineEntryInput!) {
    addTimelineEntry(input: $input) { __typename ... on Problem { code field message remedy } } }";

/// When the incident is opened: what happened before is told later than it happened.
const OPENED: &str = "2023-10-26T15:20";

/// The day; the incident's id.
pub async fn play(stage: &mut Stage) -> Result<String, Failure> {
    stage.narrator.chapter("26 October 2023");
    maintenance(stage).await?;
    let complaints = stage.day.truth().complaints.clone();
    let mut findings = Vec::new();
    let first = complaints.first().context("a day without complaints")?.reported;
    let (early, late): (Vec<_>, Vec<_>) = complaints.into_iter().partition(|one| one.reported == first);
    report(stage, &early, &mut findings, "The first complaint. It reaches the operator through a school.")
        .await?;
    report(
        stage,
        &late,
        &mut findings,
        "Two hours later, three more within a minute: two schools' administrators, and an applicant who met two others.",
    )
    .await?;
    stage.score.compare("complaints: applicants, administrators", "2, 2", {
        let count = |kind: &str| {
            stage.day.truth().complaints.iter().filter(|one| one.reporter.starts_with(kind)).count()
        };
        format!("{}, {}", count("ap-"), count("ad-"))
    });
    let incident = open(stage, &findings).await?;
    contain(stage, &incident).await?;
    Ok(incident)
}

async fn maintenance(stage: &mut Stage) -> Result<(), Failure> {
    let at = stage.at("2023-10-26T11:00")?;
    stage.narrator.scene(
        at,
        "During maintenance the CDN's cache is switched on, with cookies outside its key. Which caching rule was in force at \
         this moment?",
    );
    let answer = stage.cast.officer.call(IN_FORCE, json!({ "at": at })).await?;
    stage.narrator.result(match answer {
        Value::Null => "null: nobody had ever written one down. Nothing could be checked before the release.",
        _ => "there was one",
    });
    let found = if answer.is_null() { "none" } else { "one" };
    stage.score.demand("caching requirement in force at 11:00", "none", found);
    stage.narrator.operation("officer", IN_FORCE).await;
    Ok(())
}

async fn report(
    stage: &mut Stage,
    complaints: &[Complaint],
    findings: &mut Vec<String>,
    scene: &str,
) -> Result<(), Failure> {
    let Some(at) = complaints.first().map(|one| one.reported) else { return Ok(()) };
    stage.clock.set(at);
    stage.narrator.scene(at, scene);
    for complaint in complaints {
        let applicant = complaint.reporter.starts_with("ap-");
        let (summary, reporter) = match (applicant, complaint.edge_request_ids.len()) {
            (true, 1) => (words::APPLICANT_SAW_ONE, words::REPORTER_APPLICANT),
            (true, _) => (words::APPLICANT_SAW_SEVERAL, words::REPORTER_APPLICANT),
            (false, _) => (words::ADMIN_SAW_ONE, words::REPORTER_ADMIN),
        };
        let input = json!({
            "system": SYSTEM, "summary": summary.both(), "occurredAt": at, "source": "PERSON", "reporter": reporter,
        });
        let answer = stage.cast.officer.call(REPORT_FINDING, json!({ "input": input })).await?;
        findings.push(text(&answer, "/id")?);
    }
    stage.narrator.result(&format!("{} finding(s), {} in all", complaints.len(), findings.len()));
    stage.narrator.operation("officer", REPORT_FINDING).await;
    Ok(())
}

async fn open(stage: &mut Stage, findings: &[String]) -> Result<String, Failure> {
    let at = stage.at(OPENED)?;
    stage.narrator.scene(
        at,
        "The officer opens an incident from the findings, names those who respond, and writes down what is known. Each entry \
         has two times: when it happened and when it was told.",
    );
    let input = json!({ "system": SYSTEM, "title": words::TITLE, "zone": ZONE, "findingIds": findings });
    let answer = stage.cast.officer.call(OPEN_INCIDENT, json!({ "input": input })).await?;
    let incident = text(&answer, "/id")?;
    let detected: Timestamp = text(&answer, "/detectedAt")?.parse().map_err(anyhow::Error::new)?;
    assign(stage, &incident, "COORDINATOR", "Compliance desk", "みずうみ出願サービス / Mizuumi").await?;
    assign(stage, &incident, "INVESTIGATOR", "Engineering desk", "保守会社 / maintainer").await?;
    let early = words::OF_THE_DAY.iter().filter(|entry| entry.at < OPENED);
    add_entries(stage, &incident, early).await?;
    let number = number(&answer, "/number")?;
    let detected = stage.narrator.clock_time(detected);
    stage.narrator.result(&format!("incident {number}, open; detected and known since {detected}"));
    stage.score.compare("first complaint", "13:15", detected);
    stage.narrator.operation("officer", OPEN_INCIDENT).await;
    Ok(incident)
}

async fn contain(stage: &mut Stage, incident: &str) -> Result<(), Failure> {
    let at = stage.at("2023-10-26T15:41")?;
    stage.narrator.scene(
        at,
        "The cache is switched off. The officer records the containment and since when the fault was there.",
    );
    let truth = stage.day.truth();
    let (from, to) = (truth.cache_on, truth.cache_off);
    let variables = json!({ "id": incident, "at": at, "text": words::CONTAINED.both() });
    let contained = stage.cast.officer.call(CONTAIN, variables).await?;
    let reason = "maintenance log of the CDN";
    let input = json!({ "incidentId": incident, "occurredFrom": from, "occurredTo": to, "reason": reason });
    let times = stage.cast.officer.call(SET_TIMES, json!({ "input": input })).await?;
    let read = |pointer: &str| -> anyhow::Result<Timestamp> { Ok(text(&times, pointer)?.parse()?) };
    let (from, to) = (read("/occurredFrom")?, read("/occurredTo")?);
    let minutes = to.duration_since(from).as_secs() / 60;
    let lasted = format!("{} h {} min", minutes / 60, minutes % 60);
    let status = text(&contained, "/status")?.to_lowercase();
    stage.narrator.result(&format!("{status}; the fault lasted {lasted}"));
    let window = format!("{}-{}", stage.narrator.clock_time(from), stage.narrator.clock_time(to));
    stage.score.compare("window", "11:00-15:41", window);
    stage.score.compare("duration", "4 h 41 min", lasted);
    stage.narrator.operation("officer", CONTAIN).await;
    stage.at("2023-10-26T16:10")?;
    let late = words::OF_THE_DAY.iter().filter(|entry| entry.at >= OPENED);
    add_entries(stage, incident, late).await?;
    Ok(())
}

/// Gives somebody a role in the response team. Names of desks, not of people: there are none in the example.
pub async fn assign(
    stage: &Stage,
    incident: &str,
    role: &str,
    name: &str,
    organisation: &str,
) -> Result<(), Failure> {
    let input = json!({ "incidentId": incident, "role": role, "name": name, "organisation": organisation });
    stage.cast.officer.call(ASSIGN_ROLE, json!({ "input": input })).await?;
    Ok(())
}

/// Writes entries into the timeline, at the time that the clock shows.
pub async fn add_entries(
    stage: &Stage,
    incident: &str,
    entries: impl IntoIterator<Item = &Entry>,
) -> Result<usize, Failure> {
    let mut written = 0;
    for Entry { kind, at, until, precision, words } in entries {
        let until = until.map(instant).transpose()?;
        add_text(stage, incident, kind, instant(at)?, until, precision, &words.both()).await?;
        written += 1;
    }
    Ok(written)
}

/// Writes one entry.
pub async fn add_text(
    stage: &Stage,
    incident: &str,
    kind: &str,
    at: Timestamp,
    until: Option<Timestamp>,
    precision: &str,
    text: &str,
) -> Result<(), Failure> {
    let input = json!({
        "incidentId": incident, "kind": kind, "occurredAt": at, "occurredUntil": until, "precision": precision,
        "text": text,
    });
    stage.cast.officer.call(ADD_ENTRY, json!({ "input": input })).await?;
    Ok(())
}
