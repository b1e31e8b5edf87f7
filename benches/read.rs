//! Read of one person with 8 encrypted fields through GraphQL, against the same query over plain columns without any check:
//! `cargo bench --bench read`. Both are served over loopback by this process, to the same number of concurrent clients, in
//! turns; the ratio of their throughputs is reported.
//!
//! `CLIENTS` (32), `SECONDS` (5, of each turn), `TURNS` (3), `PEOPLE` (1000), `SUIMON_BENCH_DATABASE`.

#![expect(clippy::print_stdout, reason = "a bench tells its figures")]

mod common;
#[path = "common/load.rs"]
mod load;
#[path = "common/people.rs"]
mod people;

use std::sync::Arc;

use async_graphql::{Context, EmptyMutation, EmptySubscription, Object, Schema, SimpleObject};
use async_graphql_axum::{GraphQLRequest, GraphQLResponse};
use axum::Router;
use axum::extract::State;
use axum::routing::post;
use common::{SYSTEM, institution, setting};
use load::rate;
use people::worker;
use sea_orm::{ConnectionTrait, DatabaseConnection, EntityTrait, Statement};
use serde_json::{Value, json};
use suimon::access;
use suimon::app::App;
use suimon::vault::{self, Batch, Mode, RawRow};
use tokio::net::TcpListener;

/// Of the example.
const RECORD_TYPE: &str = "medical_worker";

/// The table that somebody would have who has no Suimon.
mod plain {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "plain_worker")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
        pub external_id: String,
        pub full_name: String,
        pub date_of_birth: String,
        pub occupation: String,
        pub ticket_number: String,
        pub email: String,
        pub phone: String,
        pub language: String,
        pub booking_number: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

#[derive(SimpleObject)]
struct PlainValue {
    name: &'static str,
    value: String,
}

#[derive(SimpleObject)]
struct PlainSubject {
    external_id: String,
    fields: Vec<PlainValue>,
}

#[derive(Default)]
struct PlainQuery;

#[Object]
impl PlainQuery {
    async fn subject(&self, context: &Context<'_>, id: String) -> async_graphql::Result<PlainSubject> {
        let database = context.data_unchecked::<DatabaseConnection>();
        let row = plain::Entity::find_by_id(id).one(database).await;
        let row = row.ok().flatten().ok_or_else(|| async_graphql::Error::new("not found"))?;
        let value = |name, value| PlainValue { name, value };
        Ok(PlainSubject {
            external_id: row.external_id,
            fields: vec![
                value("full_name", row.full_name),
                value("date_of_birth", row.date_of_birth),
                value("occupation", row.occupation),
                value("ticket_number", row.ticket_number),
                value("email", row.email),
                value("phone", row.phone),
                value("language", row.language),
                value("booking_number", row.booking_number),
            ],
        })
    }
}

type PlainSchema = Schema<PlainQuery, EmptyMutation, EmptySubscription>;

async fn execute(State(schema): State<PlainSchema>, request: GraphQLRequest) -> GraphQLResponse {
    schema.execute(request.into_inner()).await.into()
}

#[tokio::main]
async fn main() {
    let (clients, seconds) = (setting("CLIENTS", 32), setting("SECONDS", 5));
    let (turns, people) = (setting("TURNS", 3), setting("PEOPLE", 1000));
    let folder = tempfile::tempdir().expect("a folder");
    let (app, op) = common::service(common::config(folder.path()), 10, std::convert::identity).await;
    fill(&op, people).await;
    let token =
        access::issue_token_for(&app, "officer", "bench", &access::every_scope(), 1).await.expect("a token");
    let ids = ids_of_people(&op, people).await;
    let suimon = serve_suimon(app.clone()).await;
    let plain = serve_plain(&app, people).await;

    // Where the time goes: signing in alone, and the person without its data.
    let stages = [
        ("signed in, nothing asked", "{ __typename }"),
        (
            "person without data",
            "query($id: ID!, $purpose: String!) { subject(id: $id, purpose: $purpose) { externalId } }",
        ),
    ];
    let stage = |query| {
        let (url, token, ids) = (suimon.clone(), token.secret.clone(), ids.clone());
        Arc::new(Load { url, token, query, ids, fields: None })
    };
    for (name, query) in stages {
        println!("{name:<40} {:>8.0}/s", throughput(&stage(query), clients, seconds).await);
    }
    let encrypted = Arc::new(Load {
        url: suimon,
        token: token.secret,
        fields: Some(8),
        query: "query($id: ID!, $purpose: String!) { subject(id: $id, purpose: $purpose) { externalId
                  fields(masked: false) { ... on ClearValue { name value } } } }",
        ids,
    });
    let baseline = Arc::new(Load {
        url: plain,
        token: String::new(),
        fields: Some(8),
        query: "query($id: String!) { subject(id: $id) { externalId fields { name value } } }",
        ids: (0..people).map(|number| format!("W-{number:07}")).collect(),
    });
    println!("{clients} clients, {people} people, {turns} turns of {seconds} s each");
    let mut ratios = Vec::new();
    for _ in 0..turns {
        let fast = throughput(&baseline, clients, seconds).await;
        let sealed = throughput(&encrypted, clients, seconds).await;
        println!(
            "plain {fast:>8.0}/s   encrypted, checked, audited {sealed:>8.0}/s   ratio {:.2}",
            sealed / fast
        );
        ratios.push(sealed / fast);
    }
    ratios.sort_by(f64::total_cmp);
    println!("median ratio {:.2}", ratios[ratios.len() / 2]);
}

