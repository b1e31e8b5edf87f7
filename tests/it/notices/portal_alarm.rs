//! That somebody asked on a page reaches the officers.

use serde_json::json;

use super::fixture::Fixture;
use super::portal_scene::Browser;
use crate::harness::text;

const OFFICER: &str = "night-desk@operator.example";

async fn mails_to_the_officer(fixture: &Fixture) -> Vec<String> {
    let list = "{ capturedMails(purpose: \"a test\", first: 200) { nodes { to subject body } } }";
    let answer = fixture.officer.gql(list).await;
    let mails = answer["data"]["capturedMails"]["nodes"].as_array().unwrap_or_else(|| panic!("{answer}"));
    let told = mails.iter().filter(|mail| mail["to"] == OFFICER);
    told.map(|mail| format!("{}\n\n{}", text(&mail["subject"]), text(&mail["body"]))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn officers_hear_of_questions_by_one_mail_for_many() {
    let fixture = Fixture::captured().await;
    let create = "mutation($tenant: ID!, $login: String!) { createAccount(tenantId: $tenant, login: $login,
        displayName: \"The desk\", roles: [COMPLIANCE_OFFICER], password: \"correct horse battery staple\") { __typename } }";
    let operator = fixture.app.operator().await;
    let created =
        fixture.app.admin().gql_with(create, json!({ "tenant": operator.id, "login": OFFICER })).await;
    assert_eq!(created["data"]["createAccount"]["__typename"], "Account", "{created}");
    let revision = fixture.people(3).await;
    fixture.approved(revision).await;
    assert_eq!(fixture.send().await.accepted, 3);
    for person in 0..2 {
        let address = format!("p-{person:03}@school-001.example");
        let path = fixture.path_to(&address).await;
        let mut browser = Browser::new(&fixture.app.url);
        browser.enter(&fixture, &path, &address).await;
        browser.post(&format!("{path}/ask"), &[("text", "Who saw my secret words?")]).await;
        fixture.app.clock.advance(300);
    }
    fixture.app.run_jobs().await;
    assert_eq!(mails_to_the_officer(&fixture).await, [""; 0], "the half hour is not over");
    fixture.app.clock.advance(1_800);
    fixture.app.run_jobs().await;
    fixture.app.run_jobs().await;
    let told = mails_to_the_officer(&fixture).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(!told[0].contains("secret") && !told[0].contains("p-00"), "{}", told[0]);
    insta::assert_snapshot!(told[0].replace(&fixture.app.app.config().server.public_url, "URL"));
    // Nobody asked since; then somebody does, and it is a mail of the next half hour.
    fixture.app.clock.advance(7_200);
    fixture.app.run_jobs().await;
    assert_eq!(mails_to_the_officer(&fixture).await.len(), 1);
    let address = "p-002@school-001.example";
    let path = fixture.path_to(address).await;
    let mut browser = Browser::new(&fixture.app.url);
    browser.enter(&fixture, &path, address).await;
    browser.post(&format!("{path}/ask"), &[("text", "And who saw mine?")]).await;
    fixture.app.clock.advance(1_860);
    fixture.app.run_jobs().await;
    fixture.app.run_jobs().await;
    let told = mails_to_the_officer(&fixture).await;
    assert!(told.len() == 2 && told[1].contains("3 questions"), "{told:?}");
}
