//! Limits of admission against what the system was measured to bear, in the registry: planned, applied, excepted, ended.

use jiff::SignedDuration;
use serde_json::{Value, json};
use suimon::access::Role;

use crate::harness::TestApp;
use crate::registry::{approve, fingerprint};
use crate::requirements::{SYSTEM, apply, lines, plan, problems, with};

fn measured(rate: u32, at: &str) -> String {
    let figures =
        format!("channels: [web]\n  measured: {{ rate: {rate}, at: \"{at}\", source: load test 7 }}");
    with(SYSTEM, "channels: [web]", &figures)
}

fn limit(name: &str, rate: u32, more: &str) -> String {
    format!(
        "apiVersion: suimon/v1
kind: Requirement
metadata: {{ name: {name} }}
spec:
  system: shop
  statement: {{ ja: 上限, en: A limit }}
  target: system
  metric: admitted_requests_per_second
  threshold: {{ op: lte, value: {rate}, unit: req/s }}
  obligation: MUST
  enforcement: {{ mode: enforce, mechanism: admission, params: {{ rate: {rate}, concurrency: 100{more} }} }}
"
    )
}

fn exception(rate: u32, expires: jiff::Timestamp) -> String {
    format!(
        "apiVersion: suimon/v1
kind: Exception
metadata: {{ name: EXC-RATE }}
spec:
  system: shop
  requirement: NFR-CAP
  reason: {{ ja: 一日だけ, en: One day only }}
  approver: operations
  upTo: {{ rate: {rate} }}
  expires: {expires}
"
    )
}

