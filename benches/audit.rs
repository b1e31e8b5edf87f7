//! Appends to the audit log by concurrent requests, each of which waits until its entry is on the disk: through the writer that
//! reads go through, and as changes that commit with their entry. Against what the database itself gives in the same run for
//! rows of the same bytes: one insert and one flush each, and inserts that are gathered in the same way, without a chain.
//!
//! `cargo bench --bench audit` on SQLite; `script/bench audit` on PostgreSQL that flushes, too. `SECONDS` (3, of each turn),
//! `TURNS` (3), `SUIMON_BENCH_DATABASE`, `SUIMON_BENCH_OWNER`.

#![expect(clippy::print_stdout, reason = "a bench tells its figures")]

#[expect(dead_code, reason = "the names of the example's system are for benches that import people")]
mod common;
#[path = "common/load.rs"]
mod load;
#[path = "common/people.rs"]
mod people;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use common::setting;
use entity::audit_entry;
use futures::future::BoxFuture;
use load::rate;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, Database, DatabaseConnection, DbBackend, EntityTrait,
    IntoActiveModel, QueryFilter, QueryOrder, QueryTrait, SqliteTransactionMode, TransactionOptions,
    TransactionTrait,
};
use suimon::access::{Action, Scope};
use suimon::audit::{self, Event};
use suimon::config::Secret;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

const CLIENTS: [usize; 4] = [1, 8, 32, 128];
/// As the audit writer.
const BATCH: usize = 256;
const QUEUE: usize = 1024;

/// A read of eight fields of one person.
fn event(subject: Uuid) -> Event {
    let fields = people::worker(0).map(|(name, _)| name);
    Event::new("subject.read", format!("subject:{subject}"))
        .subject(subject.to_string())
        .fields(fields)
        .detail(serde_json::json!({ "clear": fields, "masked": [] }))
}

/// A table of the same columns without chain, triggers and row-level security.
struct Plain {
    database: DatabaseConnection,
    /// The last entry of the log.
    template: audit_entry::Model,
    seq: AtomicI64,
}

impl Plain {
    /// The table beside the log.
    async fn new(database: DatabaseConnection, owner: &DatabaseConnection, tenant: Uuid) -> Self {
        let create = "CREATE TABLE plain_entry AS SELECT * FROM audit_entry WHERE 1 = 0";
        owner.execute_unprepared(create).await.expect("a table");
        owner
            .execute_unprepared("CREATE UNIQUE INDEX plain_entry_key ON plain_entry (tenant_id, seq)")
            .await
            .expect("its key");
        // The log has a second index, of entries about a person.
        let by_subject = "CREATE INDEX plain_by_subject ON plain_entry (tenant_id, subject, seq) WHERE subject IS NOT NULL";
        owner.execute_unprepared(by_subject).await.expect("its index");
        if owner.get_database_backend() == DbBackend::Postgres {
            owner.execute_unprepared("GRANT ALL ON plain_entry TO PUBLIC").await.expect("rights");
        }
        let last = audit_entry::Entity::find()
            .filter(audit_entry::Column::TenantId.eq(tenant))
            .order_by_desc(audit_entry::Column::Seq)
            .one(owner)
            .await;
        let template = last.expect("the log").expect("an entry");
        Self { database, template, seq: AtomicI64::new(0) }
    }

    fn row(&self) -> audit_entry::ActiveModel {
        let seq = self.seq.fetch_add(1, Ordering::Relaxed) + 1;
        audit_entry::Model { seq, ..self.template.clone() }.into_active_model().reset_all()
    }

    async fn insert(&self, rows: Vec<audit_entry::ActiveModel>) {
        let backend = self.database.get_database_backend();
        let sqlite_transaction_mode =
            (backend == DbBackend::Sqlite).then_some(SqliteTransactionMode::Immediate);
        let options = TransactionOptions { sqlite_transaction_mode, ..Default::default() };
        let transaction = self.database.begin_with_options(options).await.expect("a transaction");
        let mut insert = audit_entry::Entity::insert_many(rows);
        insert.query().into_table("plain_entry");
        insert.exec_without_returning(&transaction).await.expect("rows");
        transaction.commit().await.expect("on the disk");
    }
}

/// Takes what has gathered and commits it at once, as the audit writer does, without a chain.
async fn gather(plain: Arc<Plain>, mut requests: mpsc::Receiver<oneshot::Sender<()>>) {
    let mut batch = Vec::with_capacity(BATCH);
    while requests.recv_many(&mut batch, BATCH).await > 0 {
        plain.insert(batch.iter().map(|_| plain.row()).collect()).await;
        for done in batch.drain(..) {
            let _ = done.send(());
        }
    }
}

