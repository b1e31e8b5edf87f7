//! Findings that machines made, counted together, and the list of findings filtered by grade and kind.

use std::sync::atomic::{AtomicU64, Ordering};

use sea_orm::Database;
use serde_json::{Value, json};
use suimon::access::Role;

use crate::harness::{Member, TestApp, text};
use crate::requirements::{CACHING, SYSTEM, apply};

const REPORT: &str = "mutation($input: GuardReportInput!) { reportGuard(input: $input) { __typename } }";
const GROUPS: &str =
    "query($open: Boolean, $system: String, $grade: String, $kind: String, $first: Int, $after: String) {
    findingGroups(open: $open, system: $system, grade: $grade, kind: $kind, first: $first, after: $after) {
        nodes { system requirement kind grade count open firstSeenAt lastSeenAt routeCount routes }
        pageInfo { hasNextPage endCursor } } }";

/// An id of the guard's own.
fn new_id() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("018b6947-e000-7000-8000-{:012x}", NEXT.fetch_add(1, Ordering::Relaxed))
}

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

    /// Each fault as `ROUTE KIND GRADE`, a minute later than the one before; a dash for a path without a route.
    async fn told(&self, faults: &[String]) {
        for some in faults.chunks(100) {
            let findings: Vec<Value> = some.iter().map(|fault| self.fault(fault)).collect();
            let input = json!({ "system": "shop", "node": "edge-1", "version": "0.1.0",
                                "startedAt": self.app.now().to_string(), "findings": findings });
            let answer = self.guard.gql_with(REPORT, json!({ "input": input })).await;
            assert_eq!(answer["data"]["reportGuard"]["__typename"], "GuardReport", "{answer}");
        }
    }

    fn fault(&self, fault: &str) -> Value {
        self.app.clock.advance(60);
        let [route, kind, grade] = fault.split(' ').collect::<Vec<_>>()[..] else { panic!("{fault}") };
        json!({ "id": new_id(), "at": self.app.now().to_string(), "route": (route != "-").then_some(route),
                "kind": kind, "grade": grade, "effect": "corrected" })
    }

    async fn asks(&self, query: &str, variables: Value) -> Value {
        let answer = self.officer.gql_with(query, variables).await;
        assert!(answer["errors"].is_null(), "{answer}");
        answer["data"].clone()
    }

    /// `kind grade count open routeCount: routes` of each group.
    async fn groups(&self, variables: Value) -> Vec<String> {
        let data = self.asks(GROUPS, variables).await;
        data["findingGroups"]["nodes"].as_array().unwrap().iter().map(line).collect()
    }
}

fn line(group: &Value) -> String {
    let routes: Vec<String> = group["routes"].as_array().unwrap().iter().map(text).collect();
    format!(
        "{} {} {} {} {}: {}",
        text(&group["kind"]),
        text(&group["grade"]),
        group["count"],
        group["open"],
        group["routeCount"],
        routes.join(" ")
    )
}

