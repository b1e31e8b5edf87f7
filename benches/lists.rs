//! A list of 100 people with 8 masked fields through GraphQL, on PostgreSQL: by Suimon, by PostGraphile 4 with pgcrypto and
//! row-level security, and by a plain query over columns in clear without any check. The same data, the same masks (the
//! answers are compared), the same client, in turns: `script/bench lists`, which starts the server and installs the peer.
//!
//! Suimon alone looks its token up in the database, authenticates every ciphertext by its place, and has a record of each
//! person's read on the disk before it answers.
//!
//! `CLIENTS` (16), `SECONDS` (5, of each turn), `TURNS` (3).

#![expect(clippy::print_stdout, reason = "a bench tells its figures")]

mod common;
#[path = "common/load.rs"]
mod load;
#[path = "common/peer.rs"]
mod peer;
#[path = "common/people.rs"]
mod people;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;

use async_graphql::{Context, EmptyMutation, EmptySubscription, Object, Schema, SimpleObject};
use async_graphql_axum::{GraphQLRequest, GraphQLResponse};
use axum::Router;
use axum::extract::State;
use axum::routing::post;
use base64::Engine;
use common::{SYSTEM, institution, setting};
use load::rate;
use peer::Peer;
use people::worker;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, EntityTrait, QueryFilter, QuerySelect};
use serde_json::{Value, json};
use suimon::access;
use suimon::config::Secret;
use suimon::vault::{self, Batch, Mode, RawRow};
use tokio::net::TcpListener;

/// Of the example.
const RECORD_TYPE: &str = "medical_worker";

const PEER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers/postgraphile");
/// Of the bench's throw-away database.
const PEER_KEY: &str = "6b1f0c9d2e7a48b3915c0df2a4e68b7713579bdf02468ace1122334455667788";
const INSTITUTIONS: usize = 10;
const PAGE: usize = 100;

/// The table that somebody would have who protects nothing.
mod plain {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "plain_worker", schema_name = "store")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant: Uuid,
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
    async fn subjects(
        &self,
        context: &Context<'_>,
        tenant: uuid::Uuid,
    ) -> async_graphql::Result<Vec<PlainSubject>> {
        use sea_orm::ColumnTrait;
        let database = context.data_unchecked::<DatabaseConnection>();
        let people = plain::Entity::find().filter(plain::Column::Tenant.eq(tenant)).limit(PAGE as u64);
        let people = people.all(database).await.map_err(|_| async_graphql::Error::new("no list"))?;
        let value = |name, value| PlainValue { name, value };
        let convert = |row: plain::Model| PlainSubject {
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
        };
        Ok(people.into_iter().map(convert).collect())
    }
}

type PlainSchema = Schema<PlainQuery, EmptyMutation, EmptySubscription>;

async fn execute(State(schema): State<PlainSchema>, request: GraphQLRequest) -> GraphQLResponse {
    schema.execute(request.into_inner()).await.into()
}

struct Load {
    name: &'static str,
    url: String,
    token: &'static str,
    /// A request's body and its tenant.
    requests: Vec<(Value, String)>,
    list: &'static str,
}