type Append = Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

/// Appends a second by so many clients, each of which waits for its own.
async fn appends(append: &Append, clients: usize, seconds: usize) -> f64 {
    rate(clients, seconds, |_, turns| {
        let append = append.clone();
        async move {
            while turns.go_on() {
                append().await;
                turns.done();
            }
        }
    })
    .await
}

fn append<F: Future<Output = ()> + Send + 'static>(make: impl Fn() -> F + Send + Sync + 'static) -> Append {
    Arc::new(move || Box::pin(make()))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[tokio::main]
async fn main() {
    let (seconds, turns) = (setting("SECONDS", 3), setting("TURNS", 3));
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = common::config(folder.path());
    let owner = std::env::var("SUIMON_BENCH_OWNER").ok();
    if let Some(owner) = &owner {
        config.database.migrate_url = Secret::new(owner.clone());
        config.database.require_row_security = true;
    }
    let (app, op) = common::service(config.clone(), 1, |text| text).await;
    let tenant = suimon::access::tenant_by_slug(&op, &common::institution(0)).await.expect("it").id;
    let scope = op.permit_at(tenant, Action::Read, "subject").await.expect("a permission");
    let subject = scope.new_id();
    scope.record(tenant, vec![event(subject)]).await.expect("an entry");
    let own = suimon::storage::connect(&config.database).await.expect("the database");
    let plain = match &owner {
        Some(url) => {
            let owner = Database::connect(url).await.expect("the owner's connection");
            Plain::new(own, &owner, tenant).await
        }
        None => Plain::new(own.clone(), &own, tenant).await,
    };
    let plain = Arc::new(plain);
    let (queue, requests) = mpsc::channel(QUEUE);
    tokio::spawn(gather(plain.clone(), requests));

    let (reading, changing): (Scope, Scope) = (scope.clone(), scope);
    let ways: [(&str, Append); 4] = [
        ("one insert, one flush", {
            let plain = plain.clone();
            append(move || {
                let plain = plain.clone();
                async move { plain.insert(vec![plain.row()]).await }
            })
        }),
        ("gathered, no chain", {
            append(move || {
                let queue = queue.clone();
                async move {
                    let (done, written) = oneshot::channel();
                    queue.send(done).await.expect("the writer");
                    written.await.expect("written");
                }
            })
        }),
        ("audit writer", {
            append(move || {
                let scope = reading.clone();
                async move { scope.record(tenant, vec![event(subject)]).await.expect("an entry") }
            })
        }),
        ("change with its entry", {
            append(move || {
                let scope = changing.clone();
                async move {
                    let tx = scope.begin().await.expect("a transaction");
                    tx.commit(event(subject)).await.expect("an entry");
                }
            })
        }),
    ];
    println!("appends to one chain, {turns} turns of {seconds} s each, {}", kind(&plain.database));
    for clients in CLIENTS {
        let mut rates = vec![Vec::new(); ways.len()];
        for _ in 0..turns {
            for ((_, way), rates) in ways.iter().zip(&mut rates) {
                rates.push(appends(way, clients, seconds).await);
            }
        }
        // Ratios within a turn: what else the machine does meanwhile falls on both.
        let ratio =
            |of: usize, to: usize| median(rates[of].iter().zip(&rates[to]).map(|(of, to)| of / to).collect());
        print!("{clients:>4} clients ");
        for ((name, _), rates) in ways.iter().zip(&rates) {
            print!("  {name} {:>7.0}/s", median(rates.clone()));
        }
        println!();
        println!(
            "             writer to one flush each {:.2}, writer to gathered without a chain {:.2}, change to one flush each {:.2}",
            ratio(2, 0),
            ratio(2, 1),
            ratio(3, 0)
        );
    }
    // What was measured is an audit log.
    let reports = audit::verify_all(&app, &[]).await.expect("the log");
    let sound = reports.iter().all(|report| report.faults.is_empty());
    let entries: i64 = reports.iter().map(|report| report.entries).sum();
    assert!(sound, "{reports:?}");
    println!("{entries} entries, and every chain is sound");
}

fn kind(database: &DatabaseConnection) -> &'static str {
    match database.get_database_backend() {
        DbBackend::Postgres => "PostgreSQL",
        _ => "SQLite",
    }
}