fn owned(faults: &[&str]) -> Vec<String> {
    faults.iter().map(|fault| (*fault).to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn many_findings_are_a_few_groups_and_the_worst_come_first() {
    let scene = Scene::new().await;
    let began = scene.app.now();
    // A careless system: the same note on each of its routes.
    let notes: Vec<String> = (0..120).map(|at| format!("route-{at} cdn_cache_control_absent note")).collect();
    scene.told(&notes).await;
    scene
        .told(&owned(&[
            "account cache_control_permits leak",
            "- undeclared_route note",
            "orders vary_incomplete weakness",
            "account vary_incomplete weakness",
        ]))
        .await;
    // People's own words are no kind.
    let words = "mutation { reportFinding(input: { system: \"shop\", summary: \"I saw somebody else\", source: PERSON,
        occurredAt: \"2023-10-26T00:00:00Z\" }) { __typename } }";
    assert_eq!(scene.asks(words, Value::Null).await["reportFinding"]["__typename"], "Finding");
    let all = [
        "cache_control_permits leak 1 1 1: account",
        "vary_incomplete weakness 2 2 2: orders account",
        "cdn_cache_control_absent note 120 120 120: route-0 route-1 route-2 route-3 route-4",
        "undeclared_route note 1 1 0: ",
    ];
    assert_eq!(scene.groups(json!({})).await, all);
    let first = scene.asks(GROUPS, json!({ "kind": "cdn_cache_control_absent" })).await;
    let node = &first["findingGroups"]["nodes"][0];
    let minute = |minutes: i64| (began + jiff::SignedDuration::from_mins(minutes)).to_string();
    assert_eq!(
        (text(&node["firstSeenAt"]), text(&node["lastSeenAt"]), &node["system"], &node["requirement"]),
        (minute(1), minute(120), &json!("shop"), &Value::Null)
    );
    // Page by page.
    let (mut after, mut paged) = (Value::Null, Vec::new());
    for _ in 0..4 {
        let page = scene.asks(GROUPS, json!({ "first": 1, "after": after })).await["findingGroups"].clone();
        paged.extend(page["nodes"].as_array().unwrap().iter().map(line));
        assert_eq!(page["pageInfo"]["hasNextPage"], json!(paged.len() < 4));
        after = page["pageInfo"]["endCursor"].clone();
    }
    assert_eq!(paged, all);
    assert_eq!(scene.groups(json!({ "first": 1, "after": after })).await, [""; 0]);
    // Filtered.
    assert_eq!(scene.groups(json!({ "grade": "weakness" })).await, [all[1]]);
    assert_eq!(scene.groups(json!({ "grade": "note", "kind": "undeclared_route" })).await, [all[3]]);
    assert_eq!(scene.groups(json!({ "system": "other" })).await, [""; 0]);

    // What an incident has taken up is no longer open.
    let list = "query($open: Boolean, $grade: String, $kind: String, $first: Int) {
        findings(open: $open, grade: $grade, kind: $kind, first: $first) { nodes { id kind grade route summary } } }";
    let leaks = scene.asks(list, json!({ "grade": "leak" })).await["findings"]["nodes"].clone();
    assert_eq!(leaks.as_array().unwrap().len(), 1);
    assert_eq!(
        (&leaks[0]["kind"], &leaks[0]["grade"], &leaks[0]["route"]),
        (&json!("cache_control_permits"), &json!("leak"), &json!("account"))
    );
    let open = "mutation($id: ID!) { openIncident(input: { system: \"shop\", title: \"t\", zone: \"Asia/Tokyo\", findingIds: [$id] }) {
        __typename ... on Problem { message } } }";
    let opened = scene.asks(open, json!({ "id": leaks[0]["id"] })).await;
    assert_eq!(opened["openIncident"]["__typename"], "Incident", "{opened}");
    assert_eq!(scene.groups(json!({ "grade": "leak" })).await, ["cache_control_permits leak 1 0 1: account"]);
    assert_eq!(scene.groups(json!({ "grade": "leak", "open": true })).await, [""; 0]);
    let count = async |variables: Value| {
        scene.asks(list, variables).await["findings"]["nodes"].as_array().unwrap().len()
    };
    assert_eq!(count(json!({ "grade": "note", "first": 200 })).await, 121);
    assert_eq!(count(json!({ "grade": "note", "kind": "undeclared_route" })).await, 1);
    assert_eq!(count(json!({ "first": 200 })).await, 125);
    assert_eq!(count(json!({ "open": true, "first": 200 })).await, 124);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_asked_wrongly_is_named_and_nobody_else_is_told() {
    let scene = Scene::new().await;
    scene.told(&owned(&["account cache_control_permits leak"])).await;
    let mut told = Vec::new();
    for variables in [
        json!({ "grade": "LEAK" }),
        json!({ "kind": "" }),
        json!({ "system": "a b" }),
        json!({ "first": 0 }),
        json!({ "first": 201 }),
        json!({ "after": "eA" }),
    ] {
        let answer = scene.officer.gql_with(GROUPS, variables.clone()).await;
        let error = &answer["errors"][0];
        told.push(format!("{variables}: {} {}", text(&error["extensions"]["code"]), text(&error["message"])));
    }
    insta::assert_snapshot!(told.join("\n"));
    let school = scene.app.tenant("school").await;
    let foreign = scene.app.member(&school, Role::TenantAdmin).await;
    assert_eq!(foreign.gql_with(GROUPS, json!({})).await["errors"][0]["extensions"]["code"], "NOT_FOUND");
    assert_eq!(scene.guard.gql_with(GROUPS, json!({})).await["errors"][0]["extensions"]["code"], "FORBIDDEN");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_stored_before_is_counted_too() {
    use migration::{Migrator, MigratorTrait};
    let scene = Scene::new().await;
    let faults = owned(&["account vary_incomplete weakness", "- undeclared_route note"]);
    scene.told(&faults).await;
    let before = scene.groups(json!({})).await;
    assert_eq!(before.len(), 2, "{before:?}");
    // Back to the version before, as it would have stored both, and forward again.
    let owner = Database::connect(scene.app.owner_url()).await.unwrap();
    let all = Migrator::migrations();
    let later = all.iter().rev().position(|one| one.name() == "m20231129_000037_kinds_of_findings").unwrap();
    Migrator::down(&owner, Some(u32::try_from(later).unwrap() + 1)).await.unwrap();
    let mut config = scene.app.app.config().database.clone();
    if !scene.app.owner_url().starts_with("sqlite:") {
        config.migrate_url = suimon::config::Secret::new(scene.app.owner_url().to_owned());
    }
    assert_eq!(suimon::storage::migrate_as_owner(&config).await.unwrap(), later + 1);
    assert_eq!(scene.groups(json!({})).await, before);
}
