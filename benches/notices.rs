//! A notice to very many: `script/bench notices`. From approval to the last mail that Postfix's `smtp-sink` accepts, beside Postfix's own
//! `smtp-source` and a plain loop over lettre's pool, with as many connections and mails of the same size.
//!
//! `ROWS` (270000), `CONNECTIONS` (16), `TENANTS` (100), `SUIMON_BENCH_DATABASE` (an empty database). Wants the two programs in
//! `SUIMON_BENCH_SMTP_SINK` and `SUIMON_BENCH_SMTP_SOURCE`.

#![expect(clippy::print_stdout, reason = "a bench tells its figures")]

mod common;
#[path = "common/people.rs"]
mod people;
#[path = "common/process.rs"]
mod process;

use std::collections::BTreeMap;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::{SYSTEM, institution, setting};
use entity::{incident, revision, revision_person};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use people::worker;
use process::{memory, processor};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Database, DatabaseConnection, EntityTrait, IntoActiveModel, QueryFilter,
};
use suimon::access::{self, NewAccount, Op, Role};
use suimon::app::App;
use suimon::clock::SystemClock;
use suimon::entropy::Entropy;
use suimon::notices::{self, Audience, Delivery, Filter, NewNotice, Notice, NoticeState, Variables};
use suimon::vault::{Encoding, FileKind, ImportFile, Mode, import_file};
use uuid::Uuid;

const RECORD_TYPE: &str = "medical_worker";
/// Mails whose size is looked at before.
const FIRST: usize = 50;
/// Lettre's pool is slow: more say nothing new.
const MOST_PLAIN: usize = 20_000;
/// Names the folder in which another process of this program prepares what is to be sent.
const PREPARE: &str = "SUIMON_BENCH_PREPARE";

struct Sink {
    process: Child,
    port: u16,
}