#[tokio::main]
async fn main() {
    let (clients, seconds, turns) = (setting("CLIENTS", 16), setting("SECONDS", 5), setting("TURNS", 3));
    let Ok(owner_url) = std::env::var("SUIMON_BENCH_OWNER") else {
        println!("run it by `script/bench lists`, which starts PostgreSQL and PostGraphile");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = common::config(folder.path());
    config.database.migrate_url = Secret::new(owner_url.clone());
    config.database.require_row_security = true;
    let (app, op) = common::service(config, INSTITUTIONS, |text| text).await;
    let tenants = fill(&op).await;
    let token = access::issue_token_for(&app, "officer", "bench", &["*:*".to_owned()], 1).await;
    let token: &'static str = token.expect("a token").secret.leak();
    let owner = Database::connect(&owner_url).await.expect("the owner's connection");
    fill_peer(&owner, &tenants).await;
    let (_peer, peer) = start_peer(&owner_url, token, &tenants);
    let suimon = listen(Serve::Suimon(app)).await;
    let schema: PlainSchema =
        Schema::build(PlainQuery, EmptyMutation, EmptySubscription).data(owner).finish();
    let plain = listen(Serve::Plain(Router::new().route("/graphql", post(execute)).with_state(schema))).await;

    let request = |query: &str, tenant: String| json!({ "query": query, "variables": { "tenant": tenant } });
    let load = |name, url: &str, list, query: &str, id: fn(&uuid::Uuid) -> String| {
        let requests = tenants.iter().map(|tenant| (request(query, id(tenant)), tenant.to_string()));
        Arc::new(Load { name, url: url.to_owned(), token, requests: requests.collect(), list })
    };
    let peer_query = |list: &str| {
        format!(
            "{{ {list}(first: {PAGE}) {{ nodes {{ externalId fullName dateOfBirth occupation ticketNumber
                  email phone language bookingNumber }} }} }}"
        )
    };
    let loads = [
        load("plain", &plain, "/data/subjects", PLAIN, |tenant| tenant.to_string()),
        load("PostGraphile, pgp", &peer, "/data/allPgpPeople/nodes", &peer_query("allPgpPeople"), |_| {
            String::new()
        }),
        load("PostGraphile, raw", &peer, "/data/allRawPeople/nodes", &peer_query("allRawPeople"), |_| {
            String::new()
        }),
        load("Suimon", &suimon, "/data/subjects/nodes", SUIMON, |tenant| {
            let bytes = [b"Tenant:", tenant.as_bytes().as_slice(), tenant.as_bytes().as_slice()].concat();
            base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
        }),
    ];
    agree(&loads).await;
    println!("{clients} clients, lists of {PAGE} people with 8 fields, {turns} turns of {seconds} s each");
    let mut ratios = vec![Vec::new(); loads.len()];
    for _ in 0..turns {
        let mut rates = Vec::new();
        for load in &loads {
            rates.push(throughput(load, clients, seconds).await);
        }
        let suimon = rates[loads.len() - 1];
        for (load, (rate, ratios)) in loads.iter().zip(rates.into_iter().zip(&mut ratios)) {
            print!("{} {rate:.1}/s   ", load.name);
            ratios.push(suimon / rate);
        }
        println!();
    }
    for (load, mut ratios) in loads.iter().zip(ratios).take(loads.len() - 1) {
        ratios.sort_by(f64::total_cmp);
        println!("Suimon to {}: median ratio {:.2}", load.name, ratios[ratios.len() / 2]);
    }
}

const SUIMON: &str =
    "query($tenant: ID!) { subjects(tenantId: $tenant, purpose: \"bench\", first: 100) { nodes { externalId
    fields { ... on MaskedValue { name value } } } } }";
const PLAIN: &str =
    "query($tenant: UUID!) { subjects(tenant: $tenant) { externalId fields { name value } } }";

/// 100 people at each institution; returns the tenants.
async fn fill(op: &access::Op) -> Vec<uuid::Uuid> {
    let mut tenants = Vec::new();
    for number in 0..INSTITUTIONS {
        let slug = institution(number);
        let rows = (0..PAGE).map(|place| {
            let person = number * PAGE + place;
            RawRow {
                line: place as u64 + 1,
                tenant: slug.clone(),
                external_id: format!("W-{person:07}"),
                language: None,
                fields: worker(person)
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value.into()))
                    .collect(),
            }
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
        tenants.push(access::tenant_by_slug(op, &slug).await.expect("an institution").id);
    }
    tenants
}

/// The same people in the plain table and, encrypted by PostgreSQL itself, in the peer's.
async fn fill_peer(owner: &DatabaseConnection, tenants: &[uuid::Uuid]) {
    let run = async |sql: &str| {
        owner.execute_unprepared(sql).await.unwrap_or_else(|error| panic!("{error}: {sql}"));
    };
    run(&std::fs::read_to_string(format!("{PEER}/schema.sql")).expect("the peer's schema")).await;
    let names: Vec<_> = worker(0).iter().map(|(name, _)| *name).collect();
    let declared = names.iter().map(|name| format!("{name} text NOT NULL")).collect::<Vec<_>>().join(", ");
    run(&format!(
        "CREATE TABLE store.plain_worker (tenant uuid, external_id text, {declared}, PRIMARY KEY (tenant, external_id))"
    ))
    .await;
    for (number, tenant) in tenants.iter().enumerate() {
        let row = |person: usize| {
            let values = worker(person).map(|(_, value)| format!("'{value}'")).join(", ");
            format!("('{tenant}', 'W-{person:07}', {values})")
        };
        let rows: Vec<_> = (number * PAGE..(number + 1) * PAGE).map(row).collect();
        run(&format!("INSERT INTO store.plain_worker VALUES {}", rows.join(", "))).await;
    }
    for (table, sealed) in [
        ("pgp_worker", format!("pgp_sym_encrypt(COLUMN, '{PEER_KEY}', 'cipher-algo=aes256')")),
        (
            "raw_worker",
            format!("encrypt(convert_to(COLUMN, 'UTF8'), decode('{PEER_KEY}', 'hex'), 'aes-cbc/pad:pkcs')"),
        ),
    ] {
        let columns: Vec<_> = names.iter().map(|name| sealed.replace("COLUMN", name)).collect();
        let columns = columns.join(", ");
        run(&format!(
            "INSERT INTO store.{table} SELECT tenant, external_id, {columns} FROM store.plain_worker"
        ))
        .await;
    }
    run("ANALYZE").await;
}