async fn fill(op: &access::Op, people: usize) {
    let all: Vec<usize> = (0..people).collect();
    for numbers in all.chunks(vault::MAX_BATCH) {
        let rows = numbers.iter().map(|number| RawRow {
            line: *number as u64 + 1,
            tenant: institution(number % 10),
            external_id: format!("W-{number:07}"),
            language: None,
            fields: worker(*number)
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.into()))
                .collect(),
        });
        let batch = Batch {
            system: SYSTEM.to_owned(),
            record_type: RECORD_TYPE.to_owned(),
            mode: Mode::KeepGood,
            import: None,
            rows: rows.collect(),
            last: true,
        };
        let report = vault::import_batch(op, batch).await.expect("an import");
        assert_eq!(report.rows_refused, 0, "{:?}", report.problems);
    }
}

/// Global ids as the API gives them.
async fn ids_of_people(op: &access::Op, people: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for number in 0..10 {
        let tenant = access::tenant_by_slug(op, &institution(number)).await.expect("an institution").id;
        let mut after = None;
        loop {
            let page = vault::list_subjects(op, tenant, None, after, 200).await.expect("people");
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            ids.extend(page.iter().map(|person| global_id(person.tenant, person.id)));
        }
    }
    assert_eq!(ids.len(), people);
    ids
}

fn global_id(tenant: uuid::Uuid, id: uuid::Uuid) -> String {
    use base64::Engine;
    let bytes = [b"Subject:", tenant.as_bytes().as_slice(), id.as_bytes()].concat();
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

async fn serve_suimon(app: Arc<App>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/graphql", listener.local_addr().expect("the port"));
    tokio::spawn(async move { suimon::http::run(app, listener, std::future::pending()).await });
    url
}

async fn serve_plain(app: &Arc<App>, people: usize) -> String {
    let database = suimon::storage::connect(&app.config().database).await.expect("the database");
    let columns = worker(0).map(|(name, _)| name);
    let declared = columns.map(|name| format!("{name} TEXT NOT NULL")).join(", ");
    let create = format!("CREATE TABLE plain_worker (external_id TEXT PRIMARY KEY, {declared})");
    database.execute_unprepared(&create).await.expect("a table");
    for number in 0..people {
        let values = worker(number).map(|(_, value)| format!("'{value}'")).join(", ");
        let sql = format!("INSERT INTO plain_worker VALUES ('W-{number:07}', {values})");
        let statement = Statement::from_string(database.get_database_backend(), sql);
        database.execute_raw(statement).await.expect("a row");
    }
    let schema = Schema::build(PlainQuery, EmptyMutation, EmptySubscription).data(database).finish();
    let router = Router::new().route("/graphql", post(execute)).with_state(schema);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/graphql", listener.local_addr().expect("the port"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

struct Load {
    url: String,
    token: String,
    query: &'static str,
    ids: Vec<String>,
    /// How many fields an answer must have.
    fields: Option<usize>,
}

/// Requests a second.
async fn throughput(load: &Arc<Load>, clients: usize, seconds: usize) -> f64 {
    let http = reqwest::Client::builder().pool_max_idle_per_host(clients).build().expect("a client");
    rate(clients, seconds, |client, turns| {
        let (load, http) = (load.clone(), http.clone());
        async move {
            let mut number = client * 31;
            while turns.go_on() {
                number += 1;
                let id = &load.ids[number % load.ids.len()];
                let body = json!({ "query": load.query, "variables": { "id": id, "purpose": "bench" } });
                let response = http.post(&load.url).bearer_auth(&load.token).json(&body).send().await;
                let answer: Value = response.expect("an answer").json().await.expect("JSON");
                let fields = &answer["data"]["subject"]["fields"];
                assert!(answer["errors"].is_null(), "{answer}");
                assert_eq!(fields.as_array().map(Vec::len), load.fields, "{answer}");
                assert!(load.fields.is_none() || fields[7]["value"].is_string(), "{answer}");
                turns.done();
            }
        }
    })
    .await
}
