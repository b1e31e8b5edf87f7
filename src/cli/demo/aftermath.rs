//! The two weeks after: authority, vendor, notices, the missing requirement, the interim report.

use anyhow::Context as _;
use serde_json::{Value, json};

use super::campaign::Campaign;
use super::client::{number, text};
use super::day::{IN_FORCE, add_entries, add_text, assign};
use super::lists::{self, List};
use super::notice_words;
use super::prologue;
use super::stage::{Stage, instant};
use super::words::{self, Exchange, Measure};
use crate::cli::Failure;
use crate::cli::example::CORRECTIVE;

const VOLUNTARY: &str = "mutation($input: VoluntaryReportInput!) {
    recordVoluntaryReport(input: $input) {
        __typename ... on Duty { id state nature settledAt } ... on Problem { code field message remedy } } }";

const INQUIRE: &str = "mutation($input: RecordInquiryInput!) {
    recordInquiry(input: $input) { __typename ... on Inquiry { id } ... on Problem { code field message remedy } } }";

const ANSWER: &str = "mutation($id: ID!, $text: String!, $at: Instant!) {
    answerInquiry(inquiryId: $id, text: $text, at: $at) {
        __typename ... on Inquiry { state } ... on Problem { code field message remedy } } }";

const PLAN_ACTION: &str = "mutation($input: PlanCorrectiveActionInput!) {
    planCorrectiveAction(input: $input) {
        __typename ... on CorrectiveAction { id state } ... on Problem { code field message remedy } } }";

const COMPLETE_ACTION: &str = "mutation($id: ID!, $at: Instant!) {
    completeCorrectiveAction(id: $id, at: $at) {
        __typename ... on CorrectiveAction { state requirement } ... on Problem { code field message remedy } } }";

const REQUIREMENT: &str = "query($name: String!) {
    requirement(name: $name) { version { version inForceFrom } enforcedBy { coverage text { en } } } }";

const TIMELINE: &str =
    "query($id: ID!) { incident(id: $id) { timeline(first: 200) { nodes { occurredAt kind } } } }";

const REPORT: &str = "query($id: ID!, $language: Language!, $format: ReportFormat!) {
    incidentReport(incidentId: $id, language: $language, format: $format) }";

const VERIFY: &str = "{ verifyAudit { entries faults { seq kind } } }";

pub async fn play(stage: &mut Stage, incident: &str) -> Result<(), Failure> {
    stage.narrator.chapter("27 October to 9 November 2023");
    next_morning(stage, incident).await?;
    third_meeting(stage, incident).await?;
    let list = lists::revised(stage, incident).await?;
    notices(stage, incident, &list).await?;
    questions(stage, incident).await?;
    missing_requirement(stage, incident).await?;
    report(stage, incident, &list).await
}

async fn next_morning(stage: &mut Stage, incident: &str) -> Result<(), Failure> {
    let at = stage.at("2023-10-27T10:00")?;
    stage.narrator.scene(
        at,
        "The morning after: first meeting, and a voluntary report to the authority although no rule asks for one.",
    );
    let filed = instant("2023-10-27T09:30")?;
    add_text(stage, incident, "AUTHORITY", filed, None, "ABOUT", &words::AUTHORITY_REPORT.both()).await?;
    let input = json!({
        "incidentId": incident, "regime": "jp-appi-26", "recipient": "regulator",
        "title": "早期の任意報告 / early voluntary report", "receipt": "filed by the maintainer on 27 October 2023",
        "filedAt": filed,
    });
    let duty = stage.cast.officer.call(VOLUNTARY, json!({ "input": input })).await?;
    let first = stage.day.truth().complaints.first().map_or(filed, |complaint| complaint.reported);
    stage.narrator.result(&format!(
        "{} {} hours after the first complaint, not as a duty ({})",
        text(&duty, "/state")?.to_lowercase(),
        filed.duration_since(first).as_secs() / 3600,
        text(&duty, "/nature")?.to_lowercase()
    ));
    stage.narrator.operation("officer", VOLUNTARY).await;
    stage.at("2023-10-27T16:00")?;
    add_entries(stage, incident, &words::OF_THE_NEXT_DAY).await?;
    Ok(())
}

