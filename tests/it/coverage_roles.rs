//! What each role is answered to each root field, as a table that is reviewed like the policy itself: a field that is new, or
//! that somebody else may use from now on, shows as a difference of `snapshots/`.

use std::fmt::Write;

use serde_json::Value;
use suimon::access::Role;

use crate::coverage::{INTROSPECTION, ROOTS, Types, document, scene, wanted_kind};
use crate::harness::Member;

/// `ok`, or the code of the refusal, in lower case.
async fn outcome(member: &Member, document: &str, rows: &crate::coverage::Rows) -> String {
    let mut answer = member.gql(document).await;
    if let Some(kind) = wanted_kind(&answer) {
        let sent = document.split('"').nth(1).expect("an id was sent");
        answer = member.gql(&document.replace(sent, &rows.of_kind(&kind))).await;
    }
    let code =
        answer["errors"][0]["extensions"]["code"].as_str().or(answer["data"]["answer"]["code"].as_str());
    match code {
        None if answer["data"]["answer"].is_null() => "null".to_owned(),
        None => "ok".to_owned(),
        Some(code) => {
            assert!(!["INTERNAL", "GRAPHQL_INVALID"].contains(&code), "{document}: {answer}");
            code.to_lowercase()
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_at_each_root_field() {
    let mut columns: Vec<(String, Vec<(String, String)>)> = Vec::new();
    for role in Role::ALL {
        // A scene each: what one role has changed must not answer the next.
        let (scene, rows) = scene().await;
        let app = &scene.app;
        let school = app.tenant("school-001").await;
        let customer = role.may_be_customers();
        let member = if customer { app.member(&school, role).await } else { app.operator_member(role).await };
        let schema = app.admin().gql(INTROSPECTION).await["data"]["__schema"].clone();
        let types = schema["types"].as_array().unwrap().iter();
        let types =
            Types(types.map(|kind| (kind["name"].as_str().unwrap().to_owned(), kind.clone())).collect());
        let mut cells = Vec::new();
        for (operation, root) in ROOTS {
            let mut fields: Vec<&Value> = schema[root]["fields"].as_array().unwrap().iter().collect();
            fields.sort_by_key(|field| field["name"].as_str());
            for field in fields {
                let document = document(operation, field, &types, &rows);
                let name = format!("{operation} {}", field["name"].as_str().unwrap());
                cells.push((name, outcome(&member, &document, &rows).await));
            }
        }
        let whose = if customer { " (customer)" } else { "" };
        columns.push((format!("{}{whose}", role.as_str()), cells));
    }
    let mut table = String::new();
    for (index, (name, _)) in columns[0].1.iter().enumerate() {
        writeln!(table, "{name}").unwrap();
        // Roles with the same answer stand together: shorter, and a change of one role is one line.
        let mut answers: Vec<(&str, Vec<&str>)> = Vec::new();
        for (role, cells) in &columns {
            assert_eq!(&cells[index].0, name);
            match answers.iter_mut().find(|(answer, _)| *answer == cells[index].1) {
                Some((_, roles)) => roles.push(role),
                None => answers.push((&cells[index].1, vec![role])),
            }
        }
        answers.sort_unstable();
        for (answer, roles) in answers {
            writeln!(table, "  {answer}: {}", roles.join(", ")).unwrap();
        }
    }
    insta::assert_snapshot!(table);
}
