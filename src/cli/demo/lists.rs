//! Who is concerned: the logs, the first list, the revised one, and what the law asks for.

use anyhow::Context as _;
use exposure::simulate::LogOptions;
use exposure::{Class, Evidence, EvidenceKind, Scan, WindowQuery, WindowResult};
use serde_json::{Value, json};

use super::campaign::refused;
use super::client::{number, text};
use super::stage::Stage;
use super::words::{self, Words};
use crate::cli::Failure;
use crate::cli::example::write_day;

pub const CREATE_REVISION: &str = "mutation($input: CreateRevisionInput!) {
    createRevision(input: $input) {
        __typename ... on RevisionReceived { revisionId received revision { id } }
        ... on Problem { code field message remedy } } }";

const REVISION: &str = "query($id: ID!) {
    revision(id: $id) {
        number state digest
        counts { persons tenants byKind { kind persons tenants } sumOverTenants countedAgain } } }";

const DIFFERENCE: &str = "query($id: ID!) {
    revision(id: $id) { reason difference { from to personsAdded personsRemoved byKind { name added removed } } } }";

pub const APPROVE: &str = "mutation($id: ID!) {
    approveRevision(revisionId: $id) {
        __typename ... on Revision { number state } ... on Problem { code field message remedy } } }";

const RECORD_FACT: &str = "mutation($input: RecordFactInput!) {
    recordFact(input: $input) { __typename ... on Fact { name } ... on Problem { code field message remedy } } }";

const ASSESS: &str = "mutation($id: ID!) {
    assessIncident(incidentId: $id) {
        __typename ... on Assessment { number decisions(regime: \"jp-appi-26\") {
            outcomeRegulator outcomePersons trace(language: EN) } }
        ... on Problem { code field message remedy } } }";

/// What the authority's hearing rested on: more than 1,000 persons.
const CLAUSE: &str = "Rule 7(iv)";

/// People of one request: with up to twenty log lines each, some 250 KB.
const BATCH: usize = 100;

/// A stored list, as the API counts it.
pub struct List {
    pub id: String,
    pub persons: u64,
    pub tenants: u64,
    /// Persons and schools.
    pub applicants: (u64, u64),
    pub admins: (u64, u64),
}

/// The evening of the day: logs, first list, facts, first assessment.
pub async fn first(stage: &mut Stage, incident: &str) -> Result<(), Failure> {
    let at = stage.at("2023-10-26T20:00")?;
    stage.narrator.scene(
        at,
        "The maintainer takes the logs of the day, of the edge and of the system itself, and lists everybody who logged in \
         between half an hour before and half an hour after the window, failed logins too.",
    );
    let folder = stage.folder.join("logs");
    let files = write_day(&stage.day, &folder, LogOptions::default())?;
    let logs = files.iter().filter(|(name, _)| name.starts_with("edge/") || name.starts_with("origin/"));
    let bytes: u64 = logs.clone().map(|(_, bytes)| bytes).sum();
    let result = scan(stage, stage.day.first_query())?;
    let lines: u64 = result.inputs.iter().map(|input| input.lines).sum();
    stage.narrator.result(&format!("{} files, {lines} lines, {} KB", logs.count(), bytes / 1024));
    let list = store(stage, incident, &result, &words::REASON_FIRST).await?;
    compare(
        stage,
        ["first list, applicants (schools)", "first list, administrators (schools)"],
        &list,
        ["292 (60)", "66 (60)"],
    );
    stage.narrator.operation("officer", CREATE_REVISION).await;
    facts(stage, incident).await?;
    let upper = list.persons;
    assess(stage, incident, &format!("the upper bound of {upper} persons"), "duty with the first list").await
}

/// 30 October: the revised list, approved by a second person, and the assessment on it.
pub async fn revised(stage: &mut Stage, incident: &str) -> Result<List, Failure> {
    let at = stage.at("2023-10-30T17:00")?;
    stage.narrator.scene(
        at,
        "The revised list: the exact window, successful logins, and those who had logged in before it and opened a personal \
         page inside it.",
    );
    let result = scan(stage, stage.day.revised_query())?;
    let list = store(stage, incident, &result, &words::REASON_REVISED).await?;
    compare(
        stage,
        ["revised list, applicants (schools)", "revised list, administrators (schools)"],
        &list,
        ["291 (59)", "48 (41)"],
    );
    let revision = stage.cast.officer.call(DIFFERENCE, json!({ "id": list.id })).await?;
    stage.narrator.result(&format!(
        "against revision {}: {} persons added, {} taken off, with the reason of the revision",
        number(&revision, "/difference/from")?,
        number(&revision, "/difference/personsAdded")?,
        number(&revision, "/difference/personsRemoved")?
    ));
    stage.narrator.operation("officer", DIFFERENCE).await;
    approve(stage, &list).await?;
    assess(stage, incident, "the revised list", "duty with the revised list").await?;
    Ok(list)
}

