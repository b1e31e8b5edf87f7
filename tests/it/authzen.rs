//! Decisions for a protected system, beyond the certification scenario: who may ask, what is trusted, what is recorded, and
//! the bookings of the vaccine incident.

use serde_json::{Value, json};
use suimon::access::{self, Role};
use suimon::requirements::{self, ManifestFile, Outcome};

use crate::authzen_scene::{SYSTEM, Scene, rule};

fn question(login: &str) -> Value {
    json!({ "subject": { "type": "user", "id": login }, "action": { "name": "read" }, "resource": { "type": "record", "id": "record-1" } })
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_may_ask_is_answered() {
    let scene = Scene::new().await;
    let mut told = Vec::new();
    let staff = scene.token_of("alice", &["*:*"]).await;
    let wrong_scope = scene.token_of(&scene.service, &["create:finding"]).await;
    let no_search = scene.token_of(&scene.service, &["decide:authzen"]).await;
    let search = json!({ "subject": { "type": "user" }, "action": { "name": "read" }, "resource": { "type": "record", "id": "record-1" } });
    for (who, token, path, body) in [
        ("nobody", String::new(), "evaluation", question("alice")),
        ("a forged token", "suimon_forged".to_owned(), "evaluation", question("alice")),
        ("staff", staff, "evaluation", question("alice")),
        ("a token for findings", wrong_scope, "evaluation", question("alice")),
        ("a token without search", no_search.clone(), "search/subject", search),
        ("the same asks", no_search, "evaluation", question("alice")),
    ] {
        let reply = scene.post_as(&token, path, &body).await;
        told.push(format!("{who}: {} {}", reply.status, reply.text));
        assert_eq!(reply.status == 401, reply.headers.contains_key("www-authenticate"));
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    nobody: 401 "no credentials; send a token as Authorization: Bearer"
    a forged token: 401 "the token is unknown, expired or revoked"
    staff: 403 "not allowed: decide on authzen"
    a token for findings: 403 "not allowed: decide on authzen"
    a token without search: 403 "not allowed: decide on authzen_search"
    the same asks: 200 {"decision":true}
    "#);
    // Nobody learns how a body is read before saying who one is.
    let body = b"not json".to_vec();
    assert_eq!(scene.send("", "evaluation", body, &[("content-type", "application/json")]).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_comes_from_who_asks() {
    let scene = Scene::new().await;
    let other = scene.app.tenant("office-2").await;
    scene.account(&other, "carol", "TENANT_STAFF").await;
    let outsider = scene.app.member(&other, Role::Service).await;
    let operator = scene.app.operator_member(Role::Service).await;
    let of = |tenant: Value, login: &str| {
        let mut body = question(login);
        body["context"] = json!({ "tenant": tenant });
        body
    };
    let mut told = Vec::new();
    for (who, token, body) in [
        ("own service, own account", &scene.token, question("alice")),
        ("own service, foreign account", &scene.token, question("carol")),
        ("own service names its tenant", &scene.token, of(json!("office-1"), "alice")),
        ("own service names another", &scene.token, of(json!("office-2"), "carol")),
        ("own service names none that there is", &scene.token, of(json!("office-9"), "carol")),
        ("other service, foreign account", &outsider.token, question("alice")),
        ("operator's service, no tenant", &operator.token, question("alice")),
        ("operator's service names it", &operator.token, of(json!("office-1"), "alice")),
    ] {
        let reply = scene.post_as(token, "evaluation", &body).await;
        let answer = reply.json();
        let told_of = if reply.status == 200 { answer["decision"].to_string() } else { answer.to_string() };
        told.push(format!("{who}: {} {told_of}", reply.status));
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    own service, own account: 200 true
    own service, foreign account: 200 false
    own service names its tenant: 200 true
    own service names another: 400 "tenant not found"
    own service names none that there is: 400 "tenant not found"
    other service, foreign account: 200 false
    operator's service, no tenant: 200 false
    operator's service names it: 200 true
    "#);
    // In a batch it is the item's error; the rest is answered, and a foreign search finds nothing of this tenant.
    let batch = json!({ "evaluations": [of(json!("office-2"), "carol"), question("alice")] });
    assert_eq!(scene.decisions(batch).await, [false, true]);
    let search = json!({ "subject": { "type": "user", "id": "carol" }, "action": { "name": "read" }, "resource": { "type": "record" } });
    let found = scene.post_as(&outsider.token, "search/resource", &search).await.json();
    assert_eq!(found["results"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_are_stated_only_by_who_may() {
    let scene = Scene::new().await;
    let body = |roles: Value| {
        json!({ "subject": { "type": "clerk", "id": "c-7", "properties": { "roles": roles } },
                "action": { "name": "write" },
                "resource": { "type": "record", "id": "record-2" } })
    };
    assert!(scene.decides(body(json!(["admin"]))).await);
    for roles in [
        json!(["Admin"]),
        json!(["admin,tenant_staff"]),
        json!("admin"),
        json!([["admin"]]),
        json!([]),
        json!(["no_such_role"]),
    ] {
        assert!(!scene.decides(body(roles.clone())).await, "{roles}");
    }
    let narrow = scene.token_of(&scene.service, &["decide:authzen"]).await;
    let reply = scene.post_as(&narrow, "evaluation", &body(json!(["admin"]))).await;
    insta::assert_json_snapshot!(reply.json(), @r#"
    {
      "context": {
        "id": "no_role",
        "reason_admin": {
          "en": "who asks holds no role here that a rule speaks of; roles that were stated are not taken: the token lacks decide:authzen_roles"
        },
        "reason_user": {
          "en": "You may not do this.",
          "ja": "この操作は許可されていません。"
        }
      },
      "decision": false
    }
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_holds_with_the_next_question() {
    let scene = Scene::new().await;
    assert!(scene.decides(question("alice")).await);
    scene
        .apply(&rule(
            "STOP",
            "enforce",
            SYSTEM,
            "{ effect: deny, roles: [tenant_staff], actions: [read], objects: [record] }",
        ))
        .await;
    let reply = scene.post("evaluation", &question("alice")).await.json();
    assert_eq!(reply["context"]["reason_admin"]["en"], "refused by requirement STOP", "{reply}");
    assert_eq!(reply["context"]["id"], "STOP");
    assert!(scene.decides(question("bob")).await);
    // A disabled account holds nothing.
    let list = "query($id: ID!) { node(id: $id) { ... on Tenant { accounts { id login } } } }";
    let accounts = scene.app.admin().gql_with(list, json!({ "id": scene.tenant.id })).await;
    let bob = accounts["data"]["node"]["accounts"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["login"] == "bob")
        .unwrap();
    let disable = "mutation($id: ID!) { disableAccount(accountId: $id) { __typename } }";
    let done = scene.app.admin().gql_with(disable, json!({ "id": bob["id"] })).await;
    assert!(done["errors"].is_null(), "{done}");
    assert!(!scene.decides(question("bob")).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_suimon_knows_nobody_states() {
    let scene = Scene::new().await;
    scene.account(&scene.tenant, "dave", "TENANT_STAFF").await;
    let other = scene.app.tenant("office-2").await;
    let foreign = "{ effect: deny, roles: [tenant_staff, admin], actions: [read, visit], objects: [record, room], \
                     when: [{ attribute: record.tenant, op: ne, other: actor.tenant }] }";
    let visits = "{ roles: [tenant_staff], actions: [visit], objects: [room, time, actor], when: [{ attribute: actor.operator, op: eq, value: false }] }";
    scene
        .apply(&[rule("OWN", "enforce", SYSTEM, foreign), rule("VISIT", "enforce", SYSTEM, visits)].concat())
        .await;
    let rows = json!([{ "line": 1, "tenant": "office-2", "externalId": "record-9", "fields": [{ "name": "status", "value": "active" }] }]);
    scene.import("record", rows).await;
    let read = |resource: Value| {
        json!({ "subject": { "type": "user", "id": "dave", "properties": { "tenant": other.id } },
                "action": { "name": "read" }, "resource": resource,
                "context": { "actor.tenant": "x", "record.tenant": "x" } })
    };
    assert!(scene.decides(read(json!({ "type": "record", "id": "record-1" }))).await);
    // A record of another tenant, one that there is not, and properties that would make it the own one.
    for resource in [
        json!({ "type": "record", "id": "record-9" }),
        json!({ "type": "record", "id": "record-9", "properties": { "tenant": "office-2" } }),
        json!({ "type": "record", "id": "none" }),
        json!({ "type": "record", "id": "none", "properties": { "subject": "x", "type": "record" } }),
        json!({ "type": "record.no_such_field", "id": "record-1" }),
    ] {
        let reply = scene.post("evaluation", &read(resource.clone())).await;
        assert!(reply.status != 200 || reply.json()["decision"] == false, "{resource}: {}", reply.text);
    }
    // An object of the system whose type is one of Suimon's own words cannot speak for it.
    let visit = |kind: &str, properties: Value| {
        json!({ "subject": { "type": "user", "id": "dave" }, "action": { "name": "visit" },
                "resource": { "type": kind, "id": "1", "properties": properties } })
    };
    assert!(!scene.decides(visit("room", json!({ "record.tenant": "x" }))).await);
    assert!(
        scene.decides(visit("actor", json!({ "operator": true, "tenant": "x" }))).await,
        "actor.operator is what it is"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn decisions_are_counted_and_no_value_is_kept() {
    let scene = Scene::new().await;
    let secret = "水野花子";
    let mut refused = question("alice");
    refused["action"]["name"] = json!("shred");
    refused["resource"]["properties"] = json!({ "note": secret });
    refused["subject"]["properties"] = json!({ "full_name": secret });
    refused["context"] = json!({ "why": secret });
    let mut invented = question("alice");
    invented["resource"] = json!({ "type": "mizuno_hanako", "id": secret });
    for _ in 0..3 {
        assert!(!scene.decides(refused.clone()).await);
    }
    assert!(!scene.decides(invented).await);
    assert!(scene.decides(question("alice")).await);
    let log = "query($id: ID!) { auditEntries(tenantId: $id, filter: { action: \"authzen.decide\" }) { nodes { actor object allowed detail } } }";
    let head = scene.token_of("bob", &["*:*"]).await;
    let head = crate::harness::Member { token: head, ..scene.officer.clone() };
    let (mut allowed, mut refused) = (0, 0);
    for _ in 0..100 {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        let answer = head.gql_with(log, json!({ "id": scene.tenant.id })).await;
        let text = answer.to_string();
        assert!(!text.contains(secret) && !text.contains("mizuno"), "{text}");
        let nodes =
            answer["data"]["auditEntries"]["nodes"].as_array().cloned().unwrap_or_else(|| panic!("{answer}"));
        let sum = |key: &str| nodes.iter().filter_map(|node| node["detail"][key].as_u64()).sum::<u64>();
        (allowed, refused) = (sum("allowed"), sum("refused"));
        if allowed + refused == 5 {
            let refusals: Vec<String> = nodes
                .iter()
                .flat_map(|node| node["detail"]["refusals"].as_array().cloned().unwrap_or_default())
                .map(|told| format!("{} {}", told["object"], told["action"]))
                .collect();
            assert!(refusals.contains(&"\"data.record\" \"(another action)\"".to_owned()), "{refusals:?}");
            assert!(refusals.contains(&"\"(another object)\" \"read\"".to_owned()), "{refusals:?}");
            assert!(nodes.iter().all(|node| node["actor"].as_str().unwrap().starts_with("token:")));
            break;
        }
    }
    assert_eq!((allowed, refused), (1, 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_are_told_and_nothing_breaks() {
    let scene = Scene::new().await;
    let mut many = question("alice");
    many["evaluations"] = (0..1025).map(|_| json!({})).collect();
    let reply = scene.post("evaluations", &many).await;
    insta::assert_snapshot!(format!("{} {}", reply.status, reply.text), @r#"400 "evaluations has more than 1024 items; send several requests""#);
    let mut long = question("alice");
    long["resource"]["properties"] = json!({ "note": "x".repeat(501) });
    let reply = scene.post("evaluation", &long).await;
    insta::assert_snapshot!(format!("{} {}", reply.status, reply.text), @r#"400 "properties: attribute: wants a text of at most 500 bytes""#);
    let large = vec![b' '; 2 * 1024 * 1024];
    let json = [("content-type", "application/json")];
    assert_eq!(scene.send(&scene.token, "evaluation", large, &json).await.status, 413);
    let nested = format!("{}{}", "{\"a\":".repeat(100_000), "}".repeat(100_000));
    assert_eq!(scene.send(&scene.token, "evaluation", nested.into_bytes(), &json).await.status, 400);
    for id in ["\u{1}", "' OR 1=1 --", "𠮷野家", "%", "_", "*", "../..", "\\"] {
        assert!(!scene.decides(question(id)).await, "{id:?}");
        let mut body = question("alice");
        body["resource"]["id"] = json!(id);
        body["resource"]["type"] = json!(id);
        assert!(!scene.decides(body).await, "{id:?}");
    }
    // PostgreSQL would not take such a text.
    let mut of_context = question("alice");
    of_context["context"] = json!({ "tenant": "\u{0}" });
    let mut of_record = question("alice");
    of_record["resource"]["properties"] = json!({ "tenant": "\u{0}" });
    for body in [question("\u{0}"), of_context, of_record] {
        assert_eq!(scene.post("evaluation", &body).await.status, 400);
    }
    assert!(scene.decides(question("alice")).await);
}

/// The Tokyo incident of 2021: operators of the call centre booked 1,023 slots that accepted no bookings.
#[tokio::test(flavor = "multi_thread")]
async fn bookings_of_closed_slots_are_refused() {
    let scene = Scene::new().await;
    let op = access::act_locally(&scene.app.app, &scene.officer.login).await.unwrap();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/vaccine-booking/manifests");
    let files: Vec<ManifestFile> = ["system.yaml", "requirements.yaml"]
        .iter()
        .map(|name| ManifestFile {
            name: (*name).into(),
            content: std::fs::read(format!("{folder}/{name}")).unwrap(),
        })
        .collect();
    let outcome = requirements::apply(&op, files, "the example", false).await.unwrap();
    assert!(matches!(outcome, Outcome::Applied(_)), "{outcome:?}");
    let slots = |count: usize, properties: &Value| -> Value {
        let of = |number| json!({ "resource": { "type": "slot", "id": format!("slot-{number}"), "properties": properties } });
        (0..count).map(of).collect()
    };
    let batch = |slots: Value| {
        json!({ "subject": { "type": "operator", "id": "desk-4", "properties": { "roles": ["call_centre"] } },
                "action": { "name": "book" }, "context": { "system": "vaccine-booking", "channel": "call_centre" },
                "evaluations": slots })
    };
    let closed = scene.decisions(batch(slots(1023, &json!({ "accepts_bookings": false })))).await;
    assert_eq!(closed, vec![false; 1023]);
    // What is not known does not help either.
    for unknown in [
        json!({}),
        json!({ "accepts_bookings": "true" }),
        json!({ "accepts_bookings": null }),
        json!({ "acceptsBookings": true }),
    ] {
        assert_eq!(scene.decisions(batch(slots(3, &unknown))).await, [false; 3], "{unknown}");
    }
    assert_eq!(scene.decisions(batch(slots(20, &json!({ "accepts_bookings": true })))).await, [true; 20]);
    let mut one = batch(json!([]));
    one["resource"] = json!({ "type": "slot", "id": "slot-1", "properties": { "accepts_bookings": false } });
    let reply = scene.post("evaluation", &one).await.json();
    assert_eq!(reply["context"]["reason_admin"]["en"], "refused by requirement VAX-ACC-001", "{reply}");
    // With two systems in force the system must be named.
    one["context"] = json!({});
    let reply = scene.post("evaluation", &one).await;
    insta::assert_snapshot!(format!("{} {}", reply.status, reply.text), @r#"400 "context.system: is missing: there are several systems; name the system that is asked about""#);
}