impl Sink {
    /// Takes everything; keeps it only where a folder is given.
    fn start(program: &str, dumps: Option<&std::path::Path>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("the port").port();
        drop(listener);
        let mut command = Command::new(program);
        command.args(["-u", "root"]);
        if let Some(folder) = dumps {
            command.arg("-d").arg(folder.join("mail."));
        }
        command.arg(format!("127.0.0.1:{port}")).arg("512").stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().expect("smtp-sink starts");
        let since = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(since.elapsed() < Duration::from_secs(10), "smtp-sink does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { process, port }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::main]
async fn main() {
    let (Ok(sink), Ok(source)) =
        (std::env::var("SUIMON_BENCH_SMTP_SINK"), std::env::var("SUIMON_BENCH_SMTP_SOURCE"))
    else {
        println!("wants Postfix's smtp-sink and smtp-source: script/bench notices");
        return;
    };
    // What the preparation needs of memory is another process's.
    if let Ok(folder) = std::env::var(PREPARE) {
        prepare(&sink, std::path::Path::new(&folder)).await;
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let this = std::env::current_exe().expect("this program");
    let prepared = Command::new(this).env(PREPARE, folder.path()).status().expect("the preparation runs");
    assert!(prepared.success(), "the preparation: {prepared}");
    let prepared = std::fs::read_to_string(folder.path().join("prepared")).expect("what was prepared");
    let (port, size) = prepared.split_once(' ').expect("a port and a size");
    let (port, size): (u16, u64) = (port.parse().expect("a port"), size.parse().expect("a size"));
    let (rows, connections) = (setting("ROWS", 270_000), setting("CONNECTIONS", 16));

    let _quiet = sink_at(&sink, port);
    let rest = rows - FIRST;
    println!("{rest} mails of {size} bytes, {connections} connections");
    let baseline = peer_source(&source, port, connections, rest, size);
    println!("smtp-source      {baseline:>8.0} mails/s");
    let plain = peer_lettre(port, connections, rest.min(MOST_PLAIN), size).await;
    println!("lettre's pool    {plain:>8.0} mails/s   {:.2} of smtp-source", plain / baseline);

    let app = App::open(configured(folder.path(), port), Arc::new(SystemClock), Entropy::seeded(2)).await;
    let app = app.expect("the service opens");
    let op = access::act_locally(&app, "officer").await.expect("the officer");
    let approver = access::act_locally(&app, "approver").await.expect("the approver");
    let database = opened(&app).await;
    let incident =
        incident::Entity::find().one(&database).await.expect("incidents").expect("the incident").id;
    let all = revision::Entity::find().filter(revision::Column::Number.eq(2)).one(&database).await;
    let all = all.expect("lists").expect("the list").id;
    database.close().await.expect("closed");
    let draft = draft(&app, &op, incident, all).await;
    println!("memory of the service at rest {}", memory("VmRSS:"));
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let (begin, used_before) = (Instant::now(), processor());
    let notice = notices::approve_notice(&approver, draft.tenant, draft.id).await.expect("approved");
    let fanned_out = begin.elapsed();
    let after_fan_out = memory("VmHWM:");
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let worker = tokio::spawn(notices::worker::run(app.clone(), async {
        let _ = stopped.await;
    }));
    let approved_at = Instant::now();
    let mut first_mail = None;
    while first_mail.is_none() {
        let sent: u64 = app.sent().counts().iter().take(1).map(|(_, accepted)| accepted).sum();
        first_mail = (sent > 0).then(|| approved_at.elapsed());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let counts = settled(&approver, &notice).await;
    let seconds = approved_at.elapsed().as_secs_f64();
    let _ = stop.send(());
    worker.await.expect("the worker").expect("it ended in order");
    assert_eq!(counts.accepted as usize, rest, "{counts:?}");
    let rate = rest as f64 / seconds;
    println!(
        "suimon           {rate:>8.0} mails/s   {:.2} of smtp-source, {:.2} of lettre's pool",
        rate / baseline,
        rate / plain
    );
    println!(
        "fan-out {:.2} s (peak memory {after_fan_out}); first mail {:.2} s later; all {seconds:.1} s; processor {:.1} s ({:.0} µs a mail); peak memory {}",
        fanned_out.as_secs_f64(),
        first_mail.unwrap_or_default().as_secs_f64(),
        processor() - used_before,
        (processor() - used_before) * 1e6 / rest as f64,
        memory("VmHWM:")
    );
}

fn configured(folder: &std::path::Path, port: u16) -> suimon::config::Config {
    let mut config = common::config(folder);
    config.mail.transport = suimon::config::MailTransport::Smtp;
    config.mail.smtp_tls = suimon::config::SmtpTls::None;
    config.mail.smtp_port = port;
    config.mail.smtp_connections = u32::try_from(setting("CONNECTIONS", 16)).expect("few connections");
    config
}

async fn opened(app: &App) -> DatabaseConnection {
    let url =
        std::env::var("SUIMON_BENCH_OWNER").unwrap_or_else(|_| app.config().database.url.expose().to_owned());
    Database::connect(url).await.expect("the database")
}

/// The people, an incident, a list of the first few, who get their mails to show how large those are, and the list of all.
async fn prepare(sink: &str, folder: &std::path::Path) {
    let dumps = folder.join("mails");
    std::fs::create_dir(&dumps).expect("a folder for mails");
    let keeping = Sink::start(sink, Some(&dumps));
    let (rows, tenants) = (setting("ROWS", 270_000), setting("TENANTS", 100));
    let (app, op) = common::service(configured(folder, keeping.port), tenants, std::convert::identity).await;
    import(&op, folder, rows, tenants).await;
    let database = opened(&app).await;
    let incident = put_incident(&app, &database).await;
    let approver = approver(&app).await;
    let first = put_list(&app, &database, incident, 1, FIRST, tenants).await;
    let notice = approved(&app, &op, &approver, incident, first).await;
    notices::worker::run_once(&app).await.expect("a pass");
    settled(&approver, &notice).await;
    let sizes: Vec<u64> = std::fs::read_dir(&dumps)
        .expect("mails")
        .map(|mail| mail.expect("a mail").metadata().expect("its size").len())
        .collect();
    let size = sizes.iter().sum::<u64>() / sizes.len().max(1) as u64;
    put_list(&app, &database, incident, 2, rows, tenants).await;
    database.close().await.expect("closed");
    std::fs::write(folder.join("prepared"), format!("{} {size}", keeping.port)).expect("written");
}

fn sink_at(program: &str, port: u16) -> Sink {
    let mut command = Command::new(program);
    command.args(["-u", "root", &format!("127.0.0.1:{port}"), "512"]);
    let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("smtp-sink starts");
    let since = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(since.elapsed() < Duration::from_secs(10), "smtp-sink does not listen");
        std::thread::sleep(Duration::from_millis(20));
    }
    Sink { process, port }
}

fn peer_source(program: &str, port: u16, connections: usize, mails: usize, size: u64) -> f64 {
    let begin = Instant::now();
    let mut command = Command::new(program);
    // -d: the connection is used again, as ours are.
    command.args(["-d", "-s", &connections.to_string(), "-m", &mails.to_string(), "-l", &size.to_string()]);
    command.args(["-f", "notice@suimon.example", "-t", "somebody@clinic.example"]);
    let status = command.arg(format!("127.0.0.1:{port}")).status().expect("smtp-source runs");
    assert!(status.success(), "smtp-source: {status}");
    mails as f64 / begin.elapsed().as_secs_f64()
}

async fn peer_lettre(port: u16, connections: usize, mails: usize, size: u64) -> f64 {
    let pool = lettre::transport::smtp::PoolConfig::new().max_size(u32::try_from(connections).expect("few"));
    let transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous("127.0.0.1").port(port);
    let transport = Arc::new(transport.pool_config(pool).build());
    let body = "x".repeat(70).repeat(size as usize / 72);
    let body: Arc<String> = Arc::new(body);
    let begin = Instant::now();
    let tasks: Vec<_> = (0..connections)
        .map(|task| {
            let (transport, body) = (transport.clone(), body.clone());
            let share = mails / connections + usize::from(task < mails % connections);
            tokio::spawn(async move {
                for _ in 0..share {
                    let mail = lettre::Message::builder()
                        .from("notice@suimon.example".parse().expect("an address"))
                        .to("somebody@clinic.example".parse().expect("an address"))
                        .subject("A notice")
                        .body(body.as_str().to_owned())
                        .expect("a mail");
                    transport.send(mail).await.expect("accepted");
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("a task");
    }
    mails as f64 / begin.elapsed().as_secs_f64()
}

async fn import(op: &Op, folder: &std::path::Path, rows: usize, tenants: usize) {
    use std::io::Write;
    let path = folder.join("workers.csv");
    let mut file = std::io::BufWriter::new(std::fs::File::create(&path).expect("the file"));
    let names = worker(0).map(|(name, _)| name).join(",");
    writeln!(file, "tenant,external_id,{names}").expect("written");
    for number in 0..rows {
        let values = worker(number).map(|(_, value)| value).join(",");
        writeln!(file, "{},W-{number:07},{values}", institution(number * 7919 % tenants)).expect("written");
    }
    file.flush().expect("written");
    let file = ImportFile {
        path,
        kind: FileKind::Csv,
        encoding: Encoding::Utf8,
        system: SYSTEM.to_owned(),
        record_type: RECORD_TYPE.to_owned(),
        mode: Mode::KeepGood,
    };
    let report = import_file(op, file, &mut |_| {}).await.expect("an import");
    assert_eq!(report.rows_refused, 0, "{:?}", report.problems.first());
}

async fn put_incident(app: &App, database: &DatabaseConnection) -> Uuid {
    let now = app.clock().now();
    let id = app.entropy().id(now);
    let row = incident::Model {
        tenant_id: app.root().expect("an operator"),
        id,
        number: 1,
        title: "Pages served to others".into(),
        system: SYSTEM.into(),
        status: "contained".into(),
        zone: "Asia/Tokyo".into(),
        opened_at: now.as_microsecond(),
        opened_by: Uuid::nil(),
        occurred_from: Some(now.as_microsecond() - 20_000_000_000),
        occurred_to: Some(now.as_microsecond() - 10_000_000_000),
        detected_at: None,
        aware_at: None,
        contained_at: None,
        closed_at: None,
    };
    let row = row.into_active_model().reset_all();
    incident::Entity::insert(row).exec_without_returning(database).await.expect("an incident");
    id
}

/// An approved list of the first `people`.
async fn put_list(
    app: &App,
    database: &DatabaseConnection,
    incident: Uuid,
    number: i32,
    people: usize,
    tenants: usize,
) -> Uuid {
    let now = app.clock().now();
    let (id, root) = (app.entropy().id(now), app.root().expect("an operator"));
    let row = revision::Model {
        tenant_id: root,
        id,
        incident_id: incident,
        number: Some(number),
        method: "manual".into(),
        state: "approved".into(),
        reason: "bench".into(),
        parameters: "{}".into(),
        inputs: r#"{"inputs":[]}"#.into(),
        counts: serde_json::to_string(&suimon::incidents::affected::Counts::default()).expect("JSON"),
        digest: String::new(),
        created_at: now.as_microsecond(),
        created_by: Uuid::nil(),
        approved_at: Some(now.as_microsecond()),
        approved_by: Some(Uuid::nil()),
    };
    let row = row.into_active_model().reset_all();
    revision::Entity::insert(row).exec_without_returning(database).await.expect("a revision");
    let known: BTreeMap<String, Uuid> = entity::tenant::Entity::find()
        .all(database)
        .await
        .expect("tenants")
        .into_iter()
        .map(|tenant| (tenant.slug, tenant.id))
        .collect();
    let all: Vec<usize> = (0..people).collect();
    for chunk in all.chunks(1000) {
        let rows = chunk.iter().map(|number| {
            let slug = institution(number * 7919 % tenants);
            revision_person::Model {
                tenant_id: root,
                revision_id: id,
                person_tenant: known.get(&slug).copied(),
                tenant_slug: slug,
                person: format!("W-{number:07}"),
                person_kind: RECORD_TYPE.into(),
                class: "possible".into(),
                first_at: None,
                last_at: None,
                requests: 1,
                logins: 1,
                origin: "logs".into(),
                reason: None,
                evidence: "[]".into(),
            }
            .into_active_model()
            .reset_all()
        });
        revision_person::Entity::insert_many(rows).exec_without_returning(database).await.expect("people");
    }
    id
}

async fn approver(app: &Arc<App>) -> Op {
    let admin = access::act_locally(app, "admin").await.expect("the administrator");
    let account = NewAccount {
        login: "approver".into(),
        display_name: "Approver".into(),
        roles: vec![Role::Approver],
        password: None,
    };
    access::create_account(&admin, app.root().expect("an operator"), account).await.expect("an approver");
    access::act_locally(app, "approver").await.expect("the approver")
}

async fn draft(app: &App, op: &Op, incident: Uuid, revision: Uuid) -> Notice {
    let text = |text: &str| text.to_owned();
    let names = ["what_happened", "data_items", "cause", "secondary_damage", "measures", "contact_desk"];
    let texts: BTreeMap<String, String> = names
        .into_iter()
        .map(|name| {
            (
                text(name),
                text("10月26日、他の方のページが表示されました。設定を戻し、再発防止策を行いました。"),
            )
        })
        .collect();
    let new = NewNotice {
        incident,
        revision,
        audience: Audience::Persons,
        template: text("incident_notice_person"),
        variables: Variables { ja: Some(texts.clone()), en: Some(texts) },
        delivery: Delivery::default(),
        filter: Filter::default(),
    };
    notices::create_notice(op, app.root().expect("an operator"), new).await.expect("a draft")
}

async fn approved(app: &App, op: &Op, approver: &Op, incident: Uuid, revision: Uuid) -> Notice {
    let draft = draft(app, op, incident, revision).await;
    notices::approve_notice(approver, draft.tenant, draft.id).await.expect("approved")
}

/// Waits until the notice is done.
async fn settled(op: &Op, notice: &Notice) -> notices::Counts {
    let since = Instant::now();
    loop {
        let now = notices::notice(op, notice.tenant, notice.id).await.expect("the notice");
        if now.state == NoticeState::Done {
            return notices::counts(op, notice).await.expect("counts");
        }
        assert!(since.elapsed() < Duration::from_mins(30), "not done after half an hour");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
