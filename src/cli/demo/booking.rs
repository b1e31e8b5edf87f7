//! A second system on the same installation: booking for medical workers. A rule lets the desks of the institutions read more than
//! was meant. Who read what is known without any log of the system, because the reads went through Suimon.

use std::collections::BTreeSet;

use anyhow::Context as _;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::booking_notice;
use super::client::{Client, text};
use super::day::{CONTAIN, OPEN_INCIDENT, REPORT_FINDING, SET_TIMES, assign};
use super::prologue::{self, APPLY, CREATE_ACCOUNT, IMPORT};
use super::stage::{Stage, ZONE, instant};
use super::words;
use crate::cli::Failure;
use crate::cli::example::{
    BOOKING, BOOKING_CORRECTIVE, BOOKING_MANIFESTS, BOOKING_TOO_WIDE, CLINICS, WORKERS, Worker, workers,
};

const ROSTER: &str = "query($tenant: ID!) {
    subjects(tenantId: $tenant, recordType: \"medical_worker\", first: 100) { nodes { id externalId } } }";

const READ: &str = "query($id: ID!, $purpose: String!, $masked: Boolean!, $names: [String!]!) {
    subject(id: $id, purpose: $purpose) { fields(names: $names, masked: $masked) {
        __typename ... on ClearValue { name } ... on MaskedValue { name } ... on Withheld { name reason } } } }";

/// What a desk's page shows of whom it speaks with.
const SHOWN: [&str; 3] = ["full_name", "date_of_birth", "ticket_number"];
/// When the rule began to be too wide, and when it was put right.
const FROM: &str = "2023-11-13T10:00";
const TO: &str = "2023-11-15T10:30";
/// Of each institution so many people are looked up with everything that the rule opens, and as many again as it was meant.
const LOOKED_UP: usize = 12;

/// Somebody at an institution, as the list names them: `slug person`.
pub type Place = String;

/// What the desks did, which the list must find again.
#[derive(Default)]
pub struct Reads {
    /// Whose fields were opened by the rule that was too wide.
    pub too_much: BTreeSet<Place>,
    /// Whose record was looked up as it was meant: nobody of them is concerned.
    pub in_order: BTreeSet<Place>,
}

/// The incident of the booking service, with the time in which the rule was too wide.
pub struct Leak {
    pub incident: String,
    pub from: Timestamp,
    pub to: Timestamp,
    pub reads: Reads,
}

/// A desk with the people of its institution: pseudonym and record.
struct Desk {
    slug: &'static str,
    client: Client,
    people: Vec<(String, String)>,
}

pub async fn play(stage: &mut Stage) -> Result<(), Failure> {
    stage.narrator.chapter("13 to 17 November 2023: a second system, booking for medical workers");
    let desks = institutions(stage).await?;
    too_wide(stage).await?;
    let reads = day_at_the_desks(stage, &desks).await?;
    let incident = complaint(stage).await?;
    put_right(stage, &incident, &desks).await?;
    let leak = Leak { incident, from: instant(FROM)?, to: instant(TO)?, reads };
    booking_notice::play(stage, &leak).await
}

/// The institutions where a worker is known, by the worker's place in the list: one, and for some a second.
fn institutions_of(index: usize) -> impl Iterator<Item = &'static str> {
    let second = index.is_multiple_of(27).then_some(index + 1);
    std::iter::once(index).chain(second).map(|at| CLINICS[at % CLINICS.len()].0)
}

fn row(line: usize, slug: &str, worker: &Worker) -> Value {
    let Worker { number, name, born, occupation, ticket, email, phone, language, .. } = worker;
    let fields = [
        ("full_name", name.as_str()),
        ("date_of_birth", born),
        ("occupation", occupation.0),
        ("ticket_number", ticket),
        ("email", email),
        ("phone", phone),
        ("booking_number", number),
    ];
    let fields = fields.map(|(name, value)| json!({ "name": name, "value": value }));
    json!({ "line": line, "tenant": slug, "externalId": number, "language": language, "fields": fields })
}

async fn institutions(stage: &mut Stage) -> Result<Vec<Desk>, Failure> {
    let at = stage.at("2023-11-13T09:00")?;
    stage.narrator.scene(
        at,
        "A prefecture's booking service for medical workers comes onto the same installation: requirements, institutions, people, \
         and a desk at each institution, whose staff looks callers up in Suimon.",
    );
    prologue::apply(stage, &BOOKING_MANIFESTS, "the booking service, as it was ordered").await?;
    let clinics = prologue::create_tenants(stage, CLINICS.into_iter()).await?;
    let people = workers(stage.day.seed(), WORKERS)?;
    let places = people
        .iter()
        .enumerate()
        .flat_map(|(index, worker)| institutions_of(index).map(move |slug| (slug, worker)));
    let rows: Vec<Value> =
        places.enumerate().map(|(line, (slug, worker))| row(line + 2, slug, worker)).collect();
    let kept = prologue::import_rows(stage, BOOKING, "medical_worker", &rows).await?;
    let mut desks = Vec::new();
    for (slug, ..) in CLINICS {
        let tenant = prologue::tenant_id(stage, slug).await?;
        let login = format!("desk.{slug}");
        let account = json!({ "tenant": tenant, "login": login, "name": "Desk", "roles": ["TENANT_STAFF"] });
        stage.cast.admin.call(CREATE_ACCOUNT, account).await?;
        let roster = stage.cast.officer.call(ROSTER, json!({ "tenant": tenant })).await?;
        let nodes = roster["nodes"].as_array().context("an institution without people")?;
        let mut people = nodes
            .iter()
            .map(|node| Ok((text(node, "/externalId")?, text(node, "/id")?)))
            .collect::<anyhow::Result<Vec<_>>>()?;
        people.sort();
        desks.push(Desk { slug, client: stage.client(&login).await?, people });
    }
    stage.narrator.result(&format!(
        "{clinics} institutions; {} medical workers, {} of whom are with two",
        people.len(),
        usize::try_from(kept).unwrap_or_default().saturating_sub(people.len())
    ));
    stage.narrator.operation("officer", IMPORT).await;
    Ok(desks)
}