/// The response team, and the first question to the vendor.
async fn third_meeting(stage: &mut Stage, incident: &str) -> Result<(), Failure> {
    let at = stage.at("2023-10-30T10:30")?;
    stage.narrator.scene(at, "The response team gets its head and roles.");
    for (role, name, organisation) in [
        ("HEAD", "Managing director", "みずうみ出願サービス / Mizuumi"),
        ("DEPUTY_HEAD", "Deputy director", "保守会社 / maintainer"),
        ("COMMUNICATIONS", "School relations", "みずうみ出願サービス / Mizuumi"),
        ("PUBLIC_CONTACT", "Incident desk", "みずうみ出願サービス / Mizuumi"),
    ] {
        assign(stage, incident, role, name, organisation).await?;
    }
    add_entries(stage, incident, &words::OF_THE_THIRD_MEETING).await?;
    stage.narrator.result("4 roles");
    let scene = "The CDN's vendor is asked whether its logs tell who saw whom.";
    let inquiry = ask(stage, incident, &words::WHO_SAW_WHOM, scene).await?;
    answer(stage, &inquiry, &words::WHO_SAW_WHOM).await
}

/// Asks somebody outside; the inquiry's id.
async fn ask(stage: &Stage, incident: &str, exchange: &Exchange, scene: &str) -> Result<String, Failure> {
    let at = stage.at(exchange.asked)?;
    stage.narrator.scene(at, scene);
    let input = json!({
        "incidentId": incident, "direction": "OUTGOING", "partyKind": exchange.party_kind, "party": exchange.party,
        "channel": exchange.channel, "question": exchange.question.both(), "askedAt": at,
    });
    let inquiry = stage.cast.officer.call(INQUIRE, json!({ "input": input })).await?;
    stage.narrator.operation("officer", INQUIRE).await;
    Ok(text(&inquiry, "/id")?)
}

/// Records the answer.
async fn answer(stage: &Stage, inquiry: &str, exchange: &Exchange) -> Result<(), Failure> {
    let at = stage.at(exchange.answered)?;
    stage.narrator.scene(at, "The answer:");
    let variables = json!({ "id": inquiry, "text": exchange.answer.both(), "at": at });
    let state = text(&stage.cast.officer.call(ANSWER, variables).await?, "/state")?.to_lowercase();
    let minutes = at.duration_since(instant(exchange.asked)?).as_secs() / 60;
    stage.narrator.result(&format!(
        "{state} after {} h {:02} min: {}",
        minutes / 60,
        minutes % 60,
        exchange.answer.en
    ));
    stage.narrator.operation("officer", ANSWER).await;
    Ok(())
}

async fn notices(stage: &mut Stage, incident: &str, list: &List) -> Result<(), Failure> {
    let schools = Campaign {
        at: "2023-10-30T18:33",
        scene: "A notice to the schools concerned, with the numbers of their own people. The officer writes, the approver \
                releases, the outbox sends, each once.",
        audience: "TENANTS",
        template: "incident_notice_tenant",
        variables: notice_words::for_schools(),
    };
    let sent = schools.run(stage, incident, &list.id).await?;
    lists::record_fact(
        stage,
        incident,
        "parties.notified_entrustor",
        "true",
        "CONFIRMED",
        "notice of 30 October 2023",
    )
    .await?;
    stage.score.demand("mails to schools accepted, one each", list.tenants, sent);
    let persons = Campaign {
        at: "2023-10-31T18:10",
        scene: "A notice to every person concerned, in the language each had chosen. Who is with two schools gets one mail.",
        audience: "PERSONS",
        template: "incident_notice_person",
        variables: notice_words::for_persons(),
    };
    let sent = persons.run(stage, incident, &list.id).await?;
    stage.score.demand("mails to persons accepted, one each", list.persons, sent);
    Ok(())
}

async fn questions(stage: &mut Stage, incident: &str) -> Result<(), Failure> {
    let scene = "A second question to the vendor: which requests can be answered with another's page?";
    let vendor = ask(stage, incident, &words::WHICH_REQUESTS, scene).await?;
    let authority = ask(stage, incident, &words::HEARING, "The authority is asked: is there a duty?").await?;
    answer(stage, &authority, &words::HEARING).await?;
    answer(stage, &vendor, &words::WHICH_REQUESTS).await
}

