//! Which fact to find out next, what an answer would change, the calendar of deadlines, and watching duties.

use std::fmt::Write;

use serde_json::{Value, json};
use suimon::access::Role;

use crate::browser::Browser;
use crate::duties_scene::Scene;
use crate::harness::text;

const QUESTIONS: &str = "query($number: Int!, $first: Int) { incident(number: $number) { questions(first: $first) {
    fact label(language: JA) kind words deadlines weight unknownOutcomes { regime recipient mayBecome } } } }";

async fn questions(scene: &Scene, first: i32) -> Value {
    let answer = scene.officer.gql_with(QUESTIONS, json!({ "number": 1, "first": first })).await;
    answer["data"]["incident"]["questions"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn officers_are_asked_for_what_decides() {
    let scene = Scene::new().await;
    scene.officer_facts().await;
    scene.assess().await;
    let asked = questions(&scene, 50).await;
    let of = |asked: &Value, fact: &str| {
        asked.as_array().unwrap_or_else(|| panic!("{asked}")).iter().find(|q| q["fact"] == fact).cloned()
    };
    let number = of(&asked, "counts.principals_total").expect("the number is asked for");
    let japan: Vec<&Value> = number["unknownOutcomes"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|open| open["regime"] == "jp-appi-26" && open["recipient"] == "regulator")
        .collect();
    assert_eq!(japan.len(), 1, "{number}");
    // A thousand and more would not be enough: how the data was encrypted is not known either.
    assert_eq!(japan[0]["mayBecome"], json!(["NOT_REQUIRED"]), "{number}");
    assert_eq!((&number["label"], &number["kind"]), (&json!("本人の数"), &json!("count")));
    assert_eq!(questions(&scene, 1).await.as_array().unwrap().len(), 1);
    // Once it is known, it is not asked for again, and fewer are left.
    scene.list(339, 0, 0).await;
    scene.assess().await;
    let left = questions(&scene, 50).await;
    assert!(of(&left, "counts.principals_total").is_none(), "{left}");
    assert!(left.as_array().unwrap().len() < asked.as_array().unwrap().len());
    let wrong = scene.officer.gql_with(QUESTIONS, json!({ "number": 1, "first": 51 })).await;
    assert_eq!(wrong["errors"][0]["message"], "first: wants 1 to 50");
    let centre = scene.app.operator_member(Role::CallCentre).await;
    let refused = centre.gql_with(QUESTIONS, json!({ "number": 1, "first": 5 })).await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "FORBIDDEN");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_if_stores_nothing_and_says_what_would_differ() {
    let scene = Scene::new().await;
    scene.officer_facts().await;
    scene.list(339, 0, 0).await;
    scene.assess().await;
    let query =
        "query($id: ID!, $facts: [NewFactInput!]!) { whatIf(incidentId: $id, facts: $facts) { assessment
        outcomes(language: EN) { regime title recipient before after }
        deadlines(language: JA) { regime kind label before after afterAt }
        earlyWarnings { regime count reachedAt } } }";
    let ask =
        async |facts: Value| scene.officer.gql_with(query, json!({ "id": scene.id, "facts": facts })).await;
    let fact =
        |name: &str, value: Value| json!({ "name": name, "value": value.to_string(), "source": "a guess" });
    let japan = |answer: &Value, field: &str| {
        let rows = answer["data"]["whatIf"][field].as_array().unwrap_or_else(|| panic!("{answer}")).clone();
        rows.into_iter()
            .filter(|row| row["regime"] == "jp-appi-26")
            .map(|row| row.to_string())
            .collect::<Vec<_>>()
    };
    let mut told = String::new();
    for (name, facts) in [
        ("1200", json!([fact("counts.principals_total", json!(1200))])),
        ("900", json!([fact("counts.principals_total", json!(900))])),
        ("the same", json!([fact("counts.principals_total", json!(339))])),
    ] {
        let answer = ask(facts).await;
        for field in ["outcomes", "deadlines", "earlyWarnings"] {
            writeln!(told, "{name} {field}:\n  {}", japan(&answer, field).join("\n  ")).unwrap();
        }
    }
    let wrong = ask(json!([
        fact("risk.property_damage", json!(true)),
        fact("timeline.contained_at", json!("2023-10-25T09:00:00+09:00[Asia/Tokyo]")),
    ]));
    writeln!(told, "{}", wrong.await["errors"][0]["message"]).unwrap();
    writeln!(told, "{}", ask(json!([])).await["errors"][0]["message"]).unwrap();
    insta::assert_snapshot!(told);
    let query =
        "query($id: ID!) { assessments(incidentId: $id) { number } facts(incidentId: $id) { source } }";
    let answer = scene.officer.gql_with(query, json!({ "id": scene.id })).await;
    assert_eq!(answer["data"]["assessments"], json!([{ "number": 1 }]));
    assert!(!answer["data"]["facts"].to_string().contains("a guess"));
}

const RENEW: &str =
    "mutation { renewCalendarFeed { __typename ... on NewCalendarFeed { url } ... on Problem { code } } }";