fn notes(plan: &Value, name: &str) -> Vec<String> {
    let mut changes = plan["changes"].as_array().unwrap_or_else(|| panic!("no changes: {plan}")).iter();
    let change = changes.find(|change| change["name"] == name).unwrap_or_else(|| panic!("no {name}: {plan}"));
    let notes = change["notes"].as_array().expect("a list").iter();
    notes.map(|note| note.as_str().expect("text").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_goes_above_what_was_measured_only_while_an_approved_exception_holds() {
    let app = TestApp::new().await;
    let admin = app.admin();
    let at = app.now().to_string();
    let system = measured(400, &at);
    let raised = limit("NFR-CAP", 600, "");
    // Above: refused, with the place, the measurement and what to do.
    let refused = plan(&admin, &[("s.yaml", &system), ("r.yaml", &raised)], false).await;
    let told = |why: &str| {
        format!(
            "r.yaml:1:1: spec.enforcement.params.rate: `NFR-CAP` states a rate of 600, and `shop` was measured to bear 400 \
             (load test 7, {at}){why}; lower it, measure again, or have an Exception on it approved with `upTo: {{ rate: 600 }}`\n"
        )
    };
    assert_eq!(problems(&refused), told(""));
    let applied =
        apply(&admin, &[("s.yaml", &system), ("r.yaml", &limit("NFR-CAP", 400, ""))], "opening", false).await;
    assert!(lines(&applied).contains(&"REQUIREMENT NFR-CAP CREATE 1".to_owned()), "{applied}");

    // With an exception: once somebody else approved it.
    let expires = app.now() + SignedDuration::from_hours(48);
    let except = exception(600, expires);
    let both = [("e.yaml", except.as_str()), ("r.yaml", raised.as_str())];
    let waits = "; the exception `EXC-RATE` waits for its approval: apply it by itself first";
    assert_eq!(problems(&apply(&admin, &both, "one day", false).await), told(waits));
    apply(&admin, &[("e.yaml", &except)], "one day", false).await;
    assert_eq!(problems(&apply(&admin, &both, "one day", false).await), told(waits));
    let approver = app.operator_member(Role::Approver).await;
    let seen = fingerprint(&app, "EXCEPTION", "EXC-RATE").await;
    assert_eq!(approve(&approver, "EXCEPTION", "EXC-RATE", 1, &seen).await["note"], "seen");
    let planned = plan(&admin, &both, false).await;
    let by = format!("its rate of 600 is above the measured 400, by the exception EXC-RATE until {expires}");
    assert_eq!(notes(&planned, "NFR-CAP"), [by]);
    let applied = apply(&admin, &both, "one day", false).await;
    assert_eq!(lines(&applied), ["REQUIREMENT NFR-CAP UPDATE 2", "EXCEPTION EXC-RATE UNCHANGED 1"]);
    // No further than it says, nor with another one than was approved.
    let further = limit("NFR-CAP", 601, "");
    assert!(problems(&plan(&admin, &[("r.yaml", &further)], false).await).contains("a rate of 601"));
    let wider = exception(900, expires);
    let both_wider = [("e.yaml", wider.as_str()), ("r.yaml", further.as_str())];
    assert!(problems(&plan(&admin, &both_wider, false).await).contains("waits for its approval"));
    // Neither pruned nor withdrawn while the limit stands on it.
    let all = [("s.yaml", system.as_str()), ("r.yaml", raised.as_str())];
    assert_eq!(problems(&plan(&admin, &all, true).await), told(""));
    let withdraw = "mutation { withdrawManifest(kind: EXCEPTION, name: \"EXC-RATE\", reason: \"r\") {
        ... on Problem { code message remedy } } }";
    let answer = admin.gql(withdraw).await["data"]["withdrawManifest"].clone();
    assert_eq!(
        (&answer["code"], &answer["remedy"]),
        (&json!("CONFLICT"), &json!("apply a version with a lower limit first"))
    );

    // Its end: what stands stored is no problem, and the plan says it. Nothing new stands on it.
    app.clock.advance(48 * 3600);
    let ended = plan(&admin, &both, false).await;
    assert_eq!(ended["pending"], 0, "{ended}");
    assert_eq!(
        notes(&ended, "NFR-CAP"),
        [
            "its rate of 600 is above the measured 400, and the exception EXC-RATE is over: a guard keeps the measured figure"
        ]
    );
    // What becomes better is no problem either, though it is not good yet.
    for (better, figures) in [
        (("r.yaml", limit("NFR-CAP", 500, "")), "500 is above the measured 400"),
        (("s.yaml", measured(450, &app.now().to_string())), "-"),
    ] {
        let planned = plan(&admin, &[(better.0, &better.1)], false).await;
        assert_eq!(planned["problems"], json!([]), "{planned}");
        assert!(figures == "-" || notes(&planned, "NFR-CAP")[0].contains(figures), "{planned}");
    }
    let second = limit("NFR-CAP-2", 500, "");
    assert!(
        problems(&plan(&admin, &[("q.yaml", &second)], false).await)
            .contains("`NFR-CAP-2` states a rate of 500")
    );
    // Measured anew, lower: what stands above it must come down with it.
    let lower = measured(300, &app.now().to_string());
    let refused = problems(&plan(&admin, &[("s.yaml", &lower)], false).await);
    assert!(refused.starts_with("s.yaml:1:1: ") && refused.contains("was measured to bear 300"), "{refused}");
    let down = limit("NFR-CAP", 300, "");
    let applied = apply(&admin, &[("s.yaml", &lower), ("r.yaml", &down)], "measured anew", false).await;
    assert!(lines(&applied).contains(&"REQUIREMENT NFR-CAP UPDATE 3".to_owned()), "{applied}");
    let answer = admin.gql(withdraw).await["data"]["withdrawManifest"].clone();
    assert!(answer["code"].is_null(), "{answer}");
    let tomorrow = measured(900, &(app.now() + SignedDuration::from_hours(24)).to_string());
    assert!(problems(&plan(&admin, &[("s.yaml", &tomorrow)], false).await).contains("lies in the future"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exception_that_was_withdrawn_wants_approval_anew() {
    let app = TestApp::new().await;
    let admin = app.admin();
    let system = measured(400, &app.now().to_string());
    let except = exception(600, app.now() + SignedDuration::from_hours(48));
    // Another one whose first version is in force: its number is asked for beside the name.
    let other = except.replace("EXC-RATE", "EXC-OTHER").replace("rate: 600", "rate: 401");
    let cap = limit("NFR-CAP", 400, "");
    let set = [("s.yaml", &*system), ("r.yaml", &*cap), ("e.yaml", &*except), ("o.yaml", &*other)];
    apply(&admin, &set, "opening", false).await;
    let approver = app.operator_member(Role::Approver).await;
    let seen = fingerprint(&app, "EXCEPTION", "EXC-RATE").await;
    approve(&approver, "EXCEPTION", "EXC-RATE", 1, &seen).await;
    let withdraw =
        "mutation { withdrawManifest(kind: EXCEPTION, name: \"EXC-RATE\", reason: \"r\") { __typename } }";
    assert_eq!(admin.gql(withdraw).await["data"]["withdrawManifest"]["__typename"], "ManifestChange");
    app.clock.advance(1);
    apply(&admin, &[("e.yaml", &except)], "again", false).await;
    let raised = plan(&admin, &[("r.yaml", &limit("NFR-CAP", 600, ""))], false).await;
    assert!(problems(&raised).contains("the exception `EXC-RATE` waits for its approval"), "{raised}");
    approve(&approver, "EXCEPTION", "EXC-RATE", 3, &seen).await;
    let raised = plan(&admin, &[("r.yaml", &limit("NFR-CAP", 600, ""))], false).await;
    assert_eq!(raised["problems"], json!([]), "{raised}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_orders_cannot_be_planned_and_a_changed_one_shows_as_a_difference() {
    let app = TestApp::new().await;
    let admin = app.admin();
    let shuffled =
        limit("NFR-CAP", 400, ", order: { by: shuffle_then_fifo, opensAt: \"2026-01-01T09:00:00+09:00\" }");
    apply(&admin, &[("s.yaml", SYSTEM), ("r.yaml", &shuffled)], "opening", false).await;
    let drawn = limit("NFR-ABC", 400, ", order: { by: lottery, closesAt: \"2026-01-01T09:00:00+09:00\" }");
    // The other one is stored: the place is that of the one that is given.
    assert_eq!(
        problems(&plan(&admin, &[("q.yaml", &drawn)], false).await),
        "q.yaml:1:1: spec.enforcement.params.order: `NFR-ABC` and `NFR-CAP` state different orders, \
         and neither is the stricter one; state it in one of them, or alike in both\n"
    );
    // Another one in its place is no second one.
    let applied = plan(&admin, &[("s.yaml", SYSTEM), ("q.yaml", &drawn)], true).await;
    assert_eq!(applied["problems"], json!([]), "{applied}");
    let later = with(&shuffled, "2026-01-01T09:00:00+09:00", "2026-01-02T09:00:00+09:00");
    let planned = plan(&admin, &[("r.yaml", &later)], false).await;
    assert_eq!(
        planned["changes"][0]["diff"][0]["path"], "spec.enforcement.params.order.opensAt",
        "{planned}"
    );
}