fn compare(stage: &mut Stage, labels: [&'static str; 2], list: &List, report: [&str; 2]) {
    for ((label, (persons, schools)), report) in
        labels.into_iter().zip([list.applicants, list.admins]).zip(report)
    {
        stage.score.compare(label, report, format!("{persons} ({schools})"));
    }
}

/// The personal routes as the system's manifest has them, which says what their pages show: so each person's page can name the fields.
const ROUTES: [&str; 2] = ["/mypage/**", "/admin/**"];

fn scan(stage: &Stage, mut query: WindowQuery) -> anyhow::Result<WindowResult> {
    query.personal_routes = ROUTES.map(str::to_owned).to_vec();
    let mut scan = Scan::new(query)?;
    let folder = stage.folder.join("logs");
    for file in stage.day.files(LogOptions::default()).iter().filter(|file| file.is_log()) {
        let path = folder.join(file.name());
        let opened = std::fs::File::open(&path).with_context(|| format!("cannot read {}", path.display()))?;
        scan.read(file.name(), opened);
    }
    Ok(scan.finish())
}

/// Sends a result in batches, as a client far from the service would.
async fn store(
    stage: &Stage,
    incident: &str,
    result: &WindowResult,
    reason: &Words,
) -> Result<List, Failure> {
    let people: Vec<Value> = people_of(result);
    let mut answer = Value::Null;
    let batches: Vec<_> = people.chunks(BATCH).collect();
    for (index, batch) in batches.iter().enumerate() {
        let mut input =
            json!({ "incidentId": incident, "people": batch, "last": index + 1 == batches.len() });
        if index == 0 {
            input["reason"] = json!(reason.both());
            input["method"] = json!("WINDOW");
            input["parameters"] = json!(result.query);
            input["inputs"] = json!(result.inputs);
            input["completeness"] = json!({
                "coverage": result.coverage, "unattributed": result.unattributed, "not_counted": result.not_counted,
                "skew": result.skew, "border": result.border,
            });
        } else {
            input["revisionId"] = answer["revisionId"].clone();
        }
        answer = stage.cast.officer.call(CREATE_REVISION, json!({ "input": input })).await?;
    }
    let id = text(&answer, "/revision/id")?;
    read(stage, id).await
}

/// Reads a list back and tells its numbers.
async fn read(stage: &Stage, id: String) -> Result<List, Failure> {
    let revision = stage.cast.officer.call(REVISION, json!({ "id": id })).await?;
    let count = |kind: &str| -> anyhow::Result<(u64, u64)> {
        let kinds = revision["counts"]["byKind"].as_array().context("a revision without counts")?;
        let counted = kinds.iter().find(|one| one["kind"] == kind).context("a kind of people is missing")?;
        Ok((number(counted, "/persons")?, number(counted, "/tenants")?))
    };
    let (applicants, admins) = (count("applicant")?, count("school_admin")?);
    let total = |name: &str| number(&revision, &format!("/counts/{name}"));
    let (persons, tenants) = (total("persons")?, total("tenants")?);
    stage.narrator.result(&format!(
        "revision {}: {} applicants of {} schools, {} administrators of {}; {persons} persons = {} entries in {tenants} \
         schools' lists - {} who are in two",
        number(&revision, "/number")?,
        applicants.0,
        applicants.1,
        admins.0,
        admins.1,
        total("sumOverTenants")?,
        total("countedAgain")?
    ));
    Ok(List { id, persons, tenants, applicants, admins })
}

fn people_of(result: &WindowResult) -> Vec<Value> {
    let mut people = Vec::new();
    for person in &result.people {
        for tenant in &person.tenants {
            let class = match tenant.class {
                Class::Possible => "POSSIBLE",
                Class::Indeterminate => "INDETERMINATE",
            };
            let line = |line: &Evidence| {
                let what = match line.what {
                    EvidenceKind::Login => "LOGIN",
                    EvidenceKind::FailedLogin => "FAILED_LOGIN",
                    EvidenceKind::OriginRequest => "ORIGIN_REQUEST",
                    EvidenceKind::EdgeRequest => "EDGE_REQUEST",
                };
                json!({ "at": line.at, "what": what, "input": line.input, "line": line.line })
            };
            people.push(json!({
                "tenant": tenant.tenant, "person": person.person, "kind": person.kind, "class": class,
                "firstAt": tenant.first, "lastAt": tenant.last, "requests": tenant.requests, "logins": tenant.logins,
                "routes": tenant.routes, "evidenceTotal": tenant.evidence_total,
                "evidence": tenant.evidence.iter().map(line).collect::<Vec<_>>(),
            }));
        }
    }
    people
}

async fn approve(stage: &mut Stage, list: &List) -> Result<(), Failure> {
    let at = stage.at("2023-10-30T17:30")?;
    stage.narrator.scene(at, "A list is frozen by a second person. The officer who made it tries first.");
    let variables = json!({ "id": list.id });
    let own = refused(stage.cast.officer.call(APPROVE, variables.clone()).await);
    let approved = stage.cast.approver.call(APPROVE, variables).await?;
    let state = text(&approved, "/state")?.to_lowercase();
    stage
        .narrator
        .result(&format!("officer: {own}; approver: revision {} is {state}", number(&approved, "/number")?));
    stage.score.demand("the author approves the own list", "FORBIDDEN", own);
    stage.narrator.operation("approver", APPROVE).await;
    Ok(())
}

/// What only people know. Times, numbers and kinds of data Suimon takes over from incident, list and manifest by itself.
const FACTS: [(&str, &str, &str); 15] = [
    ("scope.jurisdictions", "[\"JP\"]", "CONFIRMED"),
    ("parties.entity_type", "\"private\"", "CONFIRMED"),
    ("parties.role", "\"processor\"", "CONFIRMED"),
    ("parties.entrustor_bears_duty", "false", "CONFIRMED"),
    ("data.being_acquired", "false", "CONFIRMED"),
    ("data.pseudonymised", "false", "CONFIRMED"),
    ("event.kinds", "[\"viewable_by_others\"]", "SUSPECTED"),
    ("event.recovered_unread", "false", "CONFIRMED"),
    ("event.duplicate_kept", "true", "CONFIRMED"),
    ("event.intended_provision", "false", "CONFIRMED"),
    ("cause.category", "\"misconfiguration\"", "CONFIRMED"),
    ("cause.malicious_purpose", "false", "CONFIRMED"),
    ("cause.indicators", "[]", "CONFIRMED"),
    ("risk.property_damage", "false", "CONFIRMED"),
    ("persons.contact_data_available", "true", "CONFIRMED"),
];

async fn facts(stage: &mut Stage, incident: &str) -> Result<(), Failure> {
    let at = stage.at("2023-10-26T21:30")?;
    stage.narrator.scene(
        at,
        "The officer records what only people know: no attack, no special categories of data, a private company under Japanese \
         law. Times, numbers and kinds of data Suimon knows already.",
    );
    for (name, value, certainty) in FACTS {
        record_fact(stage, incident, name, value, certainty, "meeting of the response team, 26 October 2023")
            .await?;
    }
    stage.narrator.result(&format!("{} facts, each with source, certainty and two times", FACTS.len()));
    stage.narrator.operation("officer", RECORD_FACT).await;
    Ok(())
}

/// Records one fact; `value` is JSON.
pub async fn record_fact(
    stage: &Stage,
    incident: &str,
    name: &str,
    value: &str,
    certainty: &str,
    source: &str,
) -> Result<(), Failure> {
    let input = json!({
        "incidentId": incident, "name": name, "value": value, "certainty": certainty, "source": source,
    });
    stage.cast.officer.call(RECORD_FACT, json!({ "input": input })).await?;
    Ok(())
}

/// The assessment under Japanese law, with the clause that decides.
async fn assess(stage: &mut Stage, incident: &str, on: &str, label: &'static str) -> Result<(), Failure> {
    stage.clock.advance(600);
    let at = crate::clock::Clock::now(&*stage.clock);
    stage.narrator.scene(at, &format!("The rule packs are evaluated on {on}: is there a duty to report?"));
    let assessment = stage.cast.officer.call(ASSESS, json!({ "id": incident })).await?;
    let decision = &assessment["decisions"][0];
    let (regulator, persons) = (text(decision, "/outcomeRegulator")?, text(decision, "/outcomePersons")?);
    let trace = text(decision, "/trace")?;
    // The last line of this clause stands in the decision itself, earlier ones in side questions.
    let clause =
        trace.lines().rfind(|line| line.contains(CLAUSE)).map_or("nothing of that clause", str::trim);
    stage.narrator.result(&format!(
        "assessment {}: report to the authority {regulator}, notice to the persons {persons}",
        number(&assessment, "/number")?
    ));
    stage.narrator.result(&format!("the trace, {} lines, says: {clause}", trace.lines().count()));
    let found = if trace.contains(CLAUSE) { CLAUSE } else { "another clause" };
    stage.score.compare(label, "NOT_REQUIRED, Rule 7(iv)", format!("{regulator}, {found}"));
    stage.narrator.operation("officer", ASSESS).await;
    Ok(())
}
