//! Search among encrypted names: whole values, beginnings and parts, against opening everybody's name in the same run:
//! `cargo bench --bench search`. Reports the median and the 99th percentile of whole searches, with permission, comparison and
//! an audit entry that is on the disk before the answer.
//!
//! `PEOPLE` (1000000), `TENANTS` (1: the largest index that one search can meet), `QUERIES` (1000 of each kind),
//! `SUIMON_BENCH_DATABASE`.

#![expect(clippy::print_stdout, reason = "a bench tells its figures")]

mod common;
#[path = "common/people.rs"]
mod people;

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use common::{SYSTEM, institution, setting};
use entity::{part_index, subject, tenant_key};
use envelope::{
    FieldCipher, IndexKind, Kek, Needle, Part, Plaintext, RecordContext, SealedRecord, SubjectKeyContext,
    TenantKey, TenantKeyContext,
};
use people::worker;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};
use suimon::access::{Action, Op};
use suimon::app::App;
use suimon::audit::Event;
use suimon::error::{Code, Error};
use suimon::storage::{Database, Wall, Walled};
use suimon::vault::{Encoding, FileKind, ImportFile, Mode, SearchMode, import_file, search_subjects};
use uuid::Uuid;

/// Of the example.
const RECORD_TYPE: &str = "medical_worker";

#[tokio::main]
async fn main() {
    let (people, tenants) = (setting("PEOPLE", 1_000_000), setting("TENANTS", 1));
    let queries = setting("QUERIES", 1000);
    let folder = tempfile::tempdir().expect("a folder");
    let (app, op) = common::service(common::config(folder.path()), tenants, |manifest| {
        manifest.replacen("- name: full_name\n", "- name: full_name\n          search: substring\n", 1)
    })
    .await;
    let op = op.for_purpose("bench").expect("a purpose");
    let start = Instant::now();
    import(&op, folder.path(), people, tenants).await;
    let seconds = start.elapsed().as_secs_f64();
    let connection = suimon::storage::connect(&app.config().database).await.expect("the database");
    let database = Database::new(connection).behind(Wall::None);
    let rows = part_index::Entity::find().count(&database).await.expect("the index");
    println!(
        "{people} people of {tenants} tenants imported in {seconds:.1} s ({:.0}/s), {rows} parts indexed, database {} MB",
        people as f64 / seconds,
        std::fs::metadata(folder.path().join("bench.db")).map_or(0, |file| file.len() / 1_000_000),
    );

    let all = decrypt_all(&app, &database, "水野").await;
    println!("decrypt all: {:.0} ms a search", all.as_secs_f64() * 1000.0);
    println!(
        "{:<38} {:>9} {:>9} {:>9} {:>8}  (the last by p99)",
        "", "p50 ms", "p99 ms", "max ms", "refused"
    );
    let part = |from: usize, length: usize| {
        move |number: usize| -> String { name(number).chars().skip(from).take(length).collect() }
    };
    let mail = |number: usize| -> String { format!("worker{number}@clinic.example") };
    let kinds: [Kind; 6] = [
        ("whole mail address", "email", SearchMode::Exact, Box::new(mail)),
        ("whole name as a part", "full_name", SearchMode::Substring, Box::new(name)),
        ("family name and one more character", "full_name", SearchMode::Prefix, Box::new(part(0, 4))),
        ("given name", "full_name", SearchMode::Substring, Box::new(part(3, 2))),
        ("two characters across both names", "full_name", SearchMode::Substring, Box::new(part(1, 3))),
        ("nobody's: family and given name mixed", "full_name", SearchMode::Substring, Box::new(mixed)),
    ];
    let ratio = |p99: f64| format!("{:.0} times as fast", all.as_secs_f64() * 1000.0 / p99);
    for (what, field, mode, value) in &kinds {
        let mut times = Vec::with_capacity(queries);
        let mut refused = 0;
        for query in 0..queries {
            let value = value(query * 7919 % people);
            let start = Instant::now();
            match search_subjects(&op, SYSTEM, RECORD_TYPE, field, &value, *mode).await {
                Ok(found) => assert!(found.complete),
                Err(Error::Expected(problem)) if problem.code == Code::LimitExceeded => refused += 1,
                Err(error) => panic!("{error}"),
            }
            times.push(start.elapsed());
        }
        let p99 = tell(what, times, refused);
        println!("  against decrypt all {}", ratio(p99));
    }
    // What a search waits for at its end: the floor of every line above.
    let scope = op.permit(Action::Read, "subject").await.expect("a scope");
    let mut times = Vec::with_capacity(queries);
    for _ in 0..queries {
        let start = Instant::now();
        scope.record(scope.tenant(), vec![Event::new("bench", "bench")]).await.expect("an entry");
        times.push(start.elapsed());
    }
    tell("an entry of the audit log alone", times, 0);
    println!();
}

/// Writes a line; returns the 99th percentile in milliseconds.
fn tell(what: &str, mut times: Vec<Duration>, refused: usize) -> f64 {
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1000.0;
    print!("{what:<38} {:>9.2} {:>9.2} {:>9.2} {refused:>8}", at(0.5), at(0.99), at(1.0));
    at(0.99)
}

/// What is searched for: a heading, the field, how, and the value for a person's number.
type Kind = (&'static str, &'static str, SearchMode, Box<dyn Fn(usize) -> String>);

