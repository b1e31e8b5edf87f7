//! Logs as they really come: broken off, in another order, too long, twice, in other encodings, by wrong clocks. The program
//! says what is wrong with its exit code and in words, never quotes a line, and uses everything else.

use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::tempdir;

use crate::exposure::{Run, command, suimon};

const WINDOW: [&str; 11] = [
    "exposure",
    "scan",
    "logs",
    "--from",
    "2023-10-26T11:00:00+09:00",
    "--to",
    "2023-10-26T11:59:59+09:00",
    "--personal",
    "/mypage/**",
    "--session-cookie",
    "session",
];

fn scan(folder: &Path, more: &[&str]) -> Run {
    suimon(folder, &[&WINDOW[..], more].concat())
}

fn shown(run: &Run) -> String {
    format!("exit code {}\n{}{}", run.code, run.stdout, run.stderr)
}

fn put(folder: &Path, name: &str, content: &[u8]) {
    let path = folder.join("logs").join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn login(minute: u32, person: &str) -> String {
    format!(
        "{{\"time\":\"2023-10-26T11:{minute:02}:00+09:00\",\"event\":\"login\",\"person\":\"{person}\",\"kind\":\"applicant\",\
         \"tenant\":\"school-001\",\"session\":\"s-{person}\",\"edge_request_id\":\"login-{person}==\"}}\n"
    )
}

fn request(minute: u32, person: &str) -> String {
    format!(
        "{{\"time\":\"2023-10-26T11:{minute:02}:30+09:00\",\"event\":\"request\",\"person\":\"{person}\",\"kind\":\"applicant\",\
         \"tenant\":\"school-001\",\"session\":\"s-{person}\",\"path\":\"/mypage\",\"status\":200,\"edge_request_id\":\"{person}-{minute}==\"}}\n"
    )
}

/// Lines of the edge for the same requests, with the columns that are given.
fn edge(columns: &[&str], requests: &[(u32, &str)]) -> String {
    let mut text = format!("#Version: 1.0\n#Fields: {}\n", columns.join(" "));
    for (minute, person) in requests {
        let values: Vec<String> = columns
            .iter()
            .map(|column| match *column {
                "date" => "2023-10-26".to_owned(),
                "time" => format!("02:{minute:02}:30"),
                "cs-uri-stem" => "/mypage".to_owned(),
                "sc-status" => "200".to_owned(),
                "cs(Cookie)" => format!("lang=ja;%20session=s-{person}"),
                "x-edge-request-id" => format!("{person}-{minute}=="),
                "time-taken" => "0.050".to_owned(),
                _ => "?".to_owned(),
            })
            .collect();
        writeln!(text, "{}", values.join("\t")).unwrap();
    }
    text
}

const COLUMNS: [&str; 7] =
    ["date", "time", "cs-uri-stem", "sc-status", "cs(Cookie)", "x-edge-request-id", "time-taken"];

#[test]
fn another_order_of_fields_and_unknown_fields_change_nothing() {
    let answers: Vec<String> = [
        COLUMNS.to_vec(),
        vec![
            "x-new",
            "time-taken",
            "x-edge-request-id",
            "cs(Cookie)",
            "c-other",
            "sc-status",
            "cs-uri-stem",
            "time",
            "date",
        ],
    ]
    .into_iter()
    .map(|columns| {
        let folder = tempdir().unwrap();
        put(folder.path(), "edge.log", edge(&columns, &[(5, "ap-1"), (6, "ap-2")]).as_bytes());
        let new = login(5, "ap-2").replace("{\"time", "{\"new\":[1,{}],\"time");
        let origin = [login(4, "ap-1"), request(5, "ap-1"), new].concat();
        put(folder.path(), "origin.jsonl", origin.as_bytes());
        shown(&scan(folder.path(), &[]))
    })
    .collect();
    assert_eq!(answers[0], answers[1]);
    insta::assert_snapshot!(answers[0], @r#"
    exit code 0
    window      2023-10-26T02:00:00Z to 2023-10-26T02:59:59Z
    affected    2 persons at 1 tenants
      applicant                 2 persons at 1 tenants
    reconciled  2 entries over tenants - 0 counted again = 2 persons
    logs        2 files, 5 lines, 5 understood
    clocks      the origin is -474 ms ahead of the edge (1 requests in both logs)
    complete    as far as logs can tell: everybody who was there is on the list
    "#);
}

#[test]
fn a_truncated_gzip_gives_what_was_before_the_break() {
    let folder = tempdir().unwrap();
    let mut lines = String::new();
    for number in 0..2_000_u32 {
        lines.push_str(&login(
            number % 60,
            &format!("ap-{:05}", number.wrapping_mul(2_654_435_761) % 100_000),
        ));
    }
    let packed = gzip(lines.as_bytes());
    put(folder.path(), "login.jsonl.gz", &packed[..packed.len() / 2]);
    let run = scan(folder.path(), &[]);
    assert_eq!(run.code, 3, "{}", shown(&run));
    // How much of a block comes out depends on the packer, so only the words are compared.
    let words: String = run.stdout.chars().filter(|c| !c.is_ascii_digit()).collect();
    insta::assert_snapshot!(words, @r#"
    window      --T::Z to --T::Z
    affected     persons at  tenants
      applicant               persons at  tenants
    reconciled   entries over tenants -  counted again =  persons
    logs         files,  lines,  understood
      logs/login.jsonl.gz: breaks off at line  (unexpected_end);  lines before it were used
      logs/login.jsonl.gz:  lines were not understood
        line : the input breaks off inside this line
    gap         edge: no log from --T::Z to --T::Z
    border       persons are on the list, and  are not, by less than  ms
    INCOMPLETE  logs are damaged or missing: the list may lack people
    "#);
    let listed = run.stdout.lines().find_map(|line| line.strip_prefix("affected    ")).unwrap();
    let listed: u32 = listed.split(' ').next().unwrap().parse().unwrap();
    assert!((500..2_000).contains(&listed), "{listed} people from half of the file");
}

#[test]
fn what_is_no_text_no_json_no_known_format_and_no_log_is_named_by_line() {
    let folder = tempdir().unwrap();
    let mut origin = login(1, "ap-1").into_bytes();
    origin.extend_from_slice(b"{\"time\":\"2023-10-26T11:02:00+09:00\",\"person\":\"\xff\xfe secret\"}\n");
    origin
        .extend_from_slice(b"{\"time\":\"2023-10-26T11:02:00\",\"event\":\"login\",\"person\":\"secret\"}\n");
    origin.extend_from_slice(b"{\"time\": secret\n");
    put(folder.path(), "a-origin.jsonl", &origin);
    put(folder.path(), "b-edge.log", b"#Fields: date time x-edge-location\n2023-10-26\t02:05:00\tsecret\n");
    let mut few = edge(&COLUMNS, &[(5, "ap-1")]);
    few.push_str("2023-10-26\t02:05:00\n");
    put(folder.path(), "c-edge.log", few.as_bytes());
    put(folder.path(), "d-notes.txt", b"dear colleague, secret\n");
    put(folder.path(), "e-empty.log", b"");
    put(folder.path(), ".hidden", b"x");
    put(folder.path(), "about.json", b"{}");
    let run = scan(folder.path(), &[]);
    insta::assert_snapshot!(shown(&run), @r#"
    exit code 3
    window      2023-10-26T02:00:00Z to 2023-10-26T02:59:59Z
    affected    1 persons at 1 tenants
      applicant                 1 persons at 1 tenants
    reconciled  1 entries over tenants - 0 counted again = 1 persons
    logs        5 files, 8 lines, 2 understood
      logs/a-origin.jsonl: 3 lines were not understood
        line 2: not UTF-8
        line 3: the time is missing, has no UTC offset, or is no time
        line 4: not a JSON object of the documented shape
      logs/b-edge.log: 1 lines were not understood
        line 2: the names of its fields lack a time or cs-uri-stem
      logs/c-edge.log: 1 lines were not understood
        line 4: fewer fields than its format has
      logs/d-notes.txt: of no known format; say --as if you know it, with its template (--nginx-format and its like), its --fields or its --json-field names
      logs/d-notes.txt: 1 lines were not understood
        line 1: of no known form; say which it is, with its template or its fields
    INCOMPLETE  logs are damaged or missing: the list may lack people
    suimon: left out: logs/.hidden
    suimon: left out: logs/about.json
    "#);
    assert!(!shown(&run).contains("secret"), "a line was quoted");
}

#[test]
fn a_line_of_200_megabytes_is_never_held() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("logs/login.jsonl");
    std::fs::create_dir(folder.path().join("logs")).unwrap();
    let mut file = std::io::BufWriter::new(std::fs::File::create(&path).unwrap());
    file.write_all(login(1, "ap-1").as_bytes()).unwrap();
    file.write_all(b"{\"time\":\"").unwrap();
    let block = vec![b'x'; 1 << 20];
    for _ in 0..200 {
        file.write_all(&block).unwrap();
    }
    file.write_all(b"\n").unwrap();
    file.write_all(login(2, "ap-2").as_bytes()).unwrap();
    file.into_inner().unwrap().sync_all().unwrap();

    let mut child =
        command(folder.path()).args(WINDOW).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0_u64;
    while child.try_wait().unwrap().is_none() {
        // Linux only; elsewhere the file is missing and the bound is not checked.
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
        peak = peak.max(line.trim().trim_end_matches(" kB").parse().unwrap_or(0));
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let output = child.wait_with_output().unwrap();
    let run = Run {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    };
    insta::assert_snapshot!(shown(&run), @r#"
    exit code 3
    window      2023-10-26T02:00:00Z to 2023-10-26T02:59:59Z
    affected    2 persons at 1 tenants
      applicant                 2 persons at 1 tenants
    reconciled  2 entries over tenants - 0 counted again = 2 persons
    logs        1 files, 3 lines, 2 understood
      logs/login.jsonl: 1 lines were not understood
        line 2: longer than the limit, skipped
    gap         edge: no log from 2023-10-26T02:00:00Z to 2023-10-26T02:59:59Z
    INCOMPLETE  logs are damaged or missing: the list may lack people
    "#);
    assert!(peak < 100 * 1024, "{peak} KiB were held");
}

#[test]
fn clocks_that_differ_are_told_with_the_remedy() {
    let folder = tempdir().unwrap();
    put(folder.path(), "edge.log", edge(&COLUMNS, &[(5, "ap-1"), (6, "ap-2"), (58, "ap-3")]).as_bytes());
    // The origin's clock is four minutes ahead: its line for the last request lies outside the window.
    let late = request(2, "ap-3").replace("ap-3-2==", "ap-3-58==").replace("T11:02", "T12:02");
    let origin = [
        login(1, "ap-1"),
        request(9, "ap-1").replace("ap-1-9==", "ap-1-5=="),
        request(10, "ap-2").replace("ap-2-10==", "ap-2-6=="),
        late,
    ]
    .concat();
    put(folder.path(), "origin.jsonl", origin.as_bytes());
    insta::assert_snapshot!(shown(&scan(folder.path(), &[])), @r#"
    exit code 0
    window      2023-10-26T02:00:00Z to 2023-10-26T02:59:59Z
    affected    3 persons at 1 tenants
      applicant                 3 persons at 1 tenants
    reconciled  3 entries over tenants - 0 counted again = 3 persons
    logs        2 files, 7 lines, 7 understood
    clocks      the origin is 239526 ms ahead of the edge (3 requests in both logs)
      more than a minute: correct the times, or widen the margins by it
    border      1 persons are on the list, and 0 are not, by less than 239526 ms
    complete    as far as logs can tell: everybody who was there is on the list
    "#);
    let narrow = scan(folder.path(), &["--basis", "logins"]);
    assert_eq!(narrow.code, 0);
}

#[test]
fn the_same_file_twice_counts_once_in_whatever_form() {
    let folder = tempdir().unwrap();
    let origin = [login(1, "ap-1"), request(2, "ap-1")].concat();
    put(folder.path(), "a.jsonl", origin.as_bytes());
    put(folder.path(), "b.jsonl.gz", &gzip(origin.as_bytes()));
    put(folder.path(), "sub/c.jsonl", [origin, login(3, "ap-2")].concat().as_bytes());
    let run = scan(folder.path(), &["logs/a.jsonl", "logs"]);
    insta::assert_snapshot!(shown(&run), @r#"
    exit code 0
    window      2023-10-26T02:00:00Z to 2023-10-26T02:59:59Z
    affected    2 persons at 1 tenants
      applicant                 2 persons at 1 tenants
    reconciled  2 entries over tenants - 0 counted again = 2 persons
    logs        3 files, 7 lines, 7 understood
      logs/b.jsonl.gz: the same as logs/a.jsonl; counted once
    gap         edge: no log from 2023-10-26T02:00:00Z to 2023-10-26T02:59:59Z
    complete    as far as logs can tell: everybody who was there is on the list
    "#);
    let json = scan(folder.path(), &["--format", "json", "--threads=1"]);
    let other = scan(folder.path(), &["--format", "json", "--threads=3"]);
    assert_eq!(json.stdout, other.stdout, "the number of threads changed the result");
    let result: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    let of = |person: &str| {
        let people = result["people"].as_array().unwrap();
        people.iter().find(|row| row["person"] == person).unwrap()["tenants"][0].clone()
    };
    assert_eq!((&of("ap-1")["logins"], &of("ap-1")["requests"]), (&1.into(), &1.into()));
}

#[test]
fn missing_logs_widen_the_list_and_never_look_complete() {
    let folder = tempdir().unwrap();
    let before = login(1, "ap-7").replace("T11:", "T09:");
    put(folder.path(), "origin.jsonl", before.as_bytes());
    insta::assert_snapshot!(shown(&scan(folder.path(), &[])), @r#"
    exit code 3
    window      2023-10-26T02:00:00Z to 2023-10-26T02:59:59Z
    affected    0 persons at 0 tenants
    reconciled  0 entries over tenants - 0 counted again = 0 persons
    unknown     1 persons: the logs that could tell are missing
    logs        1 files, 1 lines, 1 understood
    gap         edge: no log from 2023-10-26T02:00:00Z to 2023-10-26T02:59:59Z
    gap         origin: no line from 2023-10-26T02:00:00Z to 2023-10-26T02:59:59Z
    INCOMPLETE  logs are damaged or missing: the list may lack people
    "#);
}

#[test]
fn wrong_questions_are_told_before_any_file_is_read() {
    let folder = tempdir().unwrap();
    std::fs::create_dir(folder.path().join("logs")).unwrap();
    std::fs::write(folder.path().join("bad.yaml"), "kind: Sytem\n").unwrap();
    let ask =
        |arguments: &[&str]| shown(&suimon(folder.path(), &[&["exposure", "scan"], arguments].concat()));
    let answers = [
        ask(&["logs", "--from", "2023-10-26T12:00:00Z", "--to", "2023-10-26T11:00:00Z", "--personal", "/a"]),
        ask(&["logs", "--from", "2023-10-26T11:00:00Z", "--to", "2023-10-26T12:00:00Z"]),
        ask(&[
            "logs",
            "--from",
            "2023-10-26T11:00:00Z",
            "--to",
            "2023-10-26T12:00:00Z",
            "--personal",
            "/my*",
        ]),
        ask(&["logs", "--from", "2023-10-26T11:00:00Z", "--to", "2023-10-26T12:00:00Z", "--personal", "/a"]),
        ask(&[
            "nowhere",
            "--from",
            "2023-10-26T11:00:00Z",
            "--to",
            "2023-10-26T12:00:00Z",
            "--personal",
            "/a",
        ]),
        ask(&["logs", "--from", "2023-10-26T11:00:00", "--to", "2023-10-26T12:00:00Z", "--personal", "/a"]),
        ask(&[
            "logs",
            "--from",
            "2023-10-26T11:00:00Z",
            "--to",
            "2023-10-26T12:00:00Z",
            "--manifest",
            "bad.yaml",
        ]),
    ];
    insta::assert_snapshot!(answers.join("\n"), @r#"
    exit code 2
    suimon: the window ends (2023-10-26T11:00:00Z) before it starts (2023-10-26T12:00:00Z); swap `from` and `to`

    exit code 2
    suimon: `personal_routes` is empty; name the routes that carry personal data, such as `/mypage/**`

    exit code 2
    suimon: route pattern `/my*`: `*` stands for a whole segment; write `/a/*/b`

    exit code 2
    suimon: no logs: the folders hold no file that could be one

    exit code 2
    suimon: cannot read nowhere: No such file or directory (os error 2)

    exit code 2
    error: invalid value '2023-10-26T11:00:00' for '--from <INSTANT>': failed to find offset component, which is required for parsing a timestamp

    For more information, try '--help'.

    exit code 2
    suimon: bad.yaml:1:1: `apiVersion` is missing; add `apiVersion`
    bad.yaml:1:1: `metadata` is missing; add `metadata`
    bad.yaml:1:7: kind: unknown kind `Sytem`; did you mean `System`?
    "#);
}
