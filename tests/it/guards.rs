//! What guards tell the service: nodes, findings, and responses in other people's browsers, which open an incident.

use serde_json::{Value, json};
use suimon::access::Role;

use crate::documents_scene::{ask, change};
use crate::harness::{Member, TestApp, text};
use crate::requirements::{CACHING, SYSTEM, apply};

const REPORT: &str = "mutation($input: GuardReportInput!) { reportGuard(input: $input) { __typename
    ... on GuardReport { recorded incidentNumber } ... on Problem { code field message remedy } } }";
const ANN: &str = "k1.0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a";
const BOB: &str = "k1.0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b";

struct Scene {
    app: TestApp,
    guard: Member,
    officer: Member,
}

impl Scene {
    async fn new() -> Self {
        let app = TestApp::new().await;
        apply(&app.admin(), &[("system.yaml", SYSTEM), ("cache.yaml", CACHING)], "first", false).await;
        let guard = app.operator_member(Role::Service).await;
        let officer = app.operator_member(Role::ComplianceOfficer).await;
        Self { app, guard, officer }
    }

    async fn tells(&self, who: &Member, input: Value) -> Value {
        let answer = who.gql_with(REPORT, json!({ "input": input })).await;
        assert!(answer["errors"].is_null(), "{answer}");
        answer["data"]["reportGuard"].clone()
    }

    fn report(&self, findings: Value, sightings: Value) -> Value {
        json!({ "system": "shop", "node": "edge-1", "version": "0.1.0", "startedAt": self.app.now().to_string(),
                "findings": findings, "sightings": sightings })
    }

    fn sighting(&self, id: u8, route: &str, viewer: Option<&str>) -> Value {
        json!({ "id": uuid(id), "responseId": "00112233445566778899aabbccddeeff", "known": true, "route": route,
                "madeAt": self.app.now().to_string(), "owner": ANN, "seenAt": self.app.now().to_string(),
                "viewer": viewer, "how": "PAGE", "hidden": true })
    }

    async fn incident(&self, number: i64) -> Value {
        let query =
            "query($number: Int!) { incident(number: $number) { number title system status zone detectedAt
            findings { nodes { source summary } } timeline { nodes { kind } }
            sightings { nodes { id responseId route owner viewer how hidden isOfOnePerson node } } } }";
        let answer = self.officer.gql_with(query, json!({ "number": number })).await;
        assert!(answer["errors"].is_null(), "{answer}");
        answer["data"]["incident"].clone()
    }

    async fn open_findings(&self) -> Vec<String> {
        let answer = self.officer.gql("{ findings(open: true) { nodes { source summary } } }").await;
        let nodes = answer["data"]["findings"]["nodes"].as_array().expect("findings").clone();
        nodes.iter().map(|node| format!("{} {}", text(&node["source"]), text(&node["summary"]))).collect()
    }
}

fn uuid(id: u8) -> String {
    format!("018b6947-e000-7000-8000-0000000000{id:02x}")
}

