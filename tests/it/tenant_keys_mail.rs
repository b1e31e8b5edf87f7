//! Mails and lists where tenants' keys are replaced or destroyed: what was captured before opens after, and nothing is destroyed that
//! may still be needed to tell somebody.

use std::collections::BTreeMap;

use entity::{captured_mail, incident, tenant_key};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde_json::{Value, json};
use suimon::access::act_locally;
use suimon::jobs::JobState;
use suimon::vault;

use crate::harness::text;
use crate::notices::fixture::Fixture;

async fn mails(fixture: &Fixture) -> BTreeMap<String, (String, String)> {
    let list = "{ capturedMails(purpose: \"a test\", first: 100) { nodes { to subject source } } }";
    let answer = fixture.officer.gql(list).await;
    let nodes = answer["data"]["capturedMails"]["nodes"].as_array().unwrap_or_else(|| panic!("{answer}"));
    let mails = nodes.iter().map(|node| (text(&node["to"]), (text(&node["subject"]), text(&node["source"]))));
    mails.collect()
}

async fn replace_the_operators_key(fixture: &Fixture, fields: bool) {
    let admin = act_locally(&fixture.app.app, "admin").await.unwrap();
    let jobs = vault::rotate_tenant_keys(&admin, Some(&[fixture.root]), fields).await.unwrap();
    for _ in 0..6 {
        fixture.app.run_jobs().await;
        fixture.app.clock.advance(3600);
    }
    let job = suimon::jobs::job(&admin, jobs[0].tenant, jobs[0].id).await.unwrap();
    assert_eq!(job.state, JobState::Done, "{job:?}");
}

async fn keys(fixture: &Fixture) -> Vec<(i32, String)> {
    let keys = tenant_key::Entity::find()
        .filter(tenant_key::Column::TenantId.eq(fixture.root))
        .order_by_asc(tenant_key::Column::Version);
    keys.all(&fixture.database).await.unwrap().into_iter().map(|key| (key.version, key.state)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_that_were_captured_before_open_after_the_key_was_replaced() {
    // More than one piece of the job.
    const PEOPLE: usize = 45;
    let fixture = Fixture::captured().await;
    let revision = fixture.people(PEOPLE).await;
    fixture.approved(revision).await;
    while fixture.send().await.accepted > 0 {}
    let before = mails(&fixture).await;
    assert_eq!(before.len(), PEOPLE);
    let sealed = async || {
        let rows = captured_mail::Entity::find().order_by_asc(captured_mail::Column::Id);
        rows.all(&fixture.database).await.unwrap().into_iter().map(|row| row.sealed).collect::<Vec<_>>()
    };
    let old = sealed().await;
    for (fields, version) in [(false, 2), (true, 3)] {
        replace_the_operators_key(&fixture, fields).await;
        let keys = keys(&fixture).await;
        assert_eq!(keys.last(), Some(&(version, "active".to_owned())));
        assert!(keys[..keys.len() - 1].iter().all(|(_, state)| state == "destroyed"), "{keys:?}");
        assert_eq!(mails(&fixture).await, before, "to the letter");
        assert!(sealed().await.iter().all(|sealed| !old.contains(sealed)), "under the new key");
    }
    // And what is captured from now on lies beside it.
    fixture.import("school-002", &[("late", "ja")]).await;
    let revision = fixture.revision(2, &[("school-002", "late", "possible")]).await;
    fixture.approved(revision).await;
    fixture.send().await;
    assert_eq!(mails(&fixture).await.len(), PEOPLE + 1);
}

async fn destroy(fixture: &Fixture, slug: &str) -> Value {
    let find = "query($slug: String!) { tenant(slug: $slug) { id } }";
    let id = fixture.officer.gql_with(find, json!({ "slug": slug })).await["data"]["tenant"]["id"].clone();
    let destroy =
        "mutation($id: ID!) { answer: destroyTenantData(tenantId: $id, reason: \"contract ended\") {
      __typename ... on Problem { code message remedy } } }";
    fixture.app.admin().gql_with(destroy, json!({ "id": id })).await["data"]["answer"].clone()
}

