//! `suimon drill`: a team works an incident through the API, and the installation's own records say how it did.

use serde_json::{Value, json};

use crate::drill_scene::{Drill, Server};

const FINDINGS: &str = "{ findings(first: 20, open: true) { nodes { id occurredAt source } } }";

const OPEN: &str = "mutation($input: OpenIncidentInput!) { openIncident(input: $input) {
    __typename ... on Incident { id } ... on Problem { code field message remedy } } }";

const CONTAIN: &str = "mutation($id: ID!, $at: Instant!, $text: String!) {
    containIncident(incidentId: $id, at: $at, text: $text) {
        __typename ... on Problem { code field message remedy } } }";

const TIMES: &str = "mutation($input: SetIncidentTimesInput!) { setIncidentTimes(input: $input) {
    __typename ... on Problem { code field message remedy } } }";

const SCAN: &str = "mutation($input: StartScanInput!) { startScan(input: $input) {
    __typename ... on ExposureScan { id } ... on Problem { code field message remedy } } }";

const SCANNED: &str = "query($id: ID!) { exposureScan(id: $id) {
    state problem revision { id people(first: 200) { nodes { tenant person class } } } } }";

const CORRECT: &str = "mutation($input: CorrectRevisionInput!) { correctRevision(input: $input) {
    __typename ... on Revision { id } ... on Problem { code field message remedy } } }";

const APPROVE: &str = "mutation($id: ID!) { approveRevision(revisionId: $id) {
    __typename ... on Problem { code field message remedy } } }";

const FACT: &str = "mutation($input: RecordFactInput!) { recordFact(input: $input) {
    __typename ... on Problem { code field message remedy } } }";

const ASSESS: &str = "mutation($id: ID!) { assessIncident(incidentId: $id) {
    __typename ... on Problem { code field message remedy } } }";

const DUTIES: &str = "query($id: ID!) { duties(incidentId: $id) { id kind } }";

const SETTLE: &str =
    "mutation($id: ID!, $receipt: String!) { settleDuty(dutyId: $id, state: DONE, receipt: $receipt) {
    __typename ... on Problem { code field message remedy } } }";

const REPORT: &str = "query($id: ID!) { incidentReport(incidentId: $id, language: JA, format: MARKDOWN) }";

const NOTICE: &str = "mutation($input: CreateNoticeInput!) { createNotice(input: $input) {
    __typename ... on Notice { id } ... on Problem { code field message remedy } } }";

const SEND: &str = "mutation($id: ID!) { approveNotice(noticeId: $id) {
    __typename ... on Problem { code field message remedy } } }";

const SENT: &str =
    "query($id: ID!) { notice(id: $id) { state counts { queued sending accepted deferred failed } } }";

/// A team at its work.
struct Team<'s> {
    server: &'s Server<'s>,
    incident: String,
}

impl<'s> Team<'s> {
    /// Waits for the first complaint, looking every half hour, and opens an incident of it.
    fn notice_the_complaint(server: &'s Server<'s>) -> Self {
        let complaint = loop {
            let findings = server.ask("officer", FINDINGS, json!({}));
            match findings["nodes"].as_array().expect("a list").first() {
                Some(finding) => break finding.clone(),
                None => server.advance(&["--minutes", "30"]),
            }
        };
        assert_eq!(complaint["source"], "PERSON");
        let input = json!({
            "system": "online-application", "title": "Pages of other people", "zone": "Asia/Tokyo", "findingIds": [complaint["id"]],
        });
        let incident = server.act("officer", OPEN, json!({ "input": input }));
        Self { server, incident: incident["id"].as_str().expect("an id").to_owned() }
    }

    /// Says that the fault was ended earlier than it was: the record of saying it is what counts.
    fn contain(&self, said: &str) {
        let variables = json!({ "id": self.incident, "at": said, "text": "caching switched off" });
        self.server.act("officer", CONTAIN, variables);
        let input = json!({ "incidentId": self.incident, "occurredFrom": "2023-10-26T11:00:00+09:00",
            "occurredTo": "2023-10-26T14:00:00+09:00", "reason": "log of the network" });
        self.server.act("officer", TIMES, json!({ "input": input }));
    }

