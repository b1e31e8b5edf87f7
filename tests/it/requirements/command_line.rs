//! `suimon plan` and `suimon apply`.

use std::path::Path;
use std::process::{Command, Output};

use super::{CACHING, SYSTEM, enforced, with};
use crate::harness::TestApp;

/// The program on the test's database.
pub fn suimon(app: &TestApp, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_suimon"));
    command
        .current_dir(app.folder())
        .arg("--set")
        .arg(format!("database.url={}", app.database_url()))
        .arg("--set")
        .arg(format!("keys.file={}", app.folder().join("kek.key").display()))
        .args(["--set", "log.filter=error"])
        .args(arguments);
    command
}

fn run(app: &TestApp, arguments: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = suimon(app, arguments).output().expect("the program runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (status.code().expect("an exit code"), text(stdout), text(stderr))
}

/// Instants of the machine's clock are not the test's business.
fn without_instants(text: &str) -> String {
    let words = text.split(' ').map(|word| match word.split_once('\n') {
        Some((instant, rest)) if instant.parse::<jiff::Timestamp>().is_ok() => format!("(now)\n{rest}"),
        _ => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

fn write(folder: &Path, name: &str, content: &[u8]) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().expect("a folder")).unwrap();
    std::fs::write(path, content).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn plan_apply_and_plan_again() {
    let app = TestApp::new().await;
    let folder = app.folder().join("manifests");
    write(&folder, "system.yaml", SYSTEM.as_bytes());
    write(&folder, "more/cache.yml", CACHING.as_bytes());
    write(&folder, "notes.txt", b"not a manifest");
    write(&folder, ".hidden.yaml", b"not a manifest");
    let (code, out, _) = run(&app, &["plan", "manifests"]);
    insta::assert_snapshot!(format!("{code}\n{}", without_instants(&out)), @"
3
+ System shop  version 1, in force from (now)
    ! Personal data is stored, and no requirement says who may read it. Add a requirement with `mechanism: access` (owasp-secreq-ja@4.0:1.6.1).
    ! Personal data is stored, and no requirement says when it is erased. Add a requirement with `mechanism: retention` (asvs@5.0.0:14.2.7).
    ! Fields are stored encrypted, and no requirement is about their keys (E.6.1.3 is none of the important items). State who keeps the keys and how often they change, citing ipa-nfrg@2018:E.6.1.3.
    ! NFR-CACHE binds (MUST) and is not enforced. Write `mode: enforce`, or add an Exception with its end.
    ! Nobody looks whether NFR-CACHE is kept at the edge. Add a Probe whose `verifies` names it.
+ Requirement NFR-CACHE  version 1, in force from (now)
2 to create, 0 to update, 0 to withdraw, 0 unchanged
base 6ac802eb4eb7a77a345d2b3a8cad80ac
");
    let (code, out, _) = run(&app, &["apply", "manifests", "--reason", "release 1"]);
    insta::assert_snapshot!(format!("{code}\n{}", without_instants(&out)), @"
0
+ System shop  version 1, in force from (now)
    ! Personal data is stored, and no requirement says who may read it. Add a requirement with `mechanism: access` (owasp-secreq-ja@4.0:1.6.1).
    ! Personal data is stored, and no requirement says when it is erased. Add a requirement with `mechanism: retention` (asvs@5.0.0:14.2.7).
    ! Fields are stored encrypted, and no requirement is about their keys (E.6.1.3 is none of the important items). State who keeps the keys and how often they change, citing ipa-nfrg@2018:E.6.1.3.
    ! NFR-CACHE binds (MUST) and is not enforced. Write `mode: enforce`, or add an Exception with its end.
    ! Nobody looks whether NFR-CACHE is kept at the edge. Add a Probe whose `verifies` names it.
+ Requirement NFR-CACHE  version 1, in force from (now)
2 applied, 0 unchanged
");
    let (code, out, _) = run(&app, &["plan", "manifests"]);
    insta::assert_snapshot!(format!("{code}\n{out}"), @"
0
0 to create, 0 to update, 0 to withdraw, 2 unchanged
");
    let (code, out, _) = run(&app, &["apply", "manifests", "--reason", "release 1 again"]);
    insta::assert_snapshot!(format!("{code}\n{out}"), @"
0
0 applied, 2 unchanged
");

    write(&folder, "more/cache.yml", enforced().as_bytes());
    let (code, out, _) = run(&app, &["plan", "manifests/more/cache.yml"]);
    insta::assert_snapshot!(format!("{code}\n{}", without_instants(&out)), @r#"
3
~ Requirement NFR-CACHE  version 2, in force from (now)
    ~ spec.enforcement.mode: "observe" → "enforce"
0 to create, 1 to update, 0 to withdraw, 0 unchanged
base 57b0fa256b4bd403514d62b9010a1a3f
"#);
    // Somebody planned this before there was anything; now it would be another change.
    let changed = [
        "apply",
        "manifests/more/cache.yml",
        "--reason",
        "as planned",
        "--base",
        "6ac802eb4eb7a77a345d2b3a8cad80ac",
    ];
    let (code, _, error) = run(&app, &changed);
    assert!(code != 0 && error.contains("since this was planned") && error.contains("plan again"), "{error}");
    std::fs::remove_file(folder.join("more/cache.yml")).unwrap();
    let (code, out, _) = run(&app, &["plan", "manifests", "--prune"]);
    insta::assert_snapshot!(format!("{code}\n{}", without_instants(&out)), @"
3
- Requirement NFR-CACHE  version 2, in force from (now)
0 to create, 0 to update, 1 to withdraw, 1 unchanged
base d68edd98b5f5975ceee0b0b04d266032
");
    let (code, out, _) = run(&app, &["plan", "manifests", "--prune", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &json["changes"][1]["change"]), (3, &"withdraw".into()), "{out}");
    assert_eq!(json["changes"][1]["name"], "NFR-CACHE");
}

#[tokio::test(flavor = "multi_thread")]
async fn problems_are_located_and_the_exit_code_is_two() {
    let app = TestApp::new().await;
    let wrong = with(SYSTEM, "protection: encrypted", "protection: plain");
    write(app.folder(), "system.yaml", wrong.as_bytes());
    write(app.folder(), "sjis.yaml", b"title: \x8aw\x8dZ\n");
    for command in [vec!["plan"], vec!["apply", "--reason", "x"]] {
        let arguments: Vec<_> = command.into_iter().chain(["system.yaml", "sjis.yaml"]).collect();
        let (code, out, _) = run(&app, &arguments);
        insta::allow_duplicates! { insta::assert_snapshot!(format!("{code}\n{out}"), @"
2
sjis.yaml:1:8: byte 0x8a is not UTF-8; save the file as UTF-8; a Japanese editor on Windows may have saved it as Shift_JIS
system.yaml:19:23: spec.recordTypes[0].fields[0].protection: a field of category `contact` is stored plain; write `encrypted`; only category `identifier` may be plain
2 problems; nothing was changed
"); }
    }
    let (code, out, _) = run(&app, &["plan", "system.yaml", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &json["problems"][0]["line"]), (2, &19.into()), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_named() {
    let app = TestApp::new().await;
    write(app.folder(), "heavy.yaml", &vec![b'#'; 5 * 1024 * 1024 + 1]);
    std::fs::create_dir(app.folder().join("empty")).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(app.folder(), app.folder().join("empty/round")).unwrap();
    let mut text = String::new();
    for arguments in [
        &["plan", "nowhere.yaml"] as &[&str],
        &["plan", "heavy.yaml"],
        &["plan", "empty"],
        &["plan", "heavy.yaml", "--as", "nobody"],
    ] {
        let (code, out, err) = run(&app, arguments);
        text += &format!("{code} {out}{err}");
    }
    insta::assert_snapshot!(text, @"
2 suimon: nowhere.yaml: cannot be read (No such file or directory (os error 2))
2 suimon: heavy.yaml: the file has more than 5242880 bytes; that is not a manifest
2 suimon: no manifests found; manifests end in .yaml, .yml or .json
2 suimon: heavy.yaml: the file has more than 5242880 bytes; that is not a manifest
");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_named_account_needs_the_permission() {
    let app = TestApp::new().await;
    let auditor = app.operator_member(suimon::access::Role::Auditor).await;
    write(app.folder(), "system.yaml", SYSTEM.as_bytes());
    let (code, _, err) = run(&app, &["apply", "system.yaml", "--reason", "x", "--as", &auditor.login]);
    insta::assert_snapshot!(format!("{code} {err}"), @"2 suimon: not allowed: apply on requirement");
}
