//! Where `suimon exposure` reads from: folders, patterns, standard input, objects of a store (S3 as moto speaks it, with signatures and rights
//! looked at), a web server; and what it is told of the forms of logs.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use flate2::Compression;
use flate2::write::GzEncoder;
use parquet::data_type::{ByteArray, ByteArrayType};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use serde_json::Value;

use crate::exposure::{Run, command, suimon};
use crate::key_servers::FakeKms;

const QUESTION: [&str; 10] = [
    "--from",
    "2023-10-26T02:00:00Z",
    "--to",
    "2023-10-26T02:59:00Z",
    "--personal",
    "/mypage/**",
    "--session-cookie",
    "session",
    "--format",
    "json",
];
const ORIGIN: &str = r#"{"time":"2023-10-26T02:00:00Z","event":"login","person":"p-1","session":"s1"}
{"time":"2023-10-26T02:00:00Z","event":"login","person":"p-2","session":"s2"}
{"time":"2023-10-26T02:03:04.100Z","event":"request","person":"p-1","session":"s1","path":"/mypage","status":200,"edge_request_id":"Zj1=="}
"#;
const FIELDS: &str = "timestamp(ms) cs-uri-stem sc-status cs(Cookie) x-edge-request-id x-edge-result-type time-taken cs-method";

fn row(number: usize) -> [String; 8] {
    let (ms, result) = if number == 1 { ("110", "Miss") } else { ("160", "Hit") };
    [
        &format!("1698285784{ms}"),
        "/mypage",
        "200",
        &format!("session=s{number}"),
        &format!("Zj{number}=="),
        result,
        "0.010",
        "GET",
    ]
    .map(ToString::to_string)
}

/// One answer that the origin made, and the same page from a cache for somebody else.
fn edge(number: usize) -> String {
    format!("#Version: 1.0\n#Fields: {FIELDS}\n{}\n", row(number).join("\t"))
}

fn gzip(content: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content.as_bytes()).expect("packed");
    encoder.finish().expect("packed")
}

fn zstd(content: &str) -> Vec<u8> {
    ::zstd::encode_all(content.as_bytes(), 3).expect("packed")
}

fn parquet(number: usize) -> Vec<u8> {
    let columns: String = FIELDS
        .split(' ')
        .map(|name| {
            let name = name.replace(['-', '(', ')'], "_");
            format!("OPTIONAL BYTE_ARRAY {} (STRING);", name.trim_end_matches('_'))
        })
        .collect();
    let schema = Arc::new(parse_message_type(&format!("message log {{ {columns} }}")).expect("a schema"));
    let mut out = Vec::new();
    let properties = Arc::new(WriterProperties::builder().build());
    let mut writer = SerializedFileWriter::new(&mut out, schema, properties).expect("a writer");
    let mut group = writer.next_row_group().expect("a group");
    for value in row(number) {
        let mut column = group.next_column().expect("a column").expect("one for each value");
        let values = [ByteArray::from(value.into_bytes())];
        column.typed::<ByteArrayType>().write_batch(&values, Some(&[1]), None).expect("written");
        column.close().expect("closed");
    }
    group.close().expect("closed");
    writer.close().expect("closed");
    out
}

fn write(folder: &Path, name: &str, content: impl AsRef<[u8]>) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    std::fs::write(path, content).expect("written");
}

const FACTS: [&str; 4] = ["--time-to-live", "1", "--tiers", "1"];

fn reconstruct(folder: &Path, sources: &[&str]) -> Run {
    suimon(folder, &[&["exposure", "reconstruct"], sources, &QUESTION[..], &FACTS[..]].concat())
}

/// Both people, the inputs by their names and formats.
fn told(run: &Run) -> Vec<(String, String)> {
    assert_eq!(run.code, 0, "{}{}", run.stderr, run.stdout);
    let both: Value = serde_json::from_str(&run.stdout).expect("JSON");
    let people = both["reconstruction"]["people"].as_array().expect("people");
    let of = |person: &Value| (person["person"].clone(), person["exposure"].clone());
    let people: Vec<_> = people.iter().map(of).collect();
    assert_eq!(people, [("p-1".into(), "confirmed".into()), ("p-2".into(), "excluded".into())]);
    let inputs = both["window"]["inputs"].as_array().expect("inputs");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    inputs.iter().map(|input| (text(&input["name"]), text(&input["format"]))).collect()
}