async fn incident_is(fixture: &Fixture, status: &str) {
    incident::Entity::update_many()
        .col_expr(incident::Column::Status, Expr::value(status))
        .filter(incident::Column::Id.eq(fixture.incident))
        .exec(&fixture.database)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_be_of_a_tenant_keeps_its_keys_too() {
    let fixture = Fixture::captured().await;
    fixture.import("school-001", &[("p-1", "ja")]).await;
    fixture.import("school-002", &[("q-1", "ja")]).await;
    // A school that Suimon does not know, and a pseudonym that one of the others has; another one that is known later.
    fixture.revision(1, &[("school-x", "p-1", "possible"), ("school-003", "zz", "possible")]).await;
    fixture.import("school-003", &[("r-1", "ja")]).await;
    let perhaps = json!({
        "__typename": "Problem", "code": "CONFLICT",
        "message": "the list of an open incident names people of an unknown organisation, who may be of this tenant",
        "remedy": "correct the list or close the incident first: they must perhaps still be told",
    });
    for slug in ["school-001", "school-003"] {
        assert_eq!(destroy(&fixture, slug).await, perhaps, "{slug}");
    }
    let kept = tenant_key::Entity::find().filter(tenant_key::Column::Wrapped.is_null());
    assert!(kept.all(&fixture.database).await.unwrap().is_empty(), "a refusal destroys nothing");
    assert_eq!(
        destroy(&fixture, "school-002").await["__typename"],
        "DestroyedTenantData",
        "it has nobody of that pseudonym"
    );
    incident_is(&fixture, "closed").await;
    for slug in ["school-001", "school-003"] {
        assert_eq!(destroy(&fixture, slug).await["__typename"], "DestroyedTenantData", "{slug}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_still_to_be_written_to_keeps_the_keys() {
    let fixture = Fixture::captured().await;
    fixture.import("school-001", &[("p-1", "ja")]).await;
    fixture.import("school-002", &[("q-1", "ja")]).await;
    let people = [("school-001", "p-1", "possible"), ("school-002", "q-1", "possible")];
    let revision = fixture.revision(1, &people).await;
    let notice = fixture.approved(revision).await;
    let listed = destroy(&fixture, "school-001").await;
    assert_eq!(listed["message"], "people of this tenant are on the list of an open incident");
    incident_is(&fixture, "closed").await;
    let waits = json!({
        "__typename": "Problem", "code": "CONFLICT",
        "message": "mails to people of this tenant are still to be sent",
        "remedy": "wait until they are sent, or cancel the notice",
    });
    assert_eq!(destroy(&fixture, "school-001").await, waits);
    fixture.send().await;
    assert_eq!(fixture.standing(&notice).await, "DONE 0 0 2 0 0");
    assert_eq!(mails(&fixture).await.len(), 2);
    assert_eq!(destroy(&fixture, "school-001").await["__typename"], "DestroyedTenantData");
    let left = mails(&fixture).await;
    assert_eq!(left.keys().collect::<Vec<_>>(), ["q-1@school-002.example"], "the mails went with it");
    // Cancelled: nothing is sent any more, nothing is in the way.
    incident_is(&fixture, "contained").await;
    fixture.import("school-002", &[("q-2", "ja")]).await;
    let revision = fixture.revision(2, &[("school-002", "q-2", "possible")]).await;
    let notice = fixture.approved(revision).await;
    incident_is(&fixture, "closed").await;
    assert_eq!(destroy(&fixture, "school-002").await, waits);
    assert_eq!(fixture.act(&fixture.officer, "cancelNotice", &notice).await["__typename"], "Notice");
    assert_eq!(destroy(&fixture, "school-002").await["__typename"], "DestroyedTenantData");
}