fn start_peer(url: &str, token: &str, tenants: &[uuid::Uuid]) -> (Peer, String) {
    let tenants: Vec<_> = tenants.iter().map(uuid::Uuid::to_string).collect();
    let started = Command::new("node")
        .arg("server.js")
        .current_dir(PEER)
        .env("NODE_ENV", "production")
        .env("DATABASE_URL", url)
        .env("PEER_KEY", PEER_KEY)
        .env("PEER_TOKEN", token)
        .env("PEER_TENANTS", tenants.join(","))
        .stdout(Stdio::piped())
        .spawn();
    let mut peer = Peer(started.expect("node, which script/bench looks for"));
    let mut port = String::new();
    let output = peer.0.stdout.take().expect("its standard output");
    BufReader::new(output).read_line(&mut port).expect("its port");
    let url = format!("http://127.0.0.1:{}/graphql", port.trim());
    (peer, url)
}

enum Serve {
    Suimon(Arc<suimon::app::App>),
    Plain(Router),
}

async fn listen(serve: Serve) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/graphql", listener.local_addr().expect("the port"));
    match serve {
        Serve::Suimon(app) => {
            tokio::spawn(async move {
                let _ = suimon::http::run(app, listener, std::future::pending()).await;
            });
        }
        Serve::Plain(router) => {
            tokio::spawn(async move {
                let _ = axum::serve(listener, router).await;
            });
        }
    }
    url
}

async fn ask(http: &reqwest::Client, load: &Load, number: usize) -> Value {
    let (body, tenant) = &load.requests[number % load.requests.len()];
    let request = http.post(&load.url).bearer_auth(load.token).header("x-tenant", tenant).json(body);
    let answer: Value = request.send().await.expect("an answer").json().await.expect("JSON");
    let list = answer.pointer(load.list).and_then(Value::as_array);
    assert_eq!(list.map(Vec::len), Some(PAGE), "{}: {answer}", load.name);
    answer
}

/// Everybody who masks gives the same answer: the same people with the same values.
async fn agree(loads: &[Arc<Load>]) {
    let http = reqwest::Client::new();
    let mut answers = Vec::new();
    for load in loads.iter().filter(|load| load.name != "plain") {
        let answer = ask(&http, load, 3).await;
        let people = answer.pointer(load.list).and_then(Value::as_array).expect("a list");
        let values = |person: &Value| -> BTreeMap<String, Value> {
            match person["fields"].as_array() {
                Some(fields) => {
                    let pair = |field: &Value| {
                        (field["name"].as_str().unwrap_or("?").replace('_', ""), field["value"].clone())
                    };
                    fields.iter().map(pair).collect()
                }
                None => {
                    let fields = person.as_object().expect("a person").iter();
                    let fields = fields.filter(|(name, _)| *name != "externalId");
                    fields.map(|(name, value)| (name.to_lowercase(), value.clone())).collect()
                }
            }
        };
        let people: BTreeMap<String, _> =
            people.iter().map(|person| (person["externalId"].to_string(), values(person))).collect();
        answers.push(people);
    }
    assert!(
        answers.windows(2).all(|pair| pair[0] == pair[1]),
        "{:#?}",
        answers.iter().map(|people| people.iter().next()).collect::<Vec<_>>()
    );
    assert_eq!(answers[0].values().map(BTreeMap::len).collect::<Vec<_>>(), [8; PAGE]);
}

/// Lists a second.
async fn throughput(load: &Arc<Load>, clients: usize, seconds: usize) -> f64 {
    let http = reqwest::Client::builder().pool_max_idle_per_host(clients).build().expect("a client");
    rate(clients, seconds, |client, turns| {
        let (load, http) = (load.clone(), http.clone());
        async move {
            let mut number = client * 31;
            while turns.go_on() {
                number += 1;
                ask(&http, &load, number).await;
                turns.done();
            }
        }
    })
    .await
}