#[test]
fn files_of_every_packing_by_folder_and_by_pattern() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "logs/edge/1.gz", gzip(&edge(1)));
    write(folder.path(), "logs/edge/2.zst", zstd(&edge(2)));
    write(folder.path(), "logs/edge/3.parquet", parquet(2));
    write(folder.path(), "logs/origin.jsonl", ORIGIN);
    write(folder.path(), "logs/edge/.hidden", "rubbish");
    let standard = "cloudfront_standard".to_owned();
    let expected = [
        ("logs/edge/1.gz".to_owned(), standard.clone()),
        ("logs/edge/2.zst".to_owned(), standard),
        ("logs/edge/3.parquet".to_owned(), "cloudfront_parquet".to_owned()),
        ("logs/origin.jsonl".to_owned(), "origin_json_lines".to_owned()),
    ];
    assert_eq!(told(&reconstruct(folder.path(), &["logs"])), expected);
    // Patterns that no shell has expanded, and a file that is reached twice.
    assert_eq!(
        told(&reconstruct(folder.path(), &["logs/edge/*", "logs/*.jsonl", "logs/edge/1.gz"])),
        expected
    );
    assert_eq!(told(&reconstruct(folder.path(), &["logs/**/*.[gzp]*", "logs/*.jsonl"])), expected);
    let run = reconstruct(folder.path(), &["logs/*.log"]);
    assert_eq!((run.code, run.stderr.trim()), (2, "suimon: no file is named as `logs/*.log` says"));
}

#[test]
fn standard_input_also_of_parquet() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "origin.jsonl", ORIGIN);
    write(folder.path(), "1.log", edge(1));
    for (content, format) in [
        (edge(2).into_bytes(), "cloudfront_standard"),
        (zstd(&edge(2)), "cloudfront_standard"),
        (parquet(2), "cloudfront_parquet"),
    ] {
        let arguments =
            [&["exposure", "reconstruct", "-", "1.log", "origin.jsonl"], &QUESTION[..], &FACTS[..]].concat();
        let mut running = command(folder.path())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs");
        running.stdin.take().expect("a pipe").write_all(&content).expect("written");
        let output = running.wait_with_output().expect("it ends");
        let inputs = told(&Run::of(output));
        assert_eq!(inputs[0], ("-".to_owned(), format.to_owned()));
    }
}

pub async fn stored() -> FakeKms {
    FakeKms::with_objects(
        "logs",
        &[
            ("edge/2023/1.gz", gzip(&edge(1))),
            ("edge/2023/2.zst", zstd(&edge(2))),
            ("edge/2023/3.parquet", parquet(2)),
            ("edge/about.json", b"{}".to_vec()),
            ("origin/all.jsonl", ORIGIN.as_bytes().to_vec()),
        ],
    )
    .await
}