/// Made-up names with the unevenness of real ones: the first of these characters are much more frequent than the last.
const FAMILY: [&str; 2] = [
    "佐田山中小高木林井村上松藤水石川大吉加森原池橋青岡長三本野清西平安菊内宮今武福杉前",
    "藤中本田村林木川島野原山口井上橋崎沢谷森部池岡内松水下石瀬浦辺倉宮尾竹関堀坂丸津",
];
const GIVEN: [&str; 2] = [
    "美大優陽結健翔真直由裕智和明正恵愛里千彩菜奈悠拓航海空花春夏秋冬幸良義信隆浩雅哲",
    "子太人斗菜介郎樹香奈美也平一真輝希音乃恵代江枝織月葉穂帆生志司吾己哉矢弥也彦夫雄",
];

fn pick(from: &str, number: u64) -> char {
    // Of a uniform number in [0, 1) the square: the first of forty is drawn six times as often as the last.
    let part = (number % 1_000_003) as f64 / 1_000_003.0;
    let characters: Vec<char> = from.chars().collect();
    characters[(part * part * characters.len() as f64) as usize]
}

fn spread(number: usize, salt: u64) -> u64 {
    // SplitMix64: neighbouring numbers give unlike names.
    let mut value = (number as u64).wrapping_add(salt).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

fn name(number: usize) -> String {
    let at = |from: &str, salt| pick(from, spread(number, salt));
    format!("{}{} {}{}", at(FAMILY[0], 1), at(FAMILY[1], 2), at(GIVEN[0], 3), at(GIVEN[1], 4))
}

/// The parts of two people in an order that hardly anybody has.
fn mixed(number: usize) -> String {
    let (one, two) = (name(number), name(number + 1));
    one.chars().take(2).chain(two.chars().skip(3)).chain(one.chars().take(2)).collect()
}

async fn import(op: &Op, folder: &Path, people: usize, tenants: usize) {
    let path = folder.join("workers.csv");
    let mut file = std::io::BufWriter::new(std::fs::File::create(&path).expect("the file"));
    let names = worker(0).map(|(name, _)| name).join(",");
    writeln!(file, "tenant,external_id,{names}").expect("written");
    for number in 0..people {
        let values =
            worker(number).map(|(field, value)| if field == "full_name" { name(number) } else { value });
        writeln!(file, "{},W-{number:07},{}", institution(number * 7919 % tenants), values.join(","))
            .expect("written");
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
    assert_eq!((report.rows_read, report.rows_refused), (people as i64, 0), "{:?}", report.problems.first());
}

/// What a search costs without an index: every row is read, its key unwrapped, its name opened, normalised and compared.
async fn decrypt_all(app: &App, database: &Walled, part: &str) -> Duration {
    let digits = std::fs::read_to_string(&app.config().keys.file).expect("the key file of the bench");
    let mut key = [0; 32];
    hex::decode_to_slice(digits.trim(), &mut key).expect("hexadecimal digits");
    let kek = Kek::from_bytes(app.master().id(), &key).expect("the key of the bench");
    let keys: HashMap<Uuid, TenantKey> = tenant_key::Entity::find()
        .all(database)
        .await
        .expect("the keys")
        .into_iter()
        .map(|row| {
            let place = TenantKeyContext { tenant: row.tenant_id.into_bytes(), key_version: 1 };
            let wrapped = row.wrapped.expect("a key that was not destroyed");
            (row.tenant_id, kek.unwrap_tenant_key(&place, &wrapped).expect("it opens"))
        })
        .collect();
    let needle = Needle::new(IndexKind::Name, Part::Substring, part).expect("a part");
    let start = Instant::now();
    let (mut compared, mut found) = (0_u64, 0_u64);
    for (tenant, tenant_key) in &keys {
        let mut after = Uuid::nil();
        loop {
            // In the order of the primary key: each page goes on where the one before ended.
            let page = subject::Entity::find()
                .filter(subject::Column::TenantId.eq(*tenant))
                .filter(subject::Column::Id.gt(after))
                .order_by_asc(subject::Column::Id)
                .limit(5000)
                .all(database)
                .await
                .expect("people");
            let Some(last) = page.last() else { break };
            after = last.id;
            for row in &page {
                compared += 1;
                found += u64::from(needle.is_in(open_name(row, tenant_key).expose()));
            }
        }
    }
    let time = start.elapsed();
    println!("decrypt all compared {compared} people and found {found}");
    time
}

fn open_name(row: &subject::Model, tenant_key: &TenantKey) -> Plaintext {
    let (tenant, subject) = (row.tenant_id.into_bytes(), row.id.into_bytes());
    let place = SubjectKeyContext { tenant, subject, tenant_key_version: 1, key_version: 1 };
    let wrapped = row.wrapped_key.as_deref().expect("a key");
    let key = tenant_key.unwrap_subject_key(&place, wrapped).expect("it opens");
    let record = SealedRecord::parse(row.fields.as_deref().expect("a record")).expect("a record");
    let place = RecordContext { tenant, record_type: RECORD_TYPE, subject, key_version: 1 };
    FieldCipher::new(&key).open_field(&place, &record, "full_name").expect("it opens").expect("a name")
}
