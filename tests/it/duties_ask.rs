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

#[tokio::test(flavor = "multi_thread")]
async fn what_if_without_a_value_is_as_if_it_were_withdrawn() {
    let scene = Scene::new().await;
    scene.officer_facts().await;
    scene.list(339, 0, 0).await;
    scene.facts(&[("counts.principals_total", json!(1200))]).await;
    assert_eq!(scene.assess().await["outcomeRegulator"], "MUST");
    let query = "query($id: ID!, $facts: [NewFactInput!]!) { whatIf(incidentId: $id, facts: $facts) {
        outcomes(language: EN) { regime recipient before after } deadlines(language: EN) { regime kind before after } } }";
    let ask = async |names: &[&str]| {
        let facts: Vec<Value> =
            names.iter().map(|name| json!({ "name": name, "value": null, "source": "a guess" })).collect();
        scene.officer.gql_with(query, json!({ "id": scene.id, "facts": facts })).await
    };
    let of_japan = |answer: &Value, field: &str| {
        let rows = answer["data"]["whatIf"][field].as_array().unwrap_or_else(|| panic!("{answer}"));
        let rows = rows.iter().filter(|row| row["regime"] == "jp-appi-26");
        rows.map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    let mut told = String::new();
    // The list has a number of its own, which counts again. What nobody else knows is unknown again.
    for names in [&["counts.principals_total"][..], &["counts.principals_total", "risk.property_damage"]] {
        let answer = ask(names).await;
        let (outcomes, deadlines) = (of_japan(&answer, "outcomes"), of_japan(&answer, "deadlines"));
        writeln!(told, "{}\n{outcomes}\n{deadlines}", names.join(", ")).unwrap();
    }
    // What only the service knows, what is withdrawn already, and what nobody knows: there is nothing to withdraw.
    scene.officer.gql_with(WITHDRAW, json!({ "id": scene.id, "name": "cause.malicious_purpose" })).await;
    for name in ["timeline.contained_at", "cause.malicious_purpose", "risk.gdpr_risk"] {
        let error = ask(&["risk.property_damage", name]).await["errors"][0].clone();
        writeln!(told, "{name}: {} {}", error["extensions"]["code"], error["message"]).unwrap();
    }
    insta::assert_snapshot!(told);
    let query =
        "query($id: ID!) { assessments(incidentId: $id) { number } facts(incidentId: $id) { source } }";
    let answer = scene.officer.gql_with(query, json!({ "id": scene.id })).await;
    assert_eq!(answer["data"]["assessments"].as_array().map(Vec::len), Some(1), "{answer}");
    assert!(!answer["data"]["facts"].to_string().contains("a guess"));
}

const WITHDRAW: &str = "mutation($id: ID!, $name: String!) {
    withdrawFact(incidentId: $id, name: $name, source: \"no longer held\") { __typename ... on Problem { message } } }";

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
    assert_eq!(browser.gql(revoke).await["data"]["revokeCalendarFeed"]["revoked"], false);
    assert_eq!(get(&next).await.0, 404);
    // What is open for a year wants fresh proof; to end it does not.
    scene.app.clock.advance(11 * 60);
    let code = |answer: Value| answer["data"]["renewCalendarFeed"]["code"].clone();
    assert_eq!(code(browser.gql(RENEW).await), "REAUTHENTICATION_REQUIRED");
    assert_eq!(get(&next).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_at_an_instant_stands_in_the_calendar_without_an_end() {
    let scene = Scene::new().await;
    scene.gdpr_facts().await;
    scene.assess().await;
    let mut browser = Browser::signed_in(&scene.app, &scene.officer.login).await;
    let answer = browser.gql(RENEW).await;
    let url = text(&answer["data"]["renewCalendarFeed"]["url"]);
    let path = &url[url.find("/calendar/").expect("a path")..];
    let answer = scene.app.http.get(format!("{}{path}?lang=en", scene.app.url)).send().await.unwrap();
    let ics = answer.text().await.unwrap();
    let instants: Vec<&str> = ics
        .split("\r\n")
        .filter(|line| ["DTSTART", "DTEND", "DURATION", "TRIGGER"].iter().any(|name| line.starts_with(name)))
        .collect();
    assert_eq!(instants, ["DTSTART:20231029T041500Z", "TRIGGER:-PT6H"], "{ics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_guesses_calendars_is_told_to_wait_and_takes_nobody_elses_away() {
    let scene = Scene::new().await;
    let mut browser = Browser::signed_in(&scene.app, &scene.officer.login).await;
    let answer = browser.gql(RENEW).await;
    let url = text(&answer["data"]["renewCalendarFeed"]["url"]);
    let right = url[url.find("/calendar/").expect("a path")..].to_owned();
    let get = async |path: &str| {
        let answer = scene.app.http.get(format!("{}{path}", scene.app.url)).send().await.unwrap();
        let after = answer.headers().get("retry-after").map(|after| after.to_str().unwrap().to_owned());
        (answer.status().as_u16(), after, answer.text().await.unwrap())
    };
    // How many come through before the rest has to wait, and for how many seconds. On a slow machine some come back meanwhile.
    let until_refused = async |path: &str, status: u16| {
        for count in 0..40 {
            let (answered, after, told) = get(path).await;
            if answered == 429 {
                assert_eq!(told, "too many requests; try again later\n");
                return (count, after.expect("Retry-After").parse::<u64>().expect("seconds"));
            }
            assert_eq!((answered, after), (status, None), "request {count}");
        }
        panic!("{path} is answered for ever");
    };
    let (wrong, after) = until_refused("/calendar/guess.ics", 404).await;
    assert!((20..25).contains(&wrong) && (1..=7).contains(&after), "{wrong}, then after {after} s");
    // Behind a proxy all have one address: whoever knows a secret still reads. So often, and no more often.
    let (read, after) = until_refused(&right, 200).await;
    assert!((20..25).contains(&read) && (1..=11).contains(&after), "{read}, then after {after} s");
    // Another one's calendar has its own share.
    let other = scene.app.operator_member(Role::ComplianceOfficer).await;
    let mut browser = Browser::signed_in(&scene.app, &other.login).await;
    let url = text(&browser.gql(RENEW).await["data"]["renewCalendarFeed"]["url"]);
    assert_eq!(get(&url[url.find("/calendar/").expect("a path")..]).await.0, 200);
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