    /// Lists who was concerned, from the logs: the revision's id, and who surely was.
    fn scan(&self) -> (String, Value) {
        let input = json!({
            "incidentId": self.incident, "reason": "who saw whose page", "sources": ["edge", "origin"],
            "cache": { "timeToLiveSeconds": 1, "tiers": 1 },
        });
        let scan = self.server.act("officer", SCAN, json!({ "input": input }));
        let over = |scan: &Value| scan["state"] == "DONE" || scan["state"] == "FAILED";
        let scanned = self.server.until("officer", SCANNED, &json!({ "id": scan["id"] }), over);
        assert_eq!(scanned["state"], "DONE", "{scanned}");
        let people = scanned["revision"]["people"]["nodes"].as_array().expect("people");
        let confirmed = people.iter().find(|one| one["class"] == "CONFIRMED").expect("somebody was seen");
        (scanned["revision"]["id"].as_str().expect("an id").to_owned(), confirmed.clone())
    }

    fn take_off(&self, revision: &str, person: &Value) -> String {
        let person =
            json!({ "tenant": person["tenant"], "person": person["person"], "reason": "by mistake" });
        let input = json!({ "incidentId": self.incident, "baseRevisionId": revision, "reason": "a mistake", "remove": [person] });
        let revision = self.server.act("officer", CORRECT, json!({ "input": input }));
        revision["id"].as_str().expect("an id").to_owned()
    }

    fn assess(&self) {
        for (name, value) in [
            ("scope.jurisdictions", json!(["JP"])),
            ("parties.entity_type", json!("private")),
            ("parties.role", json!("controller")),
            ("data.categories", json!(["contact", "date_of_birth", "special_care.disability"])),
            ("data.being_acquired", json!(false)),
            ("data.pseudonymised", json!(false)),
            ("event.kinds", json!(["viewable_by_others"])),
            ("event.recovered_unread", json!(false)),
            ("event.duplicate_kept", json!(true)),
            ("event.intended_provision", json!(false)),
            ("cause.malicious_purpose", json!(false)),
            ("cause.indicators", json!([])),
            ("risk.property_damage", json!(false)),
            ("persons.contact_data_available", json!(true)),
        ] {
            let input = json!({ "incidentId": self.incident, "name": name, "value": value.to_string(), "certainty": "CONFIRMED",
                "source": "meeting of the team" });
            self.server.act("officer", FACT, json!({ "input": input }));
        }
        self.server.act("officer", ASSESS, json!({ "id": self.incident }));
    }

    fn settle(&self, kind: &str) {
        let duties = self.server.ask("officer", DUTIES, json!({ "id": self.incident }));
        let duty =
            duties.as_array().expect("duties").iter().find(|duty| duty["kind"] == kind).expect("the duty");
        self.server.act(
            "officer",
            SETTLE,
            json!({ "id": duty["id"], "receipt": "number 1 of the authority" }),
        );
    }

    fn tell_everybody(&self, revision: &str) {
        let text = json!({ "what_happened": "a", "data_items": "b", "cause": "c", "secondary_damage": "d", "measures": "e",
            "contact_desk": "f" });
        let input = json!({ "incidentId": self.incident, "revisionId": revision, "audience": "PERSONS",
            "template": "incident_notice_person", "variables": { "ja": text, "en": text } });
        let notice = self.server.act("officer", NOTICE, json!({ "input": input }));
        self.server.act("approver", SEND, json!({ "id": notice["id"] }));
        self.server.until("officer", SENT, &json!({ "id": notice["id"] }), |sent| sent["state"] == "DONE");
    }
}

