//! The four layers of configuration, and what is said when one is wrong.

use std::process::Command;

use suimon::config::{Sources, load};

fn sources(file: Option<&str>, environment: &[(&str, &str)], flags: &[&str]) -> (Sources, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("suimon.toml");
    std::fs::write(&path, file.unwrap_or("")).unwrap();
    let sources = Sources {
        file: Some(path),
        environment: environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
    };
    (sources, folder)
}

#[test]
fn the_later_layer_wins() {
    let file =
        "[server]\nlisten = \"127.0.0.1:1\"\npublic_url = \"https://file.example\"\nmax_body_bytes = 2048\n";
    let environment =
        [("SUIMON_SERVER_LISTEN", "127.0.0.1:2"), ("SUIMON_SERVER_MAX_BODY_BYTES", "4096"), ("HOME", "/x")];
    let (sources, _folder) = sources(Some(file), &environment, &["server.listen=127.0.0.1:3"]);
    let config = load(&sources).unwrap();
    assert_eq!(config.server.listen, "127.0.0.1:3");
    assert_eq!(config.server.max_body_bytes, 4096);
    assert_eq!(config.server.public_url, "https://file.example");
    assert_eq!(config.outbox.batch, 50);
}

#[test]
fn every_problem_is_told_at_once_with_its_remedy() {
    let file = "[server]\nlisten = \"nowhere\"\nlisen = \"x\"\nmax_body_bytes = \"big\"\n[mial]\nsmtp_host = \"x\"\n";
    let environment = [("SUIMON_OUTBOX_BATCHES", "5"), ("SUIMON_OUTBOX_BATCH", "many")];
    let (sources, _folder) = sources(Some(file), &environment, &["server"]);
    let problems = load(&sources).unwrap_err().to_string();
    let file = sources.file.as_ref().unwrap().display().to_string();
    insta::assert_snapshot!(problems.replace(&file, "suimon.toml"), @r"
    the configuration has 7 problem(s):
      - suimon.toml: mial.smtp_host is not a key; did you mean mail.smtp_host?
      - suimon.toml: server.lisen is not a key; did you mean server.listen?
      - suimon.toml: server.max_body_bytes wants a whole number
      - environment: SUIMON_OUTBOX_BATCHES is not a key; did you mean SUIMON_OUTBOX_BATCH?
      - SUIMON_OUTBOX_BATCH: outbox.batch wants a whole number
      - --set: wants section.key=value
      - server.listen: wants an address and a port, such as 127.0.0.1:8480 or [::]:8480
    ");
}

#[test]
fn values_are_checked_together() {
    let flags = [
        "server.listen=nowhere",
        "database.url=mysql://root:secret@db/x",
        "mail.transport=pigeon",
        "identity.argon2_memory_kib=1",
        "outbox.lease_seconds=10",
    ];
    let (sources, _folder) = sources(None, &[], &flags);
    let problems = load(&sources).unwrap_err().to_string();
    assert!(!problems.contains("secret"), "a secret is never repeated: {problems}");
    insta::assert_snapshot!(problems, @r"
    the configuration has 5 problem(s):
      - --set: mail.transport wants one of captured, smtp
      - server.listen: wants an address and a port, such as 127.0.0.1:8480 or [::]:8480
      - database.url: wants sqlite://path or postgres://user:password@host/database
      - identity.argon2_memory_kib: wants 8192 to 1048576; less is too easy to attack
      - outbox.lease_seconds: wants more than mail.smtp_timeout_seconds and at most 3600, or a slow answer is sent twice
    ");
}

#[test]
fn secrets_come_from_files_and_are_not_printed() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("password");
    std::fs::write(&secret, "hunter2\n").unwrap();
    let flag = format!("mail.smtp_password_file={}", secret.display());
    let (good, _folder) = sources(None, &[], &[&flag]);
    let config = load(&good).unwrap();
    assert_eq!(config.mail.smtp_password.expose(), "hunter2");
    assert!(!format!("{config:?}").contains("hunter2"));
    let (missing, _folder) = sources(None, &[], &["mail.smtp_password_file=no-such-file"]);
    let problems = load(&missing).unwrap_err().to_string();
    assert!(problems.contains("mail.smtp_password_file: cannot read no-such-file"), "{problems}");
}

#[test]
fn the_program_names_the_problem_and_ends_with_2() {
    let output = Command::new(env!("CARGO_BIN_EXE_suimon"))
        .args(["migrate", "--set", "server.listne=1"])
        .current_dir(tempfile::tempdir().unwrap().path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!(String::from_utf8_lossy(&output.stderr), @r"
    suimon: the configuration has 1 problem(s):
      - --set: server.listne is not a key; did you mean server.listen?
    ");
}

#[test]
fn a_key_file_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("kek.key");
    std::fs::write(&key, "00".repeat(32)).unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_suimon"))
        .args(["init"])
        .args(["--set", &format!("keys.file={}", key.display())])
        .args(["--set", &format!("database.url=sqlite://{}/x.db", folder.path().display())])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("can be read by others (mode 644); run chmod 600 on it"), "{text}");
}

#[test]
fn init_makes_an_operator_once_and_a_private_key_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let run = || {
        Command::new(env!("CARGO_BIN_EXE_suimon")).arg("init").current_dir(folder.path()).output().unwrap()
    };
    let first = run();
    assert_eq!(first.status.code(), Some(0), "{}", String::from_utf8_lossy(&first.stderr));
    assert!(String::from_utf8_lossy(&first.stdout).contains("password (told this once): "));
    let mode = std::fs::metadata(folder.path().join("data/kek.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let second = run();
    assert_eq!(second.status.code(), Some(2));
    let text = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(text.contains("this installation has an operator already"), "{text}");
}