fn fault(id: u8, route: Option<&str>, kind: &str, at: &str) -> Value {
    json!({ "id": uuid(id), "at": at, "route": route, "kind": kind, "grade": "leak", "effect": "corrected" })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_guard_saw_becomes_a_finding_once() {
    let scene = Scene::new().await;
    let at = scene.app.now().to_string();
    let faults = json!([
        fault(1, Some("account"), "cache_control_permits", &at),
        fault(2, None, "undeclared_route", &at),
        // The same under other rules.
        fault(3, Some("account"), "cache_control_permits", &at),
    ]);
    let told = scene.tells(&scene.guard, scene.report(faults.clone(), json!([]))).await;
    assert_eq!(told, json!({ "__typename": "GuardReport", "recorded": 2, "incidentNumber": null }));
    // The answer was lost.
    let again = scene.tells(&scene.guard, scene.report(faults, json!([]))).await;
    assert_eq!(again["recorded"], 0);
    assert_eq!(
        scene.open_findings().await,
        [
            "GUARD The guard saw `cache_control_permits` (leak) on route `account`: corrected.",
            "GUARD The guard saw `undeclared_route` (leak) on an undeclared path: corrected.",
        ]
    );
    assert!(scene.app.verify_audit().await.iter().all(|report| report.faults.is_empty()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_in_another_browser_opens_one_incident_and_wakes_the_officers() {
    let scene = Scene::new().await;
    let first = json!([scene.sighting(1, "account", Some(BOB)), scene.sighting(2, "account", None)]);
    let told = scene.tells(&scene.guard, scene.report(json!([]), first.clone())).await;
    assert_eq!(told, json!({ "__typename": "GuardReport", "recorded": 2, "incidentNumber": 1 }));
    let again = scene.tells(&scene.guard, scene.report(json!([]), first)).await;
    assert_eq!(again, json!({ "__typename": "GuardReport", "recorded": 0, "incidentNumber": null }));
    let incident = scene.incident(1).await;
    insta::assert_snapshot!(text(&incident["title"]), @"他の利用者のページが届いた / A page reached another person's browser (shop)");
    assert_eq!((&incident["status"], &incident["zone"]), (&json!("OPEN"), &json!("Asia/Tokyo")));
    assert_eq!(text(&incident["detectedAt"]), scene.app.now().to_string());
    insta::assert_snapshot!(text(&incident["findings"]["nodes"][0]["summary"]), @"The tripwire saw: a response of route `account` reached the browser of somebody for whom it was not made (the page hid itself before it was shown). The first one: response 00112233445566778899aabbccddeeff. Who saw whose: the incident's sightings.");
    let sightings = incident["sightings"]["nodes"].as_array().unwrap();
    assert_eq!(sightings.len(), 2, "{incident}");
    // The newest first.
    assert_eq!((&sightings[1]["owner"], &sightings[1]["viewer"]), (&json!(ANN), &json!(BOB)));
    assert_eq!((&sightings[0]["viewer"], &sightings[0]["isOfOnePerson"]), (&Value::Null, &json!(false)));

    // Another route of the same fault, and no more of the first one in the timeline.
    let further = json!([scene.sighting(3, "account", Some(BOB)), scene.sighting(4, "orders", Some(BOB))]);
    let told = scene.tells(&scene.guard, scene.report(json!([]), further)).await;
    assert_eq!((&told["recorded"], &told["incidentNumber"]), (&json!(2), &json!(1)));
    let incident = scene.incident(1).await;
    assert_eq!(incident["findings"]["nodes"].as_array().unwrap().len(), 2, "{incident}");
    assert_eq!(incident["sightings"]["nodes"].as_array().unwrap().len(), 4);
    assert!(scene.open_findings().await.is_empty());

    // The officers are told by mail, each once.
    let create = "mutation($tenant: ID!) { createAccount(tenantId: $tenant, login: \"officer@example.jp\",
        displayName: \"An officer\", roles: [COMPLIANCE_OFFICER], password: \"correct horse battery staple\") { __typename } }";
    let operator = scene.app.operator().await;
    let created = scene.app.admin().gql_with(create, json!({ "tenant": operator.id })).await;
    assert_eq!(created["data"]["createAccount"]["__typename"], "Account", "{created}");
    // What the law may want of it is worked out without anybody: by night nobody else would.
    let assessed = async || {
        let id = scene.officer.gql("{ incident(number: 1) { id } }").await["data"]["incident"]["id"].clone();
        let query = "query($id: ID!) { assessments(incidentId: $id) { number facts { name } } }";
        scene.officer.gql_with(query, json!({ "id": id })).await["data"]["assessments"].clone()
    };
    assert_eq!(assessed().await, json!([]));
    scene.app.run_jobs().await;
    scene.app.run_jobs().await;
    let assessments = assessed().await;
    assert_eq!((assessments.as_array().map(Vec::len), &assessments[0]["number"]), (Some(1), &json!(1)));
    assert!(assessments.to_string().contains("timeline.became_aware_at"), "{assessments}");
    // The public is told that something was seen, and not of routes and responses.
    let id = scene.officer.gql("{ incident(number: 1) { id } }").await["data"]["incident"]["id"].clone();
    let input = json!({ "incidentId": id, "kind": "INTERIM_REPORT", "language": "EN" });
    let made = change(&scene.officer, "createDocument", json!({ "input": input })).await;
    let said = text(&ask(&scene.officer, &made["id"], "text").await["text"]);
    assert!(said.contains("detected by the monitoring"), "{said}");
    assert!(!said.contains("`account`") && !said.contains("00112233"), "{said}");
    let list = "{ capturedMails(purpose: \"a test\", first: 100) { nodes { to subject body } } }";
    let mails = scene.officer.gql(list).await["data"]["capturedMails"]["nodes"].clone();
    let mails = mails.as_array().unwrap();
    assert_eq!(mails.len(), 1, "{mails:?}");
    assert_eq!(
        (&mails[0]["to"], &mails[0]["subject"]),
        (&json!("officer@example.jp"), &json!("[Suimon] インシデント #1 / Incident #1 (shop)"))
    );
    let body = text(&mails[0]["body"]);
    assert!(body.contains("incident(number: 1)") && !body.contains("k1."), "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_seen_after_containment_is_told_and_after_resolution_another_incident() {
    let scene = Scene::new().await;
    let tell = |id, route: &'static str| {
        let sightings = json!([scene.sighting(id, route, Some(BOB))]);
        scene.tells(&scene.guard, scene.report(json!([]), sightings))
    };
    tell(1, "account").await;
    scene.app.clock.advance(300);
    let id = "query { incident(number: 1) { id } }";
    let id = text(&scene.officer.gql(id).await["data"]["incident"]["id"]);
    let contain = "mutation($id: ID!, $at: Instant!) { containIncident(incidentId: $id, at: $at, text: \"The cache is off\") {
        __typename ... on Problem { message } } }";
    let at = scene.app.now().to_string();
    let answer = scene.officer.gql_with(contain, json!({ "id": id, "at": at })).await;
    assert_eq!(answer["data"]["containIncident"]["__typename"], "Incident", "{answer}");
    scene.app.clock.advance(300);
    // Still.
    for sighting in [2, 3] {
        assert_eq!(tell(sighting, "account").await["incidentNumber"], 1);
    }
    let incident = scene.incident(1).await;
    let findings = incident["findings"]["nodes"].as_array().unwrap();
    assert_eq!(findings.len(), 2, "once, not once a sighting: {incident}");
    assert!(text(&findings[1]["summary"]).contains("again, after it was said to be contained"), "{incident}");
    let resolve =
        "mutation($id: ID!) { setIncidentStatus(incidentId: $id, status: RESOLVED, reason: \"mended\") {
        __typename ... on Problem { message } } }";
    let answer = scene.officer.gql_with(resolve, json!({ "id": id })).await;
    assert_eq!(answer["data"]["setIncidentStatus"]["__typename"], "Incident", "{answer}");
    assert_eq!(tell(4, "account").await["incidentNumber"], 2);
    assert_eq!(tell(5, "account").await["incidentNumber"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_strangers_got_is_told_whatever_else_came_with_it() {
    let scene = Scene::new().await;
    let began = scene.app.now().to_string();
    let tell = |sightings: Value| scene.tells(&scene.guard, scene.report(json!([]), sightings));
    let own = |id, route| scene.sighting(id, route, Some(ANN));
    let strange = |id, route| scene.sighting(id, route, Some(BOB));
    let summaries = async || {
        let incident = scene.incident(1).await;
        let nodes = incident["findings"]["nodes"].as_array().unwrap().clone();
        let said = |node: &Value| text(&node["summary"]).split(" (the page").next().unwrap().to_owned();
        nodes.iter().map(said).collect::<Vec<_>>()
    };
    let stranger = |again: &str, route: &str| {
        format!(
            "The tripwire saw{again}: a response of route `{route}` reached the browser of somebody for whom it was not made"
        )
    };
    // Her own comes first in the batch, and in time.
    tell(json!([own(1, "account"), strange(2, "account")])).await;
    assert_eq!(summaries().await, [stranger("", "account")]);
    // While the incident runs: her own of another route is told as what it is, and does not stand for a stranger's.
    tell(json!([own(3, "orders")])).await;
    tell(json!([own(4, "orders"), strange(5, "orders")])).await;
    tell(json!([own(6, "account"), own(7, "orders")])).await;
    let said = summaries().await;
    assert_eq!((said.len(), &said[2]), (3, &stranger("", "orders")), "{said:?}");
    assert!(said[1].contains("only people's own responses"), "{said:?}");

    // Said late that it had stopped: what was seen in between was recorded before anybody said so.
    scene.app.clock.advance(600);
    tell(json!([strange(8, "account")])).await;
    scene.app.clock.advance(600);
    let id = text(&scene.officer.gql("{ incident(number: 1) { id } }").await["data"]["incident"]["id"]);
    let contain = "mutation($id: ID!, $at: Instant!) { containIncident(incidentId: $id, at: $at, text: \"off\") { __typename } }";
    let answer = scene.officer.gql_with(contain, json!({ "id": id, "at": began })).await;
    assert_eq!(answer["data"]["containIncident"]["__typename"], "Incident", "{answer}");
    scene.app.clock.advance(60);
    // One that was got before, and came late, is beside one that was got now.
    let mut late = strange(9, "account");
    late["seenAt"] = json!(began);
    tell(json!([late, strange(10, "account"), own(11, "account")])).await;
    tell(json!([strange(12, "account")])).await;
    let said = summaries().await;
    let again = stranger(" again, after it was said to be contained", "account");
    assert_eq!((said.len(), &said[3]), (4, &again), "{said:?}");
    // And on a route of which nobody knew: both.
    let mut late = strange(13, "other");
    late["seenAt"] = json!(began);
    tell(json!([late, strange(14, "other")])).await;
    let mut said = summaries().await;
    said.retain(|one| one.contains("`other`"));
    let again = stranger(" again, after it was said to be contained", "other");
    assert_eq!(said, [stranger("", "other"), again]);
}

#[tokio::test(flavor = "multi_thread")]
async fn ones_own_page_in_ones_other_browser_is_a_finding_and_no_incident() {
    let scene = Scene::new().await;
    let own = json!([scene.sighting(1, "account", Some(ANN)), scene.sighting(2, "account", Some(ANN))]);
    let told = scene.tells(&scene.guard, scene.report(json!([]), own)).await;
    assert_eq!(told, json!({ "__typename": "GuardReport", "recorded": 2, "incidentNumber": null }));
    insta::assert_snapshot!(scene.open_findings().await.join("\n"), @"GUARD The tripwire saw: a cache keeps personal responses of route `account`. So far only people's own responses came back to them.");
    let listed = "{ sightings(system: \"shop\") { nodes { isOfOnePerson } } }";
    let listed = scene.officer.gql(listed).await;
    assert_eq!(
        listed["data"]["sightings"]["nodes"],
        json!([{ "isOfOnePerson": true }, { "isOfOnePerson": true }])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_at_the_same_moment_open_one_incident() {
    let scene = Scene::new().await;
    let tell = |id| {
        let sightings = json!([scene.sighting(id, "account", Some(BOB))]);
        scene.tells(&scene.guard, scene.report(json!([]), sightings))
    };
    let told = futures::future::join_all((1..=6).map(tell)).await;
    for answer in &told {
        assert_eq!(answer["incidentNumber"], 1, "{told:?}");
    }
    assert_eq!(scene.incident(1).await["sightings"]["nodes"].as_array().unwrap().len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_are_listed_with_what_they_keep_and_when_they_fell_silent() {
    let scene = Scene::new().await;
    let rules = "query($known: String) { guardRules(system: \"shop\", known: $known) { digest manifests } }";
    let kept = scene.guard.gql_with(rules, json!({ "known": null })).await["data"]["guardRules"].clone();
    assert_eq!(kept["manifests"].as_array().unwrap().len(), 2, "{kept}");
    let known = scene.guard.gql_with(rules, json!({ "known": kept["digest"] })).await;
    assert_eq!(known["data"]["guardRules"], json!({ "digest": kept["digest"], "manifests": null }));
    let mut report = scene.report(json!([]), json!([]));
    report["rules"] = kept["digest"].clone();
    assert_eq!(scene.tells(&scene.guard, report).await["recorded"], 0);
    let nodes = || async {
        let query = "{ system(name: \"shop\") { guards { node version isCurrent isSilent } } }";
        scene.officer.gql(query).await["data"]["system"]["guards"].clone()
    };
    let node = |current, silent| json!([{ "node": "edge-1", "version": "0.1.0", "isCurrent": current, "isSilent": silent }]);
    assert_eq!(nodes().await, node(true, false));
    // Other requirements, and nothing more was heard.
    apply(&scene.app.admin(), &[("system.yaml", SYSTEM)], "less", true).await;
    scene.app.clock.advance(720);
    assert_eq!(nodes().await, node(false, true));
    // A system that is withdrawn is still read as it was, and no guard keeps what is in force of it.
    let before = scene.app.now().to_string();
    scene.app.clock.advance(1);
    let withdraw =
        "mutation { withdrawManifest(kind: SYSTEM, name: \"shop\", reason: \"gone\") { __typename } }";
    assert_eq!(
        scene.app.admin().gql(withdraw).await["data"]["withdrawManifest"]["__typename"],
        "ManifestChange"
    );
    let query = "query($at: Instant!) { systems(at: $at, first: 1) { nodes { guards { isCurrent } } } }";
    let was = scene.officer.gql_with(query, json!({ "at": before })).await;
    assert_eq!(was["data"]["systems"]["nodes"], json!([{ "guards": [{ "isCurrent": false }] }]), "{was}");
    let nobody = scene.officer.gql("{ sightings(system: \"\\u0000\") { nodes { id } } }").await;
    assert_eq!(nobody["data"]["sightings"]["nodes"], json!([]), "{nobody}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_tells_and_what_is_wrong_is_named() {
    let scene = Scene::new().await;
    let at = scene.app.now().to_string();
    let school = scene.app.tenant("school").await;
    let foreign = scene.app.member(&school, Role::Service).await;
    let refused = scene.tells(&foreign, scene.report(json!([]), json!([]))).await;
    assert_eq!(refused["code"], "NOT_FOUND", "{refused}");
    for role in [Role::ComplianceOfficer, Role::Approver, Role::Auditor] {
        let member = scene.app.operator_member(role).await;
        let refused = scene.tells(&member, scene.report(json!([]), json!([]))).await;
        assert_eq!(refused["code"], "FORBIDDEN", "{refused}");
    }
    let read = "{ sightings(system: \"shop\") { nodes { id } } }";
    assert_eq!(foreign.gql(read).await["errors"][0]["extensions"]["code"], "NOT_FOUND");
    assert_eq!(scene.guard.gql(read).await["errors"][0]["extensions"]["code"], "FORBIDDEN");

    let with = |pointer: &str, value: Value| {
        let findings = json!([fault(1, Some("account"), "cache_control_permits", &at)]);
        let mut report = scene.report(findings, json!([scene.sighting(2, "account", Some(BOB))]));
        *report.pointer_mut(pointer).expect("it is there") = value;
        report
    };
    let many: Vec<Value> = (0..101).map(|_| fault(1, None, "undeclared_route", &at)).collect();
    let mut told = Vec::new();
    for (pointer, value) in [
        ("/system", json!("nowhere")),
        ("/node", json!("edge 1")),
        ("/version", json!("")),
        ("/findings", json!(many)),
        ("/findings/0/route", json!("/t/hanako")),
        ("/findings/0/kind", json!("hanako@example.jp")),
        ("/sightings/0/responseId", json!("00")),
        ("/sightings/0/owner", json!("hanako@example.jp")),
        ("/sightings/0/viewer", json!("Hanako Example")),
    ] {
        let answer = scene.tells(&scene.guard, with(pointer, value)).await;
        let of = |key: &str| answer[key].as_str().unwrap_or("-").to_owned();
        told.push(format!("{pointer}: {} {}: {} ({})", of("code"), of("field"), of("message"), of("remedy")));
    }
    insta::assert_snapshot!(told.join("\n"));
    assert!(scene.open_findings().await.is_empty());
    let nobody = "{ incidents { nodes { number } } }";
    assert_eq!(scene.officer.gql(nobody).await["data"]["incidents"]["nodes"], json!([]));
}