#[tokio::test(flavor = "multi_thread")]
async fn a_calendar_shows_its_owner_the_deadlines_and_nothing_else() {
    let scene = Scene::new().await;
    scene.officer_facts().await;
    scene.list(1001, 0, 0).await;
    scene.assess().await;
    let mut browser = Browser::signed_in(&scene.app, &scene.officer.login).await;
    assert_eq!(browser.gql("{ calendarFeed { createdAt } }").await["data"]["calendarFeed"], Value::Null);
    let renew = async |browser: &mut Browser| {
        let answer = browser.gql(RENEW).await;
        let url = text(&answer["data"]["renewCalendarFeed"]["url"]);
        url[url.find("/calendar/").expect("a path")..].to_owned()
    };
    let path = renew(&mut browser).await;
    assert_eq!(
        browser.gql("{ calendarFeed { createdAt } }").await["data"]["calendarFeed"]["createdAt"],
        "2023-10-26T07:00:00Z"
    );
    let get = async |path: &str| {
        let answer = scene.app.http.get(format!("{}{path}", scene.app.url)).send().await.unwrap();
        let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let (status, kind, cache) =
            (answer.status().as_u16(), header("content-type"), header("cache-control"));
        (status, kind.unwrap_or_default(), cache.unwrap_or_default(), answer.text().await.unwrap())
    };
    let (status, kind, cache, ja) = get(&path).await;
    assert_eq!((status, kind.as_str()), (200, "text/calendar; charset=utf-8"));
    assert!(cache.contains("no-store"), "{cache}");
    assert!(ja.split("\r\n").all(|line| line.len() <= 75), "{ja}");
    assert!(!ja.replace("\r\n", "").contains('\n'), "lines end as RFC 5545 wants");
    let (_, _, _, en) = get(&format!("{path}?lang=en")).await;
    let plain = |ics: &str| {
        // Ids differ by database; what is folded is read as one line.
        let lines = ics.replace("\r\n ", "");
        let lines =
            lines.split("\r\n").map(|line| if line.starts_with("UID:duty-") { "UID:…" } else { line });
        lines.collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(format!("{}\n{}", plain(&en), plain(&ja)));

    // The secret opens nothing else, and no other token opens a calendar.
    let secret = path.trim_start_matches("/calendar/").trim_end_matches(".ics").to_owned();
    let thief = crate::harness::Member { token: secret.clone(), ..scene.officer.clone() };
    let answer =
        thief.gql_with("query($id: ID!) { duties(incidentId: $id) { id } }", json!({ "id": scene.id })).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN", "{answer}");
    for wrong in [
        format!("/calendar/{}.ics", scene.officer.token),
        format!("/calendar/{secret}"),
        format!("/calendar/{}x.ics", secret),
        format!("/calendar/{}.ics", "a".repeat(300)),
        "/calendar/.ics".to_owned(),
    ] {
        assert_eq!(get(&wrong).await.0, 404, "{wrong}");
    }
    // A new address ends the one before; a token cannot make one; without the right there is nothing to see.
    let next = renew(&mut browser).await;
    assert_eq!((get(&path).await.0, get(&next).await.0), (404, 200));
    assert_eq!(scene.officer.gql(RENEW).await["data"]["renewCalendarFeed"]["code"], "FORBIDDEN");
    let centre = scene.app.operator_member(Role::CallCentre).await;
    let mut stranger = Browser::signed_in(&scene.app, &centre.login).await;
    assert_eq!(stranger.gql(RENEW).await["data"]["renewCalendarFeed"]["code"], "FORBIDDEN");
    let roles = "mutation($id: ID!) { setAccountRoles(accountId: $id, roles: [CALL_CENTRE]) { __typename } }";
    scene.app.admin().gql_with(roles, json!({ "id": scene.officer.account })).await;
    assert_eq!(get(&next).await.0, 404, "the role is gone");
    let back =
        "mutation($id: ID!) { setAccountRoles(accountId: $id, roles: [COMPLIANCE_OFFICER]) { __typename } }";
    scene.app.admin().gql_with(back, json!({ "id": scene.officer.account })).await;
    assert_eq!(get(&next).await.0, 200);
    let revoke = "mutation { revokeCalendarFeed { ... on RevokedCalendarFeed { revoked } } }";
    let mut browser = Browser::signed_in(&scene.app, &scene.officer.login).await;
    assert_eq!(browser.gql(revoke).await["data"]["revokeCalendarFeed"]["revoked"], true);
    assert_eq!(get(&next).await.0, 404);
}

const WATCH: &str = "subscription($incidentId: ID!) { dutiesChanged(incidentId: $incidentId) { open overdue settled nextDueAt assessment } }";

#[tokio::test(flavor = "multi_thread")]
async fn duties_are_watched_as_long_as_one_may() {
    let scene = Scene::new().await;
    scene.officer_facts().await;
    scene.list(1001, 0, 0).await;
    let approver = scene.app.operator_member(Role::Approver).await;
    let mut stream = approver.watch(WATCH, json!({ "incidentId": scene.id })).await;
    let first = stream.answer().await;
    assert_eq!(first["data"]["dutiesChanged"]["open"], 0, "{first}");
    scene.assess().await;
    let next = stream.answer().await;
    let standing = &next["data"]["dutiesChanged"];
    assert_eq!((&standing["open"], &standing["assessment"]), (&json!(3), &json!(1)), "{next}");
    assert_eq!(standing["nextDueAt"], "2023-10-30T15:00:00Z");
    let change =
        "mutation($id: ID!) { setAccountRoles(accountId: $id, roles: [CALL_CENTRE]) { __typename } }";
    scene.app.admin().gql_with(change, json!({ "id": approver.account })).await;
    scene.fact("counts.principals_total", json!(5), "CONFIRMED").await;
    scene.assess().await;
    let last = stream.answer().await;
    assert_eq!(last["errors"][0]["extensions"]["code"], "FORBIDDEN", "{last}");
    assert_eq!(stream.next().await.unwrap().0, "complete");
}
