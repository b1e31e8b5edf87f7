//! Signing in, sessions, tokens, and who may do what.

use serde_json::json;
use suimon::access::Role;

use crate::harness::{PASSWORD, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn a_session_needs_its_cookie_and_the_csrf_token() {
    let app = TestApp::new().await;
    let url = |path: &str| format!("{}{path}", app.url);
    let answer = app
        .http
        .post(url("/auth/sign-in"))
        .json(&json!({ "login": "admin", "password": PASSWORD }))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.contains("HttpOnly; SameSite=Strict"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let csrf = answer.json::<serde_json::Value>().await.unwrap()["csrfToken"].as_str().unwrap().to_owned();
    let query = json!({ "query": "{ viewer { tenant { slug } } }" });

    let without = app.http.post(url("/graphql")).header("cookie", &cookie).json(&query).send().await.unwrap();
    assert_eq!(without.status(), 403);
    let request = || {
        app.http.post(url("/graphql")).header("cookie", &cookie).header("x-suimon-csrf", &csrf).json(&query)
    };
    let with = request().send().await.unwrap();
    assert_eq!(with.text().await.unwrap(), r#"{"data":{"viewer":{"tenant":{"slug":"operator"}}}}"#);

    app.clock.advance(31 * 60);
    assert_eq!(request().send().await.unwrap().status(), 401, "the idle limit ends a session");
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_ends_the_session() {
    let app = TestApp::new().await;
    let url = |path: &str| format!("{}{path}", app.url);
    let sign_in = json!({ "login": "admin", "password": PASSWORD });
    let answer = app.http.post(url("/auth/sign-in")).json(&sign_in).send().await.unwrap();
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let csrf = answer.json::<serde_json::Value>().await.unwrap()["csrfToken"].as_str().unwrap().to_owned();
    let out = app.http.post(url("/auth/sign-out")).header("cookie", &cookie).send().await.unwrap();
    assert_eq!(out.status(), 204);
    let after = app
        .http
        .post(url("/graphql"))
        .header("cookie", &cookie)
        .header("x-suimon-csrf", &csrf)
        .json(&json!({ "query": "{ viewer { tenant { slug } } }" }))
        .send()
        .await
        .unwrap();
    assert_eq!(after.status(), 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_password_and_unknown_login_look_the_same() {
    let app = TestApp::new().await;
    let mut answers = Vec::new();
    for body in [
        json!({ "login": "admin", "password": "not the right one" }),
        json!({ "login": "nobody", "password": "not the right one" }),
    ] {
        let answer = app.http.post(format!("{}/auth/sign-in", app.url)).json(&body).send().await.unwrap();
        answers.push((answer.status().as_u16(), answer.text().await.unwrap()));
    }
    assert_eq!(answers[0], answers[1]);
    insta::assert_snapshot!(answers[0].1, @r#"{"error":{"code":"UNAUTHENTICATED","field":null,"message":"login or password is wrong, or the login is locked","remedy":"after 10 wrong passwords wait 30 minutes, or have an administrator set another password"}}"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_answered_to_strangers_and_nothing_is_cacheable() {
    let app = TestApp::new().await;
    let answer = app
        .http
        .post(format!("{}/graphql", app.url))
        .json(&json!({ "query": "{ __typename }" }))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 401);
    for path in ["/", "/graphql", "/health/live", "/no-such-path"] {
        let answer = app.http.get(format!("{}{path}", app.url)).send().await.unwrap();
        let headers = answer.headers();
        assert_eq!(
            headers["cache-control"], "private, no-store, no-cache, max-age=0, stale-if-error=0",
            "{path}"
        );
        assert_eq!(headers["vary"], "Cookie, Authorization");
        assert!(!headers.contains_key("etag"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_admin_sees_its_own_tenant_only() {
    let app = TestApp::new().await;
    let (own, other) = (app.tenant("school-001").await, app.tenant("school-002").await);
    let member = app.member(&own, Role::TenantAdmin).await;
    let list = member.gql("{ tenants { nodes { slug } } }").await;
    assert_eq!(list.to_string(), r#"{"data":{"tenants":{"nodes":[{"slug":"school-001"}]}}}"#);
    let create = json!({ "tenant": other.id });
    let answer = member
        .gql_with(
            "mutation($tenant: ID!) { createAccount(tenantId: $tenant, login: \"x\", displayName: \"X\", roles: [TENANT_STAFF]) {
               ... on Problem { code message } } }",
            create,
        )
        .await;
    insta::assert_snapshot!(answer, @r#"{"data":{"createAccount":{"code":"NOT_FOUND","message":"tenant not found"}}}"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_take_effect_with_the_next_request() {
    let app = TestApp::new().await;
    let member = app.operator_member(Role::Auditor).await;
    let verify = "{ verifyAudit { faults { seq } } }";
    assert!(member.gql(verify).await["errors"].is_null());
    app.admin()
        .gql_with(
            "mutation($id: ID!) { setAccountRoles(accountId: $id, roles: [APPROVER]) { __typename } }",
            json!({ "id": member.account }),
        )
        .await;
    let answer = member.gql(verify).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN", "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn floods_are_refused() {
    let app = TestApp::new().await;
    let aliases: String = (0..100).map(|n| format!("a{n}: __typename ")).collect();
    let answer = app.admin().gql(&format!("{{ {aliases} }}")).await;
    insta::assert_snapshot!(answer["errors"][0]["message"], @r#""the document has 100 aliases and repeated fields; at most 15 are answered""#);
    let deep = format!(
        "{{ __schema {{ types {} }} }}",
        "{ fields { type ".repeat(8) + "{ name }" + "} }".repeat(8).as_str()
    );
    let answer = app.admin().gql(&deep).await;
    assert!(answer["errors"][0]["message"].as_str().unwrap().contains("too deep"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_takes_json_of_its_own_origin_only() {
    let app = TestApp::new().await;
    let right = json!({ "login": "admin", "password": PASSWORD });
    let send = async |kind: &str, body: String, headers: &[(&str, &str)]| {
        let mut request =
            app.http.post(format!("{}/auth/sign-in", app.url)).header("content-type", kind).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.unwrap();
        let session = answer.headers().contains_key("set-cookie");
        format!("{} {} {session}", answer.status().as_u16(), answer.text().await.unwrap())
    };
    // What a form of a foreign page can send.
    let form = format!("login=admin&password={}", PASSWORD.replace(' ', "+"));
    let mut refusals = Vec::new();
    for _ in 0..4 {
        refusals.push(send("application/x-www-form-urlencoded", form.clone(), &[]).await);
        refusals.push(send("text/plain", right.to_string(), &[]).await);
        refusals.push(send("multipart/form-data; boundary=x", right.to_string(), &[]).await);
        // A wrong password is answered alike: none is looked at.
        refusals.push(
            send("text/plain", json!({ "login": "admin", "password": "wrong" }).to_string(), &[]).await,
        );
    }
    assert!(refusals.iter().all(|refusal| *refusal == refusals[0]), "{refusals:#?}");
    insta::assert_snapshot!(refusals[0], @r#"400 {"error":{"code":"INVALID","field":"body","message":"is not what this path takes","remedy":"send JSON such as {\"login\": \"…\", \"password\": \"…\"}"}} false"#);
    let json = "application/json";
    let mut answers = Vec::new();
    for headers in [
        &[("sec-fetch-site", "cross-site")][..],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "cross-site"), ("origin", app.url.as_str())],
        &[("origin", "https://elsewhere.example")],
        &[("origin", "null")],
        &[("origin", "http://127.0.0.1")],
    ] {
        answers.push(send(json, right.to_string(), headers).await);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
    insta::assert_snapshot!(answers[0], @r#"403 {"error":{"code":"FORBIDDEN","field":null,"message":"not allowed: send on another site's request","remedy":"send it from a page of server.public_url"}} false"#);
    // Ten tries lock a login: sixteen of the first kind and six of the second were none.
    for headers in [&[][..], &[("sec-fetch-site", "same-origin")], &[("origin", app.url.as_str())]] {
        let answer = send(json, right.to_string(), headers).await;
        assert!(answer.starts_with("200 "), "{answer}");
    }
}