async fn too_wide(stage: &mut Stage) -> Result<(), Failure> {
    let at = stage.at(FROM)?;
    stage.narrator.scene(
        at,
        "VAX-ACC-010 says that the desks can read date of birth and ticket number. Nobody wrote down what for.",
    );
    let changes = prologue::apply(stage, &[BOOKING_TOO_WIDE], "the desks cannot work without").await?;
    stage.narrator.result(&format!("{changes} manifest stored as version 1; it decides from now on"));
    stage.narrator.operation("officer", APPLY).await;
    Ok(())
}

/// Asks for a person's fields; how many came in clear.
async fn look_up(stage: &Stage, desk: &Desk, id: &str, purpose: &str, masked: bool) -> anyhow::Result<usize> {
    stage.clock.advance(20);
    let variables = json!({ "id": id, "purpose": purpose, "masked": masked, "names": SHOWN });
    let answer = desk.client.call(READ, variables).await?;
    let fields = answer["fields"].as_array().context("a record without fields")?;
    Ok(fields.iter().filter(|field| field["__typename"] == "ClearValue").count())
}

async fn day_at_the_desks(stage: &mut Stage, desks: &[Desk]) -> Result<Reads, Failure> {
    let at = stage.at("2023-11-14T09:00")?;
    stage.narrator.scene(
        at,
        "A day at the desks. For whoever calls about a slot, date of birth and ticket number stand on the screen in clear.",
    );
    let (mut reads, mut opened) = (Reads::default(), 0);
    for desk in desks {
        let (callers, rest) = desk.people.split_at(LOOKED_UP.min(desk.people.len()));
        for (person, id) in callers {
            let clear = look_up(stage, desk, id, "a call about a slot", false).await?;
            opened += clear;
            if clear > 0 {
                reads.too_much.insert(format!("{} {person}", desk.slug));
            }
        }
        for (person, id) in rest.iter().take(LOOKED_UP) {
            look_up(stage, desk, id, "a call about a slot", true).await?;
            reads.in_order.insert(format!("{} {person}", desk.slug));
        }
    }
    stage.narrator.result(&format!(
        "{} records looked up: {} with {opened} fields in clear, {} with shortened values, as it was meant",
        reads.too_much.len() + reads.in_order.len(),
        reads.too_much.len(),
        reads.in_order.len()
    ));
    stage.narrator.operation("a desk", READ).await;
    Ok(reads)
}

/// The finding and the incident; its id.
async fn complaint(stage: &mut Stage) -> Result<String, Failure> {
    let at = stage.at("2023-11-15T09:40")?;
    stage.narrator.scene(
        at,
        "A nurse reports that a desk read her own ticket number out to her. The officer opens an incident, with the requirement \
         that let it happen.",
    );
    let input = json!({
        "system": BOOKING, "summary": words::DESK_READ_TICKET.both(), "occurredAt": at, "source": "PERSON",
        "reporter": words::REPORTER_WORKER, "requirement": "VAX-ACC-010",
    });
    let finding = stage.cast.officer.call(REPORT_FINDING, json!({ "input": input })).await?;
    let finding = text(&finding, "/id")?;
    let input =
        json!({ "system": BOOKING, "title": words::BOOKING_TITLE, "zone": ZONE, "findingIds": [finding] });
    let incident = stage.cast.officer.call(OPEN_INCIDENT, json!({ "input": input })).await?;
    let id = text(&incident, "/id")?;
    assign(stage, &id, "COORDINATOR", "Compliance desk", "みずうみ出願サービス / Mizuumi").await?;
    stage.narrator.result(&format!("incident {}, open", incident["number"]));
    stage.narrator.operation("officer", OPEN_INCIDENT).await;
    Ok(id)
}

async fn put_right(stage: &mut Stage, incident: &str, desks: &[Desk]) -> Result<(), Failure> {
    let at = stage.at(TO)?;
    stage.narrator.scene(
        at,
        "The rule is stated as it was meant: the date of birth alone, to find out who is calling. That contains it. A desk asks \
         again.",
    );
    prologue::apply(stage, &[BOOKING_CORRECTIVE], "corrective action of the incident").await?;
    let contained = json!({ "id": incident, "at": at, "text": words::BOOKING_CONTAINED.both() });
    stage.cast.officer.call(CONTAIN, contained).await?;
    let input = json!({
        "incidentId": incident, "occurredFrom": instant(FROM)?, "occurredTo": at, "reason": "versions of VAX-ACC-010",
    });
    stage.cast.officer.call(SET_TIMES, json!({ "input": input })).await?;
    let desk = desks.first().context("an example without institutions")?;
    let (_, caller) = desk.people.first().context("an institution without people")?;
    let again = look_up(stage, desk, caller, "a call about a slot", false).await?;
    let meant = look_up(stage, desk, caller, "identity check", false).await?;
    stage.narrator.result(&format!(
        "of {} fields in clear: {again} for \"a call about a slot\", {meant} for \"identity check\"",
        SHOWN.len()
    ));
    stage.score.demand("fields in clear at a desk, once put right", 0, again);
    stage.narrator.operation("officer", CONTAIN).await;
    Ok(())
}
