//! What a hostile but signed-in client sends to wear the service out, and what it is told.

use reqwest::StatusCode;
use sea_orm::{ConnectOptions, ConnectionTrait, Database};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::TestApp;

/// Code and message of the first error; nothing may have been answered beside it.
async fn refusal(app: &TestApp, document: &str) -> String {
    let answer = app.admin().gql(document).await;
    assert!(answer.get("data").is_none(), "{answer}");
    let error = &answer["errors"][0];
    format!("{}: {}", error["extensions"]["code"].as_str().unwrap(), error["message"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn negative_5_floods_are_refused_before_they_run() {
    let app = TestApp::new().await;
    let nested = |depth: usize| format!("{}{}", "{ incident(number: 1) ".repeat(depth), "}".repeat(depth));
    let doubling: String =
        (0..20).map(|n| format!("fragment F{n} on Query {{ ...F{} ...F{} }} ", n + 1, n + 1)).collect();
    let expensive = "incidents(first: 200) { nodes { findings(first: 200) { nodes { id } } } }";
    // Costs that would make the library's sum overflow: 4 × 2^62 is 0.
    let overflowing = (0..4).fold(expensive.to_owned(), |text, n| {
        format!(
            "{text} o{n}: incidents(first: 2147483647) {{ nodes {{ findings(first: 2147483647) {{ nodes {{ id }} }} }} }}"
        )
    });
    let mut answers = Vec::new();
    for (what, document) in [
        ("tokens", format!("{{ {} }}", "viewer { __typename } ".repeat(500))),
        ("a megabyte of tokens", "{a ".repeat(300_000)),
        ("brackets", format!("{{ a(x: {}{}) }}", "[".repeat(100), "]".repeat(100))),
        ("aliases", format!("{{ {} }}", (0..16).map(|n| format!("a{n}: __typename ")).collect::<String>())),
        ("repeated fields", format!("{{ {} }}", "verifyAudit { entries } ".repeat(17))),
        ("aliases in a fragment", "{ ...A ...A ...A ...A } fragment A on Query { a: __typename b: __typename c: __typename d: __typename }".to_owned()),
        ("directives", format!("{{ __typename {} }}", "@include(if: true) ".repeat(51))),
        ("directives on variables", format!("query({}) {{ __typename }}", (0..51).map(|n| format!("$v{n}: Int @a ")).collect::<String>())),
        ("depth", nested(13)),
        ("depth in fragments", "{ ...A } fragment A on Query { a { b { c { ...B } } } } fragment B on T { a { b { c { ...C } } } } fragment C on T { a { b { c { ...D } } } } fragment D on T { a { b { c { d } } } }".to_owned()),
        ("a circle", "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }".to_owned()),
        ("doubling fragments", format!("{{ ...F0 }} {doubling} fragment F20 on Query {{ __typename }}")),
        ("cost", format!("{{ {expensive} }}")),
        ("cost beyond the largest number", format!("{{ {overflowing} }}")),
    ] {
        answers.push(format!("{what} → {}", refusal(&app, &document).await));
    }
    insta::assert_snapshot!(answers.join("\n"), @r"
    tokens → LIMIT_EXCEEDED: the document has too many tokens; at most 1000 are answered
    a megabyte of tokens → LIMIT_EXCEEDED: the document has too many tokens; at most 1000 are answered
    brackets → LIMIT_EXCEEDED: the document nests brackets too deep; at most 64 are answered
    aliases → LIMIT_EXCEEDED: the document has 16 aliases and repeated fields; at most 15 are answered
    repeated fields → LIMIT_EXCEEDED: the document has 16 aliases and repeated fields; at most 15 are answered
    aliases in a fragment → LIMIT_EXCEEDED: the document has 16 aliases and repeated fields; at most 15 are answered
    directives → LIMIT_EXCEEDED: the document has 51 directives; at most 50 are answered
    directives on variables → LIMIT_EXCEEDED: the document has 51 directives; at most 50 are answered
    depth → LIMIT_EXCEEDED: the document is 13 fields deep; at most 12 are answered
    depth in fragments → LIMIT_EXCEEDED: the document is 13 fields deep; at most 12 are answered
    a circle → GRAPHQL_INVALID: a fragment contains itself
    doubling fragments → LIMIT_EXCEEDED: the document's fragments repeat too much; at most 1000 are answered
    cost → LIMIT_EXCEEDED: the document costs too much; at most 4000 is answered
    cost beyond the largest number → LIMIT_EXCEEDED: the document costs too much; at most 4000 is answered
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn negative_5_batches_and_large_bodies_are_refused() {
    let app = TestApp::with(&["server.max_body_bytes=4096"]).await;
    let send = |body: String| {
        let request = app.http.post(format!("{}/graphql", app.url)).bearer_auth(&app.admin().token);
        request.header("content-type", "application/json").body(body).send()
    };
    let batch = json!([{ "query": "{ __typename }" }, { "query": "{ __typename }" }]).to_string();
    let answer = send(batch).await.unwrap();
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    insta::assert_snapshot!(answer.text().await.unwrap(), @r#"{"errors":[{"message":"the body is not one GraphQL request; send JSON such as {\"query\": \"{ viewer { tenant { slug } } }\"}","extensions":{"code":"INVALID"}}]}"#);
    let large = json!({ "query": "{ __typename }", "variables": { "x": "x".repeat(5000) } }).to_string();
    assert_eq!(send(large).await.unwrap().status(), StatusCode::PAYLOAD_TOO_LARGE);
    let nested = format!(
        "{{\"query\":\"{{ __typename }}\",\"variables\":{{\"x\":{}{}}}}}",
        "[".repeat(500),
        "]".repeat(500)
    );
    assert_eq!(send(nested).await.unwrap().status(), StatusCode::BAD_REQUEST);
    let good = json!({ "query": "{ __typename }" }).to_string();
    assert_eq!(send(good).await.unwrap().status(), StatusCode::OK);
}

/// Who is refused before everything was sent is told why, and finds no connection that was reset.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_reaches_who_is_still_sending() {
    let app = TestApp::with(&["server.max_body_bytes=4096"]).await;
    let address = app.url.strip_prefix("http://").unwrap();
    let token = &app.admin().token;
    // More than the buffers between two programs hold.
    let body = vec![b' '; 6 << 20];
    for (path, kind, expected) in [
        ("/graphql", "application/json", "413"),
        ("/graphql", "text/plain", "413"),
        ("/nowhere", "application/json", "413"),
        ("/access/v1/evaluation", "application/json", "413"),
    ] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nContent-Type: {kind}\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        for piece in body.chunks(64 << 10) {
            stream.write_all(piece).await.unwrap();
        }
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let status = String::from_utf8_lossy(&answer[9..12]).into_owned();
        assert_eq!(status, expected, "{path} {kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_ends_at_its_deadline_and_leaves_nothing() {
    let app = TestApp::with(&["graphql.max_seconds=1"]).await;
    let mut options = ConnectOptions::new(app.owner_url());
    options.max_connections(1);
    let other = Database::connect(options).await.unwrap();
    // Somebody else holds what every change needs.
    let (lock, release) = match other.get_database_backend() {
        sea_orm::DbBackend::Sqlite => ("BEGIN IMMEDIATE", "ROLLBACK"),
        _ => ("BEGIN; LOCK TABLE audit_entry IN ACCESS EXCLUSIVE MODE", "ROLLBACK"),
    };
    other.execute_unprepared(lock).await.unwrap();
    let create = "mutation { createTenants(tenants: [{ slug: \"late\", nameJa: \"遅\", nameEn: \"Late\" }]) { __typename } }";
    let answer = app.admin().gql(create).await;
    insta::assert_snapshot!(answer, @r#"{"errors":[{"extensions":{"code":"TIMEOUT"},"message":"the operation took longer than 1 s and was cancelled"}]}"#);
    other.execute_unprepared(release).await.unwrap();
    other.close().await.unwrap();
    let answer = app.admin().gql("{ tenant(slug: \"late\") { id } }").await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "NOT_FOUND", "{answer}");
    app.tenant("in-time").await;
}

const WRONG: [&str; 6] = [
    "{ viewr { tenant { slug } } }",
    "{ viewer { tenat { slug } } }",
    "{ tenant(slugg: \"x\") { id } }",
    "mutation { issueToken(label: \"x\", scopes: [], days: 1, dayz: 1) { __typename } }",
    "{ viewer { tenant { slug } } @skipp(if: true) }",
    "{ incidents(frist: 1) { nodes { id } } }",
];

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_suggested_in_any_mode() {
    for mode in ["server.development=true", "server.development=false"] {
        let app = TestApp::with(&[mode]).await;
        for document in WRONG {
            let answer = app.admin().gql(document).await;
            assert!(answer["errors"].is_array(), "{document}: {answer}");
            let text = answer.to_string().to_lowercase();
            assert!(!text.contains("did you mean"), "{mode}: {text}");
            assert!(
                !text.contains("\"days") && !text.contains("\"first") && !text.contains("viewer\""),
                "{mode}: {text}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schema_is_told_in_development_only() {
    // What GraphiQL asks goes deeper than any other document may.
    let deep = format!(
        "{{ __schema {{ types {{ fields {{ type {} {{ name }} {} }} }} }} }}",
        "{ ofType ".repeat(12),
        "}".repeat(12)
    );
    let development = TestApp::new().await;
    let answer = development.admin().gql(&deep).await;
    assert!(answer["data"]["__schema"]["types"].as_array().unwrap().len() > 50, "{answer}");
    let production = TestApp::with(&["server.development=false"]).await;
    for document in
        [deep.as_str(), "{ __schema { queryType { name } } }", "{ __type(name: \"Query\") { name } }"]
    {
        let answer = production.admin().gql(document).await;
        let told = [&answer["data"]["__schema"], &answer["data"]["__type"]];
        assert!(told.iter().all(|told| told.is_null()), "{answer}");
    }
    let response = production.http.get(format!("{}/graphiql", production.url)).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn statuses_and_media_types_are_those_of_graphql_over_http() {
    let app = TestApp::with(&["graphql.get=true"]).await;
    let mut answers = Vec::new();
    let both = ["application/json", "application/graphql-response+json"];
    for (body, accepts) in [
        (json!({ "query": "{ __typename }" }), &both[..]),
        (json!({ "query": "{" }), &both),
        (json!({ "query": "{ nothing }" }), &both),
        (json!({ "query": "{ incident(number: 77) { id } }" }), &both),
        (json!({ "query": "query($id: ID!) { node(id: $id) { id } }", "variables": { "id": null } }), &both),
        (json!({ "query": "{ __typename }", "operationName": "Other" }), &both),
        (json!({ "query": "subscription { __typename }" }), &both),
        (json!({ "query": "{ __typename }", "documentId": "sha256:00" }), &both),
        (json!({ "quarry": "{ __typename }" }), &both),
        (json!({ "query": "{ __typename }" }), &["text/html"]),
    ] {
        for accept in accepts {
            let request = app.http.post(format!("{}/graphql", app.url)).bearer_auth(&app.admin().token);
            let response = request.header("accept", *accept).json(&body).send().await.unwrap();
            let status = response.status().as_u16();
            let media = response.headers()["content-type"].to_str().unwrap().to_owned();
            let answer: Value = response.json().await.unwrap();
            let (code, data) = (&answer["errors"][0]["extensions"]["code"], answer.get("data"));
            answers.push(format!("{body} {accept}\n  → {status} {media} {code} data {data:?}"));
        }
    }
    for query in ["query=%7B__typename%7D", "query=mutation%7B__typename%7D", "query=%7B&variables=7", "qu"] {
        let request = app.http.get(format!("{}/graphql?{query}", app.url)).bearer_auth(&app.admin().token);
        let response = request.send().await.unwrap();
        let (status, cached) = (response.status().as_u16(), response.headers()["cache-control"].clone());
        assert!(cached.to_str().unwrap().contains("no-store"));
        answers.push(format!("GET {query}\n  → {status} {}", response.text().await.unwrap()));
    }
    insta::assert_snapshot!(answers.join("\n"), @r#"
    {"query":"{ __typename }"} application/json
      → 200 application/json; charset=utf-8 null data Some(Object {"__typename": String("Query")})
    {"query":"{ __typename }"} application/graphql-response+json
      → 200 application/graphql-response+json; charset=utf-8 null data Some(Object {"__typename": String("Query")})
    {"query":"{"} application/json
      → 200 application/json; charset=utf-8 "GRAPHQL_INVALID" data None
    {"query":"{"} application/graphql-response+json
      → 400 application/graphql-response+json; charset=utf-8 "GRAPHQL_INVALID" data None
    {"query":"{ nothing }"} application/json
      → 200 application/json; charset=utf-8 "GRAPHQL_INVALID" data None
    {"query":"{ nothing }"} application/graphql-response+json
      → 400 application/graphql-response+json; charset=utf-8 "GRAPHQL_INVALID" data None
    {"query":"{ incident(number: 77) { id } }"} application/json
      → 200 application/json; charset=utf-8 "NOT_FOUND" data Some(Null)
    {"query":"{ incident(number: 77) { id } }"} application/graphql-response+json
      → 200 application/graphql-response+json; charset=utf-8 "NOT_FOUND" data Some(Null)
    {"query":"query($id: ID!) { node(id: $id) { id } }","variables":{"id":null}} application/json
      → 200 application/json; charset=utf-8 "GRAPHQL_INVALID" data None
    {"query":"query($id: ID!) { node(id: $id) { id } }","variables":{"id":null}} application/graphql-response+json
      → 400 application/graphql-response+json; charset=utf-8 "GRAPHQL_INVALID" data None
    {"operationName":"Other","query":"{ __typename }"} application/json
      → 200 application/json; charset=utf-8 "GRAPHQL_INVALID" data None
    {"operationName":"Other","query":"{ __typename }"} application/graphql-response+json
      → 400 application/graphql-response+json; charset=utf-8 "GRAPHQL_INVALID" data None
    {"query":"subscription { __typename }"} application/json
      → 200 application/json; charset=utf-8 "GRAPHQL_INVALID" data None
    {"query":"subscription { __typename }"} application/graphql-response+json
      → 400 application/graphql-response+json; charset=utf-8 "GRAPHQL_INVALID" data None
    {"documentId":"sha256:00","query":"{ __typename }"} application/json
      → 400 application/json; charset=utf-8 "INVALID" data None
    {"documentId":"sha256:00","query":"{ __typename }"} application/graphql-response+json
      → 400 application/graphql-response+json; charset=utf-8 "INVALID" data None
    {"quarry":"{ __typename }"} application/json
      → 400 application/json; charset=utf-8 "INVALID" data None
    {"quarry":"{ __typename }"} application/graphql-response+json
      → 400 application/graphql-response+json; charset=utf-8 "INVALID" data None
    {"query":"{ __typename }"} text/html
      → 406 application/json; charset=utf-8 "INVALID" data None
    GET query=%7B__typename%7D
      → 200 {"data":{"__typename":"Query"}}
    GET query=mutation%7B__typename%7D
      → 405 {"errors":[{"message":"only queries are answered to GET","extensions":{"code":"INVALID"}}]}
    GET query=%7B&variables=7
      → 400 {"errors":[{"message":"the parameters are not one GraphQL request","extensions":{"code":"INVALID"}}]}
    GET qu
      → 400 {"errors":[{"message":"give either query or documentId","extensions":{"code":"INVALID"}}]}
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn get_is_off_unless_it_is_switched_on_and_needs_the_csrf_header() {
    let app = TestApp::new().await;
    let get = || app.http.get(format!("{}/graphql?query=%7B__typename%7D", app.url));
    assert_eq!(get().send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    let response = get().bearer_auth(&app.admin().token).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.headers()["allow"], "POST");

    let app = TestApp::with(&["graphql.get=true"]).await;
    let sign_in = app.http.post(format!("{}/auth/sign-in", app.url));
    let signed_in = sign_in
        .json(&json!({ "login": "admin", "password": crate::harness::PASSWORD }))
        .send()
        .await
        .unwrap();
    let cookie = signed_in.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let csrf = signed_in.json::<Value>().await.unwrap()["csrfToken"].as_str().unwrap().to_owned();
    let get =
        || app.http.get(format!("{}/graphql?query=%7B__typename%7D", app.url)).header("cookie", &cookie);
    assert_eq!(get().send().await.unwrap().status(), StatusCode::FORBIDDEN);
    assert_eq!(get().header("x-suimon-csrf", csrf).send().await.unwrap().status(), StatusCode::OK);
}
