//! Every MUST of the AuthZEN certification scenario, by its numbers (c-…): levels Basic, Batch, Search and Discovery, each
//! with Core and Properties.

use serde_json::{Value, json};

use crate::authzen_scene::Scene;

fn user(id: &str) -> Value {
    json!({ "type": "user", "id": id })
}

fn record(id: &str) -> Value {
    json!({ "type": "record", "id": id })
}

fn ask(subject: Value, action: Value, resource: Value) -> Value {
    json!({ "subject": subject, "action": action, "resource": resource })
}

fn read() -> Value {
    json!({ "name": "read" })
}

fn write() -> Value {
    json!({ "name": "write" })
}

fn with(mut entity: Value, properties: Value) -> Value {
    entity["properties"] = properties;
    entity
}

fn archived() -> Value {
    with(record("record-2"), json!({ "status": "archived" }))
}

fn admin() -> Value {
    with(user("bob"), json!({ "role": "admin" }))
}

#[tokio::test(flavor = "multi_thread")]
async fn c_2_basic_decisions() {
    let scene = Scene::new().await;
    let delete = |soft: bool| json!({ "name": "delete", "properties": { "soft": soft } });
    let context = json!({ "time": "2025-06-27T18:03-07:00", "ip": "192.168.1.1" });
    let mut in_context = ask(user("alice"), read(), record("record-1"));
    in_context["context"] = context.clone();
    let mut unknown_fields = ask(user("alice"), read(), record("record-1"));
    unknown_fields["foo"] = json!("bar");
    unknown_fields["futureField"] = json!({ "nested": true });
    let more = ask(
        with(user("alice"), json!({ "department": "Sales", "role": "manager" })),
        json!({ "name": "read", "properties": { "method": "GET" } }),
        with(record("record-1"), json!({ "status": "active", "owner": "bob" })),
    );
    let cases = [
        ("rule 1, c-2-2-1", ask(user("alice"), read(), record("record-1")), true),
        ("rule 2", ask(user("alice"), write(), record("record-1")), true),
        ("rule 3", ask(user("bob"), read(), record("record-1")), true),
        ("rule 4, c-2-2-2", ask(user("bob"), write(), record("record-1")), false),
        ("c-2-2-3", in_context, true),
        ("rule 5, c-2-2-4", ask(user("alice"), write(), archived()), false),
        ("rule 6, c-2-2-5", ask(admin(), write(), archived()), true),
        ("rule 7, c-2-2-6", ask(user("alice"), delete(true), record("record-1")), true),
        ("rule 8, c-2-2-7", ask(user("alice"), delete(false), record("record-1")), false),
        ("c-2-2-8", more, true),
        ("c-2-2-9", unknown_fields, true),
    ];
    for (name, body, expected) in &cases {
        // c-2-6: the same again and again; c-1-6: with context and without.
        for _ in 0..3 {
            assert_eq!(scene.decides(body.clone()).await, *expected, "{name}");
        }
        let mut body = body.clone();
        body["context"] = context.clone();
        assert_eq!(scene.decides(body).await, *expected, "{name} in a context");
    }
    // c-2-3: JSON, a boolean, a context that is an object.
    let reply = scene.post("evaluation", &cases[3].1).await;
    assert!(reply.headers["content-type"].to_str().unwrap().starts_with("application/json"));
    assert!(reply.json()["decision"].is_boolean() && reply.json()["context"].is_object(), "{}", reply.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn c_2_4_errors() {
    let scene = Scene::new().await;
    let good = || ask(user("alice"), read(), record("record-1"));
    let mut wrong = Vec::new();
    for path in ["evaluation", "evaluations"] {
        for key in ["subject", "action", "resource"] {
            let mut body = good();
            body.as_object_mut().unwrap().remove(key);
            wrong.push((path, format!("c-2-4-1 without {key}"), body.to_string()));
        }
        for (part, key) in [
            ("subject", "type"),
            ("subject", "id"),
            ("action", "name"),
            ("resource", "type"),
            ("resource", "id"),
        ] {
            let mut body = good();
            body[part].as_object_mut().unwrap().remove(key);
            wrong.push((path, format!("c-2-4-2 without {part}.{key}"), body.to_string()));
        }
        let mut text = good();
        text["subject"] = json!("alice");
        let mut number = good();
        number["action"]["name"] = json!(123);
        for (name, body) in [
            ("c-2-4-4", "{\"subject\": ".to_owned()),
            ("c-2-4-4", "not json".to_owned()),
            ("c-2-4-5", String::new()),
            ("c-2-4-6", text.to_string()),
            ("c-2-4-6", number.to_string()),
            ("an array", "[]".to_owned()),
        ] {
            wrong.push((path, name.to_owned(), body));
        }
    }
    for (path, name, body) in &wrong {
        let json = [("content-type", "application/json"), ("x-request-id", "a failing one")];
        let reply = scene.send(&scene.token, path, body.clone().into_bytes(), &json).await;
        assert_eq!(reply.status, 400, "{path} {name}: {}", reply.text);
        assert_eq!(reply.headers["x-request-id"], "a failing one", "{path} {name}");
        assert!(reply.json().is_string(), "an error message string: {}", reply.text);
    }
    // c-2-4-3
    for kind in ["text/plain", "application/xml", "application/x-www-form-urlencoded", "application/jsonp"] {
        for path in ["evaluation", "evaluations", "search/subject", "search/resource", "search/action"] {
            let body = good().to_string().into_bytes();
            let reply = scene.send(&scene.token, path, body, &[("content-type", kind)]).await;
            assert_eq!(reply.status, 400, "{path} {kind}");
        }
    }
    let body = good().to_string().into_bytes();
    assert_eq!(scene.send(&scene.token, "evaluation", body.clone(), &[]).await.status, 400, "no type at all");
    let utf8 = [("content-type", "application/json; charset=utf-8")];
    assert_eq!(scene.send(&scene.token, "evaluation", body, &utf8).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn c_2_5_request_ids() {
    let scene = Scene::new().await;
    let body = ask(user("alice"), read(), record("record-1")).to_string().into_bytes();
    let json = ("content-type", "application/json");
    for id in
        ["bfe9eb29-ab87-4ca3-be83-a1d5d8305716", "1", "an arbitrary string; with = signs", &"x".repeat(300)]
    {
        let reply = scene.send(&scene.token, "evaluation", body.clone(), &[json, ("x-request-id", id)]).await;
        assert_eq!((reply.status, reply.headers["x-request-id"].to_str().unwrap()), (200, id));
        let refused = scene.send("", "evaluation", body.clone(), &[json, ("x-request-id", id)]).await;
        assert_eq!((refused.status, refused.headers["x-request-id"].to_str().unwrap()), (401, id));
    }
    let reply = scene.send(&scene.token, "evaluation", body, &[json]).await;
    assert_eq!(reply.status, 200);
    assert!(!reply.headers["x-request-id"].is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn c_3_batches() {
    let scene = Scene::new().await;
    let one = |key: &str, value: Value| json!({ key: value });
    let status = |status: &str| json!({ "status": status });
    // c-3-2-1 and c-3-2-6
    let two = scene.decisions(json!({ "subject": user("alice"), "action": read(), "evaluations": [
        one("resource", record("record-1")), one("resource", record("record-2"))] }));
    assert_eq!(two.await.len(), 2);
    let contexts = scene.decisions(json!({
        "subject": user("alice"), "action": read(), "context": { "time": "2025-06-27T18:03-07:00" }, "evaluations": [
            one("resource", record("record-1")),
            { "resource": record("record-2"), "context": { "time": "2025-06-27T19:00-07:00", "source": "batch-override" } }] }));
    assert_eq!(contexts.await.len(), 2);
    // c-3-2-2 and c-3-3-2: in their order
    let order = json!({ "subject": user("bob"), "resource": record("record-1"),
        "evaluations": [one("action", read()), one("action", write())] });
    assert_eq!(scene.decisions(order).await, [true, false]);
    // c-3-2-3
    let properties = json!({ "subject": user("alice"), "action": write(), "evaluations": [
        one("resource", with(record("record-1"), status("active"))),
        one("resource", with(record("record-2"), status("archived")))] });
    assert_eq!(scene.decisions(properties).await, [true, false]);
    // c-3-2-4
    let subjects = json!({ "action": write(), "resource": archived(),
        "evaluations": [one("subject", user("alice")), one("subject", admin())] });
    assert_eq!(scene.decisions(subjects).await, [false, true]);
    // c-3-2-5
    let whole = json!({ "evaluations": [
        ask(user("alice"), read(), record("record-1")), ask(user("bob"), write(), record("record-1"))] });
    assert_eq!(scene.decisions(whole).await, [true, false]);
    // c-3-2-7
    let merged = json!({ "subject": user("alice"), "action": write(), "resource": { "type": "record" }, "evaluations": [
        one("resource", json!({ "id": "record-1", "properties": status("active") })),
        one("resource", with(record("record-2"), status("archived")))] });
    assert_eq!(scene.decisions(merged).await, [true, false]);
    // c-3-4-1: 200, the failed one false with its error, the length kept
    let failing = json!({ "subject": user("alice"), "action": read(),
        "evaluations": [one("resource", record("record-1")), {}] });
    let reply = scene.post("evaluations", &failing).await;
    assert_eq!(reply.status, 200);
    insta::assert_snapshot!(reply.text, @r#"{"evaluations":[{"decision":true},{"decision":false,"context":{"error":{"message":"resource is missing","status":400}}}]}"#);
    // c-3-4-2 and c-3-4-3: as a single one
    let mut single = ask(user("alice"), read(), record("record-1"));
    let reply = scene.post("evaluations", &single).await;
    assert_eq!((reply.status, reply.text.as_str()), (200, "{\"decision\":true}"));
    single["evaluations"] = json!([]);
    let reply = scene.post("evaluations", &single).await;
    assert_eq!((reply.status, reply.text.as_str()), (200, "{\"decision\":true}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn evaluations_semantics() {
    let scene = Scene::new().await;
    let ask = |semantic: &str, actions: &[&str]| {
        let items: Vec<Value> = actions.iter().map(|name| json!({ "action": { "name": name } })).collect();
        json!({ "subject": user("bob"), "resource": record("record-1"), "evaluations": items,
            "options": { "evaluations_semantic": semantic, "another_option": "value" } })
    };
    for (semantic, actions, expected) in [
        ("execute_all", &["read", "write", "read"][..], &[true, false, true][..]),
        ("deny_on_first_deny", &["read", "write", "read"], &[true, false]),
        ("deny_on_first_deny", &["read", "read"], &[true, true]),
        ("permit_on_first_permit", &["write", "read", "write"], &[false, true]),
        ("permit_on_first_permit", &["write", "write"], &[false, false]),
    ] {
        assert_eq!(scene.decisions(ask(semantic, actions)).await, expected, "{semantic} {actions:?}");
    }
    // An error counts as a denial.
    let mut failing = ask("deny_on_first_deny", &["read", "read"]);
    failing["evaluations"][0] = json!({ "action": {} });
    assert_eq!(scene.decisions(failing).await, [false]);
    let unknown = scene.post("evaluations", &ask("some_day", &["read"])).await;
    assert_eq!(unknown.status, 400);
    insta::assert_snapshot!(unknown.text, @r#""options.evaluations_semantic must be execute_all, deny_on_first_deny or permit_on_first_permit""#);
}

#[tokio::test(flavor = "multi_thread")]
async fn c_4_searches() {
    let scene = Scene::new().await;
    let kind = |kind: &str| json!({ "type": kind });
    let with_context = |mut body: Value| {
        body["context"] = json!({ "time": "2025-06-27T18:03-07:00" });
        body
    };
    // c-4-2-1, c-4-2-2
    let readers = json!({ "subject": kind("user"), "action": read(), "resource": record("record-1") });
    for body in [readers.clone(), with_context(readers.clone())] {
        assert_eq!(scene.finds("subject", body).await, [user("alice"), user("bob")]);
    }
    // c-4-2-4
    let writers = json!({ "subject": kind("user"), "action": write(), "resource": archived() });
    assert_eq!(scene.finds("subject", writers).await, [user("bob")]);
    // c-4-3-1
    let readable = json!({ "subject": user("alice"), "action": read(), "resource": kind("record") });
    assert_eq!(scene.finds("resource", readable.clone()).await, [record("record-1"), record("record-2")]);
    assert_eq!(scene.finds("resource", with_context(readable)).await.len(), 2);
    // c-4-3-3: by what is stored of the records
    let writable = json!({ "subject": admin(), "action": write(), "resource": kind("record") });
    assert_eq!(scene.finds("resource", writable).await, [record("record-2")]);
    // c-4-4-1, c-4-4-2
    let verbs = json!({ "subject": user("alice"), "resource": record("record-1") });
    for body in [verbs.clone(), with_context(verbs)] {
        let found = scene.finds("action", body).await;
        assert!(found.contains(&read()) && found.contains(&write()), "{found:?}");
        assert!(!found.contains(&json!({ "name": "delete" })), "soft is not known: {found:?}");
    }
    // c-4-4-3
    let found = scene.finds("action", json!({ "subject": admin(), "resource": archived() })).await;
    assert!(found.contains(&write()), "{found:?}");
    // c-4-2-3, c-4-3-2: an id that is sent all the same is ignored
    let sent = json!({ "subject": user("nobody"), "action": read(), "resource": record("record-1") });
    assert_eq!(scene.finds("subject", sent).await.len(), 2);
    // c-4-6: nothing is found, which is no error
    let nobody = json!({ "subject": user("nonexistent-user"), "resource": record("record-1") });
    assert_eq!(scene.finds("action", nobody).await, [] as [Value; 0]);
    for (what, body) in [
        (
            "subject",
            json!({ "subject": kind("spaceship"), "action": read(), "resource": record("record-1") }),
        ),
        ("resource", json!({ "subject": user("alice"), "action": read(), "resource": kind("spaceship") })),
        ("resource", json!({ "subject": user("alice"), "action": read(), "resource": kind("Raum Schiff") })),
        ("action", json!({ "subject": user("alice"), "resource": { "type": "spaceship", "id": "1" } })),
        ("action", json!({ "subject": { "type": "spaceship", "id": "1" }, "resource": record("record-1") })),
    ] {
        assert_eq!(scene.finds(what, body.clone()).await, [] as [Value; 0], "{what} {body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c_4_5_pages() {
    let scene = Scene::new().await;
    let question = json!({ "subject": { "type": "user" }, "action": read(), "resource": record("record-1") });
    let page = async |page: Value| {
        let mut body = question.clone();
        body["page"] = page;
        scene.post("search/subject", &body).await
    };
    let first = page(json!({ "limit": 1 })).await.json();
    assert_eq!(first["results"], json!([user("alice")]));
    let token = first["page"]["next_token"].as_str().unwrap().to_owned();
    assert!(!token.is_empty() && !token.contains("alice"));
    // c-4-5-2: the token alone goes on; the drafts before called it next_token
    for key in ["token", "next_token"] {
        let rest = page(json!({ key: token })).await.json();
        assert_eq!(rest["results"], json!([user("bob")]), "{rest}");
        assert_eq!(rest["page"]["next_token"], "");
    }
    // Bound to the search and to who asks; a changed one is none.
    let mut other = question.clone();
    other["action"] = write();
    other["page"] = json!({ "token": token });
    assert_eq!(scene.post("search/subject", &other).await.status, 400);
    let stranger = scene.app.member(&scene.tenant, suimon::access::Role::Service).await;
    let mut same = question.clone();
    same["page"] = json!({ "token": token });
    assert_eq!(scene.post_as(&stranger.token, "search/subject", &same).await.status, 400);
    let mut changed = token.clone().into_bytes();
    changed[3] = if changed[3] == b'A' { b'B' } else { b'A' };
    for token in [String::from_utf8(changed).unwrap(), "x".to_owned(), "!".to_owned(), "x".repeat(5000)] {
        let reply = page(json!({ "token": token })).await;
        assert_eq!(reply.status, 400, "{}", reply.text);
    }
    for wrong in [json!({ "limit": 0 }), json!({ "limit": -1 }), json!({ "limit": "1" }), json!(1)] {
        assert_eq!(page(wrong).await.status, 400);
    }
    // Every page of the other searches, one by one: nothing is left out and nothing comes twice.
    for (what, body) in [
        ("resource", json!({ "subject": user("alice"), "action": read(), "resource": { "type": "record" } })),
        ("action", json!({ "subject": user("alice"), "resource": record("record-1") })),
    ] {
        let all = scene.finds(what, body.clone()).await;
        let (mut found, mut next) = (Vec::new(), String::new());
        loop {
            let mut body = body.clone();
            body["page"] = json!({ "limit": 1, "token": next });
            let answer = scene.post(&format!("search/{what}"), &body).await.json();
            found.extend(answer["results"].as_array().unwrap().clone());
            next = answer["page"]["next_token"].as_str().unwrap().to_owned();
            if next.is_empty() {
                break;
            }
        }
        assert_eq!(found, all, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c_4_7_search_errors() {
    let scene = Scene::new().await;
    for (what, body) in [
        ("subject", json!({ "subject": { "type": "user" }, "resource": record("record-1") })),
        (
            "subject",
            json!({ "subject": { "type": "user" }, "action": read(), "resource": { "type": "record" } }),
        ),
        ("subject", json!({ "subject": {}, "action": read(), "resource": record("record-1") })),
        ("resource", json!({ "action": read(), "resource": { "type": "record" } })),
        (
            "resource",
            json!({ "subject": { "type": "user" }, "action": read(), "resource": { "type": "record" } }),
        ),
        ("resource", json!({ "subject": user("alice"), "resource": { "type": "record" } })),
        ("action", json!({ "subject": user("alice") })),
        ("action", json!({ "resource": record("record-1") })),
        ("action", json!({ "subject": user("alice"), "resource": { "type": "record" } })),
    ] {
        let reply = scene.post(&format!("search/{what}"), &body).await;
        assert_eq!(reply.status, 400, "{what} {body}: {}", reply.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c_6_discovery() {
    let scene = Scene::with(&["server.public_url=https://pdp.example.jp"]).await;
    let url = format!("{}/.well-known/authzen-configuration", scene.app.url);
    let response = scene.app.http.get(url).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/json");
    let metadata: Value = response.json().await.unwrap();
    insta::assert_json_snapshot!(metadata, @r#"
    {
      "access_evaluation_endpoint": "https://pdp.example.jp/access/v1/evaluation",
      "access_evaluations_endpoint": "https://pdp.example.jp/access/v1/evaluations",
      "policy_decision_point": "https://pdp.example.jp",
      "search_action_endpoint": "https://pdp.example.jp/access/v1/search/action",
      "search_resource_endpoint": "https://pdp.example.jp/access/v1/search/resource",
      "search_subject_endpoint": "https://pdp.example.jp/access/v1/search/subject"
    }
    "#);
    // The endpoints that it names are there.
    for endpoint in metadata.as_object().unwrap().iter().filter(|(key, _)| key.ends_with("_endpoint")) {
        let path = endpoint.1.as_str().unwrap().strip_prefix("https://pdp.example.jp/access/v1/").unwrap();
        assert_eq!(scene.send(&scene.token, path, Vec::new(), &[]).await.status, 400, "{path}");
    }
}