#[test]
fn a_team_is_measured_by_what_the_records_say() {
    let drill = Drill::start("0");
    insta::assert_snapshot!("before_it_begins", drill.text("en"));
    let server = drill.serve();
    let team = Team::notice_the_complaint(&server);
    server.at("2023-10-26T14:20");
    team.contain("2023-10-26T14:00:00+09:00");
    // By now the edge's logs of the time have come in, those of stragglers too.
    server.at("2023-10-26T16:30");
    let (list, confirmed) = team.scan();
    let report = drill.report();
    let exposed = report["truly_exposed"].as_u64().expect("a number");
    assert!(exposed > 0, "{report}");
    // What was said to have ended at 14:00 went on for twenty minutes: whoever was seen then is not on the list.
    let missed = report["list"]["missed"].as_array().expect("a list").len();
    insta::assert_snapshot!(
        "a_list_for_which_the_fault_ended_too_early",
        format!("{exposed} exposed, {missed} missed")
    );
    assert_eq!(report["list"]["approved"], false);

    server.at("2023-10-26T17:00");
    let wrong = team.take_off(&list, &confirmed);
    server.at("2023-10-26T17:30");
    server.act("approver", APPROVE, json!({ "id": wrong }));
    let report = drill.report();
    assert_eq!(report["list"]["missed"].as_array().expect("a list").len(), missed + 1);
    assert!(report["list"]["missed"].as_array().unwrap().contains(&confirmed["person"]), "{report}");
    assert_eq!((&report["list"]["revision"], &report["list"]["approved"]), (&json!(2), &json!(true)));

    server.at("2023-10-26T19:00");
    team.assess();
    server.at("2023-10-27T10:00");
    let text = server.ask("officer", REPORT, json!({ "id": team.incident }));
    assert!(text.as_str().is_some_and(|text| text.contains("【訓練】")), "a report of a drill says so");
    server.at("2023-10-27T11:30");
    team.settle("regulator.preliminary");
    server.at("2023-10-28T09:00");
    team.tell_everybody(&wrong);
    let report = drill.report();
    assert!(report["told"]["missed"].as_array().unwrap().contains(&confirmed["person"]), "{report}");
    assert_eq!(report["told"]["persons"], report["list"]["persons"], "everybody on the list was told");
    assert_eq!(report["told"]["not_exposed"], report["list"]["not_exposed"]);
    insta::assert_snapshot!("worked_en", drill.text("en"));
    insta::assert_snapshot!("worked_ja", drill.text("ja"));
    // The final report is due within thirty days, and nobody makes it.
    server.at("2023-12-20T09:00");
    let last = drill.report();
    let kept = |kind: &str| {
        let duties = last["duties"].as_array().expect("duties").iter();
        duties.clone().find(|duty| duty["kind"] == kind).expect("the duty")["outcome"].clone()
    };
    assert_eq!((kept("regulator.preliminary"), kept("regulator.final")), (json!("kept"), json!("missed")));
    assert_eq!(last["steps"], report["steps"], "what was done stays done when it was");
}

#[test]
fn where_nothing_is_done_it_says_not_yet_and_the_clock_goes_on_after_a_crash() {
    let drill = Drill::start("60");
    let server = drill.serve();
    server.at("2023-10-27T09:00");
    let text = drill.text("ja");
    // The clock runs: its own time, and that of the complaints, is a little more each time.
    let text: Vec<&str> = text.lines().skip(1).filter(|line| !line.contains("2023年10月27日")).collect();
    insta::assert_snapshot!("not_worked_ja", text.join("\n"));
    let report = drill.report();
    let steps = report["steps"].as_array().expect("steps");
    let not_yet = steps.iter().filter(|step| step["at"].is_null()).count();
    assert_eq!(not_yet, steps.len() - 1, "only the complaints came by themselves: {report}");
    assert_eq!(
        report["told"]["missed"].as_array().unwrap().len() as u64,
        report["truly_exposed"].as_u64().unwrap()
    );
    let signs = |server: &Server<'_>| {
        let findings = server.ask("officer", FINDINGS, json!({}));
        findings["nodes"].as_array().expect("a list").len()
    };
    let before = (signs(&server), instant(&drill.report()));
    // Killed, as by a power cut.
    drop(server);
    let standing = instant(&drill.report());
    assert!(standing >= before.1);
    let server = drill.serve();
    let after = (signs(&server), instant(&drill.report()));
    assert_eq!(after.0, before.0, "no complaint comes twice");
    assert!(after.1 >= standing, "{after:?} {standing}");
    std::thread::sleep(std::time::Duration::from_secs(2));
    let minutes = instant(&drill.report()).duration_since(after.1).as_mins();
    assert!(minutes >= 1, "two seconds are two minutes there: {minutes}");
}

fn instant(report: &Value) -> jiff::Timestamp {
    report["at"].as_str().expect("an instant").parse().expect("an instant")
}