/// What the program needs to reach the store.
pub fn keys<'k>(store: &'k FakeKms, address: &'k str, secret: &'k str) -> [(&'static str, &'k str); 5] {
    [
        ("AWS_ENDPOINT_URL", address),
        ("AWS_ALLOW_HTTP", "true"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", &store.access_key_id),
        ("AWS_SECRET_ACCESS_KEY", secret),
    ]
}

fn from_store(folder: &Path, store: &FakeKms, secret: &str, sources: &[&str]) -> Run {
    let arguments = [&["exposure", "reconstruct"], sources, &QUESTION[..], &FACTS[..]].concat();
    let address = store.server.address();
    let output = command(folder).args(arguments).envs(keys(store, &address, secret)).output();
    Run::of(output.expect("the program runs"))
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_by_prefix_by_name_and_by_pattern() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = stored().await;
    let ask = |sources: &[&str]| from_store(folder.path(), &store, &store.secret_access_key, sources);
    let names = [
        "s3://logs/edge/2023/1.gz",
        "s3://logs/edge/2023/2.zst",
        "s3://logs/edge/2023/3.parquet",
        "s3://logs/origin/all.jsonl",
    ];
    let whole = ask(&["s3://logs"]);
    let got: Vec<String> = told(&whole).into_iter().map(|(name, _)| name).collect();
    assert_eq!(got, names);
    assert!(whole.stderr.contains("left out: s3://logs/edge/about.json"), "{}", whole.stderr);
    let by_pattern = ask(&["s3://logs/edge/*/*", "s3://logs/origin/all.jsonl", "s3://logs/origin/"]);
    assert_eq!(told(&by_pattern).into_iter().map(|(name, _)| name).collect::<Vec<_>>(), names);

    let nothing = ask(&["s3://logs/else"]);
    assert_eq!(nothing.code, 2);
    assert!(nothing.stderr.contains("there is no such object, and none below it"), "{}", nothing.stderr);
    // Neither the store's words nor a key.
    let refused = from_store(folder.path(), &store, "not-the-secret", &["s3://logs"]);
    assert_eq!(refused.code, 2);
    assert!(
        refused.stderr.contains("cannot read s3://logs: the store refuses it (403)"),
        "{}",
        refused.stderr
    );
    assert!(!refused.stderr.contains(&store.access_key_id) && !refused.stderr.contains("not-the-secret"));
    for (address, why) in [
        ("ftp://logs/x", "is of no kind that is read"),
        ("https://user:key@logs.example/x", "has a user, a key or a query"),
        ("https://logs.example/x?signature=1", "has a user, a key or a query"),
    ] {
        let run = ask(&[address]);
        assert!(run.code == 2 && run.stderr.contains(why), "{address}: {}", run.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_a_web_server() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "origin.jsonl", ORIGIN);
    let router = Router::new()
        .route("/logs/1.gz", get(|| async { gzip(&edge(1)) }))
        .route("/logs/2.parquet", get(|| async { parquet(2) }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("the port");
    tokio::spawn(async move { axum::serve(listener, router).await });
    let of = |name: &str| format!("http://{address}/logs/{name}");
    let (one, two, none) = (of("1.gz"), of("2.parquet"), of("3.gz"));
    let inputs = told(&reconstruct(folder.path(), &[&one, &two, "origin.jsonl"]));
    assert_eq!(inputs[0], (one, "cloudfront_standard".to_owned()));
    assert_eq!(inputs[1], (two, "cloudfront_parquet".to_owned()));
    let run = reconstruct(folder.path(), &[&none]);
    assert!(
        run.code == 2 && run.stderr.contains("there is no such bucket, container or object"),
        "{}",
        run.stderr
    );
}

#[test]
fn what_is_said_of_forms() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    write(folder, "origin.jsonl", ORIGIN);
    let rows = format!("{}\n{}\n", row(1).join("\t"), row(2).join("\t"));
    write(folder, "realtime.log", rows);
    let names = FIELDS.replace(' ', ",");
    let inputs = told(&reconstruct(folder, &["realtime.log", "origin.jsonl", "--fields", &names]));
    assert_eq!(inputs[1].1, "cloudfront_realtime");
    let json = r#"{"at":1698285784.110,"ms":5,"u":"/mypage","rid":"Zj1==","sid":"s1","c":"MISS","status":200,"m":"GET"}
{"at":1698285784.160,"ms":5,"u":"/mypage","rid":"Zj2==","sid":"s2","c":"HIT","status":200,"m":"GET"}
"#;
    write(folder, "own.log", json);
    write(folder, "names.txt", "# of our edge\nend=at\nduration_ms=ms\nurl=u\nid=rid\n");
    let more = [
        "--json-fields",
        "names.txt",
        "--json-field",
        "session=sid",
        "--json-field",
        "cache=c",
        "--json-field",
        "method=m",
    ];
    let inputs = told(&reconstruct(folder, &[&["own.log", "origin.jsonl"], &more[..]].concat()));
    assert_eq!(inputs[1].1, "json");
    // Nobody says what it is.
    let run = reconstruct(folder, &["own.log", "origin.jsonl", "--format", "text"]);
    assert_eq!(run.code, 2, "--format twice is refused: {}", run.stdout);
    let arguments = [&["exposure", "scan", "own.log", "origin.jsonl"], &QUESTION[..8]].concat();
    let run = suimon(folder, &arguments);
    assert_eq!(run.code, 3);
    assert!(run.stdout.contains("own.log: of no known format; say --as if you know it"), "{}", run.stdout);

    let haproxy = "127.0.0.1:1 [26/Oct/2023:11:03:04.100] f b/s1 0/0/0/5/5 200 290 - - ---- 1/1/0/0/0 0/0 \"GET /mypage HTTP/1.1\"\n";
    write(folder, "haproxy.log", haproxy);
    let with = |more: &[&str]| {
        let run = suimon(
            folder,
            &[&["exposure", "scan", "haproxy.log", "origin.jsonl"], &QUESTION[..], more].concat(),
        );
        let told: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}", run.stderr));
        (run.code, told["inputs"][0].clone())
    };
    let (code, input) = with(&[]);
    assert_eq!((code, &input["bad"]["samples"][0]["reason"]), (3, &"no_offset".into()));
    let (code, input) = with(&["--utc-offset", "+09:00"]);
    assert_eq!((code, &input["first"]), (0, &"2023-10-26T02:03:04.106Z".into()), "{input}");

    let wrong = |more: &[&str]| {
        let run = reconstruct(folder, &[&["origin.jsonl"], more].concat());
        assert_eq!(run.code, 2);
        run.stderr
    };
    assert!(wrong(&["--fields", "c-ip"]).contains("--fields: the fields name no time"));
    assert!(wrong(&["--json-field", "colour=x"]).contains("--json-field: there is no field `colour`"));
    assert!(
        wrong(&["--squid-format", "%ru"])
            .contains("--squid-format: the template has no time; write %ts.%03tu")
    );
    assert!(wrong(&["--as", "template"]).contains("--as template: give --nginx-format"));
    assert!(wrong(&["--as", "w3c"]).contains("cloudfront-realtime"));
    assert!(wrong(&["--utc-offset", "9"]).contains("is no offset; write it as +09:00"));
    write(folder, "people.csv", "name\nk1.a\n");
    assert!(wrong(&["--people", "people.csv"]).contains("write pseudonym,person,kind,tenant"));
    write(folder, "people.csv", "pseudonym,person\nk1.a,\n");
    assert!(wrong(&["--people", "people.csv"]).contains("people.csv: line 2 lacks a pseudonym or a person"));
}

/// The guard's own log beside the edge's: pseudonyms, and the people behind them.
#[test]
fn the_guard_s_log_is_the_origin_s() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let guard = |number: usize, time: u64, subject: &str| {
        format!(
            r#"{{"event":"response","run":"8f0c","seq":{number},"time":{time},"took":1,"response":"00","edge":"Zj{number}==","edge_from":"trusted","route":"own-page","class":"personal","tenant":"k1.t","subject":"{subject}","session":"k1.s","status":200,"cache":"sealed","bytes":5120,"complete":true,"rules":"1"}}"#
        )
    };
    write(
        folder,
        "guard.jsonl",
        format!("{}\n{}\n", guard(1, 1_698_285_784_100, "k1.a"), guard(3, 1_698_285_790_000, "k1.b")),
    );
    let third = row(2).map(|value| {
        value.replace("1698285784160", "1698285790010").replace("Zj2", "Zj3").replace("Hit", "Miss")
    });
    write(folder, "edge.log", format!("{}{}{}\n", edge(1), edge(2), third.join("\t")));
    write(
        folder,
        "people.csv",
        "pseudonym,person,kind,tenant\nk1.a,p-1,applicant,school-1\nk1.b,p-2,applicant,school-1\n",
    );
    let inputs = told(&reconstruct(folder, &["guard.jsonl", "edge.log", "--people", "people.csv"]));
    assert_eq!(inputs[1], ("guard.jsonl".to_owned(), "guard".to_owned()));
}
