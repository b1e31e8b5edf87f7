//! `suimon demo` through the program: the whole story to its end, the right numbers, and nobody's data on the screen.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, COOKIE, SET_COOKIE};
use reqwest::redirect::Policy;
use serde_json::{Value, json};

/// Where somebody would serve what the demo leaves.
const PUBLIC_URL: &str = "http://127.0.0.1:18480";

fn suimon(arguments: &[&str], temporary: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_suimon"));
    command.args(arguments).env("TMPDIR", temporary);
    // Whatever stands around the demo must not lead it anywhere else.
    command.env("SUIMON_DATABASE_URL", "postgres://nobody@127.0.0.1:1/none").current_dir(temporary);
    command.output().expect("the program runs")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a UTF-8 path")
}

/// What is printed after the headline of the comparison, up to the next headline.
fn comparison(told: &str) -> String {
    let after = told.split("compared by the program").nth(1).expect("a comparison");
    let lines = after.lines().skip(1).take_while(|line| !line.starts_with("What to try"));
    let lines = lines.map(|line| line.strip_prefix("  ").unwrap_or(line));
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}

#[test]
fn the_story_ends_with_the_numbers_of_the_report_and_shows_nobody() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let output = suimon(&["demo", "--data", path(&data), "--public-url", PUBLIC_URL], folder.path());
    let (told, complained) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{complained}\n{told}");
    assert_eq!(complained, "", "a replay has nothing to complain about");
    insta::assert_snapshot!(comparison(told), @r"
      As the operator published it                    founding report            this run
      complaints: applicants, administrators          2, 2                       2, 2                       ok
      first complaint                                 13:15                      13:15                      ok
      window                                          11:00-15:41                11:00-15:41                ok
      duration                                        4 h 41 min                 4 h 41 min                 ok
      first list, applicants (schools)                292 (60)                   292 (60)                   ok
      first list, administrators (schools)            66 (60)                    66 (60)                    ok
      duty with the first list                        NOT_REQUIRED, Rule 7(iv)   NOT_REQUIRED, Rule 7(iv)   ok
      revised list, applicants (schools)              291 (59)                   291 (59)                   ok
      revised list, administrators (schools)          48 (41)                    48 (41)                    ok
      duty with the revised list                      NOT_REQUIRED, Rule 7(iv)   NOT_REQUIRED, Rule 7(iv)   ok

      As it must be in any case                       must be                    this run
      mail addresses in clear on the disk             0                          0                          ok
      another school's applicant, asked for by one    NOT_FOUND                  NOT_FOUND                  ok
      fields that the auditor sees                    0                          0                          ok
      caching requirement in force at 11:00           none                       none                       ok
      the author approves the own list                FORBIDDEN                  FORBIDDEN                  ok
      mails to schools accepted, one each             68                         68                         ok
      mails to persons accepted, one each             339                        339                        ok
      fields in clear at a desk, once put right       0                          0                          ok
      records opened too far at a desk, on the list   48                         48                         ok
      of these missing there                          0                          0                          ok
      records looked up in order, on the list         0                          0                          ok
      remarks on the texts of the notice              0                          0                          ok
      the author approves the own notice              FORBIDDEN                  FORBIDDEN                  ok
      mails in either language, of those accepted     46                         46                         ok
      mails to medical workers accepted, one each     46                         46                         ok
      faults in the audit log                         0                          0                          ok

      The list of applicants and administrators is the upper bound that a time window gives. On this simulated day, as no
      log shows, 20 people were in fact seen by another.

      Every number is what it must be.
    ");

    // The same seed invents the same people: none of what is theirs was printed.
    let example = folder.path().join("example");
    suimon(&["example", "generate", "--out", path(&example)], folder.path());
    for (table, first) in [("applicants.csv", 3), ("admins.csv", 3)] {
        let mut rows = csv::Reader::from_path(example.join(table)).expect("a table");
        for row in rows.records() {
            let row = row.expect("a row");
            for value in row.iter().skip(first).filter(|value| !value.ends_with("コース")) {
                assert!(!told.contains(value), "a value of {} was printed", &row[1]);
            }
        }
    }
    assert!(!told.contains('@'), "a mail address was printed");

    for report in ["report.ja.html", "report.en.html", "report.ja.md", "report.en.md"] {
        let report = std::fs::read_to_string(data.join(report)).expect("a report");
        assert!(report.contains("291") && report.contains("358"), "both lists stand in the report");
    }
    goes_on(told, &data);
}