async fn missing_requirement(stage: &mut Stage, incident: &str) -> Result<(), Failure> {
    let at = stage.at("2023-11-02T18:00")?;
    stage.narrator.scene(
        at,
        "The requirement that nobody had written down becomes a corrective action, is applied on 6 November, and is in force \
         from then on.",
    );
    let action = plan(stage, incident, &words::CACHE_RULE).await?;
    let at = stage.at("2023-11-06T11:00")?;
    prologue::apply(stage, &[CORRECTIVE], "corrective action of the incident").await?;
    let done = stage.cast.officer.call(COMPLETE_ACTION, json!({ "id": action, "at": at })).await?;
    let name = text(&done, "/requirement")?;
    let rule = stage.cast.officer.call(REQUIREMENT, json!({ "name": name })).await?;
    let before = stage.day.truth().cache_on;
    let before = stage.cast.officer.call(IN_FORCE, json!({ "at": before })).await?;
    stage.narrator.result(&format!(
        "{}; {name} version {} is in force from now on. For 26 October 11:00 the answer stays {before}.",
        text(&done, "/state")?.to_lowercase(),
        number(&rule, "/version/version")?
    ));
    stage
        .narrator
        .result(&format!("what Suimon itself does for it: {}", text(&rule, "/enforcedBy/text/en")?));
    stage.narrator.operation("officer", COMPLETE_ACTION).await;
    stage.at("2023-11-07T18:00")?;
    add_entries(stage, incident, &words::OF_THE_DAYS_AFTER).await?;
    Ok(())
}

async fn plan(stage: &Stage, incident: &str, measure: &Measure) -> Result<String, Failure> {
    let input = json!({
        "incidentId": incident, "title": measure.title.both(), "requirement": measure.requirement,
        "owner": measure.owner, "startsAt": instant(measure.starts)?,
    });
    let action = stage.cast.officer.call(PLAN_ACTION, json!({ "input": input })).await?;
    Ok(text(&action, "/id")?)
}

async fn report(stage: &mut Stage, incident: &str, list: &List) -> Result<(), Failure> {
    let at = stage.at("2023-11-09T10:00")?;
    stage.narrator.scene(
        at,
        "The interim report, in Japanese and English, from what was recorded: summary, timeline, lists, law, measures.",
    );
    let summary = words::summary(list.applicants, list.admins);
    add_text(stage, incident, "SUMMARY", at, None, "EXACT", &summary).await?;
    for measure in &words::MEASURES {
        plan(stage, incident, measure).await?;
    }
    let timeline = stage.cast.officer.call(TIMELINE, json!({ "id": incident })).await?;
    let entries = timeline.pointer("/timeline/nodes").and_then(Value::as_array).context("no timeline")?.len();
    let mut written = Vec::new();
    for (name, language, format) in [
        ("report.ja.html", "JA", "HTML"),
        ("report.en.html", "EN", "HTML"),
        ("report.ja.md", "JA", "MARKDOWN"),
        ("report.en.md", "EN", "MARKDOWN"),
    ] {
        let variables = json!({ "id": incident, "language": language, "format": format });
        let report = stage.cast.officer.call(REPORT, variables).await?;
        let report = report.as_str().context("the report is no text")?.to_owned();
        let path = stage.folder.join(name);
        std::fs::write(&path, &report).with_context(|| format!("cannot write {}", path.display()))?;
        written.push(format!("{name} ({} KB)", report.len().div_ceil(1024)));
    }
    stage.narrator.result(&format!("from {entries} entries of the timeline: {}", written.join(", ")));
    stage.narrator.operation("officer", REPORT).await;
    Ok(())
}

/// The end of both stories: the auditor looks at what was recorded of them.
pub async fn audit(stage: &mut Stage) -> Result<(), Failure> {
    let at = stage.at("2023-11-17T11:00")?;
    stage
        .narrator
        .scene(at, "The auditor proves that no entry of the audit log was changed, removed or swapped.");
    let chains = stage.cast.auditor.call(VERIFY, json!({})).await?;
    let chains = chains.as_array().context("no audit log")?;
    let entries: u64 = chains.iter().filter_map(|chain| chain["entries"].as_u64()).sum();
    let faults: usize = chains.iter().filter_map(|chain| chain["faults"].as_array()).map(Vec::len).sum();
    stage.narrator.result(&format!("{} chains, {entries} entries, {faults} faults", chains.len()));
    stage.score.demand("faults in the audit log", 0, faults);
    stage.narrator.operation("auditor", VERIFY).await;
    Ok(())
}
