//! What the service makes of a provider itself: one that fails, whose certificate is another one's, or that is configured wrongly.

use axum::response::IntoResponse;
use serde_json::json;

use crate::browser::Browser;
use crate::harness::PASSWORD;
use crate::oidc_issuer::Issuer;
use crate::oidc_scene::{Provider, service};

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_fails_is_told_and_passwords_go_on() {
    let issuer = Issuer::start().await;
    let nobody = "http://127.0.0.1:9";
    let (app, _folder) = service(&[("corp", &issuer.url, ""), ("gone", nobody, "")], &[]).await;
    let begin = async |id: &str| {
        let mut browser = Browser::new(&app);
        let (status, body) = browser.post("/auth/oidc/begin", json!({ "provider": id })).await;
        assert!(status == 200 || !browser.cookies.contains_key("suimon-oidc"));
        format!("{status} {}", body["error"])
    };
    insta::assert_snapshot!(begin("gone").await, @r#"409 {"code":"CONFLICT","field":null,"message":"the provider of identity does not answer as it should","remedy":"try again in a minute, or sign in with your password if you have one"}"#);
    let down = begin("gone").await;
    let large: fn() -> axum::response::Response = || " ".repeat(300 << 10).into_response();
    let elsewhere: fn() -> axum::response::Response =
        || (axum::http::StatusCode::FOUND, [("location", "http://127.0.0.1:9/")]).into_response();
    let nonsense: fn() -> axum::response::Response = || "{}".into_response();
    for instead in [large, elsewhere, nonsense] {
        issuer.says.lock().unwrap().discovery = Some(instead);
        assert_eq!(begin("corp").await, down);
        app.clock.advance(6);
    }
    issuer.says.lock().unwrap().discovery = None;
    for metadata in [
        json!({ "issuer": "https://elsewhere.example" }),
        json!({ "token_endpoint": "http://elsewhere.example/token" }),
        json!({ "authorization_endpoint": "http://elsewhere.example/authorize" }),
        json!({ "jwks_uri": "http://elsewhere.example/keys" }),
    ] {
        issuer.says.lock().unwrap().metadata = metadata.clone();
        assert_eq!(begin("corp").await, down, "{metadata}");
        // One that failed is left in peace for a moment.
        let asked = issuer.says.lock().unwrap().asked.0;
        assert_eq!(begin("corp").await, down);
        assert_eq!(issuer.says.lock().unwrap().asked.0, asked);
        app.clock.advance(6);
    }
    let mut browser = Browser::new(&app);
    assert_eq!(browser.sign_in("admin", PASSWORD).await.0, 200, "passwords are not concerned");
    issuer.says.lock().unwrap().metadata = json!({});
    assert!(begin("corp").await.starts_with("200 "));
    // What it said is believed for an hour, and for a day when it does not answer then.
    let asked = issuer.says.lock().unwrap().asked.0;
    app.clock.advance(3599);
    assert!(begin("corp").await.starts_with("200 "));
    assert_eq!(issuer.says.lock().unwrap().asked.0, asked);
    app.clock.advance(1);
    issuer.says.lock().unwrap().discovery = Some(nonsense);
    assert!(begin("corp").await.starts_with("200 "));
    assert_eq!(issuer.says.lock().unwrap().asked.0, asked + 1);
    app.clock.advance(86_400);
    assert_eq!(begin("corp").await, down);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_is_known_by_its_certificate() {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    std::fs::write(file("ca.pem"), authority.self_signed(&key).unwrap().pem()).unwrap();
    let authority = rcgen::Issuer::new(authority, key);
    let mut answers = Vec::new();
    for (host, trusted) in [("127.0.0.1", true), ("127.0.0.1", false), ("elsewhere.example", true)] {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![host.to_owned()]).unwrap();
        std::fs::write(file("cert.pem"), certificate.signed_by(&key, &authority).unwrap().pem()).unwrap();
        std::fs::write(file("key.pem"), key.serialize_pem()).unwrap();
        let provider = Provider::with(&[&file("cert.pem"), &file("key.pem")]);
        assert!(provider.issuer.starts_with("https://"));
        let ca = format!("ca_file = \"{}\"", file("ca.pem").display());
        let (app, _folder) =
            service(&[("corp", &provider.issuer, if trusted { &ca } else { "" })], &[]).await;
        answers.push(Browser::new(&app).post("/auth/oidc/begin", json!({ "provider": "corp" })).await.0);
    }
    assert_eq!(answers, [200, 409, 409], "the right one, of an unknown authority, for another name");
}

#[test]
fn a_configuration_that_would_let_too_many_in_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "s").unwrap();
    let problems = |more: &str| {
        let file = folder.path().join("suimon.toml");
        let table = format!(
            "[[identity.oidc]]\nid = \"corp\"\nlabel_ja = \"社員\"\nlabel_en = \"Company\"\nclient_id = \"suimon\"\n{more}\n"
        );
        std::fs::write(&file, table).unwrap();
        let environment = vec![("OIDC_SECRET".to_owned(), "s".to_owned())];
        let sources = suimon::config::Sources { file: Some(file.clone()), environment, flags: Vec::new() };
        match suimon::config::load(&sources) {
            Ok(config) => format!("{:?}", config.identity.oidc[0].client_secret),
            Err(problems) => problems.to_string().replace(&file.display().to_string(), "FILE"),
        }
    };
    let good = "issuer = \"https://login.example.org\"\nclient_secret_env = \"OIDC_SECRET\"\n";
    let grant = "[[identity.oidc.grant]]\ntenant = \"operator\"\n";
    let told: Vec<String> = [
        good.to_owned(),
        "issuer = \"https://login.example.org\"".to_owned(),
        "issuer = \"https://login.example.org\"\nclient_secret_env = \"NONE\"".to_owned(),
        good.replace("https://", "http://"),
        good.replace("https://", "https://user:password@"),
        format!("{good}client_secret = \"in the file itself\""),
        format!("{good}algorithms = \"RS256, none\""),
        format!("{good}algorithms = \"HS256\""),
        format!("{good}scopes = \"profile\""),
        format!("{good}create_accounts = true"),
        format!("{good}{grant}claim = \"email\"\nvalue = \"a@example.org\"\nroles = \"auditor\""),
        format!("{good}{grant}claim = \"groups\"\nvalue = \"x\"\nroles = \"service, king\""),
        format!("{good}{grant}claim = \"groups\"\nvalue = \"x\"\nroles = \"service\""),
    ]
    .iter()
    .map(|more| problems(more))
    .collect();
    insta::assert_snapshot!(told.join("\n"), @"
    Secret(…)
    the configuration has 1 problem(s):
      - identity.oidc corp: wants one of client_secret_file and client_secret_env
    the configuration has 1 problem(s):
      - identity.oidc corp: client_secret_env: there is no variable NONE
    the configuration has 1 problem(s):
      - identity.oidc corp: issuer: wants an https address without ? and # (http on the own machine only)
    the configuration has 1 problem(s):
      - identity.oidc corp: issuer: wants an https address without ? and # (http on the own machine only)
    the configuration has 1 problem(s):
      - FILE: identity.oidc.0.client_secret: is not usable
    the configuration has 1 problem(s):
      - identity.oidc corp: algorithms: wants some of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA separated by commas
    the configuration has 1 problem(s):
      - identity.oidc corp: algorithms: wants some of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA separated by commas
    the configuration has 1 problem(s):
      - identity.oidc corp: scopes: wants openid, and others separated by blanks
    the configuration has 1 problem(s):
      - identity.oidc corp: create_accounts: wants a grant, because who is named by none gets no account
    the configuration has 1 problem(s):
      - identity.oidc corp: grant.claim: wants a claim that an administrator of the provider sets, such as groups; not a name or an address
    the configuration has 1 problem(s):
      - identity.oidc corp: grant.roles: king is not a role; roles are operator_admin, compliance_officer, approver, tenant_admin, tenant_staff, call_centre, auditor, service
    the configuration has 1 problem(s):
      - identity.oidc corp: grant.roles: service is for programs, which have tokens
    ");
}