/// What the demo leaves can be served, and its tokens are good.
fn goes_on(told: &str, data: &Path) {
    let configuration = data.join("suimon.toml");
    let verified = Command::new(env!("CARGO_BIN_EXE_suimon"))
        .args(["audit", "verify", "--config", path(&configuration)])
        .output()
        .expect("the program runs");
    assert_eq!(verified.status.code(), Some(0), "{}", text(&verified.stdout));
    let tokens: Vec<&str> = told.split_whitespace().filter(|word| word.starts_with("suimon_")).collect();
    assert_eq!(tokens.len(), 3);
    let service = Service::start(&configuration);
    let answer = service.ask(tokens[0], "{ incident(number: 1) { status } }");
    insta::assert_snapshot!(answer, @r#"{"data":{"incident":{"status":"CONTAINED"}}}"#);
    let answer = service.ask(tokens[2], "{ viewer { tenant { slug } } }");
    insta::assert_snapshot!(answer, @r#"{"data":{"viewer":{"tenant":{"slug":"mizuumi"}}}}"#);

    // The mails of both stories lead to pages that open today, as the demo says under "What to try".
    let kept: String = std::fs::read_to_string(&configuration).expect("a configuration");
    assert!(
        kept.contains(&format!("listen = \"127.0.0.1:18480\"\npublic_url = \"{PUBLIC_URL}\"\n")),
        "{kept}"
    );
    for (notice, page, shown) in [
        (["2", "1"], "/my/", ["<li>接種券番号</li>", "<li>Vaccination ticket number</li>"]),
        (["1", "1"], "/tenant/", ["、氏名", ", Full name"]),
        (["1", "2"], "/my/", ["<li>氏名</li>", "<li>Full name</li>"]),
    ] {
        let offered = format!("notices mail {} --config", notice.join(" "));
        assert!(notice == ["1", "2"] || told.contains(&offered), "{told}");
        let mail = &mails(&configuration, &notice)[0];
        let body = mail["body"].as_str().expect("a text");
        let link = body.lines().find(|line| line.starts_with("http")).expect("a link");
        let path = link.strip_prefix(PUBLIC_URL).expect("the address of the service");
        assert!(path.starts_with(page), "{path}");
        let opened = service.opens(path, || code_to(&configuration, &mail["to"]));
        assert!(shown.iter().any(|words| opened.contains(words)), "{opened}");
    }
    // None of those who were told stands in what was printed.
    let told_of = mails(&configuration, &["2", "1", "--last", "200"]);
    assert_eq!(told_of.len(), 46);
    for mail in &told_of {
        let address = mail["to"].as_str().expect("an address");
        let number = address.split(['.', '@']).nth(2).expect("a number");
        assert!(number.starts_with("mw-") && !told.contains(number), "{number} was printed");
    }
}

/// Captured mails, the newest first, as the officer sees them while the service runs.
fn mails(configuration: &Path, which: &[&str]) -> Vec<Value> {
    let output = Command::new(env!("CARGO_BIN_EXE_suimon"))
        .args(["notices", "mail", "--config", path(configuration), "--as", "officer", "--purpose", "a look"])
        .args(["--format", "json"])
        .args(which)
        .output()
        .expect("the program runs");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let mails: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    mails["mails"].as_array().expect("mails").clone()
}

/// The code in the newest mail, once it is one to this address.
fn code_to(configuration: &Path, address: &Value) -> Option<String> {
    let mail = mails(configuration, &[]).remove(0);
    let body = mail["body"].as_str().filter(|_| mail["to"] == *address)?;
    let line =
        body.lines().find_map(|line| line.strip_prefix("確認コード: ").or(line.strip_prefix("Code: ")));
    line.map(|code| code.trim().to_owned())
}

struct Service {
    child: Child,
    url: String,
}

impl Service {
    fn start(configuration: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_suimon"))
            .args(["serve", "--config", path(configuration), "--listen", "127.0.0.1:0"])
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let log = BufReader::new(child.stderr.take().expect("a log"));
        let mut lines = log.lines().map_while(Result::ok);
        let line = lines.find(|line| line.contains("127.0.0.1:")).expect("the service listens");
        let plain: String = line.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').collect();
        let port: String = plain
            .split("127.0.0.1:")
            .nth(1)
            .expect("a port")
            .chars()
            .take_while(char::is_ascii_digit)
            .collect();
        // The rest is read away, so that the service never waits for a reader.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, url: format!("http://127.0.0.1:{port}/graphql") }
    }

    fn ask(&self, token: &str, query: &str) -> Value {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let client = reqwest::Client::builder().no_proxy().build().expect("a client");
            let request = client.post(&self.url).bearer_auth(token).json(&json!({ "query": query }));
            request.send().await.expect("an answer").json().await.expect("JSON")
        })
    }
}

impl Service {
    /// Asks for a code on a page, waits for it, types it in: the page.
    fn opens(&self, path: &str, code: impl Fn() -> Option<String>) -> String {
        let page = format!("{}{path}", self.url.trim_end_matches("/graphql"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let client =
                reqwest::Client::builder().no_proxy().redirect(Policy::none()).build().expect("a client");
            let begin = client.get(&page).send().await.expect("an answer");
            assert_eq!(begin.status(), StatusCode::OK, "the link opens today");
            let asked = client.post(format!("{page}/code")).send().await.expect("an answer");
            assert_eq!(asked.status(), StatusCode::SEE_OTHER);
            let began = Instant::now();
            let code = loop {
                match code() {
                    Some(code) => break code,
                    None => assert!(began.elapsed() < Duration::from_secs(120), "no code was sent"),
                }
                tokio::time::sleep(Duration::from_millis(300)).await;
            };
            let form = client
                .post(format!("{page}/enter"))
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
            let entered = form.body(format!("code={code}")).send().await.expect("an answer");
            assert_eq!(entered.status(), StatusCode::SEE_OTHER);
            let cookie = entered.headers()[SET_COOKIE].to_str().expect("a cookie");
            let pair = cookie.split(';').next().unwrap_or_default().to_owned();
            let shown = client.get(&page).header(COOKIE, pair).send().await.expect("an answer");
            assert_eq!(shown.status(), StatusCode::OK);
            shown.text().await.expect("a page")
        })
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn another_day_has_the_same_numbers_and_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = suimon(&["demo", "--seed", "7"], folder.path());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("Every number is what it must be."));
    assert_eq!(
        std::fs::read_dir(folder.path()).expect("a folder").count(),
        0,
        "the temporary folder is gone"
    );
}

#[test]
fn a_second_replay_into_the_same_folder_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("suimon.db"), "").expect("a file");
    let output = suimon(&["demo", "--data", path(folder.path())], folder.path());
    assert_eq!(output.status.code(), Some(2));
    let complained = text(&output.stderr);
    assert!(complained.contains("exists already") && complained.contains("remove it"), "{complained}");
}
