//! What a sign-in at a provider proves: when its person showed who they are, and by how many factors.

use serde_json::{Value, json};
use suimon::access::Role;

use crate::browser::Browser;
use crate::oidc_issuer::Issuer;
use crate::oidc_scene::{Person, come, link, service};

const EDDSA: &str = "algorithms = \"EdDSA\"";
const SENSITIVE: &str = "mutation { issueToken(label: \"x\", scopes: [\"read:tenant\"], days: 1) { __typename ... on Problem { code } } }";

async fn sensitive(person: &mut Person) -> String {
    let answer = person.browser.gql(SENSITIVE).await["data"]["issueToken"].clone();
    answer["code"].as_str().unwrap_or_else(|| answer["__typename"].as_str().unwrap()).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_whom_the_provider_knew_still_has_proven_nothing_now() {
    let issuer = Issuer::start().await;
    let (app, _folder) = service(&[("corp", &issuer.url, EDDSA)], &[]).await;
    let admin = app.operator_member(Role::OperatorAdmin).await;
    link(&app, &admin.account, &issuer.url, "subject-1").await;
    let begun = Person::new(&app).begin("corp", "sign_in").await;
    assert!(begun.contains("max_age=43200"), "the provider is asked to say when: {begun}");
    let stale = "REAUTHENTICATION_REQUIRED";
    for (seconds, told) in [
        (Some(0), "IssuedToken"),
        (Some(-599), "IssuedToken"),
        (Some(-600), stale),
        (Some(-8 * 3600), stale),
        (None, stale),
        // Clocks that lie apart; never fresher than now.
        (Some(60), "IssuedToken"),
    ] {
        let now = app.now().as_second();
        let mut person = Person::new(&app);
        let change = |claims: &mut Value| match seconds {
            Some(seconds) => claims["auth_time"] = json!(now + seconds),
            None => drop(claims.as_object_mut().unwrap().remove("auth_time")),
        };
        assert_eq!(come(&app, &issuer, &mut person, "sign_in", change).await.0, 200, "{seconds:?}");
        assert!(person.browser.is_in().await, "everyday work goes on");
        assert_eq!(sensitive(&mut person).await, told, "{seconds:?}");
        if told == stale {
            // The way out: proof now.
            assert_eq!(come(&app, &issuer, &mut person, "re_authenticate", |_| ()).await.0, 204);
            assert_eq!(sensitive(&mut person).await, "IssuedToken");
        } else {
            app.clock.advance(600);
            assert_eq!(sensitive(&mut person).await, stale, "{seconds:?}");
        }
    }
    let now = app.now().as_second();
    let future = |claims: &mut Value| claims["auth_time"] = json!(now + 3600);
    assert_eq!(come(&app, &issuer, &mut Person::new(&app), "sign_in", future).await.0, 401);

    // A code of the app is the second factor; the first one was still shown long ago.
    let mut owner = Person::with(Browser::signed_in(&app, &admin.login).await);
    owner.browser.enrol(&app).await;
    let mut person = Person::new(&app);
    let now = app.now().as_second();
    let old = |claims: &mut Value| claims["auth_time"] = json!(now - 3600);
    let (status, body) = come(&app, &issuer, &mut person, "sign_in", old).await;
    assert_eq!((status, &body["secondFactor"]), (200, &json!("code")), "{body}");
    let code = json!({ "code": owner.browser.code(&app) });
    assert_eq!(person.browser.post("/auth/second-factor", code).await.0, 200);
    assert!(person.browser.is_in().await);
    assert_eq!(sensitive(&mut person).await, stale);
}

/// What it is, the configuration, and what a provider says with whether that counts.
type Case<'a> = (&'a str, &'a str, &'a [(Value, bool)]);

#[tokio::test(flavor = "multi_thread")]
async fn only_trusted_words_of_a_provider_are_a_second_factor() {
    let issuer = Issuer::start().await;
    let none = EDDSA.to_owned();
    let acr = format!("{EDDSA}\nsecond_factor_acr = \"urn:two urn:three\"");
    let amr = format!("{EDDSA}\nsecond_factor_amr = \"otp hwk\"");
    let cases: [Case<'_>; 3] = [
        ("nothing is trusted", &none, &[(json!({ "acr": "urn:two", "amr": ["pwd", "otp", "mfa"] }), false)]),
        (
            "classes",
            &acr,
            &[
                (json!({ "acr": "urn:two" }), true),
                (json!({ "acr": "urn:three", "amr": ["pwd"] }), true),
                (json!({ "acr": "urn:one" }), false),
                (json!({ "acr": "URN:TWO" }), false),
                (json!({ "acr": "urn:two urn:three" }), false),
                (json!({ "acr": "" }), false),
                (json!({ "amr": ["urn:two"] }), false),
                (json!({}), false),
            ],
        ),
        (
            "methods",
            &amr,
            &[
                (json!({ "amr": ["pwd", "otp"] }), true),
                (json!({ "amr": ["hwk"] }), true),
                (json!({ "amr": ["pwd", "mfa"] }), false),
                (json!({ "amr": ["OTP"] }), false),
                (json!({ "amr": ["pwd otp"] }), false),
                (json!({ "amr": [""] }), false),
                (json!({ "amr": [] }), false),
                (json!({ "acr": "otp" }), false),
            ],
        ),
    ];
    for (what, more, answers) in cases {
        let overrides = ["identity.require_second_factor=auditor"];
        let (app, _folder) = service(&[("corp", &issuer.url, more)], &overrides).await;
        let auditor = app.operator_member(Role::Auditor).await;
        link(&app, &auditor.account, &issuer.url, "subject-1").await;
        let with = |words: &Value| {
            let words = words.clone();
            move |claims: &mut Value| {
                for (name, value) in words.as_object().unwrap() {
                    claims[name] = value.clone();
                }
            }
        };
        for (words, counts) in answers {
            let mut person = Person::new(&app);
            assert_eq!(
                come(&app, &issuer, &mut person, "sign_in", with(words)).await.0,
                200,
                "{what}: {words}"
            );
            assert_eq!(person.browser.is_in().await, *counts, "{what}: {words}");
        }
        // A session that showed one factor more keeps it only as long as the latest proof showed it.
        let Some((two, _)) = answers.iter().find(|(_, counts)| *counts) else { continue };
        let mut person = Person::new(&app);
        assert_eq!(come(&app, &issuer, &mut person, "sign_in", with(two)).await.0, 200);
        assert!(person.browser.is_in().await);
        assert_eq!(come(&app, &issuer, &mut person, "re_authenticate", |_| ()).await.0, 204);
        assert!(!person.browser.is_in().await, "{what}: proven again by one factor");
        assert_eq!(come(&app, &issuer, &mut person, "re_authenticate", with(two)).await.0, 204);
        assert!(person.browser.is_in().await);
    }
}
