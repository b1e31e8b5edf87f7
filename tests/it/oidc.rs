//! Signing in at a provider of identity: against a real one, and against one that says what it must not.

use serde_json::{Value, json};
use suimon::access::{self, Role};
use suimon::app::App;
use suimon::entropy::Entropy;

use crate::browser::Browser;
use crate::oidc_issuer::{Issuer, by_secret, signed, unsigned};
use crate::oidc_scene::{CLIENT_SECRET, Person, Provider, denials, link, service};

/// A token out of what a right one would say.
type TokenOf = Box<dyn Fn(Value) -> Option<String>>;

const OFFICER: &[(&str, &str)] = &[("login", "of-17")];
const REFUSED: &str = r#"{"error":{"code":"UNAUTHENTICATED","field":null,"message":"signing in at this provider did not succeed","remedy":"begin again; if it happens again, ask an administrator whether your account is linked"}}"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_linked_subject_signs_in_and_nobody_else_does() {
    let provider = Provider::start();
    let (app, _folder) =
        service(&[("corp", &provider.issuer, "scopes = \"openid profile groups\"")], &[]).await;
    let offered = app.http.get(format!("{}/auth/oidc", app.url)).send().await.unwrap().text().await.unwrap();
    insta::assert_snapshot!(offered, @r#"{"providers":[{"id":"corp","labelEn":"Company account corp","labelJa":"社員アカウント corp"}]}"#);
    // Whose name or address is that of an account is still nobody.
    for login in ["of-17", "admin"] {
        let (status, body) = Person::new(&app).through("corp", "sign_in", &[("login", login)]).await;
        assert_eq!((status, body.to_string().as_str()), (401, REFUSED));
    }
    assert_eq!(denials(&app).await, ["no linked account", "no linked account"]);

    let officer = app.operator_member(Role::ComplianceOfficer).await;
    assert_eq!(link(&app, &officer.account, &provider.issuer, "of-17").await["__typename"], "Done");
    let mut person = Person::new(&app);
    let (status, body) = person.through("corp", "sign_in", OFFICER).await;
    assert_eq!(status, 200, "{body}");
    assert!(person.browser.is_in().await);
    let sessions = person.browser.gql("{ sessions { methods } }").await;
    assert_eq!(sessions["data"]["sessions"][0]["methods"], json!(["oidc"]));
    let (status, body) = Person::new(&app).through("corp", "sign_in", &[("login", "of-18")]).await;
    assert_eq!((status, body.to_string().as_str()), (401, REFUSED));
    // The provider knows this browser still: no page, and another session.
    let location = person.begin("corp", "sign_in").await;
    let (path, asked) = person.at_provider(&location, &[]).await;
    assert!(!asked && person.browser.navigate(&path).await.0 == 303);
    assert_eq!(person.finish(json!({})).await.0, 200);

    // Limits are those of every session.
    app.clock.advance(31 * 60);
    assert!(!person.browser.is_in().await, "idle");
    app.clock.advance(-(31 * 60));
    // And it ends with its account, as does what is half done.
    assert!(person.browser.is_in().await);
    let location = person.begin("corp", "sign_in").await;
    let (path, _) = person.at_provider(&location, &[]).await;
    assert_eq!(person.browser.navigate(&path).await.0, 303);
    let disable =
        format!("mutation {{ disableAccount(accountId: \"{}\") {{ __typename }} }}", officer.account);
    assert_eq!(app.admin().gql(&disable).await["data"]["disableAccount"]["__typename"], "Done");
    assert!(!person.browser.is_in().await);
    assert_eq!(person.finish(json!({})).await.0, 401);
    assert_eq!(Person::new(&app).through("corp", "sign_in", OFFICER).await.0, 401);
    assert_eq!(denials(&app).await[3..], ["disabled", "disabled"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_return_is_taken_once_by_the_browser_that_went_there() {
    let provider = Provider::start();
    let other = Issuer::start().await;
    let (app, _folder) = service(&[("corp", &provider.issuer, ""), ("other", &other.url, "")], &[]).await;
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    link(&app, &officer.account, &provider.issuer, "of-17").await;
    let refused = async |browser: &mut Browser, path: &str, why: &str| {
        let (status, _, body) = browser.navigate(path).await;
        assert_eq!((status, body.as_str()), (401, REFUSED), "{why}");
        let (status, _) = browser.post("/auth/oidc/finish", json!({})).await;
        assert_eq!(status, 401, "{why}");
        assert!(!browser.is_in().await, "{why}");
    };
    let mut person = Person::new(&app);
    let location = person.begin("corp", "sign_in").await;
    let cookies = person.browser.cookies.clone();
    let (path, _) = person.at_provider(&location, OFFICER).await;

    refused(&mut Browser::new(&app), &path, "no cookie").await;
    let mut foreign = Person::new(&app);
    foreign.begin("corp", "sign_in").await;
    refused(&mut foreign.browser, &path, "the cookie of another sign-in").await;
    let mut mended = Browser::new(&app);
    let cookie = &cookies["suimon-oidc"];
    let (content, mac) = cookie.split_once('.').unwrap();
    let content = {
        use base64::Engine;
        let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
        let text = String::from_utf8(engine.decode(content).unwrap()).unwrap();
        assert!(text.contains("/start?tab=1"));
        engine.encode(text.replace("/start?tab=1", "//elsewhere"))
    };
    mended.cookies.insert("suimon-oidc".into(), format!("{content}.{mac}"));
    refused(&mut mended, &path, "a cookie that somebody rewrote").await;
    let state = path.split_once("state=").unwrap().1.split('&').next().unwrap();
    let flipped = if state.starts_with('A') { "B" } else { "A" };
    let with = async |path: String, why: &str| {
        let mut browser = Browser::new(&app);
        browser.cookies = cookies.clone();
        refused(&mut browser, &path, why).await;
    };
    with(path.replace(state, &format!("{flipped}{}", &state[1..])), "another state").await;
    with(path.replace(state, ""), "no state").await;
    with(path.replace("/callback/corp", "/callback/other"), "at the address of another provider").await;
    let issuer: String = reqwest::Url::parse_with_params("http://x/", &[("iss", &provider.issuer)])
        .unwrap()
        .query()
        .unwrap()
        .into();
    assert!(path.contains(&issuer), "{path}");
    let foreign_issuer: String =
        reqwest::Url::parse_with_params("http://x/", &[("iss", &other.url)]).unwrap().query().unwrap().into();
    with(path.replace(&issuer, &foreign_issuer), "the issuer is another").await;
    with(path.replace(&issuer, "x=y"), "the provider always names itself, here it does not").await;
    with(path.replace("code=", "kode="), "no code").await;
    with(path.replace("code=", "code=x"), "a code that the provider never gave").await;
    let twice = person.browser.navigate(&format!("{path}&state={state}")).await;
    assert_eq!(twice.0, 400, "a parameter twice");

    // After all of them the right browser still comes in, once.
    person.browser.cookies = cookies.clone();
    let (status, to, _) = person.browser.navigate(&path).await;
    assert_eq!((status, to.as_str()), (303, "/start?tab=1"));
    assert!(!person.browser.is_in().await, "the return itself opens nothing");
    with(path.clone(), "the same return again").await;
    let kept = person.browser.cookies.clone();
    assert_eq!(person.finish(json!({})).await.0, 200);
    assert!(person.browser.is_in().await);
    let mut twice = Browser::new(&app);
    twice.cookies = kept;
    assert_eq!(twice.post("/auth/oidc/finish", json!({})).await.0, 401, "finished twice");
    insta::assert_snapshot!(denials(&app).await.join("\n"), @"
    issuer of the return
    issuer of the return
    no code
    code
    used
    used or too late
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_token_that_is_not_right_opens_nothing() {
    let issuer = Issuer::start().await;
    let more = "algorithms = \"EdDSA\"\nscopes = \"openid\"";
    let (app, _folder) = service(&[("corp", &issuer.url, more)], &[]).await;
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    assert_eq!(link(&app, &officer.account, &issuer.url, "subject-1").await["__typename"], "Done");
    let now = app.now().as_second();
    let attempt = async |token: TokenOf| {
        let mut person = Person::new(&app);
        let location = reqwest::Url::parse(&person.begin("corp", "sign_in").await).unwrap();
        let query: std::collections::HashMap<_, _> = location.query_pairs().into_owned().collect();
        let expected = ("code", "S256", "http://127.0.0.1:8480/auth/oidc/callback/corp", "suimon");
        let sent = (
            &*query["response_type"],
            &*query["code_challenge_method"],
            &*query["redirect_uri"],
            &*query["client_id"],
        );
        assert_eq!(sent, expected);
        issuer.says.lock().unwrap().token = token(issuer.claims(&query["nonce"], now));
        let path = format!("/auth/oidc/callback/corp?code=c&state={}", query["state"]);
        let (status, _, body) = person.browser.navigate(&path).await;
        if status == 303 {
            assert_eq!(person.finish(json!({})).await.0, 200);
            return person.browser.is_in().await;
        }
        assert_eq!((status, body.as_str()), (401, REFUSED));
        assert_eq!(person.finish(json!({})).await.0, 401);
        false
    };
    let changed = |name: &'static str, value: Value| -> TokenOf {
        Box::new(move |mut claims| {
            claims[name] = value.clone();
            Some(signed(&claims, 1, "one"))
        })
    };
    let without = |name: &'static str| -> TokenOf {
        Box::new(move |mut claims| {
            claims.as_object_mut().unwrap().remove(name);
            Some(signed(&claims, 1, "one"))
        })
    };
    assert!(attempt(Box::new(|claims| Some(signed(&claims, 1, "one")))).await, "a right one");
    let form = issuer.says.lock().unwrap().form.clone();
    assert!(form.contains("code_verifier=") && form.contains("grant_type=authorization_code"), "{form}");
    assert!(attempt(changed("azp", json!("suimon"))).await, "named as the one it is for");
    let wrong: Vec<(&str, TokenOf)> = vec![
        ("another nonce", changed("nonce", json!("another"))),
        ("no nonce", without("nonce")),
        ("for another client", changed("aud", json!("another"))),
        ("for another client too", changed("aud", json!(["suimon", "another"]))),
        ("another client is the authorised one", changed("azp", json!("another"))),
        ("of another issuer", changed("iss", json!("https://elsewhere.example"))),
        ("over", changed("exp", json!(now))),
        ("issued long ago", changed("iat", json!(now - 3600))),
        ("issued in the future", changed("iat", json!(now + 3600))),
        ("without a subject", without("sub")),
        ("of an empty subject", changed("sub", json!(""))),
        ("of a subject without end", changed("sub", json!("s".repeat(256)))),
        ("of another subject", changed("sub", json!("subject-2"))),
        ("signed by nobody", Box::new(|claims| Some(unsigned(&claims)))),
        (
            "signed by the client's secret",
            Box::new(|claims| Some(by_secret(&claims, CLIENT_SECRET.as_bytes()))),
        ),
        ("signed by another key", Box::new(|claims| Some(signed(&claims, 2, "one")))),
        ("signed by a key that is not told", Box::new(|claims| Some(signed(&claims, 2, "two")))),
        (
            "changed after it was signed",
            Box::new(|claims| {
                let token = signed(&claims, 1, "one");
                let mut other = claims;
                other["sub"] = json!("subject-2");
                let other = signed(&other, 1, "one");
                let parts: Vec<_> = token.split('.').collect();
                Some(format!("{}.{}.{}", parts[0], other.split('.').nth(1).unwrap(), parts[2]))
            }),
        ),
        ("none at all", Box::new(|_| None)),
        ("no token", Box::new(|_| Some("nonsense".into()))),
    ];
    for (why, token) in wrong {
        assert!(!attempt(token).await, "{why}");
    }
    insta::assert_snapshot!(denials(&app).await.join("\n"), @"
    nonce
    nonce
    audience
    audience
    audience
    issuer
    expired or issued at another time
    expired or issued at another time
    expired or issued at another time
    token response
    subject
    subject
    no linked account
    signature
    signature
    signature
    signature
    signature
    no id token
    token response
    ");
    // Keys change: the new one is fetched when a token names it, but not for each that names a key of its own invention.
    issuer.says.lock().unwrap().keys = vec![(3, "three")];
    app.clock.advance(6);
    let before = issuer.says.lock().unwrap().asked.0;
    assert!(attempt(Box::new(|claims| Some(signed(&claims, 3, "three")))).await);
    assert!(
        !attempt(Box::new(|claims| Some(signed(&claims, 1, "one")))).await,
        "the old one is worth nothing"
    );
    for _ in 0..5 {
        assert!(!attempt(Box::new(|claims| Some(signed(&claims, 4, "four")))).await);
    }
    assert_eq!(issuer.says.lock().unwrap().asked.0 - before, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_led_elsewhere_and_ten_minutes_are_enough() {
    let issuer = Issuer::start().await;
    let (app, _folder) = service(&[("corp", &issuer.url, "algorithms = \"EdDSA\"")], &[]).await;
    let mut browser = Browser::new(&app);
    for path in [
        "https://elsewhere.example/",
        "//elsewhere.example",
        "/\\elsewhere.example",
        "\\\\elsewhere.example",
        "",
        "start",
        "/\t/elsewhere.example",
        "/a\r\nSet-Cookie: x=y",
        "javascript:alert(1)",
        "/ü",
        "/\u{2028}",
        "/%0d%0a\\x",
        &format!("/{}", "a".repeat(300)),
    ] {
        let (status, body) =
            browser.post("/auth/oidc/begin", json!({ "provider": "corp", "returnTo": path })).await;
        assert_eq!((status, &body["error"]["field"]), (400, &json!("returnTo")), "{path:?}: {body}");
    }
    assert!(!browser.cookies.contains_key("suimon-oidc"));
    let (status, body) = browser.post("/auth/oidc/begin", json!({ "provider": "none" })).await;
    assert_eq!((status, &body["error"]["code"]), (404, &json!("NOT_FOUND")));
    let form = app
        .http
        .post(format!("{}/auth/oidc/begin", app.url))
        .header("content-type", "application/x-www-form-urlencoded")
        .body("provider=corp")
        .send()
        .await
        .unwrap();
    assert_eq!(form.status(), 400, "JSON only");
    for path in ["begin", "finish"] {
        let cross =
            app.http.post(format!("{}/auth/oidc/{path}", app.url)).header("sec-fetch-site", "cross-site");
        assert_eq!(cross.json(&json!({ "provider": "corp" })).send().await.unwrap().status(), 403, "{path}");
    }

    let officer = app.operator_member(Role::ComplianceOfficer).await;
    link(&app, &officer.account, &issuer.url, "subject-1").await;
    for (wait, opens) in [(10 * 60 - 1, true), (10 * 60, false)] {
        let mut person = Person::new(&app);
        let location = reqwest::Url::parse(&person.begin("corp", "sign_in").await).unwrap();
        let query: std::collections::HashMap<_, _> = location.query_pairs().into_owned().collect();
        app.clock.advance(wait);
        let claims = issuer.claims(&query["nonce"], app.now().as_second());
        issuer.says.lock().unwrap().token = Some(signed(&claims, 1, "one"));
        let path = format!("/auth/oidc/callback/corp?code=c&state={}", query["state"]);
        assert_eq!(person.browser.navigate(&path).await.0 == 303, opens, "after {wait} s");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn any_node_finishes_what_another_began() {
    let issuer = Issuer::start().await;
    let (app, _folder) = service(&[("corp", &issuer.url, "algorithms = \"EdDSA\"")], &[]).await;
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    link(&app, &officer.account, &issuer.url, "subject-1").await;
    let mut config = app.app.config().clone();
    config.database.max_connections = 2;
    let other = App::open(config, app.clock.clone(), Entropy::seeded(8)).await.unwrap();
    let begun = access::begin(&app.app, None, "corp", access::Purpose::SignIn, "/").await.unwrap();
    let query: std::collections::HashMap<_, _> =
        reqwest::Url::parse(&begun.location).unwrap().query_pairs().into_owned().collect();
    let claims = issuer.claims(&query["nonce"], app.now().as_second());
    issuer.says.lock().unwrap().token = Some(signed(&claims, 1, "one"));
    let back = access::ReturnFrom { provider: "corp", state: &query["state"], code: Some("c"), issuer: None };
    assert_eq!(access::take_return(&other, &begun.cookie, back).await.unwrap(), "/");
    let finished = access::finish(&app.app, None, &begun.cookie, None).await.unwrap();
    assert!(matches!(finished, access::Finished::SignedIn(access::SignInStep::Open(_))));
    let twice = access::finish(&other, None, &begun.cookie, None).await.err().unwrap();
    assert!(twice.to_string().contains("did not succeed"), "{twice}");
}

const GRANTS: &str = "scopes = \"openid profile groups\"\ncreate_accounts = true
[[identity.oidc.grant]]\nclaim = \"groups\"\nvalue = \"auditors\"\ntenant = \"operator\"\nroles = \"auditor\"
[[identity.oidc.grant]]\nclaim = \"groups\"\nvalue = \"officers\"\ntenant = \"operator\"\nroles = \"compliance_officer, approver\"
[[identity.oidc.grant]]\nclaim = \"groups\"\nvalue = \"school\"\ntenant = \"school-001\"\nroles = \"tenant_staff\"
[[identity.oidc.grant]]\nclaim = \"groups\"\nvalue = \"too-much\"\ntenant = \"school-001\"\nroles = \"operator_admin\"
[[identity.oidc.grant]]\nclaim = \"groups\"\nvalue = \"nowhere\"\ntenant = \"no-such-tenant\"\nroles = \"tenant_staff\"";

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_makes_an_account_and_is_all_that_it_may_be() {
    let provider = Provider::start();
    let (app, _folder) = service(&[("corp", &provider.issuer, GRANTS)], &[]).await;
    app.tenant("school-001").await;
    let come = async |login: &str, groups: &str| {
        let mut person = Person::new(&app);
        let (status, _) = person.through("corp", "sign_in", &[("login", login), ("groups", groups)]).await;
        (status, person)
    };
    let accounts = "{ tenants { nodes { slug accounts { login roles linkedIssuers } } } }";
    for (login, groups) in [
        ("p-1", ""),
        ("p-2", "strangers"),
        ("p-3", "auditors school"),
        ("p-4", "too-much"),
        ("p-5", "nowhere"),
        ("p-6", "Auditors"),
    ] {
        assert_eq!(come(login, groups).await.0, 401, "{groups}");
    }
    let (status, mut auditor) = come("p-7", "strangers auditors").await;
    assert_eq!(status, 200);
    assert!(auditor.browser.gql("{ verifyAudit { faults { seq } } }").await["errors"].is_null());
    let made = app.admin().gql(accounts).await.to_string().replace(&provider.issuer, "ISSUER");
    let (before, login) = made.split_once("\"oidc-corp-").unwrap_or_else(|| panic!("{made}"));
    let made = format!("{before}\"oidc-corp-…{}", &login[16..]);
    insta::assert_snapshot!(made, @r#"{"data":{"tenants":{"nodes":[{"accounts":[{"linkedIssuers":[],"login":"admin","roles":["OPERATOR_ADMIN"]},{"linkedIssuers":["ISSUER"],"login":"oidc-corp-…","roles":["AUDITOR"]}],"slug":"operator"},{"accounts":[],"slug":"school-001"}]}}}"#);
    // More groups, other roles: at the next sign-in, and what was open ends.
    let (status, mut officer) = come("p-7", "officers").await;
    assert_eq!(status, 200);
    assert!(!auditor.browser.is_in().await, "the session of the other roles");
    let refused = officer.browser.gql("{ verifyAudit { faults { seq } } }").await;
    assert!(refused["errors"].is_null(), "officers may too: {refused}");
    // The same groups: the session goes on.
    assert_eq!(come("p-7", "officers").await.0, 200);
    assert!(officer.browser.is_in().await);
    // Another tenant, or no group any more: nothing is left.
    assert_eq!(come("p-7", "school").await.0, 401);
    assert!(!officer.browser.is_in().await);
    assert_eq!(come("p-8", "school").await.0, 200);
    assert_eq!(come("p-8", "").await.0, 401);
    // Whose link was taken away does not get a second account by coming again.
    assert_eq!(come("p-9", "auditors").await.0, 200);
    let id = "{ tenants { nodes { slug accounts { id roles } } } }";
    let id = app.admin().gql(id).await["data"]["tenants"]["nodes"][0]["accounts"].clone();
    let id =
        id.as_array().unwrap().iter().find(|account| account["roles"] == json!(["AUDITOR"])).unwrap()["id"]
            .clone();
    let unlink = "mutation($id: ID!, $issuer: String!) { unlinkIdentity(accountId: $id, issuer: $issuer) { __typename } }";
    let done = app.admin().gql_with(unlink, json!({ "id": id, "issuer": provider.issuer })).await;
    assert_eq!(done["data"]["unlinkIdentity"]["__typename"], "Done", "{done}");
    assert_eq!(come("p-9", "auditors").await.0, 401);
    insta::assert_snapshot!(denials(&app).await.join("\n"), @"
    no linked account and no grant
    no linked account and no grant
    grants of several tenants
    the roles of the grant are not for that tenant
    the tenant of the grant does not exist
    no linked account and no grant
    no grant any more
    no grant any more
    the account was unlinked
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn fresh_proof_and_linking_at_the_provider() {
    let provider = Provider::start();
    let (app, _folder) = service(&[("corp", &provider.issuer, "")], &[]).await;
    let admin = app.operator_member(Role::OperatorAdmin).await;
    let mut person = Person::with(Browser::signed_in(&app, &admin.login).await);
    // Linking wants fresh proof; so does finishing it.
    app.clock.advance(10 * 60);
    let body = json!({ "provider": "corp", "purpose": "link" });
    let (status, answer) = person.browser.post("/auth/oidc/begin", body.clone()).await;
    assert_eq!((status, &answer["error"]["code"]), (403, &json!("REAUTHENTICATION_REQUIRED")), "{answer}");
    assert_eq!(Browser::new(&app).post("/auth/oidc/begin", body.clone()).await.0, 401);
    let token = app.http.post(format!("{}/auth/oidc/begin", app.url)).bearer_auth(&admin.token).json(&body);
    assert_eq!(token.send().await.unwrap().status(), 403, "a token is no person");
    let csrf = person.browser.csrf.take();
    assert_eq!(person.browser.post("/auth/oidc/begin", body).await.0, 403, "the CSRF header is asked for");
    person.browser.csrf = csrf;
    // The provider lives now: the service goes back to it.
    app.clock.advance(-(10 * 60));
    let (status, answer) = person.through("corp", "link", &[("login", "ad-1")]).await;
    assert_eq!(status, 204, "{answer}");
    assert_eq!(link(&app, &admin.account, &provider.issuer, "ad-2").await["code"], "CONFLICT");
    let other = app.operator_member(Role::Auditor).await;
    assert_eq!(link(&app, &other.account, &provider.issuer, "ad-1").await["code"], "CONFLICT");
    assert_eq!(link(&app, &other.account, "https://elsewhere.example", "x").await["field"], "issuer");
    assert_eq!(link(&app, &other.account, &provider.issuer, "a b").await["field"], "subject");
    assert_eq!(link(&app, &other.account, &provider.issuer, "au-1").await["__typename"], "Done");

    // Fresh proof: the provider asks again though it knows the browser, and only the own account's subject counts.
    let somebody = Person::new(&app);
    let location = person.begin("corp", "re_authenticate").await;
    let (path, _) = somebody.at_provider(&location, &[("login", "au-1")]).await;
    assert_eq!(person.browser.navigate(&path).await.0, 401, "somebody else's");
    let location = person.begin("corp", "re_authenticate").await;
    assert!(location.contains("prompt=login") && location.contains("max_age=0"), "{location}");
    let (path, asked) = person.at_provider(&location, &[("login", "ad-1")]).await;
    assert!(asked, "a page, though the provider knows who this is");
    assert_eq!(person.browser.navigate(&path).await.0, 303);
    assert_eq!(person.finish(json!({})).await.0, 204);
    assert_eq!(person.finish(json!({})).await.0, 401, "once");
    let sessions = person.browser.gql("{ sessions { methods } }").await;
    assert_eq!(sessions["data"]["sessions"][0]["methods"], json!(["oidc"]), "{sessions}");
    // What was proven for one session is worth nothing to another.
    let location = person.begin("corp", "re_authenticate").await;
    let (path, _) = person.at_provider(&location, &[("login", "ad-1")]).await;
    assert_eq!(person.browser.navigate(&path).await.0, 303);
    let mut second = Browser::signed_in(&app, &admin.login).await;
    second.cookies.insert("suimon-oidc".into(), person.browser.cookies["suimon-oidc"].clone());
    assert_eq!(second.post("/auth/oidc/finish", json!({})).await.0, 401);

    let unlink = format!(
        "mutation {{ unlinkIdentity(accountId: \"{}\", issuer: \"{}\") {{ __typename ... on Problem {{ code }} }} }}",
        admin.account, provider.issuer
    );
    assert_eq!(app.admin().gql(&unlink).await["data"]["unlinkIdentity"]["__typename"], "Done");
    assert!(!person.browser.is_in().await, "its sessions end");
    assert_eq!(app.admin().gql(&unlink).await["data"]["unlinkIdentity"]["code"], "NOT_FOUND");
    assert_eq!(Person::new(&app).through("corp", "sign_in", &[("login", "ad-1")]).await.0, 401);
    // A customer's administrator cannot say whose account somebody is.
    let school = app.tenant("school-001").await;
    let (head, staff) =
        (app.member(&school, Role::TenantAdmin).await, app.member(&school, Role::TenantStaff).await);
    let mutation = format!(
        "mutation {{ linkIdentity(accountId: \"{}\", issuer: \"{}\", subject: \"of-1\") {{ __typename ... on Problem {{ code }} }} }}",
        staff.account, provider.issuer
    );
    assert_eq!(head.gql(&mutation).await["data"]["linkIdentity"]["code"], "FORBIDDEN");
}

#[tokio::test(flavor = "multi_thread")]
async fn proof_of_long_ago_is_not_fresh() {
    let issuer = Issuer::start().await;
    let (app, _folder) = service(&[("corp", &issuer.url, "algorithms = \"EdDSA\"")], &[]).await;
    let admin = app.operator_member(Role::OperatorAdmin).await;
    link(&app, &admin.account, &issuer.url, "subject-1").await;
    let mut person = Person::with(Browser::signed_in(&app, &admin.login).await);
    app.clock.advance(15 * 60);
    let create = "mutation { issueToken(label: \"x\", scopes: [\"read:tenant\"], days: 1) { __typename ... on Problem { code } } }";
    for (auth_time, opens) in [(Some(-600), false), (None, false), (Some(3600), false), (Some(0), true)] {
        let stale = person.browser.gql(create).await;
        assert_eq!(stale["data"]["issueToken"]["code"], "REAUTHENTICATION_REQUIRED", "{stale}");
        let location = reqwest::Url::parse(&person.begin("corp", "re_authenticate").await).unwrap();
        let query: std::collections::HashMap<_, _> = location.query_pairs().into_owned().collect();
        let now = app.now().as_second();
        let mut claims = issuer.claims(&query["nonce"], now);
        match auth_time {
            Some(seconds) => claims["auth_time"] = json!(now + seconds),
            None => drop(claims.as_object_mut().unwrap().remove("auth_time")),
        }
        issuer.says.lock().unwrap().token = Some(signed(&claims, 1, "one"));
        let path = format!("/auth/oidc/callback/corp?code=c&state={}", query["state"]);
        assert_eq!(person.browser.navigate(&path).await.0 == 303, opens, "{auth_time:?}");
        assert_eq!(person.finish(json!({})).await.0 == 204, opens, "{auth_time:?}");
    }
    assert_eq!(person.browser.gql(create).await["data"]["issueToken"]["__typename"], "IssuedToken");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_factor_is_the_services_unless_the_configuration_says_otherwise() {
    let provider = Provider::start();
    for (more, counts) in [("", false), ("second_factor_acr = \"urn:example:two\"", true)] {
        let (app, _folder) =
            service(&[("corp", &provider.issuer, more)], &["identity.require_second_factor=auditor"]).await;
        let auditor = app.operator_member(Role::Auditor).await;
        link(&app, &auditor.account, &provider.issuer, "au-1").await;
        let two: &[(&str, &str)] = &[("login", "au-1"), ("acr", "urn:example:two")];
        let mut person = Person::new(&app);
        assert_eq!(person.through("corp", "sign_in", two).await.0, 200);
        assert_eq!(
            person.browser.is_in().await,
            counts,
            "whose role asks for one and who has none can only enrol one"
        );
        let mut one = Person::new(&app);
        assert_eq!(one.through("corp", "sign_in", &[("login", "au-1")]).await.0, 200);
        assert!(!one.browser.is_in().await, "one factor");
        let link = json!({ "provider": "corp", "purpose": "link" });
        let (status, body) = one.browser.post("/auth/oidc/begin", link).await;
        assert_eq!((status, &body["error"]["code"]), (403, &json!("SECOND_FACTOR_REQUIRED")), "{body}");
        // With an app of the service's own: its code is asked for, unless the provider showed a second factor.
        one.browser.enrol(&app).await;
        let mut person = Person::new(&app);
        let (status, body) = person.through("corp", "sign_in", &[("login", "au-1")]).await;
        assert_eq!((status, &body["secondFactor"]), (200, &json!("code")), "{body}");
        assert!(!person.browser.is_in().await);
        assert_eq!(person.browser.post("/auth/second-factor", json!({ "code": "000000" })).await.0, 401);
        let code = one.browser.code(&app);
        assert_eq!(person.browser.post("/auth/second-factor", json!({ "code": code })).await.0, 200);
        assert!(person.browser.is_in().await);
        let mut person = Person::new(&app);
        let (_, body) = person.through("corp", "sign_in", two).await;
        assert_eq!(body["secondFactor"].is_null(), counts, "{body}");
        assert_eq!(person.browser.is_in().await, counts);
        // Fresh proof does not go round the app either.
        let location = one.begin("corp", "re_authenticate").await;
        let (path, _) = one.at_provider(&location, &[("login", "au-1")]).await;
        assert_eq!(one.browser.navigate(&path).await.0, 303);
        assert_eq!(one.finish(json!({ "code": "000000" })).await.0, 401);
        // A locked login is locked here too.
        for _ in 0..10 {
            Browser::new(&app).sign_in(&auditor.login, "not the right one").await;
        }
        assert_eq!(Person::new(&app).through("corp", "sign_in", two).await.0, 401);
        assert_eq!(denials(&app).await.last().map(String::as_str), Some("locked"));
    }
}
